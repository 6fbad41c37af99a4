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

from helpers.package_mirror import ARCHIVE, SECURITY, host_repositories, opener
from helpers.tools import run_tool

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
COMPONENTS = "main main/debian-installer"
_SECONDS = 60

Stanza = dict[str, str]


class DebianArchive:
    """Its packages. *folder* keeps the lists and what was downloaded; the mirror is that of this host's apt.

    With *security* the updates of security are there too; without an *architecture* it is that of this host.
    """

    def __init__(
        self,
        folder: Path,
        release: str,
        *,
        components: str = COMPONENTS,
        security: bool = False,
        architecture: str = "",
    ) -> None:
        self.folder = folder
        mirrors = host_repositories()
        self._mirror = mirrors[ARCHIVE]
        for name in ("cache", "packages", "state/lists"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        options = f"signed-by={KEYRING}" + (f" arch={architecture}" if architecture else "")
        sources = f"deb [{options}] {self._mirror} {release} {components}\n"
        if security:
            sources += f"deb [{options}] {mirrors[SECURITY]} {release}-security main\n"
        (folder / "sources.list").write_text(sources)
        settings = {
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "-",
            "Dir::Cache": folder / "cache",
            "Dir::State": folder / "state",
            "Dir::State::Status": folder / "status",
            # The folder is this account's alone.
            "APT::Sandbox::User": "root",
            "APT::Install-Recommends": "false",
            # What the host prefers or holds counts nothing here.
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
        }
        if architecture:
            settings |= {"APT::Architecture": architecture, "APT::Architectures": architecture}
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

    def download(self, names: Iterable[str], folder: Path) -> list[Path]:
        """The files of packages and of all that they need, in a system where nothing is installed, in a folder."""
        (folder / "partial").mkdir(parents=True)
        words = ["-o", f"Dir::Cache::archives={folder}", "--yes", "--download-only", "install", *sorted(names)]
        self._run("apt-get", "-q", *words)
        return sorted(folder.glob("*.deb"))

    def fetch(self, names: Iterable[str], folder: Path) -> list[Path]:
        """The files of packages alone, in a folder."""
        folder.mkdir(parents=True)
        run_tool(["apt-get", *self._options, "-q", "download", *sorted(names)], cwd=folder, timeout=900)
        return sorted(folder.glob("*.deb"))


def stanzas(text: str) -> Iterator[Stanza]:
    """Yield the stanzas of a list of packages; of a field of many lines the first."""
    for block in text.split("\n\n"):
        pairs = (line.partition(": ") for line in block.splitlines() if not line.startswith((" ", "\t")))
        if fields := {name: value for name, _colon, value in pairs if name}:
            yield fields


def dependencies(stanza: Stanza) -> list[str]:
    """The names in Depends, of alternatives the first."""
    return [word.split("|")[0].split()[0] for word in stanza.get("Depends", "").split(",") if word.strip()]
