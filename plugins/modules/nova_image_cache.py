#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set the options of Compute's image cache in nova.conf."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_image_cache
short_description: Set the options of Compute's image cache in nova.conf
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Sets in C(nova.conf) how images are allocated and how long unused ones stay in the cache. All other lines, comments
    included, stay byte for byte as they are.
  - The file is replaced as a whole or not at all, with its owner, mode, ACL and SELinux context.
  - A new option is written below its commented default where there is one, else at the end of its section.
  - An option that also stands under its former name is removed there, so that no two values contradict.
  - Services read the file when they start; the role P(goldsmith.openstack.nova_image_cache#role) restarts them.
attributes:
  check_mode: {description: Nothing is written., support: full}
  diff_mode:
    support: full
    description: Shows the options that are set, and nothing else of the file, for there are passwords in it.
  idempotent:
    support: full
    description: A value that means the same, as C(True) and V(true), is left as it is written.
  platform: {description: Linux., support: full, platforms: posix}
options:
  path:
    description: The file. Its links are followed.
    type: path
    default: /etc/nova/nova.conf
  preallocate_images:
    description: Whether the whole disk of an instance is allocated when it starts, V(space), or not, V(none).
    type: str
    choices: [none, space]
  remove_unused_base_images:
    description: Whether Compute removes images that no instance uses.
    type: bool
  remove_unused_original_minimum_age_seconds:
    description: For how many seconds an unused image stays.
    type: int
  remove_unused_resized_minimum_age_seconds:
    description: For how many seconds an unused image stays that was resized for a flavour.
    type: int
  former_names:
    description:
      - Writes the options where Nova before release 21 (Ussuri) looks for them, in the sections C(DEFAULT) and
        C(libvirt) in place of C(image_cache).
    type: bool
    default: false
  also_read:
    description:
      - Files that services read beside O(path). One with another value for an option is an error, for what is set
        in O(path) could have no effect.
      - By default C(nova-compute.conf), C(nova.conf.d/*.conf) and C(nova-compute.conf.d/*.conf) in the folder of
        O(path), where they are there.
    type: list
    elements: path
  backup:
    description: Whether a copy of the file is kept beside it before it is changed.
    type: bool
    default: false
seealso:
  - module: goldsmith.openstack.nova_image_cache_info
"""

EXAMPLES = r"""
- name: Keep unused images for a week
  goldsmith.openstack.nova_image_cache:
    remove_unused_base_images: true
    remove_unused_original_minimum_age_seconds: 604800
    backup: true
  become: true
  register: cache

- name: Let Compute read it
  ansible.builtin.service:
    name: nova-compute
    state: restarted
  become: true
  when: cache is changed
"""

RETURN = r"""
path: {description: The file., returned: success, type: str, sample: /etc/nova/nova.conf}
options:
  description: What is set or removed; empty where all is as it shall be.
  returned: success
  type: list
  elements: dict
  contains:
    section: {description: The section., type: str, sample: image_cache}
    name: {description: The name., type: str, sample: remove_unused_base_images}
    before: {description: The value that was there; null for none., type: str, sample: "false"}
    after: {description: The value that is there now; null for an option that was removed., type: str, sample: "true"}
backup_file:
  description: The copy.
  returned: when O(backup) is set and the file was changed
  type: str
  sample: /etc/nova/nova.conf.2026-01-31T08:00:00Z.4711~
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova import cache_settings


def main() -> None:
    """Parse the options and set."""
    settings = [setting.name for setting in cache_settings.SETTINGS]
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/etc/nova/nova.conf"},
            "preallocate_images": {"type": "str", "choices": ["none", "space"]},
            "remove_unused_base_images": {"type": "bool"},
            "remove_unused_original_minimum_age_seconds": {"type": "int"},
            "remove_unused_resized_minimum_age_seconds": {"type": "int"},
            "former_names": {"type": "bool", "default": False},
            "also_read": {"type": "list", "elements": "path"},
            "backup": {"type": "bool", "default": False},
        },
        required_one_of=[settings],
        supports_check_mode=True,
    )
    run_module(
        module,
        lambda: cache_settings.bring_about(cache_settings.request_from(module.params), check_mode=module.check_mode),
    )


if __name__ == "__main__":
    main()
