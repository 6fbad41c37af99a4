# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local files against checksums; downloads and signatures are tested in tests/integration."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.base_file import BaseFile
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

SUM = hashlib.sha256(b"content").hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"content")
    return tmp_path / "file"


@pytest.mark.parametrize("checksum", ["", f"sha256:{SUM}", f"sha256:{SUM.upper()}"])
def test_a_local_file_stays_where_it_is(file: Path, checksum: str) -> None:
    path, found = BaseFile(Runner(), str(file), folder="/nowhere", checksum=checksum).take()
    assert (path, found) == (str(file), hashlib.sha512(b"content").hexdigest())


def test_a_list_may_name_other_files(file: Path) -> None:
    sums = file.with_name("SUMS")
    sums.write_text(f"{'0' * 64}  other-file\n{SUM}  file\n")
    assert BaseFile(Runner(), str(file), folder="/nowhere", checksum=str(sums)).take()[0] == str(file)
    sums.write_text(f"{SUM}  other-file\n")
    with pytest.raises(OptionError, match="does not name file with a sha256 or sha512"):
        BaseFile(Runner(), str(file), folder="/nowhere", checksum=str(sums)).take()


@pytest.mark.parametrize(
    ("checksum", "fault"),
    [(f"sha256:{'1' * 64}", f"has the sha256 {SUM}, not 1{{64}}; see where"), ("sha512:11", "is no sha512; write ALG")],
)
def test_another_file_is_refused(file: Path, checksum: str, fault: str) -> None:
    with pytest.raises(OptionError, match=fault):
        BaseFile(Runner(), str(file), folder="/nowhere", checksum=checksum).take()


def test_a_signature_needs_a_key(file: Path) -> None:
    with pytest.raises(OptionError, match=r"^base_signature=x: needs the key that made it; give base_keys"):
        BaseFile(Runner(), str(file), folder="/nowhere", signature="x")
