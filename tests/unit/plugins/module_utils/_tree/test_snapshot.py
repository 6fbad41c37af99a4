# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service that has an archive as it was: its Release file names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import snapshot

TIME = "20261101T000000Z"


class Archive(Runner):
    """apt-helper, and what it is asked for."""

    def __init__(self, text: str | None) -> None:
        self.text, self.asked = text, []

    def run(self, argv, **options):  # type: ignore[override]
        self.asked.append(argv[-2])
        if self.text is not None:
            Path(argv[-1]).write_text(self.text)
        return Result(tuple(argv), 0 if self.text is not None else 100, "", "")


def test_the_service_takes_the_place_of_the_mirror() -> None:
    archive = Archive("Origin: X\nSnapshots: http://s.example/x/@SNAPSHOTID@/\nDate: now\n")
    lines = ["deb http://m.example/x trixie main", "deb [signed-by=/k] http://m.example/x trixie-updates main extra"]
    assert snapshot.sources_at(archive, [*lines, lines[0]], TIME) == (
        f"deb http://s.example/x/{TIME}/ trixie main",
        f"deb [signed-by=/k] http://s.example/x/{TIME}/ trixie-updates main extra",
        f"deb http://s.example/x/{TIME}/ trixie main",
    )
    assert archive.asked == [f"http://m.example/x/dists/{suite}/InRelease" for suite in ("trixie", "trixie-updates")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Origin: X\n", r"^snapshot=\S+: http://m.example/x names no service that has its snapshots; give the URL"),
        ("Snapshots: no\n", "names no service"),
        (None, "^mirror=http://m.example/x: http://m.example/x/dists/trixie/InRelease cannot be fetched; check"),
    ],
)
def test_an_archive_without_a_service_is_told(text: str | None, fault: str) -> None:
    with pytest.raises(OptionError, match=fault):
        snapshot.sources_at(Archive(text), ["deb http://m.example/x trixie main"], TIME)


def test_what_is_no_mirror_is_told() -> None:
    with pytest.raises(OptionError, match=r"does not go with the source mirror\+file; name a mirror"):
        snapshot.sources_at(Archive(""), ["mirror+file"], TIME)
