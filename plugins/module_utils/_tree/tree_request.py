# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tree shall hold, and what the tool that makes it told when it could not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result

# Words of the tool, the option that they are about, the reason and what to do. The first that matches counts.
Cause = tuple[str, str, str, str]

FULL_DISK: Cause = (
    r"No space left on device|not enough free space|You don't have enough free space|needs \S+ more space|"
    r"At least \S+ more space needed|[Nn]ot enough space",
    "path",
    "the disk is full",
    "free some room there or choose another folder",
)
NO_NAME: Cause = (
    r"(?:Could not resolve(?: host:?)?|Temporary failure resolving) '?([\w.-]*\w)",
    "mirror",
    "the name cannot be resolved",
    "check mirror and the network",
)
NO_CONNECTION: Cause = (
    r"(?:(?:Could not|Unable to|Failed to) connect to|Couldn't connect to server .*Failed to connect to) (\S*\w)|"
    r"[Cc]onnection (?:failed|timed out|refused)|Operation too slow|Timeout was reached|Couldn't connect to server",
    "mirror",
    "cannot be reached",
    "check mirror, proxy and the network",
)


@dataclass(frozen=True)
class Repository:
    """A repository of RPM packages: its name, and the URL of the folder that has repodata.

    *key* is the one that verifies it, in ASCII armor; none: those of the request. *priority* is as dnf and zypper have
    it; 0: the usual one.
    """

    name: str
    url: str
    key: str = ""
    priority: int = 0


@dataclass(frozen=True)
class Source:
    """A source of packages beside those of the distribution.

    *key* is as for a Repository. *pin* says for apt which packages the *priority* is for. *guest*: the guest keeps it.
    """

    name: str
    url: str
    suites: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    key: str = ""
    pin: str = ""
    priority: int = 0
    guest: bool = True


@dataclass(frozen=True)
class Request:
    """What the tree shall hold, and *tool*, which makes it: C(mmdebstrap), C(dnf) or C(zypper).

    *sources* are apt source lines or mirrors; empty: those of the release itself. *repositories* are those of dnf and
    zypper. *keys* are the public keys that packages are verified by, in ASCII armor; none: those that apt knows.
    *files* are paths, texts and modes. *lists* is a folder with apt's lists of these sources, which are up to date.
    *expired*: Release files that are past their date are taken. *entitlement*: the certificates of the host's
    subscription are shown to the repositories, where it has some. *database* is where the tree's own rpm looks for its
    database, and *first* are the packages that are there before all others.
    *base* stands for what the tree begins with, in place of an empty folder; *sources* and *repositories* may be empty
    then, for those that it has itself. *snapshot* is the time, as 20261101T000000Z, at which the release's own archive
    is taken. *extra* are sources beside these; those of RPM packages are among *repositories* too. *keyrings* are paths
    in the tree, with the keys in ASCII armor, that options signed-by of *sources* name. *rolling*: the release moves
    on all the time, so a base is brought to its state of today even by removals and older packages.
    """

    path: str
    release: str
    architecture: str
    packages: tuple[str, ...]
    variant: str = "minbase"
    sources: tuple[str, ...] = ()
    components: tuple[str, ...] = ("main",)
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    files: tuple[tuple[str, str, str], ...] = ()
    proxy: str = ""
    cache: str | None = None
    lists: str | None = None
    expired: bool = False
    tool: str = "mmdebstrap"
    repositories: tuple[Repository, ...] = ()
    keys: tuple[str, ...] = ()
    entitlement: bool = False
    database: str = "/usr/lib/sysimage/rpm"
    first: tuple[str, ...] = ("filesystem",)
    base: str = ""
    snapshot: str = ""
    extra: tuple[Source, ...] = ()
    keyrings: tuple[tuple[str, str], ...] = ()
    rolling: bool = False


def explain(request: Request, result: Result, causes: Sequence[Cause], told: str) -> GoldsmithError:
    """Return what the output of the tool, which is in stdout, means for the user.

    *told* is a pattern for the line that says most where no cause is known.
    """
    mirrors = [repository.url for repository in request.repositories] or [
        *request.sources,
        *(source.url for source in request.extra),
    ]
    values = {
        "packages": ",".join(request.packages),
        "path": request.path,
        "architecture": request.architecture,
        "release": request.release,
        "mirror": " ".join(mirrors) or ("(the base's own)" if request.base else "(the release's own)"),
    }
    facts = {"rc": result.rc, "stderr": result.stdout[-8000:]}
    for pattern, option, reason, hint in causes:
        if match := re.search(pattern, result.stdout):
            subject = next((group for group in match.groups() if group), None)
            value = subject if option == "packages" and subject else values[option]
            text = reason.format(release=request.release)
            if option == "mirror" and subject:
                text = f"{subject} {text}" if subject not in text else text
            error = OptionError(option, value, text, hint=hint)
            error.facts = facts
            return error
    lines = re.findall(rf"(?m)^(?:{told}).*", result.stdout)
    return GoldsmithError(
        f"{request.tool} could not make {request.release}: {lines[0] if lines else result.last_line}", **facts
    )
