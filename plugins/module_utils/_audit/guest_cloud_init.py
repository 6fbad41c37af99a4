# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloud-init in a guest, as its files configure it."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.yaml import HAS_YAML, yaml_load

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import GuestFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

PROGRAM = "/usr/bin/cloud-init"
_SOURCES = ("OpenStack", "ConfigDrive")


def is_there(files: GuestFiles) -> bool:
    """Return whether cloud-init is installed."""
    return files.is_file(PROGRAM)


def configuration(files: GuestFiles) -> dict[str, Any]:
    """Return cloud-init's configuration: cloud.cfg and its drop-ins, later ones over earlier ones."""
    merged: dict[str, Any] = {}
    for path in ("/etc/cloud/cloud.cfg", *files.glob("/etc/cloud/cloud.cfg.d/*.cfg")):
        text = files.text(path)
        if not text:
            continue
        if not HAS_YAML:
            raise GoldsmithError(
                "the Python library PyYAML is not installed", hint="install python3-yaml, or pip install PyYAML"
            )
        try:
            data = yaml_load(text)
        except Exception as error:  # PyYAML has many, and a guest's file may hold anything
            raise GoldsmithError(f"{path} in the image is not YAML: {str(error).splitlines()[0]}") from error
        if isinstance(data, dict):
            merged = _merge(merged, data)
    return merged


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _merge(merged[name], value) if both else value
    return merged


def modules(config: dict[str, Any], stage: str) -> list[str]:
    """Return the names of the modules of a stage, with underscores."""
    # An entry may be [name, frequency]; older releases write a dash.
    entries = config.get(stage) or []
    return [str(entry[0] if isinstance(entry, list) else entry).replace("-", "_") for entry in entries]


def missing_sources(config: dict[str, Any]) -> list[str]:
    """Return a fault for each source of OpenStack's that is not asked."""
    sources = config.get("datasource_list")
    if not sources:
        return []  # by default cloud-init knows all
    return [f"/etc/cloud: {name} is not in datasource_list" for name in _SOURCES if name not in sources]
