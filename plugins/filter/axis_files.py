# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files whose data together are those of a distribution."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

DOCUMENTATION = r"""
name: axis_files
short_description: The files of a distribution, and of those that it says it is like
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - A file may say C(like) and the name of another one, whose data hold where it says nothing else. These are the files
    to be read one after the other, the file of the name as the last.
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
"""

EXAMPLES = r"""
- name: Know the distribution
  ansible.builtin.include_vars:
    file: "{{ item }}"
  loop: "{{ 'rocky' | goldsmith.openstack.axis_files('distributions') }}"
"""

RETURN = r"""
_value:
  description: The paths of the files on the control node.
  type: list
  elements: str
"""


def axis_files(name, axis):
    """Return the files of *name*."""
    try:
        return _axes.files(axis, str(name))
    except _axes.AnsibleError as error:
        raise AnsibleFilterError(f"{name}: {error}") from None


class FilterModule:
    """The filters of this file."""

    def filters(self):
        """Return them by name."""
        return {"axis_files": axis_files}
