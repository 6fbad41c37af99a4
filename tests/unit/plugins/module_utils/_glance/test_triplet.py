# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import triplet
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.request import Request
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    marks = {"kernel": (0x202, b"HdrS"), "ramdisk": (0, b"070701"), "image": (0x438, b"\x53\xef")}
    for name, (offset, mark) in marks.items():
        data = bytearray(4096)
        data[offset : offset + len(mark)] = mark
        (tmp_path / name).write_bytes(data)
    return {name: str(tmp_path / name) for name in marks}


def test_a_triplet_is_kernel_then_ramdisk_then_the_image(files: dict[str, str]) -> None:
    parts = triplet.parts_of(Request(name="guest", **files, properties={"a": 1, "b": None, "c": ""}))
    assert [part.part for part in parts] == ["kernel", "ramdisk", "image"]
    assert [part.spec.name for part in parts] == ["guest-aki", "guest-ari", "guest"]
    assert parts[0].spec.properties == {}
    assert parts[2].spec.properties == {"a": "1", "b": None, "c": None}
    named = parts[2].naming({"kernel": "k", "ramdisk": "r"})
    assert named.spec.properties.items() >= {"kernel_id": "k", "ramdisk_id": "r"}.items()
    assert parts[0].naming({"kernel": "k"}) is parts[0]


@pytest.mark.parametrize("names", [("guest", None), ("same", "same")])
def test_each_part_has_a_name_of_its_own(files: dict[str, str], names: tuple[str, str | None]) -> None:
    with pytest.raises(OptionError, match=r"kernel_name=.*need a name each"):
        triplet.parts_of(Request(name="guest", **files, kernel_name=names[0], ramdisk_name=names[1]))


def test_a_kernel_needs_a_ramdisk(files: dict[str, str]) -> None:
    with pytest.raises(OptionError, match="ramdisk=: a triplet has a kernel and a ramdisk, and kernel is given"):
        triplet.parts_of(Request(name="guest", image=files["image"], kernel=files["kernel"]))


def test_a_system_in_memory_names_its_kernel(files: dict[str, str]) -> None:
    given = {"name": "deploy", "image": files["ramdisk"], "kernel": files["kernel"], "disk_format": "ari"}
    kernel, main = triplet.parts_of(Request(**given, properties={"a": 1}))
    assert [(part.part, part.spec.name, part.spec.disk_format) for part in (kernel, main)] == [
        ("kernel", "deploy-aki", "aki"),
        ("image", "deploy", "ari"),
    ]
    assert main.naming({"kernel": "k"}).spec.properties == {"a": "1", "kernel_id": "k"}
    for wrong in ({"kernel": None}, {"ramdisk": files["ramdisk"]}):
        with pytest.raises(OptionError, match="disk_format=ari: image is the ramdisk; give its kernel beside it"):
            triplet.parts_of(Request(**{**given, **wrong}))
    with pytest.raises(OptionError, match="kernel_name=deploy: kernel and ramdisk need a name each"):
        triplet.parts_of(Request(**given, kernel_name="deploy"))
    with pytest.raises(OptionError, match="not a Linux kernel"):
        triplet.parts_of(Request(**{**given, "kernel": files["ramdisk"]}))


def test_a_bare_image_has_the_format_of_its_file(files: dict[str, str], tmp_path: Path) -> None:
    (part,) = triplet.parts_of(Request(name="guest", image=files["image"]))
    assert (part.spec.disk_format, part.spec.container_format) == ("raw", "bare")
    with pytest.raises(OptionError, match="disk_format=qcow2: image is raw"):
        triplet.parts_of(Request(name="guest", image=files["image"], disk_format="qcow2"))
    with pytest.raises(OptionError, match="its format cannot be told; set disk_format"):
        triplet.parts_of(Request(name="guest", image=files["ramdisk"]))
    (part,) = triplet.parts_of(Request(name="guest", image=files["ramdisk"], disk_format="raw"))
    assert part.spec.disk_format == "raw"
    (tmp_path / "disk.vmdk").write_bytes(b"KDMV" + bytes(4096))
    with pytest.raises(OptionError, match="vmdk is not supported"):
        triplet.parts_of(Request(name="guest", image=str(tmp_path / "disk.vmdk")))


def test_a_disk_needs_the_room_that_its_guest_sees(tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    header = bytearray(512)
    header[:8], header[24:32] = b"QFI\xfb\0\0\0\3", (3 << 30).to_bytes(8, "big")
    disk.write_bytes(header)
    with pytest.raises(OptionError) as caught:
        triplet.parts_of(Request(name="guest", image=str(disk), min_disk=2))
    assert str(caught.value) == "min_disk=2: disk.qcow2 has 3.0 GiB; give 3 or more, or leave it out"
    assert triplet.parts_of(Request(name="guest", image=str(disk), min_disk=3))
    # Nothing is asked of flavours.
    assert triplet.parts_of(Request(name="guest", image=str(disk), min_disk=0))
