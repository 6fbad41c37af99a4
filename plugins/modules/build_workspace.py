#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: build_workspace
short_description: Take and give back the folder in which an image is built
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Makes an empty folder in the cache for one build, and the output folder. What a killed build left there is removed,
    also where its files belong to subordinate ids.
  - The folder is locked for the whole playbook run. A second build of the same image fails and names the process of the
    first. When that process ends, however it ends, the lock is free.
attributes:
  check_mode: {description: Nothing is made., support: full}
  diff_mode: {description: Shows the folder., support: full}
  idempotent: {description: O(state=present) always gives an empty folder., support: partial}
  platform: {description: Linux., support: full, platforms: posix}
options:
  name:
    description: Name of the image.
    type: str
    required: true
  output_dir:
    description: Folder that the image's files go to. One that is still empty is removed with O(state=absent).
    type: path
    required: true
  cache_dir:
    description: Folder for everything that can be made again.
    type: path
    default: ~/.cache/goldsmith
  tree:
    description:
      - Whether programs run in the workspace, in a tree with files of several owners. A file system that does not let
        them, because of C(noexec) or of owners that cannot be changed, is refused; C(nosuid) is warned of.
    type: bool
    default: true
  state:
    description: V(present) takes the workspace, V(absent) removes it.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Take the workspace of an image
  goldsmith.openstack.build_workspace:
    name: debian-13-amd64
    output_dir: dist/debian-13-amd64
  register: workspace
"""

RETURN = r"""
path: {description: The folder to work in., type: str, returned: always}
"""

from collections.abc import Callable

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.workspace import workspace

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "output_dir": {"type": "path", "required": True},
    "cache_dir": {"type": "path", "default": "~/.cache/goldsmith"},
    "tree": {"type": "bool", "default": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def run(params: dict, check_mode: bool, warn: Callable[[str], None]) -> dict:
    """Bring the workspace into the state that was asked for."""
    place = workspace(params["name"], params["output_dir"], params["cache_dir"], tree=params["tree"])
    action = place.present if params["state"] == "present" else place.absent
    result = action(Runner(), check_mode=check_mode)
    for line in result.pop("warnings", ()):
        warn(line)
    return result


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    run_module(module, lambda: run(module.params, module.check_mode, module.warn))


if __name__ == "__main__":
    main()
