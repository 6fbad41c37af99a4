# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifiers and hashes: the same for ever."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import seeded_uuid, sha512_of


def test_an_identifier_depends_on_seed_and_noun_alone() -> None:
    # A literal: a change of it would change the bits of every image.
    assert seeded_uuid("debian-13-amd64", "root") == "2869e84d-fb9b-539d-ac55-9a4ff977e287"
    assert seeded_uuid("debian-13-amd64", "root") != seeded_uuid("debian-13-amd64", "esp")
    assert seeded_uuid("debian-13-amd64", "root") != seeded_uuid("debian-12-amd64", "root")
    assert uuid.UUID(seeded_uuid("a", "b")).version == 5


def test_hash_of_a_file_and_its_progress(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10000
    (tmp_path / "file").write_bytes(content)
    heard: list[int] = []
    assert sha512_of(str(tmp_path / "file"), heard.append) == hashlib.sha512(content).hexdigest()
    assert heard == sorted(heard)
    assert heard[-1] == len(content)


def test_hash_of_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert sha512_of(str(tmp_path / "file")) == hashlib.sha512().hexdigest()
