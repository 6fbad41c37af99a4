#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: tree_layer
short_description: Keep a tree as it is now as a layer
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - What was changed in the tree since its last layer becomes a layer that nobody writes to any more, and later builds
    begin above it. The tree is used on as before.
  - A layer is there whole or not at all. What was not used for longest is removed where all of them would take more
    than O(max_size); what a running build uses stays.
requirements:
  - A tree that M(goldsmith.openstack.tree_bootstrap) has made with C(layers_dir)
attributes:
  check_mode: {description: Nothing is kept., support: full}
  diff_mode: {description: Shows the kind and the key of the layer., support: full}
  idempotent: {description: A layer that is there already is left alone., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  path:
    description: The tree.
    type: path
    required: true
  layers_dir:
    description: The folder that was given to M(goldsmith.openstack.tree_bootstrap).
    type: path
    required: true
  kind:
    description: Name of the step that is done now.
    type: str
    required: true
  key:
    description: Its key, as in RV(goldsmith.openstack.tree_bootstrap#module:keys).
    type: str
    required: true
  facts:
    description: What is told to who begins above this layer, as RV(goldsmith.openstack.tree_bootstrap#module:facts).
    type: dict
    default: {}
  max_size:
    description: How much all layers may take, as V(10G).
    type: str
"""

EXAMPLES = r"""
- name: Keep the configured system
  goldsmith.openstack.tree_layer:
    path: "{{ bootstrapped.path }}"
    layers_dir: ~/.cache/goldsmith
    kind: guest
    key: "{{ bootstrapped.keys.guest }}"
"""

RETURN = r"""
removed: {description: The layers that were removed to make room., type: list, elements: str, returned: always}
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import parse_size
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.layers import Store

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "layers_dir": {"type": "path", "required": True},
    "kind": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": False},
    "facts": {"type": "dict", "default": {}},
    "max_size": {"type": "str"},
}


def run(params: dict, check_mode: bool) -> dict:
    """Keep the layer, then make room."""
    limit = parse_size(params["max_size"], "max_size") if params["max_size"] else None
    diff = {"before": "", "after": f"{params['kind']} {params['key']}\n"}
    if check_mode and not os.path.isdir(os.path.join(params["layers_dir"], "layers")):
        return {"changed": True, "removed": [], "diff": diff}
    store = Store(Runner(), params["layers_dir"])
    if check_mode:
        kept, limit = store.find(params["kind"], params["key"]) is None, None
    else:
        kept = store.keep(params["kind"], params["key"], params["path"], params["facts"])
    removed = [] if limit is None else store.shrink(limit)
    return {"changed": kept, "removed": removed, "diff": diff if kept else {"before": "", "after": ""}}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    run_module(module, lambda: run(module.params, module.check_mode))


if __name__ == "__main__":
    main()
