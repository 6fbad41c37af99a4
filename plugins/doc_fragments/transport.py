# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say how bytes get to a cloud."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that publishes images."""

    DOCUMENTATION = r"""
options:
  import_method:
    description:
      - How the bytes get to the cloud. V(put) sends them into the image. V(glance-direct) sends them to the staging
        area and has them imported. V(web-download) has the cloud fetch O(import_uri), which must hold the same bytes as
        O(image).
      - V(auto) is V(put). With several O(stores) it is V(glance-direct) where the cloud offers it, else V(put) and
        copies within the cloud.
    type: str
    choices: [auto, put, glance-direct, web-download]
    default: auto
  import_uri:
    description: Where the cloud fetches the image with O(import_method=web-download).
    type: str
  stores:
    description: Stores of Glance that the image is to lie in. Default is the cloud's own.
    type: list
    elements: str
    default: []
"""
