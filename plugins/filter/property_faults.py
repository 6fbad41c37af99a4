# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.goldsmith.openstack.plugins.module_utils import _image_properties

DOCUMENTATION = r"""
name: property_faults
short_description: What is wrong with properties of an image
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Judges names and values of Glance properties by what Nova, Glance, Cinder and Ironic read, and by SCS-0102.
  - Names without a prefix that these services use are free.
options:
  _input:
    description: The properties. Empty values are not judged.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Refuse what no cloud would understand
  ansible.builtin.assert:
    that: faults == []
    fail_msg: "{{ faults | join('; ') }}"
  vars:
    faults: "{{ {'hw_disk_bus': 'virtio', 'hw_rng_model': 'virtio'} | goldsmith.openstack.property_faults }}"
"""

RETURN = r"""
_value:
  description: One text for each fault, with name, value and reason; none if all is well.
  type: list
  elements: str
"""


def property_faults(properties):
    """Return what is wrong with *properties*."""
    if not isinstance(properties, Mapping):
        return [f"""{properties}: is no dictionary; with -e write '{{"image_properties": {{"name": "value"}}}}'"""]
    return _image_properties.faults(properties)


class FilterModule:
    """The filters of this file."""

    def filters(self):
        """Return them by name."""
        return {"property_faults": property_faults}
