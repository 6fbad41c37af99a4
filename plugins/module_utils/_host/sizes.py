# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes: bytes in, bytes out."""

from __future__ import annotations

import re

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

SECTOR = 512
KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

_UNITS = {"": 1, "B": 1, "K": KIB, "M": MIB, "G": GIB, "T": 1 << 40}
_SIZE = re.compile(r"^(\d+(?:\.\d+)?)\s*([BKMGT]?)(?:iB)?$", re.IGNORECASE)


def parse_size(text: str | int, option: str) -> int:
    """Return bytes for C(20G), C(512MiB), C(1048576); units are powers of 1024."""
    match = _SIZE.match(str(text).strip())
    if not match:
        raise OptionError(option, text, "not a size", hint="write a number with K, M, G or T, for example 2G")
    return int(float(match.group(1)) * _UNITS[match.group(2).upper()])


def human_size(size: float) -> str:
    """Return C(1.2 GiB) for a number of bytes."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError


def align_up(size: int, step: int) -> int:
    """Return the smallest multiple of *step* that is not below *size*."""
    return -(-size // step) * step
