# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release of Debian as a mirror has it, the installer's own packages included, by an apt of its own."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from helpers.package_mirror import ARCHIVE, host_repositories, opener
from helpers.tools import run_tool

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
COMPONENTS = "main main/debian-installer"
_SECONDS = 60

Stanza = dict[str, str]


class DebianArchive:
    """Its packages. *folder* keeps the lists and what was downloaded; the mirror is that of this host's apt."""

    def __init__(self, folder: Path, release: str) -> None:
        self.folder = folder
        self._mirror = host_repositories()[ARCHIVE]
        for name in ("cache", "packages", "state/lists"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {self._mirror} {release} {COMPONENTS}\n")
        settings = {
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "-",
            "Dir::Cache": folder / "cache",
            "Dir::State": folder / "state",
            "Dir::State::Status": folder / "status",
            # The folder is this account's alone.
            "APT::Sandbox::User": "root",
        }
        self._options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        self._run("apt-get", "-q", "update")
        dump = self._run("apt-cache", "dumpavail")
        self.packages = {stanza["Package"]: stanza for stanza in stanzas(dump)}

    def _run(self, program: str, *words: str) -> str:
        return run_tool([program, *self._options, *words], cwd=self.folder / "packages", timeout=900)

    def lacking(self, names: Iterable[str]) -> list[str]:
        """Those whose files the mirror does not have, though its lists name them."""
        fetch = opener()

        def lacks(name: str) -> bool:
            url = f"{self._mirror}/{self.packages[name]['Filename']}"
            try:
                fetch.open(urllib.request.Request(url, method="HEAD"), timeout=_SECONDS).close()
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
                return True
            return False

        with ThreadPoolExecutor(4) as pool:
            ordered = sorted(names)
            return [name for name, answer in zip(ordered, pool.map(lacks, ordered)) if answer]

    def unpack(self, name: str, folder: Path) -> None:
        """Lay the files of a package into a folder."""
        self._run("apt-get", "-q", "download", name)
        # Its file is named like that in the archive, with the colon of an epoch written as %3a.
        (file,) = (self.folder / "packages").glob(f"{name}_{self.packages[name]['Version'].replace(':', '%3a')}_*.deb")
        folder.mkdir(parents=True)
        run_tool(["dpkg-deb", "--extract", str(file), str(folder)], cwd=self.folder, timeout=300)


def stanzas(text: str) -> Iterator[Stanza]:
    """Yield the stanzas of a list of packages; of a field of many lines the first."""
    for block in text.split("\n\n"):
        pairs = (line.partition(": ") for line in block.splitlines() if not line.startswith((" ", "\t")))
        if fields := {name: value for name, _colon, value in pairs if name}:
            yield fields


def dependencies(stanza: Stanza) -> list[str]:
    """The names in Depends, of alternatives the first."""
    return [word.split("|")[0].split()[0] for word in stanza.get("Depends", "").split(",") if word.strip()]
