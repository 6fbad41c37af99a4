# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package of this host's distribution, unpacked into a folder and not installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from helpers.tools import run_tool

_SECONDS = 300


def unpack_package(name: str, folder: Path) -> Path:
    """Download a package by the sources of the host's apt, and return the folder with its files."""
    downloads, files = folder / "downloads", folder / name
    for each in (downloads, folder / "lists" / "partial", files):
        each.mkdir(parents=True)
    argv = ["apt-get", "-q"]
    if os.geteuid() == 0:
        # The folder is this account's alone.
        argv += ["-o", "APT::Sandbox::User=root"]
    if subprocess.run([*argv, "download", name], cwd=downloads, check=False, capture_output=True).returncode != 0:
        # The host has no lists yet, or old ones.
        argv += ["-o", f"Dir::State::Lists={folder / 'lists'}", "-o", "Dir::Cache::pkgcache=", "-o"]
        argv += ["Dir::Cache::srcpkgcache="]
        run_tool([*argv, "update"], cwd=downloads, timeout=_SECONDS)
        run_tool([*argv, "download", name], cwd=downloads, timeout=_SECONDS)
    (package,) = downloads.glob(f"{name}_*.deb")
    run_tool(["dpkg-deb", "--extract", str(package), str(files)], cwd=folder, timeout=_SECONDS)
    return files
