# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Booting an image: start it as its cloud would, watch it, judge it."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import (
    boot_disk,
    metadata_service,
    qemu,
    session,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.boot_plan import BootPlan
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.console import Console
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.qmp import SOCKET_NAME_LIMIT, Qmp
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.stages import History, Stages
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import config_drive, instance_documents
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import whole_file
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder

# What Compute gives to the kernel of an AMI image.
_NOVA_KERNEL_ARGS = "root=/dev/{root}a console=tty0 console={console} console=hvc0 no_timer_check"
_IN_MEMORY = "console=tty0 console={console}"
_STATIC = instance_documents.StaticAddress(qemu.STATIC_GUEST, qemu.STATIC_NETMASK, qemu.STATIC_ROUTER, qemu.STATIC_DNS)
_NOVA = ("manufacturer=OpenStack Foundation", "product=OpenStack Nova")
_GLANCE_SECONDS = 0.25
# A prompt that is not there so long after the system has started does not come.
_LOGIN_GRACE = 60.0
_POWER_OFF_GRACE = 60.0


class Boot:
    """One guest, from its first instruction to its last. Nothing of it lies outside *folder*.

    All its programs are started by the thread that starts it, and end with that; *stop* ends it from another thread.
    """

    def __init__(self, runner: Runner, plan: BootPlan, folder: Path, stop: threading.Event | None = None) -> None:
        if len(str(folder)) + len("/ssh.") + 17 > SOCKET_NAME_LIMIT:  # ssh adds a suffix while it makes its socket
            raise GoldsmithError(f"the path {folder} is too long for a socket", hint="choose a shorter folder")
        self._runner, self._plan, self._folder = runner, plan, folder
        self.accelerator = qemu.choose_accelerator(runner, plan.accelerator, plan.architecture)
        self.key = Path(plan.ssh_key) if plan.ssh_key else folder / "key"
        self.machine = self._prepare()
        self.console = Console(self.machine.console)
        self._guest: session.Guest | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._stop = stop or threading.Event()
        self._over = threading.Event()
        self._up = threading.Event()
        self._history = History(plan.cache_dir, plan.form, self.accelerator)
        self._stages = Stages(self._history.usual())
        self.seconds: dict[str, float | None] = dict.fromkeys(("kernel", "sshd", "login", "ssh"))

    def start(self, *, daemon: bool = False) -> None:
        """Start the machine; it dies with this process unless it is a daemon."""
        if self._stop.is_set():
            raise GoldsmithError("stopped before its start")
        argv = qemu.command(self.machine, daemon=daemon)
        self._started = time.monotonic()
        if daemon:
            self._runner.run(argv)
        else:
            self._process = self._runner.start(argv)
        try:
            with Qmp(self.machine.qmp, wait=10) as qmp:
                port = qmp.ssh_port()
        except GoldsmithError:
            self._require_process()  # knows better why
            raise
        self._guest = session.Guest(self._runner, port=port, user=self._plan.user, key=self.key, folder=self._folder)
        threading.Thread(target=self._follow, daemon=True).start()

    @property
    def guest(self) -> session.Guest:
        """The guest, once it was started."""
        if self._guest is None:
            raise GoldsmithError("the guest was not started")
        return self._guest

    def wait(self) -> dict[str, object]:
        """Wait until the guest is up and return what was seen; raise GoldsmithError with what was reached if not."""
        deadline = self._started + self._plan.timeout
        while not self._is_up():
            self._require_life()
            if time.monotonic() > deadline:
                raise self._failure(self._reached(), f"within {self._plan.timeout:g} s")
            time.sleep(_GLANCE_SECONDS)
        seen: dict[str, object] = {}
        if self._plan.can_log_in:
            seen = self._observe(max(deadline - time.monotonic(), 30))
        self._await_login(min(deadline, time.monotonic() + _LOGIN_GRACE))
        self._up.set()
        if not self._stop.is_set():
            self._look_at_stages()
            self._history.keep(self._stages.seconds(self._elapsed()))
        results = [self._command(command) for command in self._plan.commands]
        return {**seen, **self.facts(), "commands": results}

    def facts(self) -> dict[str, object]:
        """Return what the host knows of the boot."""
        self.seconds["kernel"], self.seconds["login"] = self.console.kernel, self.console.login
        rounded = {f"seconds_to_{name}": None if at is None else round(at, 1) for name, at in self.seconds.items()}
        return {
            **rounded,
            "accelerator": self.accelerator,
            "console_tail": self.console.tail(),
            "disk_size": self.machine.disks[0].size if self._plan.image else 0,
        }

    def power_off(self) -> bool:
        """Press the power button and return whether the guest powered off by itself."""
        try:
            with Qmp(self.machine.qmp) as qmp:
                qmp.press_power_button()
            if self._process is not None:
                self._process.wait(_POWER_OFF_GRACE)
        except (GoldsmithError, subprocess.TimeoutExpired):
            return False
        return True

    def close(self) -> None:
        """End all that this process started; keep the console log where the user wants it."""
        self._over.set()
        if self._guest is not None:
            self._guest.close()
        if self._process is not None:
            qemu.end(self._runner, self._process)
        if self._plan.console_log and self.machine.console.exists():
            with whole_file(self._plan.console_log) as file:
                shutil.copyfile(self.machine.console, file)

    def _prepare(self) -> qemu.Machine:
        plan, folder = self._plan, self._folder
        platform = qemu.PLATFORMS[plan.architecture]
        disks = [self._disk(plan.image)] if plan.image else []
        if not plan.ssh_key:
            session.make_key(self._runner, self.key)
        identity, root = str(uuid.uuid4()), plan.hardware.root_letters
        if plan.instance_data == "ec2":
            identity = "ec2" + identity[3:]  # how guests know EC2
        machine = qemu.Machine(
            folder=folder,
            name=plan.hostname,
            uuid=identity,
            architecture=plan.architecture,
            type=plan.machine or next(iter(plan.hardware.machines), platform.types[0]),
            accelerator=self.accelerator,
            memory=plan.memory,
            cpus=plan.cpus or qemu.usual_cpus(self.accelerator),
            disks=tuple(disks),
            uefi=self._firmware(),
            kernel=plan.kernel,
            ramdisk=plan.ramdisk,
            kernel_args=plan.kernel_args
            or (_NOVA_KERNEL_ARGS if plan.image else _IN_MEMORY).format(console=platform.console, root=root),
            outbound=plan.outbound,
            hardware=plan.hardware,
        )
        return self._with_instance_data(machine)

    def _disk(self, image: str) -> qemu.Disk:
        if self._plan.in_place:
            return boot_disk.itself(self._runner, image)
        prepare = boot_disk.grown_copy if self._plan.kernel else boot_disk.overlay
        return prepare(self._runner, image, self._plan.disk_size, self._folder)

    def _with_instance_data(self, machine: qemu.Machine) -> qemu.Machine:
        plan = self._plan
        if plan.instance_data == "none":
            return machine
        public_key = session.public_key(self._runner, self.key)
        static = _STATIC if plan.instance_data == "static_network" else None
        instance = instance_documents.InstanceData(
            machine.uuid,
            plan.hostname,
            public_key,
            plan.user_data,
            network=instance_documents.Network(qemu.MAC, static),
        )
        if plan.instance_data == "ec2":
            documents = instance_documents.ec2_documents(instance, address=qemu.METADATA_GUEST, mac=qemu.MAC)
            smbios = ("manufacturer=Amazon EC2", "product=t3.small", f"serial={machine.uuid}")
            service = metadata_service.install(self._folder, documents)
            # cloud-init asks for a lease twice in EC2. Without a router systemd-networkd has no route left then.
            return replace(machine, metadata=service, smbios=smbios, outbound=True)
        documents = instance_documents.openstack_documents(instance)
        if plan.instance_data == "metadata":
            documents |= instance_documents.ec2_documents(instance, address=qemu.METADATA_GUEST, mac=qemu.MAC)
        if plan.instance_data in ("metadata", "openstack"):
            return replace(machine, metadata=metadata_service.install(self._folder, documents), smbios=_NOVA)
        iso = self._folder / "config.iso"
        config_drive.make_config_drive(self._runner, documents, iso)
        drive = qemu.Disk(str(iso), "raw", iso.stat().st_size, readonly=True)
        return replace(machine, disks=(*machine.disks, drive), smbios=_NOVA, address=static.address if static else "")

    def _firmware(self) -> tuple[str, str] | None:
        pair = qemu.find_uefi(self._plan.architecture) if self._plan.firmware == "uefi" else None
        if pair is None:
            return None
        store = self._folder / "uefi-variables"
        shutil.copyfile(pair[1], store)
        return pair[0], str(store)

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _follow(self) -> None:
        progress = Progress(self._plan.label, 100, "%")
        told = False
        while not self._over.wait(_GLANCE_SECONDS):
            if self._stop.is_set() and self._process is not None:
                # Whatever the other thread waits for ends with the guest.
                self._process.kill()
            self.console.look(self._elapsed())
            if not told:
                told = self._up.is_set()
                self._look_at_stages()
                progress(100 if told else self._stages.percent(self._elapsed()), self._stages.present)

    def _look_at_stages(self) -> None:
        self._stages.begin("kernel", self.console.kernel)
        self._stages.begin("services", self.console.init)
        self._stages.begin("cloud-init", self.console.cloud_init)
        self._stages.begin("login", self.seconds["sshd"])

    def _is_up(self) -> bool:
        if self.seconds["sshd"] is None:
            if not self._may_answer() or not self.guest.speaks_ssh():
                return False
            self.seconds["sshd"] = self._elapsed()
        if not self._plan.can_log_in:
            return self.console.login is not None
        if not self.guest.log_in():
            return False
        self.seconds["ssh"] = self._elapsed()
        return True

    def _may_answer(self) -> bool:
        # QEMU keeps what knocks too early, and the guest has to serve it all when its network comes up.
        if self.console.login is not None:
            return True
        try:
            with Qmp(self.machine.qmp) as qmp:
                return qmp.network_is_up()
        except GoldsmithError:
            return False  # the guest has ended: the caller finds that out

    def _await_login(self, deadline: float) -> None:
        while self.console.login is None and time.monotonic() < deadline and not self._stop.is_set():
            time.sleep(_GLANCE_SECONDS)

    def _observe(self, timeout: float) -> dict[str, object]:
        try:
            return self.guest.observe(timeout)
        except GoldsmithError as error:
            raise self._failure(f"the login works, but the system did not finish its start: {error}") from error

    def _command(self, command: str) -> dict[str, object]:
        result = self.guest.run(command, timeout=self._plan.timeout)
        texts = {name: getattr(result, name).rstrip("\n") for name in ("stdout", "stderr")}
        return {"cmd": command, "rc": result.rc, **texts}

    def _require_life(self) -> None:
        if self.console.fatal:
            raise self._failure(self.console.fatal)
        self._require_process()

    def _require_process(self) -> None:
        if self._process is None:
            if qemu.daemon_pid(self.machine.folder) is None:
                raise self._failure("QEMU ended")
        elif self._process.poll() is not None:
            if self._process.returncode == 0:
                raise self._failure("the guest powered itself off")
            said = self._process.stderr.read().decode("utf-8", "replace") if self._process.stderr else ""
            last = (said.strip().splitlines() or ["no output"])[-1]
            raise self._failure(f"QEMU ended with exit status {self._process.returncode}: {last}")

    def _reached(self) -> str:
        if self.console.kernel is None:
            return "no kernel spoke on the serial console"
        if self.console.init is None and self.seconds["sshd"] is None:
            return "the kernel started, but no init"
        if self.seconds["sshd"] is None:
            return "kernel and init started, but no ssh server answered"
        if self._plan.can_log_in:
            return f"ssh refused the key for {self._plan.user} ({self.guest.refusal or 'no answer'})"
        return "ssh answers, but no login prompt came on the serial console"

    def _failure(self, reason: str, when: str = "") -> GoldsmithError:
        self.console.look(self._elapsed())
        line = f"{self._plan.subject} did not come up{' ' + when if when else ''}: {reason}"
        return GoldsmithError(f"{line}; last on the console: {self.console.last_line}", reached=reason, **self.facts())


def check_image(runner: Runner, plan: BootPlan) -> None:
    """Refuse an image that cannot be booted, without booting it."""
    if plan.image:
        boot_disk.require_bootable(runner, plan.image, is_disk=plan.kernel is None)


def check(runner: Runner, plan: BootPlan, stop: threading.Event | None = None) -> dict[str, object]:
    """Boot, look, power off; leave nothing but the console log. *stop* ends it early, by an exception or without."""
    with scratch_folder("boot") as folder:
        boot = Boot(runner, plan, folder, stop)
        try:
            boot.start()
            seen = boot.wait()
            return {**seen, "powered_off": boot.power_off(), "console_tail": boot.console.tail()}
        finally:
            boot.close()
