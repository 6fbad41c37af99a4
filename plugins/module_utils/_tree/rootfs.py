# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root file system as a folder: its size, kernel and times."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import grub_default, rpm_packages
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import GuestFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import SECTOR, align_up

_BLOCK = 4096
_LARGEST_STATUS = 64 << 20
# A file that takes less than its size, and is larger than this, may have holes that count.
_SPARSE = 1 << 20
_COUNT_DATA = r"""
import os, sys
block, blocks = int(sys.argv[1]), 0
for path in sys.stdin.buffer.read().split(b"\0")[:-1]:
    file, place = os.open(path, os.O_RDONLY | os.O_NOFOLLOW), 0
    try:
        while True:
            start = os.lseek(file, place, os.SEEK_DATA)
            place = os.lseek(file, start, os.SEEK_HOLE)
            blocks += -(-place // block) - start // block
    except OSError:
        os.close(file)  # no more data
print(blocks * block)
"""

_WRITE = r"""
tree=$1 path=$2 mode=$3
mkdir -p "$tree$(dirname "$path")" && cat >"$tree$path" && chmod "$mode" "$tree$path"
"""


@dataclass(frozen=True)
class Kernel:
    """A kernel of a tree; the paths begin with / and are those inside the tree."""

    version: str
    image: str
    ramdisk: str


@dataclass(frozen=True)
class Extent:
    """What a tree takes up in a file system: *data* bytes in whole blocks, *files* inodes."""

    data: int
    files: int


def find_kernel(tree: str) -> Kernel:
    """Return the kernel of a tree that its boot loader would start; raise GoldsmithError when there is none."""
    return kernel_of(TreeFiles(tree), tree)


def kernel_of(files: GuestFiles, where: str) -> Kernel:
    """Return the kernel with an initramfs that GRUB would start by itself, or the newest where it does not say.

    Of links only those to a kernel beside its modules are followed: a guest may be foreign, and the versioned files are
    what the others point to. *where* is for the error.
    """
    boot = files.find("/boot", follow=False)
    there = _boot_files(files) if boot and boot.is_folder else {}
    chosen = _started(files) if there else None
    kernels = [kernel for kernel in _kernels(there) if kernel.image == chosen]
    return kernels[0] if kernels else _newest(there, where)


def _boot_files(files: GuestFiles) -> dict[str, str]:
    """Return the real paths of the files in /boot by their names there."""
    found = {}
    for entry in files.entries("/boot"):
        goal = files.find(entry.path) if entry.is_link else entry
        if goal and goal.is_file and (goal is entry or re.match(r"/(?:usr/)?lib/modules/", goal.path)):
            found[entry.name] = goal.path
    return found


def _started(files: GuestFiles) -> str | None:
    """Return the real path of the kernel that GRUB starts by itself."""
    for folder in ("/boot/grub", "/boot/grub2"):
        text = files.text(f"{folder}/grub.cfg")
        if text is not None:
            entries = [
                grub_default.boot_entry(os.path.basename(path), files.text(path) or "")
                for path in sorted(files.glob("/boot/loader/entries/*.conf"), key=version_key, reverse=True)
            ]
            path = grub_default.default_kernel(text, files.text(f"{folder}/grubenv") or "", entries)
            # GRUB counts from the file system that holds /boot, which may be one of its own.
            found = files.find(path) or files.find(f"/boot{path}") if path.startswith("/") else None
            return found.path if found else None
    return None


def _newest(there: Mapping[str, str], where: str) -> Kernel:
    kernels = _kernels(there)
    if not kernels:
        raise GoldsmithError(
            f"{where} has no kernel with an initramfs in /boot",
            hint="add the distribution's kernel package, for Debian linux-image-cloud-amd64",
        )
    return max(kernels, key=lambda kernel: version_key(kernel.version))


def _kernels(there: Mapping[str, str]) -> list[Kernel]:
    kernels = []
    # Odd characters would be taken as syntax by GRUB and debugfs, and a tree may be foreign.
    for name in sorted(there, reverse=True):
        if not (match := re.fullmatch(r"vmlinu[zx]-([\w.+~-]+)", name, re.ASCII)):
            continue
        version = match.group(1)
        for ramdisk in (f"initrd.img-{version}", f"initramfs-{version}.img", f"initrd-{version}"):
            if ramdisk in there:
                kernels.append(Kernel(version, there[name], there[ramdisk]))
    return kernels


def version_key(version: str) -> list[tuple[int, int | str]]:
    """Return a key that sorts versions by their numbers: 6.12 after 6.9."""
    return [(1, int(part)) if part.isdigit() else (0, part) for part in re.findall(r"\d+|[^\d]+", version)]


def measure(runner: Runner, tree: str, prefix: Sequence[str]) -> Extent:
    """Return what the tree takes up, holes not counted; it depends on nothing but the tree, not on the host's file
    system."""
    listing = runner.run([*prefix, "find", tree, "-xdev", "-printf", r"%y %i %s %b %P\0"]).stdout
    data = files = 0
    seen: set[str] = set()
    sparse = []
    for line in listing.rstrip("\0").split("\0"):
        kind, inode, size, sectors, path = line.split(" ", 4)
        name = path.rpartition("/")[2]
        if kind == "d":
            data += _BLOCK
        # Every name is an entry in a folder; folders are seldom full.
        data += align_up(8 + len(name.encode()), 4) * 3 // 2
        if inode in seen:
            continue  # a hard link
        seen.add(inode)
        files += 1
        if kind == "f" and _SPARSE < int(size) > int(sectors) * SECTOR:
            sparse.append(f"{tree}/{path}\0")
        elif kind == "f" or (kind == "l" and int(size) >= 60):
            data += align_up(int(size), _BLOCK)
    if sparse:
        # How many blocks the host gave them is no measure: it may have packed them.
        argv = [*prefix, sys.executable, "-I", "-S", "-c", _COUNT_DATA, str(_BLOCK)]
        data += int(runner.run(argv, stdin="".join(sparse)).stdout)
    return Extent(data, files)


def epoch_of(runner: Runner, tree: str, prefix: Sequence[str]) -> int:
    """Return when the newest package of the tree was made: the same for the same package versions.

    A tree without a database of packages gives the time of its newest file.
    """
    if by_rpm := rpm_packages.installed(TreeFiles(tree)):
        return max(package.built for package in by_rpm)
    # dpkg keeps the times of a package's control files, whole seconds. Checksums that a package lacks it writes itself,
    # at a time with a fraction.
    for folder, test, time in (("var/lib/dpkg/info", ["-name", "*.md5sums"], r"\d+(?=\.0+$)"), ("", [], r"\d+")):
        start = os.path.join(tree, folder)
        if os.path.isdir(start):
            argv = [*prefix, "find", start, "-xdev", "-type", "f", *test, "-printf", r"%T@\n"]
            if times := re.findall(rf"(?m)^{time}", runner.run(argv).stdout):
                return max(map(int, times))
    return 0


def packages(tree: str) -> list[dict[str, str]]:
    """Return name, version and architecture of the packages that dpkg or rpm has installed in the tree."""
    files = TreeFiles(tree)
    found = [
        {"package": package.name, "version": package.version, "architecture": package.architecture}
        for package in rpm_packages.installed(files)
    ]
    text = files.text("/var/lib/dpkg/status", _LARGEST_STATUS) or ""
    # It goes into documents, which are proper UTF-8.
    for stanza in text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").split("\n\n"):
        fields = dict(re.findall(r"(?m)^(Package|Version|Architecture|Status): (.*)$", stanza))
        if fields.get("Status", "").endswith(" installed"):
            found.append({name.lower(): fields[name] for name in ("Package", "Version", "Architecture")})
    return sorted(found, key=lambda package: (package["package"], package["architecture"]))


def clamp_times(runner: Runner, tree: str, epoch: int, prefix: Sequence[str]) -> None:
    """Set the modification time of everything newer than *epoch* to it."""
    program = 'find "$1" -xdev -newermt "@$2" -print0 | xargs -0 -r touch --no-dereference --date="@$2" --'
    runner.run([*prefix, "sh", "-c", program, "clamp", tree, str(epoch)])


def write_files(runner: Runner, tree: str, files: Iterable[tuple[str, str, str]], prefix: Sequence[str]) -> None:
    """Write files into a tree: paths inside, texts and modes in octal. *prefix* enters the namespaces of its files."""
    for path, text, mode in files:
        runner.run([*prefix, "sh", "-c", _WRITE, "write", tree, path, mode], stdin=text)
