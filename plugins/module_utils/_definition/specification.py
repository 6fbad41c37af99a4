# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All variables of the definition, and how a set of values of them is read: everything at once, unknown names too."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.image_variables import IMAGE
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.publication_variables import PUBLICATION
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import PREFIX, BadValue, told

SPECIFICATION = {variable.name: variable for variable in (*IMAGE, *PUBLICATION)}
# Facts that the playbooks leave: no variable of a user.
FACTS = (
    *("image_beginning", "image_begins_at", "image_builder", "image_complete", "image_configured", "image_definition"),
    *("image_is_current", "image_kind", "image_known_proof", "image_purpose", "image_read", "image_timings"),
    *(
        "image_boot_directory",
        "image_boot_files",
        "image_boot_memory",
        "image_boot_name",
        "image_boot_size",
        "image_boot_timeout",
        "image_facts_of_files",
    ),
    *(
        "image_cause",
        "image_guest",
        "image_key",
        "image_needs_a_system",
        "image_place",
        "image_ran_in_tree",
        "image_tree",
        "image_way",
        "image_workspace",
    ),
)
# What was a variable once, with what to write in its place.
_RENAMED = {"image_cloud_init": "image_agent=cloud_init or image_agent=goldsmith"}


def read(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a value for every variable, by its name without prefix, and a line for each value that cannot be used."""
    values, faults = {}, []
    for name, variable in SPECIFICATION.items():
        values[name] = variable.default
        try:
            values[name] = variable.read(given.get(name))
        except BadValue as error:
            faults.append(f"{variable.variable}={told(variable, given[name])}: {error}")
    return values, faults


def unknown(names: Collection[str], others: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Judge full names of variables: return a line for each that is misspelt, and one for each that is not ours.

    *others* are names that belong to somebody else: to a role whose name begins alike, or to the user.
    """
    known = [PREFIX + name for name in SPECIFICATION]
    misspelt, foreign = [], []
    for name in sorted(set(names) - set(known) - set(FACTS) - set(others)):
        if name in _RENAMED:
            misspelt.append(f"{name}: is no longer known; write {_RENAMED[name]}")
        elif near := difflib.get_close_matches(name, known, n=1, cutoff=0.75):
            misspelt.append(
                f"{name}: is not known; do you mean {near[0]}? A variable of your own is named in image_other_variables"
            )
        else:
            foreign.append(f"{name}: is no variable of goldsmith.openstack, and has no effect on the image")
    return misspelt, foreign
