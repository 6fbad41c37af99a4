# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest of libvirt from nothing to a system on its disk: installed, or started from an existing disk."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import (
    account,
    config_drive,
    instance_documents,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import file_error
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import take
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import qemu_img
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import (
    installer_answers,
    virt_install,
    volumes,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.installer import InstallerRun, NameTaken
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.installer_console import MARK
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import Domain, Libvirt, our_uuid
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virt_install import (
    Installer,
    Machine,
    PoolVolume,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.volumes import Place

KINDS = tuple(installer_answers.ANSWERS)
FORMATS = ("qcow2", "raw")
# For the module, which makes plans of these.
__all__ = [
    "FORMATS",
    "KINDS",
    "InstallPlan",
    "Installer",
    "Machine",
    "Place",
    "discard",
    "install",
    "our_uuid",
    "usual_log",
]


@dataclass(frozen=True)
class InstallPlan:
    """A guest as it was asked for; sizes in bytes, times in seconds.

    Its system comes from *image*, an existing disk, or from *installer* with the *answers* of a *kind*.
    """

    uri: str
    machine: Machine
    place: Place
    disk_size: int
    console_log: str
    disk_format: str = "qcow2"
    virt_type: str = "auto"
    image: str = ""
    user: str = ""
    authorized_key: str = ""
    installer: Installer | None = None
    answers: str = ""
    kind: str = "preseed"
    timeout: float = 5400
    keep_failed: bool = False

    def __post_init__(self) -> None:
        if bool(self.image) == (self.installer is not None):
            raise GoldsmithError("one source is needed", hint="give location, or kernel and initrd, or import")
        if self.image and self.authorized_key:
            account.account_script(self.user, self.authorized_key)
        if self.installer:
            for option in ("kernel", "initrd"):
                path = getattr(self.installer, option)
                if path and not os.path.isfile(path):
                    raise OptionError(option, path, "no such file")
            if self.answers:
                installer_answers.check(self.kind, self.answers, self.installer)


def usual_log(name: str) -> str:
    """Return where the console of a guest is written when nobody says."""
    return os.path.expanduser(f"~/.cache/goldsmith/machines/{name}.console.log")


def install(runner: Runner, plan: InstallPlan, *, check_mode: bool) -> dict[str, Any]:
    """Bring the guest about, shut off with its system on its disk, unless it is there already."""
    libvirt = Libvirt(runner, plan.uri)
    domain = libvirt.domain(plan.machine.name)
    if domain is not None and not domain.is_ours:
        raise OptionError(
            "name",
            plan.machine.name,
            f"another machine at {plan.uri} has this name",
            hint="choose another one; a machine that vm_install did not make is left alone",
        )
    result = {"name": plan.machine.name, "console_log": plan.console_log, "steps": []}
    if domain is not None and domain.installation:
        return {**result, "changed": False, "disk": {"path": domain.disks[0] if domain.disks else ""}, "diff": {}}
    if plan.image:
        qemu_img.inspect(runner, plan.image)
    volumes.find_pool(libvirt, plan.place)
    _require_network(libvirt, plan.machine.network)
    before = "absent" if domain is None else "unfinished"
    result |= {"changed": True, "diff": {"before": f"{before}\n", "after": "installed\n"}}
    if check_mode:
        return result
    with _locked(plan.console_log), scratch_folder("vm") as folder:
        return {**result, **_Installation(runner, libvirt, plan, folder).run(domain)}


class _Installation:
    """One attempt. What it has made so far is removed when it fails."""

    def __init__(self, runner: Runner, libvirt: Libvirt, plan: InstallPlan, folder: Path) -> None:
        self._runner, self._libvirt, self._plan, self._folder = runner, libvirt, plan, folder
        self._pool = ""

    def run(self, unfinished: Domain | None) -> dict[str, Any]:
        """Make the guest; *unfinished* is what an attempt before left of it."""
        name = self._plan.machine.name
        if unfinished is not None:
            discard(self._libvirt, unfinished)
        machine = replace(self._plan.machine, virt_type=self._choose_virt_type())
        try:
            try:
                steps = self._make(machine)
            except NameTaken:
                # What a killed attempt has asked libvirt for may come to be after we have looked for it.
                late = self._libvirt.domain(name)
                if late is None or not late.is_ours or self._clean():
                    raise
                steps = self._make(machine)
            self._libvirt.mark_installed(name)
        except BaseException as error:
            left = "" if self._plan.keep_failed else self._clean()
            if left and isinstance(error, GoldsmithError):
                raise GoldsmithError(
                    f"{error}; what is left of it could not be removed: {left}", **error.facts
                ) from None
            raise
        domain = self._libvirt.domain(name)
        path = domain.disks[0] if domain and domain.disks else ""
        disk = {"pool": self._pool, "volume": volumes.volumes_of(name)[0], "path": path}
        return {"accelerator": "tcg" if machine.emulated else "kvm", "disk": disk, "steps": steps}

    def _make(self, machine: Machine) -> list[dict[str, Any]]:
        self._pool = volumes.open_pool(self._libvirt, self._plan.place)
        return self._import(machine) if self._plan.image else self._install(machine)

    def _choose_virt_type(self) -> str:
        wanted, local = self._plan.virt_type, self._libvirt.uri.is_local
        if wanted == "qemu":
            return "qemu"
        # The device may be there and useless, and libvirt believes in it.
        works = not local or qemu.choose_accelerator(self._runner, "auto") == "kvm"
        if works and self._libvirt.has_kvm():
            return "kvm"
        if wanted == "kvm":
            reason = "does not offer it" if works else "cannot use it: it does not work on this host"
            raise OptionError("virt_type", "kvm", f"libvirt at {self._plan.uri} {reason}", hint="use auto")
        return "qemu"

    def _install(self, machine: Machine) -> list[dict[str, Any]]:
        plan = self._plan
        disks = [self._create(plan.disk_size, plan.disk_format)]
        known = installer_answers.ANSWERS[plan.kind]
        installer, marked = plan.installer or Installer(), True
        if plan.answers:
            answers = self._folder / known.file
            shutil.copyfile(plan.answers, answers)
            # A file of the user's need not write the mark.
            marked = MARK in answers.read_text(encoding="utf-8", errors="replace")
            if known.label:
                disks.append(self._answers_drive(answers, known.label))
                installer = replace(installer, boot=known.boot)
            else:
                installer = replace(installer, answers=str(answers))
        argv = virt_install.command(plan.uri, machine, tuple(disks), installer)
        run = InstallerRun(
            self._libvirt, machine.name, Path(plan.console_log), plan.kind, timeout=plan.timeout, marked=marked
        )
        return run.follow(argv, self._folder / "virt-install.log")

    def _answers_drive(self, answers: Path, label: str) -> PoolVolume:
        # meta-data is for cloud-init, which takes no drive of its kind without it.
        meta = json.dumps({"instance-id": self._plan.machine.uuid})
        return self._drive({answers.name: answers.read_bytes(), "meta-data": meta.encode()}, label)

    def _import(self, machine: Machine) -> list[dict[str, Any]]:
        plan = self._plan
        disks = [self._copy_image()]
        if plan.authorized_key:
            disks.append(self._config_drive())
        argv = virt_install.command(plan.uri, machine, tuple(disks), None, "--print-xml")
        description = self._runner.run(argv, timeout=plan.timeout).stdout
        self._libvirt.virsh("define", "--file", "/dev/stdin", stdin=description)
        return []

    def _copy_image(self) -> PoolVolume:
        plan = self._plan
        image = qemu_img.inspect(self._runner, plan.image)
        copy = str(self._folder / "disk")
        progress = Progress(f"copy {os.path.basename(plan.image)}", 100, "%")
        qemu_img.convert(self._runner, image, copy, plan.disk_format, on_percent=progress)
        size = max(plan.disk_size, image.virtual_size)
        if size > image.virtual_size:
            self._runner.run(["qemu-img", "resize", "-q", "-f", plan.disk_format, copy, str(size)])
        volume = self._create(size, plan.disk_format, copy)
        os.unlink(copy)
        return volume

    def _config_drive(self) -> PoolVolume:
        plan = self._plan
        script = account.account_script(plan.user, plan.authorized_key)
        instance = instance_documents.InstanceData(
            str(uuid.uuid4()), plan.machine.name, plan.authorized_key.strip(), script
        )
        return self._drive(instance_documents.openstack_documents(instance), config_drive.LABEL)

    def _drive(self, documents: Mapping[str, bytes], label: str) -> PoolVolume:
        iso = self._folder / "drive.iso"
        config_drive.make_config_drive(self._runner, documents, iso, label)
        name = volumes.volumes_of(self._plan.machine.name)[1]
        return volumes.create(self._libvirt, self._pool, name, iso.stat().st_size, "raw", source=str(iso))

    def _create(self, size: int, kind: str, source: str | None = None) -> PoolVolume:
        name = volumes.volumes_of(self._plan.machine.name)[0]
        return volumes.create(self._libvirt, self._pool, name, size, kind, source=source)

    def _clean(self) -> str:
        try:
            domain = self._libvirt.domain(self._plan.machine.name)
            if domain is not None and domain.is_ours:  # somebody else may have made one of this name meanwhile
                self._libvirt.remove(domain.name)
            if self._pool:
                for name in volumes.volumes_of(self._plan.machine.name):
                    volumes.delete(self._libvirt, self._pool, name)
                volumes.leave_pool(self._libvirt, self._pool)
        except GoldsmithError as error:
            return str(error)
        return ""


def discard(libvirt: Libvirt, domain: Domain) -> None:
    """Remove a guest with the disks that we made for it."""
    libvirt.remove(domain.name)
    for path in domain.disks:
        volumes.delete_path(libvirt, path)


def _require_network(libvirt: Libvirt, network: str) -> None:
    kind, _equals, name = network.partition("=")
    if kind != "network":
        return
    listed = libvirt.virsh("net-list", "--name").stdout.split()
    if name not in listed:
        there = ", ".join(listed) or "none"
        hint = f"virsh net-start {name}, or one of the active ones: {there}"
        raise OptionError("network", network, f"no active network of libvirt at {libvirt.uri.text}", hint=hint)


@contextmanager
def _locked(console_log: str) -> Iterator[None]:
    # Two that install one machine write one log.
    try:
        os.makedirs(os.path.dirname(console_log), exist_ok=True)
        lock = take(console_log, f"{console_log} is being written", mode=0o644)
    except OSError as error:
        raise file_error(console_log, error) from error
    with open(lock, "rb"):
        yield
