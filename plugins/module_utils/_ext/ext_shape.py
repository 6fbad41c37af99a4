# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ext file system was made with, so that another can be made like it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import e2fs
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramError, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import KIB, MIB

# What mke2fs makes and a copy of the tree fills in full. Others (encrypt, verity, casefold, bigalloc, ...) it does not.
COPYABLE = frozenset(
    (
        *("has_journal", "ext_attr", "resize_inode", "dir_index", "filetype", "extent", "64bit", "flex_bg"),
        *("sparse_super", "sparse_super2", "large_file", "huge_file", "uninit_bg", "dir_nlink", "extra_isize"),
        *("metadata_csum", "metadata_csum_seed", "meta_bg", "orphan_file", "large_dir", "ea_inode", "inline_data"),
    )
)
_ERRORS = {"Continue": "continue", "Remount read-only": "remount-ro", "Panic": "panic"}
_INODE = re.compile(r"Mode:\s+(?P<mode>[0-7]+).*?User:\s+(?P<uid>\d+)\s+Group:\s+(?P<gid>\d+)", re.DOTALL)
_TIME = re.compile(r"^\s*(?P<name>[acm]time): 0x(?P<value>[0-9a-f]+)", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^  (?P<name>[a-z]+\.\S+) \(\d+\)", re.MULTILINE)


class NoRoom(GoldsmithError):
    """The tree does not fit into the file system."""


@dataclass(frozen=True)
class Shape:
    """The choices made at creation, and the counters. Sizes in blocks, unless the name says otherwise."""

    block_size: int
    blocks: int
    free: int
    reserved: int
    inodes: int
    free_inodes: int
    inode_size: int
    blocks_per_group: int
    descriptor_size: int
    reserved_descriptors: int
    journal: int
    flex_group: int
    features: tuple[str, ...]
    label: str
    uuid: str
    hash_seed: str
    errors: str
    fstype: str
    # What goes unchanged from superblock to superblock, by the names that debugfs has for the fields.
    carried: tuple[tuple[str, str], ...]
    written: int

    @property
    def size(self) -> int:
        """The file system in bytes."""
        return self.blocks * self.block_size

    @property
    def used_inodes(self) -> int:
        """The inodes in use, the reserved ones among them."""
        return self.inodes - self.free_inodes

    @property
    def bytes_per_inode(self) -> int:
        """How many bytes there are for each inode."""
        return self.size // self.inodes

    @property
    def growth_limit(self) -> int | None:
        """The number of blocks up to which the reserved descriptors let it grow."""
        if "resize_inode" not in self.features:
            return None
        per_block = self.block_size // self.descriptor_size
        groups = -(-self.blocks // self.blocks_per_group)
        return (-(-groups // per_block) + self.reserved_descriptors) * per_block * self.blocks_per_group


def read(runner: Runner, path: str, offset: int = 0) -> Shape:
    """Return the shape of the file system at an offset."""
    # As dumpe2fs -h, which in e2fsprogs 1.47.2 takes no offset.
    result = runner.run(["debugfs", "-R", "show_super_stats -h", e2fs.target(path, offset)])
    fields = parse_fields(result.stdout)
    if "Filesystem UUID" not in fields:
        raise GoldsmithError(f"cannot read the file system of {path}: {result.last_line}")
    with open(path, "rb") as file:
        file.seek(offset + 1024)
        raw = file.read(1024)
    return parse(fields, raw)


def parse_fields(text: str) -> dict[str, str]:
    """Return the C(name: value) lines of a superblock. The label comes first, so it cannot override what follows."""
    fields = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and name == name.strip():
            fields[name] = value.strip()
    return fields


def parse(fields: Mapping[str, str], raw: bytes) -> Shape:
    """Return the shape from the fields that e2fsprogs names and the bytes of the superblock."""

    def number(name: str, default: str | None = None) -> int:
        return int(fields.get(name, default) if default is not None else fields[name])

    def word(at: int, size: int = 4) -> int:
        return int.from_bytes(raw[at : at + size], "little")

    features = tuple(fields["Filesystem features"].split())
    carried = {
        "mkfs_time": f"@{word(264)}",
        "lastcheck": f"@{word(64)}",
        "wtime": f"@{word(48)}",
        "mtime": f"@{word(44)}",
        "mnt_count": str(word(52, 2)),
        "max_mnt_count": str(int.from_bytes(raw[54:56], "little", signed=True)),
        "checkinterval": str(word(68)),
        "def_resuid": str(word(80, 2)),
        "def_resgid": str(word(82, 2)),
        "default_mount_opts": str(word(256)),
        "raid_stride": str(word(0x164, 2)),
        "raid_stripe_width": str(word(0x170)),
    }
    return Shape(
        block_size=number("Block size"),
        blocks=number("Block count"),
        free=number("Free blocks"),
        reserved=number("Reserved block count"),
        inodes=number("Inode count"),
        free_inodes=number("Free inodes"),
        inode_size=number("Inode size"),
        blocks_per_group=number("Blocks per group"),
        descriptor_size=number("Group descriptor size", "32"),
        reserved_descriptors=number("Reserved GDT blocks", "0"),
        # The superblock keeps a copy of the journal's inode, whose last two words are its size.
        journal=(word(0x14C) | word(0x148) << 32) // number("Block size") if "has_journal" in features else 0,
        flex_group=number("Flex block group size", "0"),
        features=features,
        label=raw[120:136].split(b"\0")[0].decode("utf-8", "surrogateescape"),
        uuid=fields["Filesystem UUID"],
        hash_seed=fields.get("Directory Hash Seed", ""),
        errors=_ERRORS.get(fields.get("Errors behavior", ""), "continue"),
        fstype="ext4" if "extent" in features else ("ext3" if "has_journal" in features else "ext2"),
        carried=tuple(carried.items()),
        written=word(48),
    )


def make_like(
    runner: Runner,
    shape: Shape,
    path: str,
    *,
    blocks: int,
    inodes: int,
    offset: int = 0,
    tree: str | None = None,
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> None:
    """Make a file system of *blocks* like the one of *shape*, from *tree*; raise NoRoom where that is too big."""
    argv = [*prefix, "mke2fs", "-q", "-F", "-t", shape.fstype, "-O", ",".join(("none", *shape.features))]
    argv += ["-b", str(shape.block_size), "-I", str(shape.inode_size), "-N", str(inodes), "-e", shape.errors]
    argv += ["-m", f"{min(50.0, 100 * shape.reserved / shape.blocks):.4f}", "-L", shape.label, "-U", shape.uuid]
    if shape.journal:
        argv += ["-J", f"size={max(1, shape.journal * shape.block_size // MIB)}"]
    if shape.flex_group:
        argv += ["-G", str(shape.flex_group)]
    extended = [f"offset={offset}", "lazy_itable_init=1", "lazy_journal_init=1", "nodiscard"]
    if shape.hash_seed:
        extended.append(f"hash_seed={shape.hash_seed}")
    if shape.growth_limit and blocks < shape.growth_limit < 1 << 32:
        extended.append(f"resize={shape.growth_limit}")
    argv += ["-E", ",".join(extended)]
    if tree:
        argv += ["-d", tree]
    try:
        runner.run([*argv, path, f"{blocks * shape.block_size // KIB}k"], environment=environment)
    except ProgramError as error:
        text = error.result.stderr
        signs = ("Could not allocate", "No free space", "Not enough space", "ext2 inode", "too small", "too big")
        if any(sign in text for sign in signs):
            raise NoRoom(f"the tree does not fit into {blocks} blocks: {error.result.last_line}") from None
        raise


def carry(shape: Shape, made: Shape) -> list[str]:
    """Return the debugfs commands that give *made* the fields of *shape* that do not follow from its size."""
    reserved = shape.reserved * made.blocks // shape.blocks
    return [f"ssv {name} {value}" for name, value in (*shape.carried, ("r_blocks_count", str(reserved)))]


def copy_details(
    runner: Runner,
    source: tuple[str, int],
    shape: Shape,
    dest: tuple[str, int],
    *,
    folder: str,
    environment: Mapping[str, str],
) -> None:
    """Carry over what mke2fs does not take from a tree: superblock fields, and the root folder's own metadata.

    *source* and *dest* are a file and an offset; *folder* is for scratch files.
    """
    request = runner.run(["debugfs", "-R", "stat <2>", e2fs.target(*source)]).stdout
    inode = _INODE.search(request)
    if not inode:
        raise GoldsmithError(f"cannot read the root folder of {source[0]}")
    commands = carry(shape, read(runner, *dest))
    commands += [
        f"sif <2> mode 04{int(inode['mode'], 8):04o}",
        f"sif <2> uid {inode['uid']}",
        f"sif <2> gid {inode['gid']}",
    ]
    for time in _TIME.finditer(request):
        commands.append(f"sif <2> {time['name']} @{int(time['value'], 16)}")
    for index, name in enumerate(_ATTRIBUTE.findall(request)):
        value = f"{folder}/attribute-{index}"
        runner.run(["debugfs", "-R", f"ea_get -f {value} <2> {name}", e2fs.target(*source)])
        commands.append(f"ea_set -f {value} <2> {name}")
    e2fs.edit(runner, dest[0], commands, offset=dest[1], environment=environment)
