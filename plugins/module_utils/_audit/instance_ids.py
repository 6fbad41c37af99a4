# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule for the ids of an instance: where they change at the first boot, nothing in the image depends on the old."""

from __future__ import annotations

import re

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import (
    Finding,
    Guest,
    judged,
    not_applicable,
    rule,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.grub import NEW_IDS
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import fstab

_CONFIGURATION = "/boot/grub/grub.cfg"
# Which the hook of initramfs-tools puts into each initramfs
_CHANGES = "/etc/initramfs-tools/scripts/local-premount/goldsmith"
_FIXED = re.compile(r"\broot=(?:PART)?UUID=[0-9A-Fa-f]\S*")


@rule("ids", "Nothing names the root by an id that each instance changes")
def no_old_id(guest: Guest) -> Finding:
    """No id of the root in fstab or in an entry of GRUB, and what changes it is there."""
    text = guest.files.text(_CONFIGURATION) or ""
    if NEW_IDS not in text:
        return not_applicable("the root file system keeps its id")
    lines = fstab.parse(guest.files.text("/etc/fstab") or "")
    faults = [
        f"/etc/fstab: {line.source} / has an id that each instance changes; name it by its label"
        for line in lines
        if line.mountpoint == "/" and line.source.startswith("UUID=")
    ]
    faults += [f"{_CONFIGURATION}: {word} is an id that each instance changes" for word in _FIXED.findall(text)]
    if not guest.files.is_file(_CHANGES):
        faults.append(f"{_CHANGES}: missing, so that all instances keep the id of the image")
    return judged(faults, [f"{_CONFIGURATION}: {NEW_IDS}", _CHANGES])
