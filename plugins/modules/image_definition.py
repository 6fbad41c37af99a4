# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin image_definition, which does the work on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_definition
short_description: Check the definition of an image and complete it
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Reads every variable C(image_*) that the play has, and every option given here, which is the same name without
    C(image_) and goes before the variable. The variables are described in C(docs/operator/variables.md).
  - All values that cannot be used, and all names that are misspelt, are refused at once, in one line that names
    variable, value and remedy. Nothing is read or changed on any host.
  - The role P(goldsmith.openstack.image#role) keeps the result in the fact C(image_definition), from which the other
    roles take what they need.
attributes:
  check_mode: {description: Nothing is ever changed., support: full}
  diff_mode: {description: Nothing is ever changed., support: none}
  idempotent: {description: Nothing is ever changed., support: full}
  platform: {description: Runs on the control node., support: full, platforms: all}
options:
  purpose:
    description:
      - What the definition is for. V(build) makes a system, V(capture) takes one of libvirt as it is (variables
        C(vm_capture_*)), V(publish) publishes the output folders in C(image_publish_dir).
    type: str
    choices: [build, capture, publish]
    default: build
  system:
    description:
      - What a captured machine says of itself, as RV(goldsmith.openstack.disk_extract#module:os).
    type: dict
    default: {}
notes:
  - An action plugin. It takes every variable of the definition as an option as well.
"""

EXAMPLES = r"""
- name: Say what the image shall be
  goldsmith.openstack.image_definition:
    name: golden
    firmware: hybrid
    packages: [jq]
  register: golden

- name: Keep it for the roles
  ansible.builtin.set_fact:
    image_definition: "{{ golden.definition }}"
"""

RETURN = r"""
definition:
  description:
    - Every variable by its name without C(image_), complete, and what follows from them.
    - Secrets are left out.
  type: dict
  returned: success
  contains:
    directory: {description: The output folder of this image., type: str}
    artifacts:
      description: What is made, with format (as Glance names it) and file (its name in the output folder) of each.
      type: list
      elements: dict
    disk: {description: Path of the first disk; empty where none is made., type: str}
    kernel:
      description: Path of the kernel of the triplet; empty where none is made. C(ramdisk) and C(root) are its others.
      type: str
    volume_groups:
      description: LVM of the disk, as M(goldsmith.openstack.loop_image) takes it.
      type: list
      elements: dict
    mounts:
      description: File systems beside the root, with device, mountpoint and filesystem.
      type: list
      elements: dict
    not_sealed:
      description: Steps of M(goldsmith.openstack.tree_seal) that are left out, in a tree what a role may mean too.
      type: list
      elements: str
    proxies:
      description: Proxies that go into the image, with what goes past them, by the names of environment variables.
      type: dict
    proxy_addresses:
      description: The addresses of these proxies.
      type: list
      elements: str
    environment: {description: The proxy for the time in which a guest is configured., type: dict}
    derived_properties: {description: Glance properties that follow from the definition., type: dict}
    machine:
      description: The guest of libvirt that becomes the image, with uri, name and shutdown; empty for a tree.
      type: dict
    record: {description: What the manifest keeps of the definition., type: dict}
plan:
  description: What will be made, where and how, as lines for people.
  type: list
  elements: str
  returned: success
"""
