# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re

DOCUMENTATION = r"""
name: words
short_description: A list from a list or from text
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - An extra variable that is given as C(name=value) is text. This makes a list of it, so that
    C(-e image_clouds=one,two) and C(-e image_verify=[]) mean what they seem to.
options:
  _input:
    description: A list, which stays as it is, or text with words between commas or blanks, or a JSON list.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Show both clouds
  ansible.builtin.debug:
    msg: "{{ 'one,two' | goldsmith.openstack.words }}"
"""

RETURN = r"""
_value:
  description: The list.
  type: list
"""


def words(value):
    """Return *value* as a list."""
    if value is None:
        return []
    if not isinstance(value, str):
        return list(value) if isinstance(value, (list, tuple)) else [value]
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            text = text.strip("[]")
    return [word.strip("'\"") for word in re.split(r"[,\s]+", text) if word]


class FilterModule:
    """The filters of this file."""

    def filters(self):
        """Return them by name."""
        return {"words": words}
