# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image file's life on its host: made, attached, mounted, detached, absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import disk_layout, writer
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import replace_if_different, whole_file
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import disk_areas, loop_devices, recognition


@dataclass(frozen=True)
class Image:
    """An image file and what the module was asked for."""

    path: str
    check_mode: bool
    runner: Runner
    durable: bool = True

    def present(self, layout: disk_layout.Layout) -> dict[str, Any]:
        """Make the image. One with a tree is made again and replaced only when its bytes differ."""
        plan = writer.make_plan(self.runner, layout)
        exists = os.path.exists(self.path)
        before = {"size": os.path.getsize(self.path)} if exists else {}
        if exists and not os.path.isfile(self.path):
            raise OptionError("path", self.path, "is not a file")
        if layout.tree:
            changed = self._rebuild(plan)
        elif exists:
            # Without a tree the content is the user's: never written over.
            if reason := writer.mismatch(self.runner, plan, self.path):
                raise OptionError("path", self.path, f"exists, and {reason}", hint="remove it with state=absent first")
            changed = False
        else:
            changed = True
            if not self.check_mode:
                with whole_file(self.path, durable=self.durable) as partial:
                    writer.write(self.runner, plan, os.fspath(partial))
        return {
            "changed": changed,
            **plan.describe(),
            "diff": {"before": before, "after": plan.describe() if changed else before},
        }

    def attached(self, *, read_only: bool, partition: int | None = None, volume: str | None = None) -> dict[str, Any]:
        """Give every partition and logical volume, or the bare file system, a loop device."""
        areas = disk_areas.choose(self._raw_disk(), partition=partition, volume=volume)
        parts = [self._in_one_piece(area) for area in areas]
        there = {(loop.offset, loop.size): loop.device for loop in self._loops()}
        missing = [part for part in parts if (part.start, part.size) not in there]
        made: list[str] = []
        try:
            for part in [] if self.check_mode else missing:
                loop = loop_devices.attach(
                    self.runner, self.path, offset=part.start, size=part.size, read_only=read_only
                )
                made.append(loop.device)
                there[part.start, part.size] = loop.device
        except BaseException:
            for device in made:
                loop_devices.detach(self.runner, device)
            raise
        devices = {part.name: there.get((part.start, part.size)) for part in parts}
        return _result(bool(missing), {"devices": devices}, before="detached", after="attached")

    def mounted(
        self, mountpoint: str, *, read_only: bool, partition: int | None = None, volume: str | None = None
    ) -> dict[str, Any]:
        """Mount one file system; its loop device goes with the mount."""
        part = self._in_one_piece(self._choose(partition, volume))
        current = self._mounts()
        found = next((mount for mount in current if mount.mountpoint == os.path.realpath(mountpoint)), None)
        if found and found.source not in {loop.device for loop in self._loops() if loop.offset == part.start}:
            raise OptionError("mountpoint", mountpoint, "another partition is mounted there", hint="detach it first")
        foreign = {mount.mountpoint for mount in loop_devices.mounts()} - {mount.mountpoint for mount in current}
        if os.path.realpath(mountpoint) in foreign:
            raise OptionError("mountpoint", mountpoint, "something else is mounted there", hint="choose another folder")
        if not found and not self.check_mode:
            fresh = not os.path.isdir(mountpoint)
            os.makedirs(mountpoint, exist_ok=True)
            try:
                loop_devices.mount(
                    self.runner, self.path, mountpoint, offset=part.start, size=part.size, read_only=read_only
                )
            except BaseException:
                if fresh:
                    os.rmdir(mountpoint)
                raise
        return _result(not found, {"mountpoint": mountpoint}, before="not mounted", after=f"mounted on {mountpoint}")

    def detached(self) -> dict[str, Any]:
        """Unmount the image everywhere and take its loop devices away."""
        mounts = self._mounts()
        # One that goes with its last user, who is in another namespace, needs nobody any more.
        seen = {mount.source for mount in mounts}
        loops = [loop for loop in self._loops() if loop.device in seen or not loop.autoclear]
        if not self.check_mode:
            for mount in mounts:
                loop_devices.unmount(self.runner, mount.mountpoint)
            # The devices of the mounts went with them.
            for loop in self._loops():
                loop_devices.detach(self.runner, loop.device)
        used = [mount.mountpoint for mount in mounts] + [loop.device for loop in loops]
        return _result(bool(used), {}, before=", ".join(used), after="detached")

    def absent(self) -> dict[str, Any]:
        """Detach the image and remove the file."""
        exists = os.path.exists(self.path)
        detached = self.detached()
        if exists and not self.check_mode:
            os.unlink(self.path)
        return _result(exists or detached["changed"], {}, before=self.path if exists else "", after="")

    def _rebuild(self, plan: writer.DiskPlan) -> bool:
        return replace_if_different(
            self.path,
            lambda partial: writer.write(self.runner, plan, partial),
            check_mode=self.check_mode,
            before_replacing=self._refuse_attached,
            durable=self.durable,
        )

    def _refuse_attached(self) -> None:
        # The device would keep the old file, which nobody could find again.
        if os.path.exists(self.path) and (loops := self._loops()):
            used = ", ".join(loop.device for loop in loops)
            raise OptionError("path", self.path, f"is attached to {used}", hint="use state=detached first")

    def _raw_disk(self) -> disk_areas.Disk:
        if not os.path.isfile(self.path):
            raise OptionError("path", self.path, "is not a file", hint="make it with state=present")
        return disk_areas.of_raw(self.runner, self.path)

    def _choose(self, partition: int | None, volume: str | None) -> disk_areas.Area:
        disk = self._raw_disk()
        areas = disk_areas.choose(disk, partition=partition, volume=volume)
        chosen = areas if len(areas) == 1 else [area for area in areas if disk.fstype(area)]
        if len(chosen) != 1:
            names = ", ".join(area.name for area in areas)
            raise OptionError("partition", partition, f"does not select one of {names}", hint="name one of them")
        return chosen[0]

    def _in_one_piece(self, area: disk_areas.Area) -> disk_areas.Area:
        if area.trouble:
            raise OptionError("path", self.path, f"{area.name} {area.trouble}", hint="name another partition or volume")
        if len(area.pieces) != 1:
            raise OptionError(
                "volume",
                area.name,
                f"lies in {len(area.pieces)} pieces, and a loop device shows one",
                hint="take it out with disk_extract",
            )
        return area

    def _mounts(self) -> list[loop_devices.Mount]:
        return loop_devices.mounts({loop.device for loop in self._loops()})

    def _loops(self) -> list[loop_devices.LoopDevice]:
        return loop_devices.find(self.runner, self.path)


def build(image: Image, state: str, actions: dict[str, Callable[[], dict[str, Any]]]) -> dict[str, Any]:
    """Bring the image into *state* and return the result with its path and size."""
    recognition.require_raw(image.path, "path")
    result = actions[state]()
    size = os.path.getsize(image.path) if os.path.isfile(image.path) else result.get("size", 0)
    return {**result, "path": image.path, "size": size}


def _result(changed: bool, values: dict[str, Any], before: str = "", after: str = "") -> dict[str, Any]:
    return {"changed": changed, **values, "diff": {"before": before if changed else after, "after": after}}
