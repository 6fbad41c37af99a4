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

from helpers.watched_machine import machine, run_until

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu

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
    only = _ONLY if cut else ()
    watched = machine(
        folder,
        [qemu.Disk(str(disk), "raw", disk.stat().st_size)],
        kernel=str(kernel),
        ramdisk=str(ramdisk),
        kernel_args=" ".join(["root=/dev/mapper/system-root console=ttyS0,115200n8", *only, f"cut={cut}"]),
    )
    begin = time.monotonic()
    if cut:
        log = run_until(_MARK + cut.partition(":")[0], watched, ["-smbios", _credential()])
    else:
        log = run_until(wanted, watched)
    return log, time.monotonic() - begin


def raw_copy(image: Path, disk: Path, size: int) -> None:
    """Make a private disk of an image."""
    subprocess.run(["qemu-img", "convert", "-O", "raw", image, disk], check=True)
    enlarge(disk, size)


def enlarge(disk: Path, size: int) -> None:
    """Give a disk more room."""
    with disk.open("r+b") as file:
        file.truncate(size)
