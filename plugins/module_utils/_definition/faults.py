# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of a definition that do not go together, each as a line for the user."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import hardware
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import checks, personal, source_faults
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.definition import (
    CHECKSUM,
    Axes,
    Place,
    release_of,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.base_file import is_url
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume as fs_volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import property_table
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import GIB, MIB, human_size, parse_size
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.bootstrap import RPM_TOOLS

# The file systems whose programs every guest has
_ALWAYS_THERE = ("ext3", "ext4")
_CHECKSUM_WHOLE = re.compile(r"sha256:[0-9a-fA-F]{64}|sha512:[0-9a-fA-F]{128}")


def between(values: Mapping[str, Any], axes: Axes | None, place: Place) -> list[str]:
    """Return a line for each pair of values that do not go together; without *axes* those of a publication only."""
    found = [*_publication_faults(values, axes), *(_build_faults(values, axes, place) if axes else ())]
    return [f"image_{name}={_told(values[name])}: {text}" for name, text in found]


def judged_properties(values: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return faults of and warnings on the properties that are given."""
    if values["validate_properties"] == "false":
        return [], []
    # The options of the module that publishes are variables here.
    wrong, unknown = (
        [line.replace("the option disk_format", "image_formats").replace("the option ", "image_") for line in lines]
        for lines in property_table.judge(values["properties"])
    )
    return (wrong + unknown, []) if values["validate_properties"] == "strict" else (wrong, unknown)


def _build_faults(values: Mapping[str, Any], axes: Axes, place: Place) -> Iterator[tuple[str, str]]:
    strategy, resize = axes.strategy, f"image_resize={values['resize']}"
    yield from (("local_configuration", text) for text in _personal_faults(values, place))
    yield from _base_faults(values)
    yield from _snapshot_faults(values)
    yield from source_faults.found(values, axes.distribution)
    if values["build"] == "capture":
        name = place.machine.get("name", "")
        if not values["name"] and name and (fault := checks.file_name(name)):
            yield "name", f"the name of the machine, {name}, {fault}; give another in image_name"
    else:
        releases = axes.distribution.get("releases", {})
        tool = axes.distribution.get("bootstrap")
        unknown = ("host",) if values["base"] else ("", "host")
        if values["build"] == "chroot" and tool in RPM_TOOLS and values["mirror"] in unknown:
            title = axes.distribution.get("title", values["distribution"])
            yield "mirror", f"give the URL of a mirror of {title}; {tool} knows none by itself"
        if not releases:
            yield "distribution", "cannot be built yet; use image_distribution=debian, or capture a machine that has it"
        elif not release_of(values["release"], axes.distribution):
            yield "release", f"is not known; use {' or '.join(releases)}, a version, or latest"
        elif values["architecture"] not in axes.distribution.get("architectures", []):
            known = " or ".join(axes.distribution.get("architectures", []))
            yield "architecture", f"is not one of image_distribution={values['distribution']}; use {known}"
    for name, reason in strategy.get("refused_formats", {}).items():
        if name in values["formats"]:
            yield "formats", f"does not go with {resize}: {reason}"
    yield from _filesystem_faults(values, axes)
    if set(values["formats"]) == {"ramdisk"} and "audit" in values["verify"]:
        yield "formats", "cannot be audited alone; add raw, qcow2 or triplet, or leave the audit out: image_verify=boot"
    firmwares = [name for name in strategy["firmware"] if name in axes.architecture["firmware"]]
    if not firmwares:
        yield "architecture", f"does not go with {resize}, which needs {' or '.join(strategy['firmware'])}"
    elif values["firmware"] and values["firmware"] not in firmwares:
        fits = values["firmware"] in axes.architecture["firmware"]
        other = resize if fits else f"image_architecture={values['architecture']}"
        yield "firmware", f"does not go with {other}; use {' or '.join(firmwares)}"
    firmware = values["firmware"] or next(iter(firmwares), "")
    asked = str(values["properties"].get("hw_firmware_type") or firmware).lower()
    if firmware != "hybrid" and asked != firmware and values["validate_properties"] != "false":
        yield "properties", f"hw_firmware_type={asked}, and the disk boots by {firmware}; add image_firmware={asked}"
    if values["build"] == "virt_install" and values["architecture"] != "amd64":
        yield "architecture", "cannot be that of an installed machine yet; use image_build=chroot"
    if values["configure"] == "booted" and values["build"] != "chroot":
        yield "configure", f"does not go with image_build={values['build']}, whose system runs anyway; leave it out"
    if values["agent"] and values["agent"] not in axes.agents:
        yield "agent", f"does not go with {resize}; use {' or '.join(axes.agents)}, or another image_resize"
    if values["volumes"] and not strategy.get("volume_group"):
        yield "volumes", f"{resize} has no volumes; use image_resize=lvm"
    reserved = sum(parse_size(volume["size"], "image_volumes") for volume in values["volumes"])
    if values["min_disk"] and reserved >= values["min_disk"] * GIB:
        yield "min_disk", f"the volumes beside the root have {human_size(reserved)}; give more, or leave it out"
    for what in ("name", "mountpoint"):
        found = [volume[what] for volume in values["volumes"] if volume[what]]
        if len(set(found)) < len(found):
            yield "volumes", f"two of them have the same {what}; give each its own"
    if strange := [name for name in values["roles_always"] if name not in values["roles"]]:
        yield "roles_always", f"{', '.join(strange)} is not among image_roles; name it there too"
    if values["security_mirror"] and values["mirror"] in ("", "host"):
        yield "security_mirror", "goes with the URL of a mirror only; give that in image_mirror"


def _base_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    base, checksum, signature = values["base"], values["base_checksum"], values["base_signature"]
    if base and values["build"] != "chroot":
        yield "base", f"does not go with image_build={values['build']}; use image_build=chroot"
    for name in ("base_checksum", "base_signature", "base_keyrings"):
        if values[name] and not base:
            yield name, "goes with image_base; give that too"
    if is_url(base) and not (checksum or signature):
        yield "base", "is fetched, and nothing says what it must be; give image_base_checksum or image_base_signature"
    if signature and not values["base_keyrings"]:
        yield "base_signature", "needs the key that made it; give image_base_keyrings"
    if checksum and not is_url(checksum) and CHECKSUM.match(checksum) and not _CHECKSUM_WHOLE.fullmatch(checksum):
        yield "base_checksum", "is no checksum; write sha256:HEX with 64 digits, or sha512:HEX with 128"


def _snapshot_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    mirrors, place = [name for name in ("mirror", "security_mirror") if values[name]], "{snapshot}"
    if not values["snapshot"]:
        yield from ((name, f"has {place}; give image_snapshot too") for name in mirrors if place in values[name])
    elif values["build"] != "chroot":
        yield "snapshot", f"does not go with image_build={values['build']}; leave it out"
    elif values["base"] and not mirrors:
        yield "snapshot", f"goes with an image_mirror that has {place}, where there is an image_base; give that"
    else:
        for name in mirrors:
            if place not in values[name]:
                yield "snapshot", f"has no place in image_{name}; write {place} where it is to stand"


def _personal_faults(values: Mapping[str, Any], place: Place) -> Iterator[str]:
    chosen = values["local_configuration"]
    if chosen and values["build"] == "capture":
        yield "a machine is captured as it is; leave it out"
        return
    for name, widest in (("visibility", ("community", "public")), ("retire", ("community",))):
        if chosen and values[name] in widest:
            yield f"belongs to one person, and does not go with image_{name}={values[name]}; leave one of them out"
    if "proxy" in chosen:
        yield from personal.proxy_faults(place.environment)
    if "ssh_keys" in chosen:
        yield from personal.key_faults(place.public_keys)


def _filesystem_faults(values: Mapping[str, Any], axes: Axes) -> Iterator[tuple[str, str]]:
    root = values["filesystem"]
    if root not in (fits := axes.strategy.get("filesystems", (root,))):
        yield "filesystem", f"does not go with image_resize={values['resize']}; use {' or '.join(fits)}"
    if root not in _ALWAYS_THERE and values["build"] != "chroot":
        yield "filesystem", f"does not go with image_build={values['build']}; use ext4, or image_build=chroot"
    for option, names in (("filesystem", [root]), ("volumes", [volume["filesystem"] for volume in values["volumes"]])):
        for name in names:
            if name not in (*_ALWAYS_THERE, *axes.distribution.get("filesystem_packages", ())):
                yield option, f"image_distribution={values['distribution']} has no programs for {name}; use ext4"
    for volume in values["volumes"]:
        least = fs_volume.SMALLEST.get(volume["filesystem"], 0)
        if parse_size(volume["size"], "image_volumes") < least:
            yield (
                "volumes",
                f"{volume['name']} is too small for {volume['filesystem']}; give it {least // MIB}M or more",
            )


def _publication_faults(values: Mapping[str, Any], axes: Axes | None) -> Iterator[tuple[str, str]]:
    if values["members"] and values["visibility"] != "shared":
        yield "members", "only a shared image has members; add image_visibility=shared"
    signing = [name for name in ("signing_key", "signing_command") if values[name]]
    if len(signing) == 2:
        yield "signing_command", "goes in place of image_signing_key; leave one of them out"
    if signing and not values["signing_certificate_id"]:
        yield signing[0], "needs image_signing_certificate_id, the certificate in the key manager of the clouds"
    if values["signing_certificate_id"] and not signing:
        yield "signing_certificate_id", "goes with image_signing_key or image_signing_command; add one of them"
    if wrong := judged_properties(values)[0] + _hardware_faults(values, axes):
        yield "properties", f"{'; '.join(wrong)}; image_validate_properties=false takes them as they are"
    if values["name"] and len(values["publish_dir"]) > 1:
        yield "name", "would be the name of several images; leave it out, or publish one folder"


def _hardware_faults(values: Mapping[str, Any], axes: Axes | None) -> list[str]:
    if values["validate_properties"] == "false":
        return []
    derived = {**axes.architecture.get("properties", {}), **axes.strategy.get("properties", {})} if axes else {}
    return hardware.faults({**derived, **values["properties"]})


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        value = list(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(str(item["name"]) if isinstance(item, Mapping) else str(item) for item in value)
    return str(value)
