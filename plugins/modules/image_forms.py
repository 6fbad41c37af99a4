#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_forms
short_description: Make the forms of a disk at the same time
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Makes what M(goldsmith.openstack.disk_convert) and M(goldsmith.openstack.disk_extract) make of a raw disk image,
    side by side, and hashes each file as soon as it is whole.
attributes:
  check_mode: {description: Nothing is written., support: full}
  diff_mode: {description: Shows the files., support: full}
  idempotent: {description: A file that holds the same already is kept., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  src:
    description: The raw disk image, with one root file system.
    type: path
    required: true
  path:
    description: The folder for the files, which exists.
    type: path
    required: true
  artifacts:
    description: What is made.
    type: list
    elements: dict
    required: true
    suboptions:
      file:
        description: Name of the file in O(path). For V(raw) it must be O(src).
        type: str
        required: true
      format:
        description: Format as Glance names it. V(ami), V(aki) and V(ari) are root file system, kernel and ramdisk.
        type: str
        required: true
        choices: [qcow2, raw, vhd, aki, ari, ami]
  compression:
    description: Compression of a qcow2.
    type: str
    choices: [zstd, zlib]
    default: zstd
  tree:
    description:
      - The tree that the disk was made of. The zstd in it packs a qcow2, so that the file is the same on every host.
      - Without a tree the library of this host packs it. It also does so, with a warning, if that zstd cannot be run.
      - Programs in the tree are run, with the rights of the build. Leave it out if you do not trust them.
    type: path
seealso:
  - module: goldsmith.openstack.disk_convert
  - module: goldsmith.openstack.disk_extract
"""

EXAMPLES = r"""
- name: Make qcow2 and triplet
  goldsmith.openstack.image_forms:
    src: /srv/build/debian.raw
    path: /srv/images
    artifacts:
      - {format: qcow2, file: debian.qcow2}
      - {format: ami, file: debian.ext4}
      - {format: aki, file: debian.vmlinuz}
      - {format: ari, file: debian.initrd}
"""

RETURN = r"""
files:
  description: The files with format, file, sha512 and, for disks, virtual_size in bytes.
  type: list
  elements: dict
  returned: success; in check mode without those that would be made
timings:
  description: Seconds of C(convert) and C(triplet), which ran side by side.
  type: dict
  returned: success
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence import forms
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stack

ARGUMENT_SPEC = {
    "src": {"type": "path", "required": True},
    "path": {"type": "path", "required": True},
    "artifacts": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "file": {"type": "str", "required": True},
            "format": {"type": "str", "required": True, "choices": ["qcow2", "raw", "vhd", "aki", "ari", "ami"]},
        },
    },
    "compression": {"type": "str", "choices": ["zstd", "zlib"], "default": "zstd"},
    "tree": {"type": "path"},
}


def run(params: dict, check_mode: bool) -> dict:
    """Make the files."""
    paths = {item["format"]: os.path.join(params["path"], item["file"]) for item in params["artifacts"]}
    if not os.path.isdir(params["path"]):
        raise OptionError("path", params["path"], "is not a folder", hint="make it first")
    if os.path.realpath(paths.get("raw", params["src"])) != os.path.realpath(params["src"]):
        raise OptionError("src", params["src"], f"is not the raw disk {paths['raw']}", hint="write it there")
    options = {"compression": params["compression"], "tree": params["tree"], "check_mode": check_mode}
    result = forms.make(Runner(), params["src"], paths, **options)
    names = "".join(f"{item['file']}\n" for item in params["artifacts"])
    return {**result, "diff": {"before": "" if result["changed"] else names, "after": names}}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    run_module(module, lambda: run(module.params, module.check_mode), enter=lambda: stack.enter(module.params["tree"]))


if __name__ == "__main__":
    main()
