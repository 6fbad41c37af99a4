# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An initramfs in each compression that distributions use."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from helpers.cpio import write_archive

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import initramfs
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


@pytest.mark.parametrize("packer", ["gzip -n", "xz --check=crc32", "zstd -q", "lz4 -q -l", "lz4 -q"])
def test_names(tmp_path: Path, packer: str) -> None:
    file = io.BytesIO()
    write_archive(file, [("init", b"#!/bin/sh\n"), ("lib/xen-blkfront.ko", bytes(100000))])
    packed = subprocess.run([*packer.split(), "-c"], input=file.getvalue(), check=True, capture_output=True).stdout
    path = tmp_path / "initrd"
    path.write_bytes(file.getvalue().replace(b"init", b"code") + bytes(300) + packed)
    names = list(initramfs.names(Runner(), str(path)))
    assert names == ["code", "lib/xen-blkfront.ko", "init", "lib/xen-blkfront.ko"]
