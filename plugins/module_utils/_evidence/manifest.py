# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an output folder holds: manifest.json and SHA512SUMS."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import description
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import side_by_side
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import whole_file
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rootfs

MANIFEST = "manifest.json"
SUMS = "SHA512SUMS"
# Alone in the manifest these differ from one build of the same bits to the next.
_VOLATILE = "timings"


@dataclass(frozen=True)
class Artifact:
    """A file of the output folder; *format* as Glance names it, *virtual_size* the guest's disk in bytes.

    *sha512* None: it is read.
    """

    file: str
    format: str
    virtual_size: int | None = None
    sha512: str | None = None


def describe(folder: str, artifacts: Sequence[Artifact]) -> list[dict[str, Any]]:
    """Return the artifacts with size and sha512; files are read in parallel."""
    for artifact in artifacts:
        if not os.path.isfile(os.path.join(folder, artifact.file)):
            raise OptionError("artifacts", artifact.file, f"is not in {folder}")
    sizes = {artifact.file: os.path.getsize(os.path.join(folder, artifact.file)) for artifact in artifacts}
    progress = Progress("checksums", sum(sizes.values()))
    done = dict.fromkeys(sizes, 0)

    def digest(artifact: Artifact) -> str:
        if artifact.sha512:
            return artifact.sha512

        def hear(count: int) -> None:
            done[artifact.file] = count
            progress(sum(done.values()))

        return sha512_of(os.path.join(folder, artifact.file), hear)

    digests = side_by_side.run([lambda _stop, one=one: digest(one) for one in artifacts], os.cpu_count() or 1)
    return [
        {
            "file": artifact.file,
            "format": artifact.format,
            "size": sizes[artifact.file],
            "virtual_size": artifact.virtual_size or sizes[artifact.file],
            "sha512": hexdigest,
        }
        for artifact, hexdigest in zip(artifacts, digests)
    ]


def packages(tree: str | None) -> list[dict[str, str]]:
    """Return the packages that are installed in a tree; none where it is no tree of a known kind."""
    try:
        return rootfs.packages(tree) if tree else []
    except FileNotFoundError:
        return []


def metadata(
    artifacts: Sequence[Mapping[str, Any]],
    packages: Sequence[Mapping[str, str]],
    *,
    derived: Mapping[str, Any],
    given: Mapping[str, Any],
    epoch: int | None,
    min_disk: int | None,
) -> dict[str, Any]:
    """Return what Glance is to know: of the whole build, and of each artifact what is true of that."""
    derived = {**derived, **description.of_content(packages, epoch)}
    needed = [description.min_disk(item["format"], item["virtual_size"], min_disk) for item in artifacts]
    return {
        "build_date": description.build_date(epoch),
        "min_disk": max(needed),
        "properties": description.merged(derived, given),
        "artifacts": [
            {**item, "min_disk": size, "properties": description.of_format(item["format"], derived, given)}
            for item, size in zip(artifacts, needed)
        ],
    }


def memory(tree: str | None, least: int) -> int:
    """Return the smallest memory of a flavour in MiB, at least *least*; a tree without a kernel needs no more."""
    boot = Path(tree, "boot") if tree else None
    if boot is None or boot.is_symlink() or not boot.is_dir():
        return least
    sizes = [
        max((path.lstat().st_size for path in boot.glob(pattern) if not path.is_symlink()), default=0)
        for pattern in ("vmlinuz-*", "initr*")
    ]
    return description.min_ram(*sizes, least) if all(sizes) else least


def write(folder: str, content: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Write both files; *content* has the artifacts as describe() returns them. Timings alone change nothing."""
    texts = {
        MANIFEST: json.dumps(content, indent=2, sort_keys=True) + "\n",
        SUMS: "".join(f"{artifact['sha512']}  {artifact['file']}\n" for artifact in content["artifacts"]),
    }
    before = {name: _read(os.path.join(folder, name)) for name in texts}
    changed = _lasting(before[MANIFEST]) != _lasting(texts[MANIFEST]) or before[SUMS] != texts[SUMS]
    if changed and not check_mode:
        for name, text in texts.items():
            with whole_file(os.path.join(folder, name)) as partial:
                partial.write_text(text, encoding="utf-8")
    return {
        "changed": changed,
        "path": os.path.join(folder, MANIFEST),
        "artifacts": content["artifacts"],
        "diff": {"before": before[SUMS], "after": texts[SUMS]},
    }


def _lasting(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: value for name, value in content.items() if name != _VOLATILE}


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""
