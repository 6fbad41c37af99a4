# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of values is read at once; misspelt names are told."""

from __future__ import annotations

import pytest
from helpers.definitions import bad_value

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import specification
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.specification import SPECIFICATION


def test_every_variable_has_a_value() -> None:
    values, faults = specification.read({})
    assert faults == []
    assert set(values) == set(SPECIFICATION)
    assert values["build"] == "chroot"


@pytest.mark.parametrize("name", sorted(SPECIFICATION))
def test_a_bad_value_is_one_line_with_variable_value_and_remedy(name: str) -> None:
    _values, (fault,) = specification.read({name: bad_value(SPECIFICATION[name])})
    assert fault.startswith(f"image_{name}=")
    assert "\n" not in fault
    assert ";" in fault or "must be" in fault


def test_all_bad_values_are_told_at_once() -> None:
    _values, faults = specification.read({"keep": -1, "retire": "burn", "name": 'a?"'})
    assert faults == [
        'image_name=a?": is not a file name; use letters, digits, blanks and . _ + -, '
        "with a letter or digit at both ends, at most 200",
        "image_keep=-1: is too small; use 0 or more",
        "image_retire=burn: is not known; use hidden or community",
    ]


def test_misspelt_names_are_told_with_the_nearest() -> None:
    misspelt, foreign = specification.unknown(
        ["image_relase", "image_name", "image_definition", "image_zoo", "image_mine"], ["image_mine"]
    )
    assert misspelt == [
        "image_relase: is not known; do you mean image_release? "
        "A variable of your own is named in image_other_variables"
    ]
    assert foreign == ["image_zoo: is no variable of goldsmith.openstack, and has no effect on the image"]


@pytest.mark.parametrize("name", sorted(SPECIFICATION))
def test_a_name_without_one_letter_is_misspelt(name: str) -> None:
    if len(name) < 5:
        return
    wrong = f"image_{name[:-2]}{name[-1]}"
    if wrong.removeprefix("image_") in SPECIFICATION:
        return
    misspelt, foreign = specification.unknown([wrong])
    assert foreign == [] and "do you mean image_" in misspelt[0]


def test_a_name_of_the_past_is_told_its_new_one() -> None:
    assert specification.unknown(["image_cloud_init"])[0] == [
        "image_cloud_init: is no longer known; write image_agent=cloud_init or image_agent=goldsmith"
    ]
