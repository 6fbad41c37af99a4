# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publication to the previous generation of Glance, which believes what it is sent more readily than today's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from helpers.glance import TestCloud
from helpers.key_manager import key_manager
from helpers.old_glance import previous_test_cloud
from helpers.signing import SigningPair, signer, signing_pair, upload_by_hand

from ansible_collections.goldsmith.openstack.plugins.module_utils._cloud import Refused

CONTENT = b"\x53\xef" * 50_000


@dataclass(frozen=True)
class OldCloud:
    """A cloud of the previous generation, and keys whose certificates it has."""

    cloud: TestCloud
    keys: dict[str, SigningPair]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldCloud]:
    folder = tmp_path_factory.mktemp("previous")
    keys = {kind: signing_pair(folder / "certificates", kind) for kind in ("rsa", "secp521r1")}
    with previous_test_cloud(folder, key_manager(folder / "certificates")) as cloud:
        yield OldCloud(cloud, keys)


@pytest.fixture
def old(session: OldCloud) -> OldCloud:
    """The cloud without an image in it, and nothing broken."""
    session.cloud.proxy.clear()
    session.cloud.empty()
    return session


@pytest.mark.parametrize("kind", ["rsa", "secp521r1"])
def test_our_signatures_are_accepted(old: OldCloud, kind: str) -> None:
    ours = signer(old.keys[kind], "SHA-384")
    cloud = old.cloud.glance("embedded").cloud
    digest = hashlib.sha384(CONTENT).digest()
    image = upload_by_hand(cloud, ours.properties(digest), CONTENT)
    assert image["status"] == "active"
    assert ours.accepts(image, digest)
    with pytest.raises(Refused, match="Signature verification failed"):
        upload_by_hand(cloud, ours.properties(digest), CONTENT[:-1] + b"x")
