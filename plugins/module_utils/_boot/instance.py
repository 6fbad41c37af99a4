# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance that goes on running after the module, known by its name."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.boot import Boot
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.boot_plan import BootPlan
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.qmp import Qmp
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.session import HOST
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import whole_file
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import take
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_RECORD = "instance.json"
_WATCH = r"""
runs() { grep -qsF -e "$3" "/proc/$2/cmdline"; }
while [ -d "/proc/$1" ] && runs "$@"; do sleep 1; done
if runs "$@"; then kill -9 "$2"; rm -rf "$3"; fi
"""


class Instance:
    """A guest in a folder of its own below a directory."""

    def __init__(self, directory: str, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise OptionError("name", name, "not a name of letters, digits, dots, dashes and underscores")
        self._directory = Path(os.path.abspath(directory))
        self._name = name
        self._folder = self._directory / name

    @property
    def runs(self) -> bool:
        """Whether the guest is up and described."""
        return qemu.daemon_pid(self._folder) is not None and (self._folder / _RECORD).exists()

    @property
    def exists(self) -> bool:
        """Whether there is anything of it."""
        return self._folder.exists()

    def start(self, runner: Runner, plan: BootPlan, *, with_run: bool = False) -> tuple[bool, dict[str, object]]:
        """Start the guest unless it runs; return whether it was started, and what was seen of it then.

        *with_run* ends it when the playbook run is gone, however that ends.
        """
        with self._locked():
            if self.runs:
                return False, json.loads((self._folder / _RECORD).read_text(encoding="utf-8"))
            self._remove()  # what a killed run left
            self._folder.mkdir(mode=0o700, parents=True)
            try:
                return True, self._start(runner, plan, with_run=with_run)
            except BaseException:
                self._remove()
                raise

    def stop(self, *, grace: float = 0) -> bool:
        """End the guest, and remove all of it; return whether there was anything.

        Without *grace*, in seconds, it ends at once, as a cloud deletes one. Raises GoldsmithError where it did not
        power off by itself within that time.
        """
        if not self.exists:
            return False
        with self._locked():
            fault = self._power_off(grace) if grace else ""
            self._remove()
        if fault:
            raise GoldsmithError(fault)
        return True

    def _power_off(self, grace: float) -> str:
        """Press the power button, and return what is wrong if the guest does not power off by itself."""
        if not self.runs:
            return f"the guest {self._name} does not run any more"
        deadline = time.monotonic() + grace
        with Qmp(self._folder / qemu.CONTROL) as control:
            control.press_power_button()
        while qemu.daemon_pid(self._folder) is not None:
            if time.monotonic() > deadline:
                return f"the guest {self._name} did not power off within {grace:g} s"
            time.sleep(0.2)
        return ""

    def _start(self, runner: Runner, plan: BootPlan, *, with_run: bool) -> dict[str, object]:
        boot = Boot(runner, plan, self._folder)
        try:
            boot.start(daemon=True)
            if with_run:
                self._bind_to_run()
            seen = boot.wait()
        finally:
            boot.close()
        seen |= {
            "console_log": str(boot.machine.console),
            "pid": qemu.daemon_pid(self._folder),
            "ssh": {"host": HOST, "port": boot.guest.port, "user": plan.user, "key": str(boot.key)},
        }
        with whole_file(self._folder / _RECORD) as record:
            record.write_text(json.dumps(seen), encoding="utf-8")
        return seen

    def _bind_to_run(self) -> None:
        # Not one of the runner's, which end with this module.
        words = ["sh", "-c", _WATCH, "watch", str(lifeline.run_owner()[0]), str(qemu.daemon_pid(self._folder))]
        nothing = subprocess.DEVNULL
        subprocess.Popen(
            [*words, str(self._folder)], stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True, cwd="/"
        )

    def _remove(self) -> None:
        pid = qemu.daemon_pid(self._folder)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            while qemu.daemon_pid(self._folder) == pid:
                time.sleep(0.05)
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            busy = f"the instance {self._name} is being started or stopped"
            lock = take(self._directory / f".{self._name}.lock", busy)
        except OSError as error:
            raise OptionError("directory", self._directory, f"cannot be written: {error.strerror}") from error
        with open(lock, "rb"):
            yield
