# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public face: the repository of a family, made once and kept for the next run of the tests.

By hand: ``PYTHONPATH=tests python -m helpers.repositories FAMILY FOLDER``
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from helpers import debian_archive, package_mirror
from helpers.cache import cached
from helpers.repositories import names, ubuntu
from helpers.repositories.distributions import DISTRIBUTIONS
from helpers.repositories.ingredients import ingredients
from helpers.repositories.rpm_repository import UPDATES, make_rebuild, make_rpm_repository, parts

UBUNTU = "ubuntu"
FAMILIES = (*DISTRIBUTIONS, UBUNTU)
_FACTS = "repository.json"


@dataclass(frozen=True)
class Repository:
    """A repository in a folder that every account can read.

    *release* is what tools are told: 44, 9, 16.0, noble. *parts* are the folders with an index of RPMs below *folder*,
    or the suites of apt; *updates* is the one with the second kernel; *kernels* are what `uname -r` says of the first
    kernel and of the second.
    """

    family: str
    folder: Path
    release: str
    key_fingerprint: str
    kernels: tuple[str, str]
    parts: tuple[str, ...]
    updates: str

    @property
    def key(self) -> Path:
        """The public key that its packages are signed with, armored."""
        return self.folder / "key.asc"

    @property
    def wrong_key(self) -> Path:
        """A public key that signs nothing but the package for its test."""
        return self.folder / "wrong_key.asc"


def repository(family: str) -> Repository:
    """The repository of a family: fedora, rhel, suse or ubuntu; made at the first call."""
    if family not in FAMILIES:
        raise ValueError(f"family={family}: not known; the families are {', '.join(FAMILIES)}")
    return load(cached(f"repository-{family}", _sources(), lambda folder: make(family, folder)))


def make(family: str, folder: Path) -> None:
    """Make the repository of a family in an empty folder."""
    if family == UBUNTU:
        places = {"release": ubuntu.RELEASE, "parts": (ubuntu.RELEASE,), "updates": ubuntu.UPDATES}
        made = ubuntu.make_ubuntu_archive(folder)
    else:
        distribution = DISTRIBUTIONS[family]
        places = {"release": distribution.release, "parts": parts(family), "updates": UPDATES}
        if distribution.base:
            base = repository(distribution.base)
            made = {"fingerprint": make_rebuild(distribution, base.folder, folder), "kernels": base.kernels}
        else:
            made = make_rpm_repository(distribution, ingredients(_sources_of_ingredients()), folder)
    facts = {"family": family, **places, **made}
    (folder / _FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    (folder / _FACTS).chmod(0o644)


def load(folder: Path) -> Repository:
    """The repository in a folder, or in a copy of it."""
    facts = json.loads((folder / _FACTS).read_text())
    return Repository(
        family=facts["family"],
        folder=folder,
        release=facts["release"],
        key_fingerprint=facts["fingerprint"],
        kernels=tuple(facts["kernels"]),
        parts=tuple(facts["parts"]),
        updates=facts["updates"],
    )


def _sources() -> str:
    return _digest(*sorted(Path(__file__).parent.glob("*.py"))) + _sources_of_ingredients()


def _sources_of_ingredients() -> str:
    here = Path(__file__).parent
    files = [here / name for name in ("ingredients.py", "policy.py")]
    return _digest(*files, Path(debian_archive.__file__), Path(package_mirror.__file__)) + repr(names.FETCHED)


def _digest(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
