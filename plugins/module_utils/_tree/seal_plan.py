# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be removed, emptied and changed in a tree: found first, carried out later."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import shown
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import Entry
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_tree import READ_LIMIT, SealTree

REMOVE, EMPTY, MAKE, CHANGE, LINK, RENAME = "removed", "emptied", "made", "changed", "linked", "renamed"


class Action(NamedTuple):
    """One thing to do to a real path.

    *content* is the text that CHANGE and MAKE write, what LINK points to, or the real path that RENAME gives; *size*
    the bytes that it frees; *mode* is that of a file which has to be made.
    """

    step: str
    verb: str
    path: str
    size: int = 0
    content: str = ""
    mode: int = 0o644


class SealPlan:
    """Takes down what is to be done, step by step. What was taken down is seen as done."""

    def __init__(self, tree: SealTree) -> None:
        self.tree = tree
        self.step = ""
        self.actions: list[Action] = []
        self.stays: list[str] = []
        self.warnings: list[str] = []

    def remove(self, *patterns: str) -> None:
        """Remove what matches, folders with all that is in them; links themselves, not what they lead to."""
        for pattern in patterns:
            self.remove_entries(self.tree.matches(pattern))

    def remove_in(self, folder: str, *names: str) -> None:
        """Remove these paths below a folder, whose own name may look like a pattern."""
        found = (self.tree.find(f"{folder}/{name}", follow=False) for name in names)
        self.remove_entries([entry for entry in found if entry])

    def remove_entries(self, entries: Iterable[Entry]) -> None:
        """Remove these, except what something is mounted on, and the folders above that."""
        for entry in entries:
            if self.tree.is_mount(entry.path):
                continue
            if entry.is_folder and self.tree.holds_mount(entry.path):
                self.remove_entries(self.tree.entries(entry.path))
                continue
            size = entry.size if entry.is_file else 0
            if entry.is_folder:
                size = sum(below.size for below in self.tree.walk(entry.path) if below.is_file)
            self.tree.hide(entry.path)
            self._note(REMOVE, entry.path, size)

    def remove_below(self, *folders: str, keep: Callable[[Entry], bool] = lambda entry: False) -> None:
        """Remove all that is below folders and is none itself: the structure stays."""
        for folder in folders:
            found = [entry for entry in self.tree.walk(folder) if not entry.is_folder and not keep(entry)]
            self.remove_entries(found)

    def empty(self, path: str, *, mode: int = 0o644) -> None:
        """Have an empty file at a path, made with *mode* if there is none; whatever else is there goes."""
        entry = self.tree.find(path, follow=False)
        if entry and entry.is_file and entry.size == 0:
            return
        if entry and not entry.is_file:
            self.remove_entries([entry])
            entry = None
        real = self.tree.place(path)
        self.tree.show(real, entry.mode if entry else stat.S_IFREG | mode, "")
        self._note(EMPTY if entry else MAKE, real, entry.size if entry else 0, mode=mode)

    def empty_if_there(self, *patterns: str) -> None:
        """Empty the regular files that match."""
        for pattern in patterns:
            for entry in self.tree.matches(pattern):
                if entry.is_file:
                    self.empty(entry.path)

    def edit(self, pattern: str, change: Callable[[str], str | None]) -> None:
        """Change the text of the files that a pattern leads to; where *change* returns None the file goes."""
        for match in self.tree.matches(pattern):
            self.edit_entry(match, change)

    def edit_entry(self, match: Entry, change: Callable[[str], str | None]) -> None:
        """Change the text of the file that a name leads to."""
        entry = self.tree.find(match.path)
        if entry is None or not entry.is_file:
            return
        text = self.tree.text(entry.path)
        if text is None:
            self.warnings.append(f"{shown(entry.path)} is bigger than {READ_LIMIT >> 20} MiB: it was not looked into")
            return
        changed = change(text)
        if changed is None:
            self.remove_entries({match.path: match, entry.path: entry}.values())
        elif changed != text:
            self.tree.show(entry.path, entry.mode, changed)
            self._note(CHANGE, entry.path, max(_size(text) - _size(changed), 0), changed)

    def write(self, path: str, text: str, *, mode: int) -> None:
        """Have a file with a text at a path, made with *mode* if there is none; whatever else is there goes."""
        entry = self.tree.find(path, follow=False)
        if entry and entry.is_file and self.tree.text(entry.path) == text:
            return
        if entry and not entry.is_file:
            self.remove_entries([entry])
            entry = None
        real = self.tree.place(path)
        self.tree.show(real, entry.mode if entry else stat.S_IFREG | mode, text)
        self._note(CHANGE if entry else MAKE, real, 0, text, mode)

    def link(self, path: str, target: str) -> None:
        """Have a symbolic link at a path."""
        entry = self.tree.find(path, follow=False)
        if entry and entry.is_folder:
            raise GoldsmithError(f"{path} of the tree is a folder", hint="remove it first")
        real = self.tree.place(path)
        self.tree.show(real, stat.S_IFLNK | 0o777, target)
        self._note(LINK, real, entry.size if entry and entry.is_file else 0, target)

    def rename(self, path: str, name: str) -> None:
        """Give a file another name in its folder, in place of what has that."""
        entry = self.tree.find(path, follow=False)
        if entry is None or entry.is_folder:
            return
        real = os.path.join(os.path.dirname(entry.path), name)
        content = self.tree.text(entry.path) if entry.is_file else None
        self.tree.hide(entry.path)
        self.tree.show(real, entry.mode, content or "")
        self._note(RENAME, entry.path, 0, real)

    def stay(self, path: str, reason: str) -> None:
        """Say what may belong to one machine and is left to the user."""
        self.stays.append(f"{shown(path)}: {reason}")

    def report(self, steps: Iterable[str], limit: int) -> dict[str, Any]:
        """Return for each step what is done to which paths, no more than *limit*, their number, and the bytes freed."""
        done: dict[str, dict[str, str]] = {step: {} for step in steps}
        freed = dict.fromkeys(done, 0)
        for action in self.actions:
            done[action.step][action.path] = action.verb
            freed[action.step] += action.size
        return {
            step: {
                "done": {shown(path): verbs[path] for path in sorted(verbs)[:limit]},
                "count": len(verbs),
                "bytes": freed[step],
            }
            for step, verbs in done.items()
        }

    def _note(self, verb: str, real: str, size: int, content: str = "", mode: int = 0o644) -> None:
        self.actions.append(Action(self.step, verb, real, size, content, mode))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
