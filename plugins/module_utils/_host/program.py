# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code of ours as a program of its own, to be run behind a prefix that enters namespaces.

Its sources are handed over on stdin: a module may lie in an archive, in a folder that is closed to that process, or on
another machine. What follows them there is left for the program to read.
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
size, text = int(sys.argv[1]), b""
with open(0, "rb", buffering=0, closefd=False) as stdin:
    while len(text) < size and (block := stdin.read(size - len(text))):
        text += block
work = json.loads(text)
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


def program(*modules: ModuleType, request: Mapping[str, Any], python: str = "") -> tuple[list[str], str]:
    """Return the argv of a program that calls run(request) of the last module, and what it reads from stdin.

    The modules stand in the order in which they import each other, and import nothing else but the standard library.
    *python* is another Python than ours, by which another machine runs it.
    """
    sources = [(module.__name__, inspect.getsource(module)) for module in modules]
    text = json.dumps({"sources": sources, "request": request})
    return [python or sys.executable, "-I", "-S", "-c", _START, str(len(text))], text
