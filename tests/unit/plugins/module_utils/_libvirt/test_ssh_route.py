# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of guests, and the argv of ssh to them."""

from __future__ import annotations

import shlex

import pytest
from helpers.runners import Answer, RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramTimeout
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import ssh_route
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.ssh_route import Access, Address
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import Domain, Libvirt

MAC = "52:54:00:a7:1d:e3"
LEASES = f""" vnet0      {MAC}    ipv4         192.168.122.17/24
"""
AGENT = f""" lo         00:00:00:00:00:00    ipv4         127.0.0.1/8
 -          -                    ipv6         ::1/128
 docker0    02:42:00:00:00:01    ipv4         172.17.0.1/16
 enp1s0     {MAC.upper()}    ipv6         fe80::5054:ff:fea7:1de3/64
 -          -                    ipv4         169.254.7.7/16
 -          -                    ipv4         10.1.2.3/24
"""
EMPTY = "Hub -1 (hostnet0):\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\n\n"
FORWARD = EMPTY.rstrip("\n") + "\n  TCP[HOST_FORWARD]  16       127.0.0.1 44961       10.0.2.15    22     0     0\n"


def domain(network: str) -> Domain:
    return Domain("web", "1-2", mac=MAC, network=network)


def find(network: str, answer: object, uri: str = "qemu:///system") -> Address | None:
    return ssh_route.find_address(Libvirt(RecordingRunner(answer), uri), domain(network))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("listing", "address"),
    [
        (LEASES, "192.168.122.17"),
        (AGENT, "10.1.2.3"),
        ("", None),
        (LEASES.replace(MAC, "52:54:00:00:00:99"), None),
        (f" vnet0 {MAC} ipv4 169.254.1.2/16\n", None),
    ],
)
def test_listing(listing: str, address: str | None) -> None:
    assert ssh_route.parse_addresses(listing, MAC) == address


@pytest.mark.parametrize(
    ("network", "source"), [("network", "lease"), ("network", "agent"), ("network", "arp"), ("bridge", "arp")]
)
def test_a_guest_with_an_address(network: str, source: str) -> None:
    def answer(argv: list[str]) -> Answer:
        assert argv[4] == "domifaddr"
        return (0, LEASES, "") if argv[-1] == source else (1, "", "error: not available\n")

    assert find(network, answer) == Address("192.168.122.17", 22)


def test_a_bridge_has_no_leases() -> None:
    asked = []

    def answer(argv: list[str]) -> Answer:
        asked.append(argv[-1])
        return 0, "", ""

    assert find("bridge", answer) is None
    assert asked == ["agent", "arp"]


def test_a_forwarded_port_is_found() -> None:
    assert find("user", lambda argv: (0, FORWARD, "")) == Address("127.0.0.1", 44961)


def test_a_port_is_forwarded_once_it_is_needed() -> None:
    said = [EMPTY, "\n", FORWARD]
    commands = []

    def answer(argv: list[str]) -> Answer:
        commands.append(argv[-1])
        return 0, said.pop(0), ""

    assert find("user", answer) == Address("127.0.0.1", 44961)
    assert commands == ["info usernet", "hostfwd_add hostnet0 tcp:127.0.0.1:0-:22", "info usernet"]


def test_a_forward_of_another_port_is_not_taken() -> None:
    other = FORWARD.replace("    22     0", "  2200     0")
    with pytest.raises(GoldsmithError, match="QEMU forwards no port to web"):
        find("user", lambda argv: (0, other, ""))


def test_no_forward() -> None:
    with pytest.raises(GoldsmithError, match="QEMU forwards no port to web: monitor is not there; give it a bridge"):
        find("user", lambda argv: (1, "", "error: monitor is not there\n"))


def test_user_networking_elsewhere_is_out_of_reach() -> None:
    with pytest.raises(OptionError, match="user networking, which only the host itself reaches; give it a bridge"):
        find("user", lambda argv: (0, FORWARD, ""), "qemu+tcp://kvm1/system")


def test_a_guest_without_network() -> None:
    with pytest.raises(GoldsmithError, match="of the type none, without address"):
        find("", lambda argv: (0, "", ""))


@pytest.mark.parametrize(("network", "said"), [("user", FORWARD), ("network", LEASES)])
def test_the_way_through_the_host_of_libvirt(network: str, said: str) -> None:
    uri = "qemu+ssh://me@kvm1:2222/system?keyfile=/my key"
    address = find(network, lambda argv: (0, said, ""), uri)
    assert address
    access = Access(address, "debian", "/srv/run/key", "7")
    command = next(word for word in access.options if word.startswith("ProxyCommand="))
    assert shlex.split(command.removeprefix("ProxyCommand=")) == [
        "ssh", "-o", "BatchMode=yes", "-T", "-i", "/my key", "-p", "2222", "-l", "me", "-W", "%h:%p", "kvm1",
    ]  # fmt: skip
    # Ansible splits what it is given as a shell would.
    assert command in shlex.split(str(access.facts()["args"]))


def test_facts() -> None:
    facts = Access(Address("127.0.0.1", 44961), "debian", "/srv/run/key", "7").facts()
    assert {name: facts[name] for name in ("host", "port", "user", "key")} == {
        "host": "127.0.0.1",
        "port": 44961,
        "user": "debian",
        "key": "/srv/run/key",
    }
    words = shlex.split(str(facts["args"]))
    assert words[:2] == ["-F", "/dev/null"]
    expected = {"IdentityFile=/srv/run/key", "UserKnownHostsFile=/srv/run/key.known_hosts", "HostKeyAlias=goldsmith-7"}
    assert expected <= set(words)
    assert not any(word.startswith("ProxyCommand") for word in words)


def test_login() -> None:
    access = Access(Address("10.1.2.3", 22), "debian", "/srv/run/key", "7")
    runner = RecordingRunner(lambda argv: (255, "", "debian@10.1.2.3: Permission denied (publickey).\n"))
    assert ssh_route.try_login(runner, access, 60) == "debian@10.1.2.3: Permission denied (publickey)."  # type: ignore[arg-type]
    argv = runner.calls[0]
    assert argv[:2] == ["ssh", "-F"]
    assert argv[-3:] == ["10.1.2.3", "--", "true"]
    assert argv[argv.index("-p") + 1] == "22"
    assert ssh_route.try_login(RecordingRunner(), access, 60) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "limit"), [(-5, 1), (30, 30), (600, 90)])
def test_a_login_has_the_time_that_is_left(seconds: float, limit: float) -> None:
    runner = RecordingRunner()
    ssh_route.try_login(runner, Access(Address("10.1.2.3", 22), "debian", "/srv/run/key", "7"), seconds)  # type: ignore[arg-type]
    assert runner.options[0]["timeout"] == limit


def test_a_login_that_does_not_end() -> None:
    def answer(argv: list[str]) -> Answer:
        raise ProgramTimeout("ssh was stopped after 90 s")

    access = Access(Address("10.1.2.3", 22), "debian", "/srv/run/key", "7")
    assert ssh_route.try_login(RecordingRunner(answer), access, 60) == "the ssh server does not finish the login"  # type: ignore[arg-type]
