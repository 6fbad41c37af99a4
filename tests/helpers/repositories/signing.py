# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the fixture, signatures by them, and the index of a repository of RPMs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers.tools import run_tool

_SECONDS = 600


@dataclass(frozen=True)
class Key:
    """A key in the home of a GnuPG: its name, its fingerprint."""

    home: Path
    name: str
    fingerprint: str

    def export(self, file: Path, *, armor: bool = True) -> None:
        """Write the public key, readable by all."""
        argv = ["gpg", "--homedir", str(self.home), "--batch", "--yes", "--output", str(file)]
        run_tool(
            [*argv, *(["--armor"] if armor else []), "--export", self.fingerprint], cwd=self.home, timeout=_SECONDS
        )
        file.chmod(0o644)

    def sign_rpms(self, files: Iterable[Path]) -> None:
        """Sign packages in place."""
        macros = {"_gpg_path": str(self.home), "_gpg_name": self.fingerprint, "_gpg_digest_algo": "sha256"}
        argv = ["rpmsign", *(word for name, value in macros.items() for word in ("--define", f"{name} {value}"))]
        argv += ["--define", f"__gpg {shutil.which('gpg')}", "--addsign", *sorted(map(str, files))]
        run_tool(argv, cwd=self.home, timeout=_SECONDS)

    def sign_release(self, release: Path) -> None:
        """Sign the Release file of an apt archive: InRelease, and Release.gpg beside it."""
        argv = ["gpg", "--homedir", str(self.home), "--batch", "--yes", "--local-user", self.fingerprint, "--armor"]
        for words in (["--clear-sign", "--output", "InRelease"], ["--detach-sign", "--output", "Release.gpg"]):
            run_tool([*argv, *words, release.name], cwd=release.parent, timeout=_SECONDS)


@contextmanager
def key_home() -> Iterator[Path]:
    """A folder for keys, which is gone behind the block, and with it the agent that GnuPG starts for it."""
    with tempfile.TemporaryDirectory(prefix="keys-") as home:
        try:
            yield Path(home)
        finally:
            run_tool(["gpgconf", "--homedir", home, "--kill", "all"], cwd=Path(home), timeout=_SECONDS)


def make_key(home: Path, name: str) -> Key:
    """Make a key for signatures without a passphrase; *home* may hold others."""
    address = f"{name}@goldsmith.example"
    gpg = ["gpg", "--homedir", str(home), "--batch"]
    identity = f"Goldsmith fixture, {name} <{address}>"
    run_tool(
        [*gpg, "--passphrase", "", "--quick-gen-key", identity, "rsa3072", "sign", "never"], cwd=home, timeout=_SECONDS
    )
    told = run_tool([*gpg, "--with-colons", "--list-keys", address], cwd=home, timeout=_SECONDS)
    fingerprint = next(line.split(":")[9] for line in told.splitlines() if line.startswith("fpr:"))
    return Key(home, name, fingerprint)


def index_rpms(folder: Path, excluded: str = "") -> None:
    """Index a repository of RPMs; *excluded* is a pattern of files within that it does not have."""
    argv = ["createrepo_c", "--quiet", "--no-database", "--compress-type=gz", "--revision", "1"]
    argv += ["--set-timestamp-to-revision", *(["--excludes", excluded] if excluded else []), str(folder)]
    run_tool(argv, cwd=folder, environment={**os.environ, "LC_ALL": "C.UTF-8"}, timeout=_SECONDS)
