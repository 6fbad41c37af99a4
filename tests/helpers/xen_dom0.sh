#!/bin/sh
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Process 1 of a dom0 that lives in its initramfs: starts Xen's own services, then every guest of /guests/*.cfg.
# The console of a guest goes to the virtio port of its name, line by line as it comes.
set -- /usr/lib/xen-[0-9]*/bin
export PATH="$1:/usr/sbin:/usr/bin:/sbin:/bin"
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts pts /dev/pts
# There is no udev, and without these two the block script of Xen loops for ever.
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
# pygrub puts kernel and initramfs there; the file system of an initramfs holds no more than half of the memory.
mount -t tmpfs -o size=70% tmpfs /run

for module in /modules/*.ko; do
    insmod "$module" || echo "dom0: $module was not loaded"
done
mount -t xenfs xenfs /proc/xen
mkdir -p /run/xen /run/xenstored /run/lock /var/lib/xenstored /var/lib/xen /var/log/xen/console
xenstored --pid-file /run/xen/xenstored.pid
tries=0
until xenstore-exists / 2>/dev/null || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
xen-init-dom0
xenconsoled --log=guest --log-dir=/var/log/xen/console

for configuration in /guests/*.cfg; do
    guest=$(basename "$configuration" .cfg)
    log=/var/log/xen/console/guest-$guest.log
    : >"$log"
    for port in /sys/class/virtio-ports/*; do
        if [ "$(cat "$port/name")" = "$guest" ]; then
            tail -c +1 -f "$log" >"/dev/${port##*/}" &
        fi
    done
    xl create "$configuration" || {
        echo "dom0: $guest was not created"
        cat /var/log/xen/bootloader.*.log 2>/dev/null
    }
done
echo "dom0: all guests were created"
while :; do
    sleep 15
    # A guest that crashed is gone from the list.
    xl list
done
