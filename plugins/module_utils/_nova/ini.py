# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration files of OpenStack's services, read as oslo.config does and edited line by line.

Every line that is not the option in question stays byte for byte as it was.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

# The one name of a section whose case counts, and whose options need no group.
DEFAULT = "DEFAULT"
_COMMENTS = ("#", ";")
_QUOTES = ('"', "'")


@dataclass(frozen=True)
class Option:
    """An option as it is set; its lines are those from *first* up to, not including, *end*."""

    section: str
    name: str
    value: str
    first: int
    end: int


@dataclass(frozen=True)
class _Section:
    """A part of the file; *first* is the line of its header. One name may have several."""

    name: str
    first: int
    end: int


@dataclass(frozen=True)
class Ini:
    """A file: its lines with their ends, and what they mean."""

    path: str
    lines: tuple[str, ...]
    options: tuple[Option, ...]
    sections: tuple[_Section, ...]

    @property
    def text(self) -> str:
        """The file."""
        return "".join(self.lines)

    def values(self, section: str, name: str) -> list[str]:
        """Return all values of an option; of one that is not a list the last is in force."""
        return [option.value for option in self._found(section, name)]

    def with_value(self, section: str, name: str, value: str) -> Ini:
        """Return the file in which the option has this one value."""
        found = self._found(section, name)
        if [option.value for option in found] == [value]:
            return self
        lines = list(self.lines)
        # From the end, for the numbers of the lines before to hold.
        if found:
            self._put(lines, found[-1].first, found[-1].end, [f"{name} = {value}"])
            for option in reversed(found[:-1]):
                del lines[option.first : option.end]
        elif (after := self._place(section, name)) is not None:
            self._put(lines, after, after, [f"{name} = {value}"])
        else:
            blank = [""] if lines and lines[-1].strip() else []
            self._put(lines, len(lines), len(lines), [*blank, f"[{section}]", f"{name} = {value}"])
        return self._edited(lines, section, name, [value])

    def without(self, section: str, name: str) -> Ini:
        """Return the file in which the option is not set."""
        lines = list(self.lines)
        for option in reversed(self._found(section, name)):
            del lines[option.first : option.end]
        return self._edited(lines, section, name, [])

    def _found(self, section: str, name: str) -> list[Option]:
        return [option for option in self.options if _same(option.section, section) and option.name == name]

    def _place(self, section: str, name: str) -> int | None:
        """Return the number of the line before which a new option goes; None where there is no such section."""
        parts = [part for part in self.sections if _same(part.name, section)]
        # As the generator of sample files writes a default; people put a blank behind the mark.
        for pattern in (rf"[#;]{re.escape(name)}\s*[=:]", rf"[#;]\s+{re.escape(name)}\s*[=:]"):
            for part in parts:
                hits = [at for at in range(part.first, part.end) if re.match(pattern, self.lines[at])]
                if hits:
                    return hits[-1] + 1
        return self._last_line(parts[0]) + 1 if parts else None

    def _last_line(self, part: _Section) -> int:
        """Return the last line that says something of a section; what stands on the next header belongs to that."""
        at = part.end - 1
        if part.end < len(self.lines):
            while at > part.first and self.lines[at].startswith(_COMMENTS):
                at -= 1
        while at > part.first and not self.lines[at].strip():
            at -= 1
        return at

    def _put(self, lines: list[str], first: int, end: int, texts: list[str]) -> None:
        style = next((line[len(line.rstrip("\r\n")) :] for line in self.lines if line.endswith(("\r", "\n"))), "\n")
        if first and not lines[first - 1].endswith(("\r", "\n")):
            lines[first - 1] += style
        lines[first:end] = [text + style for text in texts]

    def _edited(self, lines: list[str], section: str, name: str, values: list[str]) -> Ini:
        """Return the file of these lines, after seeing that this option alone has changed."""
        new = parse("".join(lines), self.path)
        if new.values(section, name) != values or self._others(section, name) != new._others(section, name):
            raise GoldsmithError(f"{self.path}: [{section}] {name} cannot be set without changing other options")
        return new

    def _others(self, section: str, name: str) -> list[Option]:
        mine = self._found(section, name)
        return [replace(option, first=0, end=0) for option in self.options if option not in mine]


def parse(text: str, path: str) -> Ini:
    """Return the file; raise GoldsmithError where oslo.config would refuse it, without the line: there are secrets."""
    lines = tuple(io.StringIO(text, newline=""))
    options: list[Option] = []
    sections: list[_Section] = []
    # The option that a line with a blank in front belongs to.
    current: Option | None = None
    for at, whole in enumerate(lines):
        line = whole.rstrip()
        if line.startswith((" ", "\t")):
            if current is None:
                raise _refused(path, at, "is indented, and there is no option before it that it could belong to")
            current = replace(current, value=f"{current.value}\n{line.lstrip()}", end=at + 1)
            continue
        if current:
            options.append(current)
            current = None
        if not line or line.startswith(_COMMENTS):
            continue
        if line.startswith("["):
            if not line.endswith("]") or len(line) == 2:
                raise _refused(path, at, "begins with [ and is no header of a section")
            sections = [*_ended(sections, at), _Section(line[1:-1], at, len(lines))]
            continue
        if not sections:
            raise _refused(path, at, "stands before the first section")
        current = _option(sections[-1].name, line, at)
        if current is None:
            raise _refused(path, at, "is neither a comment, a section nor an option with its value")
    if current:
        options.append(current)
    return Ini(path, lines, tuple(options), tuple(sections))


def _option(section: str, line: str, at: int) -> Option | None:
    match = re.match(r"([^=:]*)[=:](.*)", line, re.DOTALL)
    if not match or not match.group(1).strip():
        return None
    value = match.group(2).strip()
    if value and value[0] == value[-1] and value.startswith(_QUOTES):
        value = value[1:-1]
    return Option(section, match.group(1).strip(), value, at, at + 1)


def _ended(sections: list[_Section], at: int) -> Iterator[_Section]:
    yield from sections[:-1]
    if sections:
        yield replace(sections[-1], end=at)


def _same(one: str, other: str) -> bool:
    return one == other or (DEFAULT not in (one, other) and one.lower() == other.lower())


def _refused(path: str, at: int, reason: str) -> GoldsmithError:
    return GoldsmithError(f"{path}: line {at + 1} {reason}", hint="repair the line, no service can read the file")
