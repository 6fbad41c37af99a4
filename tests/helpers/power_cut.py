# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests whose power is cut at a named moment of the growth.

Nothing is written into the image: systemd takes a drop-in from the firmware's tables (since its version 256). It lets
the agent find, before the real programs of the growth, others of the same names, which stop at the moment that the
kernel's command line names.
"""

from __future__ import annotations

import base64
import subprocess
import time
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.console import plain_text
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

TIMEOUT = 600
_MARK = "power is cut here: "
# What the growth waits for, and no more: half of the boot's time.
_ONLY = ("systemd.unit=local-fs.target", "systemd.wants=goldsmith-grow.service")
# NAME:after stops once the program has ended, NAME:during while it runs.
_WRAPPER = """\
#!/bin/sh
name=${0##*/}
program() { PATH=/usr/sbin:/usr/bin "$name" "$@"; }
case "$name $*" in sfdisk*--dump*) program "$@"; exit ;; esac
read -r arguments </proc/cmdline
case " $arguments " in
*" cut=$name:after "*) program "$@" ;;
*" cut=$name:during "*) program "$@" & ;;
*) program "$@"; exit ;;
esac
echo "MARK$name" >/dev/console
exec sleep 1000
"""
_PREPARE = """\
set -e
mkdir /run/cut
mount -t tmpfs -o mode=755 cut /run/cut
cat >/run/cut/wrapper <<'WRAPPER'
{wrapper}WRAPPER
chmod 755 /run/cut/wrapper
for name in sfdisk partx pvcreate vgextend lvextend resize2fs; do ln -s wrapper /run/cut/$name; done
sed 's|PATH=/usr/sbin|PATH=/run/cut:/usr/sbin|' /usr/sbin/goldsmith-agent >/run/cut/agent
chmod 755 /run/cut/agent
"""
_DROP_IN = """\
[Service]
ExecStartPre=/bin/sh -c 'echo {prepare} | base64 -d | sh'
ExecStart=
ExecStart=/run/cut/agent grow
"""


def _credential() -> str:
    prepare = _PREPARE.format(wrapper=_WRAPPER.replace("MARK", _MARK))
    drop_in = _DROP_IN.format(prepare=base64.b64encode(prepare.encode()).decode())
    value = base64.b64encode(drop_in.encode()).decode()
    return f"type=11,value=io.systemd.credential.binary:systemd.unit-dropin.goldsmith-grow.service~50-cut={value}"


def boot_until(
    folder: Path, disk: Path, kernel: Path, ramdisk: Path, *, wanted: str, cut: str = ""
) -> tuple[str, float]:
    """Start the kernel on a disk, kill the machine once *wanted* is on the console, or the power is cut at *cut*.

    Return the console log, and the seconds that it took.
    """
    folder.mkdir()
    runner = Runner()
    accelerator = qemu.choose_accelerator(runner, "auto")
    machine = qemu.Machine(
        folder=folder,
        name="cut",
        uuid="0b1c2d3e-4f50-6172-8394-a5b6c7d8e9fa",
        type="q35",
        accelerator=accelerator,
        memory=1 << 30,
        cpus=qemu.usual_cpus(accelerator),
        disks=(qemu.Disk(str(disk), "raw", disk.stat().st_size),),
        kernel=str(kernel),
        ramdisk=str(ramdisk),
        kernel_args=" ".join(
            ["root=/dev/mapper/system-root console=ttyS0,115200n8", *(_ONLY if cut else ()), f"cut={cut}"]
        ),
    )
    argv = qemu.command(machine)
    if cut:
        argv += ["-smbios", _credential()]
        wanted = _MARK + cut.partition(":")[0]
    process = runner.start(argv)
    begin = time.monotonic()
    log = ""
    try:
        while wanted not in log:
            log = plain_text(machine.console.read_bytes()) if machine.console.exists() else ""
            assert process.poll() is None, f"QEMU ended:\n{log[-2000:]}"
            assert "Kernel panic" not in log, log[-2000:]
            assert time.monotonic() - begin < TIMEOUT, f"not reached: {wanted}\n{log[-4000:]}"
            time.sleep(0.05)
    finally:
        qemu.end(runner, process)
    return log, time.monotonic() - begin


def raw_copy(image: Path, disk: Path, size: int) -> None:
    """Make a private disk of an image."""
    subprocess.run(["qemu-img", "convert", "-O", "raw", image, disk], check=True)
    enlarge(disk, size)


def enlarge(disk: Path, size: int) -> None:
    """Give a disk more room."""
    with disk.open("r+b") as file:
        file.truncate(size)
