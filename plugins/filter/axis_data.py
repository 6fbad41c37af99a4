# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of a distribution say without templates."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

DOCUMENTATION = r"""
name: axis_data
short_description: The data of a distribution, a strategy of growth, an agent or an architecture
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Reads the files that P(goldsmith.openstack.axis_files#filter) names. What they say by templates is not evaluated.
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
    choices: [distributions, capabilities, strategies, agents, architectures]
  release:
    description: The release of a distribution whose data go before those that all releases have.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Show what makes a tree of it
  ansible.builtin.debug:
    msg: "{{ ('rocky' | goldsmith.openstack.axis_data('distributions', '9')).bootstrap }}"
"""

RETURN = r"""
_value:
  description: The data.
  type: dict
"""


def axis_data(name, axis, release=""):
    """Return the data of *name*."""
    try:
        return _axes.load(axis, str(name), str(release))
    except _axes.AnsibleError as error:
        raise AnsibleFilterError(f"{name}: {error}") from None


class FilterModule:
    """The filters of this file."""

    def filters(self):
        """Return them by name."""
        return {"axis_data": axis_data}
