# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of Compute's image cache in nova.conf."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova import nova_conf
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova.config_file import held, read
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova.ini import Ini, parse
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova.nova_conf import Setting

SETTINGS = (nova_conf.PREALLOCATE, nova_conf.REMOVE, nova_conf.ORIGINAL_AGE, nova_conf.RESIZED_AGE)


@dataclass(frozen=True)
class Request:
    """What shall stand in *path*. *also_read* are files that services read beside it; None for those that are there.

    With *former_names* the options go where Nova before 21 (Ussuri) looks for them.
    """

    path: str
    values: tuple[tuple[Setting, bool | int | str], ...]
    former_names: bool = False
    also_read: tuple[str, ...] | None = None
    backup: bool = False

    def places(self, setting: Setting) -> tuple[tuple[str, str], ...]:
        """Return where the value goes, and after that where none may stand."""
        places = setting.places
        return places[::-1] if self.former_names else places


@dataclass(frozen=True)
class Change:
    """One option: its place, its value as text before and after; None where it is not set."""

    section: str
    name: str
    before: str | None
    after: str | None

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return self.before != self.after


def request_from(params: Mapping[str, Any]) -> Request:
    """Return what the options of the module ask for."""
    values = []
    for setting in SETTINGS:
        value = params[setting.name]
        if value is None:
            continue
        if isinstance(value, int) and value < 0:
            raise OptionError(setting.name, value, "is less than nothing", hint="give seconds, 0 or more")
        values.append((setting, value))
    also_read = params["also_read"]
    return Request(
        params["path"],
        tuple(values),
        params["former_names"],
        None if also_read is None else tuple(also_read),
        params["backup"],
    )


def bring_about(request: Request, *, check_mode: bool) -> dict[str, Any]:
    """Set the options; return what was changed. Nothing is written where another file contradicts."""
    _refuse_contradictions(request)
    if check_mode:
        path = os.path.realpath(request.path)
        _new, changes = edited(parse(read(path), request.path), request)
        return _result(request, changes, None)
    backup = None
    with held(request.path) as file:
        new, changes = edited(parse(file.text, request.path), request)
        if any(change.changes for change in changes):
            backup = file.back_up() if request.backup else None
            file.replace(new.text)
    return _result(request, changes, backup)


def edited(file: Ini, request: Request) -> tuple[Ini, list[Change]]:
    """Return the file as it shall be, and what became of each option."""
    changes = []
    for setting, value in request.values:
        place, *others = request.places(setting)
        texts = file.values(*place)
        # A value that means the same is left as it is written.
        text = texts[0] if len(texts) == 1 and setting.parsed(texts[0]) == value else nova_conf.written(value)
        file = file.with_value(*place, text)
        changes.append(Change(*place, texts[-1] if texts else None, text))
        if len(texts) > 1:
            changes += [Change(*place, other, None) for other in texts[:-1]]
        for other in others:
            changes += [Change(*other, former, None) for former in file.values(*other)]
            file = file.without(*other)
    return file, changes


def _refuse_contradictions(request: Request) -> None:
    paths = nova_conf.beside(request.path) if request.also_read is None else request.also_read
    own = os.path.realpath(request.path)
    for file in nova_conf.load([path for path in paths if os.path.realpath(path) != own]):
        for setting, value in request.values:
            for section, name in setting.places:
                for text in file.values(section, name):
                    if setting.parsed(text) != value:
                        raise GoldsmithError(
                            f"{setting.name}={nova_conf.written(value)}: {file.path}, which services read beside "
                            f"{request.path}, has [{section}] {name} = {text}",
                            hint="remove it there, or leave the file out of also_read",
                        )


def _result(request: Request, changes: Sequence[Change], backup: str | None) -> dict[str, Any]:
    real = [change for change in changes if change.changes]
    result: dict[str, Any] = {
        "changed": bool(real),
        "path": request.path,
        "options": [vars(change) for change in real],
        # Neither the file nor what stands around an option: there are passwords.
        "diff": {
            "before_header": request.path,
            "after_header": request.path,
            "before": _shown(changes, "before"),
            "after": _shown(changes, "after"),
        },
    }
    if backup:
        result["backup_file"] = backup
    return result


def _shown(changes: Sequence[Change], side: str) -> str:
    values = [(change, getattr(change, side)) for change in changes]
    return "".join(f"[{change.section}] {change.name} = {value}\n" for change, value in values if value is not None)
