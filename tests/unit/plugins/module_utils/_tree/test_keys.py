# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that are given as texts, and the ones that we have: each has the fingerprint that its distribution says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import keys
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

OURS = Path(_axes.axis_file("keys", "rhel")).parent
TEXT = (OURS / "rhel.asc").read_text()


def test_keys_are_files_that_others_may_read(tmp_path: Path) -> None:
    paths = keys.write([TEXT, f"\n{TEXT}\n\n"], tmp_path)
    assert [path.name for path in paths] == ["0.asc", "1.asc"]
    assert {path.read_text() for path in paths} == {TEXT}


@pytest.mark.parametrize("text", ["", "rhel", "/etc/pki/key.asc", TEXT[:-30], "-----BEGIN PGP PRIVATE KEY BLOCK-----"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(
        OptionError, match=r"^keys=.* is no public key of OpenPGP in ASCII armor; gpg --armor --export$"
    ):
        keys.check([TEXT, text])


def pinned() -> dict[str, str]:
    """The keys that distributions name, with their fingerprints."""
    found: dict[str, str] = {}
    for name in _axes.names(OURS.parent / "distributions"):
        data = _axes.load("distributions", name)
        for part in (data, *data["releases"].values()):
            for key, fingerprint in part.get("keys", {}).items():
                assert found.setdefault(key, fingerprint) == fingerprint
    return found


def test_every_key_is_named_and_every_name_has_a_key() -> None:
    assert sorted(pinned()) == _axes.names(OURS)


@pytest.mark.parametrize(("name", "fingerprint"), sorted(pinned().items()))
def test_a_key_has_the_fingerprint_that_is_named(name: str, fingerprint: str, tmp_path: Path) -> None:
    argv = ["gpg", "--homedir", str(tmp_path), "--show-keys", "--with-colons", str(OURS / f"{name}.asc")]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    found = re.findall(r"(?m)^pub:.*\n(?:.*\n)*?fpr:+([0-9A-F]+):", said)
    assert found == [fingerprint]


def test_a_key_in_armor_is_what_gpg_reads(tmp_path: Path) -> None:
    for data in (keys.binary(TEXT), TEXT.encode(), f"before\n{TEXT}between\n{TEXT}after\n".encode()):
        text = keys.armored(data)
        keys.check([text])
        argv = ["gpg", "--homedir", str(tmp_path), "--show-keys", "--with-colons"]
        said = subprocess.run(argv, input=text, check=True, capture_output=True, text=True)
        assert "fpr:::::::::567E347AD0044ADE55BA8A5F199E2F91FD431D51:" in said.stdout
        assert "CRC" not in said.stderr


@pytest.mark.parametrize("data", [b"", b"root:x:0:0\n", b"\x00\x01", TEXT[:-40].encode()])
def test_what_is_no_key_cannot_be_put_in_armor(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is no public key of OpenPGP$"):
        keys.armored(data)


def test_lines_name_the_keyrings_of_a_tree_where_they_are_laid_out(tmp_path: Path) -> None:
    path = "/etc/apt/keyrings/a.asc"
    lines = (f"deb [signed-by={path}] http://a x", f"deb [signed-by={path},ABCD] http://a y", "deb http://b x")
    found = keys.laid_out(lines, [(path, "KEY")], tmp_path)
    assert found == (
        f"deb [signed-by={tmp_path}/a.asc] http://a x",
        f"deb [signed-by={tmp_path}/a.asc,ABCD] http://a y",
        "deb http://b x",
    )
    assert (tmp_path / "a.asc").read_text() == "KEY"
