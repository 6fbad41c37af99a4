# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The header of a qcow2 image, and the other files that it names.

No program looks at the image, and neither it nor what it names is opened as a disk: whoever wrote it may be a guest.
"""

from __future__ import annotations

import json
import os
import stat
import struct

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

MAGIC = b"QFI\xfb"
# Magic, version, offset and length of the name.
_HEADER = struct.Struct(">4sIQI")
_VERSIONS = (1, 2, 3)
_FEATURES, _DATA_FILE = 72, 1 << 2
# As QEMU takes it.
_MAX_NAME = 1023
_JSON = "json:"


class BadHeader(GoldsmithError):
    """A qcow2 image that QEMU would not open either."""


def other_file(path: str) -> str | None:
    """Return what kind of another file a qcow2 image refers to, None where it needs none."""
    with open(path, "rb") as file:
        header = file.read(_FEATURES + 8)
    if len(header) < _FEATURES or not header.startswith(MAGIC):
        raise BadHeader(f"{path} is not a qcow2 image")
    _magic, version, offset, _length = _HEADER.unpack_from(header)
    features = struct.unpack_from(">Q", header.ljust(_FEATURES + 8, b"\0"), _FEATURES)[0] if version >= 3 else 0
    return "a backing file" if offset else "an external data file" if features & _DATA_FILE else None


def backing_name(path: str) -> str | None:
    """Return the name of the backing file as the image has it; None for an image without one, or of another format.

    Raises OSError where the file cannot be read, BadHeader where it is broken.
    """
    descriptor = _open(path)
    if descriptor is None:
        return None
    try:
        header = os.pread(descriptor, _HEADER.size, 0)
        if header[:4] != MAGIC:
            return None
        if len(header) < _HEADER.size:
            raise BadHeader("the header of the qcow2 image is cut off")
        _magic, version, offset, length = _HEADER.unpack(header)
        if version not in _VERSIONS:
            raise BadHeader(f"the qcow2 image has the version {version}, which nobody knows")
        if not offset:
            return None
        if not 0 < length <= _MAX_NAME or offset + length > os.fstat(descriptor).st_size:
            raise BadHeader("the name of the backing file does not lie in the qcow2 image")
        return _plain(os.pread(descriptor, length, offset).decode(errors="replace"))
    finally:
        os.close(descriptor)


def _open(path: str) -> int | None:
    """Open a regular file for reading; None for anything else, which is not even opened: a device may act on that."""
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            return None
        return os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    finally:
        os.close(place)


def _plain(name: str) -> str:
    """Return the path in a name, which may be a node of QEMU's in JSON, or have the protocol in front."""
    if not name.startswith(_JSON):
        return name.removeprefix("file:")
    try:
        node = json.loads(name.removeprefix(_JSON))
        while isinstance(node, dict):
            flat = node.get("filename") or node.get("file.filename")
            node = flat if isinstance(flat, str) else node.get("file")
    except (ValueError, RecursionError):
        node = None
    if not isinstance(node, str):
        raise BadHeader("the name of the backing file cannot be understood")
    return node
