# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's way with networks that DHCP does not make: network_data.json, and a metadata service behind IPv6 only."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.agent import FLAVOURS, FakeGuest, fake_guest
from helpers.loopback_service import LoopbackService, loopback_service
from helpers.waiting import PATIENCE

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import instance_documents

FIRST, SECOND = "fa:16:3e:00:00:01", "fa:16:3e:00:00:02"
DOCUMENT = "openstack/latest/network_data.json"
DNS = {"type": "dns", "address": "192.0.2.53"}
Facts = dict[str, Any]
# The service is in another network than the agent, as on its host, and has no address but that of the link.
BESIDE = r"""
set -e
mount -t tmpfs none /run
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
ip netns add cloud
ip link add card0 type veth peer name port0 netns cloud
ip link set lo up
ip link set card0 up
ip -n cloud link set port0 up
ip -n cloud address add fe80::a9fe:a9fe/64 dev port0 nodad
ip netns exec cloud "$1" -m http.server 80 --bind :: --directory "$2" >/dev/null 2>&1 &
shift 2
while [ -z "$(ip netns exec cloud cat /proc/net/tcp6 | grep ':0050 ')" ]; do sleep 0.1; done
"$@"
kill $!
"""


def phy(number: int, address: str, **more: object) -> Facts:
    return {"id": f"tap{number}", "type": "ovs", "ethernet_mac_address": address, "vif_id": "x", "mtu": None, **more}


def static(link: str, address: str, netmask: str, gateway: str = "", **more: object) -> Facts:
    six = ":" in address
    everywhere = {"network": "::" if six else "0.0.0.0", "netmask": "::" if six else "0.0.0.0", "gateway": gateway}
    routes = [everywhere] if gateway else []
    kind = {"id": "network0", "type": "ipv6" if six else "ipv4", "link": link, "network_id": "y"}
    return {**kind, "ip_address": address, "netmask": netmask, "routes": routes, "services": [], **more}


def dhcp(link: str, kind: str = "ipv4_dhcp") -> Facts:
    return {"id": "network9", "type": kind, "link": link, "network_id": "z"}


@pytest.fixture
def service() -> Iterator[LoopbackService]:
    instance = instance_documents.InstanceData("0b1c2d3e-4f50-6172-8394-a5b6c7d8e9fa", "web-17", "")
    with loopback_service(instance_documents.openstack_documents(instance)) as running:
        yield running


@pytest.fixture(params=FLAVOURS)
def guest(request: pytest.FixtureRequest, tmp_path: Path, service: LoopbackService) -> FakeGuest:
    return networked(fake_guest(tmp_path / "root", request.param), service)


@pytest.fixture
def dash(tmp_path: Path, service: LoopbackService) -> FakeGuest:
    return networked(fake_guest(tmp_path / "root", "dash"), service)


def networked(guest: FakeGuest, service: LoopbackService) -> FakeGuest:
    """Two cards, and the end of a veth pair with the address of the second."""
    settings = {"user": "debian", "url": service.url, "attempts": 2, "pause": 0, "patience": 5, "network": 0}
    guest.write("etc/goldsmith/agent.conf", "".join(f"{name}='{value}'\n" for name, value in settings.items()))
    for name, address in {"ens3": FIRST, "ens4": SECOND, "veth0": SECOND}.items():
        guest.write(f"sys/class/net/{name}/address", f"{address}\n")
        if name != "veth0":
            (guest.root / "sys/class/net" / name / "device").mkdir()
    guest.write("run/systemd/netif/state", "")
    guest.program("nmcli", f'#!/bin/sh\necho "nmcli $*" >>{guest.root}/called\n')
    guest.program("networkctl", f'#!/bin/sh\necho "networkctl $*" >>{guest.root}/called\n')
    return guest


def made(guest: FakeGuest, service: LoopbackService, *parts: list[Facts]) -> dict[str, str]:
    """The files that the agent makes of links, networks and services, without their common beginning."""
    service.documents[DOCUMENT] = json.dumps(dict(zip(("links", "networks", "services"), parts))).encode()
    guest.run("instance")
    folder = guest.root / "run/systemd/network"
    return {path.name.removeprefix("10-goldsmith-"): path.read_text() for path in sorted(folder.glob("*"))}


def reloads(guest: FakeGuest) -> int:
    return guest.read("called").count("networkctl reload")


def test_static_addresses_of_both_families(guest: FakeGuest, service: LoopbackService) -> None:
    networks = [
        static("tap0", "192.0.2.10", "255.255.255.128", "192.0.2.1", services=[DNS]),
        static("tap0", "2001:db8::10", "ffff:ffff:ffff:ff80::", "2001:db8::1"),
    ]
    servers = [DNS, {"type": "dns", "address": "2001:db8::53"}, {"type": "ntp", "address": "192.0.2.9"}]
    files = made(guest, service, [phy(0, FIRST.upper(), mtu=1450)], networks, servers)
    assert files == {
        "ens3.network": """\
[Match]
Name=ens3

[Link]
MTUBytes=1450

[Network]
DHCP=no
IPv6AcceptRA=no
Address=192.0.2.10/25
Address=2001:db8::10/57
DNS=192.0.2.53
DNS=2001:db8::53

[DHCPv4]
RouteMetric=100

[IPv6AcceptRA]
RouteMetric=100

[Route]
Destination=0.0.0.0/0
Gateway=192.0.2.1
GatewayOnLink=yes
Metric=100

[Route]
Destination=::/0
Gateway=2001:db8::1
GatewayOnLink=yes
Metric=100
"""
    }
    assert reloads(guest) == 1
    # Nothing has changed since: nothing is disturbed.
    guest.run("instance")
    assert reloads(guest) == 1


def test_the_default_routes_have_the_order_of_the_cards(dash: FakeGuest, service: LoopbackService) -> None:
    networks = [static("tap1", "192.0.2.10", "255.255.255.0", "192.0.2.1"), dhcp("tap0")]
    files = made(dash, service, [phy(0, FIRST), phy(1, SECOND)], networks)
    assert "DHCP=ipv4\n" in files["ens3.network"]
    assert "[DHCPv4]\nRouteMetric=100\n" in files["ens3.network"]
    assert files["ens4.network"].endswith("Gateway=192.0.2.1\nGatewayOnLink=yes\nMetric=200\n")
    assert set(files) == {"ens3.network", "ens4.network"}


def test_routes_to_other_networks_have_no_metric(dash: FakeGuest, service: LoopbackService) -> None:
    route = {"network": "10.0.0.0", "netmask": "255.192.0.0", "gateway": "192.0.2.2"}
    files = made(dash, service, [phy(0, FIRST)], [static("tap0", "192.0.2.10/24", "", routes=[route])])
    assert "Address=192.0.2.10/24\n" in files["ens3.network"]
    assert files["ens3.network"].endswith("Destination=10.0.0.0/10\nGateway=192.0.2.2\nGatewayOnLink=yes\n")


def test_a_vlan_on_a_bond(guest: FakeGuest, service: LoopbackService) -> None:
    links = [
        {"id": "vlan1", "type": "vlan", "vlan_id": 101, "vlan_link": "bond0", "vlan_mac_address": "fa:16:3e:00:00:03"},
        {
            "id": "bond0",
            "type": "bond",
            "ethernet_mac_address": FIRST,
            "bond_mode": "802.3ad",
            "bond_links": ["tap0", "tap1"],
            "bond_miimon": 100,
            "bond_xmit_hash_policy": "layer3+4",
        },
        phy(0, FIRST, mtu=9000),
        phy(1, SECOND, mtu=9000),
    ]
    files = made(guest, service, links, [static("vlan1", "192.0.2.10", "255.255.255.0")])
    assert files["bond0.netdev"] == (
        f"[NetDev]\nName=bond0\nKind=bond\nMACAddress={FIRST}\n\n"
        "[Bond]\nMode=802.3ad\nMIIMonitorSec=100ms\nTransmitHashPolicy=layer3+4\n"
    )
    assert files["bond0.101.netdev"] == (
        "[NetDev]\nName=bond0.101\nKind=vlan\nMACAddress=fa:16:3e:00:00:03\n\n[VLAN]\nId=101\n"
    )
    assert files["bond0.network"].endswith("[Network]\nVLAN=bond0.101\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n")
    for name in ("ens3", "ens4"):
        assert "MTUBytes=9000\n" in files[f"{name}.network"]
        assert files[f"{name}.network"].endswith("[Network]\nBond=bond0\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n")
    assert "Address=192.0.2.10/24\n" in files["bond0.101.network"]


def test_a_card_in_a_bond_is_known_by_its_own_address(dash: FakeGuest, service: LoopbackService) -> None:
    dash.write("sys/class/net/ens4/bonding_slave/perm_hwaddr", f"{SECOND}\n")
    dash.write("sys/class/net/ens4/address", f"{FIRST}\n")
    files = made(dash, service, [phy(0, SECOND)], [static("tap0", "192.0.2.10", "24")])
    assert set(files) == {"ens4.network"}


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("ipv6_slaac", "DHCP=no\nIPv6AcceptRA=yes\n"),
        ("ipv6_dhcpv6-stateless", "DHCP=no\nIPv6AcceptRA=yes\n"),
        ("ipv6_dhcpv6-stateful", "DHCP=ipv6\nIPv6AcceptRA=yes\n"),
        ("ipv6_dhcp", "DHCP=ipv6\nIPv6AcceptRA=yes\n"),
    ],
)
def test_a_static_network_beside_one_of_advertisements(
    dash: FakeGuest, service: LoopbackService, kind: str, lines: str
) -> None:
    networks = [static("tap0", "192.0.2.10", "255.255.255.0"), dhcp("tap0", kind)]
    files = made(dash, service, [phy(0, FIRST)], networks)
    assert f"[Network]\n{lines}Address=192.0.2.10/24\n" in files["ens3.network"]


def test_dhcp_on_every_card_needs_nothing(guest: FakeGuest, service: LoopbackService) -> None:
    files = made(guest, service, [phy(0, FIRST), phy(1, SECOND)], [dhcp("tap0"), dhcp("tap1", "ipv6_slaac")])
    assert files == {}
    assert reloads(guest) == 0


def test_what_is_not_understood_is_told_and_left_out(dash: FakeGuest, service: LoopbackService) -> None:
    links = [
        phy(0, FIRST),
        phy(1, "fa:16:3e:99:99:99"),
        {"id": "v", "type": "vlan", "vlan_id": 7, "vlan_link": "tap1"},
        {"id": "b", "type": "bond", "bond_mode": "best", "bond_links": []},
    ]
    networks = [
        static("tap0", "192.0.2.10", "255.255.255.0", "not an address\nGateway=1.2.3.4"),
        static("tap0", "here", "255.255.255.0"),
        dhcp("tap0", "carrier-pigeon"),
    ]
    service.documents[DOCUMENT] = json.dumps({"links": links, "networks": networks}).encode()
    said = dash.run("instance")
    for line in (
        'no card has the address "fa:16:3e:99:99:99": left out',
        'the VLAN "7" has no link to be on: left out',
        'no mode of a bond: "best"; balance-rr is used',
        'no route: "0.0.0.0/0 by not an address"; left out',
        'no address: "here"; left out',
        'a network of type "carrier-pigeon" is not known: left out',
    ):
        assert f"goldsmith-agent: network_data.json: {line}\n" in said
    text = dash.read("run/systemd/network/10-goldsmith-ens3.network")
    assert "Address=192.0.2.10/24\n" in text
    assert "Gateway" not in text


@pytest.mark.parametrize("body", [b"{", b'["links"]', b"\xff\xfe"])
def test_a_damaged_document_leaves_the_network_as_it_is(dash: FakeGuest, service: LoopbackService, body: bytes) -> None:
    service.documents[DOCUMENT] = body
    assert "network_data.json cannot be read: the network is left as it is" in dash.run("instance")
    assert dash.read("etc/hostname") == "web-17\n"


def test_a_system_without_either_manager_is_told(dash: FakeGuest, service: LoopbackService) -> None:
    (dash.root / "run/systemd/netif/state").unlink()
    body = {"links": [phy(0, FIRST)], "networks": [static("tap0", "192.0.2.10", "24")]}
    service.documents[DOCUMENT] = json.dumps(body).encode()
    assert "neither systemd-networkd nor NetworkManager runs: the network is left as it is" in dash.run("instance")
    assert not (dash.root / "run/systemd/network").exists()


# --- NetworkManager ---------------------------------------------------------------------------------------------------


def test_networkmanager_gets_connections(guest: FakeGuest, service: LoopbackService) -> None:
    (guest.root / "run/systemd/netif/state").unlink()
    (guest.root / "run/NetworkManager").mkdir()
    links = [
        phy(0, FIRST, mtu=9000),
        phy(1, SECOND),
        {"id": "b", "type": "bond", "ethernet_mac_address": FIRST, "bond_mode": "4", "bond_links": ["tap0"]},
        {"id": "v", "type": "vlan", "vlan_id": 101, "vlan_link": "b", "vlan_mac_address": "fa:16:3e:00:00:03"},
    ]
    networks = [
        static("v", "192.0.2.10", "255.255.255.0", "192.0.2.1"),
        static("v", "2001:db8::10/64", "", "2001:db8::1"),
        dhcp("tap1"),
    ]
    body = {"links": links, "networks": networks, "services": [DNS]}
    service.documents[DOCUMENT] = json.dumps(body).encode()
    guest.run("instance")
    folder = guest.root / "run/NetworkManager/system-connections"
    files = {path.name.removeprefix("10-goldsmith-"): path for path in folder.iterdir()}
    assert {path.stat().st_mode & 0o7777 for path in files.values()} == {0o600}
    texts = {name.removesuffix(".nmconnection"): path.read_text() for name, path in files.items()}
    common = "interface-name={0}\nautoconnect-priority=100\n"
    assert texts == {
        "ens3": f"[connection]\nid=goldsmith-ens3\ntype=ethernet\n{common}master=bond2\nslave-type=bond\n"
        "\n[ethernet]\nmtu=9000\n".replace("{0}", "ens3"),
        "ens4": f"[connection]\nid=goldsmith-ens4\ntype=ethernet\n{common}\n[ethernet]\n\n[ipv4]\nmethod=auto\n"
        "route-metric=200\n\n[ipv6]\nmethod=disabled\n".replace("{0}", "ens4"),
        "bond2": f"[connection]\nid=goldsmith-bond2\ntype=bond\n{common}\n[ethernet]\ncloned-mac-address={FIRST}\n\n"
        "[bond]\nmode=802.3ad\n\n[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=disabled\n".replace("{0}", "bond2"),
        "bond2.101": """\
[connection]
id=goldsmith-bond2.101
type=vlan
interface-name=bond2.101
autoconnect-priority=100

[ethernet]
cloned-mac-address=fa:16:3e:00:00:03

[vlan]
id=101
parent=bond2

[ipv4]
method=manual
route-metric=400
address1=192.0.2.10/24
route1=0.0.0.0/0,192.0.2.1,400
route1_options=onlink=true
dns=192.0.2.53;

[ipv6]
method=manual
route-metric=400
address1=2001:db8::10/64
route1=::/0,2001:db8::1,400
route1_options=onlink=true
""",
    }
    called = [line for line in guest.read("called").splitlines() if line.startswith("nmcli")]
    assert called[0] == "nmcli connection reload"
    assert sorted(called[1:]) == [
        f"nmcli --wait 0 connection up goldsmith-{name}" for name in ("bond2", "bond2.101", "ens3", "ens4")
    ]


# --- IPv6 only --------------------------------------------------------------------------------------------------------


@pytest.mark.root
def test_the_service_beside_a_card_is_found_without_ipv4(tmp_path: Path, dash: FakeGuest) -> None:
    served = tmp_path / "served"
    script = f"#!/bin/sh\necho run >>{dash.root}/runs\n"
    instance = instance_documents.InstanceData("0b1c2d3e-4f50-6172-8394-a5b6c7d8e9fa", "of-ipv6", "", script)
    for name, body in instance_documents.openstack_documents(instance).items():
        (served / name).parent.mkdir(parents=True, exist_ok=True)
        (served / name).write_bytes(body)
    (dash.root / "sys/class/net/card0/device").mkdir(parents=True)
    (dash.root / "sys/class/net/card0/address").write_text("x\n")
    (dash.root / "proc/net/if_inet6").symlink_to("/proc/self/net/if_inet6")
    dash.write("etc/goldsmith/agent.conf", "user=debian url=http://127.0.0.1:1 attempts=2 pause=0 network=0\n")
    environment = {"GOLDSMITH_ROOT": str(dash.root), "PATH": f"{dash.programs}:{dash.root / 'tools'}"}
    agent = ["env", *(f"{name}={value}" for name, value in environment.items()), dash.root / "agent", "instance"]
    argv = ["unshare", "--net", "--mount", "sh", "-c", BESIDE, "sh", sys.executable, served, *agent]
    said = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
    assert "found by metadata service" in said
    assert dash.read("etc/hostname") == "of-ipv6\n"
    assert dash.read("runs") == "run\n"


ROUTES_OF_IPV6 = """\
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 0 00000100 1 0 00000001 ens3
20010db8000000000000000000000000 40 00000000000000000000000000000000 00 0 00000100 1 0 00000001 {card}
"""


@pytest.mark.parametrize("card", ["ens3", "lo"])
def test_a_route_of_ipv6_is_one_too(dash: FakeGuest, service: LoopbackService, card: str) -> None:
    dash.write("proc/net/route", "Iface\tDestination\n")
    dash.write("proc/net/ipv6_route", ROUTES_OF_IPV6.format(card=card))
    settings = {"user": "debian", "url": service.url, "attempts": 1, "pause": 0, "network": 60}
    dash.write("etc/goldsmith/agent.conf", "".join(f"{name}='{value}'\n" for name, value in settings.items()))
    process = dash.start("instance")
    try:
        if card == "lo":
            with pytest.raises(subprocess.TimeoutExpired):
                process.communicate(timeout=8)
        else:
            process.communicate(timeout=PATIENCE)
            assert dash.read("etc/hostname") == "web-17\n"
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
