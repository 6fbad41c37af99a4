# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What qemu-img says, and what is refused before it is asked."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramError, Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import qemu_img

INFO = {
    "virtual-size": 681574400,
    "filename": "disk.qcow2",
    "cluster-size": 1048576,
    "format": "qcow2",
    "actual-size": 179474432,
    "format-specific": {
        "type": "qcow2",
        "data": {"compat": "1.1", "compression-type": "zstd", "lazy-refcounts": False, "extended-l2": False},
    },
    "dirty-flag": False,
}


class Recorded:
    """Answers with recorded output, and keeps what it was asked."""

    def __init__(self, stdout: str = "", rc: int = 0, lines: tuple[str, ...] = ()) -> None:
        self.stdout, self.rc, self.lines = stdout, rc, lines
        self.calls: list[list[str]] = []

    def run(self, argv, *, check=True, on_line=None, **_options) -> Result:
        self.calls.append(list(argv))
        for line in self.lines:
            on_line(line)
        result = Result(tuple(argv), self.rc, self.stdout, "qemu-img: no" if self.rc else "")
        if check and self.rc:
            raise ProgramError(result)
        return result


def qcow2(path: Path, *, version: int = 3, backing: int = 0, incompatible: int = 0) -> str:
    header = b"QFI\xfb" + struct.pack(">IQ", version, backing) + bytes(56) + struct.pack(">Q", incompatible)
    path.write_bytes(header.ljust(512, b"\0"))
    return str(path)


def test_facts_of_a_compressed_image() -> None:
    image = qemu_img.parse_info(json.dumps(INFO), "/images/disk.qcow2")
    assert image.path == "/images/disk.qcow2"
    assert (image.format, image.virtual_size, image.cluster_size) == ("qcow2", 681574400, 1048576)
    assert image.compression == "zstd"
    assert not image.encrypted


def test_a_node_opens_no_other_file() -> None:
    image = qemu_img.parse_info(json.dumps(INFO), "/images/a,b.qcow2")
    assert image.node() == {
        "driver": "qcow2",
        "file": {"driver": "file", "filename": "/images/a,b.qcow2"},
        "backing": None,
    }
    part = qemu_img.region(image, 1 << 20, 2 << 20)
    assert (part["driver"], part["offset"], part["size"], part["file"]) == ("raw", 1 << 20, 2 << 20, image.node())


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"backing": 0x1F8}, "a backing file"),
        ({"incompatible": 4}, "an external data file"),
        ({"backing": 0x1F8, "version": 2}, "a backing file"),
    ],
)
def test_references_are_refused_before_any_program_opens_the_image(
    tmp_path: Path, header: dict[str, int], said: str
) -> None:
    runner = Recorded()
    with pytest.raises(GoldsmithError, match=said):
        qemu_img.inspect(runner, qcow2(tmp_path / "disk", **header))
    assert runner.calls == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"backing-filename": "/etc/shadow"}, "/etc/shadow"),
        ({"encrypted": True}, "is encrypted"),
        ({"format": "luks"}, "is encrypted"),
        ({"format": "vmdk"}, "the files with its data"),
        ({"format": "qed"}, "has the format qed"),
        ({"virtual-size": 1 << 60}, "claims a disk of"),
        ({"format-specific": {"data": {"data-file": "/dev/sda"}}}, "/dev/sda"),
        ({"format-specific": {"data": {"encrypt": {"format": "luks"}}}}, "is encrypted"),
    ],
)
def test_what_qemu_img_tells_is_judged_too(tmp_path: Path, change: dict[str, object], said: str) -> None:
    (tmp_path / "disk").write_bytes(bytes(1024))
    with pytest.raises(GoldsmithError, match=said):
        qemu_img.inspect(Recorded(json.dumps({**INFO, **change})), str(tmp_path / "disk"))


def test_a_vhd_of_fixed_size_is_known_by_its_footer(tmp_path: Path) -> None:
    fixed = (b"conectix".ljust(60, b"\0") + struct.pack(">I", 2)).ljust(512, b"\0")
    (tmp_path / "disk").write_bytes(bytes(4096) + fixed)
    runner = Recorded(json.dumps({**INFO, "format": "vpc", "format-specific": {}}))
    assert qemu_img.inspect(runner, str(tmp_path / "disk")).node()["force_size_calc"] == "current_size"
    assert runner.calls[0][3:5] == ["-f", "vpc"]


def test_a_disk_that_is_known_is_shown_to_qemu_as_nothing_else(tmp_path: Path) -> None:
    # QEMU would take these for the descriptor of a VMDK, and open what it names.
    text = b'version=1\nRW 2048 FLAT "/etc/shadow" 0\n'
    (tmp_path / "disk").write_bytes(text.ljust(510, b"\0") + b"\x55\xaa" + bytes(512))
    runner = Recorded(json.dumps({**INFO, "format": "raw", "format-specific": {}}))
    assert qemu_img.inspect(runner, str(tmp_path / "disk")).format == "raw"
    assert runner.calls[0][3:5] == ["-f", "raw"]
    (tmp_path / "text").write_bytes(text.ljust(1024, b"\0"))
    runner = Recorded()
    with pytest.raises(GoldsmithError, match="refers to the files with its data"):
        qemu_img.inspect(runner, str(tmp_path / "text"))
    assert runner.calls == []


def test_a_missing_file_and_a_wrong_format_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(GoldsmithError, match="is not a file"):
        qemu_img.inspect(Recorded(), str(tmp_path / "none"))
    (tmp_path / "disk").write_bytes(bytes(512))
    with pytest.raises(GoldsmithError, match="is not a qcow2 image"):
        qemu_img.inspect(Recorded(), str(tmp_path / "disk"), "qcow2")
    with pytest.raises(GoldsmithError, match="is not a vdi image: qemu-img: no"):
        qemu_img.inspect(Recorded(rc=1), str(tmp_path / "disk"), "vdi")


def test_a_conversion_reports_percent_and_keeps_the_order_of_writes() -> None:
    heard: list[float] = []
    runner = Recorded(lines=("    (0.00/100%)", "    (50.25/100%)", "    (100.00/100%)"))
    image = qemu_img.parse_info(json.dumps(INFO), "/images/disk.qcow2")
    qemu_img.convert(runner, image, "/out", "qcow2", options={"compat": "1.1"}, compress=True, on_percent=heard.append)
    assert heard == [0.0, 50.25, 100.0]
    argv = runner.calls[0]
    assert "-W" not in argv
    assert "-c" in argv
    assert argv[-1] == "/out"
    assert json.loads(argv[-2].removeprefix("json:")) == image.node()


def test_counts_of_clusters_and_a_damaged_image() -> None:
    image = qemu_img.parse_info(json.dumps(INFO), "/images/disk.qcow2")
    checked = '{"allocated-clusters": 417, "compressed-clusters": 392, "check-errors": 0}'
    assert qemu_img.count_clusters(Recorded(checked), image) == qemu_img.Clusters(417, 392)
    with pytest.raises(GoldsmithError, match="is damaged"):
        qemu_img.count_clusters(Recorded(rc=2), image)


def test_several_nodes_are_written_one_after_the_other() -> None:
    runner = Recorded()
    image = qemu_img.Image("/a/disk", qemu_img.RAW, 4 << 20, 0)
    pieces = [qemu_img.region(image, 1 << 20, 4096), qemu_img.region(image, 0, 512)]
    qemu_img.convert(runner, pieces, "/b", qemu_img.RAW)
    *_options, first, second, dest = runner.calls[0]
    assert [json.loads(word.removeprefix("json:"))["offset"] for word in (first, second)] == [1 << 20, 0]
    assert dest == "/b"


def test_an_image_that_was_cut_off_and_one_with_clusters_to_spare(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    (tmp_path / "raw").write_bytes(b"x" * (4 << 20))
    Runner().run(["qemu-img", "convert", "-O", "qcow2", tmp_path / "raw", path])
    image = qemu_img.inspect(Runner(), str(path))
    qemu_img.require_whole(Runner(), image)
    whole = path.read_bytes()
    # A cluster behind the last one, which is in use by nobody.
    number = len(whole) // 65536
    spare = bytearray(whole.ljust((number + 1) * 65536, b"\0"))
    table = int.from_bytes(spare[48:56], "big")
    block = int.from_bytes(spare[table : table + 8], "big")
    spare[block + 2 * number : block + 2 * number + 2] = b"\0\1"
    path.write_bytes(spare)
    assert Runner().run(["qemu-img", "check", str(path)], check=False).rc == 3
    qemu_img.require_whole(Runner(), image)
    path.write_bytes(whole[: 2 << 20])
    with pytest.raises(GoldsmithError, match="disk is damaged: "):
        qemu_img.require_whole(Runner(), image)
