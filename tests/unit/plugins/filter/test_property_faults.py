# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter property_faults."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.filter.property_faults import FilterModule

NONE = """is no dictionary; with -e write '{"image_properties": {"name": "value"}}'"""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, []),
        ({"hw_disk_bus": "virtio", "mine": True}, []),
        ({"hw_disk_bus": ""}, []),
        ({"hw_rng_model": "a", "mine": 1}, ["hw_rng_model=a: must be virtio"]),
        ("hw_disk_bus=scsi", [f"hw_disk_bus=scsi: {NONE}"]),
        ('{"a": 1}', [f'{{"a": 1}}: {NONE}']),
        ([], [f"[]: {NONE}"]),
    ],
)
def test_property_faults(value: Any, expected: list[str]) -> None:
    assert FilterModule().filters()["property_faults"](value) == expected
