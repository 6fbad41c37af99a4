# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real libvirt without systemd, and a real sshd, each in a folder of its own. Several may run."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from helpers.ssh import free_port, ssh_server

_SECONDS = 30.0
# The first process of the namespace has to take dead children off the list, or libvirt waits 40 s for each QEMU that
# ended. A /dev/kvm that does not work is hidden: with it libvirt asks QEMU for its abilities again and again.
_START = r"""
folder=$1
export PATH=$PATH:/usr/sbin:/sbin
# A QEMU that is not the host's own fails when libvirt asks it for all it knows and it finds the host's modules.
case $(command -v qemu-system-x86_64) in
    /usr/bin/*) ;;
    *) [ ! -d /usr/lib/x86_64-linux-gnu/qemu ] || mount -t tmpfs tmpfs /usr/lib/x86_64-linux-gnu/qemu ;;
esac
if [ "$2" = hide ]; then
    mount -t tmpfs tmpfs "$folder/dev"
    for node in /dev/*; do
        case $node in
            /dev/kvm) ;;
            /dev/pts | /dev/shm | /dev/mqueue | /dev/hugepages)
                mkdir "$folder$node" && mount --rbind "$node" "$folder$node" ;;
            *) cp -a "$node" "$folder$node" ;;
        esac
    done
    mount --move "$folder/dev" /dev
fi
mkdir -p /run/libvirt /run/lock /var/lib/libvirt/boot
# Its locks of consoles name terminals by their numbers, which each namespace has of its own.
mount --bind "$folder/lock" /run/lock
mount --bind "$folder/etc" /etc/libvirt
mount --bind "$folder/run" /run/libvirt
mount --bind "$folder/cache" /var/cache/libvirt
mount --bind "$folder/log" /var/log/libvirt
mount --bind "$folder/qemu" /var/lib/libvirt/qemu
virtlogd --pid-file "$folder/virtlogd.pid" &
libvirtd --listen --pid-file "$folder/libvirtd.pid" &
wait
"""
_LIBVIRTD = """
listen_tls = 0
listen_tcp = 1
listen_addr = "127.0.0.1"
tcp_port = "{port}"
auth_tcp = "none"
auth_unix_rw = "none"
"""
# The tests are root's, as are their folders.
_QEMU = """
user = "root"
group = "root"
security_driver = "none"
remember_owner = 0
namespaces = []
"""


@dataclass(frozen=True)
class PrivateLibvirt:
    """A libvirt that runs. *images* is its storage pool "default". *pid* is that of its namespace."""

    folder: Path
    port: int
    pid: int = 0

    @property
    def inside(self) -> list[str]:
        """The words before an argv that make a program see the host as this libvirt does."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return ["nsenter", "--mount", "--target", children[0]]

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / "run" / "libvirt-sock"

    @property
    def uri(self) -> str:
        """The URI by its socket."""
        return f"qemu:///system?socket={self.socket}"

    @property
    def tcp_uri(self) -> str:
        """The URI by TCP on loopback."""
        return f"qemu+tcp://127.0.0.1:{self.port}/system"

    @property
    def images(self) -> Path:
        """The folder of its storage pool."""
        return self.folder / "images"

    def virsh(self, *words: str, check: bool = True) -> str:
        """What virsh says."""
        argv = ["virsh", "--quiet", "--connect", self.uri, *words]
        result = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0 or not check, f"{words}: {result.stderr}"
        return result.stdout.strip()

    def stop(self) -> None:
        """End it at once, with its guests."""
        os.kill(self.pid, signal.SIGKILL)

    def domains(self) -> list[str]:
        """The names of all guests."""
        return self.virsh("list", "--all", "--name").split()

    def pools(self) -> list[str]:
        """The names of all storage pools but that of virt-install itself."""
        return [name for name in self.virsh("pool-list", "--all", "--name").split() if name != "boot-scratch"]


@contextmanager
def running_libvirt() -> Iterator[PrivateLibvirt]:
    """A libvirt within the block. All that it started ends with it, guests included."""
    # Its name is short, for the sockets in it.
    folder = Path(tempfile.mkdtemp(prefix="gs-lv-", dir="/tmp"))
    for name in ("etc", "run", "lock", "cache", "log", "qemu", "images", "dev"):
        (folder / name).mkdir()
    libvirt = PrivateLibvirt(folder, free_port())
    (folder / "etc/libvirtd.conf").write_text(_LIBVIRTD.format(port=libvirt.port))
    (folder / "etc/virtlogd.conf").write_text("")
    (folder / "etc/qemu.conf").write_text(_QEMU)
    (folder / "start").write_text(_START)
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-e"]
    with open(folder / "output", "wb") as output:
        process = subprocess.Popen(
            [*argv, folder / "start", folder, "hide" if Path("/dev/kvm").exists() and not _has_kvm() else "keep"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await(lambda: _answers(libvirt), process, folder / "output")
        libvirt.virsh("pool-define-as", "default", "dir", "--target", str(libvirt.images))
        libvirt.virsh("pool-start", "default")
        yield replace(libvirt, pid=process.pid)
    finally:
        process.send_signal(signal.SIGKILL)  # the whole namespace dies with it
        process.wait()
        _remove(folder)


@contextmanager
def running_sshd(folder: Path, libvirt: PrivateLibvirt) -> Iterator[str]:
    """An ssh server on loopback for the user of the tests; yield the URI of the libvirt behind it."""
    with ssh_server(folder, libvirt.inside) as server:
        yield f"qemu+ssh://{getpass.getuser()}@127.0.0.1:{server.port}/system?keyfile={server.key}&no_verify=1"


def _has_kvm() -> bool:
    cpu = Path("/proc/cpuinfo").read_text()
    return " vmx " in cpu or " svm " in cpu


def _answers(libvirt: PrivateLibvirt) -> bool:
    argv = ["virsh", "--quiet", "--connect", libvirt.uri, "version"]
    return libvirt.socket.exists() and subprocess.run(argv, check=False, capture_output=True).returncode == 0


def _await(condition: object, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():  # type: ignore[operator]
        alive = process.poll() is None and time.monotonic() < deadline
        assert alive, f"it does not start: {output.read_text(errors='replace')[-2000:]}"
        time.sleep(0.05)


def _remove(folder: Path) -> None:
    # The mounts lived in the namespace only; its last processes may be dying still.
    deadline = time.monotonic() + _SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            time.sleep(0.1)
    assert not folder.exists(), os.listdir(folder)
