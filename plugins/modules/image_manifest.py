#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_manifest
short_description: Record what an output folder holds
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Writes C(manifest.json) (definition, packages, files with sizes and sha512, what Glance is to know of them, timings)
    and C(SHA512SUMS), which C(sha512sum -c) accepts.
  - Every file has the properties and the smallest disk that are true of it. What only a disk needs
    (C(hw_firmware_type), where it was derived) is not said of the root file system of a triplet, and what only a
    triplet needs (C(os_command_line)) not of a disk; a kernel and a ramdisk have none, because images may share them.
attributes:
  check_mode: {description: "The files are read, nothing is written.", support: full}
  diff_mode: {description: Shows the checksums., support: full}
  idempotent: {description: Other timings alone do not change the files., support: full}
  platform: {description: Any POSIX system., support: full, platforms: posix}
options:
  path:
    description: The output folder.
    type: path
    required: true
  name:
    description: Name of the image.
    type: str
    required: true
  artifacts:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      file:
        description: Name of the file in O(path).
        type: str
        required: true
      format:
        description: Format as Glance names it.
        type: str
        required: true
        choices: [qcow2, raw, vhd, aki, ari, ami, initramfs]
      virtual_size:
        description: Size of the guest's disk in bytes. The default is the size of the file.
        type: int
      sha512:
        description: Its checksum, where that is known already. The default is to read the file.
        type: str
  definition:
    description: What the image was built from.
    type: dict
    default: {}
  packages:
    description: The installed packages. The default is those of O(tree).
    type: list
    elements: dict
    default: []
  tree:
    description: Folder with the root file system as it is in the image, to read the installed packages from.
    type: path
  removed:
    description: What the build needed and the image has no more, with C(packages) and C(size) in bytes.
    type: dict
    default: {}
  derived:
    description:
      - Glance properties that follow from O(definition). The packages decide on C(cloud_init_installed) and
        C(hw_qemu_guest_agent), O(epoch) on C(image_build_date).
    type: dict
    default: {}
  properties:
    description: Glance properties that go before those that are derived. An empty value removes one.
    type: dict
    default: {}
  epoch:
    description: Time of the newest package, in seconds since 1970, as RV(goldsmith.openstack.loop_image#module:epoch).
    type: int
  min_disk:
    description: The smallest disk of a flavour, in GB. The default is what each file needs.
    type: int
  min_ram:
    description:
      - The smallest memory of a flavour, in MB. A large kernel or ramdisk in O(tree) makes it more; 0 is for none.
    type: int
    default: 0
  memory:
    description: The smallest memory of a flavour, in MB, where it is given, in place of what O(min_ram) comes to.
    type: int
  timings:
    description: Seconds that the steps took.
    type: dict
    default: {}
  cache_dir:
    description: Folder that keeps what can be made again. What the files were made from is taken down there.
    type: path
  key:
    description: What stands for all that the files were made from, as in
      RV(goldsmith.openstack.tree_bootstrap#module:keys).
    type: str
    default: ''
  questions:
    description: What stands for the questions that the files are proved by.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Record an image
  goldsmith.openstack.image_manifest:
    path: dist/debian-13-amd64
    name: debian-13-amd64
    artifacts:
      - file: debian-13-amd64.qcow2
        format: qcow2
        virtual_size: 681574400
    derived:
      hw_disk_bus: virtio
      os_distro: debian
    properties:
      os_purpose: minimal
"""

RETURN = r"""
path: {description: The manifest., type: str, returned: always}
artifacts:
  description: The files with file, format, size and virtual_size in bytes, sha512, min_disk in GB, and properties.
  type: list
  elements: dict
  returned: always
build_date:
  description: Day of the newest package (UTC), as YYYY-MM-DD; none without O(epoch).
  type: str
  returned: always
properties: {description: All properties of the build., type: dict, returned: always}
min_disk: {description: "The smallest disk of a flavour for any of the files, in GB.", type: int, returned: always}
min_ram: {description: "The smallest memory of a flavour, in MB.", type: int, returned: always}
proof:
  description: What an earlier proof of the same files by O(questions) has shown; empty where there was none.
  type: dict
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence import made, manifest
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stack

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "name": {"type": "str", "required": True},
    "artifacts": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "file": {"type": "str", "required": True},
            "format": {
                "type": "str",
                "required": True,
                "choices": ["qcow2", "raw", "vhd", "aki", "ari", "ami", "initramfs"],
            },
            "virtual_size": {"type": "int"},
            "sha512": {"type": "str"},
        },
    },
    "definition": {"type": "dict", "default": {}},
    "packages": {"type": "list", "elements": "dict", "default": []},
    "tree": {"type": "path"},
    "removed": {"type": "dict", "default": {}},
    "derived": {"type": "dict", "default": {}},
    "properties": {"type": "dict", "default": {}},
    "epoch": {"type": "int"},
    "min_disk": {"type": "int"},
    "min_ram": {"type": "int", "default": 0},
    "memory": {"type": "int"},
    "timings": {"type": "dict", "default": {}},
    "cache_dir": {"type": "path"},
    "key": {"type": "str", "default": "", "no_log": False},
    "questions": {"type": "str", "default": ""},
}


def run(params: dict, check_mode: bool) -> dict:
    """Describe the files and write the record."""
    artifacts = manifest.describe(params["path"], [manifest.Artifact(**item) for item in params["artifacts"]])
    packages = params["packages"] or manifest.packages(params["tree"])
    metadata = manifest.metadata(
        artifacts,
        packages,
        derived=params["derived"],
        given=params["properties"],
        epoch=params["epoch"],
        min_disk=params["min_disk"],
    )
    metadata["min_ram"] = params["memory"] or (params["min_ram"] and manifest.memory(params["tree"], params["min_ram"]))
    content = {
        **{name: params[name] for name in ("name", "definition", "removed", "timings")},
        "packages": packages,
        **metadata,
    }
    result = {**metadata, **manifest.write(params["path"], content, check_mode=check_mode), "proof": {}}
    if cache := params["cache_dir"]:
        if params["key"] and not check_mode:
            made.take_down(cache, params["path"], params["key"], artifacts)
        result["proof"] = made.proof(cache, [artifact["sha512"] for artifact in artifacts], params["questions"])
    return result


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    run_module(module, lambda: run(module.params, module.check_mode), enter=lambda: stack.enter(module.params["tree"]))


if __name__ == "__main__":
    main()
