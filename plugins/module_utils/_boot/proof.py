# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of an image: each of its forms is booted, and held to what an instance must do."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import boot
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.boot_plan import BootPlan
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.hardware import Hardware, hardware_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.room import room
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import initramfs
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import side_by_side
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import MIB, align_up

TRIPLET, RAMDISK = "triplet", "ramdisk"
_MARKER = "/run/goldsmith-user-data"
_EXECUTED = "executed"
_USER_DATA = f"#!/bin/sh\necho {_EXECUTED} >{_MARKER}\n"
# The file system has tables of its own.
_GROWN = 0.9
# The kernel gives half of the memory to its root file system; besides there are the packed one and the system.
_FOR_THE_SYSTEM = 256 * MIB
_UNTOLD = ("commands", "console_tail")


@dataclass(frozen=True)
class ProofPlan:
    """What is proved, and how: a disk by each of its firmwares, a triplet and a system in memory by their kernel.

    *initramfs* is that system; it gets more than *memory* where it needs that. *properties* are those that the image
    has in Glance. Sizes in bytes.
    """

    user: str
    image: str | None
    root: str | None
    kernel: str | None
    ramdisk: str | None
    architecture: str
    firmwares: tuple[str, ...]
    machines: tuple[str, ...]
    instance_data: tuple[str, ...]
    hostname: str
    disk_size: int
    reserved: int
    grows: bool
    memory: int
    timeout: float
    console_log: str | None
    cache_dir: str | None
    parallel: int
    initramfs: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for option in ("image", "root", "kernel", "ramdisk", "initramfs"):
            path = getattr(self, option)
            if path is not None and not os.path.isfile(path):
                raise OptionError(option, path, "no such file")
        for option in ("firmwares", "machines", "instance_data"):
            if not getattr(self, option):
                raise OptionError(option, "[]", "nothing to boot with", hint="leave it out for the default")
        if self.parallel < 0:
            raise OptionError(
                "parallel", self.parallel, "not a number of boots", hint="0 is as many as there is room for"
            )

    @property
    def hardware(self) -> Hardware:
        """What guests of the disk and of the triplet get, in place of a choice of our own."""
        return hardware_of(self.properties)

    def boots(self) -> list[BootPlan]:
        """Return the boots, each with the next machine type and the next source of instance data."""
        forms = [*dict.fromkeys(self.firmwares)] if self.image else []
        forms += [form for form, there in ((TRIPLET, self.root), (RAMDISK, self.initramfs)) if there]
        return [self._boot(form, turn) for turn, form in enumerate(forms)]

    def at_once(self) -> int:
        """Return how many boots run at the same time, if there are so many."""
        return self.parallel or room(max(one.memory for one in self.boots()))

    def _boot(self, form: str, turn: int) -> BootPlan:
        if form == TRIPLET:
            parts = {"image": self.root, "kernel": self.kernel, "ramdisk": self.ramdisk}
        elif form == RAMDISK:
            parts = {"image": None, "kernel": self.kernel, "ramdisk": self.initramfs}
        else:
            parts = {"image": self.image, "firmware": form}
        machines = (form != RAMDISK and self.hardware.machines) or self.machines
        return BootPlan(
            **parts,
            name=form,
            user=self.user,
            architecture=self.architecture,
            machine=machines[turn % len(machines)],
            properties=self.properties if form != RAMDISK else {},
            instance_data=self.instance_data[turn % len(self.instance_data)],
            hostname=self.hostname,
            user_data=_USER_DATA,
            disk_size=self.disk_size,
            memory=max(self.memory, _needed(self.initramfs)) if form == RAMDISK and self.initramfs else self.memory,
            timeout=self.timeout,
            console_log=self._log(form, turn),
            commands=(f"cat {_MARKER}",),
            cache_dir=self.cache_dir,
        )

    def _log(self, form: str, turn: int) -> str | None:
        if not self.console_log or turn == 0:
            return self.console_log
        stem, ending = os.path.splitext(self.console_log)
        return f"{stem}-{form}{ending}"


def _needed(path: str) -> int:
    whole = 2 * initramfs.unpacked_size(path) + os.path.getsize(path) + _FOR_THE_SYSTEM
    return align_up(whole, 128 * MIB)


def check_images(runner: Runner, plan: ProofPlan) -> None:
    """Refuse what cannot be booted, without booting it."""
    for one in plan.boots():
        _named(one.name, partial(boot.check_image, runner, one))


def prove(runner: Runner, plan: ProofPlan) -> dict[str, Any]:
    """Boot every form, side by side where there is room; return how many at once, and what was seen of each.

    The first that fails, or misses what an instance must do, ends the others. The error begins with its name.
    """
    jobs = [partial(_prove, runner, plan, one) for one in plan.boots()]
    at_once = min(plan.at_once(), len(jobs))
    return {"parallel": at_once, "boots": side_by_side.run(jobs, at_once)}


def misses(plan: ProofPlan, form: str, seen: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each thing that an instance must do and this one did not."""
    if seen["hostname"] != plan.hostname.partition(".")[0]:
        yield (f"the host name is {seen['hostname']}, not {plan.hostname}; does the guest read its instance data?")
    if seen["commands"][0]["stdout"] != _EXECUTED:
        yield "the script in the user data was not executed"
    # A triplet's root is the whole disk; that of a disk may be left to the cloud.
    room = seen["disk_size"] - (0 if form == TRIPLET else plan.reserved)
    if form != RAMDISK and (plan.grows or form == TRIPLET) and seen["root_size"] <= _GROWN * room:
        size = seen["root_size"]
        yield f"the root file system has {size} of the {room} bytes that the disk has for it; it did not grow"
    if seen["failed_units"] is None:
        yield "failed units: not known, because systemctl does not answer"
    elif seen["failed_units"]:
        yield f"failed units: {', '.join(seen['failed_units'])}"
    if seen["seconds_to_kernel"] is None:
        yield "no kernel on the serial console; does console= name another?"
    if seen["seconds_to_login"] is None:
        yield "no login prompt on the serial console; is a getty on it?"


def _prove(runner: Runner, plan: ProofPlan, one: BootPlan, stop: threading.Event) -> dict[str, Any]:
    began = time.monotonic()
    seen = _named(one.name, partial(boot.check, runner, one, stop))
    if lines := list(misses(plan, one.name, seen)):
        raise GoldsmithError(f"{one.name}: {'; '.join(lines)}", boot=one.name, **seen)
    told = {name: value for name, value in seen.items() if name not in _UNTOLD}
    return {"name": one.name, **told, "elapsed": round(time.monotonic() - began, 3)}


def _named(name: str, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except GoldsmithError as error:
        raise GoldsmithError(f"{name}: {error}", boot=name, **error.facts) from error
