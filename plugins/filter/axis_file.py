# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the data of a distribution, a strategy of growth or an agent is."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

DOCUMENTATION = r"""
name: axis_file
short_description: The file of a distribution, a capability, a key, a strategy of growth, an agent or an architecture
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Finds a name in C(extensions/goldsmith/<axis>/) of this collection, or C(NAMESPACE.COLLECTION.NAME) in the same
    folder of another one.
positional: axis
options:
  _input:
    description: The name.
    type: str
    required: true
  axis:
    description: What it is the name of.
    type: str
    required: true
    choices: [distributions, capabilities, keys, strategies, agents, architectures]
"""

EXAMPLES = r"""
- name: Know the distribution
  ansible.builtin.include_vars:
    file: "{{ 'debian' | goldsmith.openstack.axis_file('distributions') }}"
    name: distribution
"""

RETURN = r"""
_value:
  description: The path of the file on the control node.
  type: str
"""


def axis_file(name, axis):
    """Return the file of *name*."""
    if axis not in _axes.AXES:
        raise AnsibleFilterError(f"axis={axis}: is not known; use {' or '.join(_axes.AXES)}")
    try:
        return _axes.axis_file(axis, str(name))
    except _axes.AnsibleError as error:
        raise AnsibleFilterError(f"{name}: {error}") from None


class FilterModule:
    """The filters of this file."""

    def filters(self):
        """Return them by name."""
        return {"axis_file": axis_file}
