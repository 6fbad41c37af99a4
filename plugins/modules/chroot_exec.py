#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: chroot_exec
short_description: Run programs in a tree or in the root file system of an image
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Runs one command, a list of commands or a script in a folder with a root file system, or in an image.
  - The programs see /proc, /sys, /dev and /run of their own and the host's name resolution. Package scripts start no
    daemon. All mounts, and every process that was left running, are gone when a command ends, however it ends.
  - A tree needs no root, only a range of subordinate ids. Mounting an image needs root.
attributes:
  check_mode: {description: Nothing is run. O(creates) and O(removes) are asked., support: full}
  diff_mode: {description: What a program changes is not known., support: none}
  idempotent: {description: With O(creates) or O(removes)., support: partial}
  platform: {description: Linux., support: full, platforms: posix}
options:
  tree:
    description: Folder with a root file system. Give this or O(image).
    type: path
  image:
    description: Raw image. The programs run in a copy, which takes its place when all of them have succeeded.
    type: path
  partition:
    description: Number of the partition with the root file system. The default is the only one with an ext file system.
    type: int
  command:
    description: One command line, split into words as a shell would, but run without a shell.
    type: str
  argv:
    description: One command as a list of words.
    type: list
    elements: str
  commands:
    description: Command lines, run in this order until one fails.
    type: list
    elements: str
  script:
    description: A script, run by O(executable).
    type: str
  executable:
    description: What runs O(script), inside the tree.
    type: str
    default: /bin/sh
  creates:
    description: A path inside. Nothing is run if it exists.
    type: str
  removes:
    description: A path inside. Nothing is run if it does not exist.
    type: str
  chdir:
    description: A folder inside to run in.
    type: str
  environment:
    description: Environment variables, beside a small fixed set and the host's proxy settings.
    type: dict
    default: {}
  timeout:
    description: Seconds after which a command and all that it started are killed. The default is no limit.
    type: float
"""

EXAMPLES = r"""
- name: Make the initramfs of a tree again
  goldsmith.openstack.chroot_exec:
    tree: /var/tmp/tree
    command: update-initramfs -u -k all
    timeout: 300

- name: Add a package to an image
  goldsmith.openstack.chroot_exec:
    image: dist/debian.raw
    commands:
      - apt-get update
      - apt-get install -y htop
      - apt-get clean
    creates: /usr/bin/htop
  become: true
"""

RETURN = r"""
results:
  description: One entry for each command.
  type: list
  elements: dict
  returned: always
  contains:
    cmd: {description: The command as words., type: list, elements: str}
    rc: {description: Exit status., type: int}
    stdout: {description: What it printed., type: str}
    stderr: {description: What it printed to stderr., type: str}
    seconds: {description: How long it took., type: float}
rc: {description: Exit status of the last command., type: int, returned: always}
stdout: {description: What the last command printed., type: str, returned: always}
stderr: {description: What the last command printed to stderr., type: str, returned: always}
"""

import shlex

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import commands

ARGUMENT_SPEC = {
    "tree": {"type": "path"},
    "image": {"type": "path"},
    "partition": {"type": "int"},
    "command": {"type": "str"},
    "argv": {"type": "list", "elements": "str"},
    "commands": {"type": "list", "elements": "str"},
    "script": {"type": "str"},
    "executable": {"type": "str", "default": "/bin/sh"},
    "creates": {"type": "str"},
    "removes": {"type": "str"},
    "chdir": {"type": "str"},
    "environment": {"type": "dict", "default": {}},
    "timeout": {"type": "float"},
}


def work_of(params: dict) -> commands.Work:
    """Return the work that the options describe."""
    if params["script"] is not None:
        steps = [(params["executable"], "-c", params["script"])]
    elif params["argv"] is not None:
        steps = [tuple(params["argv"])]
    else:
        option = "command" if params["command"] is not None else "commands"
        lines = [params["command"]] if params["command"] is not None else params["commands"]
        steps = [_split(option, line) for line in lines]
    if not all(steps) or not steps:
        raise OptionError("command", "", "is empty", hint="name a program")
    if params["timeout"] is not None and params["timeout"] <= 0:
        raise OptionError("timeout", params["timeout"], "is no time", hint="write seconds, or leave it out")
    return commands.Work(
        steps=tuple(steps),
        environment={name: str(value) for name, value in params["environment"].items()},
        timeout=params["timeout"],
        chdir=params["chdir"],
        creates=params["creates"],
        removes=params["removes"],
    )


def _split(option: str, line: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        raise OptionError(option, line, f"cannot be split into words: {error}") from None


def run(params: dict, check_mode: bool) -> dict:
    """Run the work in the tree or the image."""
    runner, work = Runner(), work_of(params)
    if params["tree"]:
        return commands.run_in_tree(runner, params["tree"], work, check_mode=check_mode)
    return commands.run_in_image(runner, params["image"], work, partition=params["partition"], check_mode=check_mode)


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        supports_check_mode=True,
        required_one_of=[("tree", "image"), ("command", "argv", "commands", "script")],
        mutually_exclusive=[("tree", "image"), ("command", "argv", "commands", "script")],
    )
    run_module(module, lambda: run(module.params, module.check_mode))


if __name__ == "__main__":
    main()
