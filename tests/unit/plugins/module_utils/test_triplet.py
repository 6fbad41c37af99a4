# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils import _triplet
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import Image, ImageSpec
from ansible_collections.goldsmith.openstack.plugins.module_utils._payload import Content


class Images:
    """Images in memory, with the face of Glance; the transfer itself is tested against a real one."""

    def __init__(self) -> None:
        self.cloud = SimpleNamespace(label="test")
        self.there: dict[str, dict[str, Any]] = {}
        self.refuse: str | None = None

    def same(self, spec: ImageSpec, content: Content) -> list[Image]:
        images = [Image.from_dict(data) for data in self.there.values()]
        return [image for image in images if image.name == spec.name and content.same_as(image)]

    def upload(self, spec: ImageSpec, content: Content) -> Image:
        if spec.name == self.refuse:
            raise GoldsmithError("no room")
        number = f"id-{len(self.there) + 1}"
        stored = {"status": "active", "size": content.size, "os_hash_algo": "sha512", "os_hash_value": content.digest()}
        self.there[number] = {"min_disk": 0, "min_ram": 0, "protected": False, **spec.body(number), **stored}
        return Image.from_dict(self.there[number])

    def change(self, image: Image, changes: dict[str, Any]) -> None:
        self.there[image.id].update(changes)

    def remove(self, image_id: str) -> None:
        assert not self.there[image_id]["protected"]
        del self.there[image_id]

    def publish(self, wanted: _triplet.Wanted) -> dict[str, Any]:
        todo = _triplet.plan(self, wanted, _triplet.parts_of(wanted))  # type: ignore[arg-type]
        return _triplet.execute(self, wanted, todo)  # type: ignore[arg-type]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    marks = {"kernel": (0x202, b"HdrS"), "ramdisk": (0, b"070701"), "image": (0x438, b"\x53\xef")}
    for name, (offset, mark) in marks.items():
        data = bytearray(4096)
        data[offset : offset + len(mark)] = mark
        (tmp_path / name).write_bytes(data)
    return {name: str(tmp_path / name) for name in marks}


def test_a_triplet_is_kernel_then_ramdisk_then_the_image_that_names_them(files: dict[str, str]) -> None:
    images = Images()
    wanted = _triplet.Wanted(name="guest", **files, properties={"a": 1, "b": None}, protected=True)
    result = images.publish(wanted)
    assert [one["part"] for one in result["images"]] == ["kernel", "ramdisk", "image"]
    assert [data["name"] for data in images.there.values()] == ["guest-aki", "guest-ari", "guest"]
    assert [data["container_format"] for data in images.there.values()] == ["aki", "ari", "ami"]
    ami = images.there["id-3"]
    assert (ami["kernel_id"], ami["ramdisk_id"], ami["a"]) == ("id-1", "id-2", "1")
    assert "b" not in ami
    assert "a" not in images.there["id-1"]
    assert all(data["protected"] for data in images.there.values())
    again = images.publish(wanted)
    assert again["bytes_uploaded"] == 0
    assert len(images.there) == 3


def test_what_was_made_is_taken_back(files: dict[str, str]) -> None:
    images = Images()
    images.refuse = "guest"
    with pytest.raises(GoldsmithError, match="no room"):
        images.publish(_triplet.Wanted(name="guest", **files, protected=True))
    assert images.there == {}


def test_what_was_there_before_is_not_taken_back(files: dict[str, str]) -> None:
    images = Images()
    images.publish(_triplet.Wanted(name="guest", **files))
    Path(files["image"]).write_bytes(Path(files["image"]).read_bytes() + b"more")
    images.refuse = "guest"
    with pytest.raises(GoldsmithError):
        images.publish(_triplet.Wanted(name="guest", **files))
    assert len(images.there) == 3


def test_the_plan_shows_what_would_change(files: dict[str, str]) -> None:
    images = Images()
    wanted = _triplet.Wanted(name="guest", **files)
    todo = _triplet.plan(images, wanted, _triplet.parts_of(wanted))  # type: ignore[arg-type]
    assert todo.changed
    assert todo.diff["before"] == {"kernel guest-aki": None, "ramdisk guest-ari": None, "image guest": None}
    assert images.there == {}
    images.publish(wanted)
    other = _triplet.Wanted(name="guest", **files, min_disk=3)
    todo = _triplet.plan(images, other, _triplet.parts_of(other))  # type: ignore[arg-type]
    assert todo.diff["before"]["image guest"] == {"min_disk": 0}
    assert todo.diff["after"]["image guest"] == {"min_disk": 3}


def test_a_kernel_needs_a_ramdisk(files: dict[str, str]) -> None:
    with pytest.raises(OptionError, match="ramdisk=: a triplet has a kernel and a ramdisk, and kernel is given"):
        _triplet.parts_of(_triplet.Wanted(name="guest", image=files["image"], kernel=files["kernel"]))


def test_a_bare_image_has_the_format_of_its_file(files: dict[str, str], tmp_path: Path) -> None:
    (part,) = _triplet.parts_of(_triplet.Wanted(name="guest", image=files["image"]))
    assert (part.spec.disk_format, part.spec.container_format) == ("raw", "bare")
    with pytest.raises(OptionError, match="disk_format=qcow2: image is raw"):
        _triplet.parts_of(_triplet.Wanted(name="guest", image=files["image"], disk_format="qcow2"))
    with pytest.raises(OptionError, match="its format cannot be told; set disk_format"):
        _triplet.parts_of(_triplet.Wanted(name="guest", image=files["ramdisk"]))
    (part,) = _triplet.parts_of(_triplet.Wanted(name="guest", image=files["ramdisk"], disk_format="raw"))
    assert part.spec.disk_format == "raw"
    (tmp_path / "disk.vmdk").write_bytes(b"KDMV" + bytes(4096))
    with pytest.raises(OptionError, match="vmdk is not supported"):
        _triplet.parts_of(_triplet.Wanted(name="guest", image=str(tmp_path / "disk.vmdk")))
