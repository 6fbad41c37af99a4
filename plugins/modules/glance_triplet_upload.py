#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upload an image, or kernel, ramdisk and root file system, to Glance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: glance_triplet_upload
version_added: 1.0.0
short_description: Upload an image, or kernel, ramdisk and root file system, to Glance
description:
  - Uploads a triplet, that is a kernel (aki), a ramdisk (ari) and a root file system (ami) which names both, or one
    image of a whole disk (bare).
  - Idempotent by content. An active image of the project with the same name, formats, size and hash is not uploaded
    again; properties that are missing or different are set.
  - All properties are there before the data. Afterwards status, size and hash are compared with what was sent.
  - Never leaves a half image. What fails is removed, of a triplet also the parts that were uploaded before.
    Interrupted transfers are repeated with the file read anew.
  - Files are checked before anything is sent, because Glance takes any content as aki, ari or ami.
  - Images with the same name and other content are left as they are.
options:
  name:
    description: Name of the image. For a triplet, of its root file system.
    type: str
    required: true
  image:
    description:
      - File of the image.
      - For a triplet, a bare ext2, ext3, ext4 or xfs file system; else a qcow2, raw or VHD disk. A qcow2 that needs
        other files is refused.
    type: path
    required: true
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
  disk_format:
    description: Format of O(image), if it is not part of a triplet. Default is what the file says.
    type: str
    choices: [qcow2, raw, vhd]
  properties:
    description:
      - Properties of the image, of a triplet those of the root file system. Others that it has already are left.
      - Values become text, as Glance keeps nothing else. An empty (null) value is left out.
    type: dict
    default: {}
  visibility:
    description: Who sees the image. V(public) needs the right for it, usually the administrator's.
    type: str
    choices: [private, shared, community, public]
    default: private
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
  state:
    description: V(present) sees that the image is there.
    type: str
    choices: [present]
    default: present
extends_documentation_fragment:
  - goldsmith.openstack.cloud
attributes:
  check_mode:
    description: Says what would be uploaded or changed. Logs in and reads, changes nothing.
    support: full
  diff_mode:
    description: Shows the attributes that would change, before and after.
    support: full
  idempotent:
    description: By the content of the files.
    support: full
  platform:
    description: Any with Python and openstacksdk.
    support: full
    platforms: posix
author:
  - Goldsmith contributors (@goldsmith)
seealso:
  - module: goldsmith.openstack.local_cloud
"""

EXAMPLES = r"""
- name: Upload a disk
  goldsmith.openstack.glance_triplet_upload:
    cloud: production
    name: debian-13-amd64
    image: dist/debian-13-amd64/debian-13-amd64.qcow2
    min_disk: 2
    properties:
      os_distro: debian
      hw_disk_bus: virtio

- name: Upload kernel, ramdisk and root file system, for all projects
  goldsmith.openstack.glance_triplet_upload:
    cloud: production
    name: debian-13-amd64-ami
    kernel: dist/debian-13-amd64/debian-13-amd64.vmlinuz
    ramdisk: dist/debian-13-amd64/debian-13-amd64.initrd
    image: dist/debian-13-amd64/debian-13-amd64.ext4
    visibility: public
"""

RETURN = r"""
images:
  description: The image, or the kernel, the ramdisk and the image, in this order.
  returned: success
  type: list
  elements: dict
  contains:
    cloud:
      description: Name of the cloud.
      type: str
      sample: production
    part:
      description: V(kernel), V(ramdisk) or V(image).
      type: str
      sample: image
    id:
      description: Id in Glance. Null in check mode if it would be uploaded.
      type: str
      sample: 1bea47ed-f6a9-463b-b423-14b9cca9ad27
    name:
      description: Name in Glance.
      type: str
      sample: debian-13-amd64
    size:
      description: Bytes.
      type: int
      sample: 187301888
    sha512:
      description: SHA-512 of the content.
      type: str
      sample: 0f847b19e0e1b54e7e6fbcd7e6a3d6fa7a6d8a8f3b4e4fbb9a7bb0fc13f9cbaa
    disk_format:
      description: Format in Glance.
      type: str
      sample: qcow2
    uploaded:
      description: Whether its bytes were sent, or would be in check mode.
      type: bool
      sample: true
image_id:
  description: Id of the image, of a triplet that of the root file system. Null in check mode if it would be uploaded.
  returned: success
  type: str
  sample: 1bea47ed-f6a9-463b-b423-14b9cca9ad27
bytes_uploaded:
  description: Bytes that were sent.
  returned: success
  type: int
  sample: 187301888
seconds:
  description: Time that the uploads and changes took.
  returned: success
  type: float
  sample: 3.41
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils import _triplet
from ansible_collections.goldsmith.openstack.plugins.module_utils._module import run_module


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "image": {"type": "path", "required": True},
            "kernel": {"type": "path"},
            "ramdisk": {"type": "path"},
            "kernel_name": {"type": "str"},
            "ramdisk_name": {"type": "str"},
            "disk_format": {"type": "str", "choices": ["qcow2", "raw", "vhd"]},
            "properties": {"type": "dict", "default": {}},
            "visibility": {
                "type": "str",
                "choices": ["private", "shared", "community", "public"],
                "default": "private",
            },
            "min_disk": {"type": "int"},
            "min_ram": {"type": "int"},
            "tags": {"type": "list", "elements": "str"},
            "protected": {"type": "bool"},
            "state": {"type": "str", "choices": ["present"], "default": "present"},
            "cloud": {"type": "str"},
            "clouds_yaml": {"type": "path"},
            "auth": {"type": "dict", "no_log": True},
            "auth_type": {"type": "str"},
            "region_name": {"type": "str"},
            "interface": {"type": "str", "choices": ["public", "internal", "admin"]},
            "validate_certs": {"type": "bool"},
            "ca_cert": {"type": "path"},
            "timeout": {"type": "int", "default": 300},
        },
        required_together=[("kernel", "ramdisk")],
        supports_check_mode=True,
    )
    run_module(module, lambda: work(module.params, check=module.check_mode))


def work(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """See that the image or the triplet is in Glance."""
    wanted = _triplet.Wanted(
        name=params["name"],
        image=params["image"],
        kernel=params["kernel"],
        ramdisk=params["ramdisk"],
        kernel_name=params["kernel_name"],
        ramdisk_name=params["ramdisk_name"],
        disk_format=params["disk_format"],
        properties=params["properties"],
        visibility=params["visibility"],
        min_disk=params["min_disk"],
        min_ram=params["min_ram"],
        tags=None if params["tags"] is None else tuple(params["tags"]),
        protected=params["protected"],
    )
    # The files first: what is wrong with them costs no connection.
    parts = _triplet.parts_of(wanted)
    glance = _triplet.connect(_triplet.cloud_options(params))
    plan = _triplet.plan(glance, wanted, parts)
    result = _triplet.report(glance, plan) if check else _triplet.execute(glance, wanted, plan)
    return {"changed": plan.changed, "diff": plan.diff, **result}


if __name__ == "__main__":
    main()
