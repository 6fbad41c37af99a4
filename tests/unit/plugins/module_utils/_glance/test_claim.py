# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import claim

MARK = """
import sys
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import claim
with claim.at_work() as mark:
    print(mark, flush=True)
    sys.stdin.read()
"""


def test_work_of_this_process_is_alive_until_it_ends() -> None:
    with claim.at_work() as mark:
        assert claim.is_dead(mark) is False
        with claim.at_work() as other:
            assert other != mark
    assert claim.is_dead(mark) is True


def test_work_of_another_process_is_dead_when_that_is() -> None:
    process = subprocess.Popen([sys.executable, "-c", MARK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdin
    mark = process.stdout.readline().strip()
    assert claim.is_dead(mark) is False
    process.kill()
    process.wait()
    assert claim.is_dead(mark) is True


def test_a_process_that_has_got_the_number_of_a_dead_one_is_another() -> None:
    with claim.at_work() as mark:
        host, _pid, _start, nonce = mark.split(":")
    assert claim.is_dead(f"{host}:1:0123:{nonce}") is True


@pytest.mark.parametrize("mark", ["", "text", "0123456789abcdef:1:1:1", "a:b:c:d", "::::"])
def test_nothing_is_known_of_other_hosts(mark: str) -> None:
    assert claim.is_dead(mark) is None
