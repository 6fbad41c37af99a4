# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build host's own apt sources for a release, with their keys; what a tree cannot use is left out with a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.texts import without_passwords
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import keys
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.extra_sources import KEYRINGS

APT = "/etc/apt"
_LINE = re.compile(r"^\s*deb\s+(?:\[\s*([^\]]*)\]\s+)?((?:cdrom:\[[^\]]*\])?\S*)\s+(\S+)\s*([^#]*)")
_OPTION = re.compile(r'([\w-]+[+-]?)=("[^"]*"|\S+)')
_OFF = ("no", "false", "off", "0", "without", "disable")
_ON = ("yes", "true", "on", "1", "with", "enable")
# Fields of a stanza whose options in a line have other names; others have the same, in small letters.
_OPTIONS = {"architectures": "arch", "languages": "lang", "targets": "target"}
_NO_OPTIONS = ("types", "uris", "suites", "components", "enabled")
# Methods that apt has wherever it runs; lists of mirrors are fetched by one of them.
_METHODS = ("http", "https", "ftp", "file", "copy", "mirror", "mirror+http", "mirror+https")
_BEGIN = "-----BEGIN"


@dataclass(frozen=True)
class HostSources:
    """Lines of apt, the keys that they name by their paths in the tree, and a line for each source that is left out or
    that nobody vouches for."""

    lines: tuple[str, ...]
    keyrings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    """One suite of one URI; *options* are as a line has them, but for the key itself in *signed-by*."""

    file: str
    uri: str
    suite: str
    components: str
    options: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True


class _Unusable(Exception):
    """What keeps a source out of a tree."""


def of_release(release: str, architecture: str) -> HostSources:
    """Return the sources for a release; raise OptionError when there are none."""
    lines, notes = [], []
    keyrings: dict[str, str] = {}
    for entry in _entries():
        told = f"mirror=host: {without_passwords(entry.uri)} {entry.suite} ({entry.file})"
        try:
            lines.append(_line(entry, release, architecture, keyrings))
        except _Unusable as error:
            notes.append(f"{told} is left out: {error}")
        else:
            if entry.options.get("trusted") in _ON:
                notes.append(f"{told} is taken without a signature, as the host does (trusted)")
    if not lines:
        why = f" ({'; '.join(notes)})" if notes else ""
        raise OptionError("mirror", "host", f"the build host has no apt source for {release}{why}", hint="give a URL")
    return HostSources(tuple(dict.fromkeys(lines)), tuple(keyrings.items()), tuple(dict.fromkeys(notes)))


def _line(entry: _Entry, release: str, architecture: str, keyrings: dict[str, str]) -> str:
    if not re.match(rf"{re.escape(release)}(-|/|$)", entry.suite):
        raise _Unusable(f"its suite is not one of {release}")
    if not entry.enabled:
        raise _Unusable("it is not enabled")
    options = dict(entry.options)
    if "arch" in options and architecture not in re.split(r"[,\s]+", options.pop("arch")):
        raise _Unusable(f"it has no packages of {architecture}")
    if signed := options.pop("signed-by", ""):
        options["signed-by"] = _signer(signed, entry.file, keyrings)
    words = " ".join(f"{name}={value}" for name, value in options.items())
    return " ".join(filter(None, ["deb", f"[{words}]" if words else "", _uri(entry), entry.suite, entry.components]))


def _uri(entry: _Entry) -> str:
    method, _colon, place = entry.uri.partition(":")
    if method == "mirror+file":
        return _listed(Path("/" + place.lstrip("/")))
    if method not in _METHODS:
        raise _Unusable(f"apt in a tree does not know {method}:")
    return entry.uri


def _listed(path: Path) -> str:
    """Return the mirror of a list that apt would take first."""
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        raise _Unusable(f"{path} cannot be read") from None
    # A mirror of some files only has their type.
    whole = [row for row in rows if row and row[0][0] != "#" and not any(word.startswith("type:") for word in row[1:])]
    whole = [row for row in whole if row[0].partition(":")[0] in ("http", "https", "ftp", "file")]
    if not whole:
        raise _Unusable(f"{path} names no mirror")
    return min(whole, key=_rank)[0]


def _rank(row: list[str]) -> int:
    ranks = [word.removeprefix("priority:") for word in row[1:] if word.startswith("priority:")]
    return int(ranks[0]) if ranks and ranks[0].isdigit() else 1 << 32


def _signer(signed: str, file: str, keyrings: dict[str, str]) -> str:
    """Return the option signed-by as a tree has it, and take down the keys behind it."""
    if _BEGIN in signed:
        # A stanza has a point where a line is empty.
        data = re.sub(r"(?m)^[ \t]+", "", signed).replace("\n.\n", "\n\n").encode("utf-8")
        return _carried(Path(file).stem, data, "its key", keyrings)
    words = [word for word in re.split(r"[,\s]+", signed.strip('"')) if word]
    paths, fingerprints = ([word for word in words if word.startswith("/") == there] for there in (True, False))
    if not paths:
        return ",".join(fingerprints)
    try:
        found = [Path(path).read_bytes() for path in paths]
    except OSError as error:
        raise _Unusable(f"its key {error.filename} cannot be read") from None
    if len(found) > 1:
        try:
            found = ["".join(map(keys.armored, found)).encode("ascii")]
        except ValueError as error:
            raise _Unusable(f"one of its keys {error}") from None
    return ",".join([_carried(Path(paths[0]).stem, found[0], f"its key {paths[0]}", keyrings), *fingerprints])


def _carried(stem: str, data: bytes, told: str, keyrings: dict[str, str]) -> str:
    try:
        text = keys.armored(data)
    except ValueError as error:
        raise _Unusable(f"{told} {error}") from None
    name = re.sub(r"[^\w-]", "-", stem)
    path, number = f"{KEYRINGS}/{name}.asc", 1
    while keyrings.get(path, text) != text:
        number += 1
        path = f"{KEYRINGS}/{name}-{number}.asc"
    keyrings[path] = text
    return path


def _entries() -> Iterator[_Entry]:
    folder = Path(APT, "sources.list.d")
    names = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in (Path(APT, "sources.list"), *names):
        if path.suffix in (".list", ".sources") and path.is_file():
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            yield from (_of_lines if path.suffix == ".list" else _of_stanzas)(str(path), text)


def _of_lines(file: str, text: str) -> Iterator[_Entry]:
    for line in text.splitlines():
        if match := _LINE.match(line):
            options = {name.lower(): value.strip('"') for name, value in _OPTION.findall(match[1] or "")}
            yield _Entry(file, match[2], match[3], match[4].strip(), options)


def _of_stanzas(file: str, text: str) -> Iterator[_Entry]:
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        pairs = re.findall(r"(?m)^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza)
        fields = {name.lower(): value.strip() for name, value in pairs}
        if "deb" not in fields.get("types", "").split():
            continue
        enabled = fields.get("enabled", "yes").lower() not in _OFF
        options = {
            _OPTIONS.get(name, name): value if name == "signed-by" else ",".join(value.split())
            for name, value in fields.items()
            if name not in _NO_OPTIONS and not name.startswith("x-")
        }
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield _Entry(file, uri, suite, " ".join(fields.get("components", "").split()), options, enabled)
