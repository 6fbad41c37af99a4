# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree with files of every kind that a file system can hold, and all that can be seen of a tree.

It is a program too, for those who see the owners of a tree in a namespace only: FOLDER prints what there is.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import sys
from pathlib import Path

MIB = 1 << 20
EPOCH = 1_600_000_000
# cap_net_raw, effective and permitted
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
ODD_NAME = b"odd \xff\n\"name'"


def acl(*entries: tuple[int, int, int]) -> bytes:
    """An access control list as the kernel takes it, of tags, permissions and ids."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


# The owner, user 1234, the group, group 55, the mask, the others.
ACL = acl((1, 6, 0xFFFFFFFF), (2, 6, 1234), (4, 4, 0xFFFFFFFF), (8, 4, 55), (16, 6, 0xFFFFFFFF), (32, 4, 0xFFFFFFFF))


def fill(tree: Path, *, devices: bool = True) -> Path:
    """Write the tree; it takes root."""
    for name in ("boot", "etc", "dev", "usr/lib/deep/er", "var/log", "home"):
        (tree / name).mkdir(parents=True)
    for version in ("6.9.12", "6.12.3"):
        (tree / "boot" / f"vmlinuz-{version}").write_bytes(f"kernel {version}".encode() * 1000)
        (tree / "boot" / f"initrd.img-{version}").write_bytes(f"initrd {version}".encode() * 1000)
    one = tree / "usr" / "one"
    one.write_bytes(os.urandom(3 * MIB + 5))
    for name in ("usr/two", "usr/lib/deep/er/three"):
        os.link(one, tree / name)
    (tree / "etc" / "short").symlink_to("one")
    (tree / "etc" / "of59").symlink_to("x" * 59)
    (tree / "etc" / "of60").symlink_to("x" * 60)
    (tree / "etc" / "long").symlink_to("/nowhere/" + "y" * 300)
    (tree / "etc" / "empty").write_text("")
    with open(tree / "var" / "sparse", "wb") as file:
        file.truncate(50 * MIB)
        file.seek(20 * MIB)
        file.write(b"in the middle")
    os.mkfifo(tree / "var" / "pipe")
    os.link(tree / "var" / "pipe", tree / "var" / "same pipe")
    if devices:
        os.mknod(tree / "var" / "null", 0o20666, os.makedev(1, 3))
        os.mknod(tree / "var" / "block", 0o60660, os.makedev(259, 70000))
    program = tree / "usr" / "program"
    program.write_text("x")
    os.chown(program, 5, 6)
    program.chmod(0o6755)
    os.setxattr(program, "security.capability", CAPABILITY)
    os.setxattr(program, "user.long", b"v" * 600)
    os.setxattr(tree / "etc" / "empty", "system.posix_acl_access", ACL)
    os.setxattr(tree / "home", "system.posix_acl_default", ACL)
    (tree / "home" / "user").mkdir(mode=0o2770)
    os.chown(tree / "home" / "user", 1234, 60000)
    os.lchown(tree / "etc" / "short", 77, 88)
    (tree / "var" / "sticky").mkdir()
    (tree / "var" / "sticky").chmod(0o1777)
    odd = os.path.join(os.fsencode(tree), b"home", ODD_NAME)
    os.mkdir(odd)
    with open(os.path.join(odd, b"file"), "w") as file:
        file.write("odd")
    many = tree / "usr" / "many"
    many.mkdir()
    for number in range(600):
        (many / f"a file with a name that is rather long {number}").write_text(str(number))
    for number, (folder, folders, files) in enumerate(os.walk(tree)):
        for name in (*folders, *files):
            os.utime(os.path.join(folder, name), (EPOCH - number, EPOCH - 2 * number), follow_symlinks=False)
    return tree


def facts(tree: Path, *, nanoseconds: bool = False) -> dict[str, list[object]]:
    """All that can be seen of each file, by its name; the content of /dev and lost+found are left out."""
    top = os.fsencode(tree)
    found: dict[str, list[object]] = {}
    names: dict[int, str] = {}
    for folder, folders, files in os.walk(top):
        folders.sort()
        for name in sorted((*folders, *files)):
            path = os.path.join(folder, name)
            short = ascii(path[len(top) + 1 :])
            if short.startswith("b'dev/") or short == "b'lost+found'":
                continue
            status = os.lstat(path)
            is_folder = stat.S_ISDIR(status.st_mode)
            content = ""
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            elif stat.S_ISLNK(status.st_mode):
                content = ascii(os.readlink(path))
            attributes = {
                name: os.getxattr(path, name, follow_symlinks=False).hex()
                for name in sorted(os.listxattr(path, follow_symlinks=False))
            }
            found[short] = [
                oct(status.st_mode),
                status.st_uid,
                status.st_gid,
                0 if is_folder else status.st_size,
                status.st_rdev,
                status.st_mtime_ns if nanoseconds else status.st_mtime_ns // 10**9,
                "" if is_folder else names.setdefault(status.st_ino, short),
                content,
                attributes,
            ]
    return found


if __name__ == "__main__":
    print(json.dumps(facts(Path(sys.argv[1]))))
