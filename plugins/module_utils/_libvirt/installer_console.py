# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far an installer is, read from its console: debian-installer, anaconda, AutoYaST, subiquity, Agama."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.console import Console

# What the last step of the answers writes: the one proof on the console that an installation came to its end.
MARK = "goldsmith: the installation is complete"
# An installer that shows a question and nothing else so long waits for a key.
_QUESTION_SECONDS = 25.0


@dataclass(frozen=True)
class Step:
    """A step, known by *pattern*; *share* of 100 is what usually lies behind when it begins."""

    name: str
    pattern: str
    share: int


@dataclass(frozen=True)
class Words:
    """How one installer speaks: its steps, how far it is in one of them, and how it asks."""

    steps: tuple[Step, ...]
    within: str
    question: str


def _steps(*steps: tuple[str, int] | tuple[str, int, str]) -> tuple[Step, ...]:
    return tuple(Step(step[0], step[2] if len(step) == 3 else re.escape(step[0]), step[1]) for step in steps)


INSTALLERS = {
    # The shares are those of an installation under emulation.
    "preseed": Words(
        _steps(
            ("Detecting network hardware", 1),
            ("Configuring the network", 2, r"Configuring the network with DHCP"),
            ("Checking the Debian archive mirror", 3),
            ("Loading additional components", 4),
            ("Setting up the clock", 9),
            ("Detecting disks", 10, r"Detecting disks and all other hardware"),
            ("Starting up the partitioner", 12),
            ("Partitioning", 13, r"Partitions formatting|Partitioning disks"),
            ("Installing the base system", 14),
            ("Configuring apt", 65),
            ("Selecting and installing software", 68, r"Select and install software"),
            ("Installing GRUB", 80, r"Installing (?:the )?GRUB boot loader|Install the GRUB boot loader"),
            ("Finishing the installation", 96),
        ),
        r"(?P<percent>\d{1,3})%",
        r"Prompt: '\?' for help|\[Press enter to continue\]",
    ),
    "kickstart": Words(
        _steps(
            ("Starting the installer", 2, r"Starting installer, one moment"),
            ("Starting the automated installation", 6, r"Starting automated install"),
            ("Planning the storage", 8, r"Generating updated storage configuration|Checking storage configuration"),
            ("Configuring storage", 10, r"Configuring storage|Creating disklabel|Creating ext4 on"),
            ("Downloading packages", 15, r"Downloading packages|Downloading \d+ RPMs"),
            ("Installing packages", 35, r"Preparing transaction|Installing \S+ \(\d+/\d+\)"),
            ("Configuring the installed system", 80, r"Performing post-installation setup tasks"),
            ("Installing the boot loader", 85, r"Installing boot loader"),
            ("Generating the initramfs", 90, r"Generating initramfs"),
            ("Running the last scripts", 96, r"Running post-installation scripts"),
        ),
        r"\((?P<done>\d+)/(?P<total>\d+)\)|(?P<percent>\d{1,3})%",
        r"Please make (?:a|your) selection from the above|[Pp]ress ENTER to (?:continue|quit|exit)"
        r"|Please respond 'yes' or 'no'|Pane is dead|Entering emergency mode",
    ),
    "autoyast": Words(
        _steps(
            ("Loading the installer", 2, r"Loading Installation System|Loading basic drivers"),
            ("Starting the installer", 6, r"Starting Installer|Starting YaST|starting YaST"),
            ("Reading the profile", 9, r"Initializing the Installation|Configuring AutoYaST|Processing profile"),
            ("Partitioning", 12, r"Preparing [Dd]isks?|Formatting partition|Performing Installation"),
            ("Installing packages", 16, r"Installing Packages|Package Installation"),
            ("Saving the configuration", 85, r"Save Configuration|Saving [Cc]onfiguration"),
            ("Installing the boot loader", 90, r"(?:Installing|Save|Saving) (?:the )?[Bb]oot (?:[Ll]oader|[Mm]anager)"),
            ("Finishing the installation", 95, r"Finishing (?:the )?(?:Basic )?Installation|Prepare System for"),
        ),
        r"(?P<percent>\d{1,3}) ?%",
        r"Make sure that (?:CD|DVD|medium)|\*\*\* (?:Error|No repository found)",
    ),
    # It prints its events, those of curtin among them.
    "autoinstall": Words(
        _steps(
            ("Starting the installer", 3, r"starting up\.\.\.|waiting for cloud-init\.\.\."),
            ("Reading the answers", 10, r"start: [^\n]*/load_autoinstall_config|running early commands"),
            ("Looking for a mirror", 12, r"start: [^\n]*/Mirror/"),
            ("Partitioning", 15, r"start: [^\n]*(?:install partitioning step|/stage-partitioning)"),
            ("Copying the system", 18, r"start: [^\n]*(?:install extract step|/stage-extract)"),
            ("Configuring the system", 45, r"start: [^\n]*(?:install curthooks step|/stage-curthooks)"),
            ("Installing packages", 70, r"start: [^\n]*/postinstall/install_"),
            ("Installing updates", 80, r"start: [^\n]*/run_unattended_upgrades"),
            ("Running the last commands", 97, r"start: [^\n]*/Late/run"),
        ),
        r"(?P<percent>\d{1,3})%",
        r"Press enter to start a shell|Continue with autoinstall\?|installer is running on a serial console",
    ),
    # It says nothing there, but our answers have scripts that do.
    "agama": Words(
        _steps(
            ("Starting the installer", 5, r"Started [^\n]*[Aa]gama"),
            ("Partitioning", 12, r"goldsmith: the installation begins"),
            ("Installing packages", 16, r"goldsmith: the disk is ready"),
            ("Finishing the installation", 95, r"goldsmith: the packages are installed"),
        ),
        r"(?P<percent>\d{1,3})%",
        r"Entering emergency mode|Press Enter for (?:emergency|system) (?:shell|maintenance)",
    ),
}  # fmt: skip
# debian-installer runs in GNU screen, whose bar stands between all else: windows, and the time.
_BAR = re.compile(r"\[ [^\[\]\n]*\((?:-|\d+)\*[^\[\]\n]*\]\[ \w{3} [ \d]\d \d\d:\d\d \]")
_ERROR = re.compile(
    r"!! ERROR: ([^\n]{1,200})|The installation was stopped due to[^\n]*\n+([^\n]{1,200})"
    r"|^error: +([^\n]{1,200})|^finish: [^\n]*?: (Command [^\n]{1,200} returned non-zero[^\n]{1,40})",
    re.MULTILINE,
)


class InstallerConsole:
    """Reads the growing log of an installation."""

    def __init__(self, path: Path, kind: str) -> None:
        """*kind* is that of the answers."""
        self.console = Console(path)
        self._words = INSTALLERS[kind]
        self._asked: tuple[int, float] | None = None
        self._changed = 0.0
        self._size = 0
        self._text = ""
        self.step = ""
        self.percent = 0.0
        self.complete = False
        self.question = ""

    def look(self, now: float) -> None:
        """Take in what was written since the last look; *now* is in seconds since the start of the guest."""
        self.console.look(now)
        if len(self.console.text) != self._size:
            self._size = len(self.console.text)
            text = _BAR.sub("", self.console.text)
            # The time in the bar goes on whatever the installer does.
            self._changed = now if text.split() != self._text.split() else self._changed
            self._text = text
            self.complete = self.complete or MARK in text
            self._read_step(text)
        self._read_question(self._text, now)

    def silence(self, now: float) -> float:
        """Return for how many seconds nothing has come."""
        return now - self._changed

    def tail(self, lines: int = 40) -> list[str]:
        """Return the last lines that say something."""
        return [line.strip() for line in self._text.splitlines() if line.strip()][-lines:]

    @property
    def last_line(self) -> str:
        """The last line that says something, its end if it is long."""
        return (self.tail(1) or ["nothing"])[0][-160:]

    @property
    def error(self) -> str:
        """What the installer called an error last; empty if nothing."""
        found = [next(filter(None, groups)) for groups in _ERROR.findall(self._text)]
        return found[-1].strip() if found else ""

    def _read_step(self, text: str) -> None:
        latest, place = None, -1
        for number, step in enumerate(self._words.steps):
            last = _last(step.pattern, text)
            if last is not None and last.start() > place:
                latest, place = number, last.start()
        if latest is None:
            return
        step = self._words.steps[latest]
        following = self._words.steps[latest + 1 :]
        end = following[0].share if following else 100
        self.step = step.name
        inner = _share(self._words.within, text[place:])
        # Some steps come twice; what was reached stays.
        self.percent = max(self.percent, step.share + (end - step.share) * inner)

    def _read_question(self, text: str, now: float) -> None:
        last = _last(self._words.question, text)
        later = "" if last is None else text[last.end() :]
        if last is None or re.search(self._words.within, later) or _any(self._words.steps, later):
            self._asked, self.question = None, ""
            return
        if self._asked is None or self._asked[0] != last.start():
            self._asked = (last.start(), now)
        if now - self._asked[1] >= _QUESTION_SECONDS:
            self.question = self.error or last.group(0)


def _last(pattern: str, text: str) -> re.Match[str] | None:
    found = None
    for found in re.finditer(pattern, text):  # noqa: B007 (the last one is wanted)
        pass
    return found


def _share(pattern: str, text: str) -> float:
    match = _last(pattern, text)
    if match is None:
        return 0.0
    groups = match.groupdict()
    if groups.get("total"):
        return min(1.0, int(groups["done"]) / max(1, int(groups["total"])))
    return min(1.0, int(groups["percent"]) / 100)


def _any(steps: Sequence[Step], text: str) -> bool:
    return any(re.search(step.pattern, text) for step in steps)
