# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role vm_capture with a real libvirt, as another host would be: a guest becomes a tree, its choices are kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from helpers import libvirt
from helpers.disks import MIB, make_disk, tool
from helpers.tools import clean_environment
from helpers.tools import tool as program

pytestmark = pytest.mark.root
_GUEST = """\
<domain type='qemu'><name>web</name><memory unit='MiB'>32</memory><os><type arch='x86_64'>hvm</type></os>
<devices><disk type='file'><driver type='qcow2'/><source file='{}'/><target dev='vda' bus='virtio'/></disk></devices>
</domain>
"""


def play(folder: Path, checkout: Path, *words: str, **variables: object) -> tuple[int, str]:
    """Run the role in a play; return the exit status and what was said."""
    keep = {"copy": {"content": "{{ vm_capture_result | to_json }}", "dest": str(folder / "result"), "mode": "0600"}}
    variables["ansible_python_interpreter"] = "{{ ansible_playbook_python }}"
    tasks = [{**keep, "changed_when": False, "when": "vm_capture_result is defined"}]
    book = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables,
             "roles": ["goldsmith.openstack.vm_capture"], "post_tasks": tasks}]  # fmt: skip
    (folder / "play.yml").write_text(json.dumps(book))
    done = subprocess.run(
        [program("ansible-playbook"), "-i", "localhost,", *words, str(folder / "play.yml")],
        check=False,
        cwd=checkout,
        env={**clean_environment(), "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def system(folder: Path) -> Path:
    for name in ("boot", "etc"):
        (folder / name).mkdir(parents=True)
    for name in ("vmlinuz-1.0", "initrd.img-1.0"):
        (folder / "boot" / name).write_text(name)
    (folder / "etc" / "fstab").write_text("/dev/vda1 / ext4 defaults 0 1\n")
    wants = folder / "etc/systemd/system/multi-user.target.wants"
    for name in (wants, folder / "etc/systemd/network"):
        name.mkdir(parents=True)
    (wants / "systemd-networkd.service").symlink_to("/usr/lib/systemd/system/systemd-networkd.service")
    (folder / "etc/systemd/network/one.network").write_text("[Match]\nName=enp9s9\n[Network]\nAddress=192.0.2.7/24\n")
    (folder / "etc" / "os-release").write_text('ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n')
    return folder


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the files of a folder within the block; yield the address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def test_a_guest_elsewhere_becomes_a_tree(tmp_path: Path, checkout: Path) -> None:
    make_disk(tmp_path / "raw", system(tmp_path / "system"), label="gpt", size=48 * MIB)
    work = tmp_path / "work"
    with libvirt.running_libvirt() as host:
        disk = host.images / "web.qcow2"
        tool("qemu-img", "convert", "-O", "qcow2", tmp_path / "raw", disk)
        before = disk.read_bytes()
        tool("virsh", "--quiet", "--connect", host.uri, "define", "/dev/stdin", stdin=_GUEST.format(disk))
        names: dict[str, Any] = {
            "vm_capture_uri": host.tcp_uri,
            "vm_capture_name": "web",
            "vm_capture_workspace": str(work),
            "vm_capture_tree": str(work / "tree"),
            "vm_capture_network": "dhcp",
        }
        host.virsh("start", "web", "--paused")
        status, said = play(tmp_path, checkout, **names)
        assert status != 0
        assert "the guest web is not off but paused; shut it down" in said
        host.virsh("destroy", "web")
        status, said = play(tmp_path, checkout, "--check", **names)
        assert status == 0, said
        assert not (work / "tree").exists()
        # It is off already.
        status, said = play(tmp_path, checkout, **names, vm_capture_shutdown=True)
        assert status == 0, said
        assert (work / "tree" / "etc" / "fstab").read_text() == "LABEL=cloudimg-rootfs / ext4 defaults 0 1\n"
        assert [path.name for path in (work / "tree/etc/systemd/network").iterdir()] == ["80-dhcp.network"]
        assert work.stat().st_mode & 0o777 == 0o700
        result = json.loads((tmp_path / "result").read_text())
        assert (result["source"], result["format"], result["kernel_version"]) == (str(disk), "qcow2", "1.0")
        assert (result["start"], result["partition"], result["virtual_size"]) == (3 * MIB, 1, 48 * MIB)
        assert (result["os"]["codename"], result["network"]) == ("trixie", "dhcp")
        assert set(result["seconds"]) == {"shutdown", "fetch", "extract"}
        status, said = play(tmp_path, checkout, **names, vm_capture_shutdown=True)
        assert status == 0, said
        assert "changed=0 " in said
        assert disk.read_bytes() == before
        assert sorted(path.name for path in work.iterdir()) == [
            f"goldsmith-extract-{os.geteuid()}", "tree", "tree.json", "web.disk", "web.disk.json"
        ]  # fmt: skip


def test_a_disk_that_is_there_becomes_a_tree(tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_disk(tmp_path / "raw", system(tmp_path / "system"), label="gpt", size=48 * MIB)
    (tmp_path / "served").mkdir()
    disk = tmp_path / "served" / "web.qcow2"
    tool("qemu-img", "convert", "-O", "qcow2", tmp_path / "raw", disk)
    before = disk.read_bytes()
    work = tmp_path / "work"
    names: dict[str, Any] = {"vm_capture_workspace": str(work), "vm_capture_tree": str(work / "tree")}
    status, said = play(tmp_path, checkout, **names, vm_capture_disk=str(disk))
    assert status == 0, said
    # Its network is as it was.
    assert (work / "tree/etc/systemd/network/one.network").exists()
    result = json.loads((tmp_path / "result").read_text())
    wanted = {"uri": "", "source": str(disk), "format": "qcow2", "virtual_size": 48 * MIB, "network": "keep"}
    assert {name: result[name] for name in wanted} == wanted
    assert disk.read_bytes() == before
    shutil.rmtree(work)
    with serving(tmp_path / "served") as address:
        url = f"{address}/web.qcow2"
        status, said = play(tmp_path, checkout, **names, vm_capture_disk=url)
        assert status != 0
        assert f"vm_capture_disk={url}: is fetched, and nothing says what it must be; give vm_capture_checksum" in said
        wrong = f"sha256:{'0' * 64}"
        status, said = play(tmp_path, checkout, **names, vm_capture_disk=url, vm_capture_checksum=wrong)
        assert status != 0
        assert "checksum" in said and not (work / "tree").exists()
        right = f"sha256:{hashlib.sha256(before).hexdigest()}"
        # A proxy that does not answer is not asked for loopback, nor for what no_proxy names.
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        internal = {"vm_capture_disk": url.replace("127.0.0.1", "LOCALHOST"), "vm_capture_checksum": right}
        status, said = play(tmp_path, checkout, **names, **internal)
        assert status != 0
        assert "Connection refused" in said
        monkeypatch.setenv("no_proxy", "localhost")
        status, said = play(tmp_path, checkout, **names, **internal)
        assert status == 0, said
        shutil.rmtree(work)
        monkeypatch.delenv("no_proxy")
        for changes in ("changed=3 ", "changed=0 "):  # workspace, disk and tree
            status, said = play(tmp_path, checkout, **names, vm_capture_disk=url, vm_capture_checksum=right)
            assert status == 0, said
            assert changes in said
    result = json.loads((tmp_path / "result").read_text())
    assert (result["source"], result["checksum"], result["kernel_version"]) == (url, right, "1.0")


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_files_of_a_system_become_a_tree(tmp_path: Path, checkout: Path, kind: str) -> None:
    source = system(tmp_path / "system")
    # What cloud-init takes before the network of the instance
    (source / "etc/cloud/cloud.cfg.d").mkdir(parents=True)
    static = source / "etc/cloud/cloud.cfg.d/50-curtin-networking.cfg"
    static.write_text("network:\n  ethernets:\n    enp9s9: {addresses: [192.0.2.7/24]}\n")
    if kind == "tar":
        tool("tar", "-C", source, "--zstd", "-cf", tmp_path / "system.tar.zst", ".")
        source = tmp_path / "system.tar.zst"
    work = tmp_path / "work"
    names = {"vm_capture_workspace": str(work), "vm_capture_tree": str(work / "tree"), "vm_capture_network": "dhcp"}
    status, said = play(tmp_path, checkout, **names, vm_capture_disk=str(source))
    assert status == 0, said
    assert (work / "tree/etc/fstab").read_text() == "LABEL=cloudimg-rootfs / ext4 defaults 0 1\n"
    assert not (work / "tree" / static.relative_to(tmp_path / "system")).exists()
    result = json.loads((tmp_path / "result").read_text())
    wanted = {"source": str(source), "format": kind, "virtual_size": None, "kernel_version": "1.0", "repaired": False}
    assert {name: result[name] for name in wanted} == wanted
    assert "/etc/cloud/cloud.cfg.d/50-curtin-networking.cfg" in result["network_files"]


def test_what_is_encrypted_or_no_disk_is_one_line(tmp_path: Path, checkout: Path) -> None:
    work = tmp_path / "work"
    names: dict[str, Any] = {"vm_capture_workspace": str(work), "vm_capture_tree": str(work / "tree")}
    make_disk(tmp_path / "luks", system(tmp_path / "system"), label="gpt", size=48 * MIB)
    with open(tmp_path / "luks", "r+b") as file:
        file.seek(3 * MIB)
        file.write(b"LUKS\xba\xbe" + bytes(8 * MIB))
    for path, line in (("luks", "1 holds an encrypted volume (LUKS)"), ("none", "is neither a file nor a folder")):
        status, said = play(tmp_path, checkout, **names, vm_capture_disk=str(tmp_path / path))
        assert status != 0
        assert line in said and "Traceback" not in said


def test_what_is_missing_is_named(tmp_path: Path, checkout: Path) -> None:
    status, said = play(tmp_path, checkout, vm_capture_name="web")
    assert status != 0
    assert "vm_capture_name=web, vm_capture_tree=, vm_capture_workspace=: each must be given" in said
