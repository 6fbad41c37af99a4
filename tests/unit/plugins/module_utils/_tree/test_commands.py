# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps in a tree: their order, their limits and what is asked before."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramTimeout
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import commands
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.commands import Work


@pytest.fixture(autouse=True)
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", list)


def run(runner: RecordingRunner, tree: Path, work: Work, *, check: bool = False) -> dict:
    return commands.run_in_tree(runner, str(tree), work, check_mode=check)


def test_each_step_is_entered_on_its_own(tmp_path: Path) -> None:
    runner = RecordingRunner(lambda argv: (0, f"out of {argv[-1]}\n", "err\n"))
    result = run(runner, tmp_path, Work((("one",), ("two", "words")), timeout=5))
    assert [call[-1] for call in runner.calls] == ["one", "words"]
    assert [options["timeout"] for options in runner.options] == [5, 5]
    assert [entry["cmd"] for entry in result["results"]] == [["one"], ["two", "words"]]
    assert (result["changed"], result["rc"], result["stdout"], result["stderr"]) == (True, 0, "out of words", "err")


def test_the_first_failure_ends_it(tmp_path: Path) -> None:
    runner = RecordingRunner(lambda argv: (3, "", "why\n") if argv[-1] == "two" else None)
    with pytest.raises(GoldsmithError, match=r"^two failed in the tree with exit status 3: why$") as caught:
        run(runner, tmp_path, Work((("one",), ("two",), ("three",))))
    assert [entry["rc"] for entry in caught.value.facts["results"]] == [0, 3]
    assert caught.value.facts["rc"] == 3
    assert len(runner.calls) == 2


def test_after_the_time_limit_the_tree_is_put_in_order(tmp_path: Path) -> None:
    class Slow(RecordingRunner):
        def run(self, argv, **options):
            result = super().run(argv, **options)
            if argv[-1] == "slow":
                raise ProgramTimeout("unshare was stopped after 2 s", stdout="so far")
            return result

    runner = Slow()
    with pytest.raises(GoldsmithError, match=r"^slow was killed in the tree after 2 s$") as caught:
        run(runner, tmp_path, Work((("slow",), ("next",)), timeout=2))
    assert caught.value.facts["stdout"] == "so far"
    assert [call[-1] for call in runner.calls] == ["slow", "true"]


def test_a_folder_to_run_in_is_one_word(tmp_path: Path) -> None:
    runner = RecordingRunner()
    run(runner, tmp_path, Work((("pwd",),), chdir="/a b; x"))
    assert runner.calls[0][-2:] == ["/a b; x", "pwd"]


@pytest.mark.parametrize(
    ("work", "there", "runs"),
    [
        ({"creates": "/name"}, True, False),
        ({"creates": "/name"}, False, True),
        ({"removes": "/name"}, True, True),
        ({"removes": "/name"}, False, False),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_conditions(tmp_path: Path, work: dict, there: bool, runs: bool, check: bool) -> None:
    runner = RecordingRunner(lambda argv: (0 if there else 1, "", "") if "/name" in argv else None)
    result = run(runner, tmp_path, Work((("program",),), **work), check=check)
    assert result["changed"] is runs
    assert any(call[-1] == "program" for call in runner.calls) is (runs and not check)
    if not runs:
        assert result["msg"] == f"skipped, since /name {'exists' if there else 'does not exist'}"
    elif check:
        assert result["msg"] == "would run: program"


def test_check_mode_knows_a_tree(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is not a folder"):
        run(RecordingRunner(), tmp_path / "none", Work((("x",),)), check=True)


def test_images_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "qcow2").write_bytes(b"QFI\xfb" + bytes(600))
    for name, said in (
        ("none", "image=.*none: is not a file"),
        ("qcow2", "is a qcow2 image; convert it"),
    ):
        with pytest.raises(OptionError, match=said):
            commands.run_in_image(
                RecordingRunner(), str(tmp_path / name), Work((("x",),)), partition=None, check_mode=True
            )


def test_a_partition_must_be_one(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(8192))
    parts = ", ".join(f'{{"node": "{path}{n}", "start": {n}, "size": 1, "type": "83"}}' for n in (1, 2))
    table = f'{{"partitiontable": {{"label": "dos", "id": "0x1", "device": "{path}", "partitions": [{parts}]}}}}'
    runner = RecordingRunner(lambda argv: (0, table, "") if argv[0] == "sfdisk" else None)
    for number in (None, 3):
        with pytest.raises(OptionError, match=f"partition={number}: does not select one partition"):
            commands.run_in_image(runner, str(path), Work((("x",),)), partition=number, check_mode=False)
    assert path.read_bytes() == bytes(8192)
