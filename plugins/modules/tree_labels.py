#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: tree_labels
short_description: Give the files of a tree the labels of its SELinux policy
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Labels all files of a root file system as its own policy says, so that it starts with SELinux enforcing and labels
    nothing at its first boot. A tree that does not start SELinux is left alone.
  - Only the list of labels is read of the policy. No program of the tree is run, and the host needs no SELinux.
requirements:
  - setfiles (policycoreutils), for a tree that starts SELinux
  - a file system that keeps extended attributes
attributes:
  check_mode: {description: No label is set., support: full}
  diff_mode: {description: Shows the files that get another label., support: full}
  idempotent: {description: Files that have their label are left alone., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  path:
    description: The root of the tree.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Label the tree
  goldsmith.openstack.tree_labels:
    path: /var/tmp/tree
"""

RETURN = r"""
mode:
  description: How the tree starts SELinux, V(enforcing) or V(permissive); empty where it does not.
  type: str
  returned: always
count: {description: How many files got another label., type: int, returned: always}
paths: {description: The first 1000 of them., type: list, elements: str, returned: always}
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import selinux, stack

ARGUMENT_SPEC = {"path": {"type": "path", "required": True}}
_MOST = 1000


def run(path: str, check_mode: bool) -> dict:
    """Label the tree, or tell what would be labelled."""
    if not os.path.isdir(path) or os.path.samefile(path, "/"):
        raise OptionError("path", path, "is not a folder with a root file system")
    found = selinux.label(Runner(), os.path.realpath(path), stack.prefix(path), check_mode=check_mode)
    listed = "".join(f"{name}\n" for name in found)
    return {
        "changed": bool(found),
        "mode": selinux.mode(TreeFiles(path)),
        "count": len(found),
        "paths": found[:_MOST],
        "diff": {"before": listed, "after": "".join(f"{name}: labelled\n" for name in found)},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    path = module.params["path"]
    run_module(module, lambda: run(path, module.check_mode), enter=lambda: stack.enter(path))


if __name__ == "__main__":
    main()
