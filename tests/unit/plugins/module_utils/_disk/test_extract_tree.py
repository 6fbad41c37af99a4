# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fstab of a tree that was made of a disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract_plan, extract_tree
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import fstab
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError


def test_every_byte_of_fstab_stays(tmp_path: Path) -> None:
    raw = b"# M\xfcll\nUUID=1 / ext4\nLABEL=second /h\xe9 ext4\n/dev/sda9 /w\xe9g ext4\n//nas/\xe9 /nas cifs\n"
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "fstab").write_bytes(raw)
    _root, home, gone, _net = fstab.parse(raw.decode("utf-8", "surrogateescape"))
    left_out = extract_plan.LeftOut(gone, "not on this disk", gone=True)
    todo = extract_plan.ExtractPlan((), left_out=(left_out,), merged=(home,))
    extract_tree._rewrite_fstab(str(tmp_path), todo, "LABEL=new", "ext4")
    assert (tmp_path / "etc" / "fstab").read_bytes() == b"# M\xfcll\nLABEL=new / ext4\n//nas/\xe9 /nas cifs\n"


def test_an_fstab_that_was_not_read_to_its_end_is_not_rewritten(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "fstab").write_bytes(b"UUID=1 / ext4\n" + b"#" * (5 << 20))
    with pytest.raises(GoldsmithError, match=r"/etc/fstab of \d+ bytes is too big"):
        extract_tree._rewrite_fstab(str(tmp_path), extract_plan.ExtractPlan(()), "LABEL=new", "ext4")
