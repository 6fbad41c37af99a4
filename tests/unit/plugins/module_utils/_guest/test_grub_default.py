# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entry of a menu GRUB starts by itself."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.grub_default import (
    Entry,
    boot_entry,
    default_kernel,
    parse_environment,
)

# As grub-mkconfig of Debian writes it.
DEBIAN = """\
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
else
   set default="%s"
fi
function gfxmode {
\tset gfxpayload="${1}"
}
if [ x$feature_timeout_style = xy ] ; then
  set timeout_style=menu
fi
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1' {
\tload_video
\tif [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
\tlinux\t/boot/vmlinuz-6.12.9 root=UUID=1 ro  quiet
\tinitrd\t/boot/initrd.img-6.12.9
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1' {
\tmenuentry 'Linux 6.12.9' $menuentry_id_option 'gnulinux-6.12.9-advanced-1' {
\t\tlinux\t/boot/vmlinuz-6.12.9 root=UUID=1 ro
\t}
\tmenuentry 'Linux 6.1 > old' $menuentry_id_option 'gnulinux-6.1-advanced-1' {
\t\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro
\t}
}
menuentry 'Memory test' {
\tlinux16\t/boot/memtest86+.bin
}
# menuentry 'commented out' {
"""


@pytest.mark.parametrize(
    ("default", "kernel"),
    [
        ("0", "/boot/vmlinuz-6.12.9"),
        ("1", "/boot/vmlinuz-6.12.9"),
        ("1>1", "/boot/vmlinuz-6.1"),
        ("2", "/boot/memtest86+.bin"),
        ("Debian GNU/Linux", "/boot/vmlinuz-6.12.9"),
        ("gnulinux-advanced-1>gnulinux-6.1-advanced-1", "/boot/vmlinuz-6.1"),
        ("Advanced options>Linux 6.1 >> old", "/boot/vmlinuz-6.1"),
        ("7", "/boot/vmlinuz-6.12.9"),
        ("no such entry", "/boot/vmlinuz-6.12.9"),
        ("1>9", "/boot/vmlinuz-6.12.9"),
        ("${saved_entry}", "/boot/vmlinuz-6.1"),
        ("$saved_entry", "/boot/vmlinuz-6.1"),
        ("${unknown}", "/boot/vmlinuz-6.12.9"),
    ],
)
def test_the_default(default: str, kernel: str) -> None:
    environment = "# GRUB Environment Block\nsaved_entry=1>1\nnext_entry=2\n#######"
    assert default_kernel(DEBIAN % default, environment) == kernel


def test_the_environment() -> None:
    assert parse_environment("# GRUB Environment Block\na=b=c\nempty=\nno\n####") == {"a": "b=c", "empty": ""}


# As that of Fedora does, which leaves the entries to files.
FEDORA = 'set default="${saved_entry}"\ninsmod blscfg\nblscfg\nmenuentry "UEFI settings" {\n fwsetup\n}\n'


def test_boot_loader_entries() -> None:
    text = "title Fedora (6.9)\nversion 6.9\nlinux /vmlinuz-6.9\ninitrd /initramfs-6.9.img\n# linux /no\n"
    new = boot_entry("1234-6.9.conf", text)
    assert new == Entry("Fedora (6.9)", "1234-6.9", "/vmlinuz-6.9")
    old = Entry("Fedora (6.8)", "1234-6.8", "/vmlinuz-6.8")
    assert default_kernel(FEDORA, "saved_entry=1234-6.8", [new, old]) == "/vmlinuz-6.8"
    assert default_kernel(FEDORA, "", [new, old]) == "/vmlinuz-6.9"
    # They count where grub.cfg asks for them only.
    assert default_kernel(DEBIAN % "0", "", [old]) == "/boot/vmlinuz-6.12.9"


@pytest.mark.parametrize(
    "text",
    ["", "}\n}\n", "menuentry 'open {\n", "menuentry x {\n linux\n", "set default=0\n", "menuentry {\n}\n", "{\n}\n"],
)
def test_what_says_nothing(text: str) -> None:
    assert default_kernel(text) == ""


def test_deep_menus_end() -> None:
    text = "submenu x {\n" * 3000 + "menuentry y {\nlinux ($root)/vmlinuz-1\n}\n" + "}\n" * 3000
    assert default_kernel(text) == "/vmlinuz-1"
