# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that name a disk of one machine: its root, the swap that it wakes up from, and where its GRUB is installed.

Each function takes a file's text and returns it changed, or None where the whole file says nothing else. Without the
swap a boot waits half a minute for it; without the disk each update of GRUB fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_RESUME = re.compile(r"\s*RESUME\s*=(.*)")
# These name no device.
_NO_SWAP = ("", "none", "auto")
_VALUE = r"=[^\s\"']+"
_SWAP_ARGUMENTS = rf"(?:resume|resume_offset){_VALUE}"
# Volumes that dracut waits for, and how the root was mounted
_ROOT_ARGUMENTS = rf"(?:rd\.(?:lvm|md|dm|luks)(?:\.\w+)+|rootflags|rootfstype){_VALUE}"
_ROOT = re.compile(rf"(?<![\w.-])root{_VALUE}")
_ENVIRONMENT = "# GRUB Environment Block\n"
# GRUB writes this file in place, so it has always the same size.
_ENVIRONMENT_SIZE = 1024
_DEVICES = re.compile(r"Name: grub-(?:pc|efi)/install_devices(?:_disks_changed)?$", re.MULTILINE)
_EMPTY = re.compile(r"Name: grub-(?:pc|efi)/install_devices_empty$", re.MULTILINE)


def resume_setting(text: str) -> str | None:
    """A file of initramfs-tools: without the line that names a swap."""
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not _names_swap(line)]
    if len(kept) == len(lines):
        return text
    left = any(line.strip() and not line.lstrip().startswith("#") for line in kept)
    return "".join(kept) if left else None


def kernel_arguments(text: str) -> str:
    """Any file with kernel arguments: without those that name a swap. Comments stay."""
    return _each_line(text, lambda line: _without(_SWAP_ARGUMENTS, line))


def root_arguments(text: str, root: str) -> str:
    """Any file with kernel arguments: with *root* as their root, without those that name volumes of the old one."""
    return _each_line(text, lambda line: _ROOT.sub(lambda _match: f"root={root}", _without(_ROOT_ARGUMENTS, line)))


def boot_entry(text: str, place: Callable[[str], str]) -> str:
    """A boot loader entry: with the files of a kernel where *place* says that they are."""
    return re.sub(r"(?m)^((?:linux|initrd|devicetree)[ \t]+)(/\S+)", lambda found: found[1] + place(found[2]), text)


def _without(word: str, line: str) -> str:
    # In the middle of other arguments, and at the beginning of them
    return re.sub(rf"[ \t]+{word}|(?:(?<=[\"'=])|^){word}(?:[ \t]+{word})*[ \t]*", "", line)


def _each_line(text: str, change: Callable[[str], str]) -> str:
    """Change each line that is no comment; GRUB's environment keeps its size."""
    lines = text.splitlines(keepends=True)
    changed = "".join(line if line.lstrip().startswith("#") else change(line) for line in lines)
    if changed != text and text.startswith(_ENVIRONMENT):
        changed = changed.rstrip("#")
        changed += "#" * (_ENVIRONMENT_SIZE - len(changed.encode("utf-8", "surrogateescape")))
    return changed


def answers(text: str) -> str:
    """The answers of debconf: GRUB is installed on no disk, and that is meant.

    Else its package asks, and where nobody can answer it fails.
    """
    stanzas = text.split("\n\n")
    return "\n\n".join(_answered(stanza) for stanza in stanzas)


def no_more(text: str) -> None:
    """A file that only names disks."""


def _names_swap(line: str) -> bool:
    found = _RESUME.match(line)
    return found is not None and found.group(1).strip().strip("\"'") not in _NO_SWAP


def _answered(stanza: str) -> str:
    if _DEVICES.search(stanza):
        return re.sub(r"(?m)^Value:.*$", "Value:", stanza)
    if not _EMPTY.search(stanza):
        return stanza
    if "\nValue:" in stanza:
        return re.sub(r"(?m)^Value:.*$", "Value: true", stanza)
    return re.sub(r"(?m)^(Template:.*)$", r"\1\nValue: true", stanza)


Edit = Callable[[str], "str | None"]
# Which files are changed, and how.
SWAP_FILES: tuple[tuple[str, Edit], ...] = (
    ("/etc/initramfs-tools/initramfs.conf", resume_setting),
    ("/etc/initramfs-tools/conf.d/*", resume_setting),
    ("/etc/dracut.conf", kernel_arguments),
    ("/etc/dracut.conf.d/*", kernel_arguments),
    ("/etc/default/grub", kernel_arguments),
    ("/etc/default/grub.d/*", kernel_arguments),
    ("/etc/kernel/cmdline", kernel_arguments),
    ("/boot/loader/entries/*.conf", kernel_arguments),
    ("/boot/grub*/grub.cfg", kernel_arguments),
    ("/boot/grub*/grubenv", kernel_arguments),
    ("/boot/extlinux/extlinux.conf", kernel_arguments),
)
# Which have the arguments of the kernels; its grub.cfg is written with the disk.
ROOT_FILES = (
    "/etc/default/grub",
    "/etc/default/grub.d/*",
    "/etc/kernel/cmdline",
    "/boot/grub*/grubenv",
)
BOOT_ENTRIES = "/boot/loader/entries/*.conf"
GRUB_FILES: tuple[tuple[str, Edit], ...] = (
    ("/var/cache/debconf/config.dat", answers),
    ("/etc/default/grub_installdevice", no_more),
    ("/boot/grub*/device.map", no_more),
)
