# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GRUB: which modules are taken from a tree, where the parts are put, and the first grub.cfg."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import grub
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.rootfs import Kernel

KERNEL = Kernel("6.12", "/boot/vmlinuz-6.12", "/boot/initrd.img-6.12")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree" / "usr/lib/grub/i386-pc"
    folder.mkdir(parents=True)
    for name in ("moddep.lst", "ext2.mod", "boot.img", "kernel.img"):
        (folder / name).write_text(name)
    return tmp_path / "tree"


def test_modules_are_those_of_the_tree(tree: Path) -> None:
    folder = tree / "usr/lib/grub/i386-pc"
    assert grub.module_files(str(tree), grub.BIOS) == {
        "/boot/grub/i386-pc/ext2.mod": str(folder / "ext2.mod"),
        "/boot/grub/i386-pc/moddep.lst": str(folder / "moddep.lst"),
    }
    with pytest.raises(GoldsmithError, match=r"no GRUB for x86_64-efi.*for Debian grub-efi-amd64-bin, or set firm"):
        grub.module_folder(str(tree), "x86_64-efi")


def test_uefi_starts_what_the_tree_has_the_modules_for(tree: Path) -> None:
    assert grub.efi_platform(str(tree)) == "x86_64-efi"
    folder = tree / "usr/lib/grub/arm64-efi"
    folder.mkdir()
    (folder / "moddep.lst").write_text("")
    assert grub.efi_platform(str(tree)) == "arm64-efi"
    assert not grub.has_serial(str(tree), "arm64-efi")
    (folder / "serial.mod").write_text("")
    assert grub.has_serial(str(tree), "arm64-efi")


@pytest.mark.parametrize(
    "name", ["usr", "usr/lib", "usr/lib/grub", "usr/lib/grub/i386-pc", "usr/lib/grub/i386-pc/boot.img"]
)
def test_no_link_is_followed_out_of_the_tree(tree: Path, tmp_path: Path, name: str) -> None:
    os.rename(tree / name, tmp_path / "outside")
    (tree / name).symlink_to(tmp_path / "outside")
    with pytest.raises(GoldsmithError, match=f"{name} is not a plain file or folder"):
        grub.module_folder(str(tree), grub.BIOS)


def test_no_pipe_is_read(tree: Path) -> None:
    os.mkfifo(tree / "usr/lib/grub/i386-pc/x.mod")
    with pytest.raises(GoldsmithError, match=r"x\.mod is not a plain file"):
        grub.module_files(str(tree), grub.BIOS)


def test_the_core_image_looks_for_the_root(tree: Path, tmp_path: Path) -> None:
    early = {}

    def answer(argv: list[str]) -> None:
        path = Path(argv[argv.index("-c") + 1])
        early["text"], early["path"] = path.read_text(), path

    runner = RecordingRunner(answer)
    grub.make_core(runner, str(tree), grub.BIOS, grub.Target("THE-UUID"), str(tmp_path / "core.img"))
    argv = runner.calls[0]
    assert argv[argv.index("-d") + 1] == str(tree / "usr/lib/grub/i386-pc")
    assert argv[argv.index("-O") + 1] == "i386-pc"
    assert {"biosdisk", "part_msdos", "part_gpt", "ext2"} <= set(argv)
    assert "search --no-floppy --fs-uuid --set=root THE-UUID" in early["text"]
    assert not early["path"].exists()


def test_a_root_that_gets_another_id_is_that_of_the_disk_that_grub_was_loaded_from(tree: Path, tmp_path: Path) -> None:
    target = grub.Target("U-1", partition="gpt1")
    runner = RecordingRunner()
    grub.make_core(runner, str(tree), grub.BIOS, target, str(tmp_path / "core.img"))
    (argv,) = runner.calls
    assert argv[argv.index("-p") + 1] == "(,gpt1)/boot/grub"
    assert "-c" not in argv, "nothing is searched for by an id"
    text = grub.configuration(grub.Root(target, KERNEL, "quiet", "Linux"))
    assert "search" not in text
    asks = "probe --set=rootuuid --fs-uuid $root\nif [ $rootuuid = U-1 ]; then set new_ids=goldsmith.new_ids; fi\n"
    assert f"\nset rootuuid=U-1\n{asks}" in text
    assert "  linux /boot/vmlinuz-6.12 root=UUID=$rootuuid $new_ids ro quiet\n" in text


@pytest.mark.parametrize(("kind", "module"), [("ext3", "ext2"), ("ext4", "ext2"), ("xfs", "xfs"), ("btrfs", "btrfs")])
def test_the_core_image_reads_the_root(tree: Path, tmp_path: Path, kind: str, module: str) -> None:
    runner = RecordingRunner()
    grub.make_core(runner, str(tree), grub.BIOS, grub.Target("U", filesystem=kind), str(tmp_path / "core.img"))
    assert {"ext2", "xfs", "btrfs"} & set(runner.calls[0]) == {module}


def test_the_parts_and_their_places(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(range(256)) * 4096)
    old = disk.read_bytes()
    boot, core = b"\xeb" * 512, b"\xcc" * 1300
    grub.embed(str(disk), boot, core, sector=34, room=4096)
    new = disk.read_bytes()
    assert len(new) == len(old)
    assert new[0x03:0x5A] == old[0x03:0x5A], "the parameters of a FAT stay"
    assert new[0x1B8:0x200] == old[0x1B8:0x200], "and the partition table"
    assert struct.unpack_from("<Q", new, 0x5C) == (34,)
    assert new[0x64] == 0xFF
    assert new[0x66:0x68] == b"\x90\x90"
    assert new[512 : 34 * 512] == old[512 : 34 * 512]
    place = new[34 * 512 : 37 * 512]
    assert struct.unpack_from("<QHH", place, 0x1F4) == (35, 2, 0x820)
    assert place[512:1300] == core[512:]
    assert not any(place[1300:])
    assert new[37 * 512 :] == old[37 * 512 :]


@pytest.mark.parametrize(
    ("boot", "core", "said"),
    [
        (b"x" * 512, b"x" * 5000, "GRUB needs 5120 bytes behind sector 1, only 4096 are free"),
        (b"x" * 100, b"x" * 2000, "is not that of GRUB"),
        (b"x" * 512, b"x" * 100, "is not that of GRUB"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, boot: bytes, core: bytes, said: str) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(8192))
    with pytest.raises(GoldsmithError, match=said):
        grub.embed(str(disk), boot, core, sector=1, room=4096)
    assert not any(disk.read_bytes())


def test_the_first_configuration() -> None:
    text = grub.configuration(grub.Root(grub.Target("U-1"), KERNEL, "console=tty0 console=ttyS0,115200n8", "Debian 13"))
    assert "menuentry 'Debian 13' {\n" in text
    assert "  linux /boot/vmlinuz-6.12 root=UUID=U-1 ro console=tty0 console=ttyS0,115200n8\n" in text
    assert "  initrd /boot/initrd.img-6.12\n" in text
    assert "search --no-floppy --fs-uuid --set=root U-1" in text


def test_words_of_the_user_stay_words() -> None:
    text = grub.configuration(grub.Root(grub.Target("U-1"), KERNEL, "quiet\nhalt", "It's\nours"))
    assert "menuentry 'It'\\''s ours' {\n" in text
    assert "ro quiet halt\n" in text
    assert "\nhalt" not in text


def test_a_root_in_lvm_is_named_to_grub_and_the_kernel() -> None:
    target = grub.Target("U-1", "my--vg-root", volume_id="g-1/v-1")
    text = grub.configuration(grub.Root(target, KERNEL, "quiet", "Linux"))
    assert "search --no-floppy --fs-uuid --set=root --hint=lvmid/g-1/v-1 --hint=lvm/my--vg-root U-1\n" in text
    assert "  linux /boot/vmlinuz-6.12 root=/dev/mapper/my--vg-root ro quiet\n" in text
    assert "root=UUID" not in text


@pytest.mark.parametrize("place", ["usr/share/grub2", "usr/lib/grub2"])
def test_modules_of_other_distributions_lie_elsewhere(tree: Path, place: str) -> None:
    (tree / place).parent.mkdir(parents=True, exist_ok=True)
    (tree / "usr/lib/grub").rename(tree / place)
    (tree / "boot/grub2").mkdir(parents=True)
    assert grub.module_files(str(tree), grub.BIOS) == {
        f"/boot/grub2/i386-pc/{name}": str(tree / place / "i386-pc" / name) for name in ("ext2.mod", "moddep.lst")
    }


def test_grub_reads_the_entries_of_a_tree_that_has_some(tree: Path) -> None:
    platforms = [grub.BIOS]
    modules, entries = tree / "usr/lib/grub/i386-pc", tree / "boot/loader/entries"
    assert grub.entries_reader(str(tree), platforms) == ""
    (modules / "blsuki.mod").touch()
    assert grub.entries_reader(str(tree), platforms) == "", "there is none"
    entries.mkdir(parents=True)
    (entries / "a.conf").touch()
    assert grub.entries_reader(str(tree), platforms) == "blsuki"
    (modules / "blscfg.mod").touch()
    assert grub.entries_reader(str(tree), platforms) == "blscfg"
    for name in ("blsuki.mod", "blscfg.mod"):
        (modules / name).unlink()
    assert grub.entries_reader(str(tree), platforms) == "", "no module of it reads them"


@pytest.mark.parametrize(
    ("reader", "command"),
    [("blscfg", "set blsdir=/boot/loader/entries\nblscfg\n"), ("blsuki", "blscfg --path /boot/loader/entries\n")],
)
def test_the_configuration_of_a_guest_with_entries(reader: str, command: str) -> None:
    text = grub.configuration(grub.Root(grub.Target("1-2"), KERNEL, "console=ttyS0", "Linux", reader=reader))
    assert text.endswith(f"insmod {reader}\n{command}")
    assert "menuentry" not in text
    # What an update has chosen is in the environment of GRUB.
    assert 'set default="$saved_entry"' in text
