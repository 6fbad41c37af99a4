# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ties a file to one network, in each form that it is written."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import network_ties


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("/etc/netplan/a.yaml", "network:\n  ethernets:\n    enp9s9:\n      dhcp4: true\n", ["the card enp9s9"]),
        (
            "/etc/netplan/a.yaml",
            "network:\n  ethernets:\n    ens3:\n      addresses:\n      - 192.0.2.7/24\n",
            ["the card ens3", "the address 192.0.2.7"],
        ),
        ("/etc/netplan/a.yaml", "  addresses: [192.0.2.7/24]\n", ["the address 192.0.2.7"]),
        ("/etc/netplan/a.yaml", "  x: {addresses: ['2001:db8::7/64']}\n", ["the address 2001:db8::7"]),
        ("/etc/systemd/network/a.network", "[Match]\nName=eno1np0\n", ["the card eno1np0"]),
        ("/etc/systemd/network/a.network", "[Network]\nAddress=2001:db8::7/64\n", ["the address 2001:db8::7"]),
        ("/x/a.nmconnection", "[connection]\ninterface-name=enp1s0f1\n", ["the card enp1s0f1"]),
        ("/x/a.nmconnection", "[ipv4]\naddress1=192.0.2.7/24,192.0.2.1\n", ["the address 192.0.2.7"]),
        ("/x/ifcfg-eth1", "BOOTPROTO=dhcp\n", ["the card eth1"]),
        ("/x/ifcfg-card", "DEVICE=em1\nIPADDR='192.0.2.7/24'\n", ["the card em1", "the address 192.0.2.7"]),
        ("/etc/network/interfaces", "auto ens3\niface ens3 inet static\n  address 192.0.2.7/24\n",
         ["the card ens3", "the address 192.0.2.7"]),
        ("/etc/dhcpcd.conf", "interface enx0200aabbccdd\n", ["the card enx0200aabbccdd"]),
        ("/etc/dhcpcd.conf", "static ip_address=192.0.2.7/24\n", ["the address 192.0.2.7"]),
    ],
)  # fmt: skip
def test_a_tie(path: str, text: str, expected: list[str]) -> None:
    assert network_ties.ties(path, text) == expected


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/netplan/a.yaml", network_ties.NETPLAN),
        ("/etc/systemd/network/a.network", network_ties.NETWORKD),
        ("/etc/systemd/network/a.network", "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n"),
        ("/x/every-card.nmconnection", network_ties.KEYFILE),
        ("/x/ifcfg-eth0", network_ties.WICKED),
        ("/x/ifcfg-lo", "DEVICE=lo\nIPADDR=127.0.0.1\n"),
        ("/etc/network/interfaces", network_ties.IFUPDOWN + network_ties.IFUPDOWN_CARDS),
        (
            "/etc/network/interfaces",
            "# iface ens3 inet static\n#  address 192.0.2.7\nauto eth0\niface eth0 inet dhcp\n",
        ),
        ("/etc/netplan/a.yaml", "# an encrypted sensor, ensuring 1.2.3.4\n"),
    ],
)
def test_what_is_for_any_network(path: str, text: str) -> None:
    assert network_ties.ties(path, text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("network:\n  ethernets:\n    ens3: {addresses: [192.0.2.7/24]}\n", ["the card ens3", "the address 192.0.2.7"]),
        ("network:\n  config:\n  - name: eth0\n    subnets:\n    - address: 192.0.2.7\n", ["the address 192.0.2.7"]),
        ("network:\n  ethernets: {eth0: {dhcp4: true}}\nntp:\n  servers:\n  - 192.0.2.7\n", []),
        ("network: {config: disabled}\n", []),
        ("datasource:\n  Ec2:\n    metadata_urls: ['http://192.0.2.7']\n", []),
    ],
)
def test_the_network_of_cloud_init(text: str, expected: list[str]) -> None:
    assert network_ties.ties_of_cloud_init("/etc/cloud/cloud.cfg.d/50-curtin-networking.cfg", text) == expected


def test_a_file_of_cloud_init_without_its_network() -> None:
    network = "network:\n  ethernets:\n\n    # a card\n    ens3:\n      addresses: [192.0.2.7/24]\n"
    assert network_ties.without_network(f"# by the installer\n{network}") is None
    assert network_ties.without_network(f"users: [default]\n{network}ntp: {{}}\n") == "users: [default]\nntp: {}\n"
    flow = 'network: {\n  "ethernets": {"ens3": {"dhcp4": true}}\n}\nntp: {}\n'
    assert network_ties.without_network(flow) == "ntp: {}\n"
