# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's own installer, and the packages that it wants and a mirror lacks: put into its initrd, known as unpacked.

What the real ones hold is taken from the ordinary packages: kernel modules from the kernel's, tools from their own.
A complete mirror lacks none, and then the initrd is Debian's.
"""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.cpio import Archive, read_archive
from helpers.debian_archive import DebianArchive, Stanza, dependencies, stanzas

NETBOOT = "debian-installer-13-netboot-amd64"
IMAGES = "usr/lib/debian-installer/images/13/amd64/text/debian-installer/amd64"
STATUS = "var/lib/dpkg/status"
WANTED = ("required", "important", "standard")

# Packages of kernel modules, without version: the modules for which a virtual machine needs them.
MODULES: dict[str, tuple[str, ...]] = {
    "ata-modules": ("libata",),
    "btrfs-modules": ("btrfs",),
    "cdrom-core-modules": ("cdrom", "sr_mod"),
    "ext4-modules": ("ext4",),
    "firewire-core-modules": (),
    "isofs-modules": ("isofs",),
    "jfs-modules": ("jfs",),
    "loop-modules": ("loop",),
    "md-modules": ("dm-mod", "md-mod", "raid1"),
    "pata-modules": ("ata_piix",),
    "pcmcia-storage-modules": (),
    "sata-modules": ("ahci",),
    "scsi-modules": ("virtio_blk", "virtio_scsi"),
    "xfs-modules": ("xfs",),
}
# Packages of programs and libraries: the ordinary ones that hold them, and what of these is wanted.
LIBRARIES = "usr/lib/*/lib*.so.*"
PROGRAMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "e2fsprogs-udeb": (
        ("e2fsprogs", "libext2fs2t64", "libcom-err2"),
        ("etc/mke2fs.conf", "usr/sbin/*ext[234]", "usr/sbin/e2fsck", "usr/sbin/mke2fs", "usr/sbin/*2fs", LIBRARIES),
    ),
    "libmount1-udeb": (("libmount1",), (LIBRARIES,)),
    "ntfs-3g-udeb": (("ntfs-3g", "libntfs-3g89t64"), ("usr/bin/ntfs-3g", LIBRARIES)),
    "xfsprogs-udeb": (("xfsprogs",), ("usr/sbin/mkfs.xfs", "usr/sbin/xfs_repair")),
}


@dataclass(frozen=True)
class Installer:
    """The kernel and the initrd; *supplied* are the packages that were put into it."""

    kernel: Path
    initrd: Path
    supplied: tuple[str, ...]


def debian_installer(archive: DebianArchive, folder: Path) -> Installer:
    """Lay the installer into a folder, with all the packages that it will ask the archive for."""
    archive.unpack(NETBOOT, folder / "netboot")
    kernel, initrd = (folder / "netboot" / IMAGES / name for name in ("linux", "initrd.gz"))
    names, status = set(), b""
    for name, content in read_archive(gzip.decompress(initrd.read_bytes())):
        names.add(name)
        if name == STATUS:
            status = content
    present = {stanza["Package"]: stanza for stanza in stanzas(status.decode())}
    version = next(name.removeprefix("kernel-image-")[:-3] for name in present if name.startswith("kernel-image-"))
    supplied = archive.lacking(wanted(archive.packages, present, version))
    if supplied:
        extra = folder / "supplied"
        for name in supplied:
            _supply(archive, name, version, folder, extra)
        _keep_new(extra, names)
        text = status.decode().rstrip() + "\n\n" + "\n".join(_status(archive.packages[name]) for name in supplied)
        (extra / STATUS).parent.mkdir(parents=True)
        (extra / STATUS).write_text(text)
        _append(initrd, extra)
    return Installer(kernel, initrd, tuple(supplied))


def wanted(packages: dict[str, Stanza], present: dict[str, Stanza], version: str) -> set[str]:
    """What the installer will ask for: by priority, for its kernel, with dependencies, without what it has."""
    known = {
        name: stanza
        for name, stanza in packages.items()
        if stanza.get("Section") == "debian-installer" and stanza.get("Kernel-Version", version) == version
    }
    provided = {
        word.split()[0]: name
        for name, stanza in [*known.items(), *present.items()]
        for word in stanza.get("Provides", "").split(",")
        if word.strip()
    }
    waiting = [name for name, stanza in known.items() if stanza.get("Priority") in WANTED]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        name = name if name in known else provided.get(name, "")
        if name in known and name not in found and name not in present:
            found.add(name)
            waiting += dependencies(known[name])
    return found


def _supply(archive: DebianArchive, name: str, version: str, folder: Path, extra: Path) -> None:
    """Put what a package of the installer holds into the tree *extra*."""
    modules = MODULES.get(name.removesuffix(f"-{version}-di"))
    if modules is not None:
        _supply_modules(_tree(archive, f"linux-image-{version}", folder), modules, extra)
    elif name in PROGRAMS:
        sources, patterns = PROGRAMS[name]
        for source in sources:
            tree = _tree(archive, source, folder)
            for path in (path for pattern in patterns for path in tree.glob(pattern)):
                _copy(path, extra / path.relative_to(tree))
    else:
        pytest.fail(f"the mirror lacks {name}, and this test does not know what to put in its place", pytrace=False)


def _tree(archive: DebianArchive, package: str, folder: Path) -> Path:
    tree = folder / "trees" / package
    if not tree.is_dir():
        archive.unpack(package, tree)
    return tree


def _supply_modules(tree: Path, wished: tuple[str, ...], extra: Path) -> None:
    paths = {_plain(path.name): path for path in tree.glob("usr/lib/modules/*/kernel/**/*.ko.xz")}
    waiting, done = [_plain(name) for name in wished], set()
    while waiting:
        name = waiting.pop()
        if name in done or name not in paths:  # not there: built into the kernel
            continue
        done.add(name)
        content = lzma.decompress(paths[name].read_bytes())
        _copy(paths[name], extra / paths[name].relative_to(tree))
        # The module says it itself: the list of dependencies is made where the kernel is installed.
        needs = re.findall(rb"\0(?:depends|softdep)=([^\0]*)", content)
        waiting += [_plain(word) for need in needs for word in re.split(r"[\s,]+", need.decode()) if word]


def _plain(name: str) -> str:
    return name.split(".")[0].replace("-", "_")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_symlink() and not target.exists():
        shutil.copy2(source, target, follow_symlinks=False)


def _keep_new(tree: Path, names: set[str]) -> None:
    """Remove what the initrd has already."""
    for path in list(tree.rglob("*")):
        if not path.is_dir() and str(path.relative_to(tree)) in names:
            path.unlink()


def _status(stanza: Stanza) -> str:
    kept = ("Version", "Depends", "Provides", "Description")
    lines = [f"Package: {stanza['Package']}", "Status: install ok unpacked"]
    lines += [f"{name}: {stanza[name]}" for name in kept if name in stanza]
    return "\n".join(lines) + "\n"


def _append(initrd: Path, tree: Path) -> None:
    """The kernel unpacks archives that follow one another; what comes later goes over what was there."""
    with open(initrd, "ab") as file, gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed:
        archive = Archive(packed)
        archive.add_tree(tree)
        archive.close()
