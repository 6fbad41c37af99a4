#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold an image or a tree against what OpenStack asks of it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_audit_info
short_description: Hold an image or a tree against what OpenStack asks of it
version_added: 1.0.0
author: "Goldsmith contributors (@goldsmith)"
description:
  - Looks into an image, offline and without a mount, and gives one result for each requirement.
    V(Q1c) to V(Q7) and V(D7) are what OpenStack asks for; the others are what builds and used machines leave behind.
  - Links inside the image lead inside it. An image that refers to other files is refused.
  - The module succeeds when requirements are broken; look at RV(passed).
requirements:
  - e2fsprogs
  - qemu-img
  - util-linux
  - PyYAML
attributes:
  check_mode: {description: Nothing is ever changed., support: full}
  diff_mode: {description: Nothing is ever changed., support: none}
  idempotent: {description: Nothing is ever changed., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  path:
    description:
      - The root folder of a tree, an image of an ext, xfs or btrfs file system, or the image of a disk (raw,
        qcow2, VHD) with one in a partition.
    type: path
    required: true
  resize:
    description: The strategy by which the root file system grows, V(cloud_init), V(lvm) or V(xen).
    type: str
    default: cloud_init
  user:
    description:
      - The account that must get the instance's ssh key.
      - Without it any default user of cloud-init will do.
    type: str
  proxy:
    description: The proxies that the image may be set to, without credentials.
    type: list
    elements: str
    default: []
  authorized_keys:
    description: Public ssh keys that the image may hold, as whole lines.
    type: list
    elements: str
    default: []
  properties:
    description:
      - Properties that the image has in Glance. The initramfs must have the drivers for C(hw_disk_bus) and
        C(hw_scsi_model).
    type: dict
    default: {}
  rules:
    description: The ids of the requirements to look at. The default is all of them.
    type: list
    elements: str
    default: []
seealso:
  - module: goldsmith.openstack.image_boot
"""

EXAMPLES = r"""
- name: Audit the image
  goldsmith.openstack.image_audit_info:
    path: dist/debian-13-amd64/debian-13-amd64.qcow2
    user: debian
  register: audit

- name: Stop where a requirement is broken
  ansible.builtin.assert:
    that: audit.passed
    fail_msg: "{{ audit.results | selectattr('verdict', 'eq', 'fail') }}"
"""

RETURN = r"""
results:
  description: One result for each requirement.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: The requirement., type: str, sample: Q2}
    title: {description: What it asks for., type: str, sample: No MAC address in the image}
    verdict: {description: "V(pass), V(fail) or V(not_applicable).", type: str, sample: fail}
    evidence:
      description: What was looked at and found. Secrets are never shown.
      type: list
      elements: str
      sample: ["/etc/netplan/01.yaml: macaddress: 52:54:00:12:34:56"]
broken:
  description: The ids of the requirements that are broken.
  returned: success
  type: list
  elements: str
  sample: [Q2]
passed: {description: Whether none is broken., returned: success, type: bool, sample: false}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import audit
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


def main() -> None:
    """Parse the options and audit."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "resize": {"type": "str", "default": "cloud_init"},
            "user": {"type": "str"},
            "proxy": {"type": "list", "elements": "str", "default": []},
            "authorized_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "properties": {"type": "dict", "default": {}},
            "rules": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )

    def work() -> dict[str, object]:
        request = audit.Request(
            resize=module.params["resize"],
            user=module.params["user"],
            proxy=tuple(module.params["proxy"]),
            authorized_keys=tuple(module.params["authorized_keys"]),
            properties=module.params["properties"],
            rules=tuple(module.params["rules"]),
        )
        results = audit.run(Runner(), module.params["path"], request)
        # Not "failed": Ansible would take the task itself for failed.
        broken = audit.broken(results)
        return {
            "changed": False,
            "results": [result.describe() for result in results],
            "broken": broken,
            "passed": not broken,
        }

    run_module(module, work)


if __name__ == "__main__":
    main()
