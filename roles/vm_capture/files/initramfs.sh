#!/bin/sh
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# initramfs.sh: makes the initramfs of every kernel again, for any machine, and later ones as well. Prints each setting
# that it changes.
set -e
if command -v update-initramfs >/dev/null; then
    for file in /etc/initramfs-tools/initramfs.conf /etc/initramfs-tools/conf.d/*; do
        if grep -Eqs '^[[:space:]]*MODULES="?(dep|list)' "$file"; then
            sed -i 's/^[[:space:]]*MODULES=.*/MODULES=most/' "$file"
            echo "$file: MODULES=most"
        fi
    done
    # Else it takes the swap of the host.
    if ! grep -qs '^RESUME=none' /etc/initramfs-tools/conf.d/*; then
        echo RESUME=none >/etc/initramfs-tools/conf.d/resume
        echo "/etc/initramfs-tools/conf.d/resume: RESUME=none"
    fi
    update-initramfs -u -k all >&2
elif command -v dracut >/dev/null; then
    settings=/etc/dracut.conf.d/zz-any-machine.conf
    printf '%s\n' 'hostonly="no"' 'omit_dracutmodules+=" resume "' >"$settings"
    echo "$settings: hostonly=\"no\""
    # Each in its place; those for rescue and for crash dumps have no modules of their version.
    for file in /boot/initramfs-*.img /boot/initrd.img-* /boot/initrd-*; do
        version=${file#/boot/init*-}
        version=${version%.img}
        [ ! -f "$file" ] || [ ! -d "/lib/modules/$version" ] || dracut --quiet --force "$file" "$version" >&2
    done
else
    echo "it has neither update-initramfs nor dracut: make its initramfs again on the machine" >&2
    exit 1
fi
