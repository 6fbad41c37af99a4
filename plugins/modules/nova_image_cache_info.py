#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report what lies in Compute's image cache."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_image_cache_info
short_description: Report what lies in Compute's image cache
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Lists the files in the cache folder of a compute host (C(_base)), who uses each, its size and age, and when Nova
    would remove it under the settings in force.
  - Who uses a file is read from the headers of the instances' disks. No disk is opened as such, and nothing outside the
    folder of the instances is read but what a link there leads to.
  - Nova asks its database instead. It also keeps a file whose instances have disks of their own, as with
    C(use_cow_images=false), or whose instances are on other hosts. It then touches the file each time that it looks,
    and RV(files[].age) stays below the interval.
attributes:
  check_mode: {description: Nothing is ever changed., support: full}
  diff_mode: {description: Nothing is ever changed., support: none}
  idempotent: {description: Nothing is ever changed., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  config_files:
    description:
      - The files that nova-compute reads, in its order. Empty for Nova's defaults.
      - By default C(/etc/nova/nova.conf), then C(nova-compute.conf), C(nova.conf.d/*.conf) and
        C(nova-compute.conf.d/*.conf) beside it, where they are there.
    type: list
    elements: path
  instances_path:
    description: Folder of the instances. By default as in C(nova.conf), else C(/var/lib/nova/instances).
    type: path
  subdirectory:
    description: Folder of the cache in O(instances_path). By default as in C(nova.conf), else C(_base).
    type: str
  images:
    description:
      - Images, so that files can be told by their names. Each has C(id) and perhaps C(name).
      - The kernel and the ramdisk of an image in use are in use as well, where C(kernel_id) and C(ramdisk_id) are in it
        or in its C(attributes). So RV(goldsmith.openstack.glance_image_info#module:images) fits here.
    type: list
    elements: dict
    default: []
  limit:
    description: How many files are listed, the largest ones. The totals have all.
    type: int
    default: 1000
seealso:
  - module: goldsmith.openstack.nova_image_cache
"""

EXAMPLES = r"""
- name: List the images of the cloud
  goldsmith.openstack.glance_image_info:
    cloud: production
  delegate_to: localhost
  register: glance

- name: Look into the cache
  goldsmith.openstack.nova_image_cache_info:
    images: "{{ glance.images }}"
  become: true
  register: cache

- name: Show it
  ansible.builtin.debug:
    msg: "{{ cache.lines }}"
"""

RETURN = r"""
base: {description: The cache folder., returned: success, type: str, sample: /var/lib/nova/instances/_base}
settings:
  description: What is in force, by the names in C(nova.conf). C(manager_interval) is -1 where the manager does not run.
  returned: success
  type: dict
  sample:
    instances_path: /var/lib/nova/instances
    subdirectory_name: _base
    preallocate_images: none
    remove_unused_base_images: true
    remove_unused_original_minimum_age_seconds: 86400
    remove_unused_resized_minimum_age_seconds: 3600
    manager_interval: 2400
files:
  description: The files, that which takes the most room first.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Its name., type: str, sample: "8cbd1a1ac1a2d2ea11bd8bbd8bcd8d4a6e8c5bd3"}
    kind:
      description: What Nova takes it for, V(original), V(resized), V(swap), V(ephemeral) or V(other).
      type: str
      sample: original
    type: {description: "V(file), V(directory), V(link), V(socket), V(fifo) or V(device).", type: str, sample: file}
    state:
      description:
        - V(in_use) if a disk names it; V(kept) if none does and Nova keeps it for another file of its image, or because
          an image in use needs it; V(unused); V(ignored) for what is not Nova's.
      type: str
      sample: unused
    image_id:
      description: Id of its image, where it is among O(images).
      type: str
      sample: 1bea47ed-f6a9-463b-b423-14b9cca9ad27
    image_name: {description: "Name of its image, where it is among O(images).", type: str, sample: debian-13-amd64}
    users:
      description: The disks that name it, in O(instances_path).
      type: list
      elements: str
      sample: [4d5e34e8-5e0c-4a2b-9a8e-6f0a53d3bb40/disk]
    size: {description: Its length in bytes., type: int, sample: 3221225472}
    allocated: {description: The bytes that it takes on the disk., type: int, sample: 912293888}
    modified:
      description: When it was touched last, by a writer or by Nova.
      type: str
      sample: '2026-01-30T08:00:00Z'
    age: {description: Seconds since then., type: int, sample: 90000}
    due: {description: Whether Nova removes it when it looks again., type: bool, sample: true}
    removable_from:
      description: From when Nova may remove it; null for never, or where it is in use.
      type: str
      sample: '2026-01-31T08:00:00Z'
    removed_by:
      description: By when it is gone, if nobody uses it until then; null as RV(files[].removable_from).
      type: str
      sample: '2026-01-31T09:40:00Z'
totals:
  description:
    - Number of files, their bytes and the bytes that they take on the disk, for each state of images, for those of the
      unused that are due, for C(swap_and_ephemeral), and for C(all).
  returned: success
  type: dict
  sample:
    in_use: {files: 1, size: 3221225472, allocated: 912293888}
    unused: {files: 0, size: 0, allocated: 0}
truncated: {description: Whether there are more files than O(limit)., returned: success, type: bool, sample: false}
unread:
  description: The first 100 of the disks and folders that could not be read, with the reason.
  returned: success
  type: list
  elements: dict
  sample: []
complete:
  description: Whether all could be read. Else a file that is called unused may have a user.
  returned: success
  type: bool
  sample: true
lines:
  description: The report for people.
  returned: success
  type: list
  elements: str
  sample: ["/var/lib/nova/instances/_base: 1 file, 3.0 GiB (870.0 MiB on disk)"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova import cache_report


def main() -> None:
    """Parse the options and look."""
    module = AnsibleModule(
        argument_spec={
            "config_files": {"type": "list", "elements": "path"},
            "instances_path": {"type": "path"},
            "subdirectory": {"type": "str"},
            "images": {"type": "list", "elements": "dict", "default": []},
            "limit": {"type": "int", "default": 1000},
        },
        supports_check_mode=True,
    )
    run_module(module, lambda: work(module.params))


def work(params: dict[str, Any]) -> dict[str, Any]:
    """Return the report."""
    settings = cache_report.settings_from(params)
    images = cache_report.images_from(params["images"])
    return {"changed": False, **cache_report.report(settings, images, params["limit"])}


if __name__ == "__main__":
    main()
