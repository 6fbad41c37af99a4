# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of an image: what its variables, distribution, strategy and agent add up to."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import hardware
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import personal, said
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.image_variables import DISKS
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.publication_variables import PUBLICATION
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import disk_layout
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.base_file import is_url
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import description
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import no_proxy
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import parse_size

FILES = ("signing_key", "signing_certificate")
# What a definition and its roles put into a tree is meant: it stays, and the audit judges it.
_MEANT = ("passwords", "private_keys", "proxy", "secrets")
CHECKSUM = re.compile(r"sha(?:256|512):")
TRIPLET = {"aki": "vmlinuz", "ari": "initrd"}
RAMDISK = {"aki": "vmlinuz", "initramfs": "initramfs"}
# What the manifest keeps of it: what the image is, and nothing of the site that built it.
_RECORDED = (
    *("name", "distribution", "release", "version", "title", "architecture", "build", "resize", "agent", "cloud_init"),
    *(
        "filesystem",
        "volumes",
        "seal_skip",
        "kernel",
        "kernel_args",
        "has_new_ids",
        "firmware",
        "formats",
        "packages",
        "roles",
        "user",
    ),
    *("mirror_expired", "snapshot"),
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


def kernels_among(packages: Sequence[str], distribution: Mapping[str, Any]) -> list[str]:
    """Return those of some packages that are a kernel of the distribution, as they are written."""
    pattern = distribution.get("kernel_names", "(?!)")
    return [name for name in packages if re.fullmatch(pattern, re.split("[=/]", name)[0])]


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
        **_snapshot(values),
        "kernel": ""
        if captured
        else values["kernel"] or next(iter(kernels_among(values["packages"], distribution)), "cloud"),
        "components": values["components"] or list(distribution.get("components", ["main"])),
        **{name: source_of(values[name], place) for name in ("base", "base_checksum", "base_signature")},
        "audit": strategy.get("audit", ""),
        "grows": strategy.get("grows", True),
        "root_label": disk_layout.root_label(values["filesystem"]),
        "has_new_ids": values["new_ids"]
        and not captured
        and values["filesystem"] == "ext4"
        and strategy.get("new_ids", False)
        and distribution.get("new_ids", False),
        "not_sealed": [*values["seal_skip"], *(_MEANT if values["build"] == "chroot" else ())],
        "authorized_keys": list(dict.fromkeys([*values["authorized_keys"], *own_keys])),
        "proxies": proxies,
        "proxy_addresses": sorted({address for name, address in proxies.items() if name != "no_proxy"}),
        "environment": _proxies(values["proxy"], place.environment),
        "cache_max": parse_size(values["cache_max"], "image_cache_max"),
        **_roles(values["roles"], values["roles_always"], booted=values["configure"] == "booted"),
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
    done["hardware"] = hardware.asked(description.merged(done["derived_properties"], done["properties"]))
    del done["signing_passphrase"]
    done["record"] = {name: done[name] for name in _RECORDED}
    return done


def _roles(names: Sequence[str], always: Sequence[str], *, booted: bool) -> dict[str, list[str]]:
    """Return the roles whose work may be kept, and those that run each time, which are all behind the first of them.

    In a *booted* system all run in one go, so the work of some cannot be kept.
    """
    first = min((names.index(name) for name in always if name in names), default=len(names))
    first = 0 if booted and first < len(names) else first
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
        "kernel_file": paths.get("aki", ""),
        "ramdisk": paths.get("ari", ""),
        "root": paths.get("ami", ""),
        "initramfs": paths.get("initramfs", ""),
        "console_log": os.path.join(done["directory"], "console.log"),
    }


def _snapshot(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the time of a snapshot as its services write it, and what follows from it."""
    day = values["snapshot"]
    if not day:
        return {}
    time = day if "T" in day else f"{day.replace('-', '')}T000000Z"
    mirrors = {name: values[name].replace("{snapshot}", time) for name in ("mirror", "security_mirror")}
    return {"snapshot": time, "mirror_expired": "accept", **mirrors}


def source_of(source: str, place: Place) -> str:
    """Return a base, a disk or what says what it must be, with a whole path where it is a file."""
    if not source or is_url(source) or CHECKSUM.match(source) or source.startswith("oci:docker:"):
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
