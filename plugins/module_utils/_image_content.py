# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file is, by the bytes that its format prescribes. Floor 2."""

from __future__ import annotations

import os
import struct

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._sizes import SECTOR

_QCOW2 = b"QFI\xfb"
_VHD = b"conectix"
# Formats that Glance knows and we do not make; told apart only to say so.
_OTHERS = {b"KDMV": "vmdk", b"vhdxfile": "vhdx", b"# Disk DescriptorFile": "vmdk"}
_EXT_MAGIC = 0x438
_QCOW2_DATA_FILE = 1 << 2


def size_of(path: str, option: str) -> int:
    """Return the size of a regular file that is there, can be read and is not empty."""
    try:
        with open(path, "rb") as file:
            if not os.path.isfile(path):
                raise OptionError(option, path, "not a regular file")
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise OptionError(option, path, error.strerror or str(error)) from error
    if size == 0:
        raise OptionError(option, path, "the file is empty", hint="see how it was made")
    return size


def file_system_of(path: str) -> str | None:
    """Return C(ext) or C(xfs) for a bare file system, None for anything else."""
    head = _head(path)
    if head[_EXT_MAGIC : _EXT_MAGIC + 2] == b"\x53\xef":
        return "ext"
    return "xfs" if head.startswith(b"XFSB") else None


def disk_format_of(path: str) -> str | None:
    """Return C(qcow2), C(vhd), C(raw) or the name of another format; None where nothing tells."""
    head = _head(path)
    if head.startswith(_QCOW2):
        return "qcow2"
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            return name
    # A fixed VHD has its mark only in the last sector, a dynamic one in the first as well.
    if head.startswith(_VHD) or _tail(path).startswith(_VHD):
        return "vhd"
    if head[510:512] == b"\x55\xaa" or file_system_of(path):
        return "raw"
    return None


def require_root_file_system(path: str, option: str) -> None:
    """Refuse what is no bare ext2, ext3, ext4 or xfs: Glance takes anything as an ami, and no guest would boot."""
    if file_system_of(path):
        return
    kind = disk_format_of(path)
    what = f"a whole disk or {kind} image" if kind else "unknown content"
    raise OptionError(
        option,
        path,
        f"{what}, but the root file system of a triplet must be a bare ext2, ext3, ext4 or xfs file system",
        hint="give the file system alone, or leave out kernel and ramdisk to upload a whole disk",
    )


def require_kernel(path: str, option: str) -> None:
    """Refuse what is no Linux kernel: a bzImage, an ELF vmlinux or an arm64 Image."""
    head = _head(path)
    if head[0x202:0x206] == b"HdrS" or head.startswith(b"\x7fELF") or head[0x38:0x3C] == b"ARM\x64":
        return
    raise OptionError(option, path, "not a Linux kernel (bzImage, vmlinux or arm64 Image)")


def require_self_contained(path: str, option: str) -> None:
    """Refuse a qcow2 that needs a second file, which no cloud would have and an attacker may choose."""
    head = _head(path)
    if not head.startswith(_QCOW2):
        return
    version, backing = struct.unpack_from(">IQ", head, 4)
    features = struct.unpack_from(">Q", head, 72)[0] if version >= 3 else 0
    if backing:
        raise OptionError(option, path, "this qcow2 has a backing file", hint="flatten it with qemu-img convert")
    if features & _QCOW2_DATA_FILE:
        raise OptionError(option, path, "this qcow2 keeps its data in another file", hint="use qemu-img convert")


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        # Padded: a short file then has no magic, and needs no special case.
        return file.read(4096).ljust(4096, b"\0")


def _tail(path: str) -> bytes:
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - SECTOR))
        return file.read(SECTOR)
