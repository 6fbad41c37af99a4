# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names in an initramfs, and files that are none. The other compressions need programs: an integration test."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable
from pathlib import Path

import pytest
from helpers.cpio import write_archive

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import initramfs
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

EARLY, MAIN = ["kernel/x86/microcode/x.bin"], ["init", "lib/modules/6/xen-blkfront.ko", "odd"]


def archive(names: Iterable[str]) -> bytes:
    file = io.BytesIO()
    write_archive(file, [(name, b"content" * len(name)) for name in names])
    return file.getvalue()


def names(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    return list(initramfs.names(Runner(), str(path)))


def test_a_compressed_archive_behind_an_early_one(tmp_path: Path) -> None:
    content = archive(EARLY) + bytes(512) + gzip.compress(archive(MAIN) + bytes(300))
    assert names(tmp_path / "initrd", content) == EARLY + MAIN


@pytest.mark.parametrize(
    "content", [archive(MAIN), archive(MAIN) + bytes(1000), archive(EARLY) + bytes(200) + archive(MAIN)]
)
def test_archives_that_are_not_compressed(tmp_path: Path, content: bytes) -> None:
    assert names(tmp_path / "initrd", content)[-len(MAIN) :] == MAIN


def test_two_archives_in_one_compressed_part(tmp_path: Path) -> None:
    assert names(tmp_path / "initrd", gzip.compress(archive(EARLY) + archive(MAIN))) == EARLY + MAIN


def test_nothing_has_no_names(tmp_path: Path) -> None:
    assert names(tmp_path / "initrd", b"") == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"#!/bin/sh\n", "byte 0 begins neither cpio nor a known compression"),
        (archive(EARLY) + b"rubbish", "begins neither"),
        (archive(MAIN)[:140], "the archive is damaged at byte"),
        (b"070701" + b"z" * 200, "the archive is damaged at byte 0"),
        (b"070701" + b"F" * 200, "the archive is damaged at byte 0"),
        (gzip.compress(b"no archive", mtime=0), "what it unpacks to is no cpio archive"),
        (b"\x1f\x8brubbish", "gzip unpacks nothing of it"),
    ],
)
def test_what_is_no_initramfs_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(GoldsmithError, match=said) as raised:
        names(tmp_path / "initrd", content)
    assert "\n" not in str(raised.value)


def test_a_bomb_is_not_unpacked_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initramfs, "UNPACKED_LIMIT", 1 << 20)
    with pytest.raises(GoldsmithError, match="unpacks to more than 1048576 bytes"):
        names(tmp_path / "initrd", gzip.compress(bytes(4 << 20)))


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initramfs, "_PACKERS", ((b"packed", "no-such-program"),))
    with pytest.raises(GoldsmithError, match="the program no-such-program is not installed"):
        names(tmp_path / "initrd", b"packed rubbish")


def test_the_content_of_what_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "initramfs"
    with open(path, "wb") as file:
        write_archive(file, [("early", b"one"), ("conf", b"two" * 40000)])
    with open(tmp_path / "late", "wb") as file:
        write_archive(file, [("conf", b"three"), ("other", b"four")])
    path.write_bytes(path.read_bytes() + gzip.compress((tmp_path / "late").read_bytes(), mtime=0))
    found = list(initramfs.contents(Runner(), str(path), lambda name: name == "conf"))
    assert [(name, content[:5]) for name, content in found] == [
        ("early", b""),
        ("conf", b"twotw"),
        ("conf", b"three"),
        ("other", b""),
    ]
    # No more than settings have
    assert len(found[1][1]) == 64 << 10
