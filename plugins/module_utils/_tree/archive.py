# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a Debian archive, kept in the cache folder and brought up to date by apt, which verifies it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest, sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import file_error, make_folders
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import locked
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import no_proxy
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import keys

# What the base system of mmdebstrap's variant minbase is.
_BASE = ("?essential", "?priority(required)", "apt")
# Without a delay between retries: after a write to a full disk apt 2.6 would wait for its next try for ever.
_CONFIGURATION = """\
Dir "{folder}";
Dir::State::Status "{folder}/status";
Dir::Etc "{folder}";
Dir::Etc::Parts "";
Dir::Etc::Trusted "{trusted}.gpg";
Dir::Etc::TrustedParts "{trusted}";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries::Delay "false";
{more}"""


@dataclass(frozen=True)
class Archive:
    """The package lists of some *sources*, which are lines of apt, in a *folder* of their own.

    *keyrings* are paths that options signed-by of the lines name, and the keys that are to be there.
    *expired*: Release files that are past their date are taken. *keys*, in ASCII armor, are trusted in place of those
    that the host's apt trusts.
    """

    runner: Runner
    folder: str
    sources: tuple[str, ...]
    architecture: str
    proxy: str = ""
    expired: bool = False
    keys: tuple[str, ...] = ()
    keyrings: tuple[tuple[str, str], ...] = ()
    pins: tuple[str, ...] = ()

    @property
    def lists(self) -> str:
        """The folder with apt's lists."""
        return os.path.join(self.folder, "var/lib/apt/lists")

    def update(self) -> Result:
        """Bring the lists up to date; what apt says is in the result, whether it succeeded or not."""
        try:
            os.makedirs(os.path.join(self.lists, "partial"), exist_ok=True)
            os.makedirs(os.path.join(self.folder, "var/cache/apt/archives/partial"), exist_ok=True)
            with locked(os.path.join(self.folder, "lock")):
                self._write("status", "")
                beside = os.path.join(self.folder, "keyrings")
                make_folders(beside)
                lines = keys.laid_out(self.sources, self.keyrings, Path(beside))
                self._write("sources.list", "".join(f"{line}\n" for line in lines))
                self._write("preferences", "\n".join(self.pins))
                proxies = [f'Acquire::{scheme}::Proxy "{self.proxy}";\n' for scheme in ("http", "https") if self.proxy]
                dates = ['Acquire::Check-Valid-Until "false";\n'] if self.expired else []
                more = "".join([*proxies, *dates])
                trusted = os.path.join(self.folder, "trusted") if self.keys else "/etc/apt/trusted.gpg.d"
                if self.keys:
                    make_folders(trusted)
                    keys.write(self.keys, Path(trusted))
                values = {"folder": self.folder, "architecture": self.architecture, "trusted": trusted, "more": more}
                self._write("apt.conf", _CONFIGURATION.format(**values))
                return self._apt("update", "--error-on=any")
        except OSError as error:
            raise file_error(error.filename or self.folder, error) from error

    def state(self) -> str:
        """Return a digest of the Release files: as long as it is the same, so are all packages."""
        names = sorted(name for name in os.listdir(self.lists) if name.endswith("Release"))
        return digest(*(sha512_of(os.path.join(self.lists, name)) for name in names))

    def versions(self, packages: Sequence[str]) -> dict[str, str]:
        """Return the versions that an installation of *packages* with the base system would bring, by package.

        Empty where apt finds no solution.
        """
        said = self._apt("install", "--simulate", *_BASE, *packages)
        return {} if said.rc else dict(re.findall(r"(?m)^Inst (\S+) (?:\[\S+\] )?\((\S+)", said.stdout))

    def _apt(self, *words: str) -> Result:
        argv = ["sh", "-c", 'exec "$@" 2>&1', "apt", "apt-get", *words]
        configuration = os.path.join(self.folder, "apt.conf")
        # Else its temporary files, with homes of gpg, would stay in /tmp when this is killed.
        with scratch_folder("apt") as temporary:
            direct = no_proxy({**os.environ, "http_proxy": self.proxy})
            environment = {"APT_CONFIG": configuration, "TMPDIR": str(temporary), **direct}
            return self.runner.run(argv, check=False, environment=environment)

    def _write(self, name: str, text: str) -> None:
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)
