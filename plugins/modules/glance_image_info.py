#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List images in Glance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: glance_image_info
version_added: 1.0.0
short_description: List images in Glance
description:
  - Returns the images that the project sees in a cloud, whatever their visibility and status, also the hidden ones.
  - Fails where the cloud is not in C(clouds.yaml), cannot be reached or refuses the login, so it also serves as a test
    of that before long work.
options:
  name:
    description: Only images with exactly this name.
    type: str
  query:
    description:
      - JMESPath query on the list of images, as RV(images) describes them. Its answer is RV(images) then; one that is
        no list becomes a list of one.
    type: str
extends_documentation_fragment:
  - goldsmith.openstack.cloud
attributes:
  check_mode: {description: Changes nothing anyway., support: full}
  diff_mode: {description: There is nothing to show., support: N/A}
  idempotent: {description: Changes nothing anyway., support: full}
  platform: {description: Any with Python and openstacksdk., support: full, platforms: posix}
author:
  - Goldsmith contributors (@goldsmith)
seealso:
  - module: goldsmith.openstack.glance_triplet_upload
"""

EXAMPLES = r"""
- name: See which images of that name there are
  goldsmith.openstack.glance_image_info:
    cloud: production
    name: debian-13-amd64
  register: found

- name: See the versions of an image, the newest first, also those that are hidden
  goldsmith.openstack.glance_image_info:
    cloud: production
    query: >-
      [?properties.goldsmith_name == 'debian-13-amd64'].{id: id, name: name, since: properties.goldsmith_since}

- name: See the ids of all public images of a distribution
  goldsmith.openstack.glance_image_info:
    cloud: production
    query: "[?visibility == 'public' && properties.os_distro == 'debian'].id"
"""

RETURN = r"""
images:
  description: The images, the newest first. With O(query) what that selects, in the form that it gives.
  returned: success
  type: list
  elements: raw
  contains:
    id: {description: Id in Glance., type: str, sample: "1bea47ed-f6a9-463b-b423-14b9cca9ad27"}
    name: {description: Name., type: str, sample: debian-13-amd64}
    status: {description: "Status, V(active) for one that can be used.", type: str, sample: active}
    size: {description: Bytes; null before the upload., type: int, sample: 187301888}
    hash_algorithm:
      description: Algorithm of RV(images[].hash_value), sha512 on most clouds.
      type: str
      sample: sha512
    hash_value:
      description: Hash of the content.
      type: str
      sample: 0f847b19e0e1b54e7e6fbcd7e6a3d6fa7a6d8a8f3b4e4fbb9a7bb0fc13f9cbaa
    disk_format: {description: Format of the disk., type: str, sample: qcow2}
    container_format: {description: "Format around it, V(bare) for none.", type: str, sample: bare}
    owner: {description: Id of the project that it belongs to., type: str, sample: "3f1c6a7f0f8e4bb59c2f2d8b7c0f5b1e"}
    hidden: {description: Whether lists leave it out., type: bool, sample: false}
    protected: {description: Whether it is protected from removal., type: bool, sample: false}
    visibility: {description: Who sees it., type: str, sample: private}
    created_at: {description: When it was created., type: str, sample: "2026-11-21T10:15:00Z"}
    updated_at: {description: When it was changed last., type: str, sample: "2026-11-21T10:15:08Z"}
    stores:
      description: Stores that it lies in; empty where the cloud has but one.
      type: list
      elements: str
      sample: []
    properties:
      description: Properties alone. C(goldsmith_name) is the name that it is a version of.
      type: dict
      sample: {"os_distro": "debian", "goldsmith_name": "debian-13-amd64"}
    attributes:
      description: Properties, and the other fields that can be changed, min_disk (GB) and min_ram (MB) among them.
      type: dict
      sample: {"os_distro": "debian", "visibility": "private", "tags": [], "min_disk": 2, "min_ram": 0}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import clouds
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str"},
            "query": {"type": "str"},
            **clouds.CLOUD_ARGUMENTS,
        },
        supports_check_mode=True,
    )

    def run() -> dict[str, Any]:
        module.no_log_values.update(clouds.hidden(module.params))
        return work(module.params)

    run_module(module, run)


def work(params: dict[str, Any]) -> dict[str, Any]:
    """Return the images."""
    (place,) = clouds.places(params)
    images = clouds.listed(clouds.connect(place), params["name"], params["query"])
    return {"changed": False, "images": images}


if __name__ == "__main__":
    main()
