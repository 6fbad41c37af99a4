# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Glance as the integration tests use it: the local cloud, a proxy before it, and files to upload."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from helpers.fault_proxy import FaultProxy

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Cloud, CloudOptions
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance, Image
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.servers import LocalCloud

# The default of the role local_cloud: who has run it has the environment already.
VENV = Path.home() / ".cache" / "goldsmith" / "local_cloud" / "venv"
_MODULES = "ansible_collections.goldsmith.openstack.plugins.modules"
# Runs a module whose pauses are short.
_HURRIED = """
import runpy, sys, time
rest = time.sleep
time.sleep = lambda seconds: rest(min(seconds, 0.05))
# Ansible would read its arguments from what stands there.
runpy.run_module(sys.argv.pop(1), run_name="__main__")
"""


def local_cloud(directory: Path, identity_options: Mapping[str, str] | None = None, **options: str) -> LocalCloud:
    """A cloud of its own in *directory*, with the Python environment that all of them share."""
    return LocalCloud(
        directory=directory,
        venv=VENV,
        python=sys.executable,
        options=options,
        identity_options=identity_options or {},
    )


@dataclass(frozen=True)
class TestCloud:
    """A running cloud, reached directly as C(embedded) and through the proxy as C(faulty)."""

    __test__ = False

    local: LocalCloud
    proxy: FaultProxy
    clouds_yaml: Path

    def glance(self, cloud: str = "faulty") -> Glance:
        """The images, with retries that do not wait long."""
        options = CloudOptions(cloud=cloud, clouds_yaml=str(self.clouds_yaml), timeout=30)
        return Glance(Cloud(options, sleep=_briefly), sleep=_briefly)

    @functools.cached_property
    def direct(self) -> Glance:
        """The images, whatever the proxy would do."""
        return self.glance("embedded")

    @functools.cached_property
    def login(self) -> str:
        """A login that connections can take over: it takes longer than all that a run asks for."""
        auth = self.direct.cloud._connection.session.auth
        assert self.direct.cloud.token
        return auth.get_auth_state()

    def images(self, **filters: str) -> list[Image]:
        """What is in Glance, whatever the proxy would do."""
        return self.direct.images(**filters)

    def empty(self) -> None:
        """Remove all images."""
        for image in self.direct.images():
            if image.protected:
                self.direct.change(image, {"protected": False})
            self.direct.remove(image.id)


@contextlib.contextmanager
def running_cloud(cloud: LocalCloud, directory: Path) -> Iterator[TestCloud]:
    """Start a cloud with a proxy before its Glance, and remove it at the end; its clouds.yaml is in *directory*."""
    cloud.start()
    try:
        settings = cloud.settings()
        assert settings
        with FaultProxy(settings.image_port) as proxy:
            clouds_yaml = directory / "clouds.yaml"
            write_clouds(cloud, proxy, clouds_yaml)
            yield TestCloud(cloud, proxy, clouds_yaml)
    finally:
        cloud.remove()


def write_clouds(cloud: LocalCloud, proxy: FaultProxy, path: Path) -> None:
    """Write a clouds.yaml with the cloud as it is, through the proxy, and with wrong passwords and addresses."""
    settings = cloud.settings()
    assert settings
    auth = {
        "auth_url": settings.identity_url,
        "username": "admin",
        "password": settings.admin_password,
        "project_name": "admin",
        "user_domain_id": "default",
        "project_domain_id": "default",
    }
    through = {"image_endpoint_override": proxy.url, "image_api_version": "2"}
    clouds = {
        "embedded": {"auth": auth, "region_name": "RegionOne"},
        "faulty": {"auth": auth, "region_name": "RegionOne", **through},
        "wrong_password": {"auth": {**auth, "password": "wrong"}, "region_name": "RegionOne"},
        # Port 9 of loopback: nobody listens.
        "unreachable": {"auth": {**auth, "auth_url": "http://127.0.0.1:9/v3"}, "region_name": "RegionOne"},
    }
    # JSON is YAML.
    path.write_text(json.dumps({"clouds": clouds}))


def start_module(
    name: str, arguments: Mapping[str, Any], *, check: bool = False, hurried: bool = False
) -> subprocess.Popen[str]:
    """Start a module in a process of its own, as Ansible does; a *hurried* one does not wait long for anything."""
    start = ["-c", _HURRIED] if hurried else ["-m"]
    process = subprocess.Popen(
        [sys.executable, *start, f"{_MODULES}.{name}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]},
    )
    assert process.stdin
    words = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": words}))
    process.stdin.close()
    # Or communicate() would write to it.
    process.stdin = None
    return process


def run_module(name: str, arguments: Mapping[str, Any], *, check: bool = False) -> dict[str, Any]:
    """Run a module to its end, within this process, which is quick; return its result."""
    module = importlib.import_module(f"{_MODULES}.{name}")
    words = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}
    said = io.StringIO()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with patch_module_args(words), contextlib.redirect_stdout(said), pytest.raises(SystemExit):
            module.main()
    finally:
        signal.signal(signal.SIGTERM, handler)
    return json.loads(said.getvalue())


def _briefly(seconds: float) -> None:
    time.sleep(min(seconds, 0.05))


def raw_disk(path: Path, size: int = 4 << 20, seed: int = 1) -> Path:
    """A disk with one partition of random bytes, the same for the same seed. Glance looks at the partition table."""
    data = bytearray(random.Random(seed).randbytes(size))
    partition = struct.pack("<B3sB3sII", 0x80, b"\0\2\0", 0x83, b"\xff\xff\xff", 1, size // 512 - 1)
    data[:512] = bytes(446) + partition + bytes(48) + b"\x55\xaa"
    path.write_bytes(data)
    return path


def file_system(path: Path, size: int = 4 << 20, seed: int = 2) -> Path:
    """A file that has the mark of an ext file system."""
    data = bytearray(random.Random(seed).randbytes(size))
    data[0x438:0x43A] = b"\x53\xef"
    path.write_bytes(data)
    return path


def kernel(path: Path, size: int = 1 << 20, seed: int = 3) -> Path:
    """A file that has the mark of a bzImage."""
    data = bytearray(random.Random(seed).randbytes(size))
    data[0x202:0x206] = b"HdrS"
    path.write_bytes(data)
    return path
