# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tar as a file system that is read. It may be foreign: a member lies below the top, in what is a folder there."""

from __future__ import annotations

import stat
import struct
import tarfile
from collections.abc import Iterator
from dataclasses import replace

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.fs_reader import FsReader, Inode
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged, Piece

_KINDS = {
    tarfile.REGTYPE: stat.S_IFREG,
    tarfile.AREGTYPE: stat.S_IFREG,
    tarfile.CONTTYPE: stat.S_IFREG,
    tarfile.GNUTYPE_SPARSE: stat.S_IFREG,
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.BLKTYPE: stat.S_IFBLK,
    tarfile.FIFOTYPE: stat.S_IFIFO,
}
_XATTR, _ACL, _SELINUX = "SCHILY.xattr.", "SCHILY.acl.", "RHT.security.selinux"
# The tag of an entry without and with a name, as the kernel has it
_TAGS = {"user": (0x01, 0x02), "group": (0x04, 0x08), "mask": (0x10, 0x10), "other": (0x20, 0x20)}
_NO_ID = 0xFFFFFFFF


class TarReader(FsReader):
    """Finds all members first. A later one of the same name counts."""

    root = 0
    is_clean = True

    def __init__(self, path: str, offset: int = 0) -> None:
        super().__init__(path, offset)
        self._inodes = [Inode(0, stat.S_IFDIR | 0o755, 0)]
        self._members: dict[int, tarfile.TarInfo] = {}
        self._folders: dict[int, dict[bytes, int]] = {0: {}}
        self._accounts: dict[str, dict[str, int]] = {}
        try:
            with open(path, "rb") as file, tarfile.open(fileobj=file, mode="r:", errors="surrogateescape") as archive:
                for member in archive:
                    self._add(member)
                # Behind the first member tarfile takes whatever it does not know for the end.
                file.seek(archive.offset)
                if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                    raise Damaged(f"it ends in the middle, at byte {archive.offset}")
        except tarfile.TarError as error:
            raise Damaged(f"it is no tar: {error}") from None
        self.named = len(self._reachable())

    def inode(self, number: int) -> Inode:
        return self._inodes[number]

    def folder(self, inode: Inode) -> Iterator[tuple[bytes, int]]:
        yield from self._folders[inode.number].items()

    def link(self, inode: Inode) -> bytes:
        return _raw(self._members[inode.number].linkname)

    def attributes(self, inode: Inode) -> dict[str, bytes]:
        found = {}
        member = self._members.get(inode.number)
        for name, value in (member.pax_headers if member else {}).items():
            if name.startswith(_XATTR):
                found[name.removeprefix(_XATTR)] = _raw(value)
            elif name.startswith(_ACL):
                found[f"system.posix_acl_{name.removeprefix(_ACL)}"] = self._acl(value)
            elif name == _SELINUX:
                found.setdefault("security.selinux", _raw(value) + b"\0")
        return found

    def _pieces(self, inode: Inode) -> Iterator[Piece]:
        member = self._members[inode.number]
        place = member.offset_data
        for start, size in member.sparse if member.sparse is not None else [(0, member.size)]:
            if size:
                yield Piece(start, size, place)
            place += size

    def _add(self, member: tarfile.TarInfo) -> None:
        names = self._names(member.name)
        if not names:
            if member.type == tarfile.DIRTYPE:
                self._describe(0, member)
            return
        folder = 0
        for name in names[:-1]:
            folder = self._below(folder, name, member.name)
        entries, last = self._folders[folder], names[-1]
        old = entries.get(last)
        is_folder = old is not None and old in self._folders
        if member.type == tarfile.LNKTYPE:
            goal = self._find(member.linkname)
            if is_folder or goal is None or goal in self._folders:
                raise Damaged(f"{member.name!r} is a hard link to {member.linkname!r}, which is no file in it")
            self._inodes[goal] = replace(self._inodes[goal], links=self._inodes[goal].links + 1)
            entries[last] = goal
        elif is_folder and member.type == tarfile.DIRTYPE:
            self._describe(old, member)
        elif is_folder and self._folders[old]:
            raise Damaged(f"{member.name!r} is a folder with files, and something else")
        elif member.type in _KINDS:
            entries[last] = self._new(member)

    def _new(self, member: tarfile.TarInfo) -> int:
        number = len(self._inodes)
        self._inodes.append(Inode(number, stat.S_IFREG, 0))
        if member.type == tarfile.DIRTYPE:
            self._folders[number] = {}
        self._describe(number, member)
        return number

    def _describe(self, number: int, member: tarfile.TarInfo) -> None:
        kind = _KINDS[member.type]
        if member.size < 0 or (kind == stat.S_IFREG and member.offset_data + sum(self._sizes(member)) > self._size):
            raise Damaged(f"{member.name!r} is not whole")
        if not (0 <= member.uid < _NO_ID and 0 <= member.gid < _NO_ID):
            raise Damaged(f"{member.name!r} belongs to {member.uid}:{member.gid}, which nobody can be")
        time = int(float(member.mtime) * 1_000_000_000)
        device = (member.devmajor, member.devminor) if kind in (stat.S_IFCHR, stat.S_IFBLK) else (0, 0)
        size = member.size if kind == stat.S_IFREG else 0
        self._members[number] = member
        self._inodes[number] = Inode(
            number,
            kind | stat.S_IMODE(member.mode),
            size,
            uid=member.uid,
            gid=member.gid,
            mtime=time,
            atime=time,
            device=device,
        )

    @staticmethod
    def _sizes(member: tarfile.TarInfo) -> list[int]:
        return [size for _start, size in member.sparse] if member.sparse is not None else [member.size]

    def _below(self, folder: int, name: bytes, member: str) -> int:
        """Return a folder in a folder, made where the archive does not name it."""
        number = self._folders[folder].get(name)
        if number is None:
            number = len(self._inodes)
            self._inodes.append(Inode(number, stat.S_IFDIR | 0o755, 0))
            self._folders[number] = {}
            self._folders[folder][name] = number
        if number not in self._folders:
            raise Damaged(f"{member!r} lies in what is no folder")
        return number

    def _names(self, name: str) -> list[bytes]:
        """Return the parts of a member's name; raise Damaged where it leads out."""
        parts = [part for part in _raw(name).split(b"/") if part not in (b"", b".")]
        if name.startswith("/") or b".." in parts or any(b"\0" in part for part in parts):
            raise Damaged(f"it has a member {name!r}, which may lie outside; make it with tar -C FOLDER -cf FILE .")
        return parts

    def _find(self, name: str) -> int | None:
        number: int | None = 0
        for part in self._names(name):
            number = self._folders.get(number, {}).get(part) if number is not None else None
        return number

    def _reachable(self) -> set[int]:
        found, pending = {0}, [0]
        while pending:
            for number in self._folders[pending.pop()].values():
                if number not in found and number in self._folders:
                    pending.append(number)
                found.add(number)
        return found

    def _acl(self, text: str) -> bytes:
        """Return an ACL as the kernel has it of one as programs write it."""
        entries = []
        for line in text.replace(",", "\n").split("\n"):
            fields = line.partition("#")[0].strip().split(":")
            if len(fields) < 3:
                continue
            kind, name, rights, *more = fields
            if kind not in _TAGS:
                raise Damaged(f"it has an access list with {line!r}")
            permission = sum(bit for sign, bit in zip("rwx", (4, 2, 1), strict=True) if sign in rights)
            number = self._id(kind, more[0] if more else name) if name else _NO_ID
            entries.append((_TAGS[kind][bool(name)], permission, number))
        entries.sort(key=lambda entry: (entry[0], entry[2]))
        return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)

    def _id(self, kind: str, name: str) -> int:
        """Return the number of an account or a group, which the system in the archive knows by its name."""
        if name.isdigit():
            return int(name)
        file = {"user": "etc/passwd", "group": "etc/group"}[kind]
        if kind not in self._accounts:
            number = self._find(file)
            is_file = number is not None and stat.S_ISREG(self._inodes[number].mode)
            text = b"".join(self.chunks(self._inodes[number])).decode("utf-8", "replace") if is_file else ""
            rows = [line.split(":") for line in text.splitlines()]
            self._accounts[kind] = {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[2].isdigit()}
        if name not in self._accounts[kind]:
            raise Damaged(f"an access list names {kind} {name}, whom /{file} does not have")
        return self._accounts[kind][name]


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
