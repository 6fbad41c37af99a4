#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: disk_extract
short_description: Take root file system, kernel and initrd out of a disk image
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Writes the parts of a triplet from a raw disk image. The kernel of the host mounts nothing; links inside the image
    are not followed.
  - The root file system may lie in a partition or in an LVM volume, which is found and put together without lvm2.
  - The newest kernel in /boot that has an initramfs is taken.
requirements:
  - qemu-img, sfdisk, e2fsprogs
attributes:
  check_mode:
    support: full
    description: The parts are made beside the present ones, compared and dropped.
  diff_mode:
    support: full
    description: Lists the files that change.
  idempotent:
    support: full
    description: A file that holds the same bytes is kept.
  platform:
    support: full
    description: Linux.
    platforms: posix
options:
  src:
    description: The raw disk image, or a bare file system image.
    type: path
    required: true
  partition:
    description: Number of the partition with the root file system, or with its volume group. The default is the only
      one with an ext file system, or of several the only one with C(/etc).
    type: int
  volume:
    description: Logical volume with the root file system, as C(group/volume) or by its own name. The default is found
      as for O(partition). Volumes of one row of extents, or several, can be read; striped ones and those of other
      types cannot.
    type: str
  root:
    description: File for the root file system, exactly as long as it.
    type: path
  kernel:
    description: File for the kernel.
    type: path
  ramdisk:
    description: File for the initrd.
    type: path
"""

EXAMPLES = r"""
- name: Take a disk apart
  goldsmith.openstack.disk_extract:
    src: debian.raw
    root: debian.ext4
    kernel: debian.vmlinuz
    ramdisk: debian.initrd

- name: Take the root out of a volume group
  goldsmith.openstack.disk_extract:
    src: captured.raw
    volume: vg0/root
    root: captured.ext4
"""

RETURN = r"""
start:
  description: Where the root file system begins in the disk, in bytes.
  type: int
  returned: success
root_size:
  description: Its size in bytes.
  type: int
  returned: success
partition:
  description: Number of its partition.
  type: int
  returned: when the disk has a partition table
volume:
  description: Its logical volume, as C(group/volume).
  type: str
  returned: when it lies in LVM
kernel_version:
  description: Version of the kernel that was taken.
  type: str
  returned: when O(kernel) or O(ramdisk) is given
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils import _extract
from ansible_collections.goldsmith.openstack.plugins.module_utils._module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner

ARGUMENT_SPEC = {
    "src": {"type": "path", "required": True},
    "partition": {"type": "int"},
    "volume": {"type": "str"},
    "root": {"type": "path"},
    "kernel": {"type": "path"},
    "ramdisk": {"type": "path"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_one_of=[("root", "kernel", "ramdisk")]
    )
    params = module.params
    run_module(
        module,
        lambda: _extract.extract(
            Runner(),
            params["src"],
            _extract.Outputs(params["root"], params["kernel"], params["ramdisk"]),
            partition=params["partition"],
            volume=params["volume"] or None,
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
