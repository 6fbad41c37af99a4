# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.records import read_record, write_record


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert read_record(path) == {}
    write_record(path, {"definition": None})
    assert read_record(path) == {"definition": None}


def test_a_damaged_record_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("{")
    with pytest.raises(GoldsmithError, match=r"record\.json is damaged: .*; remove it and the folder beside it"):
        read_record(tmp_path / "record.json")
