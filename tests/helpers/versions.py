# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of one image that tests publish, and what must be in Glance when they have."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.fault_proxy import Fault
from helpers.glance import TestCloud, file_system, kernel, raw_disk, run_module, start_module
from helpers.waiting import PATIENCE, wait_for
from helpers.watch import Watch, Whole

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Image

UPLOAD = "glance_triplet_upload"
DATA = r"/file$"
# More than one block of the proxy, and little enough to be quick.
SIZE = 256 << 10
_PIECES = ("aki", "ari")


@dataclass(frozen=True)
class Versions:
    """Versions 1, 2, ... of an image, each with bytes of its own; as a triplet with a kernel and a ramdisk each.

    *kernels* says which version's kernel and ramdisk another one has.
    """

    cloud: TestCloud
    folder: Path
    triplet: bool = False
    name: str = "guest"
    size: int = SIZE
    kernels: dict[int, int] = field(default_factory=dict)

    def options(self, version: int, **more: Any) -> dict[str, Any]:
        """Return the options that publish a version, through the proxy."""
        wanted = {**self.any(name=self.name), "image": str(self._image(version)), "properties": _properties(version)}
        if self.triplet:
            wanted |= {"kernel": str(self._piece(version, "vmlinuz")), "ramdisk": str(self._piece(version, "initrd"))}
        return {**wanted, **more}

    def any(self, **options: Any) -> dict[str, Any]:
        """Return options for the cloud, through the proxy."""
        return {"cloud": "faulty", "clouds_yaml": str(self.cloud.clouds_yaml), **options}

    def publish(self, version: int, *, check: bool = False, **more: Any) -> dict[str, Any]:
        """Publish a version, or fail; return the module's result."""
        result = self.attempt(version, check=check, **more)
        assert not result.get("failed"), result["msg"]
        return result

    def attempt(self, version: int, *, check: bool = False, **more: Any) -> dict[str, Any]:
        """Try to publish a version; return the module's result, of a failure too."""
        return run_module(UPLOAD, self.options(version, **more), check=check)

    def state(self, state: str, *, check: bool = False, **more: Any) -> dict[str, Any]:
        """Bring the series, or one image of it, into another state; return the module's result, of a failure too."""
        return run_module(UPLOAD, self.any(name=self.name, state=state, **more), check=check)

    @contextmanager
    def running(self, version: int, **more: Any) -> Iterator[subprocess.Popen[str]]:
        """Publish a version in a process of its own, which does not outlive the context."""
        process = start_module(UPLOAD, self.options(version, **more), hurried=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def watch(self, *versions: int) -> Watch:
        """Return a watch that allows these versions only, and at least one of them once there is one."""
        return Watch(self.cloud, self.name, [self.whole(version) for version in versions])

    def whole(self, version: int) -> Whole:
        """Return what a version has to be."""
        pieces = {}
        if self.triplet:
            pieces = {part: _sha512(self._piece(version, part)) for part in ("vmlinuz", "initrd")}
        image = self._image(version)
        return Whole(
            label=str(version),
            size=image.stat().st_size,
            sha512=_sha512(image),
            properties=_properties(version),
            kernel=pieces.get("vmlinuz"),
            ramdisk=pieces.get("initrd"),
        )

    def found(self) -> dict[str, Image]:
        """Return all images of the series but kernels and ramdisks, by their version; each may be there once."""
        found = [one for one in self.cloud.images() if one.container_format not in _PIECES]
        by_version = {one.properties.get("os_version", one.id): one for one in found}
        assert len(by_version) == len(found), sorted(one.name for one in found)
        return by_version

    def bearers(self) -> list[Image]:
        """Return what everybody finds by the name."""
        return self.cloud.images(name=self.name, os_hidden="false")

    def assert_there(self, current: int | None, retired: Sequence[int] = ()) -> None:
        """Exactly these versions are there, each whole, one of them current, and nothing else."""
        found = self.found()
        assert set(found) == {str(one) for one in (current, *retired) if one is not None}
        for label, image in found.items():
            assert image.hash_value == self.whole(int(label)).sha512
            bears = image.name == self.name and not image.hidden
            assert bears == (label == str(current)), f"version {label} is {image.name}, hidden: {image.hidden}"
            assert bears or re.fullmatch(rf"{self.name}-\d{{8}}-{image.id[:8]}", image.name), image.name
        left = orphans(self.cloud)
        assert not left, left

    def _image(self, version: int) -> Path:
        make = file_system if self.triplet else raw_disk
        return self._file(f"{version}.image", make, 100 + version)

    def _piece(self, version: int, part: str) -> Path:
        version = self.kernels.get(version, version)
        make, seed = (kernel, 200) if part == "vmlinuz" else (raw_disk, 300)
        return self._file(f"{version}.{part}", make, seed + version)

    def _file(self, name: str, make: Any, seed: int) -> Path:
        path = self.folder / name
        return path if path.exists() else make(path, size=self.size, seed=seed)


def orphans(cloud: TestCloud) -> list[str]:
    """Return what a publication must not leave: half images, marks, kernels and ramdisks that nobody names."""
    images = cloud.images()
    named = {one.properties.get(name) for one in images for name in ("kernel_id", "ramdisk_id")} - {None}
    left = [f"{one.name} is {one.status}" for one in images if one.status != "active"]
    left += [f"{one.name} is marked" for one in images if "goldsmith_publisher" in one.properties]
    left += [f"nobody names {one.name}" for one in images if one.container_format in _PIECES and one.id not in named]
    return left + [f"{one} is named, and not there" for one in named - {image.id for image in images}]


def held(fault: Fault, *processes: subprocess.Popen[str]) -> None:
    """Wait until that fault holds a request of one of the processes; none of them ends before."""

    def ready() -> bool:
        over = [process.communicate() for process in processes if process.poll() is not None]
        assert not over, over
        return fault.held.is_set()

    wait_for(ready)


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a module in a process of its own, which must not fail; return its result."""
    said, errors = process.communicate(timeout=PATIENCE)
    result = json.loads(said)
    assert not result.get("failed"), f"{result['msg']}\n{errors}"
    return result


def assert_one_line(result: dict[str, Any]) -> None:
    """A failure is one line that says something."""
    assert result.get("failed"), result
    assert len(result["msg"].splitlines()) == 1
    assert "Traceback" not in result["msg"]


def _properties(version: int) -> dict[str, str]:
    return {"os_distro": "debian", "os_version": str(version)}


def _sha512(path: Path) -> str:
    return hashlib.sha512(path.read_bytes()).hexdigest()
