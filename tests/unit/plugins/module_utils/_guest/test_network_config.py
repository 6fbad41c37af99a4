# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network configuration loses the cards of one machine, and goes on giving DHCP to every card."""

from __future__ import annotations

import fnmatch

import pytest
import yaml

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import network_config as network

MAC = "52:54:00:12:34:56"


def clean(path: str, text: str) -> str | None:
    """What becomes of a file of this path."""
    edit = next(edit for pattern, edit in network.FILES if fnmatch.fnmatchcase(path, pattern))
    return network.cleaned(edit, text)


IFCFG = f"""\
DEVICE=ens3
HWADDR={MAC}
hwaddr="{MAC.upper()}"
MACADDR={MAC}
# HWADDR={MAC}
UUID=0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f
DHCP_HOSTNAME=machine
BOOTPROTO=dhcp
"""
KEYFILE = f"[connection]\nid=a\n\n[ethernet]\nmac-address={MAC}\ncloned-mac-address=stable\n\n[ipv4]\nmethod=auto\n"
RULES = f'# card\nSUBSYSTEM=="net", \\\n  ATTR{{address}}=="{MAC}", NAME="eth0"\nKERNEL=="vda", MODE="0600"\n'
INTERFACES = f"""\
auto lo
iface lo inet loopback
auto /mac/{MAC}=wan
iface wan inet dhcp
  hwaddress ether {MAC}
  mtu 1500
iface mac/{MAC} inet static
  address 192.0.2.1
allow-hotplug ens4
"""
NETWORK = f"[Match]\nMACAddress={MAC} \\\n  52:54:00:12:34:57\n\n[Link]\nMACAddress={MAC}\n\n[Network]\nDHCP=yes\n"


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("/etc/sysconfig/network-scripts/ifcfg-ens3", IFCFG, "DEVICE=ens3\nBOOTPROTO=dhcp\n"),
        ("/etc/sysconfig/network/ifcfg-eth0", f"LLADDR='{MAC}'\nBOOTPROTO='dhcp'\n", "BOOTPROTO='dhcp'\n"),
        (
            "/etc/NetworkManager/system-connections/a.nmconnection",
            KEYFILE,
            "[connection]\nid=a\n\n[ethernet]\ncloned-mac-address=stable\n\n[ipv4]\nmethod=auto\n",
        ),
        ("/etc/udev/rules.d/70-net.rules", RULES, '# card\nKERNEL=="vda", MODE="0600"\n'),
        (
            "/etc/network/interfaces",
            INTERFACES,
            "auto lo\niface lo inet loopback\niface wan inet dhcp\n  mtu 1500\nallow-hotplug ens4\n",
        ),
        ("/etc/systemd/network/a.network", NETWORK, "[Match]\nType=ether\nKind=!*\n\n[Link]\n\n[Network]\nDHCP=yes\n"),
        (
            "/etc/systemd/network/b.network",
            f"[Match]\nName=ens3\n# {MAC}\nMACAddress={MAC}\n[Network]\nDHCP=yes\n",
            "[Match]\nName=ens3\n[Network]\nDHCP=yes\n",
        ),
        ("/etc/systemd/network/c.link", f"[Match]\nPermanentMACAddress={MAC}\n[Link]\nName=lan0\n", None),
        (
            "/etc/systemd/network/d.link",
            f"[Match]\nOriginalName=e*\n[Link]\nMACAddress={MAC}\n",
            "[Match]\nOriginalName=e*\n[Link]\n",
        ),
        ("/etc/systemd/network/e.netdev", f"[NetDev]\nName=br0\nMACAddress={MAC}\n", "[NetDev]\nName=br0\n"),
        ("/etc/mactab", f"eth0 {MAC}\n", ""),
    ],
)
def test_a_file_loses_its_card(path: str, before: str, after: str | None) -> None:
    assert clean(path, before) == after


NETPLAN = f"""\
# written for {MAC}
network:
  version: 2
  ethernets:
    wan:
      dhcp4: true
      match:
        macaddress: "{MAC}"
      set-name: wan
    lan:
      match:
        name: ens4
        macaddress: {MAC}  # the second
      dhcp6: true
    flow: {{match: {{driver: virtio_net, macaddress: '{MAC}'}}, set-name: x, dhcp4: true}}
    short:
      match: {{macaddress: '{MAC}'}}
      set-name: short
      dhcp4: true
    spoofed:
      dhcp4: true
      macaddress: {MAC}
    only:
      macaddress: {MAC}
    inline: {{dhcp4: true, macaddress: '{MAC}'}}
"""


def test_netplan_matches_every_card() -> None:
    text = clean("/etc/netplan/01.yaml", NETPLAN)
    assert text
    assert yaml.safe_load(text)["network"]["ethernets"] == {
        "wan": {"dhcp4": True, "match": {"name": "e*"}},
        "lan": {"match": {"name": "ens4"}, "dhcp6": True},
        "flow": {"match": {"name": "e*", "driver": "virtio_net"}, "dhcp4": True},
        "short": {"match": {"name": "e*"}, "dhcp4": True},
        "spoofed": {"dhcp4": True},
        "only": {"optional": True},
        "inline": {"dhcp4": True},
    }


@pytest.mark.parametrize("path", [pattern.replace("*", "x") for pattern, _edit in network.FILES])
@pytest.mark.parametrize("address", [MAC, MAC.upper(), MAC.replace(":", "-"), f"x-{MAC}", f"'{MAC}'", f"\\\n{MAC}"])
def test_no_address_is_left_whatever_the_form(path: str, address: str) -> None:
    """As the audit looks for it, and with dashes as well."""
    for text in (f"a: {address}\n", f"[Match]\n{address}", f"match: {{{address}}}\n", f"match:\n  {address}: x\n"):
        left = clean(path, text)
        assert left is None or not network.MAC.search(left)


@pytest.mark.parametrize("path", [pattern.replace("*", "x") for pattern, _edit in network.FILES])
def test_what_names_no_card_stays_byte_for_byte(path: str) -> None:
    text = (
        "# DUID 00:01:00:01:2a:bb:cc:dd:52:54:00:12:34:56\r\n[Match]\nName=e*\n\n  match: {name: x}\nset-name: x\n  \\"
    )
    assert clean(path, text) == text
