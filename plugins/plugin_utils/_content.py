# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is made from, beside its packages, as digests: our own code, the user's roles, and variables.

These are on the control node only. What no digest can see, such as what a role fetches, is left to an age.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible import constants
from ansible.parsing.splitter import parse_kv

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.publication_variables import PUBLICATION
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.specification import FACTS, SPECIFICATION
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import PREFIX
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest

_HERE = Path(__file__).resolve().parents[2]
# What decides on what we make. Documentation, tests and playbooks do not.
_CODE = ("extensions", "plugins", "roles")
_SKIPPED = ("__pycache__", ".git")
# Ansible's own variables: they say how a host is reached, or stand for the run itself. So does all of ansible_*.
_MAGIC = (
    *("environment", "group_names", "groups", "hostvars", "inventory_dir", "inventory_file", "inventory_hostname"),
    *("inventory_hostname_short", "omit", "play_hosts", "playbook_dir", "role_name", "role_names", "role_path"),
    *("role_uuid", "vars"),
)
# Parts of a definition that change neither the system nor its files.
_OUTSIDE = (
    *("cache", "cache_dir", "cache_max", "cache_roles_age", "directory", "output_dir", "console_log", "environment"),
    *("verify", "verify_again", "other_variables", "proxy", "build_host", "machine", "keep_machine", "layers"),
    *("disk", "kernel_file", "ramdisk", "root", "initramfs"),
    *(variable.name for variable in PUBLICATION if variable.name not in ("properties", "min_disk", "min_ram")),
)
# Parts that decide on the files that are made of the system.
_FILES = (
    "artifacts",
    "compression",
    "derived_properties",
    "formats",
    "hardware",
    "min_disk",
    "min_ram",
    "properties",
    "record",
)
# Parts that decide on what a proof asks.
_ASKED = (
    *("audit", "authorized_keys", "firmwares", "grows", "hardware", "min_ram", "proxy_addresses", "reserved"),
    *("user", "verify"),
)
# Words of tasks behind which a file or a role stands.
_NAMES_A_FILE = ("src", "file", "files", "dir", "vars_files", "include_vars", "ansible.builtin.include_vars")
# Those behind which a role does, and the name of one that nobody knows.
_NAMES_A_ROLE = frozenset(("include_role", "import_role"))
_UNKNOWN = "{{ }}"
_LARGEST_FILE = 64 << 20


def layers(definition: Mapping[str, Any], variables: Mapping[str, Any], axes: Any = None) -> dict[str, str]:
    """Return a digest of what each step of a build adds to the one before, and of the questions of the proof.

    The steps are C(guest), C(roles) and C(artifacts). *variables* are those of the play, and *axes* the data behind the
    names of the definition, which may be files of another collection. C(roles) is empty where a role
    cannot be found, or is named by a template.
    """
    code = digest(_digest_of_files(_HERE, [_HERE / name for name in _CODE]), axes)
    inside = {name: value for name, value in definition.items() if name not in _OUTSIDE}
    system = {name: value for name, value in inside.items() if name not in _FILES}
    known = {*_MAGIC, *FACTS, *(PREFIX + name for name in SPECIFICATION)}
    others = {
        name: value
        for name, value in _variables(variables).items()
        if not name.startswith("ansible_") and name not in known
    }
    # Roles count by what they hold, wherever they lie.
    bare = {name: value for name, value in system.items() if not name.startswith("roles")}
    guest = {name: value for name, value in bare.items() if not name.startswith("name")}
    here = Path(str(variables.get("playbook_dir") or "."))
    roles = [_role(name, here, set()) for name in definition.get("roles_kept", ())]
    # Without roles of the user nothing but the sealing is done.
    done_by_roles = [roles, others, bare] if definition["roles"] else [code]
    asked = {name: definition[name] for name in _ASKED}
    return {
        "guest": digest(code, guest, _with_prefix(others, "openstack_guest_")),
        "roles": digest(done_by_roles) if all(roles) else "",
        "artifacts": digest(code, inside, _with_prefix(others, "disk_image_")),
        "questions": digest(code, asked, _with_prefix(others, "image_verify_")),
    }


def _variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of the play, and those that an inventory has for the system itself."""
    found = dict(variables)
    if "image_system" in variables.get("groups", {}).get("all", ()):
        found["image_system"] = dict(variables["hostvars"].raw_get("image_system"))
    return found


def _with_prefix(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name.startswith(prefix)}


def _role(name: str, here: Path, seen: set[Path], beside: Path | None = None) -> str:
    """Return a digest of a role with the roles and files that it names; empty where one of them is not found.

    *beside* is the folder with the role that names it.
    """
    folder = _role_folder(name, here, beside)
    if folder is None:
        return ""
    if folder in seen:
        return "seen"
    seen.add(folder)
    parts = [_digest_of_files(folder, [folder])]
    for path in (file for file in _inner(folder) if file.suffix in (".yml", ".yaml")):
        for kind, word in _named(_yaml(path)):
            if kind == "role":
                parts.append(_role(word, here, seen, folder.parent))
            else:
                parts += [_digest_of_files(found, [found]) for found in _places(word, folder, here)]
    return digest(parts) if all(parts) else ""


def _role_folder(name: str, here: Path, beside: Path | None) -> Path | None:
    collection, _dot, stem = name.rpartition(".")
    candidates = [here / "roles" / name, *(Path(folder, name) for folder in constants.DEFAULT_ROLES_PATH)]
    candidates += [*([beside / name] if beside else []), here / name, Path(name)]
    if collection.count(".") == 1:
        try:
            module = importlib.import_module(f"ansible_collections.{collection}")
            candidates = [Path(next(iter(module.__path__)), "roles", stem)]
        except (ImportError, StopIteration):
            return None
    return next((folder.resolve() for folder in candidates if folder.is_dir()), None)


def _yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 (a safe loader)
    except (OSError, ValueError, yaml.YAMLError):
        return None  # it is part of the role, and counts by its bytes


def _named(data: Any, word: str = "") -> Iterator[tuple[str, str]]:
    """Yield what tasks name: kind (role or file) and name. That of a role may be a template, which no role has."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            task = key in ("action", "local_action")
            if str(key).rpartition(".")[2] in _NAMES_A_ROLE or (task and _NAMES_A_ROLE.intersection(_words(value))):
                yield "role", _role_name(value) or _role_name(data.get("args")) or _UNKNOWN
            elif key in ("role", "name") and isinstance(value, str):
                # A task has a name too, and only among dependencies is it that of a role.
                if word == "dependencies":
                    yield "role", value
            else:
                yield from _named(value, str(key))
    elif isinstance(data, list):
        for item in data:
            if word == "dependencies" and isinstance(item, str):
                yield "role", item
            else:
                yield from _named(item, word)
    elif isinstance(data, str) and word in _NAMES_A_FILE and "{{" not in data:
        yield "file", data


def _words(value: Any) -> list[str]:
    """Return the words of a task that was written in one line, or whose module is one of its options."""
    text = value.get("module", "") if isinstance(value, Mapping) else value
    return [word.rpartition(".")[2] for word in str(text).split()]


def _role_name(options: Any) -> str:
    """Return the name among the options of include_role, which may stand in one line."""
    if isinstance(options, str):
        options = parse_kv(options)
    return str(options.get("name") or options.get("role") or "") if isinstance(options, Mapping) else ""


def _places(word: str, role: Path, here: Path) -> list[Path]:
    """Return the files outside a role that a name in it may stand for."""
    bases = [here, here / "files", here / "templates", here / "vars", here / "tasks"]
    # What a word names may lie on the target only, where this account may not even look.
    found = [path for path in (base / word for base in bases) if os.path.exists(path)]
    return [path for path in found if role not in path.resolve().parents]


def _digest_of_files(base: Path, paths: list[Path]) -> str:
    """Return a digest of files by name, mode and content. A large one counts by its size and time, and so does
    one that only others may read."""
    found = hashlib.sha256()
    for path in paths:
        for file in _inner(path):
            status = file.stat()
            name = os.fspath(file.relative_to(base)) if file != base else file.name
            found.update(os.fsencode(f"{name} {status.st_mode & 0o111:o} {status.st_size}\n"))
            large = status.st_size > _LARGEST_FILE or not os.access(file, os.R_OK)
            found.update(str(status.st_mtime_ns).encode() if large else file.read_bytes())
    return found.hexdigest()


def _inner(path: Path) -> list[Path]:
    """Return the files in a folder, and in those that it has links to; a file stands for itself."""
    if not path.is_dir():
        return [path] if path.is_file() else []
    found: list[Path] = []
    for folder, folders, names in os.walk(path, followlinks=True):
        here = Path(os.path.realpath(folder))
        # A link may lead to where it lies.
        folders[:] = [
            name for name in folders if name not in _SKIPPED and not here.is_relative_to(Path(folder, name).resolve())
        ]
        found += [Path(folder, name) for name in names if not name.endswith(".pyc")]
    return sorted(file for file in found if file.is_file() and not _is_documentation(file))


def _is_documentation(file: Path) -> bool:
    # A role may bring a file of this name into the image.
    return file.name == "README.md" and not {"files", "templates"} & set(file.parts)


class _Loader(yaml.SafeLoader):
    """Takes tags such as !vault as plain text."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: str(node.value))
