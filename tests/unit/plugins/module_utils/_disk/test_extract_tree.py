# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fstab, and what boots the system, of a tree that was made of a disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract_plan, extract_tree
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import fstab
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError


def test_every_byte_of_fstab_stays(tmp_path: Path) -> None:
    raw = b"# M\xfcll\nUUID=1 / ext4\nLABEL=second /h\xe9 ext4\n/dev/sda9 /w\xe9g ext4\n//nas/\xe9 /nas cifs\n"
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "fstab").write_bytes(raw)
    _root, home, gone, _net = fstab.parse(raw.decode("utf-8", "surrogateescape"))
    left_out = extract_plan.LeftOut(gone, "not on this disk", gone=True)
    todo = extract_plan.ExtractPlan((), left_out=(left_out,), merged=(home,))
    extract_tree.rewrite_fstab(str(tmp_path), todo, "LABEL=new", "ext4")
    assert (tmp_path / "etc" / "fstab").read_bytes() == b"# M\xfcll\nLABEL=new / ext4\n//nas/\xe9 /nas cifs\n"


def test_an_fstab_that_was_not_read_to_its_end_is_not_rewritten(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "fstab").write_bytes(b"UUID=1 / ext4\n" + b"#" * (5 << 20))
    with pytest.raises(GoldsmithError, match=r"/etc/fstab of \d+ bytes is too big"):
        extract_tree.rewrite_fstab(str(tmp_path), extract_plan.ExtractPlan(()), "LABEL=new", "ext4")


@pytest.mark.parametrize("before", ["", "/boot", "/root/boot"], ids=["own /boot", "in the root", "in a subvolume"])
def test_the_system_is_started_from_its_new_root(tmp_path: Path, before: str) -> None:
    entry = "boot/loader/entries/{}-1.0.conf"
    options = "options root=UUID=1 ro rootflags=subvol=root rd.lvm.lv=a/b\n"
    text = f"linux {{0}}/vmlinuz-1.0\ninitrd {{0}}/initramfs-1.0.img\n{options}"
    files = {
        "boot/vmlinuz-1.0": "",
        "boot/initramfs-1.0.img": "",
        entry.format("a"): text.format(before),
        "etc/kernel/cmdline": "root=UUID=1 ro\n",
        "etc/default/grub": 'GRUB_CMDLINE_LINUX="rd.lvm.lv=a/b quiet"\n',
        "boot/grub2/grubenv": "# GRUB Environment Block\nsaved_entry=a-1.0\n".ljust(1024, "#"),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "canary").write_text("root=UUID=1\n")
    (tmp_path / entry.format("b")).symlink_to("../../../../../canary")
    assert extract_tree.rewrite_boot(str(tmp_path), "LABEL=new") == [
        "/etc/default/grub",
        "/etc/kernel/cmdline",
        f"/{entry.format('a')}",
        # Links lead inside.
        "/canary",
    ]
    assert (tmp_path / entry.format("a")).read_text() == (
        "linux /boot/vmlinuz-1.0\ninitrd /boot/initramfs-1.0.img\noptions root=LABEL=new ro\n"
    )
    assert (tmp_path / "etc/kernel/cmdline").read_text() == "root=LABEL=new ro\n"
    assert (tmp_path / "etc/default/grub").read_text() == 'GRUB_CMDLINE_LINUX="quiet"\n'
    assert extract_tree.rewrite_boot(str(tmp_path), "LABEL=new") == []
