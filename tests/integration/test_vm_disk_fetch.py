# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vm_disk_fetch with a real libvirt: the bytes of the host's volume arrive, whatever breaks on the way."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers import libvirt
from helpers.disks import MIB, tool
from helpers.modules import finish_module, run_module, start_module
from helpers.waiting import wait_for

pytestmark = pytest.mark.root

_GUEST = """\
<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory>
<os><type arch='x86_64'>hvm</type></os><devices>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
{disks}</devices></domain>
"""
_DISK = "<disk type='file'><driver type='{format}'/><source file='{path}'/><target dev='{target}' bus='virtio'/></disk>"


@dataclass(frozen=True)
class Host:
    """A libvirt of the tests; *pool* is the folder of its only pool."""

    daemon: libvirt.PrivateLibvirt

    @property
    def pool(self) -> Path:
        return self.daemon.images

    @property
    def port(self) -> int:
        return self.daemon.port

    @property
    def local(self) -> str:
        """As a program of this host reaches it."""
        return self.daemon.uri

    @property
    def remote(self) -> str:
        """As others do."""
        return self.through(self.port)

    @staticmethod
    def through(port: int) -> str:
        return f"qemu+tcp://127.0.0.1:{port}/system"

    def virsh(self, *words: str, stdin: str | None = None) -> str:
        return tool("virsh", "--quiet", "--connect", self.local, *words, stdin=stdin)

    def define(self, name: str, *disks: tuple[Path, str]) -> None:
        """Define a guest with disks of some formats."""
        targets = ("vda", "vdb")
        parts = [
            _DISK.format(format=format, path=path, target=target) for (path, format), target in zip(disks, targets)
        ]
        self.virsh("define", "/dev/stdin", stdin=_GUEST.format(name=name, disks="\n".join(parts)))


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with libvirt.running_libvirt() as daemon:
        yield Host(daemon)


@dataclass
class Wire:
    """Passes bytes between a client and the host; after *cut_after* bytes from there the connection ends."""

    port: int
    cut_after: list[int]
    connections: int = 0

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.own_port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._server.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self._pass, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, self), daemon=True).start()

    def _pass(self, source: socket.socket, dest: socket.socket, counted: Wire | None) -> None:
        seen = 0
        try:
            while block := source.recv(65536):
                dest.sendall(block)
                seen += len(block)
                # Answers to questions are short: only a download comes that far.
                if counted and self.cut_after and seen > self.cut_after[0] > 0:
                    self.cut_after.pop(0)
                    break
        except OSError:
            pass
        for end in (source, dest):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@pytest.fixture
def raw(host: Host) -> Iterator[Path]:
    """A volume of 100 MiB of which 60 hold data, with holes between and at the end; and its guest."""
    path = host.pool / "raw.img"
    with open(path, "wb") as file:
        for place in (0, 20, 40):
            file.seek(place * MIB)
            file.write(os.urandom(20 * MIB if place == 40 else 19 * MIB))
        file.truncate(100 * MIB)
    host.virsh("pool-refresh", "default")
    host.define("web", (path, "raw"))
    yield path
    host.virsh("undefine", "web")
    path.unlink()


def fetch(uri: str, dest: Path | None = None, *, check: bool = False, **more: Any) -> dict[str, Any]:
    words = {"uri": uri, "name": "web", **({"dest": str(dest)} if dest else {}), **more}
    return run_module("vm_disk_fetch", words, check=check)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_disk_of_this_host_stays_where_it_is(host: Host, raw: Path, tmp_path: Path) -> None:
    result = fetch(host.local, tmp_path / "out")
    assert (result["changed"], result["path"], result["fetched"]) == (False, str(raw), 0), result
    assert (result["format"], result["virtual_size"], result["target"]) == ("raw", 100 * MIB, "vda")
    assert left(tmp_path) == []


def test_a_disk_elsewhere_is_fetched_once(host: Host, raw: Path, tmp_path: Path) -> None:
    assert "dest=: " in fetch(host.remote)["msg"]
    planned = fetch(host.remote, tmp_path / "out", check=True)
    assert planned["changed"] is True, planned
    assert left(tmp_path) == []
    result = fetch(host.remote, tmp_path / "out")
    assert (result["changed"], result["path"], result["fetched"]) == (True, str(tmp_path / "out"), 100 * MIB), result
    assert (tmp_path / "out").read_bytes() == raw.read_bytes()
    assert (tmp_path / "out").stat().st_blocks * 512 < 62 * MIB
    assert left(tmp_path) == ["out", "out.json"]
    assert fetch(host.remote, tmp_path / "out")["changed"] is False
    with open(raw, "r+b") as file:
        file.write(b"another state")
    again = fetch(host.remote, tmp_path / "out")
    assert again["changed"] is True
    assert (tmp_path / "out").read_bytes() == raw.read_bytes()


def test_by_ssh(host: Host, raw: Path, tmp_path: Path) -> None:
    with libvirt.running_sshd(tmp_path / "sshd", host.daemon) as uri:
        result = fetch(uri, tmp_path / "out")
        assert result.get("changed") is True, result
        assert (tmp_path / "out").read_bytes() == raw.read_bytes()
        assert fetch(uri, tmp_path / "out")["changed"] is False


def test_qcow2_and_the_choice_among_disks(host: Host, raw: Path, tmp_path: Path) -> None:
    image = host.pool / "second.qcow2"
    tool("qemu-img", "convert", "-O", "qcow2", raw, image)
    host.virsh("pool-refresh", "default")
    host.define("two", (raw, "raw"), (image, "qcow2"))
    try:
        result = fetch(host.remote, tmp_path / "out", name="two", target="vdb")
        assert result.get("changed") is True, result
        assert (result["format"], result["virtual_size"]) == ("qcow2", 100 * MIB)
        assert (tmp_path / "out").read_bytes() == image.read_bytes()
        wrong = fetch(host.remote, tmp_path / "out", name="two", target="sda")
        assert wrong["msg"] == "target=sda: is no disk of the guest two; its disks are: vda, vdb"
    finally:
        host.virsh("undefine", "two")
        image.unlink()


def test_a_connection_that_breaks_is_taken_up_again(host: Host, raw: Path, tmp_path: Path) -> None:
    wire = Wire(host.port, [15 * MIB, 25 * MIB])
    result = fetch(host.through(wire.own_port), tmp_path / "out")
    wire.close()
    assert result.get("changed") is True, result
    assert wire.cut_after == []
    assert (result["resumed_at"], result["fetched"]) == (0, 100 * MIB)
    assert (tmp_path / "out").read_bytes() == raw.read_bytes()
    assert left(tmp_path) == ["out", "out.json"]


def test_what_arrived_is_kept_for_the_next_run(host: Host, raw: Path, tmp_path: Path) -> None:
    # It gets through to 30 MiB, and then as good as nothing.
    wire = Wire(host.port, [30 * MIB, *[1] * 100])
    broken = fetch(host.through(wire.own_port), tmp_path / "out")
    wire.close()
    assert broken.get("failed") is True, broken
    assert "the connection broke at " in broken["msg"]
    assert "run it again: it goes on from there" in broken["msg"]
    assert "\n" not in broken["msg"]
    assert left(tmp_path) == ["out.partial", "out.partial.json"]
    shutil.copytree(tmp_path, tmp_path / "kept")
    result = fetch(host.remote, tmp_path / "out")
    assert result.get("changed") is True, result
    assert 20 * MIB < result["resumed_at"] < 60 * MIB
    assert result["fetched"] == 100 * MIB - result["resumed_at"]
    assert (tmp_path / "out").read_bytes() == raw.read_bytes()
    with open(raw, "r+b") as file:
        file.write(b"another state")
    other = fetch(host.remote, tmp_path / "kept" / "out")
    assert (other["changed"], other["resumed_at"]) == (True, 0)
    assert (tmp_path / "kept" / "out").read_bytes() == raw.read_bytes()


def test_a_killed_run_leaves_no_process_and_the_next_one_ends_its_work(host: Host, raw: Path, tmp_path: Path) -> None:
    wire = Wire(host.port, [])
    words = {"uri": host.through(wire.own_port), "name": "web", "dest": str(tmp_path / "out")}
    process = start_module("vm_disk_fetch", words)
    wait_for(lambda: (tmp_path / "out.piece").exists() or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not on(tmp_path))
    wire.close()
    assert not (tmp_path / "out").exists()
    result = finish_module(start_module("vm_disk_fetch", {**words, "uri": host.remote}))
    assert result.get("changed") is True, result
    assert (tmp_path / "out").read_bytes() == raw.read_bytes()
    assert left(tmp_path) == ["out", "out.json"]


def on(folder: Path) -> list[str]:
    found = subprocess.run(["ps", "-eo", "pid,args"], text=True, capture_output=True, check=True).stdout
    return [line for line in found.splitlines() if str(folder) in line and " ps " not in line]


def test_a_guest_that_is_not_off_is_refused(host: Host, raw: Path, tmp_path: Path) -> None:
    host.virsh("start", "web", "--paused")
    try:
        result = fetch(host.remote, tmp_path / "out")
        assert "the guest web is not off but paused; shut it down" in result["msg"]
        # Who knows the file does not get by: QEMU holds it.
        extracted = run_module("disk_extract", {"src": str(raw), "tree": str(tmp_path / "tree")})
        assert extracted["msg"] == f"{raw} is in use by a running machine; shut it down"
    finally:
        host.virsh("destroy", "web")
    assert left(tmp_path) == []


def test_images_that_name_other_files(host: Host, raw: Path, tmp_path: Path) -> None:
    evil = host.pool / "evil.qcow2"
    tool("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "/etc/shadow", evil, "10M")
    host.virsh("pool-refresh", "default")
    host.define("evil", (evil, "qcow2"))
    try:
        for uri in (host.local, host.remote):
            result = fetch(uri, tmp_path / "out", name="evil")
            assert "refers to a backing file, which could be any file of this host" in result["msg"]
            assert left(tmp_path) == []
        # The same bytes in a disk that is raw are what its guest wrote there, and mean nothing.
        host.virsh("undefine", "evil")
        host.define("evil", (evil, "raw"))
        result = fetch(host.remote, tmp_path / "out", name="evil")
        assert (result.get("format"), result.get("virtual_size")) == ("raw", -(-evil.stat().st_size // 512) * 512), (
            result
        )
    finally:
        host.virsh("undefine", "evil")
        evil.unlink()


def test_one_line_tells_why(host: Host, raw: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.img"
    outside.write_bytes(bytes(MIB))
    host.define("elsewhere", (outside, "raw"))
    host.define("bare")
    try:
        for uri, name, said in (
            (host.remote, "none", "name=none: there is no such guest at qemu+tcp://127.0.0.1:"),
            (host.remote, "bare", "target=None: is no disk of the guest bare; its disks are: none"),
            (host.remote, "elsewhere", "it must lie in an active storage pool: virsh pool-create-as"),
            ("qemu+tcp://127.0.0.1:1/system", "web", "Connection refused"),
        ):
            result = fetch(uri, tmp_path / "out", name=name)
            assert result.get("failed") is True, result
            assert said in result["msg"]
            assert "\n" not in result["msg"]
    finally:
        host.virsh("undefine", "elsewhere")
        host.virsh("undefine", "bare")
    assert left(tmp_path) == ["outside.img"]
