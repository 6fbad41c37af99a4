# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files of OpenStack's services, edited line by line."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova.ini import parse

SAMPLE = """\
[DEFAULT]

# How to allocate.
#preallocate_images = none

log_dir = /var/log/nova
pci_alias = {"a": 1}
pci_alias = {"b":
  2}

# The cache
[image_cache]
#
# Deprecated group/name - [DEFAULT]/interval
#interval = 2400
; subdirectory = _base

# Of libvirt
[libvirt]
virt_type: kvm
[Image_Cache]
interval = "60"
"""


def edited(text: str, section: str, name: str, value: str) -> str:
    return parse(text, "x.conf").with_value(section, name, value).text


def test_what_a_file_says() -> None:
    file = parse(SAMPLE, "x.conf")
    assert file.text == SAMPLE
    assert file.values("DEFAULT", "pci_alias") == ['{"a": 1}', '{"b":\n2}']
    assert file.values("libvirt", "virt_type") == ["kvm"]
    # Case counts in DEFAULT alone, quotes are no part of a value.
    assert file.values("image_cache", "interval") == file.values("IMAGE_CACHE", "interval") == ["60"]
    assert file.values("default", "log_dir") == []
    assert file.values("DEFAULT", "preallocate_images") == []


@pytest.mark.parametrize(
    ("section", "name", "below"),
    [
        ("DEFAULT", "preallocate_images", "#preallocate_images = none\n"),
        ("image_cache", "subdirectory", "; subdirectory = _base\n"),
        # Without a default: at the end of the section; the comment on a header is that of the next one.
        ("DEFAULT", "debug", "  2}\n"),
        ("image_cache", "other", "; subdirectory = _base\n"),
        ("libvirt", "cpu_mode", "virt_type: kvm\n"),
    ],
)
def test_where_a_new_option_goes(section: str, name: str, below: str) -> None:
    assert edited(SAMPLE, section, name, "x y") == SAMPLE.replace(below, f"{below}{name} = x y\n")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", "[cache]\na = 1\n"),
        ("[DEFAULT]\nb=2", "[DEFAULT]\nb=2\n\n[cache]\na = 1\n"),
        ("[DEFAULT]\nb=2\n\n", "[DEFAULT]\nb=2\n\n[cache]\na = 1\n"),
        ("[cache]", "[cache]\na = 1\n"),
        ("[cache]\n\n[other]\n", "[cache]\na = 1\n\n[other]\n"),
        ("[cache]\n# of other\n[other]\n", "[cache]\na = 1\n# of other\n[other]\n"),
        ("[cache]\nb = 1\n# the last words\n\n", "[cache]\nb = 1\n# the last words\na = 1\n\n"),
        ("[cache]\r\nb = 1\r\n", "[cache]\r\nb = 1\r\na = 1\r\n"),
        ("[cache]\n#a = 1\n#a = 2\n\n#b = 1\n", "[cache]\n#a = 1\n#a = 2\na = 1\n\n#b = 1\n"),
        # A word on it is no default of it.
        ("[cache]\n# a: see b\n#a = 0\n#b = 1\n", "[cache]\n# a: see b\n#a = 0\na = 1\n#b = 1\n"),
        ("[cache]\n#ab = 1\n#b = 1\n", "[cache]\n#ab = 1\n#b = 1\na = 1\n"),
        ("[cache]\nb = 1\n[x]\n[cache]\n#a = 2\nc = 1\n", "[cache]\nb = 1\n[x]\n[cache]\n#a = 2\na = 1\nc = 1\n"),
    ],
)
def test_odd_files(text: str, result: str) -> None:
    assert edited(text, "cache", "a", "1") == result
    assert edited(result, "cache", "a", "1") == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("[c]\na = 2\nb = 1\n", "[c]\na = 1\nb = 1\n"),
        ("[c]\na:2\n", "[c]\na = 1\n"),
        ("[c]\na = 2", "[c]\na = 1\n"),
        ("[c]\na = 2\n  3\n\t4\n\nb = 1\n", "[c]\na = 1\n\nb = 1\n"),
        # The last one was in force, the others would mislead.
        ("[c]\na = 1\n# why\na = 2\n[d]\na = 5\n[c]\na = 3\nb = 4\n", "[c]\n# why\n[d]\na = 5\n[c]\na = 1\nb = 4\n"),
        ("[c]\na =\n", "[c]\na = 1\n"),
    ],
)
def test_another_value(text: str, result: str) -> None:
    assert edited(text, "c", "a", "1") == result


def test_an_option_is_removed() -> None:
    file = parse("[c]\na = 1\n  2\n#a = 3\nb = 1\n[C]\na = 4\n", "x.conf").without("c", "a")
    assert file.text == "[c]\n#a = 3\nb = 1\n[C]\n"
    assert file.without("c", "a").text == file.text


def test_bytes_that_are_no_text_stay() -> None:
    text = b"[c]\n# caf\xe9 \xff\nname = \xc3\xa9\x80\n".decode(errors="surrogateescape")
    assert edited(text, "c", "a", "1") == f"{text}a = 1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\n", "line 1 stands before the first section"),
        ("[a]\n[b\n", "line 2 begins with [ and is no header of a section"),
        ("[a]\n[]\n", "line 2 begins with ["),
        ("[a]\nsecret\n", "line 2 is neither a comment, a section nor an option with its value"),
        ("[a]\n= secret\n", "line 2 is neither"),
        ("[a]\n  secret\n", "line 2 is indented"),
        ("[a]\nb = 1\n# c\n  secret\n", "line 4 is indented"),
    ],
)
def test_what_no_service_could_read(text: str, message: str) -> None:
    with pytest.raises(GoldsmithError) as caught:
        parse(text, "/etc/x.conf")
    assert str(caught.value).startswith(f"/etc/x.conf: {message}")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["1\nb = 2", "1\r#", " 1", '"1"'])
def test_a_value_that_would_mean_another_is_refused(value: str) -> None:
    with pytest.raises(GoldsmithError, match="cannot be set without changing other options"):
        edited("[c]\n", "c", "a", value)
