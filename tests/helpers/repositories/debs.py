# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's packages read: what they say of themselves, and their files as they lie elsewhere."""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from helpers.repositories import names

# The folders that are links into /usr everywhere else
_MERGED = re.compile(r"^/?(?:\./)?(bin|sbin|lib|lib32|lib64|libx32)(?=/|$)")
_DROPPED = tuple(f"{path}/" for path in names.DROPPED_PATHS)
_GRUB = re.compile(rf"\bgrub-({names.GRUB_PROGRAMS})\b(?!_lib)")


@dataclass(frozen=True)
class Deb:
    """A package: its file, the fields of its control file, the paths of its files of configuration."""

    file: Path
    fields: dict[str, str]
    configuration: frozenset[str]

    @property
    def name(self) -> str:
        """The name at Debian."""
        return self.fields["Package"]

    @property
    def version(self) -> tuple[str, str, str]:
        """Epoch, version, release, in characters that RPM takes."""
        epoch, _colon, rest = self.fields["Version"].rpartition(":")
        upstream, _dash, revision = rest.rpartition("-")
        parts = (upstream or revision, revision if upstream else "1")
        number, release = (re.sub(r"[^\w.+~^]", ".", part) for part in parts)
        return epoch or "0", number, release


def read_deb(file: Path) -> Deb:
    """Read what a package says of itself."""
    text = _output("dpkg-deb", "--field", str(file))
    listed = subprocess.run(["dpkg-deb", "--info", str(file), "conffiles"], capture_output=True, text=True, check=False)
    return Deb(file, dict(re.findall(r"^(\S+): (.*)$", text, re.M)), frozenset(listed.stdout.split()))


def _output(*argv: str) -> str:
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def relations(text: str, names_of: dict[str, str]) -> Iterator[str]:
    """Yield the packages of a field of relations: of every alternative the first that is there.

    *names_of* maps what is there, and what it provides, to the names of now.
    """
    for clause in filter(None, (clause.strip() for clause in text.split(","))):
        choices = [re.split(r"[\s(:]", word.strip())[0] for word in clause.split("|")]
        if found := next((names_of[choice] for choice in choices if choice in names_of), None):
            yield found


def _with_new_programs(text: str) -> str:
    return _GRUB.sub(r"grub2-\1", text)


def new_path(name: str) -> str:
    """Where a file of an archive lies; empty for one that is left out."""
    path = _MERGED.sub(r"usr/\1", name).removeprefix("./").strip("/")
    if path in (".", "", "usr", "boot") or f"{path}/".startswith(_DROPPED):
        return ""
    if path.startswith("boot/"):
        # A kernel lies beside its modules.
        file, version = path[5:].split("-", 1)
        path = f"usr/lib/modules/{version}/{file}"
    path = names.RENAMED.get(path, path)
    folder, _slash, file = path.rpartition("/")
    if folder in ("usr/bin", "usr/sbin"):
        path = f"{folder}/{_with_new_programs(file)}"
    return path


def new_target(target: str) -> str:
    """What a symbolic link points to."""
    target = re.sub(r"^/(bin|sbin|lib|lib64)/", r"/usr/\1/", target)
    return _with_new_programs(target) if target.startswith("grub-") else target


def new_content(path: str, content: bytes) -> bytes:
    """The text of a file, where it names what has another name now."""
    if path.startswith("etc/grub.d/") or path in ("usr/sbin/grub2-mkconfig", "usr/share/grub/grub-mkconfig_lib"):
        return _with_new_programs(content.decode()).encode()
    if path.startswith("usr/lib/systemd/system/") and path.endswith((".service", ".socket", ".timer")):
        # The old names of units that bear the new ones
        return re.sub(rb"(?m)^Alias=(sshd|chronyd)\.service\n", b"", content)
    return content


def read_files(deb: Deb, put: Callable[[tarfile.TarInfo, str, IO[bytes] | None], None]) -> None:
    """Give each file of a package to *put*: the member of the archive, the new path, the content of a regular file."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb.file)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                if path := new_path(member.name):
                    put(member, path, archive.extractfile(member) if member.isreg() else None)
        # Else dpkg-deb ends by a broken pipe.
        while process.stdout.read(1 << 20):
            pass
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
