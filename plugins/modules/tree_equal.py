#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: tree_equal
short_description: Make a tree equal to another one
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Writes only what differs, so that a tree that lies in layers keeps these. Owners, modes, times, hard links, holes,
    access lists and extended attributes are part of it.
  - A file of the same size and time counts as the same.
requirements:
  - rsync; for ordinary users subordinate ids
attributes:
  check_mode: {description: Tells what differs., support: full}
  diff_mode: {description: Lists what differs., support: full}
  idempotent: {description: Nothing differs afterwards., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  path:
    description: The tree.
    type: path
    required: true
  src:
    description: Folder with the root file system that it becomes equal to.
    type: path
    required: true
  exclude:
    description: Patterns of rsync for what is left in O(path) as it is, as C(/etc/hostname).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Take over what a system has become in a guest
  goldsmith.openstack.tree_equal:
    path: /var/tmp/image/tree
    src: /var/tmp/image/extracted
"""

RETURN = r"""
paths: {description: What differed., type: list, elements: str, returned: always, sample: [/etc/motd]}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.equal import make_equal

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "src": {"type": "path", "required": True},
    "exclude": {"type": "list", "elements": "str", "default": []},
}


def run(params: dict, check_mode: bool) -> dict:
    """Make it equal, and tell what differed."""
    paths = make_equal(Runner(), params["path"], params["src"], params["exclude"], check_mode=check_mode)
    diff = {"before": "", "after": "".join(f"{path}\n" for path in paths)}
    return {"changed": bool(paths), "paths": paths, "diff": diff}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    run_module(module, lambda: run(module.params, module.check_mode))


if __name__ == "__main__":
    main()
