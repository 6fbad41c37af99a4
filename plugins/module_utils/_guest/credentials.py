# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration and accounts without passwords, credentials and proxies."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

IN_ADDRESS = re.compile(r"(?<=://)[^/@\s:]+:[^/@\s]+@")
PASSWORD = re.compile(
    r"^\s*(?:(?:proxy_)?password|passwd|plain_text_passwd|hashed_passwd)\s*[=:]\s*(\S+)", re.IGNORECASE
)
_PROXY = re.compile(
    r"(?:\b(?:https?|ftp|all)_proxy\s*=|Acquire::\S*Proxy\b(?:::[^\s\"';]+)?|^\s*proxy\s*=)\s*[\"']?([^\"';\s]*)",
    re.IGNORECASE,
)
_NO_PROXY = ("_none_", "direct", "false")
_PEOPLE = range(1000, 65534)
# Behind the sign that locks; "!!" and "!*" are no passwords.
_HASH_LENGTH = 3
_NOBODY = "*"

# Where addresses of package sources and proxies stand, and passwords beside them.
SETTINGS = (
    "/etc/environment",
    "/etc/profile.d/*",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/*",
    "/etc/apt/apt.conf",
    "/etc/apt/apt.conf.d/*",
    "/etc/yum.conf",
    "/etc/dnf/dnf.conf",
    "/etc/yum.repos.d/*",
    "/etc/zypp/repos.d/*",
    "/etc/wgetrc",
    "/etc/curlrc",
    "/etc/pip.conf",
    "/etc/sysconfig/proxy",
    "/etc/systemd/system.conf.d/*",
    "/etc/cloud/cloud.cfg.d/*",
)
# Nothing but credentials.
CREDENTIALS = ("/etc/apt/auth.conf", "/etc/apt/auth.conf.d/*", "/etc/zypp/credentials.d/*", "/etc/zypp/credentials.cat")
CREDENTIALS_OF_ACCOUNTS = (
    ".netrc",
    ".pypirc",
    ".git-credentials",
    ".aws/credentials",
    ".config/openstack/clouds.yaml",
    ".config/openstack/secure.yaml",
    ".docker/config.json",
    ".kube/config",
    ".vault_pass",
)
HISTORIES = re.compile(
    r"^\.(.*_history|viminfo|lesshst|histfile|zhistory|python_history|mysql_history|psql_history|node_repl_history"
    r"|rediscli_history|sqlite_history|wget-hsts|recently-used(\.xbel)?|xsession-errors(\.old)?)$"
)
KEY_NAMES = re.compile(r"(^id_(rsa|dsa|ecdsa|ed25519)(_sk)?$|\.(pem|key|p12|pfx|jks)$)")
KEY_FOLDERS = ("/etc/ssl/private", "/etc/pki/tls/private", "/etc/letsencrypt", "/etc/openvpn", "/etc/wireguard")
KEY_SIZE = 64 << 10
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


def is_private_key(name: str, text: str) -> bool:
    """Return whether a file that is named like a key is one; binary forms are known by their name alone."""
    return name.endswith((".p12", ".pfx", ".jks")) or bool(_PRIVATE_KEY.search(text))


def without_credentials(text: str) -> str:
    """Drop the user and password of addresses, in comments too, and the lines that hold a password."""
    lines = []
    for line in text.splitlines(keepends=True):
        # What follows may look like a password again: http://a:b@c:d@host
        while (rest := IN_ADDRESS.sub("", line)) != line:
            line = rest
        if not PASSWORD.match(line):
            lines.append(line)
    return "".join(lines)


def proxies_of(line: str, wanted: Collection[str] = ()) -> list[str]:
    """Return the proxies that a line sets, without the *wanted* ones; a comment sets none."""
    stripped = line.strip()
    known = {*_NO_PROXY, *(address.rstrip("/").lower() for address in wanted)}
    found = [] if stripped.startswith(("#", ";", "//")) else _PROXY.findall(stripped)
    return [address for address in found if address and address.rstrip("/").lower() not in known]


def homes(passwd: Iterable[str], *, people: bool) -> list[str]:
    """Return the home folders that the lines of /etc/passwd name; a service's is often a folder of the system."""
    accounts = [fields for line in passwd if len(fields := line.split(":")) == 7 and fields[5].startswith("/")]
    return [fields[5] for fields in accounts if not people or (fields[2].isdecimal() and int(fields[2]) in _PEOPLE)]


def without_proxy(wanted: Collection[str], *, shell: bool) -> Callable[[str], str]:
    """Return a function that drops the lines which set a proxy other than the wanted ones.

    In a *shell* script a colon takes their place: a block without a command is an error.
    """

    def edit(text: str) -> str:
        lines = []
        for line in text.splitlines(keepends=True):
            if not proxies_of(line, wanted):
                lines.append(line)
            elif shell:
                lines.append(line[: len(line) - len(line.lstrip())] + ":\n")
        return "".join(lines)

    return edit


def locked(text: str) -> str:
    """Lock the accounts of /etc/shadow that have a password or need none, and forget the locked passwords."""
    return _accounts(text, lambda account, password: _forgotten(password) or _NOBODY)


def locked_groups(text: str) -> str:
    """Forget the passwords of /etc/gshadow; an empty one lets nobody in."""
    return _accounts(text, lambda account, password: "!" if "$" in password else password)


def shadowed(text: str, shadow: str) -> str:
    """Lock the accounts that have their password in /etc/passwd, or need none."""
    others = {line.split(":", 1)[0] for line in shadow.splitlines()}

    def lock(account: str, password: str) -> str:
        if len(password) == 1:
            return password
        return _forgotten(password) or ("x" if account in others else _NOBODY)

    return _accounts(text, lock)


def _forgotten(password: str) -> str | None:
    """Return the field of an account that is locked, without the password that it had; None when it is not."""
    if not password.startswith(("!", "*")):
        return None
    return password[0] if len(password) >= _HASH_LENGTH else password


def _accounts(text: str, lock: Callable[[str, str], str]) -> str:
    lines = []
    for line in text.splitlines(keepends=True):
        stripped = line.rstrip("\r\n")
        account, colon, rest = stripped.partition(":")
        if not stripped.strip() or stripped.lstrip().startswith(("#", ";")):
            lines.append(line)
        elif colon:
            password, second, more = rest.partition(":")
            lines.append(f"{account}:{lock(account, password)}{second}{more}{line[len(stripped) :]}")
        # A name alone is an account without a password.
    return "".join(lines)
