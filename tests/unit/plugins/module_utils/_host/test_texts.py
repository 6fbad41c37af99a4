# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts for people."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.texts import (
    one_line,
    printable,
    without_passwords,
)


def test_only_what_is_no_utf8_is_replaced() -> None:
    name = b"h\xe4rd \xc3\xa4".decode("utf-8", "surrogateescape")
    assert printable(name) == "h\ufffdrd \u00e4"
    assert printable({name: [name, (1, None, True)], "\ud8f3": 2.5}) == {
        "h\ufffdrd \u00e4": ["h\ufffdrd \u00e4", [1, None, True]],
        "\ufffd": 2.5,
    }


def test_a_text_that_breaks_the_line_is_shown_on_one() -> None:
    assert one_line("a\n\x1b[2J\u00e4") == "a\\n\\x1b[2J\u00e4"


def test_passwords_in_addresses_are_hidden() -> None:
    assert without_passwords("http_proxy=http://me:secret@proxy:3128/") == "http_proxy=http://me:***@proxy:3128/"
