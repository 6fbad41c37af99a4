# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The serial console of a guest: its milestones and its deaths, read from the log."""

from __future__ import annotations

import re
from pathlib import Path

_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>c78DEHM])")
# A kernel speaks with a time stamp; the firmware and the boot loader do not.
_KERNEL = re.compile(r"^\[ *\d+\.\d{6}\] ", re.MULTILINE)
# systemd, or what other init systems say first.
_INIT = re.compile(r"systemd\[1\]: |^Welcome to |Run /(?:usr/)?sbin/init as init|^INIT: version", re.MULTILINE)
_CLOUD_INIT = re.compile(r"cloud-init\[\d+\]: |Cloud-init v\. ")
# A prompt ends its line, or follows the empty line that ends /etc/issue: then another program may write behind it.
_LOGIN = re.compile(r"^\S+ login: (?![A-Za-z])|^\n\S+ login: ", re.MULTILINE)
_FATAL = (
    (re.compile(r"^.*Kernel panic - not syncing.*$", re.MULTILINE), "the kernel panicked"),
    (re.compile(r"^.*(?:Dropping to a shell!|\(initramfs\) ).*$", re.MULTILINE), "the ramdisk found no root"),
    (re.compile(r"^.*(?:Entering emergency mode|You are in emergency mode).*$", re.MULTILINE), "emergency mode"),
    (re.compile(r"^.*grub rescue>.*$", re.MULTILINE), "GRUB found neither its modules nor the root file system"),
    (re.compile(r"^.*(?:No bootable device|No bootable option).*$", re.MULTILINE), "the firmware found no system"),
)


class Console:
    """Reads a growing console log and remembers when it showed what; times in seconds since the start of the guest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._text = ""
        self._handed_over = 0
        self.kernel: float | None = None
        self.init: float | None = None
        self.cloud_init: float | None = None
        self.login: float | None = None
        self.fatal: str | None = None

    def look(self, now: float) -> None:
        """Take in what was written since the last look; *now* is the time given to what is new."""
        raw = self._path.read_bytes() if self._path.exists() else b""
        if len(raw) == self._read:
            return
        self._read = len(raw)
        self._text = plain_text(raw)
        if self.kernel is None and (spoke := _KERNEL.search(self._text)):
            self.kernel, self._handed_over = now, spoke.start()
        if self.init is None and self._has_shown(_INIT):
            self.init = now
        if self.cloud_init is None and self._has_shown(_CLOUD_INIT):
            self.cloud_init = now
        if self.login is None and _LOGIN.search(self._text):
            self.login = now
        for pattern, meaning in _FATAL:
            match = pattern.search(self._text)
            if match and self.fatal is None:
                self.fatal = f"{meaning} ({match.group(0).strip()})"

    def _has_shown(self, sign: re.Pattern[str]) -> bool:
        # Boot loaders bid welcome too.
        return self.kernel is not None and sign.search(self._text, self._handed_over) is not None

    @property
    def text(self) -> str:
        """All that was written, without terminal control."""
        return self._text

    def tail(self, lines: int = 40) -> list[str]:
        """Return the last lines that say something."""
        return [line.rstrip() for line in self._text.splitlines() if line.strip()][-lines:]

    @property
    def last_line(self) -> str:
        """The last line that says something, shortened."""
        return (self.tail(1) or ["nothing"])[0][:160]


def plain_text(raw: bytes) -> str:
    """Return a console's bytes as text without terminal control."""
    text = _ESCAPES.sub(b"", raw).decode("utf-8", "replace")
    # A lone carriage return starts the line anew on a terminal: what matters is that something starts there.
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
