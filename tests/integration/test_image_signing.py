# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed images in a real Glance, which verifies them with certificates of a key manager."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from helpers.glance import TestCloud, local_cloud, running_cloud
from helpers.key_manager import key_manager
from helpers.signing import SigningPair, signer, signing_pair, upload_by_hand
from helpers.versions import DATA, Versions, assert_one_line

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Refused
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.signature import HASH_METHODS, Signer

CONTENT = b"\x53\xef" * 50_000


@dataclass(frozen=True)
class SigningCloud:
    """A cloud whose Glance verifies signatures, and keys whose certificates it has."""

    cloud: TestCloud
    keys: dict[str, SigningPair]

    def upload(self, properties: dict[str, str], content: bytes = CONTENT) -> dict[str, Any]:
        """What Glance has of an image with these properties and that content."""
        return upload_by_hand(self.cloud.direct.cloud, properties, content)


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses before another attempt are short; each run logs in to this cloud, which is not that of the others."""
    rest = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: rest(min(seconds, 0.05)))


@pytest.fixture(scope="module")
def signing_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningCloud]:
    folder = tmp_path_factory.mktemp("signing")
    certificates = folder / "certificates"
    keys = {kind: signing_pair(certificates, kind) for kind in ("rsa", "secp384r1", "secp521r1")}
    keys["locked"] = signing_pair(certificates, "secp384r1", passphrase="open sesame")
    local = local_cloud(folder / "state", **key_manager(certificates))
    with running_cloud(local, folder) as running:
        yield SigningCloud(running, keys)


@pytest.fixture
def versions(signing_cloud: SigningCloud, tmp_path: Path) -> Versions:
    """Disks, and no image in the cloud."""
    signing_cloud.cloud.proxy.clear()
    signing_cloud.cloud.empty()
    return Versions(signing_cloud.cloud, tmp_path)


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


@pytest.mark.parametrize("triplet", [False, True])
def test_every_part_is_signed_and_left_alone(signing_cloud: SigningCloud, versions: Versions, triplet: bool) -> None:
    versions = replace(versions, triplet=triplet)
    pair = signing_cloud.keys["rsa"]
    foreseen = versions.publish(1, check=True, **pair.options)
    result = versions.publish(1, **pair.options)
    assert foreseen["changed"] and result["changed"]
    images = versions.cloud.images()
    assert len(images) == (3 if triplet else 1)
    for image in images:
        assert image.properties["img_signature_certificate_uuid"] == pair.certificate_id
        assert image.properties["img_signature_key_type"] == "RSA-PSS"
    # Another signature would be as good; so the one that is there has to be.
    assert not versions.publish(1, check=True, **pair.options)["changed"]
    assert not versions.publish(1, **pair.options)["changed"]
    assert {image.id for image in versions.cloud.images()} == {image.id for image in images}


def test_signatures_are_there_before_the_data(signing_cloud: SigningCloud, versions: Versions) -> None:
    versions.publish(1, **signing_cloud.keys["secp521r1"].options, signing_hash="SHA-512")
    (creation,) = versions.cloud.proxy.seen("POST", "images$")
    description = json.loads(creation.body)
    assert description["img_signature_hash_method"] == "SHA-512"
    assert description["img_signature_key_type"] == "ECC_SECP521R1"
    assert description["img_signature"]


def test_what_has_no_signature_of_ours_is_uploaded_anew(signing_cloud: SigningCloud, versions: Versions) -> None:
    rsa, locked = signing_cloud.keys["rsa"].options, signing_cloud.keys["locked"].options
    for options in ({}, rsa, {**rsa, "signing_hash": "SHA-512"}, {**locked, "signing_passphrase": "open sesame"}):
        assert versions.publish(1, **options, keep=1)["changed"]
        (image,) = versions.cloud.images()
        assert image.properties.get("img_signature_certificate_uuid") == options.get("signing_certificate_id")
    # Who does not sign does not mind.
    assert not versions.publish(1)["changed"]


def test_content_that_changes_on_the_way_is_refused(signing_cloud: SigningCloud, versions: Versions) -> None:
    options = signing_cloud.keys["secp384r1"].options
    versions.publish(1, **options)
    versions.cloud.proxy.inject("PUT", DATA, corrupt=True)
    with versions.watch(1):
        refused = versions.attempt(2, **options)
    assert_one_line(refused)
    assert "Signature verification failed" in refused["msg"]
    versions.assert_there(1)


def test_a_command_signs_and_a_check_does_not_start_it(
    signing_cloud: SigningCloud, versions: Versions, tmp_path: Path
) -> None:
    options, called = signing_cloud.keys["secp384r1"].options, tmp_path / "called"
    script = f"echo >>{called}; exec openssl pkeyutl -sign -inkey {options.pop('signing_key')} -pkeyopt digest:sha256"
    options["signing_command"] = ["sh", "-c", script]
    assert versions.publish(1, check=True, **options)["changed"]
    assert not called.exists()
    assert versions.publish(1, **options)["changed"]
    assert not versions.publish(1, **options)["changed"]
    assert called.read_text() == "\n"


def test_mistakes_are_found_before_anything_is_created(signing_cloud: SigningCloud, versions: Versions) -> None:
    rsa, locked = signing_cloud.keys["rsa"], signing_cloud.keys["locked"]
    without_key = {name: value for name, value in rsa.options.items() if name != "signing_key"}
    for options, message in (
        ({**locked.options, "signing_passphrase": "hush"}, "cannot be decrypted with signing_passphrase"),
        ({**rsa.options, "signing_certificate": str(locked.certificate)}, "is not the certificate of signing_key="),
        ({**without_key, "signing_command": ["sh", "-c", "exit 7"]}, "signing_command=sh: failed with exit status 7"),
        (without_key, "neither is given"),
    ):
        refused = versions.attempt(1, **options)
        assert_one_line(refused)
        assert message in refused["msg"]
        assert "hush" not in str(refused)
    assert versions.cloud.images() == []
    assert not versions.cloud.proxy.seen("POST", "images$")
