# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands for a base, and what is none; laying one out is tested in tests/integration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import base
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


def found(source: str, tmp_path: Path, **more: Any) -> base.DiskBase | base.ContainerBase:
    words = {"base": source, "path": str(tmp_path / "tree"), "cache_dir": None, "base_keys": [], "proxy": ""}
    words |= {"base_checksum": "", "base_signature": ""}
    return base.of_params(Runner(), {**words, **more}, "x86_64")


def test_a_disk_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "disk").write_text("disk")
    disk = found(str(tmp_path / "disk"), tmp_path)
    assert disk.is_here and disk.identity == f"sha512:{sha512_of(str(tmp_path / 'disk'))}"
    assert not found("http://127.0.0.1:9/disk", tmp_path, base_checksum=f"sha256:{'1' * 64}").is_here


def test_a_container_is_known_by_its_digests(tmp_path: Path) -> None:
    digest = f"sha256:{'1' * 64}"
    assert found(f"oci:docker://a.example/b/c@{digest}", tmp_path).identity == digest
    (tmp_path / "image").mkdir()
    (tmp_path / "image/index.json").write_text("{}")
    one, other = (found(f"oci:{tmp_path}/image{tag}", tmp_path).identity for tag in ("", ":latest"))
    assert one.startswith("sha256:") and one != other
    (tmp_path / "a.tar").write_text("archive")
    assert found(f"oci:{tmp_path}/a.tar", tmp_path).identity == f"sha512:{sha512_of(str(tmp_path / 'a.tar'))}"
    assert found(f"oci:{tmp_path}/a.tar:one", tmp_path).identity.endswith("#one")


def test_a_tree_that_others_get_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").write_text("disk")
    (tmp_path / "image").mkdir()
    (tmp_path / "image/index.json").write_text("{}")
    monkeypatch.setattr(base.lay_tree, "_is_closed", lambda status: False)
    for source in (str(tmp_path / "disk"), f"oci:{tmp_path}/image"):
        with pytest.raises(OptionError, match=r"^path=\S+/tree: other accounts of this host could start"):
            found(source, tmp_path).lay(str(tmp_path / "tree"))


@pytest.mark.parametrize(
    ("source", "more", "fault"),
    [
        ("oci:docker://a.example/b:latest", {}, r"does not say by a digest what it must be; write it as oci:docker://"),
        ("oci:{}/none", {}, "is neither an OCI archive nor an OCI layout"),
        ("oci:{}/image", {"base_checksum": f"sha256:{'1' * 64}"}, "goes with a file; leave it out"),
        ("oci:{}/image", {"base_signature": "x"}, "^base_signature=x: goes with a disk image; leave it out"),
        ("{}/none", {}, "is not a file"),
    ],
)
def test_what_is_no_base(tmp_path: Path, source: str, more: dict[str, str], fault: str) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "image/index.json").write_text("{}")
    with pytest.raises(OptionError, match=fault):
        _identity = found(source.format(tmp_path), tmp_path, **more).identity
