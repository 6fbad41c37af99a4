# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network files of a guest: what the real systemd-networkd makes of them in a network of its own; their metrics.

Which cards it takes, tests/boot/test_guest.py shows: here there are none.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import jinja2
import pytest
from helpers.agent import AGENT, FLAVOURS, fake_guest
from helpers.loopback_service import loopback_service
from helpers.waiting import PATIENCE

ROLE = AGENT.parents[1]
METRICS = "[DHCPv4]\nRouteMetric={0}\n\n[IPv6AcceptRA]\nRouteMetric={0}\n"
MAC = "fa:16:3e:00:00:01"
# No udev is asked where /sys cannot be written.
NETWORK = r"""
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/network /run/systemd/netif
chown systemd-network /run/systemd/netif
mount -t sysfs -o ro none /sys
cp "$1"/* /run/systemd/network
ip link set lo up
ip link add ens3 type veth peer name peer0
ip link set peer0 up
SYSTEMD_LOG_LEVEL=info /lib/systemd/systemd-networkd >"$2" 2>&1 &
for _turn in $(seq 50); do
    sleep 0.2
    ! ip route show dev ens3 | grep -q default || break
    [ "$_turn" -lt 15 ] || [ "$3" != quick ] || break
done
ip -json address show dev ens3
ip -json route show default
ip -json -6 route show default
kill $!
wait $! || true
"""


def dhcp_network(systemd: int) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"), trim_blocks=True, keep_trailing_newline=True
    )
    return environment.get_template("dhcp.network.j2").render(openstack_guest__release={"systemd": systemd})


def networkd(files: Path, log: Path, how: str = "") -> tuple[list[dict], list[dict], list[dict], str]:
    """Addresses and default routes of both families, and what systemd-networkd said."""
    argv = ["unshare", "--net", "--mount", "sh", "-c", NETWORK, "sh", files, log, how]
    said = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
    decoder, found = json.JSONDecoder(), []
    while said.strip():
        value, end = decoder.raw_decode(said.lstrip())
        found.append(value)
        said = said.lstrip()[end:]
    return found[0][0]["addr_info"], found[1], found[2], log.read_text()


@pytest.mark.root
@pytest.mark.parametrize("systemd", [247, 252])
def test_only_cards_are_taken(tmp_path: Path, systemd: int) -> None:
    (tmp_path / "files").mkdir()
    text = dhcp_network(systemd)
    if systemd < 251:
        # It knows cards by their names, and those here are none.
        text = text.replace("en* eth*", "veth*")
    (tmp_path / "files" / "80-dhcp.network").write_text(text)
    _addresses, _routes, _six, said = networkd(tmp_path / "files", tmp_path / "log", "quick")
    assert "Enumeration completed" in said
    assert "80-dhcp.network" not in said


@pytest.mark.root
def test_systemd_networkd_makes_the_network_that_the_agent_wrote(tmp_path: Path) -> None:
    guest = fake_guest(tmp_path / "root", "dash")
    guest.write("sys/class/net/ens3/address", f"{MAC}\n")
    (guest.root / "sys/class/net/ens3/device").mkdir()
    guest.write("run/systemd/netif/state", "")
    guest.program("networkctl", "#!/bin/sh\n")
    link = {"id": "tap0", "type": "ovs", "ethernet_mac_address": MAC, "mtu": 1450}
    all_, six = {"network": "0.0.0.0", "netmask": "0.0.0.0"}, {"network": "::", "netmask": "::"}
    networks = [
        {
            "type": "ipv4",
            "link": "tap0",
            "ip_address": "192.0.2.10",
            "netmask": "255.255.255.255",
            "routes": [{**all_, "gateway": "198.51.100.1"}],
        },
        {
            "type": "ipv6",
            "link": "tap0",
            "ip_address": "2001:db8::10/64",
            "routes": [{**six, "gateway": "2001:db8::1"}],
        },
    ]
    documents = {
        "openstack/latest/meta_data.json": b'{"uuid": "a-b"}',
        "openstack/latest/network_data.json": json.dumps({"links": [link], "networks": networks}).encode(),
    }
    with loopback_service(documents) as service:
        guest.write("etc/goldsmith/agent.conf", f"user=debian url={service.url} attempts=1 network=0\n")
        guest.run("instance")
    addresses, routes, routes6, said = networkd(guest.root / "run/systemd/network", tmp_path / "log")
    local = {(one["local"], one["prefixlen"]) for one in addresses if one["scope"] == "global"}
    assert local == {("192.0.2.10", 32), ("2001:db8::10", 64)}, said
    assert [(one["gateway"], one["dev"], one["metric"]) for one in routes] == [("198.51.100.1", "ens3", 100)]
    assert [(one["gateway"], one["dev"], one["metric"]) for one in routes6] == [("2001:db8::1", "ens3", 100)]
    # It knows all that it reads.
    assert "Unknown" not in said
    assert "Failed to parse" not in said


# --- Metrics ----------------------------------------------------------------------------------------------------------


def order(root: Path, flavour: str, cards: dict[str, int]) -> dict[str, str]:
    """Run the program as it is started before systemd-networkd; return the files that it leaves there."""
    for name, number in cards.items():
        folder = root / "sys/class/net" / name
        folder.mkdir(parents=True)
        (folder / "ifindex").write_text(f"{number}\n")
        if not name.startswith("veth"):
            (folder / "device").mkdir()
    shell = [shutil.which("busybox") or "busybox", "sh"] if flavour == "busybox" else [shutil.which("dash") or "dash"]
    environment = {"GOLDSMITH_ROOT": str(root), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    subprocess.run([*shell, ROLE / "files/goldsmith-metrics"], check=True, env=environment, timeout=PATIENCE)
    made = root / "run/systemd/network"
    return {str(path.relative_to(made)): path.read_text() for path in sorted(made.rglob("*.*")) if path.is_file()}


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("systemd", [247, 252])
def test_each_card_has_a_metric_by_its_order(tmp_path: Path, flavour: str, systemd: int) -> None:
    text = dhcp_network(systemd)
    write(tmp_path, "etc/systemd/network/80-dhcp.network", text)
    files = order(tmp_path, flavour, {"ens10": 4, "ens3": 2, "ens4": 3, "veth0": 5})
    assert list(files) == [f"79-dhcp-{name}.network" for name in ("ens10", "ens3", "ens4")]
    for name, metric in {"ens3": 100, "ens4": 200, "ens10": 300}.items():
        mine = files[f"79-dhcp-{name}.network"]
        assert mine.endswith(METRICS.format(metric))
        assert [line for line in mine.splitlines() if line.startswith("Name=")] == [f"Name={name}"]
        assert "[Network]\nDHCP=yes\n" in mine


def test_one_card_needs_none(tmp_path: Path) -> None:
    write(tmp_path, "etc/systemd/network/80-dhcp.network", dhcp_network(252))
    assert order(tmp_path, "dash", {"ens3": 2, "veth0": 3}) == {}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_files_of_cloud_init_and_netplan_get_metrics_too(tmp_path: Path, flavour: str) -> None:
    write(tmp_path, "etc/systemd/network/10-cloud-init-ens4.network", "[Match]\nName=ens4\n[Network]\nDHCP=ipv4\n")
    write(tmp_path, "etc/systemd/network/10-cloud-init-bond0.network", "[Match]\nName=bond0\n[Network]\nDHCP=ipv4\n")
    write(tmp_path, "run/systemd/network/10-netplan-ens3.network", "[Network]\nDHCP=ipv4\n[DHCP]\nRouteMetric=100\n")
    files = order(tmp_path, flavour, {"ens3": 3, "ens4": 2})
    changed = {name: text for name, text in files.items() if ".d/" in name}
    assert changed == {
        "10-cloud-init-ens4.network.d/10-metric.conf": METRICS.format(100),
        "10-netplan-ens3.network.d/10-metric.conf": METRICS.format(200),
        "10-cloud-init-bond0.network.d/10-metric.conf": METRICS.format(300),
    }


def test_a_metric_that_somebody_chose_stays(tmp_path: Path) -> None:
    write(tmp_path, "run/systemd/network/10-netplan-ens3.network", "[Network]\nDHCP=ipv4\n[DHCP]\nRouteMetric=50\n")
    write(tmp_path, "etc/systemd/network/10-cloud-init-ens4.network", "[Network]\nDHCP=ipv4\n")
    files = order(tmp_path, "dash", {"ens3": 2, "ens4": 3})
    assert [name for name in files if ".d/" in name] == ["10-cloud-init-ens4.network.d/10-metric.conf"]
