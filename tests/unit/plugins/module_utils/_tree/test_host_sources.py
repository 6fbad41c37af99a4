# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build host's own apt sources: which of them a tree gets, with which keys, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import host_sources, keys
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

KEY, OTHER = (Path(_axes.axis_file("keys", name)).read_text() for name in ("rhel", "suse"))
ONE_LINE = """\
# deb http://commented.example/debian trixie main
deb [signed-by={key} arch=amd64] http://deb.example/debian trixie main contrib # as installed
deb http://deb.example/debian trixie-updates main
deb-src http://deb.example/debian trixie main
deb http://deb.example/debian bookworm main
deb http://deb.example/debian trixiebackports main
deb http://flat.example/ ./
"""
DEB822 = """\
# A comment
Types: deb deb-src
URIs: http://deb.example/debian http://two.example/debian
Suites: trixie trixie-updates
# between the fields
Components: main
Signed-By: {key}

Types: deb
uris: http://security.example/debian-security
Suites: trixie-security bookworm-security
Components: main
Signed-By:
{inline}

Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main
Enabled: No

Types: deb-src
URIs: http://source.example/debian
Suites: trixie
Components: main
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stands for /etc/apt."""
    (tmp_path / "sources.list.d").mkdir()
    monkeypatch.setattr(host_sources, "APT", str(tmp_path))
    return tmp_path


def found(apt: Path, text: str, architecture: str = "amd64") -> host_sources.HostSources:
    """What is found where these are the sources."""
    (apt / "sources.list").write_text(text)
    return host_sources.of_release("trixie", architecture)


def test_sources_in_lines(apt: Path) -> None:
    (apt / "archive.gpg").write_bytes(keys.binary(KEY))
    (apt / "sources.list.d" / "old.list.save").write_text("deb http://saved.example/debian trixie main\n")
    result = found(apt, ONE_LINE.format(key=apt / "archive.gpg"))
    assert result.lines == (
        "deb [signed-by=/etc/apt/keyrings/archive.asc] http://deb.example/debian trixie main contrib",
        "deb http://deb.example/debian trixie-updates main",
    )
    ((path, text),) = result.keyrings
    assert path == "/etc/apt/keyrings/archive.asc" and keys.binary(text) == keys.binary(KEY)
    assert result.notes == tuple(
        f"mirror=host: {source} ({apt}/sources.list) is left out: its suite is not one of trixie"
        for source in (
            "http://deb.example/debian bookworm",
            "http://deb.example/debian trixiebackports",
            "http://flat.example/ ./",
        )
    )


def test_sources_in_stanzas(apt: Path) -> None:
    (apt / "debian.gpg").write_bytes(keys.binary(KEY))
    inline = "\n".join(f" {line or '.'}" for line in OTHER.strip().splitlines())
    file = apt / "sources.list.d" / "debian.sources"
    file.write_text(DEB822.format(key=apt / "debian.gpg", inline=inline))
    result = host_sources.of_release("trixie", "amd64")
    signed, other = ("[signed-by=/etc/apt/keyrings/debian.asc] ", "[signed-by=/etc/apt/keyrings/debian-2.asc] ")
    assert result.lines == (
        f"deb {signed}http://deb.example/debian trixie main",
        f"deb {signed}http://deb.example/debian trixie-updates main",
        f"deb {signed}http://two.example/debian trixie main",
        f"deb {signed}http://two.example/debian trixie-updates main",
        f"deb {other}http://security.example/debian-security trixie-security main",
    )
    assert [keys.binary(text) for _path, text in result.keyrings] == [keys.binary(KEY), keys.binary(OTHER)]
    assert [note.rpartition(": ")[2] for note in result.notes] == [
        "its suite is not one of trixie",
        "it is not enabled",
    ]


def test_options_of_lines_and_stanzas_are_kept(apt: Path) -> None:
    line = "deb [ lang=none by-hash=force signed-by=ABCD1234ABCD1234 ] http://a.example/x trixie main\n"
    stanza = "Types: deb\nURIs: http://b.example/x\nSuites: trixie/\nLanguages: none en\nX-Repolib-Name: b\n"
    (apt / "sources.list.d" / "b.sources").write_text(stanza)
    result = found(apt, line)
    assert result.lines == (
        "deb [lang=none by-hash=force signed-by=ABCD1234ABCD1234] http://a.example/x trixie main",
        "deb [lang=none,en] http://b.example/x trixie/",
    )
    assert result.keyrings == result.notes == ()


def test_the_mirror_that_a_list_names_first(apt: Path) -> None:
    mirrors = apt / "mirrors.list"
    mirrors.write_text(
        "# ours\nhttp://slow.example/debian\tpriority:2\nhttp://index.example/debian type:index priority:1\n"
        "http://fast.example/debian priority:1\nhttp://last.example/debian\n"
    )
    assert found(apt, f"deb mirror+file:{mirrors} trixie main\n").lines == (
        "deb http://fast.example/debian trixie main",
    )
    assert found(apt, "deb mirror+http://a.example/list trixie main\n").lines == (
        "deb mirror+http://a.example/list trixie main",
    ), "apt in the tree fetches the list itself"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("deb [arch=arm64,armhf] http://a.example/x trixie main", "it has no packages of amd64"),
        ("deb mirror+file:/nosuch/list trixie main", "/nosuch/list cannot be read"),
        ("deb mirror+file:/dev/null trixie main", "/dev/null names no mirror"),
        ("deb cdrom:[Debian 13 of a day]/ trixie main", "apt in a tree does not know cdrom:"),
        ("deb tor+http://a.example/x trixie main", "apt in a tree does not know tor+http:"),
        ("deb [signed-by=/nosuch.gpg] http://a.example/x trixie main", "its key /nosuch.gpg cannot be read"),
        (
            "deb [signed-by=/etc/passwd] http://a.example/x trixie main",
            "its key /etc/passwd is no public key of OpenPGP",
        ),
    ],
)
def test_what_a_tree_cannot_use_is_left_out_with_a_line(apt: Path, line: str, reason: str) -> None:
    result = found(apt, f"{line}\ndeb http://me:secret@b.example/x trixie main\n")
    assert result.lines == ("deb http://me:secret@b.example/x trixie main",)
    (note,) = result.notes
    assert note.startswith("mirror=host: ") and note.endswith(f" is left out: {reason}")


def test_a_source_that_nobody_vouches_for_is_told(apt: Path) -> None:
    result = found(apt, "deb [trusted=yes] http://me:secret@a.example/x trixie main\n")
    assert result.lines == ("deb [trusted=yes] http://me:secret@a.example/x trixie main",)
    (note,) = result.notes
    assert "is taken without a signature, as the host does" in note and "secret" not in note


def test_several_keyrings_of_a_source_become_one(apt: Path) -> None:
    for name, text in (("one", KEY), ("two", OTHER)):
        (apt / f"{name}.asc").write_text(text)
    result = found(apt, f"deb [signed-by={apt}/one.asc,{apt}/two.asc] http://a.example/x trixie main\n")
    assert result.lines == ("deb [signed-by=/etc/apt/keyrings/one.asc] http://a.example/x trixie main",)
    ((_path, text),) = result.keyrings
    assert keys.binary(text) == keys.binary(KEY) + keys.binary(OTHER)


def test_a_host_without_a_source_for_the_release(apt: Path) -> None:
    (apt / "sources.list").write_text("deb http://deb.example/debian bookworm main\n")
    with pytest.raises(OptionError) as caught:
        host_sources.of_release("forky", "amd64")
    text = str(caught.value)
    assert text.startswith("mirror=host: the build host has no apt source for forky (mirror=host: http://deb.example")
    assert text.endswith("is left out: its suite is not one of forky); give a URL")
