#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which file or region of two images differs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_compare_info
short_description: Say which file or region of two images differs
version_added: 1.0.0
author: "Goldsmith contributors (@goldsmith)"
description:
  - Compares two images of disks (raw, qcow2, VHD), two images of file systems, or any two files, without a mount.
  - Disks are compared by their format and size, partition table, LVM, boot code and what lies between the partitions.
    Then each partition or logical volume is compared with the one of the same name.
  - Of ext2, ext3 and ext4 it names the files that differ, and in what. If all files are the same, it names the
    regions in which bytes differ, such as the journal or free blocks. Of all else it names the bytes.
  - The content of files is never shown. Values of extended attributes are.
  - The module succeeds when the images differ; look at RV(identical).
  - A qcow2 or VHD is unpacked below E(TMPDIR) or C(/var/tmp) for this, so there must be room for its data.
requirements:
  - qemu-img
  - util-linux
attributes:
  check_mode: {description: Nothing is ever changed., support: full}
  diff_mode: {description: Nothing is ever changed., support: none}
  idempotent: {description: Nothing is ever changed., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  path:
    description: An image of a disk or of a file system, or any other file.
    type: path
    required: true
  other:
    description: What it is compared with. Images of different formats can be compared.
    type: path
    required: true
  limit:
    description:
      - How many differences of each part (a partition, a logical volume, the partition table) are listed.
      - RV(left_out) counts the others.
    type: int
    default: 100
seealso:
  - module: goldsmith.openstack.image_audit_info
"""

EXAMPLES = r"""
- name: Compare the images of two builds
  goldsmith.openstack.image_compare_info:
    path: first/debian-13-amd64.qcow2
    other: second/debian-13-amd64.qcow2
  register: compared

- name: Stop where they differ
  ansible.builtin.assert:
    that: compared.identical
    fail_msg: "{{ compared.summary }}"

- name: Name the files that have another content
  ansible.builtin.debug:
    msg: "{{ compared.differences | selectattr('what', 'eq', 'content') | map(attribute='where') }}"
"""

RETURN = r"""
identical:
  description: Whether the two files are the same byte for byte.
  returned: success
  type: bool
  sample: false
same_content:
  description: Whether the disks in them are the same, even if the files store them differently.
  returned: success
  type: bool
  sample: false
one:
  description: The image O(path).
  returned: success
  type: dict
  contains: &image
    path: {description: The file., type: str, sample: first/debian-13-amd64.qcow2}
    size: {description: The size of the file in bytes., type: int, sample: 161480704}
    format: {description: "V(raw), V(qcow2), V(vpc) or another format.", type: str, sample: qcow2}
    virtual_size: {description: The size of the disk in bytes., type: int, sample: 2147483648}
other:
  description: The image O(other).
  returned: success
  type: dict
  contains: *image
differences:
  description: What differs. Empty if the files are identical.
  returned: success
  type: list
  elements: dict
  contains:
    where:
      description: The part of the image, and the file or region in it.
      type: str
      sample: "partition 1: /etc/hostname"
    what:
      description:
        - Of files V(missing), V(kind), V(mode), V(owner), V(group), V(content), V(target) of a link, V(device),
          V(hard links), V(flags), V(mtime), V(other times) (of access, change and creation), or V(attribute) with
          its name.
        - Of regions V(bytes). Of all else the name of the fact.
      type: str
      sample: mode
    one:
      description: What O(path) has; none if it has nothing, or if only bytes differ.
      type: str
      sample: "0644"
    other:
      description: What O(other) has; none if it has nothing, or if only bytes differ.
      type: str
      sample: "0600"
    byte:
      description: The first byte that differs, counted from the start of the file or of the part.
      type: int
      sample: 12
    count: {description: How many bytes differ., type: int, sample: 3}
left_out: {description: How many differences are not listed., returned: success, type: int, sample: 0}
summary:
  description: The differences as lines for a person.
  returned: success
  type: list
  elements: str
  sample: ["partition 1: /etc/hostname: mode: 0644 / 0600"]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.compare import compare
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


def main() -> None:
    """Parse the options and compare."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "other": {"type": "path", "required": True},
            "limit": {"type": "int", "default": 100},
        },
        supports_check_mode=True,
    )

    def work() -> dict[str, object]:
        found = compare(Runner(), module.params["path"], module.params["other"], module.params["limit"])
        return {
            "changed": False,
            "identical": found.identical,
            "same_content": found.same_content,
            "one": found.one,
            "other": found.other,
            "differences": [difference.describe() for difference in found.differences],
            "left_out": found.left_out,
            "summary": found.summary,
        }

    run_module(module, work)


if __name__ == "__main__":
    main()
