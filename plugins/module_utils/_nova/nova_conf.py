# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of Compute's image cache: where they stand, what they may be, which value is in force."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova.config_file import read
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova.ini import DEFAULT, Ini, parse

NOVA_CONF = "/etc/nova/nova.conf"
CACHE, LIBVIRT = "image_cache", "libvirt"
# Beside nova.conf; nova-compute is started with the first after nova.conf, and reads the folders by itself.
_BESIDE = ("nova-compute.conf", "nova.conf.d/*.conf", "nova-compute.conf.d/*.conf")
# As oslo.config has them.
_TRUE, _FALSE = ("true", "1", "on", "yes"), ("false", "0", "off", "no")
_REFERENCE = re.compile(r"\$(?:\{(?:\w+\.)?(\w+)\}|(\w+))|\$\$")


@dataclass(frozen=True)
class Setting:
    """An option of Nova. *former* is its section before Nova 21 (Ussuri), which is still read where it is set."""

    name: str
    section: str
    default: bool | int | str
    former: str | None = None
    former_name: str | None = None
    choices: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Section and name, first as it is written today."""
        old = ((self.former, self.former_name or self.name),) if self.former else ()
        return ((self.section, self.name), *old)

    def parsed(self, text: str) -> bool | int | str | None:
        """Return the value that a text stands for; None where Nova would refuse it."""
        if isinstance(self.default, bool):
            word = text.lower()
            return True if word in _TRUE else False if word in _FALSE else None
        if isinstance(self.default, int):
            return int(text) if re.fullmatch(r"\s*[+-]?[0-9]+\s*", text) else None
        return text if not self.choices or text in self.choices else None

    def expected(self) -> str:
        """Return words for what the value may be."""
        if isinstance(self.default, bool):
            return "true or false"
        return "a number" if isinstance(self.default, int) else " or ".join(self.choices) or "a text"


PREALLOCATE = Setting("preallocate_images", DEFAULT, "none", choices=("none", "space"))
REMOVE = Setting("remove_unused_base_images", CACHE, True, former=DEFAULT)
ORIGINAL_AGE = Setting("remove_unused_original_minimum_age_seconds", CACHE, 86400, former=DEFAULT)
RESIZED_AGE = Setting("remove_unused_resized_minimum_age_seconds", CACHE, 3600, former=LIBVIRT)
INTERVAL = Setting("manager_interval", CACHE, 2400, former=DEFAULT, former_name="image_cache_manager_interval")
SUBDIRECTORY = Setting("subdirectory_name", CACHE, "_base", former=DEFAULT, former_name="image_cache_subdirectory_name")
INSTANCES = Setting("instances_path", DEFAULT, "$state_path/instances")
# Of the packages; without one it is where Nova's code lies.
STATE = Setting("state_path", DEFAULT, "/var/lib/nova")


def written(value: bool | int | str) -> str:
    """Return a value as nova.conf has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def beside(path: str) -> list[str]:
    """Return the files in the folder of nova.conf that services read after it, in their order."""
    folder = glob.escape(os.path.dirname(os.path.abspath(path)))
    return [file for pattern in _BESIDE for file in sorted(glob.glob(f"{folder}/{pattern}"))]


def load(paths: Sequence[str]) -> list[Ini]:
    """Read files in the order in which the services do."""
    return [parse(read(path), path) for path in paths]


def in_force(files: Sequence[Ini], setting: Setting) -> bool | int | str:
    """Return the value that Nova takes from the files, or its default; raise GoldsmithError where it refuses it."""
    found = last_set(files, setting)
    if found is None:
        return setting.default
    file, (section, name), text = found
    value = setting.parsed(text)
    if value is None:
        raise GoldsmithError(
            f"{file.path}: [{section}] {name}={text}: no service can read that", hint=f"set {setting.expected()}"
        )
    return value


def last_set(files: Sequence[Ini], setting: Setting) -> tuple[Ini, tuple[str, str], str] | None:
    """Return the file, the place and the text of the value in force: the last file wins, in it the name of today."""
    for file in reversed(files):
        for place in setting.places:
            if values := file.values(*place):
                return file, place, values[-1]
    return None


def folder_in_force(files: Sequence[Ini], setting: Setting) -> str:
    """Return a path of Nova's, in which others may be named by $."""
    return _expanded(files, str(in_force(files, setting)), setting.name, 8)


def _expanded(files: Sequence[Ini], text: str, option: str, depth: int) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1) or match.group(2)
        if name is None:
            return "$"
        known = next((each for each in (STATE, INSTANCES, SUBDIRECTORY) if each.name == name), None)
        found = last_set(files, known or Setting(name, DEFAULT, ""))
        if (not found and not known) or not depth:
            raise GoldsmithError(
                f"{option}={text}: {name} is not set in {', '.join(file.path for file in files)}",
                hint="give the folder to the module: instances_path, subdirectory",
            )
        inner = found[2] if found else str(known.default if known else "")
        return _expanded(files, inner, option, depth - 1)

    return _REFERENCE.sub(value, text)
