# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies in Compute's image cache, who uses it, and when Nova would remove it.

Nova's rules are those of nova/virt/libvirt/imagecache.py. It asks its database which images instances have; here the
instances' disks tell, so a file is never called used without a disk that names it or an image that needs it.
"""

from __future__ import annotations

import hashlib
import heapq
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._image.qcow2 import BadHeader, backing_name
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova import nova_conf
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova.cache_text import said

ORIGINAL, RESIZED, SWAP, EPHEMERAL, OTHER = "original", "resized", "swap", "ephemeral", "other"
IN_USE, KEPT, UNUSED, IGNORED = "in_use", "kept", "unused", "ignored"
_DIGEST = 40
_DISKS = "disk"
_MISSES = 100
# Nova runs its manager at the pace of its other periodic work where the interval is 0.
_DEFAULT_INTERVAL = 60


@dataclass(frozen=True)
class Settings:
    """What is in force; *interval* is None where the manager does not run."""

    instances: str
    subdirectory: str
    preallocate: str
    remove: bool
    original_age: int
    resized_age: int
    interval: int | None

    @property
    def base(self) -> str:
        """The cache folder."""
        return os.path.join(self.instances, self.subdirectory)

    def age_of(self, kind: str) -> int:
        """Return the seconds that an unused file of a kind stays."""
        return self.resized_age if kind == RESIZED else self.original_age

    def described(self) -> dict[str, Any]:
        """Return them by the names that Nova gives them."""
        return {
            "instances_path": self.instances,
            "subdirectory_name": self.subdirectory,
            "preallocate_images": self.preallocate,
            "remove_unused_base_images": self.remove,
            "remove_unused_original_minimum_age_seconds": self.original_age,
            "remove_unused_resized_minimum_age_seconds": self.resized_age,
            "manager_interval": -1 if self.interval is None else self.interval,
        }


@dataclass
class Use:
    """Which base files the disks name, and what could not be looked at."""

    users: dict[str, list[str]] = field(default_factory=dict)
    unread: list[dict[str, str]] = field(default_factory=list)
    missed: int = 0

    def miss(self, path: str, reason: str) -> None:
        """Note what could not be looked at; the first ones are told."""
        self.missed += 1
        if self.missed <= _MISSES:
            self.unread.append({"path": _shown(path), "reason": reason})

    def images(self) -> set[str]:
        """The first part of the names of images that are in use."""
        parts = (name.split("_", 1)[0] for name in self.users)
        return {part for part in parts if len(part) == _DIGEST}


@dataclass(frozen=True)
class Image:
    """An image in Glance, and those that it needs."""

    id: str
    name: str | None
    needs: tuple[str, ...]


@dataclass
class Total:
    """Files and their bytes: by their length, and as they lie on the disk."""

    files: int = 0
    size: int = 0
    allocated: int = 0

    def add(self, file: Mapping[str, Any]) -> None:
        """Count a file."""
        self.files += 1
        self.size += file["size"]
        self.allocated += file["allocated"]


def settings_from(params: Mapping[str, Any]) -> Settings:
    """Return what nova.conf says, with what the options of the module put in its place."""
    paths = params["config_files"]
    if paths is None:
        paths = [nova_conf.NOVA_CONF, *nova_conf.beside(nova_conf.NOVA_CONF)]
    files = nova_conf.load(paths)
    values = {
        setting.name: nova_conf.in_force(files, setting)
        for setting in (
            nova_conf.PREALLOCATE,
            nova_conf.REMOVE,
            nova_conf.ORIGINAL_AGE,
            nova_conf.RESIZED_AGE,
            nova_conf.INTERVAL,
        )
    }
    interval = int(values["manager_interval"])
    return Settings(
        instances=params["instances_path"] or nova_conf.folder_in_force(files, nova_conf.INSTANCES),
        subdirectory=params["subdirectory"] or nova_conf.folder_in_force(files, nova_conf.SUBDIRECTORY),
        preallocate=str(values["preallocate_images"]),
        remove=bool(values["remove_unused_base_images"]),
        original_age=int(values["remove_unused_original_minimum_age_seconds"]),
        resized_age=int(values["remove_unused_resized_minimum_age_seconds"]),
        interval=None if interval < 0 else interval or _DEFAULT_INTERVAL,
    )


def images_from(items: Sequence[Mapping[str, Any]]) -> dict[str, Image]:
    """Return the images by the names of their base files; *items* are as glance_image_info returns them."""
    images = {}
    for item in items:
        if not isinstance(item.get("id"), str):
            raise OptionError("images", item, "has no id", hint="give a dictionary with id and name for each image")
        attributes = item.get("attributes") if isinstance(item.get("attributes"), Mapping) else {}
        others = [item.get(key) or attributes.get(key) for key in ("kernel_id", "ramdisk_id")]
        needs = tuple(_digest(other) for other in others if other)
        images[_digest(item["id"])] = Image(item["id"], item.get("name"), needs)
    return images


def kind_of(name: str) -> str:
    """Return what Nova takes a file for, by its name."""
    if len(name) == _DIGEST:
        return ORIGINAL
    if len(name) > _DIGEST + 2 and name[_DIGEST] == "_":
        return RESIZED
    words = name.split("_")
    if len(words) == 2 and words[0] == SWAP and words[1].isdigit():
        return SWAP
    if len(words) == 3 and words[0] == EPHEMERAL and words[1].isdigit() and len(words[2]) == 7:
        return EPHEMERAL
    return OTHER


def report(settings: Settings, images: Mapping[str, Image], limit: int, now: float | None = None) -> dict[str, Any]:
    """Return the report; *limit* is the number of files that are listed one by one, the totals have all."""
    if limit < 0:
        raise OptionError("limit", limit, "is less than nothing", hint="give the number of files to list")
    if not os.path.isdir(settings.instances):
        hint = "is this the host of nova-compute, are you root?"
        raise OptionError("instances_path", settings.instances, "is not a folder that can be seen", hint=hint)
    # Before the disks: a file that gets its first user meanwhile was touched by that, and has no age.
    moment = time.time() if now is None else now
    use = _users(settings)
    totals = {name: Total() for name in (IN_USE, KEPT, UNUSED, "due", "swap_and_ephemeral", IGNORED, "all")}
    files = _counted(_files(settings, use, images, moment), totals)
    listed = heapq.nlargest(limit, files, key=lambda file: (file["allocated"], file["size"], file["name"]))
    for _file in files:
        pass  # nlargest takes nothing where nothing shall be listed
    result: dict[str, Any] = {
        "base": settings.base,
        "settings": settings.described(),
        "files": listed,
        "totals": {name: vars(total) for name, total in totals.items()},
        "truncated": totals["all"].files > len(listed),
        "unread": use.unread,
        "complete": not use.missed,
    }
    return {**result, "lines": said(result)}


def _users(settings: Settings) -> Use:
    """Read which base file each disk of each instance names."""
    use = Use()
    for instance in _entries(settings.instances):
        if instance.name == settings.subdirectory or not _is_folder(instance):
            continue
        try:
            disks = [entry for entry in _entries(instance.path) if entry.name.startswith(_DISKS)]
        except GoldsmithError as error:
            use.miss(instance.path, str(error))
            continue
        for disk in disks:
            try:
                name = backing_name(disk.path)
            except (FileNotFoundError, NotADirectoryError):
                continue  # removed in the meantime
            except (OSError, BadHeader) as error:
                use.miss(disk.path, getattr(error, "strerror", None) or str(error))
                continue
            if name:
                # Nova too looks at the last part alone.
                use.users.setdefault(os.path.basename(name), []).append(_shown(f"{instance.name}/{disk.name}"))
    for users in use.users.values():
        users.sort()
    return use


def _files(settings: Settings, use: Use, images: Mapping[str, Image], now: float) -> Iterator[dict[str, Any]]:
    used = use.images()
    used |= {digest for name in used if name in images for digest in images[name].needs}
    if not os.path.isdir(settings.base):
        return
    for entry in _entries(settings.base):
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        kind = kind_of(entry.name) if stat.S_ISREG(status.st_mode) else OTHER
        users = use.users.get(entry.name, [])
        state = IN_USE if users else _unused_state(entry.name, kind, used)
        image = images.get(entry.name[:_DIGEST]) if kind in (ORIGINAL, RESIZED) else None
        yield {
            "name": _shown(entry.name),
            "kind": kind,
            "type": _type(status.st_mode),
            "state": state,
            "image_id": image.id if image else None,
            "image_name": image.name if image else None,
            "users": users,
            "size": status.st_size,
            "allocated": status.st_blocks * 512,
            "modified": _iso(status.st_mtime),
            "age": max(0, int(now - status.st_mtime)),
            **_removal(settings, kind, state, status.st_mtime, now),
        }


def _unused_state(name: str, kind: str, used: Set[str]) -> str:
    """Return the state of a file that no disk names."""
    if kind == OTHER:
        return IGNORED
    ending = name[_DIGEST + 1 :]
    # Nova keeps all files of an image that an instance has; of several resized ones it sometimes overlooks one.
    if kind in (ORIGINAL, RESIZED) and name[:_DIGEST] in used and (ending in ("", "sm") or ending.isdigit()):
        return KEPT
    return UNUSED


def _removal(settings: Settings, kind: str, state: str, modified: float, now: float) -> dict[str, Any]:
    """Return when a file may go, and by when it will be gone; what is used begins to age when its last user ends."""
    if state != UNUSED or not settings.remove or settings.interval is None:
        return {"due": False, "removable_from": None, "removed_by": None}
    start = modified + settings.age_of(kind)
    end = max(start, now) + settings.interval
    return {"due": start <= now, "removable_from": _iso(start), "removed_by": _iso(end)}


def _counted(files: Iterable[dict[str, Any]], totals: Mapping[str, Total]) -> Iterator[dict[str, Any]]:
    for file in files:
        totals["all"].add(file)
        totals["swap_and_ephemeral" if file["kind"] in (SWAP, EPHEMERAL) else file["state"]].add(file)
        if file["due"]:
            totals["due"].add(file)
        yield file


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return  # removed in the meantime
    except OSError as error:
        hint = "run as root: become: true" if isinstance(error, PermissionError) else None
        raise GoldsmithError(f"cannot read {_shown(folder)}: {error.strerror}", hint=hint) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # An instance's folder may be a link to another disk, and Nova follows it.
    try:
        return entry.is_dir()
    except OSError:
        return False


def _type(mode: int) -> str:
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link", stat.S_IFSOCK: "socket"}
    return kinds.get(stat.S_IFMT(mode), "fifo" if stat.S_ISFIFO(mode) else "device")


def _digest(image_id: object) -> str:
    return hashlib.sha1(str(image_id).encode(), usedforsecurity=False).hexdigest()


def _shown(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _iso(moment: float) -> str | None:
    try:
        return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return None  # a year that no calendar has
