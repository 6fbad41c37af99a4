# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf: a tree of Fedora, Red Hat Enterprise Linux or a rebuild of that, from packages in RPM repositories."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rootfs, rpm
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import tree_request as causes
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.rpm import Workshop
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Request

PROGRAM = "dnf"
_CONFIGURATION = """\
[main]
reposdir={home}/repositories
varsdir={home}/none
pluginpath={home}/none
pluginconfpath={home}/none
cachedir={cache}
logdir={cache}
gpgcheck=1
install_weak_deps=0
skip_if_unavailable=0
keepcache=1
assumeyes=1
best=1
"""
_REPOSITORY = """\
[{name}]
name={name}
baseurl={url}
gpgkey={keys}
gpgcheck=1
repo_gpgcheck=0
enabled=1
"""
# Where subscription-manager keeps what a host has, and whose certificate the vendor's mirror has
_ENTITLEMENT = "/etc/pki/entitlement"
_AUTHORITY = "/etc/rhsm/ca/redhat-uep.pem"
_CAUSES: tuple[causes.Cause, ...] = (
    causes.FULL_DISK,
    (
        r"(?:Unable to find a match|No match for argument): (\S+)",
        "packages",
        "there is no such package in {release}",
        "look for its name",
    ),
    causes.NO_NAME,
    causes.NO_CONNECTION,
    (
        r"Status code: 404 for (\S+/repodata/repomd\.xml)|Couldn't open file (\S+/repodata/repomd\.xml)",
        "mirror",
        "the mirror has no such release",
        "check release and mirror",
    ),
    (
        r"GPG check FAILED|is not signed|[Pp]ublic key for \S+ is not|GPG Keys are configured as|"
        r"does not verify|NOKEY|[Ss]ignature .*BAD",
        "mirror",
        "its signature cannot be verified",
        "check image_keyrings, or whether the mirror is what it claims to be",
    ),
    (
        r"nothing provides .+ needed by \S+|conflicting requests|(?:Problem|Error)[^\n]*: package \S+ requires",
        "packages",
        "cannot be installed together",
        "see the dependencies in stderr",
    ),
    (
        r"Failed to download metadata for repo '[^']*'|[Cc]hecksum doesn't match|Cannot download (\S+):|"
        r"Error downloading packages",
        "mirror",
        "a file cannot be fetched",
        "try again",
    ),
)
_LOADED = re.compile(r"^\((\d+)/(\d+)\): ")
_DONE = re.compile(r"^\s*(Installing|Verifying)\s*:? .* (\d+)/(\d+)\s*$")


def bootstrap(shop: Workshop, on_stage: Callable[[int, str], None]) -> None:
    """Make the tree; *on_stage* hears percent and what is under way."""
    request = shop.request
    run(shop, on_stage, "install", *request.first, mounted=False)
    rootfs.write_files(shop.runner, shop.tree, shop.request.files, shop.prefix)
    run(shop, on_stage, "install", *request.packages, mounted=True)
    on_stage(90, "making the initramfs")
    shop.finish()


def update(shop: Workshop) -> Result:
    """Bring what is known of the repositories up to date; dnf's words are in the result."""
    return shop.runner.run(command(shop, "makecache", "--refresh", mounted=False), check=False)


def run(shop: Workshop, on_stage: Callable[[int, str], None], *words: str, mounted: bool) -> None:
    """Run a command of dnf on the tree."""

    def listen(line: str) -> None:
        if match := _LOADED.match(line):
            on_stage(10 + 30 * int(match[1]) // int(match[2]), "downloading packages")
        elif match := _DONE.match(line):
            first, room = (40, 40) if match[1] == "Installing" else (80, 10)
            on_stage(first + room * int(match[2]) // int(match[3]), "installing packages")

    result = shop.runner.run(command(shop, *words, mounted=mounted), check=False, on_line=listen)
    if result.rc != 0:
        raise explain(shop.request, result)


def command(shop: Workshop, *words: str, mounted: bool) -> list[str]:
    """Return the argv of a command of dnf on the tree."""
    request, home = shop.request, shop.home
    (home / "none").mkdir(exist_ok=True)
    (home / "repositories").mkdir(exist_ok=True)
    certificates = _certificates() if request.entitlement else ""
    for repository in request.repositories:
        own = shop.own_keys.get(repository.name)
        keys = " ".join(f"file://{key}" for key in ([own] if own else shop.keys))
        text = _REPOSITORY.format(name=repository.name, url=repository.url, keys=keys)
        text += rpm.priority(repository) + certificates
        (home / "repositories" / f"{repository.name}.repo").write_text(text, encoding="utf-8")
    (home / "dnf.conf").write_text(_CONFIGURATION.format(home=home, cache=rpm.CACHE), encoding="utf-8")
    argv = [PROGRAM, "--config", str(home / "dnf.conf"), "--installroot", request.path]
    argv += ["--releasever", request.release, "--forcearch", request.architecture, *words]
    return shop.on_tree(["sh", "-c", 'exec "$@" 2>&1', PROGRAM, *argv], mounted=mounted)


def _certificates() -> str:
    """Return the settings by which a repository knows the subscription of this host; none without one."""
    keys = sorted(Path(_ENTITLEMENT).glob("*-key.pem"))
    if not keys:
        return ""
    certificate = keys[-1].with_name(keys[-1].name.replace("-key.pem", ".pem"))
    return f"sslclientkey={keys[-1]}\nsslclientcert={certificate}\nsslcacert={_AUTHORITY}\n"


def explain(request: Request, result: Result) -> GoldsmithError:
    """Return what the output of dnf means for the user."""
    return causes.explain(request, result, _CAUSES, "Error: |Problem")
