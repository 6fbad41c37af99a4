# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repositories that tests make, served on loopback with the folders of the distributions' own mirrors; and images
of them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from helpers import usual_roles
from helpers.file_server import served
from helpers.guests import BuiltImage
from helpers.package_roles import write_package_role
from helpers.repositories.families import Repository, repository
from helpers.tools import run_tool
from helpers.users import Account

# Where the mirror of a distribution has the parts of a repository.
_FOLDERS = {
    "fedora": {"releases/44/Everything/x86_64/os": ".", "updates/44/Everything/x86_64": "."},
    "rhel": {"9/BaseOS/x86_64/os": "BaseOS", "9/AppStream/x86_64/os": "AppStream"},
    "suse": {"distribution/leap/16.0/repo/oss/x86_64": "."},
    "ubuntu": {"dists": "dists", "pool": "pool"},
}
TOOLS = {"fedora": "dnf", "suse": "zypper"}
_DEFINITIONS = {
    "fedora": {"image_distribution": "fedora", "image_release": "44"},
    "rhel": {"image_distribution": "their.images.exemplar"},
    "suse": {"image_distribution": "opensuse", "image_release": "16.0"},
    "ubuntu": {"image_distribution": "ubuntu", "image_release": "noble"},
}


@dataclass(frozen=True)
class FamilyMirror:
    """A repository and the URL of its mirror."""

    repository: Repository
    url: str

    @property
    def part(self) -> str:
        """The URL of its first part."""
        return f"{self.url}/{next(iter(_FOLDERS[self.repository.family]))}"

    def variables(self) -> dict[str, Any]:
        """The variables by which an image of it is built."""
        family = self.repository.family
        own_key = {} if family == "rhel" else {"image_keyrings": [str(self.repository.key)]}
        return {**_DEFINITIONS[family], "image_mirror": self.url, **own_key}

    def bootstrap(self, tree: Path, **more: Any) -> dict[str, Any]:
        """The options of tree_bootstrap for a tree of it, with *more*."""
        return {
            "path": str(tree),
            "tool": TOOLS[self.repository.family],
            "release": self.repository.release,
            "repositories": [{"name": "base", "url": self.part}],
            "keys": [self.repository.key.read_text()],
            **more,
        }


@contextmanager
def family_mirror(family: str) -> Iterator[FamilyMirror]:
    """Serve the mirror of a family within the block."""
    made = repository(family)
    with tempfile.TemporaryDirectory(prefix="mirror-") as folder:
        for place, part in _FOLDERS[family].items():
            link = Path(folder, place)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(made.folder / part)
        with served(Path(folder)) as url:
            yield FamilyMirror(made, url)


def build(
    mirror: FamilyMirror, checkout: Path, folder: Path, account: Account | None = None, **words: Any
) -> BuiltImage:
    """Build an image named after the family below a folder, as this account or as another by a checkout of its own."""
    family = mirror.repository.family
    place, own = (account.checkout, account.words()) if account else (checkout, [])
    with tempfile.TemporaryDirectory(prefix="given-", dir="/var/tmp") as given:
        # Each account can read what the build is given.
        Path(given).chmod(0o755)
        words = {**mirror.variables(), "image_name": family, "image_output_dir": str(folder), **words}
        collections = [str(place / ".ansible/collections")]
        if family in TOOLS:
            words["image_roles"] = [str(write_package_role(Path(given), family, mirror.part, mirror.repository.key))]
            collections.append(shutil.copytree(usual_roles.collections(), f"{given}/collections"))
        if family == "rhel":
            _write_rebuild(Path(given), mirror.repository)
            collections.insert(0, given)
        else:
            words["image_keyrings"] = [shutil.copy(mirror.repository.key, given)]
        own = [*own, "env", f"ANSIBLE_COLLECTIONS_PATH={':'.join(collections)}"]
        argv = [*own, "./goldsmith", "playbook", "goldsmith.openstack.build_image", "-e", json.dumps(words)]
        run_tool(argv, cwd=place, timeout=2400)
    return BuiltImage(folder / family, family)


def _write_rebuild(folder: Path, made: Repository) -> None:
    """Write a collection of a user's with one file and one key, by which a rebuild of RHEL is known."""
    axes = folder / "ansible_collections/their/images/extensions/goldsmith"
    distribution = {
        "like": "rhel",
        "title": "Exemplar Linux",
        "os_distro": "exemplar",
        "entitlement": False,
        "release": "9",
        "releases": {"9": {"version": "9", "rpm_database": "/var/lib/rpm"}},
        "keys": {"their.images.exemplar": made.key_fingerprint},
        "repositories": {
            "baseos": "{release}/BaseOS/{arch}/os",
            "appstream": "{release}/AppStream/{arch}/os",
        },
        "release_packages": ["exemplar-release"],
    }
    for place, text in (
        ("distributions/exemplar.yml", yaml.safe_dump(distribution)),
        ("keys/exemplar.asc", made.key.read_text()),
    ):
        (axes / place).parent.mkdir(parents=True)
        (axes / place).write_text(text)
