# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a tree may lie, and what is said of it; its making is an integration test."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import lay_tree
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError


def test_what_only_root_could_make_is_said() -> None:
    part = {"mountpoint": "/var", "attributes_left_out": {"security.selinux": 7}, "devices_left_out": 2}
    none = {"mountpoint": "/", "attributes_left_out": {}, "devices_left_out": 0}
    assert lay_tree.warnings({"filesystems": [none, part]}) == [
        "left out of /var, because only root can make them: device files: 2, security.selinux: 7"
    ]
    # In check mode nothing was made yet.
    assert lay_tree.warnings({"filesystems": [{"mountpoint": "/", "area": "1"}]}) == []


def test_a_tree_lies_where_no_other_account_gets_to() -> None:
    us = os.geteuid()
    for mode, owner in ((0o755, us), (0o701, us), (0o750, us), (0o710, us), (0o700, us + 4711), (0o711, 0)):
        with pytest.raises(
            OptionError, match="could start the setuid programs of the disk there; put it below a folder of your own"
        ):
            _privacy(mode, owner)
    for mode, owner in ((0o700, us), (0o744, us), (0o700, 0)):
        _privacy(mode, owner)


def _privacy(mode: int, owner: int) -> None:
    """Ask for a tree below a folder of a mode and an owner, as if that were all there is of the host."""
    seen = {"/": (0o755, 0), "/top": (0o755, 0), "/top/place": (mode, owner)}
    real_stat, real_isdir = os.stat, os.path.isdir
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            os,
            "stat",
            lambda path, **more: _status(*seen[path]) if path in seen else real_stat(path, **more),
        )
        patch.setattr(os.path, "isdir", lambda path: path in seen or real_isdir(path))
        lay_tree.require_privacy("tree", "/top/place/not yet/tree")


def _status(mode: int, owner: int) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 1, owner, *[0] * 5))


def test_an_acl_opens_a_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert lay_tree._is_closed(os.stat(tmp_path))
    # Owner rwx, account 65534 r-x, group none, mask r-x, others none.
    entries = ((0x01, 7, -1), (0x02, 5, 65534), (0x04, 0, -1), (0x10, 5, -1), (0x20, 0, -1))
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(tmp_path, "system.posix_acl_access", acl)
    except OSError as error:
        pytest.skip(f"no ACLs here: {error}")
    assert not lay_tree._is_closed(os.stat(tmp_path))
