# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public keys by which packages are verified, as files for the tools that do it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

_BEGIN, _END = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"
_CRC_START, _CRC_POLYNOMIAL = 0xB704CE, 0x1864CFB


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


def laid_out(lines: Sequence[str], keyrings: Sequence[tuple[str, str]], folder: Path) -> tuple[str, ...]:
    """Write keyrings of a tree, paths and texts, into a folder; return lines of apt that name them there."""
    for path, text in keyrings:
        file = folder / Path(path).name
        file.write_text(text, encoding="ascii")
        lines = [re.sub(rf"(signed-by={re.escape(path)})(?=[\s,\]])", f"signed-by={file}", line) for line in lines]
    return tuple(lines)


def armored(data: bytes) -> str:
    """Return the keys of a file, binary or in ASCII armor, as one text in armor; raise ValueError where it has none."""
    text = data.decode("utf-8", "replace")
    if blocks := re.findall(rf"{_BEGIN}.*?{_END}", text, re.DOTALL):
        try:
            data = b"".join(map(binary, blocks))
        except binascii.Error as error:
            raise ValueError(f"is damaged: {error}") from error
    # A packet of OpenPGP with a public key: tag 6, in the old or the new form
    if not data or data[0] not in (0x98, 0x99, 0x9A, 0xC6):
        raise ValueError("is no public key of OpenPGP")
    words = base64.b64encode(data).decode("ascii")
    lines = [words[start : start + 64] for start in range(0, len(words), 64)]
    total = base64.b64encode(_crc24(data).to_bytes(3, "big")).decode("ascii")
    return "\n".join([_BEGIN, "", *lines, f"={total}", _END]) + "\n"


def _crc24(data: bytes) -> int:
    # As RFC 4880 has it; older programs refuse armor without it.
    value = _CRC_START
    for byte in data:
        value ^= byte << 16
        for _bit in range(8):
            value <<= 1
            if value & 0x1000000:
                value ^= _CRC_POLYNOMIAL
    return value


def write(keys: Sequence[str], folder: Path) -> list[Path]:
    """Write the keys into a folder, which must be there; return their files, which others may read."""
    paths = []
    for number, text in enumerate(keys):
        path = folder / f"{number}.asc"
        path.write_text(text.strip() + "\n", encoding="ascii")
        paths.append(path)
    return paths
