# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel GRUB starts by itself, as grub.cfg, its environment and boot loader entries say.

What is set for the next boot only does not count: an image is booted more than once.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LINUX = ("linux", "linux16", "linuxefi")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
# A path may begin with its drive, as ($root)/boot/vmlinuz.
_DRIVE = re.compile(r"^\([^)]*\)")
_NEXT_BOOT = "next_entry"
_BLS = "blscfg"


@dataclass(frozen=True)
class Entry:
    """An entry of the menu; *kernel* is empty where it starts none. *entries* are those of a submenu."""

    title: str
    identity: str = ""
    kernel: str = ""
    entries: tuple[Entry, ...] = ()


def default_kernel(configuration: str, environment: str = "", boot_entries: Sequence[Entry] = ()) -> str:
    """Return the path of the kernel that is started without a key pressed, as GRUB has it; empty: it is not said.

    *boot_entries* are those of /boot/loader/entries, the newest first; they count where grub.cfg asks for them.
    """
    entries, wish = _menu(configuration, parse_environment(environment), boot_entries)
    found = _named(entries, wish.replace(">>", "\0").split(">"))
    # GRUB takes the first where there is no such entry.
    found = found or (entries[0] if entries else None)
    while found and found.entries:
        found = found.entries[0]
    return _DRIVE.sub("", found.kernel) if found else ""


def parse_environment(text: str) -> dict[str, str]:
    """Return the variables of a grubenv."""
    lines = [line.partition("=") for line in text.splitlines() if not line.startswith("#")]
    return {name: value for name, equals, value in lines if equals}


def boot_entry(name: str, text: str) -> Entry:
    """Return the entry that a file of /boot/loader/entries describes."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _blank, value = line.strip().partition(" ")
        if key and not key.startswith("#"):
            fields.setdefault(key, value.strip())
    return Entry(fields.get("title", ""), name.removesuffix(".conf"), fields.get("linux", ""))


def _menu(text: str, variables: Mapping[str, str], boot_entries: Sequence[Entry]) -> tuple[list[Entry], str]:
    """Return the entries at the top, and the wish for one of them."""
    # What is open: the words that opened it, the entries in it, and the kernel that it starts.
    opened: list[tuple[list[str], list[Entry], list[str]]] = [([], [], [])]
    wish = ""
    for line in text.splitlines():
        words = _words(line)
        if not words:
            continue
        if words[-1] == "{":
            opened.append((words, [], []))
        elif words == ["}"] and len(opened) > 1:
            head, inner, kernels = opened.pop()
            if head[0] in ("menuentry", "submenu"):
                kernel = kernels[0] if kernels else ""
                opened[-1][1].append(Entry(_word(head, 1), _identity(head), kernel, tuple(inner)))
        elif words[0] in _LINUX and len(words) > 1:
            opened[-1][2].append(words[1])
        elif words[0] == _BLS and len(opened) == 1:
            opened[0][1].extend(boot_entries)
        elif words[0] == "set" and len(opened) == 1:
            name, _equals, value = _word(words, 1).partition("=")
            if name == "default" and _NEXT_BOOT not in value:
                wish = _VARIABLE.sub(lambda match: variables.get(match.group(1), ""), value)
    return opened[0][1], wish


def _named(entries: Sequence[Entry], path: Sequence[str]) -> Entry | None:
    """Return the entry that a path of titles, identities or numbers leads to."""
    word = path[0].replace("\0", ">")
    if word.isdecimal() and word.isascii():
        found = entries[int(word)] if int(word) < len(entries) else None
    else:
        found = next((entry for entry in entries if word and word in (entry.title, entry.identity)), None)
    if found and len(path) > 1:
        return _named(found.entries, path[1:])
    return found


def _identity(words: Sequence[str]) -> str:
    for mark in ("--id", "$menuentry_id_option"):
        if mark in words:
            return _word(words, words.index(mark) + 1)
    return ""


def _word(words: Sequence[str], index: int) -> str:
    return words[index] if index < len(words) else ""


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []
