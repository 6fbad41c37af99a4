# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A local cloud: a real Keystone and Glance on loopback."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import secrets
import shutil
import socket
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import whole_file
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import take
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import SYSTEM_PATH, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud import server_files as files
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.daemons import Daemon
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.venv import Environment

REQUIREMENTS = ("glance==33.0.0", "keystone==30.0.0", "gunicorn")
# Below the range from which the kernel takes the ports of outgoing connections.
_PORTS = range(20000, 30000)
_EXCEPTION = re.compile(r"[\w.]+(Error|Exception|Failed|Invalid|Unknown|Unsupported|NotFound|Configuration)\w*: ")

# Loopback never goes through a proxy, whatever the environment says.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class LocalCloud:
    """A cloud whose whole state is in *directory*.

    *venv* is the Python environment of the servers, *python* the interpreter that it is made with. *options* are
    options of Glance by their names in the environment, for example C(OS_DEFAULT__IMAGE_SIZE_CAP), *identity_options*
    those of Keystone. *timeout* is in seconds, for the servers to answer.
    """

    directory: Path
    venv: Path
    python: str
    options: Mapping[str, str] = field(default_factory=dict)
    identity_options: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 90.0

    @property
    def clouds_yaml(self) -> Path:
        """The file that names this cloud."""
        return self.directory / "clouds.yaml"

    @property
    def running(self) -> bool:
        """Whether any of the servers runs."""
        return bool(self.processes())

    @property
    def up(self) -> bool:
        """Whether all of it is there, runs as it should and answers."""
        settings = self._settings()
        if settings is None or not self._environment.ready or not self._ready.exists():
            return False
        return all(daemon.current() for daemon in self._daemons(settings)) and all(
            answers(url) for url in (settings.identity_url, settings.image_url)
        )

    def settings(self) -> files.Settings | None:
        """Return the ports and passwords, or None where there is no cloud yet."""
        return self._settings()

    def processes(self) -> dict[str, int]:
        """Return the pid of each server that runs."""
        settings = self._settings()
        found = {daemon.name: daemon.pid() for daemon in self._daemons(settings)} if settings else {}
        return {name: pid for name, pid in found.items() if pid is not None}

    def start(self) -> bool:
        """See that the cloud is there and answers; return whether there was something to do."""
        with self._locked():
            if self.up:
                return False
            # Only here: openstacksdk takes seconds to import, which a cloud that is up does not wait for.
            from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.cloud_login import require_sdk
            from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.identity import register

            require_sdk()
            runner = Runner()
            self._environment.make(runner, self.python)
            self._stop()
            settings = self._usable_settings()
            self._configure(settings)
            fresh = not self._ready.exists()
            if fresh:
                self._lay_databases(runner)
            self._publish_identity(runner, settings)
            try:
                self._run(settings)
                register(settings, self.clouds_yaml)
            except BaseException:
                self._stop()
                raise
            self._ready.touch()
            return True

    def stop(self) -> bool:
        """Stop the servers; return whether there were any."""
        if not self.directory.exists():
            return False
        with self._locked():
            return self._stop()

    def wipe(self) -> None:
        """Stop the servers and remove images, users and keys; the ports and the Python environment remain."""
        if not self.directory.exists():
            return
        with self._locked():
            self._stop()
            shutil.rmtree(self._state, ignore_errors=True)

    def remove(self) -> bool:
        """Stop the servers and remove the whole directory; return whether there was one."""
        if not self.directory.exists():
            return False
        with self._locked():
            self._stop()
            for path in (self._state, self.directory / "log", self.directory / "run", self._own_venv):
                if path:
                    shutil.rmtree(path, ignore_errors=True)
            for name in ("clouds.yaml", "settings.json", "venv.lock", ".lock"):
                (self.directory / name).unlink(missing_ok=True)
        try:
            # Only what is ours was removed above: a directory with anything else in it stays.
            self.directory.rmdir()
        except OSError as error:
            raise OptionError("directory", self.directory, f"cannot be removed: {error.strerror}") from error
        return True

    # the parts

    @property
    def _state(self) -> Path:
        return self.directory / "state"

    @property
    def _ready(self) -> Path:
        return self._state / "ready"

    @property
    def _own_venv(self) -> Path | None:
        return self.venv if self.venv.parent == self.directory else None

    @property
    def _environment(self) -> Environment:
        return Environment(self.venv, REQUIREMENTS)

    def _settings(self) -> files.Settings | None:
        try:
            return files.Settings(**json.loads((self.directory / "settings.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _usable_settings(self) -> files.Settings:
        """Return the settings with ports that are free now: the ones used before, if they are."""
        known = self._settings()
        taken: set[int] = set()
        identity = free_port(known and known.identity_port, taken)
        image = free_port(known and known.image_port, taken)
        settings = files.Settings(
            identity_port=identity,
            image_port=image,
            admin_password=known.admin_password if known else secrets.token_hex(16),
            service_password=known.service_password if known else secrets.token_hex(16),
        )
        if settings != known:
            _write(self.directory / "settings.json", json.dumps(asdict(settings)))
        return settings

    def _configure(self, settings: files.Settings) -> None:
        if not self._ready.exists():
            shutil.rmtree(self._state, ignore_errors=True)
        for name in ("images", "staging", "tasks", "locks"):
            (self._state / name).mkdir(parents=True, exist_ok=True)
        _write(self._state / "keystone.conf", files.keystone(self._state))
        _write(self._state / "glance-api.conf", files.glance(self._state, settings))
        _write(self._state / "no-policy.yaml", "{}\n")
        paste = self.venv / "etc" / "glance" / "glance-api-paste.ini"
        _write(self._state / "glance-api-paste.ini", paste.read_text(encoding="utf-8"))
        for name, application, port in self._servers(settings):
            _write(self._state / f"{name}.gunicorn.py", files.gunicorn(application, port))
        _write(self.clouds_yaml, files.clouds_yaml(settings))

    @staticmethod
    def _servers(settings: files.Settings) -> tuple[tuple[str, str, int], ...]:
        return (
            ("keystone", "keystone.wsgi.api:application", settings.identity_port),
            ("glance", "glance.wsgi.api:application", settings.image_port),
        )

    def _daemons(self, settings: files.Settings) -> list[Daemon]:
        return [
            Daemon(
                name=name,
                argv=(os.fspath(self.venv / "bin" / "python"), os.fspath(self.venv / "bin" / "gunicorn")),
                # Keystone reads the words of the command line itself: gunicorn gets its own by the environment.
                environment={
                    **self._program_environment(),
                    **(self.options if name == "glance" else self.identity_options),
                    "GUNICORN_CMD_ARGS": f"-c {self._state}/{name}.gunicorn.py",
                },
                record=self.directory / "run" / f"{name}.json",
                log=self.directory / "log" / f"{name}.log",
                version=f"{application} {port} {REQUIREMENTS}",
            )
            for name, application, port in self._servers(settings)
        ]

    def _program_environment(self) -> dict[str, str]:
        # Nothing of the caller's: neither its proxies nor its OS_ variables may reach the servers.
        return {
            "PATH": f"{self.venv}/bin:{SYSTEM_PATH}",
            "HOME": os.fspath(self._state),
            "LC_ALL": "C.UTF-8",
            "PYTHONWARNINGS": "ignore",
            "OS_KEYSTONE_CONFIG_DIR": os.fspath(self._state),
            "OS_GLANCE_CONFIG_DIR": os.fspath(self._state),
        }

    def _lay_databases(self, runner: Runner) -> None:
        for name in ("fernet", "credential"):
            for number in ("0", "1"):
                key = base64.urlsafe_b64encode(os.urandom(32)).decode()
                _write(self._state / name / number, key)
        # Empty tables take most of the time of a first start, hold no secret, and are the same for the same packages.
        tables = self.venv / "goldsmith-tables"
        if not tables.exists():
            self._together(
                lambda: self._manage(runner, "keystone-manage", "keystone.conf", "db_sync"),
                lambda: self._manage(runner, "glance-manage", "glance-api.conf", "db_sync"),
            )
            partial = Path(tempfile.mkdtemp(prefix=".goldsmith-tables-", dir=self.venv))
            for name in ("keystone.sqlite", "glance.sqlite"):
                shutil.copy(self._state / name, partial / name)
            try:
                partial.rename(tables)
            except OSError:
                # Another cloud with the same environment was faster.
                shutil.rmtree(partial)
        for database in tables.iterdir():
            shutil.copy(database, self._state / database.name)

    def _publish_identity(self, runner: Runner, settings: files.Settings) -> None:
        """Make the administrator and the entry of Keystone in its own catalog; put a changed address right."""
        stamp = self._state / "bootstrapped"
        if stamp.exists() and stamp.read_text(encoding="utf-8") == settings.identity_url:
            return
        words = ["bootstrap", "--bootstrap-region-id", files.REGION]
        for interface in ("public", "internal", "admin"):
            words += [f"--bootstrap-{interface}-url", settings.identity_url]
        # By the environment: the words of a command line can be read by everyone.
        secret = {"OS_BOOTSTRAP_PASSWORD": settings.admin_password}
        self._manage(runner, "keystone-manage", "keystone.conf", *words, environment=secret)
        _write(stamp, settings.identity_url)

    def _manage(
        self,
        runner: Runner,
        program: str,
        configuration: str,
        *words: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        python = self.venv / "bin" / "python"
        argv = [python, self.venv / "bin" / program, "--config-file", self._state / configuration, *words]
        runner.run(argv, environment={**self._program_environment(), **(environment or {})})

    @staticmethod
    def _together(*works: Callable[[], None]) -> None:
        errors: list[BaseException] = []

        def guarded(work: Callable[[], None]) -> None:
            try:
                work()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _run(self, settings: files.Settings) -> None:
        daemons = self._daemons(settings)
        for daemon in daemons:
            daemon.start()
        deadline = time.monotonic() + self.timeout
        for daemon, url in zip(daemons, (settings.identity_url, settings.image_url)):
            while not answers(url):
                if daemon.pid() is None:
                    raise _not_up(daemon, "ended at once")
                if time.monotonic() > deadline:
                    raise _not_up(daemon, f"does not answer at {url} after {self.timeout:g} s")
                time.sleep(0.1)

    def _stop(self) -> bool:
        settings = self._settings()
        # A list: every one is stopped before any() looks.
        stopped = [daemon.stop() for daemon in self._daemons(settings)] if settings else []
        return any(stopped)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = take(self.directory / ".lock")
        except OSError as error:
            raise OptionError("directory", self.directory, error.strerror or str(error)) from error
        with open(lock, "rb"):
            yield


def answers(url: str) -> bool:
    """Return whether a server answers at that address."""
    try:
        with _OPENER.open(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        # Glance lists its versions with status 300.
        return error.code < 500
    except OSError:
        return False


def free_port(wanted: int | None, taken: set[int]) -> int:
    """Return *wanted* if it is free, else another port, and add it to those that are *taken*."""
    candidates = [wanted] if wanted else []
    candidates += random.sample(_PORTS, 200)
    for port in candidates:
        if port not in taken and _can_bind(port):
            taken.add(port)
            return port
    raise GoldsmithError(f"no free port on 127.0.0.1 between {_PORTS.start} and {_PORTS.stop}")


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        # As the server does: the last run's connections in TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _not_up(daemon: Daemon, what: str) -> GoldsmithError:
    lines = daemon.last_lines(60)
    said = [line.strip() for line in lines if line.strip()]
    # After the traceback gunicorn says that it ends, which is no news: the last exception is.
    causes = [line for line in said if _EXCEPTION.match(line)]
    cause = (causes or said or ["no output"])[-1]
    return GoldsmithError(f"{daemon.name} {what}: {cause}", hint=f"see {daemon.log}", log=lines)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole_file(path, mode=0o600) as partial:
        partial.write_text(text, encoding="utf-8")
