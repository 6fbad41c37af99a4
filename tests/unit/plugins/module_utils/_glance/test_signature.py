# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.x509 import load_pem_x509_certificate
from helpers.signing import SigningPair, signing_pair

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import signature
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.signature import HASH_METHODS, Signer, Signing
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

DIGEST = hashlib.sha256(b"an image").digest()
# Signs what is on stdin with the key in argv[1]; argv[2] says how.
COMMAND = """
import base64, hashlib, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
path, way = sys.argv[1:]
key = serialization.load_pem_private_key(open(path, "rb").read(), None)
digest, sha = sys.stdin.buffer.read(), hashes.SHA256()
hashed = utils.Prehashed(sha)
assert len(digest) == 32
def rsa(salt, data=digest):
    return key.sign(data, padding.PSS(padding.MGF1(sha), salt), hashed)
ways = {
    "raw": lambda: rsa(padding.PSS.MAX_LENGTH),
    "base64": lambda: base64.encodebytes(rsa(padding.PSS.MAX_LENGTH)),
    "short salt": lambda: rsa(32),
    "pkcs1": lambda: key.sign(digest, padding.PKCS1v15(), hashed),
    "hashes again": lambda: rsa(padding.PSS.MAX_LENGTH, hashlib.sha256(digest).digest()),
    "other data": lambda: rsa(padding.PSS.MAX_LENGTH, bytes(32)),
    "ecdsa": lambda: key.sign(digest, ec.ECDSA(hashed)),
    "numbers": lambda: b"".join(
        number.to_bytes((key.curve.key_size + 7) // 8, "big")
        for number in utils.decode_dss_signature(key.sign(digest, ec.ECDSA(hashed)))
    ),
}
sys.stdout.buffer.write(ways[way]())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def pair(folder: Path) -> SigningPair:
    return signing_pair(folder, "rsa")


@pytest.fixture(scope="module")
def curve(folder: Path) -> SigningPair:
    return signing_pair(folder, "secp521r1")


def signing(pair: SigningPair, **options: Any) -> Signing:
    words = {"key": str(pair.key), "command": None, "passphrase": None, "certificate": str(pair.certificate)}
    return Signing(**{**words, "certificate_id": pair.certificate_id, **options})


def signer(pair: SigningPair, **options: Any) -> Signer:
    return Signer(signing(pair, **options), Runner())


def by_command(pair: SigningPair, *command: str, patience: float = 60.0) -> Signer:
    return Signer(signing(pair, key=None, command=command), Runner(), patience=patience)


def by_script(pair: SigningPair, way: str) -> Signer:
    return by_command(pair, sys.executable, "-c", COMMAND, str(pair.key), way)


def verify(pair: SigningPair, properties: dict[str, str], content: bytes) -> None:
    """As the verifying services do: from the content and the certificate alone."""
    public: Any = load_pem_x509_certificate(pair.certificate.read_bytes()).public_key()
    sha = getattr(hashes, properties["img_signature_hash_method"].replace("-", ""))()
    digest = hashes.Hash(sha)
    digest.update(content)
    words = [base64.b64decode(properties["img_signature"]), digest.finalize()]
    if properties["img_signature_key_type"] == "RSA-PSS":
        public.verify(*words, padding.PSS(padding.MGF1(sha), padding.PSS.MAX_LENGTH), utils.Prehashed(sha))
    else:
        public.verify(*words, ec.ECDSA(utils.Prehashed(sha)))


@pytest.mark.parametrize("method", HASH_METHODS)
@pytest.mark.parametrize(("kind", "key_type"), [("rsa", "RSA-PSS"), ("secp521r1", "ECC_SECP521R1")])
def test_a_signature_verifies_with_the_certificate(
    pair: SigningPair, curve: SigningPair, kind: str, key_type: str, method: str
) -> None:
    used = pair if kind == "rsa" else curve
    ours = signer(used, hash=method)
    digest = hashlib.new(ours.digest_name, b"an image").digest()
    properties = ours.properties(digest)
    assert properties == {
        "img_signature": properties["img_signature"],
        "img_signature_hash_method": method,
        "img_signature_key_type": key_type,
        "img_signature_certificate_uuid": used.certificate_id,
    }
    verify(used, properties, b"an image")


def test_every_curve_has_its_name(folder: Path) -> None:
    assert signer(signing_pair(folder, "secp384r1")).properties(DIGEST)["img_signature_key_type"] == "ECC_SECP384R1"


def test_a_key_needs_no_certificate(pair: SigningPair) -> None:
    verify(pair, signer(pair, certificate=None).properties(DIGEST), b"an image")


def test_an_encrypted_key_is_opened(folder: Path) -> None:
    locked = signing_pair(folder, "secp384r1", passphrase="open sesame")
    verify(locked, signer(locked, passphrase="open sesame").properties(DIGEST), b"an image")


def test_signatures_are_random_and_known_again(pair: SigningPair, curve: SigningPair) -> None:
    for used in (pair, curve):
        ours = signer(used)
        first, second = ours.properties(DIGEST), ours.properties(DIGEST)
        assert first != second
        assert ours.accepts({**first, "os_distro": "debian"}, DIGEST)
        assert ours.accepts(second, DIGEST)
        assert not ours.accepts(first, hashlib.sha256(b"another image").digest())
        # Whoever else holds the key: it is the certificate that the cloud verifies with.
        assert signer(used, certificate=None).accepts(first, DIGEST)


def test_foreign_and_damaged_signatures_are_not_accepted(pair: SigningPair, curve: SigningPair, folder: Path) -> None:
    ours = signer(pair)
    good = ours.properties(DIGEST)
    other = signing_pair(folder, "rsa")
    assert not ours.accepts({}, DIGEST)
    assert not ours.accepts(signer(curve).properties(DIGEST), DIGEST)
    assert not ours.accepts(signer(other).properties(DIGEST), DIGEST)
    assert not ours.accepts(signer(other, certificate_id=pair.certificate_id).properties(DIGEST), DIGEST)
    signature = base64.b64decode(good["img_signature"])
    for name, value in {
        "img_signature": base64.b64encode(signature[:-1] + bytes([signature[-1] ^ 1])).decode(),
        "img_signature_hash_method": "SHA-512",
        "img_signature_key_type": "ECC_SECP384R1",
        "img_signature_certificate_uuid": other.certificate_id,
    }.items():
        assert not ours.accepts({**good, name: value}, DIGEST), name
    for nonsense in ("", "not base64!", None, "AAAA"):
        assert not ours.accepts({**good, "img_signature": nonsense}, DIGEST)


@pytest.mark.parametrize("way", ["raw", "base64"])
def test_a_command_signs(pair: SigningPair, way: str) -> None:
    verify(pair, by_script(pair, way).properties(DIGEST), b"an image")


@pytest.mark.parametrize("way", ["ecdsa", "numbers"])
def test_a_command_signs_with_a_curve(curve: SigningPair, way: str) -> None:
    verify(curve, by_script(curve, way).properties(DIGEST), b"an image")


@pytest.mark.parametrize(
    ("way", "message"),
    [
        (
            "short salt",
            "signs with another length of salt than the maximum, which Glance asks for; say rsa_pss_saltlen:max",
        ),
        ("pkcs1", "signs with the padding PKCS #1 v1.5; Glance asks for PSS; say rsa_padding_mode:pss"),
        ("hashes again", "signs a hash of the digest; it has to sign the digest that it gets"),
        (
            "other data",
            "returned 256 bytes that are no signature of the SHA-256 digest by the key of signing_certificate",
        ),
    ],
)
def test_a_command_that_signs_wrongly_is_told_how(pair: SigningPair, way: str, message: str) -> None:
    with pytest.raises(GoldsmithError, match=re.escape(message)) as caught:
        by_script(pair, way).properties(DIGEST)
    assert str(caught.value).startswith("signing_command=python")
    assert str(pair.key) not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo token not present >&2; exit 3", "signing_command=sh: failed with exit status 3: token not present; "),
        ("exit 1", "failed with exit status 1: no output"),
        ("cat >/dev/null", "returned nothing instead of a signature"),
        ("echo hello", "returned 6 bytes that are no signature"),
        ("cat /dev/zero", "wrote more than 64 KiB, which is no signature"),
        ("sleep 60 & sleep 60", "was stopped after 0.3 s without a signature"),
        # More than a pipe holds.
        ("head -c 300000 /dev/zero >&2; echo >&2; echo full >&2; exit 4", "failed with exit status 4: full"),
    ],
)
def test_a_command_that_fails_gives_one_line(pair: SigningPair, script: str, message: str) -> None:
    patience = 0.3 if "sleep" in script else 60.0
    with pytest.raises(GoldsmithError) as caught:
        by_command(pair, "sh", "-c", script, "--pin=1234", patience=patience).properties(DIGEST)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "1234" not in str(caught.value)


def test_a_command_that_is_not_there_is_named(pair: SigningPair) -> None:
    with pytest.raises(GoldsmithError, match="no-such-signer"):
        by_command(pair, "/nowhere/no-such-signer").properties(DIGEST)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"command": ("true",)}, "signing_key, signing_command: both are given"),
        ({"key": None}, "signing_key, signing_command: neither is given"),
        ({"certificate_id": "mine"}, "signing_certificate_id=mine: not a uuid"),
        ({"hash": "MD5"}, "signing_hash=MD5: not one of SHA-224, SHA-256, SHA-384, SHA-512"),
        ({"key": None, "command": ("true",), "certificate": None}, "signing_certificate is missing"),
        ({"key": None, "command": ("true",), "passphrase": "hush"}, "signing_passphrase is for signing_key only"),
    ],
)
def test_options_that_contradict_each_other(pair: SigningPair, options: dict[str, Any], message: str) -> None:
    with pytest.raises(GoldsmithError, match=re.escape(message)) as caught:
        signing(pair, **options)
    assert "hush" not in str(caught.value)


def test_files_that_cannot_be_used(pair: SigningPair, curve: SigningPair, folder: Path) -> None:
    locked = signing_pair(folder, "secp384r1", passphrase="open sesame")
    foreign = locked.key.with_suffix(".txt")
    foreign.write_text("no key")
    broken = locked.key.with_suffix(".broken")
    broken.write_text(pair.key.read_text().replace("A", "B"))
    for used, options, message in (
        (pair, {"key": "/nowhere"}, "signing_key=/nowhere: cannot be read: No such file or directory"),
        (pair, {"certificate": "/nowhere"}, "signing_certificate=/nowhere: cannot be read: No such file"),
        (pair, {"key": str(foreign)}, f"signing_key={foreign}: not a private key in PEM form"),
        (pair, {"key": str(broken)}, f"signing_key={broken}: not a private key in PEM form"),
        (pair, {"certificate": str(foreign)}, f"signing_certificate={foreign}: not a certificate in PEM form"),
        (pair, {"certificate": str(pair.key)}, "not a certificate in PEM form"),
        (pair, {"certificate": str(curve.certificate)}, f"is not the certificate of signing_key={pair.key}"),
        (locked, {}, f"signing_key={locked.key}: is encrypted; give its signing_passphrase"),
        (locked, {"passphrase": "hush"}, "cannot be decrypted with signing_passphrase"),
        (pair, {"passphrase": "hush"}, f"signing_key={pair.key}: is not encrypted"),
        (signing_pair(folder, "weak"), {}, "is an RSA key of 1024 bits; use one of 2048 or more"),
        (signing_pair(folder, "dsa"), {}, "is a key of the type DSA; Glance knows RSA, and ECDSA"),
        (signing_pair(folder, "secp256r1"), {}, "uses the curve secp256r1; Glance knows RSA, and ECDSA"),
    ):
        with pytest.raises(GoldsmithError) as caught:
            signer(used, **options)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "hush" not in str(caught.value)


def test_the_key_of_a_command_is_judged_by_its_certificate(folder: Path) -> None:
    weak = signing_pair(folder, "weak")
    with pytest.raises(GoldsmithError, match=f"signing_certificate={weak.certificate}: is an RSA key of 1024 bits"):
        by_command(weak, "true")


def test_an_expired_certificate_signs_no_more_but_is_known_again(folder: Path) -> None:
    old = signing_pair(folder, "secp384r1", expired=True)
    good = signer(old, certificate=None).properties(DIGEST)
    ours = signer(old)
    assert ours.accepts(good, DIGEST)
    with pytest.raises(GoldsmithError, match=r"is valid from \d{4}-.* UTC, which is not now"):
        ours.properties(DIGEST)


def test_secrets_are_not_shown(pair: SigningPair) -> None:
    assert "hush" not in repr(signing(pair, passphrase="hush"))


def test_without_the_library_it_is_named(pair: SigningPair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "CRYPTOGRAPHY_MISSING", "Traceback")
    with pytest.raises(GoldsmithError, match="cryptography"):
        signer(pair)


def test_traditional_forms_of_keys_are_read(pair: SigningPair, folder: Path) -> None:
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    for passphrase in (None, "open sesame"):
        encryption: Any = serialization.NoEncryption()
        if passphrase:
            encryption = serialization.BestAvailableEncryption(passphrase.encode())
        old = folder / "traditional.key"
        form = serialization.PrivateFormat.TraditionalOpenSSL
        old.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, encryption))
        verify(pair, signer(pair, key=str(old), passphrase=passphrase).properties(DIGEST), b"an image")
        if passphrase:
            with pytest.raises(GoldsmithError, match="cannot be decrypted with signing_passphrase"):
                signer(pair, key=str(old), passphrase="hush")
