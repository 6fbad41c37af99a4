# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the words of a tool mean for the user."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import tree_request
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request, explain

REQUEST = Request(
    "/tree", "9", "amd64", ("vim",), tool="dnf", repositories=(Repository("base", "http://a.example/os"),)
)
CAUSES = (tree_request.FULL_DISK, tree_request.NO_NAME, tree_request.NO_CONNECTION)


def said(text: str) -> str:
    return str(explain(REQUEST, Result((), 1, text, ""), CAUSES, "Error: "))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "write: No space left on device",
            "path=/tree: the disk is full; free some room there or choose another folder",
        ),
        (
            "Error: Curl error (6): Could not resolve host: a.example",
            "mirror=http://a.example/os: a.example the name cannot be resolved; check mirror and the network",
        ),
        (
            "Failed to connect to 127.0.0.1 port 9 after 0 ms",
            "mirror=http://a.example/os: 127.0.0.1 cannot be reached; check mirror, proxy and the network",
        ),
    ],
)
def test_a_known_cause(text: str, message: str) -> None:
    assert said(f"begin\n{text}\nend\n") == message


def test_what_is_not_known_is_the_line_that_says_most() -> None:
    assert said("begin\nError: it broke\nend\n") == "dnf could not make 9: Error: it broke"
    assert said("begin\nend\n") == "dnf could not make 9: end"
