# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Refused
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.route import (
    Offer,
    Route,
    Transport,
    check,
    offer,
    route,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

ALL = ("glance-direct", "web-download", "copy-image")
STORES = ({"id": "fast", "default": "true"}, {"id": "cheap"}, {"id": "web", "read-only": "true"})


class Answer:
    def __init__(self, body: Any) -> None:
        self._body = body

    def json(self) -> Any:
        return json.loads(json.dumps(self._body))


class FakeCloud:
    """A cloud that tells what it offers; None where it does not know the question."""

    label = "here"

    def __init__(self, methods: Sequence[str] | None, stores: Sequence[dict[str, str]] | None) -> None:
        self.information = {
            "/info/import": None if methods is None else {"import-methods": {"type": "array", "value": methods}},
            "/info/stores": None if stores is None else {"stores": stores},
        }
        self.asked: list[str] = []

    def image_request(self, method: str, path: str, **_more: Any) -> Answer:
        self.asked.append(f"{method} {path}")
        if self.information[path] is None:
            raise Refused(f"{path}: 404", status=404)
        return Answer(self.information[path])


def glance(methods: Sequence[str] | None = ALL, stores: Sequence[dict[str, str]] | None = STORES) -> Glance:
    return Glance(FakeCloud(methods, stores))  # type: ignore[arg-type]


def test_stores_that_cannot_be_written_are_not_on_offer() -> None:
    assert offer(glance()) == Offer(("glance-direct", "web-download", "copy-image"), ("fast", "cheap"))
    assert offer(glance(None, None)) == Offer((), ())


@pytest.mark.parametrize("transport", [Transport(), Transport("put")])
def test_the_plain_way_asks_nothing(transport: Transport) -> None:
    there = glance()
    assert route(there, transport) == Route("put")
    assert there.cloud.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("transport", "methods", "expected"),
    [
        (Transport(stores=("cheap",)), ALL, Route("put", ("cheap",))),
        (Transport(stores=("cheap", "cheap")), None, Route("put", ("cheap",))),
        # Copies are for administrators as a rule: only where there is nothing else.
        (Transport(stores=("cheap", "fast")), ALL, Route("glance-direct", ("cheap", "fast"))),
        (Transport(stores=("cheap", "fast")), ["copy-image"], Route("put", ("cheap",), ("fast",))),
        (Transport("put", stores=("cheap", "fast")), ALL, Route("put", ("cheap",), ("fast",))),
        (Transport("glance-direct"), ALL, Route("glance-direct")),
        (Transport(uri="https://example.org/disk"), ALL, Route("web-download")),
    ],
)
def test_the_way_is_what_the_cloud_can_do(transport: Transport, methods: list[str] | None, expected: Route) -> None:
    assert route(glance(methods), transport) == expected


@pytest.mark.parametrize(
    ("transport", "methods", "words"),
    [
        (Transport("scp"), ALL, "import_method=scp: unknown; known: auto, put, glance-direct, web-download"),
        (Transport("web-download"), ALL, "import_method=web-download: needs an address; set import_uri"),
        (Transport(uri="ftp://x"), ALL, "import_uri=ftp://x: neither http:// nor https://"),
        (Transport("put", "http://x"), ALL, "import_uri=http://x: is of no use with import_method=put"),
        (Transport("glance-direct"), [], "import_method=glance-direct: cloud here offers none; use put"),
        (Transport(uri="http://x"), ["copy-image"], "import_method=web-download: cloud here offers copy-image"),
        (Transport(stores=("web",)), ALL, "stores=web: cloud here can write to fast, cheap"),
        (Transport(stores=("fast", "cheap")), [], "stores=cheap: cloud here makes no copies .* offers none"),
        (Transport("put", stores=("fast", "cheap")), ALL[:2], "stores=cheap: .* glance-direct, web-download"),
    ],
)
def test_what_cannot_be_is_one_line(transport: Transport, methods: list[str], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        check(glance(methods), transport)


def test_a_choice_of_stores_needs_stores() -> None:
    with pytest.raises(OptionError, match="stores=fast: cloud here has no choice of stores; leave it out"):
        check(glance(stores=None), Transport(stores=("fast",)))


def test_only_not_found_means_that_there_is_nothing() -> None:
    there = glance()

    def refuse(*_words: str) -> None:
        raise Refused("no", status=403)

    there.cloud.image_request = refuse  # type: ignore[method-assign,assignment]
    with pytest.raises(Refused):
        offer(there)
