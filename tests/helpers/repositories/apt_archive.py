# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of Debian made, or taken apart and made anew; and the indexes of an archive for apt."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from helpers.repositories.rpm_maker import EPOCH
from helpers.repositories.signing import Key
from helpers.tools import run_tool

_SECONDS = 600
_ENVIRONMENT = {"SOURCE_DATE_EPOCH": EPOCH, "LC_ALL": "C.UTF-8"}


def _build(tree: Path, folder: Path) -> Path:
    """Make the package of a tree with DEBIAN/control; every file belongs to root."""
    argv = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(folder)]
    run_tool(argv, cwd=tree, environment=os.environ | _ENVIRONMENT, timeout=_SECONDS)
    fields = read_control(tree)
    return folder / f"{fields['Package']}_{fields['Version'].rpartition(':')[2]}_{fields['Architecture']}.deb"


def read_control(tree: Path) -> dict[str, str]:
    """The fields of one line of DEBIAN/control."""
    lines = (tree / "DEBIAN/control").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(" "))


def make_deb(
    folder: Path, work: Path, name: str, version: str, depends: str = "", files: Mapping[str, bytes] | None = None
) -> Path:
    """Make a package of the files given, of no others; those in usr/bin are programs."""
    tree = work / name
    (tree / "DEBIAN").mkdir(parents=True, mode=0o755)
    fields = {
        "Package": name,
        "Version": version,
        "Architecture": "all",
        "Maintainer": "Goldsmith <goldsmith@goldsmith.example>",
        **({"Depends": depends} if depends else {}),
        "Description": f"made for tests ({name})",
    }
    (tree / "DEBIAN/control").write_text("".join(f"{field}: {value}\n" for field, value in fields.items()))
    for path, content in (files or {}).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
        (tree / path).chmod(0o755 if path.startswith("usr/bin/") else 0o644)
    return _build(tree, folder)


def repack_deb(file: Path, folder: Path, work: Path, version: str, edit: Callable[[Path], None]) -> Path:
    """Take a package apart, let *edit* change its tree, make it anew under another version."""
    tree = work / file.stem
    run_tool(["dpkg-deb", "--raw-extract", str(file), str(tree)], cwd=work, timeout=_SECONDS)
    edit(tree)
    control = tree / "DEBIAN/control"
    before = read_control(tree)["Version"]
    control.write_text(control.read_text().replace(f"\nVersion: {before}\n", f"\nVersion: {version}\n"))
    # They are of the files before.
    (tree / "DEBIAN/md5sums").unlink(missing_ok=True)
    return _build(tree, folder)


def index_suite(
    root: Path, suite: str, pool: Iterable[tuple[str, str]], fields: Mapping[str, str], override: Path
) -> Path:
    """Index a suite; *pool* pairs each component with its folder below *root*. Returns the file Release, not signed.

    *override* has lines "package priority section": an archive says it, and the packages themselves may say otherwise.
    """
    dist = root / "dists" / suite
    components = []
    for component, packages in pool:
        components.append(component)
        folder = dist / component / "binary-amd64"
        folder.mkdir(parents=True)
        (root / packages).mkdir(parents=True, exist_ok=True)
        text = run_tool(["apt-ftparchive", "packages", packages, str(override)], cwd=root, timeout=_SECONDS)
        (folder / "Packages").write_text(text)
        (folder / "Packages.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    words = {**fields, "Suite": suite, "Architectures": "amd64", "Components": " ".join(components)}
    options = [word for name, value in words.items() for word in ("-o", f"APT::FTPArchive::Release::{name}={value}")]
    text = run_tool(["apt-ftparchive", *options, "release", str(dist)], cwd=root, timeout=_SECONDS)
    (dist / "Release").write_text(text)
    return dist / "Release"


def copy_suite(root: Path, suite: str, other: str, key: Key | None) -> None:
    """Make another suite of the same packages, signed by a key or not at all."""
    source, dist = root / "dists" / suite, root / "dists" / other
    shutil.copytree(source, dist, ignore=shutil.ignore_patterns("InRelease", "Release.gpg"))
    release = dist / "Release"
    release.write_text(release.read_text().replace(f"Suite: {suite}\n", f"Suite: {other}\n"))
    if key:
        key.sign_release(release)
