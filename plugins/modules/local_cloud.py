#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a real Keystone and Glance on loopback."""

from __future__ import annotations

DOCUMENTATION = r"""
module: local_cloud
version_added: 1.0.0
short_description: Run a real Keystone and Glance on loopback
description:
  - Makes, starts, stops and removes a small OpenStack cloud on 127.0.0.1 that has Keystone and Glance, both as they are
    released on the Python package index. It needs neither privileges nor containers nor a database server.
  - It goes on running after the playbook. Use it to try what will be published, and in tests.
  - The cloud is named V(embedded) in the C(clouds.yaml) that the module writes.
  - The servers are known by process id and start time. No other process is ever stopped.
options:
  state:
    description:
      - V(started) makes what is missing and waits until both servers answer.
      - V(stopped) stops both and keeps all data.
      - V(reset) stops both, removes images, users and keys, and starts again with the same ports.
      - V(absent) stops both and removes all that is in O(directory).
    type: str
    choices: [started, stopped, reset, absent]
    default: started
  directory:
    description: Where all data of the cloud is, private to the user.
    type: path
    required: true
  venv:
    description:
      - Python environment of the servers, about 250 MB. Several clouds may share one.
      - Default is C(venv) in O(directory).
    type: path
  python:
    description:
      - Interpreter for O(venv), CPython 3.10 or newer. Default is the one that runs the module.
    type: path
  options:
    description:
      - Options of Glance, by the names that they have in its environment.
      - A change restarts the servers.
    type: dict
    default: {}
  timeout:
    description: Seconds for the servers to answer after their start.
    type: int
    default: 90
attributes:
  check_mode: {description: "Says whether the state would change, and changes nothing.", support: full}
  diff_mode: {description: Shows the state of the servers before and after., support: full}
  idempotent: {description: V(reset) always changes something., support: partial}
  platform: {description: Linux., support: full, platforms: posix}
requirements:
  - openstacksdk >= 1.0
author:
  - Goldsmith contributors (@goldsmith)
seealso:
  - module: goldsmith.openstack.glance_triplet_upload
"""

EXAMPLES = r"""
- name: Run a cloud to publish to
  goldsmith.openstack.local_cloud:
    directory: ~/.cache/goldsmith/local_cloud
  register: cloud

- name: See how an upload behaves on a cloud with a limit of 100 MiB
  goldsmith.openstack.local_cloud:
    directory: /var/tmp/small_cloud
    options:
      OS_DEFAULT__IMAGE_SIZE_CAP: "104857600"

- name: Remove it
  goldsmith.openstack.local_cloud:
    directory: ~/.cache/goldsmith/local_cloud
    state: absent
"""

RETURN = r"""
clouds_yaml:
  description: The file that names the cloud. Give it to a client as E(OS_CLIENT_CONFIG_FILE).
  returned: when O(state) is V(started) or V(reset)
  type: str
  sample: /home/me/.cache/goldsmith/local_cloud/clouds.yaml
cloud:
  description: Name of the cloud in that file.
  returned: when O(state) is V(started) or V(reset)
  type: str
  sample: embedded
auth_url:
  description: Address of Keystone.
  returned: when O(state) is V(started) or V(reset), except for a first start in check mode
  type: str
  sample: http://127.0.0.1:25000/v3
image_url:
  description: Address of Glance.
  returned: when O(state) is V(started) or V(reset), except for a first start in check mode
  type: str
  sample: http://127.0.0.1:29292
processes:
  description: Process id of each server that runs.
  returned: success
  type: dict
  sample: {"keystone": 4711, "glance": 4712}
"""

import os
import sys
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.servers import LocalCloud


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped", "reset", "absent"], "default": "started"},
            "directory": {"type": "path", "required": True},
            "venv": {"type": "path"},
            "python": {"type": "path"},
            "options": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 90},
        },
        supports_check_mode=True,
    )
    run_module(module, lambda: work(module.params, check=module.check_mode))


def work(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Bring the cloud into the state asked for."""
    directory = Path(os.path.abspath(params["directory"]))
    cloud = LocalCloud(
        directory=directory,
        venv=Path(os.path.abspath(params["venv"])) if params["venv"] else directory / "venv",
        python=params["python"] or sys.executable,
        options={name: str(value) for name, value in params["options"].items()},
        timeout=params["timeout"],
    )
    state = params["state"]
    before = _state_of(cloud)
    changed = _would_change(cloud, state) if check else _change(cloud, state)
    after = {"reset": "started"}.get(state, state) if changed else before
    result: dict[str, Any] = {
        "changed": changed,
        "processes": cloud.processes(),
        "diff": {"before": {"state": before}, "after": {"state": after}},
    }
    if state in ("started", "reset"):
        result.update(clouds_yaml=os.fspath(cloud.clouds_yaml), cloud="embedded")
        if settings := cloud.settings():
            result.update(auth_url=settings.identity_url, image_url=settings.image_url)
    return result


def _state_of(cloud: LocalCloud) -> str:
    if cloud.up:
        return "started"
    if not cloud.directory.exists():
        return "absent"
    return "incomplete" if cloud.running else "stopped"


def _would_change(cloud: LocalCloud, state: str) -> bool:
    if state == "started":
        return not cloud.up
    if state == "stopped":
        return cloud.running
    return state == "reset" or cloud.directory.exists()


def _change(cloud: LocalCloud, state: str) -> bool:
    if state == "stopped":
        return cloud.stop()
    if state == "absent":
        return cloud.remove()
    if state == "reset":
        cloud.wipe()
    return cloud.start() or state == "reset"


if __name__ == "__main__":
    main()
