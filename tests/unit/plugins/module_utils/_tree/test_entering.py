# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds a program in a tree; entering one is an integration test."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import entering


@pytest.mark.parametrize("booted", [True, False])
def test_the_scripts_are_shell_and_hold_no_place_that_was_not_filled(booted: bool) -> None:
    words = entering.words("/tree", ["true"], booted=booted, linger="x")
    for script in (words[2], words[6]):
        assert "@" not in script.replace('"$@"', "").replace("./@-", "").replace("_.@", "")
        checked = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=False)
        assert checked.returncode == 0, checked.stderr
    assert bool(words[6]) is booted
    assert words[7:] == ["x", "true"]


def test_notes_are_told_apart_from_what_a_program_says() -> None:
    said = "one\ngoldsmith-note: sysctl a\ngoldsmith-note: sysctl a\ngoldsmith-note: swapon b\n"
    assert entering.notes(said) == ("one\n", ["sysctl a", "swapon b"])
    assert entering.notes("no end of line") == ("no end of line", [])


def test_run_has_what_units_declare(tmp_path: Path) -> None:
    units = tmp_path / "units"
    units.mkdir()
    (units / "a.service").write_text("[Service]\nRuntimeDirectory=one two/deep\nRuntimeDirectoryMode=0700\n")
    (units / "b.service").write_text("[Service]\nRuntimeDirectory=../out %i $(x)\n")
    (units / "c.service").write_text("[Service]\nExecStart=/bin/true\n")
    script = entering._PREPARE.replace('"$folder"/systemd/system', str(units)).replace("/run/", f"{tmp_path}/run/")
    script = script.replace("for folder in /usr/lib /lib /etc", "for folder in /usr").replace("--prefix=/run", "--help")
    subprocess.run(["sh", "-c", script], check=True, capture_output=True)
    made = {str(path.relative_to(tmp_path / "run")): path.stat().st_mode & 0o777 for path in tmp_path.rglob("run/**/*")}
    assert made == {"one": 0o700, "two": 0o755, "two/deep": 0o700}
