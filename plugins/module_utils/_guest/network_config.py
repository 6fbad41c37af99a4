# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network configuration without what ties it to the cards of one machine.

Each function takes a file's text and returns it changed, or None where the whole file serves one card only. What
matched a card by its address matches every card afterwards, so that DHCP goes on working.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_HEX = "[0-9a-f]{2}"
MAC = re.compile(
    "|".join(rf"(?<![0-9a-f{sign}])(?:{_HEX}{sign}){{5}}{_HEX}(?![0-9a-f{sign}])" for sign in ":-"), re.IGNORECASE
)
_IFCFG_KEY = re.compile(r"^\s*#?\s*(HWADDR|MACADDR|LLADDR|UUID|HOSTNAME|DHCP_HOSTNAME)\s*=", re.IGNORECASE)
_SECTION = re.compile(r"^\s*\[(.*)\]\s*$")
_STANZA = re.compile(r"^\s*(iface|auto|allow-\S+|mapping|source\S*|rename|no-auto-down|no-scripts|template)\s")
_YAML_ADDRESS = re.compile(r"^(\s*)[\"']?macaddress[\"']?\s*:")
_YAML_FLOW_ADDRESS = re.compile(r"[\"']?macaddress[\"']?\s*:\s*[\"']?[0-9a-f:-]{17}[\"']?", re.IGNORECASE)
_YAML_FLOW_MATCH = re.compile(r"([\"']?match[\"']?\s*:\s*)\{([^{}]*)\}")
_YAML_FLOW_SET_NAME = re.compile(r"[\"']?set-name[\"']?\s*:\s*[^,{}]+")
# What netplan calls every Ethernet card: the names of the kernel and those of udev.
_EVERY_NAME = 'name: "e*"'
# What it is to systemd-networkd; what has a kind, as the ends of a veth pair, is no card. An old one ignores kinds.
_EVERY_TYPE = "Type=ether\nKind=!*\n"


def lines_without_addresses(text: str) -> str:
    """Drop each line with an address, together with the lines that continue it."""
    return "".join(line for line in _logical_lines(text) if not _names_card(line))


def ifcfg(text: str) -> str:
    """The files ifcfg-* of the Fedora family and of SUSE."""
    return "".join(line for line in _logical_lines(text) if not MAC.search(line) and not _IFCFG_KEY.match(line))


def ifupdown(text: str) -> str:
    """The file interfaces of Debian: a stanza that is chosen by an address goes as a whole."""
    kept, dropping = [], False
    for line in _logical_lines(text):
        if _STANZA.match(line):
            dropping = bool(MAC.search(line))
        if not dropping and not MAC.search(line):
            kept.append(line)
    return "".join(kept)


def link_file(text: str) -> str | None:
    """A file *.link of udev: one that names the card with an address is of no use to another."""
    chosen = any(section == "Match" and MAC.search(line) and not _is_comment(line) for section, line in _sections(text))
    return None if chosen else lines_without_addresses(text)


def network_file(text: str) -> str:
    """A file *.network of systemd-networkd; without any other condition it is for every Ethernet card."""
    # Several sections of one name are one; what is added goes where the first condition was.
    kept: list[str] = []
    place, matched, others = None, False, False
    for section, line in _sections(text):
        if MAC.search(line):
            if section == "Match" and not _is_comment(line):
                matched = True
                place = len(kept) if place is None else place
            continue
        others |= section == "Match" and "=" in line and not _is_comment(line)
        kept.append(line)
    if matched and not others:
        kept.insert(place or 0, _EVERY_TYPE)
    return "".join(kept)


def netplan(text: str) -> str:
    """A file of netplan: a condition becomes every name, an address that is set goes."""
    lines = text.splitlines(keepends=True)
    kept: list[str] = []
    dropped: set[int] = set()
    for number, line in enumerate(lines):
        if not MAC.search(line) or _is_comment(line):
            kept.append("" if MAC.search(line) else line)
            continue
        flow = _YAML_FLOW_MATCH.sub(_flow_match, line)
        if flow != line:
            dropped |= _set_names(lines, number)
            kept.append(_flow_without_address(_YAML_FLOW_SET_NAME.sub("", flow)))
            continue
        if not _YAML_ADDRESS.match(line):
            kept.append(_flow_without_address(line))
            continue
        parent, siblings = _surroundings(lines, number)
        if parent is not None and lines[parent].lstrip(" \"'").startswith("match"):
            dropped |= _set_names(lines, parent)
            named = any(lines[sibling].lstrip(" \"'").startswith("name") for sibling in siblings)
            kept.append("" if named else _YAML_FLOW_ADDRESS.sub(_EVERY_NAME, line))
        else:
            # An interface without any key would be an error.
            alone = all(MAC.search(lines[sibling]) for sibling in siblings)
            kept.append(_YAML_FLOW_ADDRESS.sub("optional: true", line) if alone else "")
    return "".join("" if number in dropped else line for number, line in enumerate(kept))


def _names_card(line: str) -> bool:
    return bool(MAC.search(line)) or line.strip().upper().startswith("HWADDR=")


def _flow_match(found: re.Match[str]) -> str:
    inside = found.group(2)
    if not MAC.search(inside):
        return found.group(0)
    parts = [part.strip() for part in inside.split(",") if part.strip() and not MAC.search(part)]
    if not any(part.lstrip("\"'").startswith("name") for part in parts):
        parts.insert(0, _EVERY_NAME)
    return f"{found.group(1)}{{{', '.join(parts)}}}"


def _flow_without_address(line: str) -> str:
    line = _YAML_FLOW_ADDRESS.sub("", line)
    line = re.sub(r",\s*(?=[,}])", "", line)
    line = re.sub(r"\{\s*,\s*", "{", line)
    return line if not MAC.search(line) else ""


def _surroundings(lines: list[str], number: int) -> tuple[int | None, list[int]]:
    """Return the line of the mapping that a key belongs to, and the lines of the keys beside it."""
    indent = _indent(lines[number])
    parent = None
    siblings = []
    for step in (-1, 1):
        position = number + step
        while 0 <= position < len(lines):
            line = lines[position]
            if line.strip() and not _is_comment(line):
                if _indent(line) < indent:
                    parent = position if step == -1 else parent
                    break
                if _indent(line) == indent:
                    siblings.append(position)
            position += step
    return parent, siblings


def _set_names(lines: list[str], match: int) -> set[int]:
    """Return the lines that give the matched card a name: two cards cannot have one."""
    _parent, siblings = _surroundings(lines, match)
    return {number for number in siblings if lines[number].lstrip(" \"'").startswith("set-name")}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", ";"))


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Yield each line of an ini file with the name of its section."""
    section = ""
    for line in _logical_lines(text):
        found = _SECTION.match(line)
        section = found.group(1) if found else section
        yield section, line


def _logical_lines(text: str) -> Iterator[str]:
    """Yield lines with those that a backslash continues."""
    pending = ""
    for line in text.splitlines(keepends=True):
        pending += line
        if not line.rstrip("\r\n").endswith("\\"):
            yield pending
            pending = ""
    if pending:
        yield pending


Edit = Callable[[str], "str | None"]
# Which files are changed, and how. The first pattern that matches a file counts.
FILES: tuple[tuple[str, Edit], ...] = (
    ("/etc/sysconfig/network-scripts/ifcfg-*", ifcfg),
    ("/etc/sysconfig/network/ifcfg-*", ifcfg),
    ("/etc/netplan/*", netplan),
    ("/etc/systemd/network/*.link", link_file),
    ("/etc/systemd/network/*.network", network_file),
    ("/etc/systemd/network/*", lines_without_addresses),
    ("/etc/systemd/network/*.d/*.conf", lines_without_addresses),
    ("/etc/NetworkManager/system-connections/*", lines_without_addresses),
    ("/etc/network/interfaces", ifupdown),
    ("/etc/network/interfaces.d/*", ifupdown),
    ("/etc/udev/rules.d/*", lines_without_addresses),
    ("/etc/iftab", lines_without_addresses),
    ("/etc/mactab", lines_without_addresses),
)


def cleaned(edit: Edit, text: str) -> str | None:
    """Return a file's text by its function; whatever address that leaves goes with its line."""
    result = edit(text)
    return None if result is None else lines_without_addresses(result)
