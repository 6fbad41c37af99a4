# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier builds made, and what was proved of it, taken down in the cache folder."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence.manifest import MANIFEST, SUMS
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import make_folders
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.records import read_record, write_record

# A record that was not read for so many days goes.
_DAYS = 90


def take_down(cache_dir: str, directory: str, key: str, artifacts: Sequence[Mapping[str, Any]]) -> None:
    """Take down that the files in a folder were made from what *key* stands for."""
    names = [*(artifact["file"] for artifact in artifacts), MANIFEST, SUMS]
    sums = {artifact["file"]: artifact["sha512"] for artifact in artifacts}
    write_record(
        _path(cache_dir, "made", os.path.realpath(directory)),
        {
            "key": key,
            "made": time.time(),
            "sums": sums,
            "files": {name: _state(directory, name) for name in names},
        },
    )


def sums(cache_dir: str, directory: str, key: str, age: float | None = None) -> dict[str, str]:
    """Return the sha512 of each file in a folder, where all are as they were made from *key*; else nothing.

    Files that were made *age* seconds ago or more are none (None: for ever).
    """
    record = _read(_path(cache_dir, "made", os.path.realpath(directory)))
    if not key or record.get("key") != key:
        return {}
    if age is not None and time.time() - record["made"] >= age:
        return {}
    whole = all(_state(directory, name) == state for name, state in record["files"].items())
    return record["sums"] if whole else {}


def keep_proof(cache_dir: str, sha512: Sequence[str], questions: str, report: Mapping[str, Any]) -> None:
    """Take down what a proof of files has shown."""
    write_record(_proof(cache_dir, sha512, questions), {"report": report})


def proof(cache_dir: str, sha512: Sequence[str], questions: str) -> dict[str, Any]:
    """Return what a proof of the same files by the same questions has shown; nothing where there was none."""
    return _read(_proof(cache_dir, sha512, questions)).get("report", {}) if questions else {}


def _proof(cache_dir: str, sha512: Sequence[str], questions: str) -> str:
    return _path(cache_dir, "proof", sorted(sha512), questions)


def _path(cache_dir: str, kind: str, *what: Any) -> str:
    folder = os.path.join(os.path.abspath(cache_dir), "records")
    make_folders(folder)
    return os.path.join(folder, f"{kind}-{digest(*what)[:24]}.json")


def _read(path: str) -> dict[str, Any]:
    with suppress(OSError):
        os.utime(path)
        for entry in os.scandir(os.path.dirname(path)):
            if entry.stat().st_mtime < time.time() - _DAYS * 86400:
                os.unlink(entry.path)
    return read_record(path)


def _state(directory: str, name: str) -> list[int]:
    try:
        status = os.stat(os.path.join(directory, name))
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns, status.st_ino]
