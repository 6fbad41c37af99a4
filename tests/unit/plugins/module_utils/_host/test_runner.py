# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner: what programs get, what they leave, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.processes import nothing_outlives_killed_callers
from helpers.waiting import PATIENCE, wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramError, Runner, find_program


def sh(text: str) -> list[str]:
    return ["sh", "-c", text]


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_gone(pid: int) -> None:
    wait_for(lambda: gone(pid))


def test_a_careful_umask_of_the_host_is_not_that_of_programs(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        Runner().run(["touch", tmp_path / "file"])
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_output_and_status() -> None:
    result = Runner().run(sh("echo out; echo err >&2; exit 3"), check=False)
    assert (result.rc, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert result.last_line == "err"


def test_words_reach_the_program_as_they_are() -> None:
    words = ["a b", "$HOME", "*", "", "; false"]
    assert Runner().run(["printf", "%s\\n", *words]).stdout == "".join(f"{word}\n" for word in words)


def test_locale_is_fixed_and_system_programs_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_MESSAGES", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    monkeypatch.setenv("PATH", "/usr/bin")
    lines = Runner({"EXTRA": "1"}).run(["env"], environment={"MORE": "2"}).stdout.splitlines()
    assert {"LC_ALL=C.UTF-8", "EXTRA=1", "MORE=2"} <= set(lines)
    assert not [line for line in lines if line.startswith(("LANG", "LC_MESSAGES"))]
    assert [line for line in lines if line.startswith("PATH=") and line.endswith("/sbin:/bin")]


def test_stdin_is_what_was_given_or_nothing() -> None:
    assert Runner().run(["cat"]).stdout == ""
    assert Runner().run(["cat"], stdin="text").stdout == "text"
    assert Runner().run(["wc", "-c"], stdin=b"\0" * 300000).stdout.strip() == "300000"


def test_a_program_that_does_not_read_its_stdin_is_no_error() -> None:
    assert Runner().run(["true"], stdin=b"x" * 1000000).rc == 0


def test_lines_come_while_the_program_runs(tmp_path: Path) -> None:
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        (tmp_path / line).touch()

    program = f"printf '10%%\\r20%%\\r'; until [ -e '{tmp_path}/20%' ]; do sleep 0.02; done; echo last; printf rest"
    Runner().run(sh(program), on_line=hear, timeout=PATIENCE)
    assert heard == ["10%", "20%", "last", "rest"]


def test_a_character_that_comes_in_two_parts_stays_whole() -> None:
    heard: list[str] = []
    result = Runner().run(sh(r"printf '\303'; sleep 0.1; printf '\244\n'"), on_line=heard.append)
    assert (result.stdout, heard) == ("\u00e4\n", ["\u00e4"])


def test_failure_is_one_line_with_all_facts() -> None:
    with pytest.raises(ProgramError) as caught:
        Runner().run(sh("echo out; echo first >&2; echo last >&2; exit 4"))
    assert str(caught.value) == "sh failed with exit status 4: last"
    assert caught.value.facts["rc"] == 4
    assert caught.value.facts["stdout"] == "out\n"
    assert caught.value.result.stderr == "first\nlast\n"


def test_a_missing_program_is_named_with_the_remedy() -> None:
    with pytest.raises(GoldsmithError, match=r"^the program no-such-tool is not installed; .*build_host"):
        Runner().run(["no-such-tool", "--version"])


def test_a_program_s_own_127_is_not_taken_for_a_missing_one() -> None:
    assert Runner().run(sh("exit 127"), check=False).rc == 127


def test_time_limit_ends_the_program_and_its_children() -> None:
    begin = time.monotonic()
    with pytest.raises(GoldsmithError, match=r"^sh was stopped after 0\.5 s") as caught:
        Runner().run(sh("sleep 60 & echo $!; wait"), timeout=0.5)
    assert time.monotonic() - begin < 50
    wait_until_gone(int(str(caught.value.facts["stdout"])))


def test_nothing_outlives_a_caller_that_is_killed_at_once() -> None:
    nothing_outlives_killed_callers()


def test_nothing_outlives_a_killed_caller() -> None:
    code = (
        "import sys; sys.path[:0] = eval(sys.argv[1])\n"
        "from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner\n"
        "Runner().run(['sh', '-c', 'echo $$; exec sleep 60'], on_line=lambda line: print(line, flush=True))\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", code, repr(sys.path)], stdout=subprocess.PIPE, text=True)
    assert caller.stdout is not None
    pid = int(caller.stdout.readline())
    assert not gone(pid)
    caller.kill()
    caller.wait()
    wait_until_gone(pid)


def test_a_program_that_leaves_a_child_with_its_pipes_does_not_hang() -> None:
    result = Runner().run(sh("sleep 1000 & echo $!"))
    wait_until_gone(int(result.stdout))


def test_started_programs_are_ended_by_stop() -> None:
    process = Runner().start(["sleep", "60"])
    assert not gone(process.pid)
    Runner.stop(process)
    assert gone(process.pid)
    Runner.stop(process)


def test_stderr_may_be_a_file_of_the_caller(tmp_path: Path) -> None:
    with (tmp_path / "said").open("wb") as said:
        assert Runner().start(sh("echo err >&2"), stderr=said).wait() == 0
    assert (tmp_path / "said").read_text() == "err\n"


def test_a_descriptor_can_be_handed_down(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        result = Runner().run(["cat", f"/proc/self/fd/{descriptor}"], pass_fds=[descriptor])
    finally:
        os.close(descriptor)
    assert result.stdout == "content"


@pytest.mark.parametrize("path", ["", ":", ".", "bin:", ":/usr/bin", "/usr/bin::/bin", None])
def test_no_program_comes_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    for folder in (tmp_path, tmp_path / "bin"):
        folder.mkdir(exist_ok=True)
        for name in ("setpriv", "true", "only-here"):
            (folder / name).write_text("#!/bin/sh\necho planted\n")
            (folder / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    if path is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", path)
    assert Runner().run(["true"]).stdout == ""
    assert find_program("only-here") is None
    assert (find_program("true") or "").startswith("/")


def test_path_goes_before_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "true").write_text("#!/bin/sh\necho ours\n")
    (tmp_path / "true").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Runner().run(["true"]).stdout == "ours\n"
