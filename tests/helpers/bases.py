# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bases to begin with: a small Debian on a disk, as cloud images have it, and in an archive, as containers have it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from helpers.cache import cached
from helpers.disks import MIB, tool, unmount

RELEASE = "trixie"
START = MIB


def small_system() -> Path:
    """A tar of the smallest Debian that has a package manager, made once."""

    def make(folder: Path) -> None:
        hook = '--customize-hook=echo a base of its own >"$1/etc/motd"'
        tool("mmdebstrap", "--variant=minbase", hook, RELEASE, folder / "base.tar")

    return cached("base", f"minbase {RELEASE} 1", make) / "base.tar"


def base_disk(kind: str, path: Path, size: int = 2048 * MIB) -> Path:
    """A disk with the small system on a root of this kind; a btrfs has subvolumes as Fedora's images do."""
    with open(path, "wb") as file:
        file.truncate(size)
    tool("sfdisk", "-q", path, stdin=f"label: gpt\nstart={START // 512}, type=L\n")
    device = tool("losetup", "--find", "--show", f"--offset={START}", f"--sizelimit={size - 2 * MIB}", path).strip()
    try:
        tool(f"mkfs.{kind}", "-q", device)
        uuid = tool("blkid", "-o", "value", "-s", "UUID", device).strip()
        with tempfile.TemporaryDirectory() as folder:
            tool("mount", *(["-o", "compress=zstd"] if kind == "btrfs" else []), device, folder)
            try:
                root, lines = Path(folder), [f"UUID={uuid} / {kind} defaults 0 0"]
                if kind == "btrfs":
                    for name in ("root", "var"):
                        tool("btrfs", "subvolume", "create", root / name)
                    root, lines = root / "root", [f"UUID={uuid} / btrfs subvol=root,compress=zstd 0 0"]
                    lines.append(f"UUID={uuid} /var btrfs subvol=var,compress=zstd 0 0")
                    (root / "var").mkdir()
                    tool("mount", "--bind", Path(folder, "var"), root / "var")
                try:
                    tool("tar", "--xattrs", "--numeric-owner", "-xf", small_system(), "-C", root)
                    (root / "etc/fstab").write_text("".join(f"{line}\n" for line in lines))
                finally:
                    if kind == "btrfs":
                        tool("umount", root / "var")
            finally:
                unmount(folder, path)
    finally:
        tool("losetup", "--detach", device)
    return path


def base_archive(path: Path, packages: Sequence[Path] = ()) -> Path:
    """An OCI archive of the small system with packages beside it, which have no scripts."""

    def fill(root: Path) -> None:
        tool("tar", "--xattrs", "--numeric-owner", "-xf", small_system(), "-C", root)
        if packages:
            tool("dpkg", f"--root={root}", "--install", *packages)

    return archive(path, fill)


def archive(path: Path, fill: Callable[[Path], object]) -> Path:
    """An OCI archive of what *fill* puts into a folder, and a second layer: a file is gone, another is there."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        image, bundle = f"{folder}/image:latest", Path(folder, "bundle")
        tool("umoci", "init", "--layout", Path(folder, "image"))
        tool("umoci", "new", "--image", image)
        tool("umoci", "unpack", "--image", image, bundle)
        root = bundle / "rootfs"
        root.mkdir(exist_ok=True)
        fill(root)
        (root / "etc/first").write_text("gone\n")
        tool("umoci", "repack", "--refresh-bundle", "--image", image, bundle)
        (root / "etc/first").unlink()
        (root / "etc/second").write_text("stays\n")
        tool("umoci", "repack", "--image", image, bundle)
        tool("skopeo", "copy", "-q", "--insecure-policy", f"oci:{image}", f"oci-archive:{path}:latest")
    return path
