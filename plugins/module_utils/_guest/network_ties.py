# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ties network configuration to one network: static addresses, and names that cards have in one machine only."""

from __future__ import annotations

import re
from collections.abc import Iterator

# The names of udev for cards by their place; eth0 is the first one where the kernel gives the names, in any machine.
_PLACE = r"o\d+|s\d+|x[0-9a-f]{12}|(?:P\d+)?p\d+s\d+|v\d+|c[0-9a-f]{3,4}"
_MORE = r"(?:[fdu]\d+|n(?:p?\d+|\w+))*"
_CARD = re.compile(rf"(?<![\w.*?-])(?:en(?:{_PLACE}){_MORE}|eth[1-9]\d*|em[1-9]\d*|p\d+p[1-9]\d*)(?![\w*?\[-])")
_ADDRESS = re.compile(
    r"""(?ix) ^\s* (?:
        (?:IPADDR\w*|IPV6ADDR\w*|NETADDR) \s* = |  # ifcfg
        (?:address\d* | static\s+ip6?_address) \s* [= ] |  # networkd, keyfiles, ifupdown, dhcpcd
        [^#]*? \baddress(?:es)? ["']? \s* : | -  # netplan and cloud-init, whose lists go on in the next lines
    ) .*? (?<![\w.:])(\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f:]*)(?![\w.:])"""
)
_LOOPBACK = ("127.", "::1")
_COMMENTS = ("#", ";")
FILES = (
    "/etc/netplan/*",
    "/etc/systemd/network/*.network",
    "/etc/NetworkManager/system-connections/*",
    "/etc/sysconfig/network-scripts/ifcfg-*",
    "/etc/sysconfig/network/ifcfg-*",
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/*",
    "/etc/dhcpcd.conf",
)
# cloud-init takes a network from these before that of the instance.
CLOUD_INIT = ("/etc/cloud/cloud.cfg", "/etc/cloud/cloud.cfg.d/*.cfg")
_NETWORK = re.compile(r"[\"']?network[\"']?\s*:")
# A comment, an empty line, and what goes on with a mapping or a list
_INSIDE = re.compile(r"[ \t\r\n}\]#-]")
# What goes where every card is to be configured by DHCP; routes and rules belong to addresses.
CONFIGURATION = (
    *FILES,
    "/etc/systemd/network/*.netdev",
    "/etc/systemd/network/*.network.d/*",
    "/etc/sysconfig/network-scripts/route*-*",
    "/etc/sysconfig/network-scripts/rule*-*",
    "/etc/sysconfig/network/ifroute-*",
    "/etc/sysconfig/network/routes",
)


def ties(path: str, text: str) -> list[str]:
    """Return what ties a file to one network, as words of a sentence."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(_COMMENTS)]
    cards = {name for part in (path.rpartition("/")[2].replace("ifcfg-", ""), *lines) for name in _CARD.findall(part)}
    addresses = {found.group(1) for line in lines if (found := _ADDRESS.match(line))}
    return [
        *(f"the card {name}" for name in sorted(cards)),
        *(f"the address {one}" for one in sorted(addresses) if not one.startswith(_LOOPBACK)),
    ]


def ties_of_cloud_init(path: str, text: str) -> list[str]:
    """Return the same of the network in a file of cloud-init, which says other things as well."""
    return ties(path, "".join(line for line, of_network in _by_network(text) if of_network))


def without_network(text: str) -> str | None:
    """A file of cloud-init: without its network; None where nothing else is said."""
    kept = [line for line, of_network in _by_network(text) if not of_network]
    left = any(line.strip() and not line.startswith("#") for line in kept)
    return "".join(kept) if left else None


def _by_network(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each line, and whether it is of the network."""
    inside = False
    for line in text.splitlines(keepends=True):
        inside = _NETWORK.match(line) is not None or (inside and _INSIDE.match(line) is not None)
        yield line, inside


NETPLAN = """\
network:
  version: 2
  ethernets:
    every-card:
      match: {name: "e*"}
      dhcp4: true
      optional: true
"""
# Real cards only, not those of containers
NETWORKD = "[Match]\nType=ether\nKind=!*\n\n[Network]\nDHCP=yes\n"
KEYFILE = """\
[connection]
id=every-card
type=ethernet
multi-connect=3

[ipv4]
method=auto

[ipv6]
method=auto
"""
WICKED = "STARTMODE=auto\nBOOTPROTO=dhcp\n"
IFUPDOWN = "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n"
IFUPDOWN_CARDS = "\nauto /e*=card\niface card inet dhcp\n"
