# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tar is read as it was written, and none of its members lies outside."""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.tar_reader import TarReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged


def member(
    name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **fields: Any
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def write(path: Path, *members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> str:
    with tarfile.open(path, "w", format=format) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return str(path)


def names(reader: TarReader, number: int = 0) -> dict[str, int]:
    return {os.fsdecode(name): found for name, found in reader.folder(reader.inode(number))}


def test_what_is_in_it(tmp_path: Path) -> None:
    path = write(
        tmp_path / "tar",
        member("./", tarfile.DIRTYPE, mode=0o700),
        member("./etc", tarfile.DIRTYPE, mode=0o755, uid=7),
        member("etc/passwd", content=b"text", mode=0o4640, uid=1, gid=2, mtime=1.5),
        member("etc/again", tarfile.LNKTYPE, linkname="./etc/passwd"),
        member("link", tarfile.SYMTYPE, linkname="/etc"),
        member("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("without/its/folders", content=b"x"),
        member("etc/late", content=b"old"),
        member("etc/late", content=b"the last one counts"),
    )
    reader = TarReader(path)
    top = names(reader)
    assert sorted(top) == ["etc", "link", "null", "without"]
    etc = names(reader, top["etc"])
    assert etc["again"] == etc["passwd"]
    file = reader.inode(etc["passwd"])
    assert (stat.S_IMODE(file.mode), file.uid, file.gid, file.links, file.mtime) == (0o4640, 1, 2, 2, 1_500_000_000)
    assert b"".join(reader.chunks(file)) == b"text"
    assert b"".join(reader.chunks(reader.inode(etc["late"]))) == b"the last one counts"
    assert reader.link(reader.inode(top["link"])) == b"/etc"
    assert reader.inode(top["null"]).device == (1, 3)
    assert stat.S_IMODE(reader.inode(0).mode) == 0o700
    # The top, etc, passwd, late, link, null, without, its, folders
    assert reader.named == 9


def test_attributes(tmp_path: Path) -> None:
    headers = {
        "SCHILY.xattr.user.note": "\udcff\0x",
        "SCHILY.acl.access": "user::rw-,user:7:r--,group::r--,mask::r--,other::---",
        "RHT.security.selinux": "system_u:object_r:etc_t:s0",
    }
    path = write(tmp_path / "tar", member("file", pax_headers=headers))
    reader = TarReader(path)
    found = reader.attributes(reader.inode(names(reader)["file"]))
    assert found["user.note"] == b"\xff\0x"
    assert found["security.selinux"] == b"system_u:object_r:etc_t:s0\0"
    rows = [(0x01, 6, -1), (0x02, 4, 7), (0x04, 4, -1), (0x10, 4, -1), (0x20, 0, -1)]
    entries = b"".join(struct.pack("<HHi", *row) for row in rows)
    assert found["system.posix_acl_access"] == struct.pack("<I", 2) + entries


def test_an_access_list_with_names_goes_by_the_accounts_in_it(tmp_path: Path) -> None:
    headers = {"SCHILY.acl.access": "user::rw-\nuser:web:r-x\ngroup::r--\nmask::r-x\nother::---\n"}
    accounts = member("etc/passwd", content=b"root:x:0:0::/:/bin/sh\nweb:x:33:33::/:/bin/sh\n")
    reader = TarReader(write(tmp_path / "tar", member("file", pax_headers=headers), accounts))
    value = reader.attributes(reader.inode(names(reader)["file"]))["system.posix_acl_access"]
    assert struct.pack("<HHI", 0x02, 5, 33) in value
    reader = TarReader(write(tmp_path / "other", member("file", pax_headers=headers)))
    with pytest.raises(Damaged, match="an access list names user web, whom /etc/passwd does not have"):
        reader.attributes(reader.inode(names(reader)["file"]))


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([member("/etc/passwd")], "may lie outside"),
        ([member("a/../../b")], "may lie outside"),
        ([member("a", tarfile.SYMTYPE, linkname="/etc"), member("a/b")], "lies in what is no folder"),
        ([member("a"), member("b", tarfile.LNKTYPE, linkname="/etc/shadow")], "may lie outside"),
        ([member("b", tarfile.LNKTYPE, linkname="none")], "is a hard link to 'none', which is no file in it"),
        ([member("a", tarfile.DIRTYPE), member("b", tarfile.LNKTYPE, linkname="a")], "is a hard link to 'a'"),
        ([member("a/b"), member("a", tarfile.SYMTYPE, linkname="/etc")], "is a folder with files, and something else"),
    ],
)
def test_what_leads_out_or_cannot_be(tmp_path: Path, members: list[Any], said: str) -> None:
    with pytest.raises(Damaged, match=said):
        TarReader(write(tmp_path / "tar", *members))


def test_an_owner_that_nobody_can_be(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="belongs to -1:0"):
        TarReader(write(tmp_path / "tar", member("a", uid=-1), format=tarfile.GNU_FORMAT))


@pytest.mark.parametrize("size", [0, 700, 1200, 3000])
def test_what_is_cut_off(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "tar", member("a", content=b"x" * 600), member("b", content=b"y" * 600))
    os.truncate(path, size)
    with pytest.raises(Damaged, match=r"is not whole|ends in the middle|is no tar"):
        TarReader(path)
