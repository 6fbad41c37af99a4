# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees in layers: the folders, and the words that enter one. Mounts themselves are for the integration tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stack


@pytest.fixture(autouse=True)
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", lambda: ["enter"])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tmp_path / "build" / "tree"


@pytest.fixture
def narrow() -> Iterator[None]:
    """The umask of a careful user."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def lower(tree: Path) -> str:
    """The layers that would be mounted, the uppermost first."""
    words = stack.prefix(str(tree))
    assert words[:4] == ["enter", "sh", "-c", stack._MOUNT]
    assert words[5] == str(tree)
    return words[6]


def test_a_plain_tree_is_what_it_was(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "enter", lambda words: pytest.fail("entered"))
    tree.mkdir(parents=True)
    assert stack.prefix(str(tree)) == ["enter"]
    assert stack.upper(str(tree)) == str(tree)
    stack.enter(str(tree))
    stack.enter(None)


@pytest.mark.usefixtures("narrow")
def test_a_tree_of_nothing(tree: Path) -> None:
    stack.lay(str(tree), [])
    assert stack.layers(str(tree)) == []
    assert lower(tree) == "0"
    # This is the folder whose mode the root of the tree has.
    assert mode(Path(stack.upper(str(tree)))) == 0o755
    assert os.listdir(tree) == os.listdir(stack.upper(str(tree))) == []


def test_layers_are_counted_by_number(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [str(tmp_path / f"layer{number}") for number in range(1, 12)]
    monkeypatch.chdir(tmp_path)
    stack.lay(str(tree), [os.path.basename(place) for place in places])
    assert stack.layers(str(tree)) == places
    assert lower(tree) == "11:10:9:8:7:6:5:4:3:2:1"


def test_what_was_written_becomes_a_layer(tree: Path, tmp_path: Path) -> None:
    stack.lay(str(tree), [])
    for number in (1, 2):
        Path(stack.upper(str(tree)), f"file{number}").touch()
        stack.take_upper(str(tree), str(tmp_path / f"layer{number}"))
        assert os.listdir(tmp_path / f"layer{number}") == [f"file{number}"]
        stack.put_on(str(tree), str(tmp_path / f"layer{number}"))
        assert os.listdir(stack.upper(str(tree))) == []
        assert mode(Path(stack.upper(str(tree)))) == 0o755
    assert stack.layers(str(tree)) == [str(tmp_path / "layer1"), str(tmp_path / "layer2")]
    assert lower(tree) == "2:1:0"


def test_who_has_entered_does_not_enter_again(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = []
    monkeypatch.setattr(namespaces, "enter", entered.append)
    stack.lay(str(tree), [])
    stack.enter(str(tree))
    assert entered == [stack.prefix(str(tree), lock=False)]
    monkeypatch.setattr(os.path, "ismount", lambda path: path == str(tree))
    assert stack.prefix(str(tree)) == ["enter"]
    stack.enter(str(tree))
    assert len(entered) == 1


@pytest.mark.usefixtures("narrow")
def test_a_folder_does_not_inherit(tmp_path: Path) -> None:
    tmp_path.chmod(0o2700)
    if os.geteuid() == 0:
        os.chown(tmp_path, 0, 4711)
        tmp_path.chmod(0o2700)
    stack.make_folder(str(tmp_path / "made"))
    status = (tmp_path / "made").stat()
    assert (status.st_gid, mode(tmp_path / "made")) == (os.getegid(), 0o755)
    with pytest.raises(FileExistsError):
        stack.make_folder(str(tmp_path / "made"))


def fake(folder: Path, name: str, text: str) -> dict[str, str]:
    """An environment in which a program is another one."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_the_layers_are_mounted_before_the_program_runs(tree: Path, tmp_path: Path) -> None:
    environment = fake(tmp_path / "bin", "mount", 'echo "$PWD" "$@"')
    stack.lay(str(tree), [str(tmp_path)])
    # The mark of a kernel that went away while the tree was mounted.
    mark = tree.with_name("tree.layers").joinpath("work", "work", "incompat", "volatile")
    mark.mkdir(parents=True)
    argv = [*stack.prefix(str(tree))[1:], "sh", "-c", 'echo "$PWD" "$1"; exit 3', "sh", "a word"]
    result = subprocess.run(argv, check=False, env=environment, stdout=subprocess.PIPE, text=True)
    mounted, ran = result.stdout.splitlines()
    assert (ran, result.returncode) == ("/ a word", 3)
    folder, *words = mounted.split()
    assert folder == f"{tree}.layers"
    assert words[:4] == ["-t", "overlay", "goldsmith", "-o"] and words[5:] == [str(tree)]
    assert words[4].split(",")[:4] == ["lowerdir=1", "upperdir=upper", "workdir=work", "volatile"]
    assert not mark.exists()


def test_a_refusal_is_told_and_nothing_runs(tree: Path, tmp_path: Path) -> None:
    environment = fake(tmp_path / "bin", "mount", "echo mount: no >&2; exit 32")
    stack.lay(str(tree), [])
    result = subprocess.run(
        [*stack.prefix(str(tree))[1:], "echo", "ran"], check=False, env=environment, capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (125, "")
    assert result.stderr == f"mount: no\ncannot enter the tree {tree}: its layers cannot be mounted\n"


@pytest.mark.parametrize("rc", [0, 1])
def test_whether_it_is_possible_is_tried(tree: Path, rc: int) -> None:
    def answer(argv: list[str]) -> tuple[int, str, str]:
        if "rm" in argv:
            shutil.rmtree(argv[-1])
            return 0, "", ""
        assert argv[: len(stack.prefix(str(tree)))] == stack.prefix(str(tree))
        return rc, "", "mount: no"

    tree.with_name("tree.layers").mkdir(parents=True)  # of a killed run
    assert stack.possible(RecordingRunner(answer), str(tree)) is (rc == 0)
    assert os.listdir(tree.parent) == []


def test_removing_leaves_the_layers(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "layer").mkdir()
    stack.lay(str(tree), [str(tmp_path / "layer")])
    runner = RecordingRunner(lambda argv: subprocess.run(argv[1:], check=True) and None)
    stack.remove(runner, str(tree))
    assert os.listdir(tree.parent) == []
    assert (tmp_path / "layer").is_dir()
