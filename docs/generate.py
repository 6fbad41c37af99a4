# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what follows from the specification of the variables and from the argument specs of the roles.

./goldsmith run python docs/generate.py

That is: the argument spec of the role image, docs/operator/variables.md, and the table in the README of each role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.specification import SPECIFICATION
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import Variable

CHECKOUT = Path(__file__).resolve().parents[1]
ROLES = CHECKOUT / "roles"
_TYPES = {
    "flag": {"type": "bool"},
    "number": {"type": "int"},
    "mapping": {"type": "dict"},
    "records": {"type": "list", "elements": "dict"},
}
_ENTRY_POINTS = {
    "begin": (
        "Check the definition and prepare the build host",
        "Asks the clouds, installs what the build host lacks, "
        "and takes the workspace, which stands in C(image_workspace).",
    ),
    "system": (
        "Make the system and a host of it",
        "By the tasks C(system_*.yml) of O(image_build). Adds the host C(image_system).",
    ),
    "configure": (
        "Configure the system",
        "On the host C(image_system): makes it a guest, runs the user's roles and seals it. What "
        "C(image_begins_at) says that a layer has already is passed over.",
    ),
    "finish": (
        "Make, prove and publish the image",
        "From the system that is configured, or from a machine, to Glance. Gives the workspace back.",
    ),
    "abandon": ("Clean up after a failed build and fail", "For a rescue. Needs the fact C(image_definition)."),
}
_MAIN = (
    "Check the definition of an image and complete it",
    "Leaves the fact C(image_definition), from which the other roles take what they need. Fails with one line for all "
    "values that cannot be used. Lists may be given as words with commas.",
)
_VARIABLES = """# Every variable

A list may be given as words with commas: `-e image_clouds=one,two`. A value that cannot be used, and a name that is
misspelt, ends the run at once with one line that names it, before anything is made.

This page is written by `./goldsmith run python docs/generate.py` from the specification of the variables.
"""


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated file with its text."""
    yield ROLES / "image" / "meta" / "argument_specs.yml", _image_specs()
    yield CHECKOUT / "docs" / "operator" / "variables.md", _variables()
    for path in sorted(ROLES.glob("*/README.md")):
        yield path, _with_table(path)


def _image_specs() -> str:
    options = {variable.variable: _option(variable) for variable in SPECIFICATION.values()}
    points = {"main": (*_MAIN, options), **{name: (*texts, {}) for name, texts in _ENTRY_POINTS.items()}}
    specs = {
        name: {
            "short_description": short,
            "description": long,
            "author": "Goldsmith contributors",
            "options": own,
        }
        for name, (short, long, own) in points.items()
    }
    text = yaml.dump({"argument_specs": specs}, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return f"---\n# Written by docs/generate.py.\n{text}"


class _Dumper(yaml.SafeDumper):
    """Lists stand on one line."""


_Dumper.add_representer(
    list, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)
)


def _option(variable: Variable) -> dict[str, Any]:
    option: dict[str, Any] = {"description": variable.text}
    option.update(_TYPES.get(variable.kind, {"type": "str" if variable.kind == "text" else "raw"}))
    if variable.choices and variable.kind == "text":
        # What is empty is the default.
        option["choices"] = [*([""] if variable.default == "" else []), *variable.choices]
    if variable.fields:
        option["options"] = {one.name: _option(one) for one in variable.fields}
    if variable.default is None:
        option["required"] = True
    elif variable.default not in ("", [], {}):
        option["default"] = variable.default
    return option


def _variables() -> str:
    parts = [_VARIABLES]
    for group in dict.fromkeys(variable.group for variable in SPECIFICATION.values()):
        rows = [
            (f"`{variable.variable}`", _shown(variable), _meaning(variable))
            for variable in SPECIFICATION.values()
            if variable.group == group
        ]
        parts.append(f"## {group}\n\n{_table(rows)}")
    return "\n".join(parts)


def _shown(variable: Variable) -> str:
    if variable.shown:
        return variable.shown if " " in variable.shown else f"`{variable.shown}`"
    return _default(variable.default)


def _meaning(variable: Variable) -> str:
    choices = f" One of {_codes(variable.choices)}." if variable.choices and variable.kind == "text" else ""
    if variable.choices and variable.kind == "words":
        choices = f" Of {_codes(variable.choices)}."
    fields = "".join(f" `{one.name}`: {_meaning(one)}" for one in variable.fields)
    since = "" if variable.since == "1.0.0" else f" Since {variable.since}."
    return variable.text + choices + fields + since


def _with_table(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    spec = yaml.safe_load((path.parent / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    options: dict[str, Any] = {}
    for entry in spec.values():
        options = {**entry.get("options", {}), **options}
    if path.parent.name == "image":
        return text
    rows = [(f"`{name}`", _role_default(option), _plain(option)) for name, option in options.items()]
    table = re.compile(r"(?<=^## What it takes\n\n)(?:\|.*\n)+", re.MULTILINE)
    return table.sub(lambda _match: _table(rows), text, count=1)


def _role_default(option: dict[str, Any]) -> str:
    default = option.get("default", "")
    found = re.fullmatch(r"\{\{ image_definition\.([\w.]+) \| default\(([^()]*)\) \}\}", str(default))
    if not found:
        return "required" if option.get("required") else _default(default)
    variable = f"`image_{found[1]}`" if found[1] in SPECIFICATION else "the definition's"
    return f"{variable}, else {_default(yaml.safe_load(found[2]))}"


def _plain(option: dict[str, Any]) -> str:
    description = option["description"]
    text = description if isinstance(description, str) else " ".join(description)
    choices = f" One of {_codes(option['choices'])}." if option.get("choices") else ""
    fields = f" Each has {_codes(option['options'])}." if option.get("options") else ""
    return re.sub(r"[COVI]\(([^)]*)\)", r"`\1`", " ".join(text.split())) + choices + fields


def _default(value: Any) -> str:
    if value in ("", None) or value == [] or value == {}:
        return "empty"
    if isinstance(value, list):
        return f"`{', '.join(map(str, value))}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _codes(words: Any) -> str:
    return ", ".join(f"`{word}`" for word in words if word != "")


def _table(rows: list[tuple[str, ...]]) -> str:
    lines = [("variable", "default", "meaning"), ("---", "---", "---"), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |\n" for row in lines).replace(
        "| --- | --- | --- |", "|---|---|---|"
    )


def main() -> None:
    for path, text in outputs():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(CHECKOUT)}")


if __name__ == "__main__":
    main()
