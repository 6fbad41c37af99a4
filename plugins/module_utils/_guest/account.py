# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User data that gives a guest an account with a key and all rights, by cloud-init or by our agent."""

from __future__ import annotations

import re

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_KEY = re.compile(r"[a-z0-9@.-]+ [A-Za-z0-9+/=]+(?: [^'\n]*)?")
# An account that has these rights already keeps its own file.
_SCRIPT = r"""#!/bin/sh
# Lets the account in that configures this machine.
set -e
user='{user}' key='{key}'
id -u "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
home=$(getent passwd "$user" | cut -d: -f6)
group=$(id -g "$user")
mkdir -p "$home/.ssh"
touch "$home/.ssh/authorized_keys"
grep -qxF "$key" "$home/.ssh/authorized_keys" || printf '%s\n' "$key" >>"$home/.ssh/authorized_keys"
chown "$user:$group" "$home/.ssh" "$home/.ssh/authorized_keys"
chmod 0700 "$home/.ssh"
chmod 0600 "$home/.ssh/authorized_keys"
if command -v restorecon >/dev/null; then restorecon -R "$home/.ssh"; fi
if [ -d /etc/sudoers.d ] && [ "$user" != root ] && ! sudo -n -l -U "$user" | grep -q 'NOPASSWD: ALL'; then
    printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$user" >"/etc/sudoers.d/$user"
    chmod 0440 "/etc/sudoers.d/$user"
fi
"""


def account_script(user: str, key: str) -> str:
    """Return the script; it changes nothing where the account has the key and the rights."""
    check_user(user)
    if not _KEY.fullmatch(key.strip()):
        raise OptionError("authorized_key", key, "not a public key of ssh", hint="one line: type, key, comment")
    return _SCRIPT.format(user=user, key=key.strip())


def check_user(user: str) -> None:
    """Raise OptionError for what cannot be an account."""
    if not _USER.fullmatch(user):
        raise OptionError("user", user, "not the name of an account")
