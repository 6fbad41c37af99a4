# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same bits on every host: a fresh Debian 12 and a fresh Debian 13, each with its own tools, make the same."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.family_mirrors import family_mirror
from helpers.guests import DEFINITIONS, NAME, BuiltImage
from helpers.tools import project_files, run_tool

HOSTS = ("bookworm", "trixie")
# All else ./goldsmith installs.
PACKAGES = "ca-certificates"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# How to reach the archives is the machine's matter, not the host's.
KEPT = ("PIP_", "UV_", "SSL_", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
# A host, as far as a build can see: a root of its own, for which a chroot would not do.
ENTER = r"""
tree=$1; shift
mount --bind "$tree" "$tree"
mount -t proc proc "$tree/proc"
mount --rbind /sys "$tree/sys"
mount --rbind /dev "$tree/dev"
mount -t tmpfs run "$tree/run"
for file in /etc/resolv.conf /etc/hosts; do cp -L "$file" "$tree$file"; done
[ ! -e "$CERTIFICATES" ] || mount --bind "$CERTIFICATES" "$tree$CERTIFICATES"
cd "$tree"
mkdir -p old
pivot_root . old
umount --lazy old
rmdir old
cd /root/checkout
exec "$@"
"""

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(7200)]


class Host:
    """A fresh system in a folder, and this project in it."""

    def __init__(self, folder: Path, release: str, checkout: Path) -> None:
        self.tree = folder / release
        run_tool(["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", release, str(self.tree)], cwd=folder)
        for name in project_files(checkout):
            place = self.tree / "root" / "checkout" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(checkout / name, place)

    def build(self, kind: str) -> BuiltImage:
        """Build the image of a kind with nothing of an earlier build but packages."""
        self.run("build-debian.yml", {"image_name": NAME, "image_output_dir": f"/root/{kind}", **DEFINITIONS[kind]})
        return BuiltImage(self.tree / "root" / kind / NAME, NAME)

    def run(self, playbook: str, words: dict[str, Any]) -> None:
        """Run a playbook that builds an image, and proves nothing."""
        given = {**words, "image_verify": [], "image_cache": False}
        argv = ["./goldsmith", "playbook", playbook, "-e", json.dumps(given)]
        kept = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(KEPT)]
        clean = ["env", "-i", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *kept]
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        enter = ["env", f"CERTIFICATES={CERTIFICATES}", *namespaces, "sh", "-euc", ENTER, "enter", str(self.tree)]
        run_tool([*enter, *clean, *argv], cwd=self.tree, timeout=1800)


@pytest.fixture(scope="module")
def hosts(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Host]:
    return [Host(tmp_path_factory.mktemp("hosts"), release, checkout) for release in HOSTS]


@pytest.mark.parametrize("release", HOSTS)
@pytest.mark.parametrize("family", ["fedora", "suse", "ubuntu"])
def test_one_command_builds_each_family(hosts: list[Host], family: str, release: str) -> None:
    (host,) = [host for host in hosts if host.tree.name == release]
    with family_mirror(family) as mirror:
        shutil.copy(mirror.repository.key, host.tree / "root" / "key.asc")
        own = {"image_name": family, "image_output_dir": "/root/out", "image_keyrings": ["/root/key.asc"]}
        host.run("goldsmith.openstack.build_image", {**mirror.variables(), **own, "image_formats": ["qcow2"]})
    assert (host.tree / "root" / "out" / family / f"{family}.qcow2").is_file()


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_two_hosts_make_the_same_files(hosts: list[Host], kind: str) -> None:
    one, other = (host.build(kind) for host in hosts)
    packages = [json.loads((image.folder / "manifest.json").read_text())["packages"] for image in (one, other)]
    assert packages[0] == packages[1], "the archive has changed meanwhile; start again"
    assert one.checksums() == other.checksums()
