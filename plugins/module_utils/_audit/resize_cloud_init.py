# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule for the strategy cloud_init: Q1c."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import guest_cloud_init as cloud_init
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import guest_storage
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import Finding, Guest, judged, rule


@rule("Q1c", "The root file system grows to the flavour's disk, by cloud-init", resize="cloud_init")
def grows(guest: Guest) -> Finding:
    """One ext root, no LVM, no swap; cloud-init and growpart."""
    faults, seen = guest_storage.judge(guest, lvm=False)
    for program in (cloud_init.PROGRAM, "/usr/bin/growpart"):
        if guest.files.is_file(program):
            seen.append(f"{program}: exists")
        else:
            faults.append(f"{program}: missing")
    if guest.files.exists("/etc/cloud/cloud-init.disabled"):
        faults.append("/etc/cloud/cloud-init.disabled: exists")
    config = cloud_init.configuration(guest.files)
    modules = cloud_init.modules(config, "cloud_init_modules")
    faults += [
        f"/etc/cloud: {name} is not in cloud_init_modules"
        for name in ("growpart", "resizefs")
        if modules and name not in modules
    ]
    mode = config.get("growpart", {}).get("mode") if isinstance(config.get("growpart"), dict) else None
    if str(mode).lower() in ("off", "false"):
        faults.append(f"/etc/cloud: growpart.mode is {mode}")
    return judged(faults, seen)
