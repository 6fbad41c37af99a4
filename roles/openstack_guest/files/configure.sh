#!/bin/sh
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# configure.sh TIMEZONE LOCALES ACCOUNT SERVICES: accounts, services, locale and timezone of a guest. Prints "changed"
# where it did something.
set -eu
timezone=$1
locales=$2
account=$3
services=$4

changed() { echo changed; }

# Without cloud-init nobody else makes the account that gets the instance's key.
if [ -n "$account" ] && ! getent passwd "$account" >/dev/null; then
    useradd --create-home --shell /bin/bash --comment "$account" "$account"
    for group in adm sudo wheel; do
        ! getent group "$group" >/dev/null || usermod --append --groups "$group" "$account"
    done
    changed
fi

# No account has a password: root's is locked, as are those that a package or role may have set.
awk -F: '$2 ~ /^[^!*]/ || $2 == "" { print $1 }' /etc/shadow | while read -r account; do
    passwd -q -l "$account" && changed
done

enabled() { systemctl is-enabled "$1" 2>/dev/null | grep -qx enabled; }

# Q4: the cloud's security groups are the firewall.
for unit in ufw firewalld nftables iptables ip6tables netfilter-persistent; do
    if enabled "$unit.service"; then
        systemctl disable -q "$unit.service" && changed
    fi
done

# Q3 and the network that Q2 asks for.
for unit in ssh sshd systemd-networkd systemd-resolved; do
    if [ -e "/lib/systemd/system/$unit.service" ] && ! enabled "$unit.service"; then
        systemctl enable -q "$unit.service" && changed
    fi
done
for unit in $services; do
    enabled "$unit" || { systemctl enable -q "$unit" && changed; }
done

if [ "$(readlink /etc/localtime || :)" != "/usr/share/zoneinfo/$timezone" ]; then
    [ -e "/usr/share/zoneinfo/$timezone" ] || {
        echo "openstack_guest_timezone=$timezone: there is no such timezone" >&2
        exit 1
    }
    ln -sfn "/usr/share/zoneinfo/$timezone" /etc/localtime && changed
    [ ! -e /etc/timezone ] || echo "$timezone" >/etc/timezone
fi

first=${locales%% *}
if [ "$(cat /etc/default/locale 2>/dev/null)" != "LANG=${first:-C.UTF-8}" ]; then
    if [ -n "$locales" ]; then
        for locale in $locales; do
            grep -q "^#* *$locale " /usr/share/i18n/SUPPORTED || {
                echo "openstack_guest_locales=$locale: there is no such locale" >&2
                exit 1
            }
            grep "^$locale " /usr/share/i18n/SUPPORTED
        done >/etc/locale.gen
        locale-gen >/dev/null
    fi
    echo "LANG=${first:-C.UTF-8}" >/etc/default/locale
    changed
fi
