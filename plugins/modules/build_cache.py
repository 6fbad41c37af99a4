#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: build_cache
short_description: Show what builds have kept, and remove it
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Lists the layers in the cache folder, and the parts beside them - C(downloads) (packages), C(lists) (of archives)
    and C(records) (what was made and proved).
  - Whatever is removed is made again by the next build. What a running build uses stays.
attributes:
  check_mode: {description: Nothing is removed; what would be is returned., support: full}
  diff_mode: {description: Shows what is removed., support: full}
  idempotent: {description: What is not there is not removed., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  cache_dir:
    description: The cache folder.
    type: path
    default: ~/.cache/goldsmith
  remove:
    description: Names as RV(entries) has them. V(layers) are all layers, V(all) is everything. A layer goes with those
      that lie on it.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show what is kept
  goldsmith.openstack.build_cache:

- name: Remove it
  goldsmith.openstack.build_cache:
    remove: [all]
"""

RETURN = r"""
entries:
  description: What is kept after the removal, with name, size in bytes, and for layers made and used in seconds since
    1970. The least recently used layer comes first.
  type: list
  elements: dict
  returned: always
size: {description: Bytes of all of it., type: int, returned: always}
removed: {description: Names of what was removed., type: list, elements: str, returned: always}
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces, removal
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.layers import Store

ARGUMENT_SPEC = {
    "cache_dir": {"type": "path", "default": "~/.cache/goldsmith"},
    "remove": {"type": "list", "elements": "str", "default": []},
}
# Parts beside the layers and their folders. A build that runs meanwhile makes again what it misses.
_PARTS = {"downloads": "packages", "lists": "archives", "records": "records"}


def run(params: dict, check_mode: bool) -> dict:
    """Remove what is to go, and list what is there."""
    runner, cache = Runner(), params["cache_dir"]
    parts = {name: os.path.join(cache, folder) for name, folder in _PARTS.items()}
    parts = {name: path for name, path in parts.items() if os.path.isdir(path)}
    store = Store(runner, cache, overlay=True) if os.path.isdir(os.path.join(cache, "layers")) else None
    layers = {layer.name: layer for layer in (store.layers() if store else [])}
    wanted = set(params["remove"])
    for name in sorted(wanted - {*layers, *_PARTS, "layers", "all"}):
        known = ", ".join(["all", "layers", *_PARTS, *layers])
        raise OptionError("remove", name, "is not kept", hint=f"use one of {known}")
    chosen = set(layers) if wanted & {"all", "layers"} else wanted & set(layers)
    removed = store.remove(sorted(chosen), check_mode=check_mode) if store and chosen else []
    for name in [name for name in parts if wanted & {"all", name}]:
        removed.append(name)
        path = parts.pop(name)
        if not check_mode:
            removal.remove(runner, path, ())
    entries = [{"name": name, "size": _size(runner, path)} for name, path in parts.items()]
    entries += [
        {"name": layer.name, "size": layer.size, "made": layer.made, "used": layer.used}
        for layer in layers.values()
        if layer.name not in removed
    ]
    gone = "".join(f"{name}\n" for name in removed)
    total = sum(entry["size"] for entry in entries)
    return {
        "changed": bool(removed),
        "entries": entries,
        "size": total,
        "removed": removed,
        "diff": {"before": gone, "after": ""},
    }


def _size(runner: Runner, path: str) -> int:
    argv = ["du", "--summarize", "--block-size=1", path]
    return int(runner.run([*namespaces.prefix(), *argv]).stdout.split()[0])


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    run_module(module, lambda: run(module.params, module.check_mode))


if __name__ == "__main__":
    main()
