# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code of ours as a program of its own, to be run behind a prefix that enters namespaces.

Its sources are handed over on stdin: a module may lie in an archive, or in a folder that is closed to that process.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

_START = r"""
import json, sys, types
work = json.load(sys.stdin)
def known(name):
    if name not in sys.modules:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = []
        parent, _dot, child = name.rpartition(".")
        if parent:
            setattr(known(parent), child, sys.modules[name])
    return sys.modules[name]
for name, source in work["sources"]:
    module = known(name)
    exec(compile(source, name, "exec"), module.__dict__)
module.run(work["request"])
"""


def program(*modules: ModuleType, request: Mapping[str, Any]) -> tuple[list[str], str]:
    """Return the argv of a program that calls run(request) of the last module, and what it reads from stdin.

    The modules stand in the order in which they import each other, and import nothing else but the standard library.
    """
    sources = [(module.__name__, inspect.getsource(module)) for module in modules]
    return [sys.executable, "-I", "-S", "-c", _START], json.dumps({"sources": sources, "request": request})
