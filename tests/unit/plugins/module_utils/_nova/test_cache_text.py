# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on Compute's image cache in words."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._nova.cache_text import human_time, said

SETTINGS = {
    "remove_unused_base_images": True,
    "remove_unused_original_minimum_age_seconds": 86400,
    "remove_unused_resized_minimum_age_seconds": 5400,
    "manager_interval": 2400,
}


def file(**others: Any) -> dict[str, Any]:
    usual = {
        "name": "abc",
        "kind": "original",
        "state": "unused",
        "image_id": None,
        "image_name": None,
        "users": [],
        "size": 3 << 30,
        "allocated": 1 << 30,
        "age": 90000,
        "due": False,
        "removable_from": None,
        "removed_by": None,
    }
    return {**usual, **others}


def report(*files: dict[str, Any], **others: Any) -> dict[str, Any]:
    total = {"files": 0, "size": 0, "allocated": 0}
    names = ("in_use", "kept", "unused", "due", "swap_and_ephemeral", "ignored")
    count = {"files": len(files), "size": 3 << 30, "allocated": 1 << 30}
    usual = {
        "base": "/b",
        "settings": SETTINGS,
        "files": list(files),
        "totals": {**dict.fromkeys(names, total), "all": count},
        "unread": [],
        "complete": True,
    }
    return {**usual, **others}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (3600, "1 h"), (90061, "1 d 1 h"), (86405, "1 d 5 s"), (2400, "40 min")],
)
def test_times(seconds: float, text: str) -> None:
    assert human_time(seconds) == text


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (file(), "  abc, original, 3.0 GiB (1.0 GiB on disk): unused, untouched for 1 d 1 h, never goes"),
        (
            file(due=True, removable_from="A", removed_by="B", image_id="1", image_name="debian"),
            "  abc (debian), original, 3.0 GiB (1.0 GiB on disk): unused, untouched for 1 d 1 h, goes at the next run, "
            "by B",
        ),
        (
            file(removable_from="A", removed_by="B", image_id="1"),
            "  abc (1), original, 3.0 GiB (1.0 GiB on disk): unused, untouched for 1 d 1 h, may go from A",
        ),
        (file(state="in_use", users=["u/disk"]), "  abc, original, 3.0 GiB (1.0 GiB on disk): in use by u/disk"),
        (
            file(state="in_use", users=["u/disk", "v/disk", "w/disk"]),
            "  abc, original, 3.0 GiB (1.0 GiB on disk): in use by u/disk and 2 more",
        ),
        (
            file(state="kept", kind="resized", age=60),
            "  abc, resized, 3.0 GiB (1.0 GiB on disk): kept, their image is in use, untouched for 1 min",
        ),
    ],
)
def test_a_file(entry: dict[str, Any], line: str) -> None:
    assert said(report(entry))[1] == line


def test_the_whole() -> None:
    assert said(report(file())) == [
        "/b: 1 file, 3.0 GiB (1.0 GiB on disk)",
        "  abc, original, 3.0 GiB (1.0 GiB on disk): unused, untouched for 1 d 1 h, never goes",
        "Nova removes what is unused and untouched for 1 d, resized images for 1 h 30 min; it looks every 40 min",
    ]
    many = said(report(*[file()] * 25))
    assert many[-2] == "  ... and 5 smaller ones"
    assert len(many) == 23


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"remove_unused_base_images": False}, "Nova removes nothing: remove_unused_base_images is false"),
        ({"manager_interval": -1}, "Nova removes nothing: manager_interval is -1"),
    ],
)
def test_where_nothing_is_removed(settings: dict[str, Any], line: str) -> None:
    assert said(report(settings={**SETTINGS, **settings}))[-1] == line


def test_what_was_not_read() -> None:
    lines = said(report(unread=[{"path": "/i/u/disk", "reason": "cut off"}], complete=False))
    assert lines[1:3] == [
        "  not read: /i/u/disk: cut off",
        "  what could not be read may use files that are called unused",
    ]
