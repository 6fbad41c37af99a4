#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: tree_ramdisk
short_description: Make an initramfs that is a whole system
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Packs a root file system as an initramfs (cpio, gzip). A kernel with it starts the system in memory and needs no
    disk, as the deploy ramdisk of Ironic does.
  - The files below C(/boot) are left out. C(/init) is a link to C(/sbin/init), C(/etc/fstab) is empty, and SELinux is
    disabled, because the archive has neither its labels nor other extended attributes.
  - The same tree is the same file on every host.
requirements: [bash, cpio, gzip]
attributes:
  check_mode: {description: The file is made and dropped., support: full}
  diff_mode: {description: Shows the name of the file., support: full}
  idempotent: {description: A file that holds the same already is kept., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  path:
    description: The root of the tree.
    type: path
    required: true
  dest:
    description: The file, in a folder that exists.
    type: path
    required: true
  epoch:
    description: Seconds since 1970. What is younger in the tree gets this time.
    type: int
    required: true
seealso:
  - module: goldsmith.openstack.image_boot
"""

EXAMPLES = r"""
- name: Make a system that runs in memory
  goldsmith.openstack.tree_ramdisk:
    path: /var/tmp/tree
    dest: /srv/images/deploy.initramfs
    epoch: 1767225600
"""

RETURN = r"""
file:
  description: The file with format, file and sha512, as of M(goldsmith.openstack.image_forms).
  type: dict
  returned: success, in check mode if it is there
elapsed: {description: Seconds that it took., type: float, returned: success}
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import ramdisk, stack

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "epoch": {"type": "int", "required": True},
}


def run(params: dict, check_mode: bool) -> dict:
    """Make the file, or tell whether it would be another one."""
    path, dest = params["path"], params["dest"]
    if not os.path.isdir(path) or os.path.samefile(path, "/"):
        raise OptionError("path", path, "is not a folder with a root file system")
    if not os.path.isdir(os.path.dirname(os.path.abspath(dest))):
        raise OptionError("dest", dest, "is in a folder that does not exist", hint="make it first")
    began = time.monotonic()
    changed = ramdisk.make(Runner(), path, dest, params["epoch"], check_mode=check_mode)
    name = os.path.basename(dest)
    found = {} if check_mode and changed else {"format": "initramfs", "file": name, "sha512": sha512_of(dest)}
    return {
        "changed": changed,
        "file": found,
        "elapsed": round(time.monotonic() - began, 3),
        "diff": {"before": "" if changed else f"{name}\n", "after": f"{name}\n"},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    run_module(module, lambda: run(module.params, module.check_mode), enter=lambda: stack.enter(module.params["path"]))


if __name__ == "__main__":
    main()
