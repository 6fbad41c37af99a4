# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No file ties the project to one place: neither this machine's package sources nor its folders are named."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from helpers.tools import project_files

_HOST = re.compile(r"\b(?:https?|ftp)://(?:[^/@\s'\"]*@)?([A-Za-z0-9.-]+)")
_LOCAL = ("localhost", "127.0.0.1", "ip6-localhost")
# The folders that every system has at its root.
_STANDARD = {
    "bin",
    "boot",
    "dev",
    "etc",
    "home",
    "lib",
    "media",
    "mnt",
    "opt",
    "proc",
    "root",
    "run",
    "sbin",
    "srv",
    "sys",
    "tmp",
    "usr",
    "var",
}


def configuration() -> str:
    """What this machine's apt, pip and uv are told about where packages come from."""
    texts = [_apt_settings(path) for path in Path("/etc/apt").rglob("*") if path.is_file()]
    pip = [sys.executable, "-m", "pip", "config", "list"]
    texts.append(subprocess.run(pip, check=True, stdout=subprocess.PIPE, text=True).stdout)
    names = ("PIP_", "UV_")
    texts += [value for key, value in os.environ.items() if key.startswith(names) or key.lower().endswith("_proxy")]
    return "\n".join(texts)


def hosts(text: str) -> set[str]:
    return {host.lower() for host in _HOST.findall(text)} - set(_LOCAL)


def folders(text: str, checkout: Path) -> set[str]:
    """Folders of this machine alone: the checkout's, those that pip is told, and an unusual one at the root."""
    found = {str(checkout)} | {path.rstrip("/") for path in re.findall(r"file://(/[^\s'\"]+)", text)}
    top = checkout.parts[1]
    if top not in _STANDARD:
        found.add(f"/{top}/")
    return found


def test_no_file_names_a_package_source_or_a_folder_of_this_machine(checkout: Path) -> None:
    text = configuration()
    needles = hosts(text) | folders(text, checkout)
    pattern = re.compile("|".join(rf"(?<![\w.-]){re.escape(needle)}" for needle in sorted(needles)), re.IGNORECASE)
    found = []
    for name in project_files(checkout):
        for number, line in enumerate((checkout / name).read_text(errors="replace").splitlines(), 1):
            found += [f"{name}:{number}: {match}" for match in pattern.findall(line)]
    assert not found


def test_the_sources_of_a_machine_are_seen() -> None:
    assert hosts("deb [signed-by=/x] http://mirror.example/debian trixie main\nURIs: https://u:p@b.example:8080/x") == {
        "mirror.example",
        "b.example",
    }
    assert folders("extra-index-url='file:///srv/wheels'", Path("/data/checkout")) == {
        "/srv/wheels",
        "/data/checkout",
        "/data/",
    }


def _apt_settings(path: Path) -> str:
    lines = [line for line in path.read_text(errors="replace").splitlines() if not line.lstrip().startswith(("#", "/"))]
    if path.suffix in (".list", ".sources"):
        return "\n".join(lines)
    return "\n".join(line for line in lines if "proxy" in line.lower())
