# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instance data: what a cloud tells its guest, as the documents of each form."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
from dataclasses import dataclass

OPENSTACK_VERSIONS = (
    "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30",
    "2016-10-06", "2017-02-22", "2018-08-27", "2020-10-14", "latest",
)  # fmt: skip
EC2_VERSIONS = ("1.0", "2007-01-19", "2007-12-15", "2008-02-01", "2008-09-01", "2009-04-04", "latest")
ZONE = "nova"


@dataclass(frozen=True)
class StaticAddress:
    """What only the instance data tell of a network without DHCP."""

    address: str
    netmask: str
    gateway: str
    name_server: str


@dataclass(frozen=True)
class Network:
    """The network of the only card, which has the address *mac*; by DHCP where nothing is *static*."""

    mac: str
    static: StaticAddress | None = None

    def document(self) -> dict[str, object]:
        """Return what network_data.json says of it, as Compute writes it."""
        link = {"id": "tap0", "type": "ovs", "ethernet_mac_address": self.mac, "mtu": 1500, "vif_id": "0" * 32}
        network = {"id": "network0", "type": "ipv4_dhcp", "link": link["id"], "network_id": "0" * 32}
        if self.static is None:
            return {"links": [link], "networks": [network], "services": []}
        zero = str(ipaddress.IPv4Address(0))
        service = {"type": "dns", "address": self.static.name_server}
        network |= {
            "type": "ipv4",
            "ip_address": self.static.address,
            "netmask": self.static.netmask,
            "routes": [{"network": zero, "netmask": zero, "gateway": self.static.gateway}],
            "services": [service],
        }
        return {"links": [link], "networks": [network], "services": [service]}


@dataclass(frozen=True)
class InstanceData:
    """One instance as its cloud describes it."""

    uuid: str
    hostname: str
    public_key: str
    user_data: str = ""
    key_name: str = "goldsmith"
    network: Network | None = None

    @property
    def ec2_id(self) -> str:
        """The name of the instance in the EC2 form."""
        return "i-" + self.uuid.replace("-", "")[-8:]


def openstack_documents(instance: InstanceData) -> dict[str, bytes]:
    """Return path and content of each document of the OpenStack form, the same for metadata service and config drive.

    Where no network is known there is no network_data.json: an empty one means no network at all, none means DHCP.
    """
    meta_data = {
        "availability_zone": ZONE,
        "devices": [],
        "hostname": instance.hostname,
        "keys": [{"name": instance.key_name, "type": "ssh", "data": instance.public_key}],
        "launch_index": 0,
        "meta": {},
        "name": instance.hostname.partition(".")[0],
        "project_id": "0" * 32,
        "public_keys": {instance.key_name: instance.public_key},
        "random_seed": base64.b64encode(hashlib.sha512(instance.uuid.encode()).digest()).decode(),
        "uuid": instance.uuid,
    }
    documents: dict[str, bytes] = {}
    for version in OPENSTACK_VERSIONS:
        documents[f"openstack/{version}/meta_data.json"] = json.dumps(meta_data).encode()
        documents[f"openstack/{version}/vendor_data.json"] = b"{}"
        documents[f"openstack/{version}/vendor_data2.json"] = b"{}"
        if instance.network:
            documents[f"openstack/{version}/network_data.json"] = json.dumps(instance.network.document()).encode()
        # The service answers 404 where there is no user data, not an empty document.
        if instance.user_data:
            documents[f"openstack/{version}/user_data"] = instance.user_data.encode()
    return documents


def ec2_documents(instance: InstanceData, *, address: str, mac: str) -> dict[str, bytes]:
    """Return path and content of each document of the EC2 form; *address* and *mac* are those of the guest.

    It has a little more than OpenStack Compute serves: guests that believe to be in EC2 itself wait long for their
    interfaces and their identity document.
    """
    interface = f"network/interfaces/macs/{mac}"
    identity = {"instanceId": instance.ec2_id, "privateIp": address, "region": ZONE, "availabilityZone": ZONE}
    meta_data = {
        "ami-id": "ami-00000001",
        "ami-launch-index": "0",
        "ami-manifest-path": "(unknown)",
        "block-device-mapping/ami": "vda",
        "block-device-mapping/root": "/dev/vda",
        "hostname": instance.hostname,
        "instance-action": "none",
        "instance-id": instance.ec2_id,
        "instance-type": "goldsmith.boot",
        "local-hostname": instance.hostname,
        "local-ipv4": address,
        "mac": mac,
        f"{interface}/device-number": "0",
        f"{interface}/interface-id": "eni-00000001",
        f"{interface}/local-ipv4s": address,
        f"{interface}/mac": mac,
        "placement/availability-zone": ZONE,
        "public-hostname": instance.hostname,
        "public-ipv4": "",
        "public-keys/0/openssh-key": instance.public_key + "\n",
        "reservation-id": "r-00000001",
        "security-groups": "default",
    }
    documents: dict[str, bytes] = {}
    for version in EC2_VERSIONS:
        for name, value in meta_data.items():
            documents[f"{version}/meta-data/{name}"] = value.encode()
        # The one listing that is not a list of names.
        documents[f"{version}/meta-data/public-keys/"] = f"0={instance.key_name}".encode()
        documents[f"{version}/dynamic/instance-identity/document"] = json.dumps(identity).encode()
        if instance.user_data:
            documents[f"{version}/user-data"] = instance.user_data.encode()
    return documents
