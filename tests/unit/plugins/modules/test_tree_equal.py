# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tree_equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.modules import tree_equal


def test_it_tells_what_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", list)
    (tmp_path / "tree").mkdir()
    (tmp_path / "source").mkdir()
    (tmp_path / "source/file").write_text("x")
    options = {"path": str(tmp_path / "tree"), "src": str(tmp_path / "source"), "exclude": []}
    told = tree_equal.run(options, True)
    assert told["changed"] is True
    assert "/file" in told["paths"]
    assert "/file\n" in told["diff"]["after"]
    assert not (tmp_path / "tree/file").exists()
    assert tree_equal.run(options, False) == told
    assert tree_equal.run(options, False) == {"changed": False, "paths": [], "diff": {"before": "", "after": ""}}
