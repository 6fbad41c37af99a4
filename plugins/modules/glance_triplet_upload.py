#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publish an image, or kernel, ramdisk and root file system, in Glance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: glance_triplet_upload
version_added: 1.0.0
short_description: Publish an image, or kernel, ramdisk and root file system, in Glance
description:
  - Publishes a triplet, that is a kernel (aki), a ramdisk (ari) and a root file system (ami) which names both, or one
    image of a whole disk (bare).
  - A name is a series of versions. One is current and bears the name. The others bear the name with the date of their
    build and the beginning of their id, and are hidden.
  - A new version is uploaded hidden, with all its properties there before the data. Status, size and hash are compared
    with what was sent. One request makes it current, the next ones retire what bore the name before. So the name means
    a whole image at every moment, whatever ends the run.
  - Idempotent by content. A version of the series with the same bytes is used again, whatever it is called now, and
    only what differs in its properties is changed. Kernels and ramdisks are shared by all images of the project.
  - Never leaves a half image. What fails is removed, of a triplet also the parts that were uploaded before. What a run
    that was killed has left is finished or removed by the next one.
  - Files are checked before anything is sent, because Glance takes any content as aki, ari or ami.
options:
  name:
    description: Name of the image. For a triplet, of its root file system.
    type: str
    required: true
  state:
    description:
      - V(present) sees that O(image) is published and, with O(promote), the current version.
      - V(current) makes a version current that is there, O(image_id) or else the last one published, to the second.
      - V(retired) takes the name from a version, O(image_id) or else the current one. It stays, hidden.
      - V(absent) removes a version, O(image_id) or else all of them, and kernels and ramdisks that nothing names then.
    type: str
    choices: [present, current, retired, absent]
    default: present
  image:
    description:
      - File of the image. Needed for O(state=present).
      - For a triplet, a bare ext2, ext3, ext4, xfs or btrfs file system; else a qcow2, raw or VHD disk. A qcow2 that
        needs other files is refused.
    type: path
  kernel:
    description: File of the kernel (a bzImage, an ELF C(vmlinux) or an arm64 C(Image)). Makes it a triplet.
    type: path
  ramdisk:
    description: File of the initial ramdisk. Makes it a triplet.
    type: path
  kernel_name:
    description: Name of the kernel's image. Default is O(name) with C(-aki).
    type: str
  ramdisk_name:
    description: Name of the ramdisk's image. Default is O(name) with C(-ari).
    type: str
  image_id:
    description: Id in Glance of the version that O(state) is about, where it is not V(present).
    type: str
  sha512:
    description:
      - SHA-512 of O(image), where it is known. The file is then read once only, and must have it.
    type: str
  disk_format:
    description:
      - Format of O(image), if it is not part of a triplet. Default is what the file says.
      - With V(ari) it is a ramdisk that is a whole system, as Ironic's deploy ramdisk, and names its O(kernel) in the
        property C(kernel_id).
    type: str
    choices: [qcow2, raw, vhd, ari]
  properties:
    description:
      - Properties of the image, of a triplet those of the root file system. Others that it has already are left.
      - Values become text, as Glance keeps nothing else. One with an empty value is left out, and removed where
        it is.
    type: dict
    default: {}
  validate_properties:
    description:
      - V(true) refuses values that Glance or Compute do not take, and warns of names that they are not known to read,
        in the name spaces that are theirs. V(strict) refuses both, V(false) neither.
    type: str
    choices: ["true", "strict", "false"]
    default: "true"
  visibility:
    description:
      - Who sees the image. V(public) needs the right for it, usually the administrator's.
      - Default is V(private) for a new image. An image that is there is left as it is.
    type: str
    choices: [private, shared, community, public]
  members:
    description:
      - Ids of the projects that an image with O(visibility=shared) is shared with, and of no others. Default is to
        leave them. Each has to accept it.
    type: list
    elements: str
  min_disk:
    description: Smallest disk in GB (GiB as Compute counts) that a flavour must have.
    type: int
  min_ram:
    description: Smallest memory in MB (MiB) that a flavour must have.
    type: int
  tags:
    description: All tags that the image has. Default is to leave them.
    type: list
    elements: str
  protected:
    description: Whether the image is protected from removal. Default is to leave it.
    type: bool
  promote:
    description:
      - Whether the published version becomes the current one. With V(false) it stays hidden, under its dated name,
        until O(state=current) names it.
    type: bool
    default: true
  keep:
    description:
      - How many versions stay, with the current one, after O(state=present). Older ones are removed with the kernels
        and ramdisks that nothing names then. Default is to remove none.
      - What is protected, or refused by the cloud because it is in use, stays, with a warning.
      - Only what this module has published is removed. An image of another origin that bore the name is retired only.
    type: int
  retire:
    description: How a version that is no longer current is kept. V(community) leaves it to those who know its id.
    type: str
    choices: [hidden, community]
    default: hidden
  leftover_age:
    description:
      - Seconds after which an unfinished image of a run on another host is taken for a leftover and removed. Those of
        runs on this host are known to be dead or alive.
    type: int
    default: 86400
  clouds:
    description:
      - Several clouds to publish to at once, each as C(cloud) or C(cloud/region). What fails in one does not stop the
        others; the task fails in the end, with the results of all in RV(clouds).
      - In place of O(cloud).
    type: list
    elements: str
extends_documentation_fragment:
  - goldsmith.openstack.cloud
  - goldsmith.openstack.signing
  - goldsmith.openstack.transport
attributes:
  check_mode:
    description: Says what would be uploaded, changed and removed. Logs in and reads, changes nothing.
    support: full
  diff_mode:
    description: Shows the attributes that would change, before and after, and what would be removed.
    support: full
  idempotent: {description: By the content of the files., support: full}
  platform: {description: Any with Python and openstacksdk., support: full, platforms: posix}
author:
  - Goldsmith contributors (@goldsmith)
seealso:
  - module: goldsmith.openstack.glance_image_info
  - module: goldsmith.openstack.local_cloud
"""

EXAMPLES = r"""
- name: Publish a disk, and keep the last three versions
  goldsmith.openstack.glance_triplet_upload:
    cloud: production
    name: debian-13-amd64
    image: dist/debian-13-amd64/debian-13-amd64.qcow2
    min_disk: 2
    keep: 3
    properties:
      os_distro: debian
      hw_disk_bus: virtio

- name: Publish kernel, ramdisk and root file system for all projects, in two clouds and a second region
  goldsmith.openstack.glance_triplet_upload:
    clouds: [production, staging, staging/RegionTwo]
    name: debian-13-amd64-ami
    kernel: dist/debian-13-amd64/debian-13-amd64.vmlinuz
    ramdisk: dist/debian-13-amd64/debian-13-amd64.initrd
    image: dist/debian-13-amd64/debian-13-amd64.ext4
    visibility: public

- name: Upload a version for a trial
  goldsmith.openstack.glance_triplet_upload:
    cloud: production
    name: debian-13-amd64
    image: dist/debian-13-amd64/debian-13-amd64.qcow2
    promote: false
  register: trial

- name: Make it the current one
  goldsmith.openstack.glance_triplet_upload:
    cloud: production
    name: debian-13-amd64
    state: current
    image_id: "{{ trial.image_id }}"
"""

RETURN = r"""
images:
  description:
    - The image, or the kernel, the ramdisk and the image, in this order, of each cloud. Empty for O(state=retired) and
      O(state=absent).
  returned: success
  type: list
  elements: dict
  contains:
    cloud: {description: "The cloud, as it was named.", type: str, sample: production}
    part: {description: "V(kernel), V(ramdisk) or V(image).", type: str, sample: image}
    id:
      description: Id in Glance. Null in check mode if it would be uploaded.
      type: str
      sample: 1bea47ed-f6a9-463b-b423-14b9cca9ad27
    name: {description: Name in Glance., type: str, sample: debian-13-amd64}
    size: {description: Bytes., type: int, sample: 187301888}
    sha512:
      description: SHA-512 of the content.
      type: str
      sample: 0f847b19e0e1b54e7e6fbcd7e6a3d6fa7a6d8a8f3b4e4fbb9a7bb0fc13f9cbaa
    disk_format: {description: Format in Glance., type: str, sample: qcow2}
    uploaded: {description: "Whether its bytes were sent, or would be in check mode.", type: bool, sample: true}
image_id:
  description:
    - Id of the image, of a triplet that of the root file system, in the first cloud. Null in check mode if it would be
      uploaded.
  returned: success
  type: str
  sample: 1bea47ed-f6a9-463b-b423-14b9cca9ad27
bytes_uploaded: {description: Bytes that were sent., returned: success, type: int, sample: 187301888}
seconds:
  description: Time that the uploads and changes took, in the slowest cloud.
  returned: success
  type: float
  sample: 3.41
retired:
  description: Versions that were current, or bore the name, and do no longer.
  returned: success
  type: list
  elements: dict
  contains: &image
    cloud: &cloud
      description: The cloud, as it was named.
      type: str
      sample: production
    id: &id
      description: Id in Glance.
      type: str
      sample: 8d1c2e0b-3c1f-4c7e-8d07-2b6f3f0f2f6a
    name: &name
      description: Name in Glance.
      type: str
      sample: debian-13-amd64-20261107-8d1c2e0b
removed:
  description: Versions, kernels, ramdisks and leftovers that were removed.
  returned: success
  type: list
  elements: dict
  contains: *image
kept:
  description: What should have been removed and was not, because it is protected or the cloud refused.
  returned: success
  type: list
  elements: dict
  contains:
    cloud: *cloud
    id: *id
    name: *name
    reason: {description: Why it stays., type: str, sample: protected}
clouds:
  description:
    - The same for each cloud, with C(cloud) and C(changed); C(failed) and C(msg) where it failed.
  returned: always, if a cloud could be reached
  type: list
  elements: dict
  sample: [{"cloud": "production", "changed": true, "image_id": "1bea47ed-f6a9-463b-b423-14b9cca9ad27"}]
"""

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import (
    clouds,
    property_table,
    publication,
    request,
    triplet,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.route import METHODS
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.signature import HASH_METHODS
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "current", "retired", "absent"], "default": "present"},
            "image": {"type": "path"},
            "kernel": {"type": "path"},
            "ramdisk": {"type": "path"},
            "kernel_name": {"type": "str"},
            "ramdisk_name": {"type": "str"},
            "image_id": {"type": "str"},
            "sha512": {"type": "str"},
            "disk_format": {"type": "str", "choices": ["qcow2", "raw", "vhd", "ari"]},
            "properties": {"type": "dict", "default": {}},
            "validate_properties": {"type": "str", "choices": ["true", "strict", "false"], "default": "true"},
            "visibility": {"type": "str", "choices": ["private", "shared", "community", "public"]},
            "members": {"type": "list", "elements": "str"},
            "min_disk": {"type": "int"},
            "min_ram": {"type": "int"},
            "tags": {"type": "list", "elements": "str"},
            "protected": {"type": "bool"},
            "promote": {"type": "bool", "default": True},
            "keep": {"type": "int"},
            "retire": {"type": "str", "choices": ["hidden", "community"], "default": "hidden"},
            "leftover_age": {"type": "int", "default": 86400},
            "signing_key": {"type": "path"},
            "signing_command": {"type": "list", "elements": "str"},
            "signing_passphrase": {"type": "str", "no_log": True},
            "signing_certificate": {"type": "path"},
            "signing_certificate_id": {"type": "str"},
            "signing_hash": {"type": "str", "choices": list(HASH_METHODS), "default": "SHA-256"},
            "import_method": {"type": "str", "choices": list(METHODS), "default": "auto"},
            "import_uri": {"type": "str"},
            "stores": {"type": "list", "elements": "str", "default": []},
            "clouds": {"type": "list", "elements": "str"},
            **clouds.CLOUD_ARGUMENTS,
        },
        required_if=[("state", "present", ["image"]), ("import_method", "web-download", ["import_uri"])],
        required_by={"signing_key": ["signing_certificate_id"], "signing_command": ["signing_certificate_id"]},
        mutually_exclusive=[("cloud", "clouds"), ("signing_key", "signing_command")],
        supports_check_mode=True,
    )

    def run() -> dict[str, Any]:
        module.no_log_values.update(clouds.hidden(module.params))
        return work(module.params, check=module.check_mode, runner=Runner(), warn=module.warn)

    run_module(module, run)


def work(params: dict[str, Any], *, check: bool, runner: Runner, warn: Callable[[str], None]) -> dict[str, Any]:
    """See that the name is in Glance as it should be."""
    # First what costs no connection.
    if params["validate_properties"] != "false":
        for warning in property_table.check(params["properties"], strict=params["validate_properties"] == "strict"):
            warn(f"properties: {warning}")
    wanted = request.request_from(params, runner)
    parts = triplet.parts_of(wanted) if params["state"] == "present" else []
    planned = {
        "present": lambda glance: publication.plan(glance, wanted, parts),
        "current": lambda glance: publication.plan_promotion(glance, wanted, params["image_id"]),
        "retired": lambda glance: publication.plan_retirement(glance, wanted, params["image_id"]),
        "absent": lambda glance: publication.plan_removal(glance, wanted, params["image_id"]),
    }[params["state"]]
    result = clouds.everywhere(clouds.places(params), planned, check=check)
    for kept in result["kept"]:
        warn(f"{kept['cloud']}: {kept['name']} ({kept['id']}) stays: {kept['reason']}")
    return result


if __name__ == "__main__":
    main()
