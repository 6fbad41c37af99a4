# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes: what users write, and what they read."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import align_up, human_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        (1048576, 1 << 20),
        ("512", 512),
        ("512B", 512),
        ("64k", 64 << 10),
        ("512MiB", 512 << 20),
        ("1.5G", 3 << 29),
        (" 20 G ", 20 << 30),
        ("1T", 1 << 40),
    ],
)
def test_parse(text: str | int, size: int) -> None:
    assert parse_size(text, "size") == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "2Q", "1,5G", "1e9", "2 GG"])
def test_what_is_no_size_is_refused_with_option_and_value(text: str) -> None:
    with pytest.raises(OptionError, match=r"^disk_size=.*: not a size; "):
        parse_size(text, "disk_size")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1 << 20, "1.0 MiB"),
        (3 << 29, "1.5 GiB"),
        (1 << 50, "1024.0 TiB"),
    ],
)
def test_human(size: int, text: str) -> None:
    assert human_size(size) == text


@pytest.mark.parametrize(("size", "aligned"), [(0, 0), (1, 4), (4, 4), (5, 8)])
def test_align(size: int, aligned: int) -> None:
    assert align_up(size, 4) == aligned
