# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of images, as Glance and Compute verify them with a certificate of the key manager."""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import os
import re
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    CRYPTOGRAPHY_MISSING: str | None = None
except ImportError:
    CRYPTOGRAPHY_MISSING = traceback.format_exc()

HASH_METHODS = ("SHA-224", "SHA-256", "SHA-384", "SHA-512")
# The names under which Glance looks for a signature.
SIGNATURE = "img_signature"
HASH_METHOD = "img_signature_hash_method"
KEY_TYPE = "img_signature_key_type"
CERTIFICATE_ID = "img_signature_certificate_uuid"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# What the verifying services know; the last four only where their library is old.
_CURVES = ("secp384r1", "secp521r1", "sect409k1", "sect409r1", "sect571k1", "sect571r1")
_KINDS = "RSA, and ECDSA with the curves secp384r1 and secp521r1"
_SMALLEST_RSA = 2048
# The longest signature there is has 2 KiB, and what is longer is not read.
_LONGEST_OUTPUT = 64 << 10
_PATIENCE = 120.0
_CONTRACT = "the command gets the digest on stdin and has to return its signature, as bytes or base64, on stdout"


@dataclass(frozen=True)
class Signing:
    """How images are signed: by the file of a private key, or by a command that gets the digest on stdin.

    *certificate* is a file with the certificate that the key manager has as *certificate_id*.
    """

    key: str | None
    command: Sequence[str] | None
    passphrase: str | None = field(repr=False)
    certificate: str | None
    certificate_id: str
    hash: str = "SHA-256"

    def __post_init__(self) -> None:
        if bool(self.key) == bool(self.command):
            which = "both are given" if self.key else "neither is given"
            raise GoldsmithError(f"signing_key, signing_command: {which}", hint="an image is signed by one of them")
        if not _UUID.fullmatch(self.certificate_id or ""):
            raise OptionError(
                "signing_certificate_id",
                self.certificate_id,
                "not a uuid",
                hint="give the id that the key manager has for the certificate, the end of its address",
            )
        if self.hash not in HASH_METHODS:
            raise OptionError("signing_hash", self.hash, f"not one of {', '.join(HASH_METHODS)}")
        if self.command and not self.certificate:
            raise GoldsmithError(
                "signing_certificate is missing",
                hint="with signing_command it is needed to verify what the command returns",
            )
        if self.command and self.passphrase:
            raise GoldsmithError("signing_passphrase is for signing_key only", hint="the command has to get its own")


class Signer:
    """Signs the digests of images, and knows its own signatures again.

    *patience* is the number of seconds that a command may take.
    """

    def __init__(self, signing: Signing, runner: Runner, *, patience: float = _PATIENCE) -> None:
        if CRYPTOGRAPHY_MISSING:
            raise GoldsmithError(missing_required_lib("cryptography"), exception=CRYPTOGRAPHY_MISSING)
        self._signing, self._runner, self._patience = signing, runner, patience
        self._hash: hashes.HashAlgorithm = getattr(hashes, signing.hash.replace("-", ""))()
        self._key = _private_key(signing.key, signing.passphrase) if signing.key else None
        self._certificate = _certificate(signing.certificate) if signing.certificate else None
        self._public = self._certificate.public_key() if self._certificate else self._key.public_key()
        source = ("signing_key", signing.key) if signing.key else ("signing_certificate", signing.certificate)
        if self._key and _der(self._key.public_key()) != _der(self._public):
            raise OptionError(
                "signing_certificate",
                signing.certificate,
                f"is not the certificate of signing_key={signing.key}",
                hint="give the certificate that was made for this key",
            )
        self._key_type = _key_type(self._public, *source)

    @property
    def digest_name(self) -> str:
        """The name in hashlib of the digest that is signed."""
        return self._hash.name

    def properties(self, digest: bytes) -> dict[str, str]:
        """Return the properties that make an image with that digest a signed one; they were verified."""
        self._check_dates()
        signature = self._signed(digest) if self._key else self._commanded(digest)
        if not self._verifies(signature, digest):
            raise OptionError(
                "signing_key", self._signing.key, "makes signatures that do not verify; the key is damaged"
            )
        return {
            SIGNATURE: base64.b64encode(signature).decode(),
            HASH_METHOD: self._signing.hash,
            KEY_TYPE: self._key_type,
            CERTIFICATE_ID: self._signing.certificate_id,
        }

    def accepts(self, properties: Mapping[str, Any], digest: bytes) -> bool:
        """Return whether *properties* have a signature of that digest by our key, under our certificate."""
        expected = {
            HASH_METHOD: self._signing.hash,
            KEY_TYPE: self._key_type,
            CERTIFICATE_ID: self._signing.certificate_id,
        }
        if any(properties.get(name) != value for name, value in expected.items()):
            return False
        signature = _decoded(str(properties.get(SIGNATURE) or "").encode())
        return bool(signature) and self._verifies(signature, digest)

    def _signed(self, digest: bytes) -> bytes:
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(digest, self._pss(), utils.Prehashed(self._hash))
        return self._key.sign(digest, ec.ECDSA(utils.Prehashed(self._hash)))

    def _commanded(self, digest: bytes) -> bytes:
        output = self._output(digest)
        for signature in self._readings(output):
            if self._verifies(signature, digest):
                return signature
        raise self._wrong(*self._mistake(output, digest))

    def _readings(self, output: bytes) -> Iterator[bytes]:
        """Yield what the output of a command may mean: itself, its base64, a signature of an HSM."""
        for signature in (output, _decoded(output)):
            if signature:
                yield signature
                # The two numbers of an ECDSA signature, without the structure around them.
                if isinstance(self._public, ec.EllipticCurvePublicKey) and len(signature) % 2 == 0:
                    half = len(signature) // 2
                    if half == (self._public.curve.key_size + 7) // 8:
                        numbers = (signature[:half], signature[half:])
                        yield utils.encode_dss_signature(*(int.from_bytes(number, "big") for number in numbers))

    def _output(self, digest: bytes) -> bytes:
        """Return what the command says when it gets the digest."""
        command = self._signing.command or ()
        process = self._runner.start(command, stdin=True)
        late = threading.Event()

        def end() -> None:
            late.set()
            self._runner.stop(process)

        complaint = b""

        def listen() -> None:
            nonlocal complaint
            while block := process.stderr.read1(_LONGEST_OUTPUT):
                complaint = (complaint + block)[-_LONGEST_OUTPUT:]

        listener = threading.Thread(target=listen, daemon=True)
        timer = threading.Timer(self._patience, end)
        timer.daemon = True
        timer.start()
        try:
            listener.start()
            try:
                process.stdin.write(digest)
                process.stdin.close()
            except BrokenPipeError:
                pass  # its exit status says why
            output = process.stdout.read(_LONGEST_OUTPUT)
            status = None if len(output) == _LONGEST_OUTPUT else process.wait()
        finally:
            timer.cancel()
            self._runner.stop(process)
            listener.join()
            process.stdout.close()
            process.stderr.close()
        return self._judged(output, status, complaint.decode("utf-8", "replace"), late.is_set())

    def _judged(self, output: bytes, status: int | None, complaint: str, late: bool) -> bytes:
        if late:
            raise self._wrong(f"was stopped after {self._patience:g} s without a signature")
        if status is None:
            raise self._wrong(f"wrote more than {_LONGEST_OUTPUT >> 10} KiB, which is no signature")
        if status != 0:
            lines = [line.strip() for line in complaint.splitlines() if line.strip()]
            raise self._wrong(f"failed with exit status {status}: {(lines or ['no output'])[-1]}")
        if not output:
            raise self._wrong("returned nothing instead of a signature")
        return output

    def _mistake(self, output: bytes, digest: bytes) -> tuple[str, str]:
        """Return what is wrong with the output of a command that does not verify, and the remedy."""
        again = hashlib.new(self.digest_name, digest).digest()
        for signature in self._readings(output):
            if self._verifies(signature, again):
                return "signs a hash of the digest", "it has to sign the digest that it gets, without hashing it again"
            if isinstance(self._public, rsa.RSAPublicKey):
                if self._verifies_as(self._pss(padding.PSS.AUTO), signature, digest):
                    return "signs with another length of salt than the maximum, which Glance asks for", (
                        "say rsa_pss_saltlen:max to openssl pkeyutl, --salt-len -2 to pkcs11-tool"
                    )
                if self._verifies_as(padding.PKCS1v15(), signature, digest):
                    return "signs with the padding PKCS #1 v1.5; Glance asks for PSS", (
                        "say rsa_padding_mode:pss to openssl pkeyutl, --mechanism RSA-PKCS-PSS to pkcs11-tool"
                    )
        return (
            f"returned {len(output)} bytes that are no signature of the {self._signing.hash} digest "
            f"by the key of signing_certificate={self._signing.certificate}"
        ), _CONTRACT

    def _verifies(self, signature: bytes, digest: bytes) -> bool:
        if isinstance(self._public, rsa.RSAPublicKey):
            return self._verifies_as(self._pss(), signature, digest)
        return self._verifies_as(None, signature, digest)

    def _verifies_as(self, pad: padding.AsymmetricPadding | None, signature: bytes, digest: bytes) -> bool:
        prehashed = utils.Prehashed(self._hash)
        try:
            if pad:
                self._public.verify(signature, digest, pad, prehashed)
            else:
                self._public.verify(signature, digest, ec.ECDSA(prehashed))
        except InvalidSignature:
            return False
        return True

    def _pss(self, salt: Any = None) -> padding.PSS:
        # The maximum as a number: new libraries take PSS.MAX_LENGTH for any length when they verify, old ones do not.
        longest = padding.calculate_max_pss_salt_length(self._public, self._hash)
        return padding.PSS(mgf=padding.MGF1(self._hash), salt_length=salt or longest)

    def _check_dates(self) -> None:
        # Glance takes no notice of them, Compute does where it validates certificates.
        if not self._certificate:
            return
        now = datetime.datetime.now(datetime.timezone.utc)
        begin, end = (_moment(self._certificate, name) for name in ("not_valid_before", "not_valid_after"))
        if not begin <= now <= end:
            raise OptionError(
                "signing_certificate",
                self._signing.certificate,
                f"is valid from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, which is not now",
                hint="sign with a certificate that is valid",
            )

    def _wrong(self, what: str, hint: str = _CONTRACT) -> OptionError:
        # Only the name of the program: its other words may be secret.
        program = os.path.basename((self._signing.command or ("",))[0])
        return OptionError("signing_command", program, what, hint=hint)


def _private_key(path: str, passphrase: str | None) -> Any:
    data = _read("signing_key", path)
    try:
        return serialization.load_pem_private_key(data, passphrase.encode() if passphrase else None)
    except TypeError:
        # The library's way to say that one of the two is too much.
        if passphrase:
            raise OptionError(
                "signing_key", path, "is not encrypted", hint="leave out signing_passphrase, or encrypt the key"
            ) from None
        raise OptionError("signing_key", path, "is encrypted", hint="give its signing_passphrase") from None
    except UnsupportedAlgorithm as error:
        raise OptionError("signing_key", path, f"cannot be used: {_first(error)}", hint=f"use {_KINDS}") from None
    except ValueError as error:
        if passphrase and b"ENCRYPTED" in data:
            reason, hint = "cannot be decrypted with signing_passphrase", "check the passphrase"
        else:
            reason, hint = f"not a private key in PEM form ({_first(error)})", "openssl pkcs8 -topk8 converts others"
        raise OptionError("signing_key", path, reason, hint=hint) from None


def _certificate(path: str) -> x509.Certificate:
    data = _read("signing_certificate", path)
    try:
        certificate = x509.load_pem_x509_certificate(data)
        certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise OptionError(
            "signing_certificate",
            path,
            f"not a certificate in PEM form ({_first(error)})",
            hint="openssl x509 -inform DER converts others",
        ) from None
    return certificate


def _key_type(public: Any, option: str, path: str | None) -> str:
    """Return the name that Glance has for this type of key."""
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size < _SMALLEST_RSA:
            raise OptionError(
                option, path, f"is an RSA key of {public.key_size} bits", hint=f"use one of {_SMALLEST_RSA} or more"
            )
        return "RSA-PSS"
    if isinstance(public, ec.EllipticCurvePublicKey):
        if public.curve.name not in _CURVES:
            raise OptionError(option, path, f"uses the curve {public.curve.name}", hint=f"Glance knows {_KINDS}")
        return f"ECC_{public.curve.name.upper()}"
    kind = type(public).__name__.replace("PublicKey", "").lstrip("_")
    raise OptionError(option, path, f"is a key of the type {kind}", hint=f"Glance knows {_KINDS}")


def _read(option: str, path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError as error:
        raise OptionError(option, path, f"cannot be read: {error.strerror or error}") from error


def _decoded(data: bytes) -> bytes:
    """Return what the base64 text stands for; nothing if it is none."""
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _der(public: Any) -> bytes:
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _moment(certificate: x509.Certificate, name: str) -> datetime.datetime:
    # The library before release 42 has them without their time zone.
    aware = getattr(certificate, f"{name}_utc", None)
    return aware or getattr(certificate, name).replace(tzinfo=datetime.timezone.utc)


def _first(error: BaseException) -> str:
    """Return the first sentence of an error of the library."""
    return re.split(r"\. |\n|: \[|, \[", str(error))[0].rstrip(".")[:200] or type(error).__name__
