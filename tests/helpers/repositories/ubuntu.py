# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive with Ubuntu's layout and names, of Debian's packages."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from helpers.debian_archive import DebianArchive
from helpers.repositories import names
from helpers.repositories.apt_archive import copy_suite, index_suite, make_deb, repack_deb
from helpers.repositories.ingredients import RELEASE as DEBIAN
from helpers.repositories.ingredients import kernels, open_to_all
from helpers.repositories.rpm_repository import DAMAGED, GREETING, SMALL, UNSATISFIED, damage
from helpers.repositories.signing import key_home, make_key

RELEASE, VERSION = "noble", "24.04"
UPDATES, SECURITY = f"{RELEASE}-updates", f"{RELEASE}-security"
# The same packages as in the release; the signature is another's, or there is none.
WRONG_KEY_SUITE, UNSIGNED_SUITE = f"{RELEASE}-wrong-key", f"{RELEASE}-unsigned"
_KEYRINGS = ("usr/share/keyrings/ubuntu-archive-keyring.gpg", "etc/apt/trusted.gpg.d/ubuntu-keyring-2018-archive.gpg")
_OS_RELEASE = f"""PRETTY_NAME="Ubuntu {VERSION} LTS"
NAME="Ubuntu"
VERSION_ID="{VERSION}"
VERSION="{VERSION} LTS (Noble Numbat)"
VERSION_CODENAME={RELEASE}
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME={RELEASE}
"""
_NETWORK = "   network:\n     renderers: [netplan, eni, sysconfig]\n     activators: [netplan]\n"
# What differs in cloud-init's cloud.cfg; mirrors it has none, the host's are used by tests.
_CLOUD_CFG = {
    r"distro: debian": "distro: ubuntu",
    r"name: debian": "name: ubuntu",
    r"gecos: Debian": "gecos: Ubuntu",
    r"(?m)^   package_mirrors:\n(?:     .*\n)+": _NETWORK,
}
_RELEASE_FIELDS = {"Origin": "Ubuntu", "Label": "Ubuntu", "Version": VERSION, "Codename": RELEASE}


def make_ubuntu_archive(folder: Path) -> dict[str, object]:
    """Fill a folder; return what is to be known of it: fingerprint of the key, versions of the two kernels."""
    with key_home() as home, tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        right, wrong = (make_key(home, name) for name in ("archive", "stranger"))
        right.export(folder / "key.asc")
        wrong.export(folder / "wrong_key.asc")
        right.export(work / "keyring.gpg", armor=False)
        main, universe, updates = (folder / "pool" / name for name in ("main", "universe", "updates"))
        for each in (main, universe, updates):
            each.mkdir(parents=True)
        both = _fetch(work, main, updates)
        _change(main, work)
        _make_metas(main, updates, work, both)
        keyring = dict.fromkeys(_KEYRINGS, (work / "keyring.gpg").read_bytes())
        make_deb(main, work, "ubuntu-keyring", "2023.11.28.1", files=keyring)
        for name, made in SMALL.items():
            if name in (GREETING, DAMAGED, UNSATISFIED):
                files = {path: (entry.content or "").encode() for path, entry in made.entries.items()}
                make_deb(universe, work, name, "1", ", ".join(made.requires), files)
        pools = {
            RELEASE: [("main", "pool/main"), ("universe", "pool/universe")],
            UPDATES: [("main", "pool/updates"), ("universe", "pool/none")],
            SECURITY: [("main", "pool/none"), ("universe", "pool/none")],
        }
        for suite, pool in pools.items():
            right.sign_release(index_suite(folder, suite, pool, _RELEASE_FIELDS, work / "override"))
        copy_suite(folder, RELEASE, WRONG_KEY_SUITE, wrong)
        copy_suite(folder, RELEASE, UNSIGNED_SUITE, None)
    (damaged,) = universe.glob(f"{DAMAGED}_*.deb")
    damage(damaged)
    open_to_all(folder)
    return {"fingerprint": right.fingerprint, "kernels": [name.removeprefix("linux-image-") for name in both]}


def _fetch(work: Path, main: Path, updates: Path) -> tuple[str, str]:
    """Fetch the packages, write the file of overrides; return the names of the two kernels."""
    archive = DebianArchive(work / "debian", DEBIAN, components="main", architecture="amd64")
    # What every system has; the archive has the installer's own packages too.
    always = {
        name
        for name, fields in archive.packages.items()
        if (fields.get("Essential") == "yes" or fields.get("Priority") == "required")
        and fields.get("Section") != "debian-installer"
    }
    for number, wanted in enumerate((always | set(names.UBUNTU), names.UBUNTU_ALTERNATIVES)):
        for deb in archive.download(wanted, work / f"debs-{number}"):
            shutil.move(deb, main / deb.name)
    lines = (f"{name} {of.get('Priority', 'optional')} {of['Section']}\n" for name, of in archive.packages.items())
    (work / "override").write_text("".join(lines))
    updated = DebianArchive(work / "updated", DEBIAN, security=True, components="main", architecture="amd64")
    first, second = kernels(updated)
    for name, pool in ((first, main), (second, updates)):
        for deb in updated.fetch([name], work / f"kernel-{pool.name}"):
            shutil.move(deb, pool / deb.name)
    return first, second


def _change(pool: Path, work: Path) -> None:
    """Make anew what says whose system it is."""

    def base_files(tree: Path) -> None:
        (tree / "usr/lib/os-release").write_text(_OS_RELEASE)
        (tree / "etc/issue").write_text(f"Ubuntu {VERSION} LTS \\n \\l\n\n")
        (tree / "etc/issue.net").write_text(f"Ubuntu {VERSION} LTS\n")
        (tree / "etc/debian_version").write_text("trixie/sid\n")

    def apt(tree: Path) -> None:
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text().replace("debian-archive-keyring", "ubuntu-keyring"))

    def cloud_init(tree: Path) -> None:
        file = tree / "etc/cloud/cloud.cfg"
        text = file.read_text()
        for pattern, new in _CLOUD_CFG.items():
            text, count = re.subn(pattern, new, text)
            if count != 1:
                raise LookupError(
                    f"cloud.cfg says {pattern!r} {count} times, not once: change the table that replaces it"
                )
        file.write_text(text)
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text().replace("\nDepends: ", "\nDepends: netplan.io, "))

    changes = {
        "base-files": ("13ubuntu10", base_files),
        "apt": ("2.7.14", apt),
        "cloud-init": ("24.1-0ubuntu1", cloud_init),
    }
    for name, (version, edit) in changes.items():
        (deb,) = pool.glob(f"{name}_*.deb")
        repack_deb(deb, pool, work, version, edit)
        deb.unlink()


def _make_metas(main: Path, updates: Path, work: Path, both: tuple[str, str]) -> None:
    """Make the packages by whose names people ask for the newest kernel."""
    for number, (pool, kernel) in enumerate(zip((main, updates), both), 1):
        version = f"6.8.0-{number}.{number}"
        folder = work / f"metas-{number}"
        make_deb(pool, folder, "linux-image-virtual", version, kernel)
        make_deb(pool, folder, "linux-virtual", version, f"linux-image-virtual (= {version})")
