# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of an image: what its variables, distribution, strategy and agent add up to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import checks, personal, said
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.image_variables import DISKS
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.publication_variables import PUBLICATION
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import disk_layout
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume as fs_volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import property_table
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import no_proxy
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import MIB, parse_size
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.bootstrap import RPM_TOOLS

FILES = ("signing_key", "signing_certificate")
# What a definition and its roles put into a tree is meant: it stays, and the audit judges it.
_MEANT = ("passwords", "private_keys", "proxy", "secrets")
# The file systems whose programs every guest has
_ALWAYS_THERE = ("ext3", "ext4")
_CHECKSUM = re.compile(r"sha(?:256|512):")
_CHECKSUM_WHOLE = re.compile(r"sha256:[0-9a-fA-F]{64}|sha512:[0-9a-fA-F]{128}")
TRIPLET = {"aki": "vmlinuz", "ari": "initrd"}
RAMDISK = {"aki": "vmlinuz", "initramfs": "initramfs"}
# What the manifest keeps of it: what the image is, and nothing of the site that built it.
_RECORDED = (
    *("name", "distribution", "release", "version", "title", "architecture", "build", "resize", "agent", "cloud_init"),
    *("filesystem", "volumes", "seal_skip", "kernel_args", "firmware", "formats", "packages", "roles", "user"),
    "mirror_expired",
    *("locales", "timezone", "local_configuration", "properties", "compression"),
)


@dataclass(frozen=True)
class Axes:
    """The data that the names of a definition stand for; *agents* are those that go with the strategy, by name."""

    distribution: Mapping[str, Any]
    strategy: Mapping[str, Any]
    agents: Mapping[str, Mapping[str, Any]]
    architecture: Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """Where the variables come from: the folder of the command, the home folder, and the guest of libvirt, if any.

    *system* is what a captured machine says of itself (os-release), once that is known; *environment* is the command's;
    *public_keys* are those of the person who gives it.
    """

    here: str
    home: str
    machine: Mapping[str, Any] = field(default_factory=dict)
    system: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    public_keys: Sequence[str] = ()


def faults(values: Mapping[str, Any], axes: Axes | None, place: Place) -> list[str]:
    """Return a line for each pair of values that do not go together; without *axes* those of a publication only."""
    found = [*_publication_faults(values), *(_build_faults(values, axes, place) if axes else ())]
    return [f"image_{name}={_told(values[name])}: {text}" for name, text in found]


def judged_properties(values: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return faults of and warnings on the properties that are given."""
    if values["validate_properties"] == "false":
        return [], []
    wrong, unknown = property_table.judge(values["properties"])
    return (wrong + unknown, []) if values["validate_properties"] == "strict" else (wrong, unknown)


def _build_faults(values: Mapping[str, Any], axes: Axes, place: Place) -> Iterator[tuple[str, str]]:
    strategy, resize = axes.strategy, f"image_resize={values['resize']}"
    yield from (("local_configuration", text) for text in _personal_faults(values, place))
    yield from _base_faults(values)
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
    if values["build"] == "virt_install" and values["architecture"] != "amd64":
        yield "architecture", "cannot be that of an installed machine yet; use image_build=chroot"
    if values["agent"] and values["agent"] not in axes.agents:
        yield "agent", f"does not go with {resize}; use {' or '.join(axes.agents)}, or another image_resize"
    if values["volumes"] and not strategy.get("volume_group"):
        yield "volumes", f"{resize} has no volumes; use image_resize=lvm"
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
    if checksum and not is_url(checksum) and _CHECKSUM.match(checksum) and not _CHECKSUM_WHOLE.fullmatch(checksum):
        yield "base_checksum", "is no checksum; write sha256:HEX with 64 digits, or sha512:HEX with 128"


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


def release_of(name: str, distribution: Mapping[str, Any]) -> str:
    """Return the code name of a release by that, its version or another of its names; empty where there is none.

    Without a name, and as C(latest), it is the distribution's own choice.
    """
    if name in ("", "latest"):
        return distribution.get("release", "")
    for code, facts in distribution.get("releases", {}).items():
        if name in (code, facts.get("version"), *facts.get("names", ())):
            return code
    return ""


def of_release(name: str, distribution: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a distribution for a release: what it has goes before what all of them have."""
    return {**distribution, **distribution.get("releases", {}).get(release_of(name, distribution), {})}


def aged(values: Mapping[str, Any], distribution: Mapping[str, Any], today: str) -> list[str]:
    """Return a line of warning where a release is past its end; *today* is written as 2026-11-29."""
    release = release_of(values["release"], distribution)
    until = distribution.get("releases", {}).get(release, {}).get("until", "")
    if values["build"] == "capture" or not until or until >= today:
        return []
    return [f"image_release={release}: has had no security updates for everybody since {until}"]


def _publication_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if values["members"] and values["visibility"] != "shared":
        yield "members", "only a shared image has members; add image_visibility=shared"
    signing = [name for name in ("signing_key", "signing_command") if values[name]]
    if len(signing) == 2:
        yield "signing_command", "goes in place of image_signing_key; leave one of them out"
    if signing and not values["signing_certificate_id"]:
        yield signing[0], "needs image_signing_certificate_id, the certificate in the key manager of the clouds"
    if values["signing_certificate_id"] and not signing:
        yield "signing_certificate_id", "goes with image_signing_key or image_signing_command; add one of them"
    if wrong := judged_properties(values)[0]:
        yield "properties", f"{'; '.join(wrong)}; image_validate_properties=false takes them as they are"
    if values["name"] and len(values["publish_dir"]) > 1:
        yield "name", "would be the name of several images; leave it out, or publish one folder"


def publication(values: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Return the definition of a publication of output folders: their manifests know the rest."""
    found = {variable.name: values[variable.name] for variable in PUBLICATION if not variable.secret}
    paths = {name: _absolute(found[name], place) for name in FILES if found[name]}
    folders = [_absolute(folder, place) for folder in found["publish_dir"]]
    return {**found, **paths, "name": values["name"], "publish_dir": folders}


def build(values: Mapping[str, Any], axes: Axes, place: Place) -> dict[str, Any]:
    """Return the definition: every value, names and paths of all artifacts, layout, properties, the record of it."""
    strategy, captured = axes.strategy, values["build"] == "capture"
    release = release_of(values["release"], axes.distribution)
    distribution = of_release(values["release"], axes.distribution)
    version = distribution.get("version", "")
    agent = values["agent"] or next(iter(axes.agents))
    usual_firmware = next((name for name in strategy["firmware"] if name in axes.architecture["firmware"]), "")
    firmware = values["firmware"] or usual_firmware
    proxies = personal.proxies(place.environment) if "proxy" in values["local_configuration"] else {}
    own_keys = place.public_keys if "ssh_keys" in values["local_configuration"] else ()
    done = {
        **values,
        **publication(values, place),
        "release": release,
        "version": version,
        "title": distribution.get("title", ""),
        "agent": agent,
        "cloud_init": bool(axes.agents.get(agent, {}).get("cloud_init", False)),
        "user": values["user"] or distribution.get("user", "") or "debian",
        "formats": values["formats"] or list(strategy["formats"]),
        "firmware": firmware,
        "firmwares": ["bios", "uefi"] if firmware == "hybrid" else [firmware],
        "machines": axes.architecture["machines"],
        "kernel_args": " ".join(
            [
                strategy["kernel_args"].replace("{console}", axes.architecture["console"]),
                *([] if captured else distribution.get("kernel_args", "").split()),
            ]
        ),
        "python": distribution.get("python", "/usr/bin/python3"),
        "bootstrap": "" if captured else distribution.get("bootstrap", ""),
        **{f"{name}keyrings": [_absolute(path, place) for path in values[f"{name}keyrings"]] for name in ("", "base_")},
        **{name: _source(values[name], place) for name in ("base", "base_checksum", "base_signature")},
        "audit": strategy.get("audit", ""),
        "grows": strategy.get("grows", True),
        "root_label": disk_layout.root_label(values["filesystem"]),
        "not_sealed": [*values["seal_skip"], *(_MEANT if values["build"] == "chroot" else ())],
        "authorized_keys": list(dict.fromkeys([*values["authorized_keys"], *own_keys])),
        "proxies": proxies,
        "proxy_addresses": sorted({address for name, address in proxies.items() if name != "no_proxy"}),
        "environment": _proxies(values["proxy"], place.environment),
        "cache_max": parse_size(values["cache_max"], "image_cache_max"),
        **_roles(values["roles"], values["roles_always"]),
    }
    if captured:
        system = place.system
        done.update(
            distribution=system.get("id", ""),
            release=system.get("codename", ""),
            version=system.get("version", ""),
            title=system.get("name", ""),
        )
    usual = (
        place.machine.get("name", "")
        if captured
        else f"{_stem(values['distribution'])}-{version}-{values['architecture']}"
    )
    done["name"] = values["name"] or usual
    # An installed guest has the name of its image, where it is given no other.
    done["machine"] = {**place.machine, "name": place.machine["name"] or done["name"]} if place.machine else {}
    done["cache_dir"] = _absolute(values["cache_dir"], place)
    done["output_dir"] = _absolute(values["output_dir"], place)
    done["directory"] = os.path.join(done["output_dir"], done["name"])
    done.update(_layout(done, strategy.get("volume_group")), **_files(done))
    done["derived_properties"] = said.derived(done, distribution, strategy, axes.architecture)
    del done["signing_passphrase"]
    done["record"] = {name: done[name] for name in _RECORDED}
    return done


def _roles(names: Sequence[str], always: Sequence[str]) -> dict[str, list[str]]:
    """Return the roles whose work may be kept, and those that run each time, which are all behind the first of them."""
    first = min((names.index(name) for name in always if name in names), default=len(names))
    return {"roles_kept": list(names[:first]), "roles_each_time": list(names[first:])}


def _proxies(proxy: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which a guest is configured: the way to packages, which loopback never takes."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy"), proxy) if proxy else {}
    return {**proxies, **no_proxy({**environment, **proxies})} if proxies else {}


def _layout(done: Mapping[str, Any], group: str | None) -> dict[str, Any]:
    """Volume groups for the disk, lines for fstab, and the bytes that are not the root's."""
    if not group:
        return {"volume_groups": [], "mounts": [], "reserved": 0, "root_device": f"LABEL={done['root_label']}"}
    root = {"name": "root", "filesystem": done["filesystem"]}
    others = [{name: volume[name] for name in ("name", "size", "filesystem")} for volume in done["volumes"]]
    return {
        "volume_groups": [{"name": group, "volumes": [root, *others]}],
        "mounts": [
            {
                "device": f"/dev/mapper/{_doubled(group)}-{_doubled(volume['name'])}",
                "mountpoint": volume["mountpoint"],
                "filesystem": volume["filesystem"],
            }
            for volume in done["volumes"]
            if volume["mountpoint"]
        ],
        "root_device": f"/dev/mapper/{_doubled(group)}-root",
        "reserved": sum(parse_size(volume["size"], "image_volumes") for volume in done["volumes"]),
    }


def _files(done: Mapping[str, Any]) -> dict[str, Any]:
    name, formats = done["name"], done["formats"]
    disks = {kind: f"{name}.{kind}" for kind in DISKS if kind in formats}
    triplet = {**{kind: f"{name}.{end}" for kind, end in TRIPLET.items()}, "ami": f"{name}.{done['filesystem']}"}
    ramdisk = {kind: f"{name}.{end}" for kind, end in RAMDISK.items()}
    artifacts = {**disks, **(triplet if "triplet" in formats else {}), **(ramdisk if "ramdisk" in formats else {})}
    paths = {kind: os.path.join(done["directory"], file) for kind, file in artifacts.items()}
    return {
        "artifacts": [{"format": kind, "file": file} for kind, file in artifacts.items()],
        # The first disk stands for all of them: they have the same content.
        "disk": next((paths[kind] for kind in disks), ""),
        "kernel": paths.get("aki", ""),
        "ramdisk": paths.get("ari", ""),
        "root": paths.get("ami", ""),
        "initramfs": paths.get("initramfs", ""),
        "console_log": os.path.join(done["directory"], "console.log"),
    }


def is_url(source: str) -> bool:
    """Return whether a base, a list or a signature is elsewhere."""
    return source.startswith(("http://", "https://"))


def _source(source: str, place: Place) -> str:
    """Return a base or what says what it must be, with a whole path where it is a file."""
    if not source or is_url(source) or _CHECKSUM.match(source) or source.startswith("oci:docker:"):
        return source
    kind = "oci:" if source.startswith("oci:") else ""
    return f"{kind}{_absolute(source.removeprefix(kind), place)}"


def _absolute(path: str, place: Place) -> str:
    if path == "~" or path.startswith("~/"):
        path = place.home + path[1:]
    return os.path.normpath(os.path.join(place.here, path))


def _stem(name: str) -> str:
    return name.rpartition(".")[2]


def _doubled(name: str) -> str:
    # As device-mapper writes a hyphen that is part of a name.
    return name.replace("-", "--")


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        value = list(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(str(item["name"]) if isinstance(item, Mapping) else str(item) for item in value)
    return str(value)
