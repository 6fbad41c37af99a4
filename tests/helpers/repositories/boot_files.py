# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a kernel is made bootable: the scripts of Fedora's and of SUSE's kind."""

from __future__ import annotations

# As Fedora's grub2-tools has it: the kernel and its Boot Loader Specification entry in /boot.
GRUB_INSTALL = r"""#!/bin/sh
# kernel-install plugin: 20-grub.install COMMAND VERSION ENTRY-DIRECTORY [IMAGE [INITRD...]]
set -e
command=$1 version=$2 image=$4
token=${KERNEL_INSTALL_ENTRY_TOKEN:-$(cat /etc/kernel/entry-token 2>/dev/null || cat /etc/machine-id)}
entry=/boot/loader/entries/$token-$version.conf
case $command in
add)
    options=
    for file in /etc/kernel/cmdline /usr/lib/kernel/cmdline /proc/cmdline; do
        [ -r "$file" ] || continue
        options=$(tr -s '\n' ' ' <"$file" | sed 's/ *$//')
        break
    done
    prefix=/boot
    if mountpoint -q /boot 2>/dev/null; then prefix=; fi
    mkdir -p /boot/loader/entries
    cp "$image" "/boot/vmlinuz-$version"
    chmod 755 "/boot/vmlinuz-$version"
    for file in config System.map; do
        [ ! -e "/usr/lib/modules/$version/$file" ] ||
            cp "/usr/lib/modules/$version/$file" "/boot/$file-$version"
    done
    . /etc/os-release
    cat >"$entry" <<END
title $NAME ($version) $VERSION
version $version
linux $prefix/vmlinuz-$version
initrd $prefix/initramfs-$version.img
options $options
grub_users \$grub_users
grub_arg --unrestricted
grub_class $ID
END
    ;;
remove)
    rm -f "/boot/vmlinuz-$version" "/boot/config-$version" "/boot/System.map-$version" "$entry"
    ;;
esac
exit 0
"""
# As Fedora's dracut has it.
DRACUT_INSTALL = r"""#!/bin/sh
# kernel-install plugin: 50-dracut.install COMMAND VERSION ...
case $1 in
add) exec dracut --force --kver "$2" "/boot/initramfs-$2.img" ;;
remove) rm -f "/boot/initramfs-$2.img" ;;
esac
"""
# The entries are made by 20-grub.install, in no layout that kernel-install knows itself.
INSTALL_CONF = "layout=other\n"
# Of GRUB's menu only this: GRUB reads the entries itself, each time it starts.
GRUB_LINUX = r"""#!/bin/sh
set -e
. /usr/share/grub/grub-mkconfig_lib
entries=$(make_system_path_relative_to_its_root /boot/loader/entries)
cat <<END
insmod blsuki
blscfg --path $entries
END
"""
FEDORA_POSTTRANS = """depmod {version} || exit 1
kernel-install add {version} /usr/lib/modules/{version}/vmlinuz || exit 1
"""
FEDORA_PREUN = """kernel-install remove {version} /usr/lib/modules/{version}/vmlinuz || exit 1
rm -f /usr/lib/modules/{version}/modules.*
"""
# As SUSE's suse-module-tools has it: packages leave a flag for each kernel that needs a new initrd. It makes none where
# the system is not whole yet (no fstab) or is a build root (/.buildenv); $DRACUT names another program.
REGENERATE_INITRD = r"""#!/bin/sh
: "${DRACUT:=/usr/bin/dracut}"
flags=/run/regenerate-initrd
status=0
for flag in "$flags"/*; do
    [ -e "$flag" ] || continue
    rm -f "$flag"
    version=${flag##*/}
    if [ ! -f /etc/fstab ] || [ -e /.buildenv ] || [ ! -x "$DRACUT" ]; then
        echo "Please run \"$DRACUT -f --kver $version\" as soon as your system is complete." >&2
        continue
    fi
    "$DRACUT" -f --kver "$version" "/boot/initrd-$version" || status=$?
done
exit $status
"""
# GRUB compares versions of kernels by dpkg, which is not there; its own way is beside that.
PATCHED = {"usr/share/grub/grub-mkconfig_lib": ("dpkg --compare-versions", "version_test_numeric")}
# As SUSE's perl-Bootloader has them.
UPDATE_BOOTLOADER = r"""#!/bin/sh
# update-bootloader [--refresh | --reinit | --config | --add ... | --remove ...]: the menu is made anew
set -e
[ -f /etc/default/grub ] || { echo "update-bootloader: no /etc/default/grub, nothing to do" >&2; exit 0; }
mkdir -p /boot/grub2
exec grub2-mkconfig -o /boot/grub2/grub.cfg
"""
BOOTLOADER_ENTRY = r"""#!/bin/sh
# bootloader_entry add|remove FLAVOUR RELEASE IMAGE [INITRD]
exec /usr/sbin/update-bootloader --refresh
"""
SUSE_POST = """ln -sf ../usr/lib/modules/{version}/vmlinuz /boot/vmlinuz-{version}
ln -sf ../usr/lib/modules/{version}/config /boot/config-{version}
ln -sf ../usr/lib/modules/{version}/System.map /boot/System.map-{version}
ln -sfn vmlinuz-{version} /boot/vmlinuz
ln -sfn initrd-{version} /boot/initrd
depmod {version} || exit 1
mkdir -p /run/regenerate-initrd
touch /run/regenerate-initrd/{version}
"""
# The boot loader is told only where it is set up.
_SUSE_BOOTLOADER = """entry=/usr/lib/bootloader/bootloader_entry
if [ -x $entry ] && [ -f /etc/sysconfig/bootloader ] && [ -f /etc/default/grub ] && [ -f /etc/fstab ]; then
    [ -e /.buildenv ] || $entry {command} default {version} vmlinuz-{version} initrd-{version} || status=$?
fi
exit $status
"""
SUSE_POSTTRANS = (
    "status=0\n/usr/lib/module-init-tools/regenerate-initrd-posttrans || status=$?\n"
    + _SUSE_BOOTLOADER.replace("{command}", "add")
)
SUSE_POSTUN = (
    "status=0\nrm -f /boot/*-{version} /usr/lib/modules/{version}/modules.*\n"
    "rmdir /usr/lib/modules/{version} 2>/dev/null\n" + _SUSE_BOOTLOADER.replace("{command}", "remove")
)
