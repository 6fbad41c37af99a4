# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file, or a part of a disk, is: by the bytes that its format prescribes; and whether QEMU has it locked."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import SECTOR
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import qcow2, vhd

# What tells first comes first: the boot sector of a file system, or of a fixed VHD, may be that of a disk as well.
_SIGNS = (
    ("qcow2", 0, qcow2.MAGIC),
    ("vhd", 0, vhd.COOKIE),
    ("vhd", -SECTOR, vhd.COOKIE),
    ("vmdk", 0, b"KDMV"),
    ("vmdk", 0, b"COWD"),
    ("vmdk", 0, b"# Disk DescriptorFile"),
    ("vhdx", 0, b"vhdxfile"),
    ("luks", 0, b"LUKS\xba\xbe"),
    ("bitlocker", 3, b"-FVE-FS-"),
    ("lvm", SECTOR, b"LABELONE"),
    ("ext", 0x438, b"\x53\xef"),
    ("xfs", 0, b"XFSB"),
    ("btrfs", 0x10040, b"_BHRfS_M"),
    ("f2fs", 0x400, b"\x10\x20\xf5\xf2"),
    ("disk", 510, b"\x55\xaa"),
)
_CONTAINERS = ("qcow2", "vhd", "vmdk", "vhdx")
# First bytes of what is compressed, and the program that unpacks it
_PACKED = {b"\xfd7zXZ\0": "xz", b"\x1f\x8b": "gzip", b"(\xb5/\xfd": "zstd", b"BZh": "bzip2"}
_TAR = (257, b"ustar")
_KERNELS = ((0x202, b"HdrS"), (0, b"\x7fELF"), (0x38, b"ARM\x64"))
# What a user calls it.
NAMES = {
    "qcow2": "a qcow2 image",
    "vhd": "a VHD",
    "vmdk": "a VMDK",
    "vhdx": "a VHDX",
    "luks": "an encrypted volume (LUKS)",
    "bitlocker": "an encrypted volume (BitLocker)",
    "lvm": "an LVM physical volume",
    "xfs": "xfs",
    "btrfs": "btrfs",
    "f2fs": "f2fs",
}
# struct flock; the bytes for what QEMU does with an image, and that for writing (block/file-posix.c)
_LOCK = "@hhqqi"
_ANY_USE, _WRITES = (100, 200), (101, 1)


def kind_of(read: Callable[[int, int], bytes]) -> str | None:
    """Return what bytes are, one of C(ext), C(disk) and NAMES, None where nothing tells; *read* takes place and size.

    A place below zero counts from the end; there may be nothing.
    """
    return next((kind for kind, place, sign in _SIGNS if read(place, len(sign)) == sign), None)


def kind_of_file(path: str, start: int = 0) -> str | None:
    """Return what a file is from a byte on."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size

        def read(place: int, length: int) -> bytes:
            return os.pread(file.fileno(), length, max(0, size + place if place < 0 else start + place))

        return kind_of(read)


def packer_of(path: str) -> str | None:
    """Return the program that unpacks a file, None for one that is not compressed."""
    with open(path, "rb") as file:
        head = file.read(8)
    return next((name for sign, name in _PACKED.items() if head.startswith(sign)), None)


def is_tar(path: str) -> bool:
    """Return whether a file is a tar that is not compressed."""
    place, sign = _TAR
    with open(path, "rb") as file:
        file.seek(place)
        return file.read(len(sign)) == sign


def disk_format_of(path: str) -> str | None:
    """Return C(qcow2), C(vhd), C(raw) or the name of another format; None where nothing tells."""
    kind = kind_of_file(path)
    return kind if kind in _CONTAINERS else kind and "raw"


def require_unused(path: str, *, to_write: bool = False) -> None:
    """Raise GoldsmithError where a machine runs that writes to an image, or uses it at all if we are *to_write* to it.

    qemu-img does not tell of raw ones.
    """
    try:
        with open(path, "r+b" if to_write else "rb") as file:
            # A machine holds these bytes locked; they can be asked for by who may only read.
            request = struct.pack(_LOCK, fcntl.F_WRLCK, os.SEEK_SET, *(_ANY_USE if to_write else _WRITES), 0)
            answer = fcntl.fcntl(file, fcntl.F_GETLK, request)
    except OSError as error:
        raise GoldsmithError(f"cannot open {path}: {error.strerror}") from error
    if struct.unpack(_LOCK, answer)[0] != fcntl.F_UNLCK:
        raise in_use(path)


def in_use(path: str) -> GoldsmithError:
    """Return the error for an image that a machine uses."""
    return GoldsmithError(f"{path} is in use by a running machine", hint="shut it down")


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


def virtual_size(path: str) -> int:
    """Return the size of the disk that a guest sees of a qcow2, a VHD or a raw file."""
    places = {"qcow2": (24, os.SEEK_SET), "vhd": (48 - 512, os.SEEK_END)}
    kind = disk_format_of(path)
    with open(path, "rb") as file:
        if kind not in places:
            return os.fstat(file.fileno()).st_size
        file.seek(*places[kind])
        return int.from_bytes(file.read(8), "big")


def require_raw(path: str, option: str) -> None:
    """Refuse a container where a raw image is wanted: the kernel would show the container, not its disk."""
    if os.path.isfile(path) and (kind := kind_of_file(path)) in _CONTAINERS:
        raise OptionError(option, path, f"is {NAMES[kind]}", hint="convert it with disk_convert format=raw first")


def require_root_file_system(path: str, option: str) -> None:
    """Refuse what is no bare ext2, ext3, ext4, xfs or btrfs: Glance takes anything as an ami, and no guest boots."""
    kind = kind_of_file(path)
    if kind in ("ext", "xfs", "btrfs"):
        return
    what = "unknown content" if kind is None else "a whole disk" if kind == "disk" else NAMES[kind]
    raise OptionError(
        option,
        path,
        f"{what}, but the root file system of a triplet must be a bare ext2, ext3, ext4, xfs or btrfs file system",
        hint="give the file system alone, or leave out kernel and ramdisk to upload a whole disk",
    )


def is_kernel(path: str) -> bool:
    """Return whether a file is a Linux kernel."""
    with open(path, "rb") as file:
        head = file.read(4096)
    return any(head.startswith(sign, place) for place, sign in _KERNELS)


def require_kernel(path: str, option: str) -> None:
    """Refuse what is no Linux kernel: a bzImage, an ELF vmlinux or an arm64 Image."""
    if not is_kernel(path):
        raise OptionError(option, path, "not a Linux kernel (bzImage, vmlinux or arm64 Image)")


def require_self_contained(path: str, option: str) -> None:
    """Refuse a qcow2 that needs a second file, which no cloud would have and an attacker may choose."""
    if kind_of_file(path) == "qcow2" and (other := qcow2.other_file(path)):
        raise OptionError(option, path, f"this qcow2 refers to {other}", hint="flatten it with qemu-img convert")
