# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The volumes that our guests lie on, in a storage pool of libvirt or in a folder of its host."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import Libvirt, last_line, parse
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virt_install import PoolVolume

_OURS = "goldsmith-"
# What virt-install and its like make of it where it is not there yet.
_DEFAULT, _IMAGES = "default", "/var/lib/libvirt/images"


@dataclass(frozen=True)
class Place:
    """Where disks go: a storage pool, or a folder *path* of libvirt's host."""

    pool: str = "default"
    path: str = ""

    def __post_init__(self) -> None:
        if self.path and not os.path.isabs(self.path):
            raise OptionError("path", self.path, "not an absolute path")
        for option in ("pool", "path"):
            if set(",\n") & set(getattr(self, option)):
                raise OptionError(option, getattr(self, option), "holds a comma or a line break")


def volumes_of(machine: str) -> tuple[str, str]:
    """Return the names of a machine's disk and of its config drive, which no other makes."""
    return f"{machine}.goldsmith.qcow2", f"{machine}.goldsmith.iso"


def find_pool(libvirt: Libvirt, place: Place) -> str | None:
    """Return the name of the pool that is there and active for a place, or None where open_pool() can make one."""
    if not place.path:
        return _find_by_name(libvirt, place.pool)
    wanted = os.path.normpath(place.path)
    for name in libvirt.virsh("pool-list", "--name").stdout.split():
        description = libvirt.virsh("pool-dumpxml", "--pool", name, check=False)
        if description.rc == 0 and parse(description.stdout).findtext("./target/path") == wanted:
            return name
    return None


def open_pool(libvirt: Libvirt, place: Place) -> str:
    """Return the name of the pool for a place; a folder without one gets one of ours, a new libvirt its usual one."""
    name = find_pool(libvirt, place)
    if name is None and not place.path:
        libvirt.virsh("pool-define-as", _DEFAULT, "dir", "--target", _IMAGES)
        for word in ("pool-build", "pool-start", "pool-autostart"):
            libvirt.virsh(word, "--pool", _DEFAULT)
        return _DEFAULT
    if name is None:
        path = os.path.normpath(place.path)
        # Several machines may lie in one folder, and a folder has one pool.
        name = _OURS + hashlib.sha256(path.encode()).hexdigest()[:12]
        result = libvirt.virsh("pool-create-as", name, "dir", "--target", path, check=False)
        if result.rc != 0:
            hint = f"make the folder on the host of {libvirt.uri.text}, and let libvirt read it"
            raise OptionError("path", place.path, last_line(result), hint=hint)
    return name


def leave_pool(libvirt: Libvirt, pool: str) -> None:
    """Forget a pool of ours when nothing of ours is left in it; the folder stays as it is."""
    if not pool.startswith(_OURS):
        return
    listing = libvirt.virsh("vol-list", "--pool", pool, check=False)
    if listing.rc == 0 and ".goldsmith." not in listing.stdout:
        libvirt.virsh("pool-destroy", "--pool", pool, check=False)


def create(libvirt: Libvirt, pool: str, name: str, size: int, kind: str, *, source: str | None = None) -> PoolVolume:
    """Make a volume of *size* bytes in place of one of that name, and fill it from the file *source*."""
    delete(libvirt, pool, name)
    made = libvirt.virsh("vol-create-as", pool, name, str(size), "--format", kind, check=False)
    if made.rc != 0:
        raise GoldsmithError(f"libvirt cannot make the volume {name} in the pool {pool}: {last_line(made)}")
    if source is not None:
        # Uploads of large disks take their time.
        argv = ["vol-upload", "--pool", pool, "--vol", name, "--file", source]
        result = libvirt.virsh(*argv, "--sparse", check=False, timeout=None)
        if result.rc != 0:
            delete(libvirt, pool, name)
            raise GoldsmithError(f"the upload of {source} to the pool {pool} failed: {last_line(result)}")
        libvirt.virsh("pool-refresh", "--pool", pool)
    return PoolVolume(pool, name)


def delete(libvirt: Libvirt, pool: str, name: str) -> None:
    """Delete a volume if it is there."""
    # What another program left in the folder is not known before the pool is looked at.
    libvirt.virsh("pool-refresh", "--pool", pool)
    if libvirt.virsh("vol-info", "--pool", pool, "--vol", name, check=False).rc == 0:
        libvirt.virsh("vol-delete", "--pool", pool, "--vol", name)


def delete_path(libvirt: Libvirt, path: str) -> None:
    """Delete the volume at a path of libvirt's host, and our pool when that was its last."""
    pool = open_pool(libvirt, Place(path=os.path.dirname(path)))
    delete(libvirt, pool, os.path.basename(path))
    leave_pool(libvirt, pool)


def _find_by_name(libvirt: Libvirt, name: str) -> str | None:
    result = libvirt.virsh("pool-dumpxml", "--pool", name, check=False)
    if result.rc != 0:
        if name == _DEFAULT and libvirt.uri.is_system:
            return None
        hint = f"virsh pool-define-as {name} dir --target FOLDER, then pool-build and pool-start, or give path"
        raise OptionError("pool", name, f"libvirt at {libvirt.uri.text} has no such storage pool", hint=hint)
    if name not in libvirt.virsh("pool-list", "--name").stdout.split():
        raise OptionError("pool", name, "this storage pool is not active", hint=f"virsh pool-start {name}")
    return name
