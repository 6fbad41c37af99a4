# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who makes the config drive. What is on it: tests/integration/test_image_boot.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import config_drive
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(config_drive, "_MAKERS", ("gs-first", "gs-second"))
    return tmp_path


def add(folder: Path, name: str) -> None:
    program = folder / name
    program.write_text(f'#!/bin/sh\nfor iso; do :; done\necho "$0 $*" >{folder}/argv\n')
    program.chmod(0o755)


def test_whichever_maker_is_there(folder: Path) -> None:
    add(folder, "gs-second")
    config_drive.make_config_drive(Runner(), {"openstack/latest/meta_data.json": b"{}"}, folder / "config.iso")
    words = (folder / "argv").read_text().split()
    assert words[0].endswith("/gs-second")
    assert words[words.index("-V") + 1] == "config-2"
    assert Path(words[-1], "openstack/latest/meta_data.json").read_bytes() == b"{}"


def test_another_label(folder: Path) -> None:
    add(folder, "gs-first")
    config_drive.make_config_drive(Runner(), {"user-data": b""}, folder / "drive.iso", "CIDATA")
    words = (folder / "argv").read_text().split()
    assert words[words.index("-V") + 1] == "CIDATA"


def test_no_maker(folder: Path) -> None:
    with pytest.raises(GoldsmithError, match="gs-first is not installed"):
        config_drive.make_config_drive(Runner(), {}, folder / "config.iso")
