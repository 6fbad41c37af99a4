# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed repository of RPMs with an upgrade of the kernel, and packages with faults for tests of what goes wrong."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from helpers.repositories import boot_files
from helpers.repositories.distributions import DISTRIBUTIONS, Distribution
from helpers.repositories.ingredients import Ingredients, open_to_all
from helpers.repositories.made import Entry, Made, made_files, made_of_identity
from helpers.repositories.rpm_maker import RpmMaker
from helpers.repositories.signing import index_rpms, key_home, make_key

UPDATES = "updates"
GREETING, UNSIGNED, WRONG_KEY, DAMAGED, UNSATISFIED = (
    f"goldsmith-{name}" for name in ("greeting", "unsigned", "wrong-key", "damaged", "unsatisfied")
)
# A small package that works, and those that do not, each for one reason.
SMALL = {
    name: Made(
        {f"usr/bin/{command}": Entry(f"#!/bin/sh\necho 'Hello from {name}'\n", 0o755)},
        requires=("bash", *(["goldsmith-that-nobody-has"] if name == UNSATISFIED else [])),
    )
    for name, command in {
        GREETING: "greet",
        UNSIGNED: "greet-unsigned",
        WRONG_KEY: "greet-wrong-key",
        DAMAGED: "greet-damaged",
        UNSATISFIED: "greet-unsatisfied",
    }.items()
}
# The distributions of RHEL's kind have two repositories: what is not named here is in the first.
_PARTS = {"rhel": ("BaseOS", "AppStream")}
_SECOND_PART = (
    "cloud-",
    "dnf-plugins",
    "python3-dnf-plugins",
    "vim-",
    "python3-oauthlib",
    "python3-jsonpatch",
    "goldsmith-",
)
_POLICY = "selinux-policy-targeted"
# Where all packages lie until they are signed
_ALL = "all"


def parts(family: str) -> tuple[str, ...]:
    """The folders below that of the family which are repositories, the updates left out."""
    return _PARTS.get(family, (".",))


def make_rpm_repository(distribution: Distribution, ingredients: Ingredients, folder: Path) -> dict[str, object]:
    """Fill a folder; return what is to be known of it: fingerprint of the key, versions of the two kernels."""
    made = made_files(distribution)
    with tempfile.TemporaryDirectory() as scratch:
        maker = RpmMaker(distribution, Path(scratch, "first"))
        maker.add_debs(ingredients.debs(distribution.family))
        maker.patch(boot_files.PATCHED)
        maker.add_made(made | SMALL)
        maker.add_made({_POLICY: Made(requires=("policycoreutils",), provides=("selinux-policy",), version="40")})
        maker.add_tree(_POLICY, ingredients.policy)
        maker.add_certificates("ca-certificates-mozilla" if distribution.suse else "ca-certificates")
        maker.add_kernel_package()
        maker.compile_python()
        maker.build(folder / _ALL)
        newer = RpmMaker(distribution, Path(scratch, "newer"))
        newer.add_debs([ingredients.kernel(1)])
        newer.add_made({distribution.kernel: made[distribution.kernel]})
        newer.add_kernel_package()
        newer.build(folder / UPDATES / "Packages")
    kernels = (maker.kernel_version, newer.kernel_version)
    return {"fingerprint": _sign_and_index(distribution, folder), "kernels": kernels}


def make_rebuild(distribution: Distribution, base: Path, folder: Path) -> str:
    """Fill a folder with the packages in that of another distribution, but those that say which one it is.

    Its own key signs them. Returns the key's fingerprint.
    """
    made = SMALL | made_of_identity(distribution)
    with tempfile.TemporaryDirectory() as scratch:
        maker = RpmMaker(distribution, Path(scratch))
        maker.add_made(made)
        maker.build(folder / _ALL)
    (folder / UPDATES / "Packages").mkdir(parents=True)
    own = tuple(f"{name}-" for name in (*made, *made_of_identity(DISTRIBUTIONS[distribution.base])))
    for file in base.rglob("*.rpm"):
        if not file.name.startswith(own):
            shutil.copy(file, folder / (f"{UPDATES}/Packages" if UPDATES in file.parts else _ALL))
    return _sign_and_index(distribution, folder)


def _sign_and_index(distribution: Distribution, folder: Path) -> str:
    packages = folder / _ALL
    with key_home() as home:
        right, wrong = (make_key(home, name) for name in ("archive", "stranger"))
        right.export(folder / "key.asc")
        wrong.export(folder / "wrong_key.asc")
        right.sign_rpms(
            file for file in folder.rglob("*.rpm") if not file.name.startswith((f"{UNSIGNED}-", f"{WRONG_KEY}-"))
        )
        wrong.sign_rpms(packages.glob(f"{WRONG_KEY}-*.rpm"))
    places = parts(distribution.family)
    _distribute(packages.iterdir(), folder, places)
    packages.rmdir()
    for place in places:
        index_rpms(folder / place, f"{UPDATES}/*")
    index_rpms(folder / UPDATES)
    (damaged,) = folder.rglob(f"{DAMAGED}-*.rpm")
    damage(damaged)
    open_to_all(folder)
    return right.fingerprint


def _distribute(files: Iterable[Path], folder: Path, places: tuple[str, ...]) -> None:
    for place in places:
        (folder / place / "Packages").mkdir(parents=True, exist_ok=True)
    for file in sorted(files):
        place = places[-1] if file.name.startswith(_SECOND_PART) else places[0]
        file.rename(folder / place / "Packages" / file.name)


def damage(file: Path) -> None:
    """Change the last bytes of a file, its size stays."""
    content = file.read_bytes()
    file.write_bytes(content[:-8] + bytes(255 - byte for byte in content[-8:]))
