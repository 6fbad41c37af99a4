#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: tree_rpm_database
short_description: Give a tree with the same packages the same rpm and dnf databases
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - rpm and dnf write down when packages were installed, by whom and by which command, and their files depend on the
    number of steps. Afterwards the same packages are the same bytes. The times in the history of dnf become that of the
    newest package.
  - What the databases say of packages stays. A tree without such databases is left alone.
attributes:
  check_mode: {description: Tells which files would change., support: full}
  diff_mode: {description: Lists the files., support: full}
  idempotent: {description: A second run changes nothing., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  path:
    description: The root of the tree.
    type: path
    required: true
seealso:
  - module: goldsmith.openstack.tree_seal
"""

EXAMPLES = r"""
- name: Let nobody see how the packages were installed
  goldsmith.openstack.tree_rpm_database:
    path: /var/tmp/tree
"""

RETURN = r"""
paths:
  description: The files that were changed, as paths in the tree.
  type: list
  elements: str
  returned: always
  sample: [/usr/lib/sysimage/rpm/rpmdb.sqlite]
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rpm, stack

ARGUMENT_SPEC = {"path": {"type": "path", "required": True}}


def run(path: str, check_mode: bool) -> dict:
    """Settle the databases of the tree, or tell which are not settled."""
    if not os.path.isdir(path) or os.path.samefile(path, "/"):
        raise OptionError("path", path, "is not a folder with a root file system")
    found = rpm.settle(Runner(), os.path.realpath(path), stack.prefix(path), check_mode=check_mode)
    after = "".join(f"{name}: written anew\n" for name in found)
    return {
        "changed": bool(found),
        "paths": found,
        "diff": {"before": "".join(f"{name}\n" for name in found), "after": after},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    path = module.params["path"]
    run_module(module, lambda: run(path, module.check_mode), enter=lambda: stack.enter(path))


if __name__ == "__main__":
    main()
