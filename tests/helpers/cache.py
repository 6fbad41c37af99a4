# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is slow to make and stays for the next run of the tests."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from helpers.tools import run_tool


def cache_folder() -> Path:
    """Where it stays."""
    kept = os.environ.get("GOLDSMITH_TEST_IMAGE_DIR")
    return Path(kept) if kept else Path.home() / ".cache" / "goldsmith" / "tests"


def cached(name: str, recipe: str, make: Callable[[Path], None]) -> Path:
    """The folder that *make* filled once by this recipe; other workers wait for it."""
    base = cache_folder()
    base.mkdir(parents=True, exist_ok=True)
    folder = base / f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=base) as scratch:
                whole = Path(scratch, "whole")
                whole.mkdir()
                make(whole)
                whole.rename(folder)
    return folder


def unpacked(name: str, release: str, packages: str) -> Path:
    """The tree of packages of Debian, with what they need: nothing in it is installed or configured."""

    def make(folder: Path) -> None:
        argv = ["mmdebstrap", "--variant=extract", f"--include={packages}", release, str(folder / "tree")]
        run_tool(argv, cwd=folder, timeout=600)

    return cached(name, f"{release} {packages}", make) / "tree"
