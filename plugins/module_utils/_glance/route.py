# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way that data takes into a cloud: what the user asks for, and what the cloud offers."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Refused
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

METHODS = ("auto", "put", "glance-direct", "web-download")


@dataclass(frozen=True)
class Transport:
    """What the user asks for.

    *uri* is where the cloud itself can fetch the data, *stores* are those that shall hold it: none for the cloud's own
    choice.
    """

    method: str = "auto"
    uri: str | None = None
    stores: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether every cloud can do it."""
        return self.method in ("auto", "put") and self.uri is None and not self.stores


@dataclass(frozen=True)
class Offer:
    """The ways of import of a cloud, and its stores that can be written to."""

    methods: tuple[str, ...]
    stores: tuple[str, ...]


@dataclass(frozen=True)
class Route:
    """What is done: *method* brings the data into *stores*, a copy within the cloud into *copies*."""

    method: str = "put"
    stores: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()


def offer(glance: Glance) -> Offer:
    """Ask the cloud what it offers; one that does not know the question offers nothing."""
    imports = _information(glance, "import").get("import-methods") or {}
    stores = _information(glance, "stores").get("stores") or []
    writable = [store["id"] for store in stores if str(store.get("read-only", "")).lower() != "true"]
    return Offer(tuple(imports.get("value") or ()), tuple(writable))


def check(glance: Glance, transport: Transport) -> None:
    """Refuse what this cloud does not offer, before anything is made there."""
    route(glance, transport)


def route(glance: Glance, transport: Transport) -> Route:
    """Return how the data gets into this cloud."""
    _require_sense(transport)
    if transport.plain:
        return Route()
    offered = offer(glance)
    stores = tuple(dict.fromkeys(transport.stores))
    require_stores(glance, offered, stores)
    method = _method(glance, transport, offered, stores)
    if method != "put":
        if method not in offered.methods:
            raise OptionError(
                "import_method", method, f"cloud {glance.cloud.label} offers {_listed(offered.methods)}", hint="use put"
            )
        return Route(method, stores)
    if stores[1:]:
        require_copies(glance, offered, stores[1:])
    return Route("put", stores[:1], stores[1:])


def require_stores(glance: Glance, offered: Offer, stores: tuple[str, ...]) -> None:
    """Refuse a store that the cloud has not."""
    label = glance.cloud.label
    for store in stores:
        if not offered.stores:
            raise OptionError("stores", store, f"cloud {label} has no choice of stores", hint="leave it out")
        if store not in offered.stores:
            raise OptionError("stores", store, f"cloud {label} can write to {_listed(offered.stores)}")


def require_copies(glance: Glance, offered: Offer, stores: tuple[str, ...]) -> None:
    """Refuse copies within a cloud that does not make any."""
    if "copy-image" not in offered.methods:
        raise OptionError(
            "stores",
            ",".join(stores),
            f"cloud {glance.cloud.label} makes no copies between stores, it offers {_listed(offered.methods)}",
        )


def _require_sense(transport: Transport) -> None:
    if transport.method not in METHODS:
        raise OptionError("import_method", transport.method, f"unknown; known: {', '.join(METHODS)}")
    if transport.uri is None:
        if transport.method == "web-download":
            raise OptionError("import_method", transport.method, "needs an address", hint="set import_uri")
        return
    if transport.method not in ("auto", "web-download"):
        raise OptionError("import_uri", transport.uri, f"is of no use with import_method={transport.method}")
    if not transport.uri.startswith(("http://", "https://")):
        raise OptionError("import_uri", transport.uri, "neither http:// nor https://")


def _method(glance: Glance, transport: Transport, offered: Offer, stores: tuple[str, ...]) -> str:
    if transport.method != "auto":
        return transport.method
    if transport.uri is not None:
        return "web-download"
    if len(stores) < 2:
        return "put"
    # Before copies: by default these are for administrators only, which nobody is told before the first one.
    if "glance-direct" in offered.methods:
        return "glance-direct"
    require_copies(glance, offered, stores[1:])
    return "put"


def _information(glance: Glance, noun: str) -> dict:
    try:
        return glance.cloud.image_request("GET", f"/info/{noun}").json()
    except Refused as error:
        # 404: older than the question, or a single store that has no name.
        if error.status != 404:
            raise
        return {}


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
