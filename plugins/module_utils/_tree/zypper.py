# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""zypper: a tree of openSUSE or SUSE Linux Enterprise Server from packages in RPM repositories."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rootfs, rpm
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import tree_request as causes
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.rpm import Workshop
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Request

PROGRAM = "zypper"
_REPOSITORY = """\
[{name}]
name={name}
baseurl={url}
type=rpm-md
enabled=1
autorefresh=1
gpgcheck=1
pkg_gpgcheck=1
repo_gpgcheck=0
"""
_CAUSES: tuple[causes.Cause, ...] = (
    causes.FULL_DISK,
    causes.NO_NAME,
    causes.NO_CONNECTION,
    (
        r"File '[^']*repodata/(?!repomd)[^']*' not found on medium",
        "mirror",
        "a file cannot be fetched",
        "try again",
    ),
    # A repository that cannot be read is passed over, and then its packages are missing: the cause comes first.
    (
        r"File '[^']*repomd\.xml' not found on medium '?([^'\s]+)|Valid metadata not found at specified URL",
        "mirror",
        "the mirror has no such release",
        "check release and mirror",
    ),
    (
        r"Signature verification failed|[Ss]ignature verification for|is not signed|NOKEY|[Bb]ad signature|"
        r"public key is not available",
        "mirror",
        "its signature cannot be verified",
        "check image_keyrings, or whether the mirror is what it claims to be",
    ),
    (
        r"[Dd]igest verification failed|wrong checksum|[Ff]ile '[^']*' not found on medium|Problem retrieving|"
        r"Download \(curl\) error",
        "mirror",
        "a file cannot be fetched",
        "try again",
    ),
    (
        r"No provider of '(?:\+?)([^']+)' found|Package '([^']+)' not found|'([^']+)' not found in package names",
        "packages",
        "there is no such package in {release}",
        "look for its name",
    ),
    (
        r"nothing provides '?[^\n]* needed by|conflicts with",
        "packages",
        "cannot be installed together",
        "see the dependencies in stderr",
    ),
)
_INSTALLING = re.compile(r'<progress [^>]*name="\((\d+)/(\d+)\) Installing')
_LOADING = re.compile(r"<download |<progress [^>]*name=\"Retrieving")


def bootstrap(shop: Workshop, on_stage: Callable[[int, str], None]) -> None:
    """Make the tree; *on_stage* hears percent and what is under way."""
    for key in (*shop.keys, *shop.own_keys.values()):
        shop.rpm("--import", key)
    install = ("install", "--no-recommends", "--download-in-advance")
    run(shop, on_stage, *install, *shop.request.first, mounted=False)
    rootfs.write_files(shop.runner, shop.tree, shop.request.files, shop.prefix)
    run(shop, on_stage, *install, *shop.request.packages, mounted=True)
    on_stage(90, "making the initramfs")
    shop.finish()


def update(shop: Workshop) -> Result:
    """Bring what is known of the repositories up to date; zypper's words are in the result."""
    return shop.runner.run(command(shop, "refresh", "--force", mounted=False), check=False)


def run(shop: Workshop, on_stage: Callable[[int, str], None], *words: str, mounted: bool) -> None:
    """Run a command of zypper on the tree."""

    def listen(line: str) -> None:
        if match := _INSTALLING.search(line):
            on_stage(40 + 50 * int(match[1]) // int(match[2]), "installing packages")
        elif _LOADING.search(line):
            on_stage(10, "downloading packages")

    result = shop.runner.run(command(shop, *words, mounted=mounted), check=False, on_line=listen)
    # A repository that cannot be refreshed is passed over, with success where its packages are in the cache.
    if result.rc != 0 or "Skipping repository" in result.stdout:
        raise explain(shop.request, result)


def command(shop: Workshop, *words: str, mounted: bool) -> list[str]:
    """Return the argv of a command of zypper on the tree."""
    request, home = shop.request, shop.home
    folder = home / "repositories"
    folder.mkdir(exist_ok=True)
    for repository in request.repositories:
        text = _REPOSITORY.format(name=repository.name, url=repository.url) + rpm.priority(repository)
        (folder / f"{repository.name}.repo").write_text(text, encoding="utf-8")
    (home / "zypp.conf").write_text(f"[main]\narch = {request.architecture}\n", encoding="utf-8")
    cache = f"{request.path}{rpm.CACHE}"
    argv = ["env", f"ZYPP_CONF={home}/zypp.conf", PROGRAM, "--non-interactive", "--xmlout"]
    argv += ["--installroot", request.path, "--releasever", request.release, "--reposd-dir", str(folder)]
    argv += ["--cache-dir", cache, "--pkg-cache-dir", f"{cache}/packages", *words]
    return shop.on_tree(["sh", "-c", 'exec "$@" 2>&1', PROGRAM, *argv], mounted=mounted)


def explain(request: Request, result: Result) -> GoldsmithError:
    """Return what the output of zypper means for the user."""
    plain = replace(result, stdout=html.unescape(result.stdout))
    return causes.explain(request, plain, _CAUSES, '<message type="error">')
