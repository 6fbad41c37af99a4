# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of instance data."""

from __future__ import annotations

import json
from dataclasses import replace

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.instance_documents import (
    InstanceData,
    Network,
    StaticAddress,
    ec2_documents,
    openstack_documents,
)

WITH = InstanceData("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "web.example.org", "ssh-ed25519 AAAA", "#!/bin/sh\n")
WITHOUT = InstanceData("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "web", "ssh-ed25519 AAAA")


def test_every_version_of_the_openstack_form_is_the_same() -> None:
    documents = openstack_documents(WITH)
    versions = {path.split("/")[1] for path in documents}
    assert {"2012-08-10", "2018-08-27", "latest"} <= versions
    for name in ("meta_data.json", "user_data", "vendor_data.json"):
        assert len({documents[f"openstack/{version}/{name}"] for version in versions}) == 1


def test_no_network_data() -> None:
    assert not any("network_data" in path for path in openstack_documents(WITH))


def test_a_network_with_dhcp_is_described_too() -> None:
    documents = openstack_documents(replace(WITH, network=Network("52:54:00:00:00:01")))
    data = json.loads(documents["openstack/latest/network_data.json"])
    assert [link["ethernet_mac_address"] for link in data["links"]] == ["52:54:00:00:00:01"]
    assert [(one["type"], one["link"]) for one in data["networks"]] == [("ipv4_dhcp", data["links"][0]["id"])]
    assert data["services"] == []


def test_a_static_network_is_described_in_every_version() -> None:
    static = StaticAddress("192.0.2.10", "255.255.255.0", "192.0.2.1", "192.0.2.53")
    network = Network("52:54:00:00:00:01", static)
    documents = openstack_documents(replace(WITH, network=network))
    found = {body for path, body in documents.items() if path.endswith("/network_data.json")}
    assert len(found) == 1
    data = json.loads(found.pop())
    assert [link["ethernet_mac_address"] for link in data["links"]] == ["52:54:00:00:00:01"]
    (told,) = data["networks"]
    assert told["link"] == data["links"][0]["id"]
    assert (told["type"], told["ip_address"], told["netmask"]) == ("ipv4", "192.0.2.10", "255.255.255.0")
    assert told["routes"] == [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "192.0.2.1"}]
    assert data["services"] == [{"type": "dns", "address": "192.0.2.53"}]


def test_no_user_data_is_no_document() -> None:
    documents = {**openstack_documents(WITHOUT), **ec2_documents(WITHOUT, address="a", mac="m")}
    assert documents
    assert not any("user" in path for path in documents)


def test_the_random_seed_belongs_to_the_instance() -> None:
    other = InstanceData("other", WITH.hostname, WITH.public_key)
    seeds = {
        json.loads(openstack_documents(instance)["openstack/latest/meta_data.json"])["random_seed"]
        for instance in (WITH, WITHOUT, other)
    }
    assert len(seeds) == 2


def test_the_forms_do_not_share_a_document() -> None:
    assert not set(openstack_documents(WITH)) & set(ec2_documents(WITH, address="a", mac="m"))
