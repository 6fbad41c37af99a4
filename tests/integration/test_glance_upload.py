# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules do in a real Glance: content, properties, check mode, what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.glance import TestCloud, file_system, kernel, raw_disk, run_module

UPLOAD = "glance_triplet_upload"
# Runs a module by its arguments and its name, and prints its peak of memory in KiB behind its result.
PEAK = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", sys.argv[2]], input=sys.argv[1], check=True, text=True)
print("\\n", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, sep="")
"""
MODULES = "ansible_collections.goldsmith.openstack.plugins.modules"


@pytest.fixture
def triplet(glance_cloud: TestCloud, tmp_path: Path) -> dict[str, Any]:
    """The options that publish a triplet through the proxy."""
    return {
        "cloud": "faulty",
        "clouds_yaml": str(glance_cloud.clouds_yaml),
        "name": "guest-ami",
        "kernel_name": "guest-aki",
        "ramdisk_name": "guest-ari",
        "kernel": str(kernel(tmp_path / "vmlinuz")),
        "ramdisk": str(raw_disk(tmp_path / "initrd", size=1 << 20)),
        "image": str(file_system(tmp_path / "root.ext4")),
    }


@pytest.fixture
def bare(glance_cloud: TestCloud, tmp_path: Path) -> dict[str, Any]:
    """The options that publish one disk through the proxy."""
    return {
        "cloud": "faulty",
        "clouds_yaml": str(glance_cloud.clouds_yaml),
        "name": "guest",
        "image": str(raw_disk(tmp_path / "disk.raw")),
    }


def test_a_triplet_is_published_and_then_left_alone(glance_cloud: TestCloud, triplet: dict[str, Any]) -> None:
    foreseen = run_module(UPLOAD, triplet, check=True)
    assert glance_cloud.images() == []
    assert foreseen["changed"]
    assert [image["id"] for image in foreseen["images"]] == [None, None, None]

    result = run_module(UPLOAD, {**triplet, "properties": {"os_distro": "debian", "auto_disk_config": True}})
    assert result["changed"]
    there = {image.name: image for image in glance_cloud.images(status="active")}
    assert set(there) == {"guest-aki", "guest-ari", "guest-ami"}
    for image in result["images"]:
        path = Path(triplet[image["part"]])
        assert image["sha512"] == hashlib.sha512(path.read_bytes()).hexdigest() == there[image["name"]].hash_value
        assert image["size"] == path.stat().st_size
        assert image["uploaded"]
    ami = there["guest-ami"]
    assert result["image_id"] == ami.id
    assert ami.attributes["kernel_id"] == there["guest-aki"].id
    assert ami.attributes["ramdisk_id"] == there["guest-ari"].id
    assert ami.attributes["auto_disk_config"] == "True"
    assert result["bytes_uploaded"] == sum(image["size"] for image in result["images"])
    assert [image["sha512"] for image in foreseen["images"]] == [image["sha512"] for image in result["images"]]

    glance_cloud.proxy.clear()
    again = run_module(UPLOAD, triplet)
    assert not again["changed"]
    assert again["image_id"] == result["image_id"]
    assert again["bytes_uploaded"] == 0
    assert {request.method for request in glance_cloud.proxy.requests} == {"GET"}


def test_every_property_is_there_before_the_data(glance_cloud: TestCloud, bare: dict[str, Any]) -> None:
    options = {"properties": {"hw_disk_bus": "scsi", "os_version": 13}, "min_disk": 2, "min_ram": 512}
    run_module(UPLOAD, {**bare, **options, "tags": ["b", "a"], "visibility": "public"})
    (creation,) = glance_cloud.proxy.seen("POST")
    description = json.loads(creation.body)
    assert description.items() >= {"hw_disk_bus": "scsi", "os_version": "13", "min_disk": 2, "min_ram": 512}.items()
    assert description["visibility"] == "public"
    assert description["tags"] == ["a", "b"]
    assert description["os_hidden"] is True
    # Name, sight and our own marks: in one request, which is the moment at which it becomes current.
    (promotion,) = glance_cloud.proxy.seen("PATCH")
    paths = {change["path"] for change in json.loads(promotion.body)}
    assert paths == {"/name", "/os_hidden", "/goldsmith_since", "/goldsmith_publisher"}


def test_changed_properties_are_set_without_an_upload(glance_cloud: TestCloud, bare: dict[str, Any]) -> None:
    first = run_module(UPLOAD, {**bare, "properties": {"os_distro": "debian", "kept": "yes"}})
    wanted = {**bare, "properties": {"os_distro": "ubuntu", "new/one": "x"}, "min_disk": 3, "protected": True}
    foreseen = run_module(UPLOAD, wanted, check=True)
    glance_cloud.proxy.clear()
    result = run_module(UPLOAD, wanted)
    assert foreseen["changed"] and result["changed"]
    assert foreseen["diff"] == result["diff"]
    label = "image guest"
    expected = {"os_distro": "debian", "new/one": None, "min_disk": 0, "protected": False}
    assert result["diff"]["before"] == {label: expected}
    assert result["diff"]["after"] == {label: {"os_distro": "ubuntu", "new/one": "x", "min_disk": 3, "protected": True}}
    assert not glance_cloud.proxy.seen("PUT")
    (image,) = glance_cloud.images()
    assert image.id == first["image_id"]
    assert image.protected
    expected = {"os_distro": "ubuntu", "new/one": "x", "kept": "yes", "min_disk": 3}
    assert image.attributes.items() >= expected.items()
    assert not run_module(UPLOAD, wanted)["changed"]


def test_other_content_is_another_image(glance_cloud: TestCloud, bare: dict[str, Any]) -> None:
    first = run_module(UPLOAD, bare)
    # The same size, so only the hash tells.
    raw_disk(Path(bare["image"]), seed=9)
    second = run_module(UPLOAD, bare)
    assert second["image_id"] != first["image_id"]
    (current,) = glance_cloud.images(name="guest")
    assert current.id == second["image_id"]
    (old,) = [image for image in glance_cloud.images() if image.id != current.id]
    assert second["retired"] == [{"cloud": "faulty", "id": first["image_id"], "name": old.name}]
    assert old.name == f"guest-{old.created_at[:10].replace('-', '')}-{old.id[:8]}"
    assert old.hidden
    third = run_module(UPLOAD, bare)
    assert not third["changed"]
    assert third["image_id"] == second["image_id"]


def test_a_new_kernel_is_named_by_the_same_root_file_system(glance_cloud: TestCloud, triplet: dict[str, Any]) -> None:
    first = run_module(UPLOAD, triplet)
    kernel(Path(triplet["kernel"]), seed=9)
    second = run_module(UPLOAD, triplet)
    assert [image["uploaded"] for image in second["images"]] == [True, False, False]
    assert second["image_id"] == first["image_id"]
    (ami,) = glance_cloud.images(name="guest-ami")
    assert ami.attributes["kernel_id"] == second["images"][0]["id"] != first["images"][0]["id"]
    assert not run_module(UPLOAD, triplet)["changed"]


def test_images_of_others_do_not_count(glance_cloud: TestCloud, bare: dict[str, Any]) -> None:
    result = run_module(UPLOAD, bare)
    (image,) = glance_cloud.images()
    # The administrator hands it to another project.
    glance_cloud.glance("embedded").change(image, {"owner": "0" * 32})
    again = run_module(UPLOAD, bare)
    assert again["changed"]
    assert again["image_id"] != result["image_id"]


def test_a_qcow2_is_found_out(glance_cloud: TestCloud, bare: dict[str, Any], tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"], check=True)
    result = run_module(UPLOAD, {**bare, "image": str(disk)})
    assert result["images"][0]["disk_format"] == "qcow2"
    (image,) = glance_cloud.images()
    assert image.status == "active"


def test_a_vhd_is_found_out(glance_cloud: TestCloud, bare: dict[str, Any], tmp_path: Path) -> None:
    for kind in ("fixed", "dynamic"):
        disk = tmp_path / f"{kind}.vhd"
        subprocess.run(
            ["qemu-img", "convert", "-O", "vpc", "-o", f"subformat={kind},force_size=on", bare["image"], disk],
            check=True,
        )
        result = run_module(UPLOAD, {**bare, "name": kind, "image": str(disk)}, check=True)
        assert result["images"][0]["disk_format"] == "vhd", result


CLOUDS = [
    ("nowhere", ["cloud nowhere is not in clouds.yaml", "embedded, faulty", "clouds.yaml"]),
    ("wrong_password", ["cloud wrong_password", "user name, password or project refused (401)"]),
    ("unreachable", ["cloud unreachable cannot be reached", "http://127.0.0.1:9", "refused"]),
]


@pytest.mark.parametrize(("cloud", "words"), CLOUDS)
@pytest.mark.parametrize("module", [UPLOAD, "glance_image_info"])
def test_a_cloud_that_cannot_be_used_is_named(
    bare: dict[str, Any], module: str, cloud: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    arguments = bare if module == UPLOAD else {"clouds_yaml": bare["clouds_yaml"]}
    result = run_module(module, {**arguments, "cloud": cloud})
    assert result["failed"]
    assert len(result["msg"].splitlines()) == 1
    for word in words:
        assert word in result["msg"]


def test_bad_files_are_refused_before_anything_is_sent(glance_cloud: TestCloud, triplet: dict[str, Any]) -> None:
    folder = Path(triplet["image"]).parent
    empty = folder / "empty"
    empty.touch()
    qcow2 = folder / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", qcow2, "64M"], check=True)
    derived = folder / "derived.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", qcow2, derived], check=True)
    alone = dict.fromkeys(("kernel", "ramdisk", "kernel_name", "ramdisk_name"))
    for wrong, words in (
        ({"image": str(empty)}, "the file is empty"),
        ({"image": str(qcow2)}, "must be a bare ext2, ext3, ext4, xfs or btrfs"),
        ({"ramdisk": str(empty)}, "the file is empty"),
        ({"kernel": triplet["ramdisk"]}, "not a Linux kernel"),
        ({"image": str(folder / "missing")}, "No such file"),
        ({**alone, "image": str(derived)}, "backing file"),
        ({**alone, "image": str(qcow2), "disk_format": "raw"}, "disk.qcow2 is qcow2"),
    ):
        result = run_module(UPLOAD, {**triplet, **wrong})
        assert result.get("failed"), wrong
        assert words in result["msg"]
        assert len(result["msg"].splitlines()) == 1
    assert glance_cloud.proxy.requests == []


def test_memory_does_not_grow_with_the_image(bare: dict[str, Any]) -> None:
    with Path(bare["image"]).open("r+b") as file:
        # Mostly a hole: the bytes are sent all the same.
        file.truncate(256 << 20)
    # A process begins with the peak of the one that started it, so a small one starts it.
    argv = [sys.executable, "-c", PEAK, json.dumps({"ANSIBLE_MODULE_ARGS": bare}), f"{MODULES}.{UPLOAD}"]
    environment = {**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    said = subprocess.run(argv, check=True, capture_output=True, text=True, env=environment).stdout
    result, peak = filter(None, said.splitlines())
    assert json.loads(result)["bytes_uploaded"] == 256 << 20
    assert 0 < int(peak) < 150 << 10
