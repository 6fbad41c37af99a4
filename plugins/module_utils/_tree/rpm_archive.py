# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of RPM repositories, brought up to date by dnf or zypper in the cache folder of the request."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest, sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import bootstrap, rpm
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Request


@dataclass(frozen=True)
class RpmArchive:
    """The repositories of a request, as resume asks for them."""

    runner: Runner
    request: Request

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the packages come from."""
        return tuple(repository.url for repository in self.request.repositories)

    @property
    def lists(self) -> str | None:
        """The folder with what is known of them; the tool finds it in its cache by itself."""
        return self.request.lists

    def update(self) -> Result:
        """Bring it up to date; what the tool says is in the result, whether it succeeded or not."""
        tool = bootstrap.RPM_TOOLS[self.request.tool]
        with scratch_folder("lists") as folder:
            request = replace(self.request, path=str(folder))
            with rpm.workshop(self.runner, request, namespaces.prefix()) as shop:
                result = tool.update(shop)
            # Its files may belong to other ids of ours.
            self.runner.run([*namespaces.prefix(), "find", str(folder), "-mindepth", "1", "-delete"])
        return result

    def state(self) -> str:
        """Return a digest of what names all packages: as long as it is the same, so are they."""
        found = sorted(Path(self.request.cache or os.devnull).glob("**/repodata/repomd.xml"))
        return digest(*(sha512_of(str(path)) for path in found))

    def versions(self, packages: Sequence[str]) -> dict[str, str]:
        """Return nothing: which versions an installation would bring is not asked, so it is done again."""
        del packages
        return {}
