#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: file_set
short_description: Write a set of small configuration files in one task
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Writes files, makes links and removes paths, all in one task. A task for each file takes half a second, which adds
    up when an image is configured.
attributes:
  check_mode: {description: Nothing is written., support: full}
  diff_mode: {description: Shows every file before and after., support: full}
  idempotent: {description: What is as it shall be is left alone., support: full}
  platform: {description: Any POSIX system., support: full, platforms: posix}
options:
  files:
    description: The paths and what shall be there.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The path; missing folders are made.
        type: path
        required: true
      content:
        description: Text of the file. Empty text makes an empty file.
        type: str
      target:
        description: What a symbolic link points to.
        type: str
      mode:
        description: Permissions of the file, in octal.
        type: str
        default: '0644'
      replaces:
        description: The only text that may be there before. A file with another one stays as it is, and is told in
          RV(kept).
        type: str
      state:
        description: V(absent) removes a file or link.
        type: str
        choices: [present, absent]
        default: present
"""

EXAMPLES = r"""
- name: Name the host and keep the kernel quiet
  goldsmith.openstack.file_set:
    files:
      - path: /etc/hostname
        content: "localhost\n"
      - path: /etc/sysctl.d/50-quiet.conf
        content: "kernel.printk = 3 4 1 3\n"
      - path: /etc/motd
        state: absent
"""

RETURN = r"""
paths: {description: The paths that were changed., type: list, elements: str, returned: always}
kept: {description: 'The paths that stay, since they have other text.', type: list, elements: str, returned: always}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import configuration
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module

ARGUMENT_SPEC = {
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str"},
            "target": {"type": "str"},
            "mode": {"type": "str", "default": "0644"},
            "replaces": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
}


def entry_of(item: dict) -> configuration.Entry:
    """Return the entry that an item describes."""
    path, present = item["path"], item["state"] == "present"
    if not path.startswith("/"):
        raise OptionError("files.path", path, "is not absolute", hint="begin it with /")
    if present and (item["content"] is None) == (item["target"] is None):
        raise OptionError("files", path, "needs either content or target")
    try:
        mode = int(item["mode"], 8)
    except ValueError:
        raise OptionError("files.mode", item["mode"], "is not octal", hint="write it like '0644'") from None
    content, target = (item[name] if present else None for name in ("content", "target"))
    return configuration.Entry(path, content, target, mode, item["replaces"])


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    run_module(
        module,
        lambda: configuration.bring_about(
            [entry_of(item) for item in module.params["files"]], check_mode=module.check_mode
        ),
    )


if __name__ == "__main__":
    main()
