# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed images in a real Glance, which verifies them with certificates of a key manager."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers.glance import local_cloud
from helpers.key_manager import key_manager
from helpers.signing import SigningPair, signer, signing_pair, upload_by_hand

from ansible_collections.goldsmith.openstack.plugins.module_utils._cloud import Cloud, CloudOptions, Refused
from ansible_collections.goldsmith.openstack.plugins.module_utils._signature import HASH_METHODS, Signer

CONTENT = b"\x53\xef" * 50_000


@dataclass(frozen=True)
class SigningCloud:
    """A cloud whose Glance verifies signatures, and keys whose certificates it has."""

    cloud: Cloud
    clouds_yaml: Path
    keys: dict[str, SigningPair]

    def upload(self, properties: dict[str, str], content: bytes = CONTENT) -> dict[str, Any]:
        """What Glance has of an image with these properties and that content."""
        return upload_by_hand(self.cloud, properties, content)


@pytest.fixture(scope="module")
def signing_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningCloud]:
    folder = tmp_path_factory.mktemp("signing")
    certificates = folder / "certificates"
    keys = {kind: signing_pair(certificates, kind) for kind in ("rsa", "secp384r1", "secp521r1")}
    local = local_cloud(folder / "state", **key_manager(certificates))
    local.start()
    try:
        options = CloudOptions(cloud="embedded", clouds_yaml=str(local.clouds_yaml), timeout=30)
        yield SigningCloud(Cloud(options), local.clouds_yaml, keys)
    finally:
        local.remove()


def digest(ours: Signer, content: bytes = CONTENT) -> bytes:
    return hashlib.new(ours.digest_name, content).digest()


@pytest.mark.parametrize("method", HASH_METHODS)
@pytest.mark.parametrize("kind", ["rsa", "secp384r1", "secp521r1"])
def test_glance_accepts_our_signature_of_every_kind(signing_cloud: SigningCloud, kind: str, method: str) -> None:
    ours = signer(signing_cloud.keys[kind], method)
    image = signing_cloud.upload(ours.properties(digest(ours)))
    assert image["status"] == "active"
    # As Glance gives it back, it is known again.
    assert ours.accepts(image, digest(ours))
    assert not ours.accepts(image, digest(ours, b"something else"))


@pytest.mark.parametrize("kind", ["rsa", "secp384r1"])
def test_glance_refuses_content_that_was_not_signed(signing_cloud: SigningCloud, kind: str) -> None:
    ours = signer(signing_cloud.keys[kind])
    with pytest.raises(Refused, match="Signature verification failed") as caught:
        signing_cloud.upload(ours.properties(digest(ours)), CONTENT[:-1] + b"x")
    assert caught.value.status == 400


def test_glance_verifies_with_the_certificate_that_is_named(signing_cloud: SigningCloud) -> None:
    ours = signer(signing_cloud.keys["secp384r1"])
    good = ours.properties(digest(ours))
    with pytest.raises(Refused, match="Certificate not found"):
        signing_cloud.upload({**good, "img_signature_certificate_uuid": str(uuid.uuid4())})
    with pytest.raises(Refused, match="Signature verification failed"):
        other = signing_cloud.keys["secp521r1"].certificate_id
        signing_cloud.upload({**good, "img_signature_certificate_uuid": other})


@pytest.mark.parametrize("kind", ["rsa", "secp521r1"])
def test_openssl_signs_as_a_module_for_keys_would(signing_cloud: SigningCloud, kind: str) -> None:
    pair = signing_cloud.keys[kind]
    words = ("openssl", "pkeyutl", "-sign", "-inkey", str(pair.key), "-pkeyopt", "digest:sha384")
    if kind == "rsa":
        words += ("-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:max")
    ours = signer(pair, "SHA-384", words)
    assert signing_cloud.upload(ours.properties(digest(ours)))["status"] == "active"
