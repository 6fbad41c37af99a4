# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook capture_vm with a real libvirt: a machine that was made elsewhere becomes an image of what it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from helpers.disks import MIB, make_disk, put_grub, tool
from helpers.libvirt import running_libvirt
from helpers.tools import run_tool

pytestmark = pytest.mark.root
OS_RELEASE = 'ID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\nPRETTY_NAME="Ubuntu 24.04 LTS"\n'
GUEST = """\
<domain type='qemu'><name>web</name><memory unit='MiB'>32</memory><os><type arch='x86_64'>hvm</type></os>
<devices><disk type='file'><driver type='raw'/><source file='{}'/><target dev='vda' bus='virtio'/></disk></devices>
</domain>
"""


def machine(folder: Path) -> Path:
    """The files of a system that GRUB can start, which a person has used."""
    for name in ("boot", "etc/ssh", "root"):
        (folder / name).mkdir(parents=True)
    for name in ("vmlinuz-6.8.0", "initrd.img-6.8.0"):
        (folder / "boot" / name).write_text(name)
    (folder / "etc" / "fstab").write_text(
        "/dev/vda1 / ext4 defaults 0 1\n/dev/vdb1 none swap sw 0 0\n/swap.img none swap sw 0 0\n"
    )
    (folder / "swap.img").write_text("secret\n")
    (folder / "etc" / "initramfs-tools" / "conf.d").mkdir(parents=True)
    (folder / "etc" / "initramfs-tools" / "conf.d" / "resume").write_text("RESUME=/dev/vdb1\n")
    (folder / "etc" / "os-release").write_text(OS_RELEASE)
    (folder / "etc" / "ssh" / "ssh_host_ed25519_key").write_text("secret\n")
    (folder / "root" / ".bash_history").write_text("secret\n")
    put_grub(folder)
    return folder


def refused(checkout: Path, argv: list[str]) -> str:
    """What the last failed task of a run that must fail says."""
    environment = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    done = subprocess.run(argv, check=False, cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    return json.loads(re.findall(r"^fatal: .* => (\{.*\})$", done.stdout, re.MULTILINE)[-1])["msg"]


def test_a_machine_becomes_an_image_of_what_it_is(checkout: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "web"
    with running_libvirt() as libvirt:
        disk = libvirt.images / "web.raw"
        make_disk(disk, machine(tmp_path / "machine"), label="dos", size=96 * MIB)
        before = disk.read_bytes()
        tool("virsh", "--quiet", "--connect", libvirt.uri, "define", "/dev/stdin", stdin=GUEST.format(disk))
        variables = {
            "vm_capture_uri": libvirt.uri,
            "image_output_dir": str(tmp_path / "out"),
            "image_cache_dir": str(tmp_path / "cache"),
            "image_verify": [],
        }
        argv = ["./goldsmith", "playbook", "goldsmith.openstack.capture_vm", "-e"]
        assert refused(checkout, [*argv, json.dumps(variables)]) == (
            "vm_capture_name: is empty; name the machine, as virsh list --all shows it, or give vm_capture_disk"
        )
        said = run_tool([*argv, json.dumps({**variables, "vm_capture_name": "web"}), "--check"], cwd=checkout)
        said = " ".join(said.split())
        assert f"of the machine web of {libvirt.uri}, as it is" in said
        assert f"folder {out}" in said
        # The same disk without its machine.
        said = run_tool([*argv, json.dumps({**variables, "vm_capture_disk": str(disk)}), "--check"], cwd=checkout)
        assert f"of the disk {disk}, as it is" in " ".join(said.split())
        line = refused(checkout, [*argv, json.dumps({**variables, "vm_capture_name": "nosuch"}), "--check"])
        assert "nosuch" in line and "\n" not in line
        assert not out.parent.exists() and not (tmp_path / "cache").exists()
        said = run_tool([*argv, json.dumps({**variables, "vm_capture_name": "web"})], cwd=checkout)
        said = " ".join(said.split())
        assert "/etc/fstab loses /swap.img on none: a swap file: what was in memory" in said
        assert "/etc/initramfs-tools/conf.d/resume: no longer names a swap to wake up from" in said
        # The machine stays as it was.
        assert disk.read_bytes() == before
        assert libvirt.domains() == ["web"]
    assert list((tmp_path / "cache" / "work").iterdir()) == []
    run_tool(["sha512sum", "--check", "--quiet", "SHA512SUMS"], cwd=out)
    manifest = json.loads((out / "manifest.json").read_text())
    captured = manifest["definition"]["captured"]
    assert (captured["kernel_version"], captured["network"]) == ("6.8.0", "keep")
    swap = {"source": "/swap.img", "mountpoint": "none", "reason": "a swap file: what was in memory", "dropped": True}
    assert swap in captured["left_out"]
    wanted = {"os_distro": "ubuntu", "os_version": "24.04", "os_admin_user": "ubuntu"}
    assert {name: manifest["properties"][name] for name in wanted} == wanted
    root = str(out / "web.ext4")
    assert tool("debugfs", "-R", "cat /etc/fstab", root) == "LABEL=cloudimg-rootfs / ext4 defaults 0 1\n"
    assert "Ubuntu 24.04 LTS" in tool("debugfs", "-R", "cat /boot/grub/grub.cfg", root)
    gone_files = ("/etc/ssh/ssh_host_ed25519_key", "/root/.bash_history", "/swap.img")
    for gone in (*gone_files, "/etc/initramfs-tools/conf.d/resume"):
        said = subprocess.run(["debugfs", "-R", f"stat {gone}", root], check=True, capture_output=True, text=True)
        assert "File not found" in said.stderr, gone
