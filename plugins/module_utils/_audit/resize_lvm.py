# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule for the strategy lvm: Q1l."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import guest_agent as agent
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import guest_cloud_init as cloud_init
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import guest_storage
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import Finding, Guest, judged, rule

# Where distributions have the one program behind pvcreate, vgextend and lvextend.
_LVM = ("/usr/sbin/lvm", "/sbin/lvm")


@rule("Q1l", "The root file system grows to the flavour's disk, by LVM and the guest's own agent", resize="lvm")
def grows(guest: Guest) -> Finding:
    """An ext root in a logical volume, no swap, no cloud-init; lvm2, and the agent at every boot."""
    faults, seen = guest_storage.judge(guest, lvm=True)
    more, units = agent.judge(guest, agent.GROW)
    faults += more
    if not any(guest.files.is_file(path) for path in _LVM):
        faults.append(f"{_LVM[0]}: missing")
    if cloud_init.is_there(guest.files):
        faults.append(f"{cloud_init.PROGRAM}: exists, and would grow and configure beside the agent")
    return judged(faults, [*seen, *units])
