# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we keep of a folder that we made, beside it: a JSON object in a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import whole_file


def read_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a record says, nothing where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise GoldsmithError(f"{path} is damaged: {error}", hint="remove it and the folder beside it") from None


def write_record(path: str | os.PathLike[str], facts: Mapping[str, Any]) -> None:
    """Write a record, whole or not at all."""
    with whole_file(path) as file:
        file.write_text(json.dumps(facts), encoding="utf-8")
