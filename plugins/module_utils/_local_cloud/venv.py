# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python environment with packages from the index, made once."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import locked
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramError, Runner, find_program


@dataclass(frozen=True)
class Environment:
    """A virtual environment at *directory* with exactly the *requirements* asked for (and what they need)."""

    directory: Path
    requirements: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether it is whole, has these requirements, and its interpreter is still there."""
        try:
            made = json.loads(self._marker.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return made.get("requirements") == list(self.requirements) and self.program("python").exists()

    def program(self, name: str) -> Path:
        """Return the path of one of its programs."""
        return self.directory / "bin" / name

    def make(self, runner: Runner, python: str) -> bool:
        """Make it with the interpreter *python* if it is not ready; return whether there was something to do."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.directory.with_name(f"{self.directory.name}.lock")):
            if self.ready:
                return False
            # What an interrupted run left has no marker, and is not worth repairing.
            shutil.rmtree(self.directory, ignore_errors=True)
            try:
                self._fill(runner, python)
            except BaseException:
                shutil.rmtree(self.directory, ignore_errors=True)
                raise
            self._marker.write_text(json.dumps({"requirements": list(self.requirements)}), encoding="utf-8")
            return True

    def _fill(self, runner: Runner, python: str) -> None:
        uv = _uv(python)
        if uv:
            try:
                self._fill_with_uv(runner, python, uv)
                return
            except ProgramError:
                # The way to the index may stand in pip's configuration, which uv does not read.
                shutil.rmtree(self.directory, ignore_errors=True)
        try:
            self._fill_with_pip(runner, python)
        except ProgramError as error:
            raise GoldsmithError(
                f"cannot make the Python environment {self.directory} with {', '.join(self.requirements)}: "
                f"{_cause(error)}",
                hint=_remedy(error),
                **error.facts,
            ) from error

    def _fill_with_uv(self, runner: Runner, python: str, uv: str) -> None:
        runner.run([uv, "venv", "--quiet", "--no-project", "--python", python, self.directory])
        # Compiled as pip does, or every start of a server would where Python may not keep what it compiles.
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", self.program("python")]
        runner.run([*install, *self.requirements])

    def _fill_with_pip(self, runner: Runner, python: str) -> None:
        interpreter = self.program("python")
        runner.run([python, "-m", "venv", self.directory])
        runner.run([interpreter, "-m", "pip", "install", "--quiet", *self.requirements], environment=_PIP)

    @property
    def _marker(self) -> Path:
        return self.directory / "goldsmith.json"


_PIP = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def _uv(python: str) -> str | None:
    """Return uv from PATH, or from beside the interpreter."""
    beside = os.path.join(os.path.dirname(python), "uv")
    return find_program("uv") or (beside if os.access(beside, os.X_OK) else None)


def _cause(error: ProgramError) -> str:
    # pip puts the reason before its hints.
    lines = [line.strip() for line in error.result.stderr.splitlines() if line.strip()]
    wrong = [line for line in lines if line.lower().startswith("error")]
    return (wrong or [error.result.last_line])[-1]


def _remedy(error: ProgramError) -> str:
    if "ensurepip" in error.result.stdout + error.result.stderr:
        return "install the system package python3-venv, or uv"
    return "see that the Python package index can be reached, and that the disk has 400 MB free"
