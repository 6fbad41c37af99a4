#!/bin/sh
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# seal.sh [PACKAGES]: removes from a system what belongs to one machine, to its making, or to a person, and PACKAGES that
# only its making needed, with what they alone brought. The last step before it is an image. Prints "removed NAME KIB".
set -eu

# Only what these packages brought: others that nothing needs may be somebody's.
unneeded() {
    apt-get --simulate -o APT::AutoRemove::RecommendsImportant=0 -o APT::AutoRemove::SuggestsImportant=0 autoremove |
        sed -n 's/^Remv \([^ ]*\) .*/\1/p' | sort
}

if [ $# -gt 0 ] && command -v apt-get >/dev/null; then
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

# Identity: each instance makes its own. machine-id is empty, not missing, or some clouds' guests do not boot.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /var/lib/urandom/random-seed
rm -f /var/lib/dhcp/* /var/lib/dhcpcd/*.lease* /var/lib/NetworkManager/*.lease

# Network: name servers and cards of the build host. In a tree the host's resolv.conf lies over the file.
umount /etc/resolv.conf 2>/dev/null || :
if [ -e /lib/systemd/systemd-resolved ]; then
    ln -sfn ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
else
    rm -f /etc/resolv.conf
fi
rm -f /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init /etc/systemd/network/10-cloud-init-*

# Instance data of the agent and of cloud-init, and of a user that it made.
rm -rf /var/lib/goldsmith
if command -v cloud-init >/dev/null; then
    rm -rf /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem
fi

# People: keys, histories, mail.
for home in /root /home/*; do
    [ -d "$home" ] || continue
    rm -rf "$home/.ssh" "$home/.ansible" "$home/.cache"
    rm -f "$home"/.*_history "$home/.viminfo" "$home/.lesshst" "$home/.wget-hsts"
done
rm -f /var/mail/*

# Caches and logs of the making. /var/log itself keeps its folders.
if command -v apt-get >/dev/null; then
    apt-get clean
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
    mkdir -p /var/lib/apt/lists/partial
    rm -f /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/cache/ldconfig/aux-cache
fi
find /var/log -type f ! -name lastlog ! -name faillog ! -name wtmp ! -name btmp -delete
find /var/log -type f -exec truncate -s 0 {} +
rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- /etc/.pwd.lock /etc/hosts-
rm -f /etc/apt/apt.conf.d/99mmdebstrap /var/lib/cloud/seed/* 2>/dev/null || :
find /tmp /var/tmp -mindepth 1 -delete 2>/dev/null || :
