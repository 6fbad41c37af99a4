# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the person who builds goes into the image where that is chosen: the way to the network, and public keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import checks
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import LOOPBACK

CHOICES = ("proxy", "ssh_keys")
_PROXIES = ("http_proxy", "https_proxy")
# An instance asks the metadata service itself.
_NEVER = (*LOOPBACK, "169.254.169.254", "fe80::a9fe:a9fe")
_EXCEPTION = re.compile(r"[\w.:*/\[\]-]+", re.ASCII)


def proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies that an environment names, and what goes past them; empty where it names none."""
    found = {name: address for name in _PROXIES if (address := _value(environment, name))}
    if not found:
        return {}
    given = _value(environment, "no_proxy").replace(",", " ").split()
    # Programs know the star only where it stands alone.
    return {**found, "no_proxy": "*" if "*" in given else ",".join(dict.fromkeys([*given, *_NEVER]))}


def proxy_faults(environment: Mapping[str, str]) -> Iterator[str]:
    """Say what keeps the proxies of an environment out of an image. No password of theirs is told."""
    found = proxies(environment)
    if not found:
        yield "the environment of the build names no proxy; set http_proxy or https_proxy, or leave it out"
    for name in found.keys() & set(_PROXIES):
        if fault := _address_fault(found[name]):
            yield f"{name} {fault}"
    if strange := [word for word in found.get("no_proxy", "").split(",") if word and not _EXCEPTION.fullmatch(word)]:
        yield f"no_proxy has {strange[0]!r}, which is no host, domain or network; write these with commas between"


def _value(environment: Mapping[str, str], name: str) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()


def _address_fault(address: str) -> str:
    if checks.url(address):
        return "is not a URL; write it with http:// or https://"
    parts = urlsplit(address)
    if parts.username is not None or parts.password is not None:
        return "has a user or password, which everybody with the image could read; name a proxy without"
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return "is more than the address of a proxy; write it as http://proxy.example:3128"
    host = parts.hostname or ""
    if host in LOOPBACK or host.startswith("127."):
        return f"is {host}, where an instance reaches itself only; name the proxy as the instances reach it"
    return ""


def public_keys(home: Path) -> list[str]:
    """Return the public keys of an account: those that it accepts, or else its own. Read on the control node."""
    files = (home / ".ssh" / "authorized_keys", *sorted((home / ".ssh").glob("id_*.pub")))
    accepted, *own = map(_lines, files)
    return list(dict.fromkeys(accepted or [line for lines in own for line in lines]))


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def key_faults(keys: Iterable[str]) -> Iterator[str]:
    """Say what keeps the public keys of an account out of an image."""
    keys = list(keys)
    if not keys:
        yield (
            "there is no public key in ~/.ssh/authorized_keys or ~/.ssh/id_*.pub; make one (ssh-keygen), or name keys "
            "in image_authorized_keys"
        )
    if bad := [key for key in keys if checks.public_key(key)]:
        yield f"in ~/.ssh the line {bad[0][:40]!r} {checks.public_key(bad[0])}"
