# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tree says of one network: named, or replaced by DHCP for every card."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import network_ties
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import shown
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_plan import MAKE, SealPlan

_NETPLAN = "/etc/netplan/50-dhcp.yaml"
_KEYFILE = "/etc/NetworkManager/system-connections/every-card.nmconnection"
_NETWORKD = "/etc/systemd/network/80-dhcp.network"
_WICKED = "/etc/sysconfig/network/ifcfg-eth0"
_INTERFACES = "/etc/network/interfaces"


def name_ties(plan: SealPlan) -> None:
    """Warn of each file that is for one network: an instance in another one may not be reached."""
    readers = dict.fromkeys(network_ties.FILES, network_ties.ties)
    readers |= dict.fromkeys(network_ties.CLOUD_INIT, network_ties.ties_of_cloud_init)
    for pattern, read in readers.items():
        for entry in plan.tree.matches(pattern):
            found = read(entry.path, plan.tree.text(entry.path) or "")
            if found:
                plan.warnings.append(
                    f"{shown(entry.path)} is for one network ({shown(', '.join(found))}): instances elsewhere may have "
                    "none; network=dhcp makes it DHCP for every card"
                )


def use_dhcp(plan: SealPlan, *, by_cloud_init: bool) -> None:
    """Have DHCP for every card, instead of whatever is configured; where cloud-init does it, leave it to that."""
    wanted = dict(_wanted(plan, by_cloud_init))
    before = len(plan.actions)
    for pattern in network_ties.CONFIGURATION:
        found = plan.tree.matches(pattern)
        plan.remove_entries(
            entry for entry in found if entry.path not in wanted and entry.name not in ("ifcfg-lo", "dhcpcd.conf")
        )
    for path, (text, mode) in wanted.items():
        plan.write(path, text, mode=mode)
    # It gives all cards addresses that it is told nothing of.
    plan.edit("/etc/dhcpcd.conf", _without_static)
    for pattern in network_ties.CLOUD_INIT:
        for entry in plan.tree.matches(pattern):
            if network_ties.ties_of_cloud_init(entry.path, plan.tree.text(entry.path) or ""):
                plan.edit_entry(entry, network_ties.without_network)
    gone = {action.path for action in plan.actions[before:] if action.verb != MAKE}
    if gone:
        plan.warnings.append(f"network=dhcp: {', '.join(map(shown, sorted(gone)))} gave way to DHCP for every card")


def _wanted(plan: SealPlan, by_cloud_init: bool) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield the files of the first that is there of what configures networks."""
    tree = plan.tree
    if tree.find("/usr/sbin/netplan"):
        found = (_NETPLAN, network_ties.NETPLAN, 0o600)
    elif _starts(plan, "NetworkManager.service"):
        found = (_KEYFILE, network_ties.KEYFILE, 0o600)
    elif _starts(plan, "systemd-networkd.service"):
        found = (_NETWORKD, network_ties.NETWORKD, 0o644)
    elif _starts(plan, "wicked.service"):
        found = (_WICKED, network_ties.WICKED, 0o644)
    elif tree.find("/usr/sbin/ifup") or tree.find("/sbin/ifup"):
        cards = "" if by_cloud_init else network_ties.IFUPDOWN_CARDS
        yield _INTERFACES, (network_ties.IFUPDOWN + cards, 0o644)
        return
    else:
        if not by_cloud_init and not tree.find("/etc/dhcpcd.conf"):
            plan.warnings.append("network=dhcp: nothing in it that configures networks is known; see that it uses DHCP")
        return
    if not by_cloud_init:
        path, text, mode = found
        yield path, (text, mode)


def _starts(plan: SealPlan, unit: str) -> bool:
    return bool(plan.tree.matches(f"/etc/systemd/system/*.wants/{unit}"))


def _without_static(text: str) -> str:
    kept, dropping = [], False
    for line in text.splitlines(keepends=True):
        words = line.split()
        if words[:1] in (["interface"], ["profile"], ["ssid"], ["arping"]):
            dropping = words[0] == "interface"
        if not dropping and words[:1] != ["static"]:
            kept.append(line)
    return "".join(kept)
