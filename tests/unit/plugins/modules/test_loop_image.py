# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module loop_image: its options as a layout, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import disk_layout
from ansible_collections.goldsmith.openstack.plugins.modules import loop_image

MIB = 1 << 20
DEFAULTS = {
    **dict.fromkeys(loop_image.ARGUMENT_SPEC),
    **{name: spec["default"] for name, spec in loop_image.ARGUMENT_SPEC.items() if "default" in spec},
    "path": "/images/disk.raw",
}


def item(**more: Any) -> dict[str, Any]:
    keys = loop_image.ARGUMENT_SPEC["partitions"]["options"]
    return {**{name: spec.get("default") for name, spec in keys.items()}, **more}


@pytest.mark.parametrize(("firmware", "label"), [("none", "none"), ("bios", "mbr"), ("uefi", "gpt"), ("hybrid", "gpt")])
def test_the_label_follows_the_firmware(firmware: str, label: str) -> None:
    assert disk_layout.parse({**DEFAULTS, "firmware": firmware}).label == label
    assert disk_layout.parse({**DEFAULTS, "firmware": firmware, "label": "gpt"}).label == "gpt"


def test_partitions_become_volumes() -> None:
    parts = [item(name="efi", type="esp", filesystem="vfat", size="64M", number=15), item(name="root"), item(name="x")]
    layout = disk_layout.parse({**DEFAULTS, "label": "gpt", "partitions": parts, "size": "1.5G", "free": 10})
    assert [volume.number for volume in layout.volumes] == [15, 2, 3]
    assert [volume.size for volume in layout.volumes] == [64 * MIB, None, None]
    assert [volume.label for volume in layout.volumes] == ["", "cloudimg-rootfs", ""]
    assert (layout.size, layout.free, layout.seed) == (1536 * MIB, 0.1, "disk.raw")


def group(**more: Any) -> dict[str, Any]:
    keys = loop_image.ARGUMENT_SPEC["volume_groups"]["options"]["volumes"]["options"]
    volumes = [{**{name: spec.get("default") for name, spec in keys.items()}, **volume} for volume in more["volumes"]]
    return {"partition": None, **more, "volumes": volumes}


def test_volume_groups_bring_their_partition() -> None:
    groups = [group(name="system", volumes=[{"name": "root"}, {"name": "var", "size": "2G", "filesystem": "none"}])]
    layout = disk_layout.parse({**DEFAULTS, "volume_groups": groups})
    assert layout.label == "gpt"
    assert [(volume.name, volume.type, volume.filesystem) for volume in layout.volumes] == [("system", "lvm", None)]
    root, var = layout.groups[0].volumes
    assert (root.size, root.filesystem, root.label) == (None, "ext4", "cloudimg-rootfs")
    assert (var.size, var.filesystem, var.label) == (2048 * MIB, None, "")
    assert disk_layout.parse({**DEFAULTS, "volume_groups": groups, "firmware": "bios"}).label == "mbr"
    parts = [item(name="pv", type="lvm", number=3)]
    named = [group(name="system", partition="pv", volumes=[{"name": "root"}])]
    layout = disk_layout.parse({**DEFAULTS, "partitions": parts, "volume_groups": named})
    assert layout.group_in(layout.volumes[0]).name == "system"
    assert (layout.volumes[0].filesystem, layout.volumes[0].number) == (None, 3)
    assert disk_layout.parse({**DEFAULTS, "volume_groups": []}).label == "none"


def test_the_time_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert disk_layout.parse(DEFAULTS).epoch is None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    assert disk_layout.parse(DEFAULTS).epoch == 1600000000
    assert disk_layout.parse({**DEFAULTS, "epoch": 0}).epoch == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "size=auto: is measured on a tree, and none is given"),
        ({"size": "many"}, "size=many: not a size"),
        ({"size": "10M", "free": 95}, "free=95.0: is not a share"),
        ({"size": "10M", "firmware": "bios"}, "firmware=bios: a boot loader comes from a tree; set tree"),
        ({"label": "lvm"}, "value of label must be one of: none, mbr, gpt"),
        ({"state": "mounted"}, "state is mounted but all of the following are missing: mountpoint"),
        ({"state": "attached"}, "is not a file; make it with state=present"),
        ({"tree": "/no/such/tree"}, "tree=/no/such/tree: is not a folder"),
        ({"partitions": [{"name": "a"}, {"name": "b", "size": "x"}]}, "partitions.size=x: not a size"),
        (
            {"volume_groups": [{"name": "a", "volumes": [{"name": "b", "size": "x"}]}]},
            "volume_groups.volumes.size=x: n",
        ),
        ({"volume_groups": [{"name": "a", "volumes": []}]}, "volume_groups.volumes=[]: the group a has none"),
        ({"volume_groups": [{"name": "a"}]}, "missing required arguments: volumes found in volume_groups"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, arguments: dict[str, Any], message: str, check: bool) -> None:
    result = run_module("loop_image", {"path": str(tmp_path / "disk.img"), **arguments}, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert not list(tmp_path.iterdir())


def test_an_odd_environment(tmp_path: Path) -> None:
    arguments = {"path": str(tmp_path / "disk.img"), "size": "20M"}
    result = run_module("loop_image", arguments, environment={"SOURCE_DATE_EPOCH": "today"})
    assert "SOURCE_DATE_EPOCH=today: is no number of seconds" in result["msg"]


def test_an_image_without_a_tree_needs_nobody(tmp_path: Path) -> None:
    arguments = {"path": str(tmp_path / "disk.img"), "size": "20M", "label": "gpt"}
    first = run_module("loop_image", arguments)
    assert (first["changed"], first["size"], first["label"]) == (True, 20 * MIB, "gpt")
    assert first["partitions"][0]["label"] == "cloudimg-rootfs"
    assert run_module("loop_image", arguments)["changed"] is False
    assert run_module("loop_image", {**arguments, "size": "21M"})["failed"] is True


def test_documented_options_are_those_of_the_code() -> None:
    options = yaml.safe_load(loop_image.DOCUMENTATION)["options"]
    assert list(options) == list(loop_image.ARGUMENT_SPEC)
    for name, spec in loop_image.ARGUMENT_SPEC.items():
        assert options[name].get("default") == spec.get("default"), name
        assert options[name].get("choices") == spec.get("choices"), name
