# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workspace on file systems that a tree cannot work on: real mounts, in a namespace of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import finish_module, start_module

_MOUNT = 'mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@"'
# What root is on NFS with root_squash: it owns what it makes, and gives nothing away.
_SQUASHED = ("setpriv", "--inh-caps=-chown", "--bounding-set=-chown")


def take(folder: Path, options: str, *inside: str, check: bool = False, **more: Any) -> dict[str, Any]:
    """Take a workspace whose cache is a mount with these options."""
    (folder / "mount").mkdir()
    words = ["unshare", "--mount", "sh", "-c", _MOUNT, "sh", options, str(folder / "mount"), *inside]
    places = {"output_dir": str(folder / "out"), "cache_dir": str(folder / "mount" / "cache")}
    result = finish_module(
        start_module("build_workspace", {"name": "image", **places, **more}, check=check, inside=words)
    )
    assert "\n" not in result.get("msg", "")
    return result


@pytest.mark.root
@pytest.mark.parametrize("check", [True, False])
def test_no_program_runs_on_noexec(tmp_path: Path, check: bool) -> None:
    result = take(tmp_path, "noexec", check=check)
    assert result["failed"]
    assert result["msg"] == (
        f"image_cache_dir={tmp_path}/mount/cache: its file system is mounted with noexec, so no program of the tree "
        "can run; mount it with exec, or name another folder in image_cache_dir"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.root
def test_no_sudo_on_nosuid(tmp_path: Path) -> None:
    result = take(tmp_path, "nosuid,nodev")
    assert result["changed"]
    (warning,) = result["warnings"]
    assert f"image_cache_dir={tmp_path}/mount/cache: its file system is mounted with nosuid" in str(warning)


@pytest.mark.root
def test_devices_are_not_needed(tmp_path: Path) -> None:
    result = take(tmp_path, "nodev")
    assert result["changed"] and not result.get("warnings")


@pytest.mark.root
def test_owners_that_cannot_be_changed(tmp_path: Path) -> None:
    result = take(tmp_path, "size=1m", *_SQUASHED)
    assert result["failed"]
    assert result["msg"] == (
        f"image_cache_dir={tmp_path}/mount/cache: its file system gives no file to another owner, as NFS with "
        "root_squash, and a tree has files of several; export it with no_root_squash, or name another folder in "
        "image_cache_dir"
    )


@pytest.mark.root
def test_a_captured_machine_needs_none_of_it(tmp_path: Path) -> None:
    assert take(tmp_path, "noexec,nosuid", *_SQUASHED, tree=False)["changed"]


@pytest.mark.root
def test_what_cannot_be_written_is_told_with_its_option(tmp_path: Path) -> None:
    result = take(tmp_path, "ro")
    assert result["msg"] == (
        f"image_cache_dir={tmp_path}/mount/cache: cannot be written: Read-only file system; name a folder of this "
        "account there, or give it the rights; NFS may refuse root"
    )
    (tmp_path / "out").write_text("no folder")
    (tmp_path / "mount").rmdir()
    result = take(tmp_path, "size=1m")
    assert result["msg"].startswith(f"image_output_dir={tmp_path}/out: cannot be written: File exists; ")
