# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary at the end of a run."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.plugin_utils._summary import Summary


def test_steps_in_order_short_ones_as_one_and_the_share_of_ansible() -> None:
    summary = Summary(0.0)
    summary.begin("goldsmith.openstack.chroot_bootstrap : Bootstrap the tree", 1.0)
    summary.hear("localhost", {"elapsed": 38.0})
    summary.begin("Short", 41.0)
    summary.begin("Also short", 41.5)
    summary.begin("Sleep", 42.0)
    summary.hear("localhost", {"delta": "0:00:06.000000"})
    assert summary.lines(50.0, 1.0) == [
        "    40 s  chroot_bootstrap : Bootstrap the tree",
        "   8.0 s  Sleep",
        "   1.0 s  2 shorter steps",
        "    50 s  in all",
        "   6.0 s  of it Ansible and small tasks (12 %)",
    ]


def test_a_short_run_is_told_nothing() -> None:
    summary = Summary(0.0)
    summary.begin("One", 0.1)
    assert summary.lines(0.5, 1.0) == []


def test_loops_add_up_and_hosts_work_side_by_side() -> None:
    summary = Summary(0.0)
    summary.begin("Loop", 0.0)
    summary.hear("a", {"results": [{"delta": "0:00:01.500000"}, {"delta": "0:00:02.500000"}]})
    summary.hear("b", {"elapsed": 3.0})
    assert summary.lines(10.0, 1.0)[-1] == "   6.0 s  of it Ansible and small tasks (60 %)"


def test_no_share_is_told_where_no_module_says_its_time() -> None:
    summary = Summary(0.0)
    summary.begin("Copy", 0.0)
    summary.hear("localhost", {"changed": True, "delta": "unknown", "elapsed": True})
    assert summary.lines(10.0, 1.0) == ["    10 s  Copy", "    10 s  in all"]


def test_artifacts_and_images_with_their_sizes() -> None:
    summary = Summary(0.0)
    summary.begin("Make", 0.0)
    summary.hear("localhost", {"artifacts": [{"path": "dist/x.qcow2", "size": 178 << 20}, "odd"]})
    summary.hear("localhost", {"artifacts": {"raw": {"file": "dist/x.raw", "size": None}}})
    image = {"id": "1234", "name": "x", "disk_format": "ami", "status": "active", "size": 600 << 20}
    summary.hear("localhost", {"images": [image, {"name": "without id"}]})
    assert summary.lines(2.0, 1.0)[-3:] == [
        " 178.0 MiB  dist/x.qcow2",
        "         -  dist/x.raw",
        " 600.0 MiB  1234  ami  x  active",
    ]
