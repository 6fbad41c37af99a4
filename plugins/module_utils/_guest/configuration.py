# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of small files, links and absences, brought about in one go."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import file_error, whole_file


@dataclass(frozen=True)
class Entry:
    """One path: a file with *content*, a link to *target*, or nothing there when both are None.

    *replaces* is the only text that may be there already: a file with another one is somebody else's, and stays.
    """

    path: str
    content: str | None = None
    target: str | None = None
    mode: int = 0o644
    replaces: str | None = None

    def now(self) -> tuple[str, int | None]:
        """Return what is there as text, and its mode where it has one that counts."""
        if os.path.islink(self.path):
            return f"-> {os.readlink(self.path)}", None
        if not os.path.lexists(self.path):
            return "", None
        if not os.path.isfile(self.path):
            raise OptionError("files.path", self.path, "is neither a file nor a link", hint="remove it first")
        with open(self.path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read(), os.stat(self.path).st_mode & 0o7777

    def wanted(self) -> tuple[str, int | None]:
        """Return the same of what shall be there."""
        if self.target is not None:
            return f"-> {self.target}", None
        return (self.content, self.mode) if self.content is not None else ("", None)

    def settled(self) -> bool:
        """Return whether all is as it shall be; an empty file is not the same as no file."""
        present = self.content is not None or self.target is not None
        return os.path.lexists(self.path) == present and self.now() == self.wanted()

    def is_of_others(self) -> bool:
        """Return whether something else is there than what may be replaced."""
        return self.replaces is not None and os.path.lexists(self.path) and self.now()[0] != self.replaces

    def settle(self) -> None:
        """Bring it about."""
        try:
            if self.content is None and self.target is None:
                os.unlink(self.path)
                return
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            replaces_link = os.path.islink(self.path) or self.target is not None
            if replaces_link and os.path.lexists(self.path):
                os.unlink(self.path)
            if self.target is not None:
                os.symlink(self.target, self.path)
            else:
                with whole_file(self.path, mode=self.mode) as partial:
                    partial.write_text(self.content or "", encoding="utf-8")
        except OSError as error:
            raise file_error(self.path, error) from error


def bring_about(entries: Sequence[Entry], *, check_mode: bool) -> dict[str, Any]:
    """Settle every entry; return what was changed with its text before and after, and the paths that stay."""
    try:
        kept = [entry for entry in entries if not entry.settled() and entry.is_of_others()]
        changed = [entry for entry in entries if not entry.settled() and entry not in kept]
        diff = [_diff(entry) for entry in changed]
    except OSError as error:
        raise GoldsmithError(f"cannot read {error.filename}: {error.strerror}") from error
    for entry in [] if check_mode else changed:
        entry.settle()
    paths, others = ([entry.path for entry in some] for some in (changed, kept))
    return {"changed": bool(changed), "paths": paths, "kept": others, "diff": diff}


def _diff(entry: Entry) -> dict[str, str]:
    (before, old), (after, new) = entry.now(), entry.wanted()
    if old is not None and new is not None and old != new:
        before, after = f"mode {old:04o}\n{before}", f"mode {new:04o}\n{after}"
    return {"before_header": entry.path, "after_header": entry.path, "before": before, "after": after}
