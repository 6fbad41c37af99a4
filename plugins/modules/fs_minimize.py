#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the file system of an image, and its file, as small as they can be."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fs_minimize
short_description: Make the file system of an image as small as it can be
version_added: 1.0.0
author: "Goldsmith contributors (@goldsmith)"
description:
  - Makes an ext3 or ext4 file system as small as it can be, and the image file with it.
  - The image is a file system by itself, or a raw disk (MBR or GPT) whose last partition holds the file system.
    The partition and both copies of a GPT are adjusted. What lies before the partition stays as it is,
    so the boot loader keeps working.
  - Works on a copy beside the image, which takes its place at the end. The image is never half done.
  - Kept are owners, modes, times of modification, hard links, extended attributes and capabilities, special files,
    holes in files, and of the file system the uuid, label, features, journal, inode size and reserved share.
  - The file system must be clean. Nothing is mounted by the kernel's ext driver.
requirements:
  - e2fsprogs 1.46 or newer
  - util-linux
  - fuse2fs and C(/dev/fuse) for O(method=rebuild). One that is built with libfuse 3 (Debian 13) splits hard links; a
    file system that has some is then refused.
attributes:
  check_mode: {description: The image is examined only. The sizes after it are estimates., support: full}
  diff_mode: {description: Shows the sizes before and after., support: full}
  idempotent: {description: A file system that is as small as the method can make it is left as it is., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  path:
    description: The image file.
    type: path
    required: true
  partition:
    description:
      - The number of the partition that holds the file system. It must be the last one on the disk.
      - Without it the last partition is taken.
    type: int
  method:
    description:
      - V(rebuild) makes the file system again from its own files. The result is the smallest, and the files lie
        in one piece. Fractions of a second in times and the flags of C(chattr) are lost.
      - V(shrink) moves the end of the file system as far as C(resize2fs) can. It keeps everything.
      - The free blocks of both take no space in the file.
    type: str
    choices: [rebuild, shrink]
    default: rebuild
  free:
    description:
      - Percent of the file system that stay free, from V(0) to V(90).
      - With O(method=shrink) there may be more.
    type: float
    default: 2
seealso:
  - module: goldsmith.openstack.loop_image
  - module: goldsmith.openstack.disk_convert
"""

EXAMPLES = r"""
- name: Make a captured root file system small
  goldsmith.openstack.fs_minimize:
    path: /srv/images/captured.ext4

- name: Shrink the root partition of a disk, and keep every detail
  goldsmith.openstack.fs_minimize:
    path: /srv/images/debian.raw
    partition: 1
    method: shrink
    free: 10
"""

RETURN = r"""
before:
  description: Sizes in bytes before.
  returned: success
  type: dict
  contains:
    size: {description: The file., type: int, sample: 4294967296}
    allocated: {description: What the file takes up on the host., type: int, sample: 501403648}
    filesystem_size: {description: The file system., type: int, sample: 4294967296}
    filesystem_free: {description: Free bytes in it., type: int, sample: 3715313664}
after:
  description:
    - Sizes in bytes after, with the same keys as in RV(before).
    - In check mode only C(size) and C(filesystem_size), as estimates.
  returned: success
  type: dict
  sample: {"size": 545259520, "filesystem_size": 545259520}
saved: {description: By how many bytes the file became smaller., returned: success, type: int, sample: 3749707776}
partition:
  description: Number of the partition; null for a file system by itself.
  returned: success
  type: int
  sample: 1
method: {description: The method., returned: success, type: str, sample: rebuild}
seconds: {description: Time that it took., returned: success, type: float, sample: 9.4}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import minimize
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


def main() -> None:
    """Parse the options and make the image small."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "partition": {"type": "int"},
            "method": {"type": "str", "choices": ["rebuild", "shrink"], "default": "rebuild"},
            "free": {"type": "float", "default": 2},
        },
        supports_check_mode=True,
    )

    def work() -> dict[str, object]:
        outcome = minimize.run(
            Runner(),
            module.params["path"],
            method=module.params["method"],
            free=module.params["free"] / 100,
            partition=module.params["partition"],
            check_only=module.check_mode,
        )
        return {
            "changed": outcome.changed,
            "before": outcome.before,
            "after": outcome.after,
            "saved": outcome.before["size"] - outcome.after["size"],
            "partition": outcome.partition,
            "method": module.params["method"],
            "seconds": round(outcome.seconds, 2),
            "diff": {"before": outcome.before, "after": outcome.after},
        }

    run_module(module, work)


if __name__ == "__main__":
    main()
