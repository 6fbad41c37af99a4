# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code of ours as a program of its own, to be run behind a prefix that enters namespaces. Floor 1."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import ModuleType

_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from {} import main; main()"


def install(folder: Path, *modules: ModuleType) -> list[str]:
    """Write modules into a folder; return the words that run main() of the first, to be followed by its arguments.

    They may import each other and the standard library, and nothing else: a module may have come in an archive that
    is out of sight behind the prefix.
    """
    for module in modules:
        path = folder.joinpath(*module.__name__.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(inspect.getsource(module), encoding="utf-8")
    return [sys.executable, "-I", "-S", "-B", "-c", _START.format(modules[0].__name__), str(folder)]
