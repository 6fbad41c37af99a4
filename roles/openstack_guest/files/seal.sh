#!/bin/sh
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# seal.sh [PACKAGES]: removes the PACKAGES that only the making of a system needed, with what they alone brought, and the
# downloaded ones, and brings up to date what the first boot would. The last step within the system: all else is cleaned
# from outside. Prints "removed NAME KIB".
set -eu

# Only what these packages brought: others that nothing needs may be somebody's.
unneeded() {
    apt-get --simulate -o APT::AutoRemove::RecommendsImportant=0 -o APT::AutoRemove::SuggestsImportant=0 autoremove |
        sed -n 's/^Remv \([^ ]*\) .*/\1/p' | sort
}

# Of some packages, those that are there.
installed() {
    [ $# -eq 0 ] || dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p'
}

if command -v apt-get >/dev/null; then
    # shellcheck disable=SC2046 # names without blanks
    set -- $(installed "$@")
else
    set --
fi
if [ $# -gt 0 ]; then
    before=$(unneeded)
    apt-mark auto "$@" >/dev/null
    brought=$(unneeded | while read -r package; do
        case " $(echo "$before" | tr '\n' ' ') " in *" $package "*) ;; *) echo "$package" ;; esac
    done)
    if [ -n "$brought" ]; then
        # shellcheck disable=SC2086 # names without blanks
        dpkg-query --show --showformat='removed ${Package} ${Installed-Size}\n' $brought
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 purge $brought >/dev/null
    fi
fi

if command -v apt-get >/dev/null; then
    apt-get clean
fi

# systemd does this at the first boot after a change of /usr, which for an image is the first boot of each instance.
# Packages have done the rest of it.
if command -v systemd-sysusers >/dev/null; then
    ldconfig
    systemd-sysusers
    touch /etc/.updated /var/.updated
fi
