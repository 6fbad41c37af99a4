# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the repository of a family in a folder: ``python -m helpers.repositories FAMILY FOLDER``."""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers.repositories.families import FAMILIES, make


def main() -> None:
    """Read the command line, make the repository."""
    parser = argparse.ArgumentParser(prog="helpers.repositories", description="Make a test repository of a family.")
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("folder", type=Path, help="a folder that is not there yet")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True)
    make(arguments.family, arguments.folder.resolve())


if __name__ == "__main__":
    main()
