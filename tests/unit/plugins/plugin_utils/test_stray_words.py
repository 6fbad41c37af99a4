# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a shell leaves of a value with blanks, and what Ansible makes of the quoting that is shown."""

from __future__ import annotations

import shlex

import pytest
from ansible.parsing.splitter import parse_kv

from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _stray_words


@pytest.mark.parametrize(
    ("typed", "name", "value"),
    [
        ('-e image_name="Debian 13"', "image_name", "Debian 13"),
        ("-e 'a=1 image_description=The image of today b=2'", "image_description", "The image of today"),
        ("-e 'image_packages=jq vim'", "image_packages", "jq vim"),
    ],
)
def test_the_quoting_that_is_shown_keeps_the_value(typed: str, name: str, value: str) -> None:
    (line,) = _stray_words.faults(shlex.split(typed)[1:])
    first, second = value.split()[:2]
    assert line.startswith(f"{name}={first}: it ends at the blank before {second}; write -e ")
    shown = shlex.split(line.partition("; write ")[2])
    assert parse_kv(shown[1]) == {name: value}
    assert _stray_words.faults(shown[1:]) == []


@pytest.mark.parametrize(
    "option",
    [
        "image_name=one",
        "image_name='Debian 13'",
        'image_name="Debian 13" image_keep=2',
        '{"image_name": "Debian 13"}',
        "[a b]",
        "@file with blanks.yml",
        "image_mirror=http://a/?b=c",
        "",
    ],
)
def test_what_is_whole_is_left_alone(option: str) -> None:
    assert _stray_words.faults([option]) == []


def test_a_word_alone_is_no_variable() -> None:
    assert _stray_words.faults(["trixie"]) == ["-e trixie: is no variable; write -e NAME=VALUE"]


def test_each_option_has_its_line() -> None:
    assert len(_stray_words.faults(["image_name=a b", "image_keep=2", "image_user=c d"])) == 2
