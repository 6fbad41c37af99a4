# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the families of RPMs are made of, once for all of them: Debian's packages and a compiled SELinux policy."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from helpers.cache import cached
from helpers.debian_archive import DebianArchive
from helpers.repositories import names, policy

RELEASE = "bookworm"
# The first release of Debian whose GRUB reads entries of the Boot Loader Specification; its modules are only unpacked.
_GRUB_RELEASE = "forky"
_GRUB = ("grub-pc-bin", "grub-efi-amd64-bin")
_KERNEL = re.compile(r"linux-image-6\.1\.0-(\d+)-cloud-amd64")


@dataclass(frozen=True)
class Ingredients:
    """Folders of .deb files: the families', GRUB's modules, two kernels; and the tree of the policy."""

    folder: Path

    def debs(self, family: str) -> list[Path]:
        """The packages of a family, with GRUB's modules and the first kernel."""
        named = sorted((self.folder / "rpm" / ("suse" if family == "suse" else "fedora")).glob("*.deb"))
        return [*named, *sorted((self.folder / "grub").glob("*.deb")), self.kernel(0)]

    def kernel(self, which: int) -> Path:
        """The package of the first kernel, 0, or of the newer one, 1."""
        (file,) = (self.folder / "kernels" / str(which)).glob("linux-image-*.deb")
        return file

    @property
    def policy(self) -> Path:
        """The tree with the compiled policy."""
        return self.folder / "policy"


def ingredients(recipe: str) -> Ingredients:
    """Fetch and compile them, or take what an earlier call by this recipe made."""
    return Ingredients(cached("repository-ingredients", recipe, _make))


def kernels(archive: DebianArchive) -> tuple[str, str]:
    """The names of the oldest and of the newest kernel for clouds that an archive has."""
    found = {int(match[1]): name for name in archive.packages if (match := _KERNEL.fullmatch(name))}
    if len(found) < 2:
        raise LookupError(f"{RELEASE} and its updates have fewer than two kernels 6.1 for clouds: {found}")
    return found[min(found)], found[max(found)]


def _make(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        archive = DebianArchive(Path(scratch, "main"), RELEASE, components="main", architecture="amd64")
        for family in ("fedora", "suse"):
            archive.download(names.FETCHED[family], folder / "rpm" / family)
        updated = DebianArchive(
            Path(scratch, "security"), RELEASE, security=True, components="main", architecture="amd64"
        )
        for number, name in enumerate(kernels(updated)):
            updated.fetch([name], folder / "kernels" / str(number))
        later = DebianArchive(Path(scratch, "later"), _GRUB_RELEASE, components="main", architecture="amd64")
        later.fetch(_GRUB, folder / "grub")
        (deb,) = (folder / "rpm" / "fedora").glob("selinux-policy-default_*.deb")
        work = Path(scratch, "policy")
        work.mkdir()
        shutil.move(policy.compile_policy(deb, work), folder / "policy")
    open_to_all(folder)


def open_to_all(folder: Path) -> None:
    """Let every account read a folder with all in it."""
    for each in (folder, *folder.rglob("*")):
        if not each.is_symlink():
            each.chmod(0o755 if each.is_dir() else 0o644)
