# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates for the signatures of images, and images that are signed with them."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Cloud
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.signature import Signer, Signing
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

_NOW = datetime.datetime.now(datetime.timezone.utc)
_DAY = datetime.timedelta(days=1)
_KINDS = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "weak": lambda: rsa.generate_private_key(65537, 1024),
    "dsa": lambda: dsa.generate_private_key(1024),
    "secp256r1": lambda: ec.generate_private_key(ec.SECP256R1()),
    "secp384r1": lambda: ec.generate_private_key(ec.SECP384R1()),
    "secp521r1": lambda: ec.generate_private_key(ec.SECP521R1()),
}


@dataclass(frozen=True)
class SigningPair:
    """A private key and its certificate, in files, and the id under which the key manager has the certificate."""

    key: Path
    certificate: Path
    certificate_id: str

    @property
    def options(self) -> dict[str, str]:
        """The options of a module that sign with it."""
        return {
            "signing_key": str(self.key),
            "signing_certificate": str(self.certificate),
            "signing_certificate_id": self.certificate_id,
        }


def signing_pair(folder: Path, kind: str, *, passphrase: str | None = None, expired: bool = False) -> SigningPair:
    """Make a key of that kind, and a certificate for it, which bears its id as its name in *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    key: Any = _KINDS[kind]()
    identity = str(uuid.uuid4())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"images {kind}")])
    begin = _NOW - 20 * _DAY
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + (10 if expired else 40) * _DAY)
        .sign(key, hashes.SHA256())
    )
    encryption: Any = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    pair = SigningPair(folder / f"{identity}.key", folder / f"{identity}.pem", identity)
    pair.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return pair


def signer(pair: SigningPair, hash_method: str = "SHA-256", command: tuple[str, ...] | None = None) -> Signer:
    """Who signs with that pair, by its key or by a command."""
    signing = Signing(
        key=None if command else str(pair.key),
        command=command,
        passphrase=None,
        certificate=str(pair.certificate),
        certificate_id=pair.certificate_id,
        hash=hash_method,
    )
    return Signer(signing, Runner())


def upload_by_hand(cloud: Cloud, properties: Mapping[str, str], content: bytes) -> dict[str, Any]:
    """Create an image with these properties and that content, and remove it; return what Glance had of it."""
    identity = str(uuid.uuid4())
    form = {"id": identity, "name": "signed", "disk_format": "ami", "container_format": "ami"}
    cloud.image_request("POST", "/images", json={**form, **properties})
    try:
        headers = {"Content-Type": "application/octet-stream", "Accept": ""}
        cloud.image_request("PUT", f"/images/{identity}/file", data=content, headers=headers)
        return cloud.image_request("GET", f"/images/{identity}").json()
    finally:
        cloud.image_request("DELETE", f"/images/{identity}")
