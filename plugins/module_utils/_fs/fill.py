# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree is written as xfs or btrfs, as a program of its own: only behind the namespaces its owners are right.

This file and what it imports need the standard library only.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.btrfs_writer import BtrfsWriter
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.nodes import Node, scan
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.sheets import Sheets
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.xfs_writer import XfsWriter
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError


def run(request: dict[str, Any]) -> None:
    """Be the program; what goes wrong is told as C(error) and C(hint)."""
    try:
        write(**request)
        answer = {}
    except GoldsmithError as error:
        answer = {"error": str(error)}
    except OSError as error:
        answer = {"error": f"{error.filename or request['path']}: {error.strerror}"}
    sys.stdout.write(json.dumps(answer))


def write(
    *, path: str, offset: int, fstype: str, size: int, label: str, ids: list[str], epoch: int, tree: str | None,
    files: dict[str, str], labels: dict[str, str],
) -> None:  # fmt: skip
    """Write a file system of *size* bytes at *offset* of the file *path*, where there are zeros.

    *ids* are its identifiers in hexadecimal; *files* maps names inside to host paths, and come on top of the *tree*;
    *labels* are the labels of SELinux of names inside.
    """
    raw = tuple(bytes.fromhex(text) for text in ids)
    nodes = scan(tree, files, epoch, labels) if tree else [Node(0o040755, mtime=epoch * 10**9)]
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        sheets = Sheets(descriptor, offset)
        if fstype == "xfs":
            XfsWriter(sheets, size, label, raw[0], epoch).write(nodes)
        else:
            BtrfsWriter(sheets, size, label, raw, epoch).write(nodes)
    finally:
        os.close(descriptor)
