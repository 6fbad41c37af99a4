# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that is one machine's is named, or becomes DHCP for every card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.busybox import listing
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import network_ties
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import seal_program, seal_steps

KEYFILES, SCRIPTS = "etc/NetworkManager/system-connections", "etc/sysconfig/network-scripts"
NETPLAN = "network: {ethernets: {enp9s9: {dhcp4: true}}}\n"
SUBIQUITY = "etc/cloud/cloud.cfg.d/subiquity-disable-cloudinit-networking.cfg"
WANTS = "etc/systemd/system/multi-user.target.wants"


def seal(tree: Path, **more: Any) -> dict[str, Any]:
    return seal_program.seal(seal_steps.Request(str(tree), ("network",), **more))


def test_the_network_of_ubuntus_installer_is_named(tmp_path: Path) -> None:
    files = {"etc/netplan/00-installer-config.yaml": NETPLAN, SUBIQUITY: "network: {config: disabled}\n"}
    tree = make_tree(tmp_path / "tree", {**files, "usr/bin/cloud-init": "x"}, {})
    assert seal(tree)["warnings"] == [
        "/etc/netplan/00-installer-config.yaml is for one network (the card enp9s9): instances elsewhere may have none"
        "; network=dhcp makes it DHCP for every card"
    ]
    assert not (tree / SUBIQUITY).exists()
    assert (tree / "etc/netplan/00-installer-config.yaml").read_text() == NETPLAN
    seal(tree, network="dhcp")
    # cloud-init does it.
    assert list((tree / "etc/netplan").iterdir()) == []


@pytest.mark.parametrize(
    ("files", "links", "wanted"),
    [
        (
            {"usr/sbin/netplan": "x", "etc/netplan/01-own.yaml": NETPLAN},
            {},
            {"etc/netplan/50-dhcp.yaml": network_ties.NETPLAN},
        ),
        (
            {
                f"{KEYFILES}/a.nmconnection": "[connection]\ninterface-name=enp9s9\n",
                f"{SCRIPTS}/ifcfg-enp9s9": "DEVICE=enp9s9\nIPADDR=192.0.2.7\n",
                f"{SCRIPTS}/route-enp9s9": "default via 192.0.2.1\n",
            },
            {f"{WANTS}/NetworkManager.service": "/usr/lib/systemd/system/NetworkManager.service"},
            {f"{KEYFILES}/every-card.nmconnection": network_ties.KEYFILE},
        ),
        (
            {"etc/systemd/network/a.network": "[Match]\nName=enp9s9\n", "etc/systemd/network/b.netdev": "[NetDev]\n"},
            {f"{WANTS}/systemd-networkd.service": "/usr/lib/systemd/system/systemd-networkd.service"},
            {"etc/systemd/network/80-dhcp.network": network_ties.NETWORKD},
        ),
        (
            {"etc/sysconfig/network/ifcfg-eth1": "IPADDR=192.0.2.7\n", "etc/sysconfig/network/routes": "default x\n"},
            {f"{WANTS}/wicked.service": "/usr/lib/systemd/system/wicked.service"},
            {"etc/sysconfig/network/ifcfg-eth0": network_ties.WICKED},
        ),
        (
            {
                "usr/sbin/ifup": "x",
                "etc/network/interfaces": "auto enp9s9\niface enp9s9 inet static\n address 192.0.2.7\n",
                "etc/network/interfaces.d/more": "auto ens3\niface ens3 inet dhcp\n",
            },
            {},
            {"etc/network/interfaces": network_ties.IFUPDOWN + network_ties.IFUPDOWN_CARDS},
        ),
        (
            {"etc/dhcpcd.conf": "duid\nstatic routers=192.0.2.1\ninterface enp9s9\nstatic ip_address=192.0.2.7/24\n"},
            {},
            {"etc/dhcpcd.conf": "duid\n"},
        ),
    ],
)
def test_every_card_by_dhcp(
    tmp_path: Path, files: dict[str, str], links: dict[str, str], wanted: dict[str, str]
) -> None:
    tree = make_tree(tmp_path / "tree", {**files, f"{SCRIPTS}/ifcfg-lo": "DEVICE=lo\n"}, links)
    assert len(seal(tree, check_mode=True)["warnings"]) >= 1
    before = listing(tree)
    checked = seal(tree, network="dhcp", check_mode=True)
    assert listing(tree) == before
    assert seal(tree, network="dhcp") == checked
    (warning,) = checked["warnings"]
    assert all(name in warning for name in files if "bin/" not in name)
    assert warning.endswith(" gave way to DHCP for every card")
    assert (tree / f"{SCRIPTS}/ifcfg-lo").exists()
    for name, text in wanted.items():
        assert (tree / name).read_text() == text
        assert (tree / name).stat().st_mode & 0o077 == (0 if "netplan" in name or "Manager" in name else 0o044)
    assert not [name for name in files if name not in wanted and "bin/" not in name and (tree / name).exists()]
    # A second time there is nothing to do.
    assert not any(step["count"] for step in seal(tree, network="dhcp")["steps"].values())


STATIC = """\
# The installer's
network:
  version: 1
  config:
  - type: physical
    name: enp9s9
    subnets:
    - {type: static, address: 192.0.2.17/24}
"""


@pytest.mark.parametrize(
    ("text", "left"),
    [(STATIC, None), (f"{STATIC}datasource_list: [None]\n", "# The installer's\ndatasource_list: [None]\n")],
)
def test_a_static_network_of_cloud_init_itself(tmp_path: Path, text: str, left: str | None) -> None:
    name = "etc/cloud/cloud.cfg.d/99-installer-network.cfg"
    tree = make_tree(tmp_path / "tree", {name: text, "usr/bin/cloud-init": "x"}, {})
    (warning,) = seal(tree)["warnings"]
    assert warning.startswith(f"/{name} is for one network (the card enp9s9, the address 192.0.2.17): ")
    assert (tree / name).read_text() == text
    (warning,) = seal(tree, network="dhcp")["warnings"]
    assert warning == f"network=dhcp: /{name} gave way to DHCP for every card"
    assert ((tree / name).read_text() if (tree / name).exists() else None) == left


def test_cloud_init_needs_what_reads_its_files(tmp_path: Path) -> None:
    files = {"usr/sbin/ifup": "x", "usr/bin/cloud-init": "x", "etc/network/interfaces": "iface enp9s9 inet dhcp\n"}
    tree = make_tree(tmp_path / "tree", files, {})
    seal(tree, network="dhcp")
    assert (tree / "etc/network/interfaces").read_text() == network_ties.IFUPDOWN


def test_a_system_without_a_network_is_told(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"etc/hostname": "x\n"}, {})
    (warning,) = seal(tree, network="dhcp")["warnings"]
    assert warning.startswith("network=dhcp: nothing in it that configures networks is known")
