# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What variables, distribution, strategy and agent add up to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.definitions import PLACE, axes, build, values

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import definition, faults
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.definition import Place
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal import NAMES as SEAL_STEPS
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

DISTRIBUTIONS = _axes.names(Path(_axes.axis_file("distributions", "debian")).parent)
MACHINE = Place("/here", "/home/me", {"uri": "qemu:///system", "name": "web", "shutdown": True})


def test_the_default_is_complete() -> None:
    done = build()
    assert done["name"] == "debian-13-amd64"
    assert (done["release"], done["version"], done["title"]) == ("trixie", "13", "Debian GNU/Linux")
    assert (done["agent"], done["cloud_init"], done["user"]) == ("cloud_init", True, "debian")
    assert done["directory"] == "/here/dist/debian-13-amd64"
    assert done["cache_dir"] == "/home/me/.cache/goldsmith"
    assert done["artifacts"] == [
        {"format": "qcow2", "file": "debian-13-amd64.qcow2"},
        {"format": "aki", "file": "debian-13-amd64.vmlinuz"},
        {"format": "ari", "file": "debian-13-amd64.initrd"},
        {"format": "ami", "file": "debian-13-amd64.ext4"},
    ]
    assert done["disk"] == "/here/dist/debian-13-amd64/debian-13-amd64.qcow2"
    assert done["root"] == "/here/dist/debian-13-amd64/debian-13-amd64.ext4"
    assert done["volume_groups"] == done["mounts"] == []
    assert done["machine"] == {}


@pytest.mark.parametrize(
    ("given", "release"),
    [("latest", "trixie"), ("12", "bookworm"), ("bookworm", "bookworm"), ("unstable", "sid"), ("testing", "forky")],
)
def test_a_release_is_named_in_several_ways(given: str, release: str) -> None:
    assert build(release=given)["release"] == release


def test_a_release_without_updates_is_warned_of() -> None:
    data = axes().distribution
    (warning,) = definition.aged(values(release="11"), data, "2026-09-01")
    assert warning == "image_release=bullseye: has had no security updates for everybody since 2026-08-31"
    assert definition.aged(values(release="11"), data, "2026-08-31") == []
    assert definition.aged(values(release="sid"), data, "2099-01-01") == []
    assert definition.aged(values(release="11", build="capture"), data, "2026-09-01") == []


def test_a_disk_is_proved_by_all_that_it_boots_by() -> None:
    assert build()["firmwares"] == ["bios"]
    assert build(firmware="uefi")["firmwares"] == ["uefi"]
    assert build(firmware="hybrid")["firmwares"] == ["bios", "uefi"]


def test_the_architecture_decides_on_firmware_and_console() -> None:
    done = build(architecture="arm64")
    assert (done["name"], done["firmware"], done["firmwares"]) == ("debian-13-arm64", "uefi", ["uefi"])
    assert done["kernel_args"] == "console=tty0 console=ttyAMA0,115200n8"
    assert done["derived_properties"]["architecture"] == "aarch64"
    assert build()["kernel_args"] == "console=tty0 console=ttyS0,115200n8"
    assert build("xen")["kernel_args"] == "console=tty0 console=ttyS0,115200n8 console=hvc0"


@pytest.mark.parametrize("resize", ["cloud_init", "lvm"])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_each_distribution_is_built_for_arm64(distribution: str, resize: str) -> None:
    done = build(resize, distribution=distribution, architecture="arm64", mirror="http://mirror.example/")
    assert done["name"].startswith(f"{distribution}-") and done["name"].endswith("-arm64")
    assert (done["firmwares"], done["machines"]) == (["uefi"], ["virt"])
    assert done["kernel_args"].startswith("console=tty0 console=ttyAMA0,115200n8")
    assert done["derived_properties"]["hw_firmware_type"] == "uefi"


def test_only_what_was_asked_for_is_made() -> None:
    done = build(formats="vhd,raw", filesystem="ext3", name="it")
    assert [artifact["file"] for artifact in done["artifacts"]] == ["it.raw", "it.vhd"]
    assert done["disk"].endswith("/it.raw") and done["root"] == done["kernel_file"] == ""
    done = build(formats="triplet", filesystem="ext3", name="it")
    assert done["disk"] == "" and done["root"].endswith("/it.ext3")


def test_a_system_in_memory_has_the_kernel_of_the_triplet() -> None:
    done = build(formats="triplet,ramdisk", name="it")
    files = [artifact["file"] for artifact in done["artifacts"]]
    assert files == ["it.vmlinuz", "it.initrd", "it.ext4", "it.initramfs"]
    assert done["artifacts"][-1]["format"] == "initramfs"
    assert done["initramfs"].endswith("/it.initramfs") and done["kernel_file"].endswith("/it.vmlinuz")
    done = build(formats="ramdisk", name="it", verify="boot")
    assert [artifact["file"] for artifact in done["artifacts"]] == ["it.vmlinuz", "it.initramfs"]
    assert (done["disk"], done["root"]) == ("", "")
    (line,) = faults.between(values(formats="ramdisk"), axes(), PLACE)
    assert line.startswith("image_formats=ramdisk: cannot be audited alone; add raw, qcow2 or triplet")
    for resize in ("lvm", "xen"):
        (line,) = faults.between(values(formats="raw,ramdisk", resize=resize), axes(resize), PLACE)
        assert f"does not go with image_resize={resize}: a system in memory has no" in line


def test_volumes_are_laid_out_and_mounted() -> None:
    volumes = [{"name": "var-log", "size": "256M", "mountpoint": "/var/log"}, {"name": "spare", "size": "1G"}]
    done = build("lvm", volumes=volumes)
    assert done["volume_groups"] == [
        {
            "name": "system",
            "volumes": [
                {"name": "root", "filesystem": "ext4"},
                {"name": "var-log", "size": "256M", "filesystem": "ext4"},
                {"name": "spare", "size": "1G", "filesystem": "ext4"},
            ],
        }
    ]
    assert done["mounts"] == [{"device": "/dev/mapper/system-var--log", "mountpoint": "/var/log", "filesystem": "ext4"}]
    assert done["reserved"] == (256 << 20) + (1 << 30)
    assert (done["agent"], done["cloud_init"], done["audit"]) == ("goldsmith", False, "lvm")


def test_xen_has_its_own_formats_and_either_agent() -> None:
    done = build("xen")
    assert done["formats"] == ["vhd", "triplet"] and done["grows"] is False and done["cloud_init"] is True
    assert build("xen", agent="goldsmith")["cloud_init"] is False


@pytest.mark.parametrize(
    ("resize", "given", "has"),
    [
        ("cloud_init", {}, True),
        ("cloud_init", {"release": "bookworm", "firmware": "hybrid", "architecture": "amd64"}, True),
        ("cloud_init", {"distribution": "ubuntu"}, True),
        ("cloud_init", {"new_ids": "false"}, False),
        ("cloud_init", {"release": "bullseye"}, False),
        ("cloud_init", {"distribution": "ubuntu", "release": "jammy"}, False),
        ("cloud_init", {"filesystem": "xfs"}, False),
        ("cloud_init", {"distribution": "fedora", "mirror": "http://mirror.example/"}, False),
        ("lvm", {}, False),
        ("xen", {}, False),
    ],
)
def test_instances_have_ids_of_their_own_where_that_can_be(resize: str, given: dict[str, str], has: bool) -> None:
    done = build(resize, **given)
    assert done["has_new_ids"] is done["record"]["has_new_ids"] is has


def test_what_is_captured_has_an_initramfs_of_its_own_that_changes_no_ids() -> None:
    system = {"id": "debian", "codename": "trixie", "version": "13"}
    assert build(build="capture", place=replace(MACHINE, system=system))["has_new_ids"] is False


def test_the_record_names_nothing_of_the_site() -> None:
    done = build(proxy="http://proxy:3128", mirror="http://mirror/", clouds="one", authorized_keys=[])
    assert not {"proxy", "mirror", "clouds", "directory", "output_dir", "cache_dir", "authorized_keys"} & set(
        done["record"]
    )
    assert done["record"]["firmware"] == "bios"


def test_what_a_role_puts_into_a_tree_is_meant_and_stays() -> None:
    meant = ["passwords", "private_keys", "proxy", "secrets"]
    assert build(seal_skip="logs")["not_sealed"] == ["logs", *meant]
    assert build(seal_skip="logs")["record"]["seal_skip"] == ["logs"]
    assert set(meant) <= set(SEAL_STEPS)
    # On a machine they are somebody's.
    assert build(place=MACHINE, build="capture")["not_sealed"] == []
    assert build(place=MACHINE, build="virt_install")["not_sealed"] == []


def test_a_proxy_is_for_downloads_and_never_for_loopback() -> None:
    assert build()["environment"] == {}
    place = Place("/here", "/home/me", environment={"no_proxy": "mirror.site"})
    environment = build(place=place, proxy="http://proxy:3128")["environment"]
    assert environment["http_proxy"] == environment["https_proxy"] == "http://proxy:3128"
    assert environment["no_proxy"] == environment["NO_PROXY"] == "mirror.site,localhost,127.0.0.1,::1"


def test_a_secret_is_not_part_of_it() -> None:
    done = build(
        signing_key="key.pem", signing_certificate_id="5a2ff2e3-8b4a-4d65-8d0e-6f3f0b8f6f53", signing_passphrase="x"
    )
    assert "signing_passphrase" not in done
    assert done["signing_key"] == "/here/key.pem"


def test_an_installed_guest_has_the_name_of_its_image() -> None:
    place = Place("/here", "/home/me", {"uri": "qemu:///system", "name": "", "shutdown": True})
    assert build(place=place, build="virt_install")["machine"]["name"] == "debian-13-amd64"
    assert build(place=place, build="virt_install", name="it")["machine"]["name"] == "it"


def test_a_captured_machine_is_what_it_says() -> None:
    first = build(place=MACHINE, build="capture")
    assert first["name"] == "web" and first["distribution"] == ""
    system = {"id": "debian", "version": "12", "codename": "bookworm", "name": "Debian GNU/Linux 12 (bookworm)"}
    place = Place(MACHINE.here, MACHINE.home, MACHINE.machine, system)
    second = build(place=place, build="capture")
    assert (second["distribution"], second["version"], second["release"]) == ("debian", "12", "bookworm")
    assert second["title"] == "Debian GNU/Linux 12 (bookworm)"


@pytest.mark.parametrize(
    ("kind", "label"), [("ext4", "cloudimg-rootfs"), ("xfs", "rootfs"), ("btrfs", "cloudimg-rootfs")]
)
def test_the_label_fits_the_file_system(kind: str, label: str) -> None:
    done = build(filesystem=kind)
    assert done["root_label"] == label and done["root"].endswith(f".{kind}")


def test_a_publication_knows_no_name_of_its_own() -> None:
    done = definition.publication(values(publish_dir="dist/a,~/b", clouds="one"), PLACE)
    assert done["name"] == ""
    assert done["publish_dir"] == ["/here/dist/a", "/home/me/b"]
    assert "firmware" not in done and "signing_passphrase" not in done


def test_a_base_has_a_whole_path() -> None:
    for given, whole in (
        ("a.qcow2", "/here/a.qcow2"),
        ("~/a", "/home/me/a"),
        ("oci:a.tar:latest", "oci:/here/a.tar:latest"),
        ("oci:docker://a/b@sha256:1", "oci:docker://a/b@sha256:1"),
    ):
        assert build(base=given)["base"] == whole
    done = build(base="a", base_checksum="SUMS", base_signature="http://a/SUMS.sig", base_keyrings="k")
    assert (done["base_checksum"], done["base_signature"]) == ("/here/SUMS", "http://a/SUMS.sig")
    assert done["base_keyrings"] == ["/here/k"]
    checksum = f"sha256:{'1' * 64}"
    assert build(base="a", base_checksum=checksum)["base_checksum"] == checksum


def test_a_snapshot_has_its_place_in_the_mirror() -> None:
    done = build(snapshot="2026-11-01", mirror="http://a/{snapshot}/b")
    assert (done["snapshot"], done["mirror"]) == ("20261101T000000Z", "http://a/20261101T000000Z/b")
    assert done["record"]["snapshot"] == "20261101T000000Z" and done["mirror_expired"] == "accept"
    assert build(snapshot="20261101T060000Z")["snapshot"] == "20261101T060000Z"


def test_a_machine_whose_name_is_no_file_name_needs_another() -> None:
    place = Place("/here", "/home/me", {"uri": "", "name": "a/b", "shutdown": False})
    (fault,) = faults.between(values(build="capture"), axes(), place)
    assert fault.startswith("image_name=: the name of the machine, a/b, is not a file name")


def test_the_kernel_is_for_clouds_unless_another_is_named() -> None:
    assert build()["kernel"] == "cloud"
    assert build(kernel="generic")["kernel"] == "generic"
    assert build(packages="jq,linux-image-amd64")["kernel"] == "linux-image-amd64"
    assert build(packages="linux-headers-amd64,linux-image-amd64-dbg")["kernel"] == "cloud"
    assert build(packages="linux-image-amd64/trixie-backports")["kernel"] == "linux-image-amd64/trixie-backports"
    for name, expected in (("kernel-modules-core", "cloud"), ("kernel-core-6.1-2", "kernel-core-6.1-2")):
        assert build(distribution="fedora", mirror="http://a.example/", packages=name)["kernel"] == expected
    fedora = build(distribution="fedora", mirror="http://a.example/", packages="kernel-rt-core")
    assert fedora["kernel"] == fedora["record"]["kernel"] == "kernel-rt-core"


def test_the_components_are_the_distributions_or_others() -> None:
    assert build()["components"] == ["main"]
    assert build(distribution="ubuntu")["components"] == ["main", "universe"]
    assert build(components="main,contrib")["components"] == ["main", "contrib"]


def test_hardware_is_what_is_published() -> None:
    assert build()["hardware"] == {"hw_disk_bus": "virtio", "hw_rng_model": "virtio"}
    done = build(
        properties={"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi", "hw_rng_model": "", "os_purpose": "minimal"}
    )
    assert done["hardware"] == {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"}
    assert (done["tags"], done["min_disk"], done["min_ram"]) == ([], 0, 0)


def test_roles_that_run_each_time_are_behind_what_is_kept() -> None:
    roles = {"roles": "a,b,c", "roles_always": "b"}
    assert (build(**roles)["roles_kept"], build(**roles)["roles_each_time"]) == (["a"], ["b", "c"])
    # What a booted system has become is taken back once, after all of them.
    booted = build(**roles, configure="booted")
    assert (booted["roles_kept"], booted["roles_each_time"]) == ([], ["a", "b", "c"])
    alone = build(roles="a,b", configure="booted")
    assert (alone["roles_kept"], alone["roles_each_time"]) == (["a", "b"], [])
