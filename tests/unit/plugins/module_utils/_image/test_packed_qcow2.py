# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A qcow2 that we write ourselves: QEMU reads the same disk out of it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from helpers.tools import run_tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import packed_qcow2
from ansible_collections.goldsmith.openstack.plugins.module_utils._image.packed_qcow2 import CLUSTER

# As the tree's own program would, but without a tree; one zstd for each cluster.
PACKER = ["split", f"--bytes={CLUSTER}", "--filter=zstd -q -c", "-"]


def random_bytes(size: int) -> bytes:
    """Bytes that cannot be compressed, the same at each call."""
    return hashlib.shake_128(b"disk").digest(size)


def disk_with(folder: Path, parts: dict[int, bytes], size: int) -> Path:
    path = folder / "disk.raw"
    with path.open("wb") as file:
        for place, content in parts.items():
            file.seek(place)
            file.write(content)
        file.truncate(size)
    return path


DISKS = {
    "empty": ({}, CLUSTER),
    "text, zeros, random": ({0: b"text " * 9999, 3 * CLUSTER - 7: random_bytes(CLUSTER + 99)}, 7 * CLUSTER + 1536),
    "random first": ({0: random_bytes(2 * CLUSTER), 2 * CLUSTER: b"a" * CLUSTER}, 3 * CLUSTER),
    "more than one share": ({place * CLUSTER + 5: b"%d" % place for place in range(0, 200, 2)}, 200 * CLUSTER),
    "two tables": ({0: b"first", 140 << 30: b"last"}, (140 << 30) + CLUSTER),
}


@pytest.mark.parametrize("name", DISKS)
def test_the_same_disk_is_in_it(tmp_path: Path, name: str) -> None:
    disk = disk_with(tmp_path, *DISKS[name])
    packed = tmp_path / "disk.qcow2"
    told: list[float] = []
    packed.touch()
    packed_qcow2.write(Runner(), str(disk), str(packed), PACKER, told.append)
    checked = json.loads(run_tool(["qemu-img", "check", "--output=json", str(packed)], cwd=tmp_path))
    assert checked.get("check-errors", 0) == checked.get("leaks", 0) == checked.get("corruptions", 0) == 0
    run_tool(["qemu-img", "compare", "-f", "raw", "-F", "qcow2", str(disk), str(packed)], cwd=tmp_path)
    info = json.loads(run_tool(["qemu-img", "info", "--output=json", str(packed)], cwd=tmp_path))
    assert info["virtual-size"] == disk.stat().st_size
    assert info["format-specific"]["data"]["compression-type"] == "zstd"
    assert told == sorted(told)
    assert told[-1] == 100
    first = packed.read_bytes() if name != "two tables" else b""
    packed_qcow2.write(Runner(), str(disk), str(packed), PACKER)
    assert not first or packed.read_bytes() == first


def frame(content: bytes, *options: str) -> bytes:
    """A frame as zstd makes it."""
    return subprocess.run(["zstd", "-q", "-c", *options], input=content, check=True, capture_output=True).stdout


def test_frames_are_told_apart() -> None:
    random = random_bytes(300_000)
    made = [
        frame(b""),
        frame(b"a" * 200_000, "--check"),
        frame(random, "--no-check", "--stream-size=300000"),
        frame(random[:60000], "-19", "--stream-size=60000"),
        frame(bytes(CLUSTER), "--no-check"),
        frame(b"short", "--stream-size=5"),
    ]
    assert list(packed_qcow2.frames(b"".join(made))) == made


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b"?" + data])
def test_other_bytes_are_no_frames(damage) -> None:
    with pytest.raises(GoldsmithError, match=r"^zstd did not write whole frames$"):
        list(packed_qcow2.frames(damage(frame(b"abc"))))


@pytest.mark.parametrize(
    ("packer", "message"),
    [
        (["sh", "-c", "echo no room >&2; exit 3"], "cannot compress a qcow2: no room"),
        (["false"], "cannot compress a qcow2: exit status 1"),
        (["zstd", "-q", "-c"], "cannot compress a qcow2: zstd made 1 frames of 2 clusters"),
        (["cat"], "zstd did not write whole frames"),
    ],
)
def test_a_packer_that_fails(tmp_path: Path, packer: list[str], message: str) -> None:
    disk = disk_with(tmp_path, {0: b"a" * CLUSTER * 2}, 2 * CLUSTER)
    (tmp_path / "out").touch()
    with pytest.raises(GoldsmithError) as raised:
        packed_qcow2.write(Runner(), str(disk), str(tmp_path / "out"), packer)
    assert str(raised.value) == message
