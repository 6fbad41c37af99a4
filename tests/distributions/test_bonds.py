# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A VLAN on a bond of two cards, which the agent makes by systemd-networkd and by NetworkManager."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.emulator import quick_emulator
from helpers.family_mirrors import build, family_mirror
from helpers.guests import BuiltImage, running_guest
from helpers.rebooting import SECOND_MAC, Rebooting

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.qemu import MAC, METADATA_GUEST

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

VLAN = "192.0.2.10"
# Only the first card has a carrier, so the bond has the address that DHCP gives to that card.
NETWORK_DATA = {
    "links": [
        {"id": "tap0", "type": "phy", "ethernet_mac_address": MAC},
        {"id": "tap1", "type": "phy", "ethernet_mac_address": SECOND_MAC},
        {
            "id": "bond0",
            "type": "bond",
            "ethernet_mac_address": MAC,
            "bond_mode": "active-backup",
            "bond_links": ["tap0", "tap1"],
            "bond_miimon": 100,
        },
        {"id": "vlan1", "type": "vlan", "vlan_id": 101, "vlan_link": "bond0", "vlan_mac_address": MAC},
    ],
    "networks": [
        {"id": "network0", "type": "ipv4_dhcp", "link": "bond0"},
        {"id": "network1", "type": "ipv4", "link": "vlan1", "ip_address": VLAN, "netmask": "255.255.255.0"},
    ],
}


@pytest.fixture(params=["debian", "fedora"])
def image(
    request: pytest.FixtureRequest, built_image: Callable[[str], BuiltImage], checkout: Path, tmp_path: Path
) -> BuiltImage:
    """One with systemd-networkd, one with NetworkManager; both with the agent."""
    if request.param == "debian":
        return built_image("lvm")
    words = {"image_resize": "lvm", "image_formats": ["qcow2"], "image_verify": ["audit"]}
    with family_mirror(request.param) as mirror:
        return replace(build(mirror, checkout, tmp_path, **words), user=request.param)


def test_a_vlan_on_a_bond(image: BuiltImage, guest_folder: Path, tmp_path: Path) -> None:
    # Its second card comes while it runs.
    options = {"machine": "pc", "instance_data": "openstack", "user": image.user}
    with quick_emulator(), running_guest(guest_folder, image=str(image.file("qcow2")), **options) as guest:
        cloud = Rebooting(guest, tmp_path)
        cloud.add_card()
        cloud.unplug_second_card()
        cloud.tell("network_data.json", NETWORK_DATA)
        cloud.reboot()
        assert cloud.output("systemctl is-system-running --wait") == "running"
        said = cloud.output("cat /proc/net/bonding/bond0")
        assert "fault-tolerance (active-backup)" in said
        assert said.count("Slave Interface: ") == 2
        assert f" {METADATA_GUEST}/" in cloud.output("ip -4 -oneline address show bond0")
        vlan = cloud.output(f"ip -oneline address show to {VLAN}").split()[1]
        assert " vlan protocol 802.1Q id 101 " in cloud.output(f"ip -details link show {vlan}")
        assert "@bond0" in cloud.output(f"ip -oneline link show {vlan}")
