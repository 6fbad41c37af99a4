# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of a release as it was at a time: an archive names the service that has that in its Release files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder

_HELPER = "/usr/lib/apt/apt-helper"
_LINE = re.compile(r"^deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)(.*)$")
_SERVICE = re.compile(r"(?m)^Snapshots:\s+(\S+@SNAPSHOTID@\S*)\s*$")


def sources_at(runner: Runner, sources: Sequence[str], time: str, proxy: str = "") -> tuple[str, ...]:
    """Return apt's source lines for the same archives as they were at *time*, as 20261101T000000Z.

    Raises OptionError where an archive names no service. What that has is verified by apt, as any other archive is.
    """
    found = []
    services: dict[tuple[str, str], str] = {}
    for line in sources:
        match = _LINE.match(line)
        if not match:
            raise OptionError("snapshot", time, f"does not go with the source {line}", hint="name a mirror")
        option, url, suite, rest = match.groups()
        if (url, suite) not in services:
            services[url, suite] = _service(runner, url, suite, time, proxy)
        found.append(f"deb {option or ''}{services[url, suite]} {suite}{rest}")
    return tuple(found)


def _service(runner: Runner, url: str, suite: str, time: str, proxy: str) -> str:
    options = [f"Acquire::{scheme}::Proxy={proxy}" for scheme in ("http", "https") if proxy]
    place = f"{url.rstrip('/')}/dists/{suite}/InRelease"
    with scratch_folder("lists") as folder:
        argv = [_HELPER, *(word for option in options for word in ("-o", option)), "download-file", place]
        result = runner.run([*argv, str(folder / "InRelease")], check=False)
        file = folder / "InRelease"
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    if result.rc != 0:
        raise OptionError("mirror", url, f"{place} cannot be fetched", hint="check mirror, proxy and the network")
    if not (match := _SERVICE.search(text)):
        raise OptionError(
            "snapshot",
            time,
            f"{url} names no service that has its snapshots",
            hint="give the URL of one in image_mirror, with {snapshot} in the place of the time",
        )
    return match[1].replace("@SNAPSHOTID@", time)
