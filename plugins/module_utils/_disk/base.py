# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A base to begin with, laid out as a tree: a disk image, or an image of a container."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract, lay_tree
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.base_file import BaseFile, is_url
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest, sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import no_proxy
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import recognition
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.bootstrap import BASES

OCI = "oci:"
_REGISTRY = "docker://"
_PINNED = re.compile(r"docker://[^\s@]+@sha256:[0-9a-f]{64}")
_REFERENCE = "base"
# What architectures are called there, by the names of RPM
_GO_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class DiskBase:
    """A disk image whose system is the base."""

    runner: Runner
    file: BaseFile

    @cached_property
    def _taken(self) -> tuple[str, str]:
        return self.file.take()

    @property
    def is_here(self) -> bool:
        """Whether nothing has to be fetched to know it."""
        return not is_url(self.file.source)

    @property
    def identity(self) -> str:
        """What stands for its content, ALGORITHM:HEX. The file is fetched and verified for that."""
        return f"sha512:{self._taken[1]}"

    def lay(self, folder: str) -> dict[str, Any]:
        """Lay the system out in an empty folder; return what was found, as disk_extract tells it."""
        lay_tree.require_privacy("path", folder)
        path = self._taken[0]
        if name := recognition.packer_of(path):
            raise OptionError("base", self.file.source, f"is compressed by {name}", hint="give it unpacked")
        try:
            return extract.lay_out(self.runner, path, folder)
        except OptionError as error:
            # The options there are not those here.
            raise OptionError("base", self.file.source, str(error).partition(": ")[2]) from None


@dataclass(frozen=True)
class ContainerBase:
    """An OCI image: an archive or a layout on this host, or one in a registry, which is named with its digest.

    *architecture* is as such images name it: C(amd64), C(arm64).
    """

    runner: Runner
    source: str
    architecture: str
    checksum: str = ""
    proxy: str = ""
    is_here = True

    @cached_property
    def _place(self) -> tuple[str, str, str]:
        """Where it is: a transport of skopeo, what follows it, and a tag."""
        name = self.source.removeprefix(OCI)
        if name.startswith(_REGISTRY):
            if not _PINNED.fullmatch(name):
                hint = f"write it as {OCI}{_REGISTRY}REGISTRY/NAME@sha256:DIGEST"
                raise OptionError("base", self.source, "does not say by a digest what it must be", hint=hint)
            return "docker", name.removeprefix("docker:"), ""
        path, tag = name, ""
        if not os.path.lexists(path):
            path, _colon, tag = name.rpartition(":")
        if os.path.isfile(os.path.join(path, "index.json")):
            return "oci", os.path.abspath(path), tag
        if os.path.isfile(path):
            return "oci-archive", os.path.abspath(path), tag
        raise OptionError("base", self.source, "is neither an OCI archive nor an OCI layout")

    @property
    def identity(self) -> str:
        """What stands for its content, ALGORITHM:HEX. Raises OptionError where there is no such image."""
        kind, path, tag = self._place
        if self.checksum and kind != "oci-archive":
            raise OptionError("base_checksum", self.checksum, "goes with a file", hint="leave it out")
        if kind == "docker":
            return path.rpartition("@")[2]
        if kind == "oci-archive":
            found = BaseFile(self.runner, path, folder="", checksum=self.checksum).take()[1]
            return f"sha512:{found}{f'#{tag}' if tag else ''}"
        # The index names all else by digests.
        return f"sha256:{digest(sha512_of(os.path.join(path, 'index.json')), tag)}"

    def lay(self, folder: str) -> dict[str, Any]:
        """Lay its layers out in an empty folder."""
        lay_tree.require_privacy("path", folder)
        progress = Progress("layers of the base", 100, "%")
        proxies = dict.fromkeys(("http_proxy", "https_proxy"), self.proxy) if self.proxy else {}
        environment = {**proxies, **no_proxy({**os.environ, **proxies})}
        kind, path, tag = self._place
        reference = f"{kind}:{path}{f':{tag}' if tag else ''}"
        with scratch_folder("base") as scratch:
            layout = scratch / "layout"
            progress(1, "fetching")
            # Its content is verified by its digests, or by those of who gave the file; there is no other policy.
            argv = ["skopeo", "copy", "--quiet", "--insecure-policy", "--override-os", "linux"]
            argv += ["--override-arch", self.architecture, reference, f"oci:{layout}:{_REFERENCE}"]
            self._run(argv, {**environment, "TMPDIR": str(scratch)})
            progress(50, "unpacking")
            # It makes the folder itself.
            os.rmdir(folder)
            unpack = ["umoci", "raw", "unpack", "--image", f"{layout}:{_REFERENCE}", folder]
            self._run([*namespaces.prefix(), *unpack], {})
            progress(100)
        if not Path(folder, "usr").is_dir() and not Path(folder, "bin").is_dir():
            raise OptionError("base", self.source, "holds no system", hint="take an image with a distribution in it")
        return {}

    def _run(self, argv: list[str], environment: Mapping[str, str]) -> None:
        result = self.runner.run(argv, check=False, environment=environment)
        if result.rc != 0:
            lines = [line for line in result.stderr.splitlines() if line.strip()]
            said = re.search(r'msg="((?:[^"\\]|\\.)*)"', lines[-1]) if lines else None
            cause = said[1].replace('\\"', '"') if said else (lines[-1] if lines else f"exit status {result.rc}")
            raise GoldsmithError(f"base={self.source}: cannot be used: {cause}")


def of_params(runner: Runner, params: Mapping[str, Any], architecture: str) -> DiskBase | ContainerBase:
    """Return the base that options of tree_bootstrap name; raise OptionError where it cannot be one."""
    source, checksum, signature = params["base"], params["base_checksum"], params["base_signature"]
    if source.startswith(OCI):
        if signature:
            raise OptionError("base_signature", signature, "goes with a disk image", hint="leave it out")
        return ContainerBase(runner, source, _GO_NAMES.get(architecture, architecture), checksum, params["proxy"])
    file = BaseFile(
        runner,
        source,
        folder=os.path.join(params["cache_dir"] or os.path.dirname(os.path.abspath(params["path"])), BASES),
        checksum=checksum,
        signature=signature,
        trusted=params["base_keys"],
        proxy=params["proxy"],
    )
    return DiskBase(runner, file)
