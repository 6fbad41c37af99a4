# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way by ssh to a guest of libvirt: its address, what lies between, and whether it lets us in."""

from __future__ import annotations

import ipaddress
import re
import shlex
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramTimeout, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import Domain, Libvirt, last_line

LOOPBACK = "127.0.0.1"
_SSH_PORT = 22
# libvirt's name of the first network in QEMU.
_NETDEV = "hostnet0"
_FORWARD = re.compile(rf"HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)\s+\S+\s+{_SSH_PORT}\b")
_SOURCES = {"network": ("lease", "agent", "arp"), "bridge": ("agent", "arp")}
_CONNECT_SECONDS = 20
_LOGIN_SECONDS = 90.0


@dataclass(frozen=True)
class Address:
    """Where a guest listens: as seen from this host, or from libvirt's host if *proxy* is the way there."""

    host: str
    port: int
    proxy: tuple[str, ...] = ()


@dataclass(frozen=True)
class Access:
    """A guest's account that a key opens. *identity* stays the same for one installation and is no other's."""

    address: Address
    user: str
    key: str
    identity: str

    @property
    def options(self) -> list[str]:
        """The options of ssh, apart from the settings and host keys of the user who runs it."""
        settings = {
            "BatchMode": "yes",
            "ConnectTimeout": str(_CONNECT_SECONDS),
            "GlobalKnownHostsFile": "/dev/null",
            "HostKeyAlias": f"goldsmith-{self.identity}",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "IdentityFile": self.key,
            "LogLevel": "ERROR",
            "PreferredAuthentications": "publickey",
            "ServerAliveInterval": "15",
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": f"{self.key}.known_hosts",
        }
        if self.address.proxy:
            *ssh, host = self.address.proxy
            settings["ProxyCommand"] = f"{shlex.join(ssh)} -W %h:%p {shlex.quote(host)}"
        words = []
        for name, value in settings.items():
            words += ["-o", f"{name}={value}"]
        return words

    def command(self, *words: str) -> list[str]:
        """Return the argv that runs a command there."""
        place = ["-p", str(self.address.port), "-l", self.user]
        return ["ssh", "-F", "/dev/null", *place, *self.options, self.address.host, "--", *words]

    def facts(self) -> dict[str, object]:
        """Return what Ansible needs; args is for ansible_ssh_common_args."""
        return {
            "host": self.address.host,
            "port": self.address.port,
            "user": self.user,
            "key": self.key,
            "args": shlex.join(["-F", "/dev/null", *self.options]),
        }


def find_address(libvirt: Libvirt, domain: Domain) -> Address | None:
    """Return where a running guest's ssh server is, or None as long as nobody knows its address."""
    proxy = tuple(libvirt.uri.ssh_words()) if libvirt.uri.by_ssh else ()
    if domain.network == "user":
        if not libvirt.uri.is_local and not proxy:
            raise OptionError(
                "uri",
                libvirt.uri.text,
                f"{domain.name} has user networking, which only the host itself reaches",
                hint="give it a bridge or a network, or reach the host by qemu+ssh",
            )
        return Address(LOOPBACK, _forwarded_port(libvirt, domain.name), proxy)
    if domain.network not in _SOURCES:
        raise GoldsmithError(f"the network of {domain.name} is of the type {domain.network or 'none'}, without address")
    for source in _SOURCES[domain.network]:
        result = libvirt.virsh("domifaddr", "--domain", domain.name, "--source", source, check=False)
        address = parse_addresses(result.stdout, domain.mac) if result.rc == 0 else None
        if address:
            return Address(address, _SSH_PORT, proxy)
    return None


def parse_addresses(text: str, mac: str) -> str | None:
    """Return the first usable IPv4 address of an interface in the listing of virsh domifaddr."""
    ours = False
    for line in text.splitlines():
        words = line.split()
        if len(words) != 4 or "/" not in words[3]:
            continue
        # Further addresses of an interface stand below dashes.
        ours = words[1].lower() == mac.lower() if words[1] != "-" else ours
        if words[2] == "ipv4" and ours:
            address = ipaddress.ip_interface(words[3]).ip
            if not address.is_loopback and not address.is_link_local:
                return str(address)
    return None


def try_login(runner: Runner, access: Access, seconds: float) -> str:
    """Log in once, for some seconds at most; return an empty text if that works, else what stood in the way."""
    try:
        result = runner.run(access.command("true"), check=False, timeout=min(max(seconds, 1.0), _LOGIN_SECONDS))
    except ProgramTimeout:
        return "the ssh server does not finish the login"
    return "" if result.rc == 0 else result.last_line


def _forwarded_port(libvirt: Libvirt, name: str) -> int:
    port = _find_port(libvirt, name)
    if port is None:
        # Port 0: the system chooses a free one, so two guests never meet.
        said = _monitor(libvirt, name, f"hostfwd_add {_NETDEV} tcp:{LOOPBACK}:0-:{_SSH_PORT}")
        port = _find_port(libvirt, name)
        if port is None:
            raise GoldsmithError(
                f"QEMU forwards no port to {name}: {said.strip() or 'no reason given'}",
                hint="give it a bridge or a network of libvirt",
            )
    return port


def _find_port(libvirt: Libvirt, name: str) -> int | None:
    match = _FORWARD.search(_monitor(libvirt, name, "info usernet"))
    return int(match.group(1)) if match else None


def _monitor(libvirt: Libvirt, name: str, command: str) -> str:
    result = libvirt.virsh("qemu-monitor-command", "--domain", name, "--hmp", command, check=False)
    return result.stdout if result.rc == 0 else last_line(result)
