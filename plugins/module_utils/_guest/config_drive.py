# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives that a guest reads its data from: ISO images known by their label, that of a config drive is config-2."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import (
    Runner,
    find_program,
    missing_program,
)

LABEL = "config-2"
_MAKERS = ("xorrisofs", "genisoimage", "mkisofs")


def make_config_drive(runner: Runner, documents: Mapping[str, bytes], iso: Path, label: str = LABEL) -> None:
    """Write the *documents*, by their paths, to the ISO image *iso*; they are laid out in a folder beside it."""
    maker = next((name for name in _MAKERS if find_program(name)), None)
    if maker is None:
        raise missing_program(_MAKERS[0])
    content = iso.with_suffix(".d")
    for path, body in documents.items():
        file = content / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    runner.run([maker, "-quiet", "-J", "-R", "-V", label, "-o", iso, content])
