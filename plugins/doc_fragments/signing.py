# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say how images are signed."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that publishes images."""

    DOCUMENTATION = r"""
options:
  signing_key:
    description: File with the private key (PEM; RSA, or ECDSA on a curve that Glance knows) that signs the image.
    type: path
  signing_command:
    description:
      - Program and arguments that sign, for keys which cannot be read. Gets the digest, as bytes, on its standard input
        and writes the signature. Needs O(signing_certificate).
    type: list
    elements: str
  signing_passphrase:
    description: Passphrase of O(signing_key).
    type: str
  signing_certificate:
    description: File with the certificate (PEM). The signature is verified with it before anything is uploaded.
    type: path
  signing_certificate_id:
    description: Id of the certificate in the key manager of the cloud.
    type: str
  signing_hash:
    description: Hash that is signed.
    type: str
    choices: [SHA-224, SHA-256, SHA-384, SHA-512]
    default: SHA-256
requirements:
  - cryptography, for signatures
"""
