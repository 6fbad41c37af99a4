# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on Compute's image cache as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import human_size

# Files that get a line of their own.
_FILES = 20
_TITLES = {
    "in_use": "in use",
    "kept": "kept, their image is in use",
    "unused": "unused",
    "due": "of these due at the next run",
    "swap_and_ephemeral": "swap and ephemeral",
    "ignored": "not Nova's, never removed",
}


def said(report: Mapping[str, Any]) -> list[str]:
    """Return the lines."""
    return [
        f"{report['base']}: {_total(report['totals']['all'])}",
        *(
            f"  {title}: {_total(total)}"
            for name, title in _TITLES.items()
            if (total := report["totals"][name])["files"]
        ),
        *_files(report),
        *(f"  not read: {item['path']}: {item['reason']}" for item in report["unread"][:_FILES]),
        *([] if report["complete"] else ["  what could not be read may use files that are called unused"]),
        _rule(report["settings"]),
    ]


def human_time(seconds: float) -> str:
    """Return C(1 d 3 h) for a number of seconds: the two greatest units that say something."""
    words = []
    rest = int(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if count := rest // length:
            words.append(f"{count} {unit}")
            rest -= count * length
    return " ".join(words[:2]) or "0 s"


def _files(report: Mapping[str, Any]) -> Iterator[str]:
    for file in report["files"][:_FILES]:
        who = file["image_name"] or file["image_id"]
        yield (
            f"  {file['name']}{f' ({who})' if who else ''}, {file['kind']}, "
            f"{human_size(file['size'])} ({human_size(file['allocated'])} on disk): {_state(file)}"
        )
    if report["totals"]["all"]["files"] > len(report["files"][:_FILES]):
        yield f"  ... and {report['totals']['all']['files'] - len(report['files'][:_FILES])} smaller ones"


def _state(file: Mapping[str, Any]) -> str:
    if file["state"] == "in_use":
        others = len(file["users"]) - 1
        return f"in use by {file['users'][0]}{f' and {others} more' if others else ''}"
    age = f"untouched for {human_time(file['age'])}"
    if file["state"] != "unused":
        return f"{_TITLES[file['state']]}, {age}"
    if file["due"]:
        return f"unused, {age}, goes at the next run, by {file['removed_by']}"
    start = file["removable_from"]
    return f"unused, {age}, {f'may go from {start}' if start else 'never goes'}"


def _total(total: Mapping[str, int]) -> str:
    files = "1 file" if total["files"] == 1 else f"{total['files']} files"
    return f"{files}, {human_size(total['size'])} ({human_size(total['allocated'])} on disk)"


def _rule(settings: Mapping[str, Any]) -> str:
    if not settings["remove_unused_base_images"]:
        return "Nova removes nothing: remove_unused_base_images is false"
    if settings["manager_interval"] < 0:
        return "Nova removes nothing: manager_interval is -1"
    return (
        f"Nova removes what is unused and untouched for "
        f"{human_time(settings['remove_unused_original_minimum_age_seconds'])}, resized images for "
        f"{human_time(settings['remove_unused_resized_minimum_age_seconds'])}; it looks every "
        f"{human_time(settings['manager_interval'])}"
    )
