# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public keys by which packages are verified, as files for the tools that do it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

_BEGIN, _END = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"


def check(keys: Sequence[str]) -> None:
    """Raise OptionError where a text is no key in ASCII armor."""
    for text in keys:
        if not text.strip().startswith(_BEGIN) or not text.strip().endswith(_END):
            shown = " ".join(text.split())[:40]
            raise OptionError("keys", shown, "is no public key of OpenPGP in ASCII armor", hint="gpg --armor --export")


def binary(text: str) -> bytes:
    """Return the bytes of a key, without the armor."""
    lines = text.strip().splitlines()[1:-1]
    # Headers end at an empty line; the last line may be a sum.
    start = next((index for index, line in enumerate(lines) if not line.strip()), -1) + 1
    return base64.b64decode("".join(line for line in lines[start:] if not line.startswith("=")))


def write(keys: Sequence[str], folder: Path) -> list[Path]:
    """Write the keys into a folder, which must be there; return their files, which others may read."""
    paths = []
    for number, text in enumerate(keys):
        path = folder / f"{number}.asc"
        path.write_text(text.strip() + "\n", encoding="ascii")
        paths.append(path)
    return paths
