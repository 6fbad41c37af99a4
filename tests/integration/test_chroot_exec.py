# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""chroot_exec in real trees and images: what programs see, what they leave, and what a hostile tree cannot do."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.busybox import listing, make_busybox_tree
from helpers.disks import MIB, make_filesystem, tool
from helpers.modules import finish_module, run_module, start_module
from helpers.processes import nothing_outlives_killed_callers
from helpers.users import ordinary_user, run_as, start_as
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import commands

pytestmark = pytest.mark.root
MARKER = "goldsmith-chroot-test"


@pytest.fixture(scope="session")
def busybox_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_busybox_tree(tmp_path_factory.mktemp("busybox") / "tree")


@pytest.fixture
def tree(busybox_tree: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(busybox_tree, tmp_path / "tree", symlinks=True))


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, scratch: Path) -> Iterator[None]:
    """After every test: no mount, no process in the tree, no temporary folder."""
    yield
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    assert not processes(tmp_path)
    assert not list(scratch.glob("goldsmith-chroot-*/*"))


def processes(folder: Path) -> list[str]:
    """The processes whose root or command line has the folder, or that carry the marker."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode("utf-8", "replace")
            root = os.readlink(path / "root")
            state = (path / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        inside = root.startswith(str(folder)) or str(folder) in words or MARKER in words
        if inside and state != "Z" and int(path.name) != os.getpid():
            found.append(f"{path.name} {words}")
    return found


def script(tree: Path, text: str, **more: Any) -> dict[str, Any]:
    return run_module("chroot_exec", {"tree": str(tree), "script": text, **more})


def test_results_and_environment(tree: Path) -> None:
    (tree / "work").mkdir()
    arguments = {"tree": str(tree), "commands": ["echo 'a b'", "sh -c 'pwd; echo $NAME >&2; id -u'"], "chdir": "/work"}
    result = run_module("chroot_exec", {**arguments, "environment": {"NAME": "of the task"}})
    assert result["changed"] is True
    assert [(entry["rc"], entry["stdout"], entry["stderr"]) for entry in result["results"]] == [
        (0, "a b", ""),
        (0, "/work\n0", "of the task"),
    ]
    assert result["results"][0]["cmd"] == ["echo", "a b"]
    assert (result["rc"], result["stdout"], result["stderr"]) == (0, "/work\n0", "of the task")


def test_the_host_environment_stays_outside(tree: Path) -> None:
    environment = {"OS_PASSWORD": "secret", "https_proxy": "http://proxy.example:3128"}
    result = run_module("chroot_exec", {"tree": str(tree), "command": "env"}, environment=environment)
    assert "secret" not in result["stdout"]
    assert "https_proxy=http://proxy.example:3128" in result["stdout"]
    assert "HOME=/root" in result["stdout"]


def test_what_a_program_sees_and_what_stays(tree: Path) -> None:
    before = listing(tree)
    result = script(
        tree,
        "for path in /proc/self/status /sys/class /dev/null /dev/fd/0 /dev/pts/ptmx /run/lock; do"
        " [ -e $path ] || echo missing $path; done; echo x >/dev/null; cat /etc/resolv.conf; cat /usr/sbin/policy-rc.d;"
        " ls -l /usr/sbin/policy-rc.d | cut -c1-10; ls -d /proc/[0-9]* | wc -l",
    )
    lines = result["stdout"].splitlines()
    assert "missing" not in result["stdout"]
    assert Path("/etc/resolv.conf").read_text().strip() in result["stdout"]
    assert "exit 101" in lines
    assert "-rwxr-xr-x" in lines
    assert int(lines[-1]) < 10, "the processes of the host are seen"
    assert listing(tree) == before


@pytest.mark.parametrize("link", ["../run/systemd/resolve/stub-resolv.conf", "/run/resolvconf/resolv.conf"])
def test_names_are_resolved_through_a_link_into_run(tree: Path, link: str) -> None:
    (tree / "etc/resolv.conf").unlink()
    (tree / "etc/resolv.conf").symlink_to(link)
    before = listing(tree)
    assert Path("/etc/resolv.conf").read_text().strip() in script(tree, "cat /etc/resolv.conf")["stdout"]
    assert listing(tree) == before


def test_a_tree_without_resolv_conf_keeps_none(tree: Path) -> None:
    (tree / "etc/resolv.conf").unlink()
    assert Path("/etc/resolv.conf").read_text().strip() in script(tree, "cat /etc/resolv.conf")["stdout"]
    assert not (tree / "etc/resolv.conf").exists()


def test_a_failed_command_ends_the_list(tree: Path) -> None:
    arguments = {"tree": str(tree), "commands": ["echo one", "sh -c 'echo why >&2; exit 125'", "touch /three"]}
    result = run_module("chroot_exec", arguments)
    assert result["failed"] is True
    assert result["msg"] == "sh -c echo why >&2; exit 125 failed in the tree with exit status 125: why"
    assert [entry["rc"] for entry in result["results"]] == [0, 125]
    assert not (tree / "three").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"command": "no-such-program"}, "exit status 127"),
        ({"command": "true", "chdir": "/missing"}, "/missing"),
        ({"script": "x" * 200_000}, "Argument list too long"),
    ],
)
def test_one_line_tells_why(tree: Path, more: dict[str, Any], message: str) -> None:
    result = run_module("chroot_exec", {"tree": str(tree), **more})
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]


@pytest.mark.parametrize("folder", ["/", "/etc/passwd", "missing"])
def test_what_is_no_tree_is_refused(tmp_path: Path, folder: str) -> None:
    for check in (False, True):
        result = run_module("chroot_exec", {"tree": str(tmp_path / folder), "command": "true"}, check=check)
        assert result["failed"] is True
        assert "is not a folder with a root file system" in result["msg"]


def test_creates_and_removes_are_asked_inside(tree: Path) -> None:
    (tree / "there").symlink_to("/etc/resolv.conf")
    (tree / "elsewhere").symlink_to(tree)  # exists on the host, not inside
    arguments = {"tree": str(tree), "command": "touch /made"}
    before = listing(tree)
    for more, changed in (
        ({"creates": "/there"}, False),
        ({"creates": "/elsewhere"}, True),
        ({"removes": "/there"}, True),
        ({"removes": "/elsewhere"}, False),
    ):
        checked = run_module("chroot_exec", {**arguments, **more}, check=True)
        assert checked["changed"] is changed, more
        assert listing(tree) == before
        assert run_module("chroot_exec", {**arguments, **more})["changed"] is changed, more
        assert (tree / "made").exists() is changed
        (tree / "made").unlink(missing_ok=True)


def test_check_mode_runs_nothing(tree: Path) -> None:
    before = listing(tree)
    result = run_module("chroot_exec", {"tree": str(tree), "script": "touch /made"}, check=True)
    assert result["changed"] is True
    assert listing(tree) == before


def test_the_times_of_folders_change_by_the_program_alone(tree: Path) -> None:
    os.utime(tree / "usr/sbin", ns=(10**18, 10**18))
    assert script(tree, "[ -e /usr/sbin/policy-rc.d ]")["rc"] == 0
    assert (tree / "usr/sbin").stat().st_mtime_ns == 10**18
    assert script(tree, "sleep 1; touch /usr/sbin/made")["rc"] == 0
    assert (tree / "usr/sbin").stat().st_mtime_ns != 10**18


def test_what_is_left_running_is_killed(tree: Path) -> None:
    result = script(tree, f"setsid sh -c 'sleep 1000; : {MARKER}' >/dev/null 2>&1 & echo started")
    assert result["stdout"] == "started"
    assert not processes(tree)


def test_the_time_limit_ends_all_and_leaves_nothing(tree: Path) -> None:
    before = listing(tree)
    began = time.monotonic()
    result = script(tree, "echo begun; setsid sleep 1000 & trap '' TERM; sleep 1000", timeout=0.5)
    assert time.monotonic() - began < 60
    assert result["failed"] is True
    assert "was killed in the tree after 0.5 s" in result["msg"]
    assert not processes(tree)
    assert listing(tree) == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_module_leaves_no_process_and_no_mount(tree: Path, number: int) -> None:
    before = listing(tree)
    process = start_module("chroot_exec", {"tree": str(tree), "script": f"touch /tmp/begun; sleep 1000; : {MARKER}"})
    wait_for((tree / "tmp/begun").exists)
    assert str(tree) not in Path("/proc/self/mounts").read_text()
    process.send_signal(number)
    process.communicate()
    wait_for(lambda: not processes(tree))
    (tree / "tmp/begun").unlink()
    # The next run takes away what this one could not.
    assert script(tree, "true")["rc"] == 0
    assert listing(tree) == before


def test_a_module_that_is_killed_as_it_begins_leaves_no_process() -> None:
    nothing_outlives_killed_callers(namespaces.prefix())


@pytest.mark.parametrize("name", ["etc", "usr/sbin", "usr", "proc", "sys", "dev", "run"])
@pytest.mark.parametrize("relative", [False, True])
def test_links_out_of_the_tree_write_nothing_on_the_host(tree: Path, tmp_path: Path, name: str, relative: bool) -> None:
    host = tmp_path / "host"
    (host / "sbin").mkdir(parents=True)
    (host / "resolv.conf").write_text("of the host\n")
    before = listing(host)
    path = tree / name
    shutil.rmtree(path)
    path.symlink_to(os.path.relpath(host, path.parent) if relative else host)
    result = script(tree, "echo inside")
    if name in ("proc", "sys", "dev", "run"):
        assert f"/{name} is a link" in result["msg"]
    else:
        assert result["stdout"] == "inside"
    assert listing(host) == before


def test_a_link_made_while_a_program_runs_leads_nowhere(tree: Path, tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    (host / "policy-rc.d").write_text("of the host\n")
    assert script(tree, f"mv /usr/sbin /usr/old; ln -s {host} /usr/sbin")["rc"] == 0
    assert (host / "policy-rc.d").read_text() == "of the host\n"


def test_odd_files_in_place_of_what_is_laid_over(tree: Path) -> None:
    (tree / "etc/resolv.conf").unlink()
    os.mkfifo(tree / "etc/resolv.conf")
    (tree / "usr/sbin/policy-rc.d").mkdir()
    assert script(tree, "echo inside")["stdout"] == "inside"


@pytest.fixture(scope="session")
def source_image(busybox_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "root.img"
    make_filesystem(path, busybox_tree, size=16 * MIB)
    return path


@pytest.fixture
def image(source_image: Path, tmp_path: Path) -> Path:
    path = tmp_path / "root.img"
    tool("cp", "--sparse=always", source_image, path)
    path.chmod(0o600)
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_image_is_replaced_when_all_succeeded(image: Path) -> None:
    result = run_module("chroot_exec", {"image": str(image), "script": "echo new >/etc/issue", "creates": "/etc/issue"})
    assert result["changed"] is True, result
    assert tool("debugfs", "-R", "cat /etc/issue", image) == "new\n"
    assert "policy-rc.d" not in tool("debugfs", "-R", "ls /usr/sbin", image)
    assert image.stat().st_mode & 0o777 == 0o600
    tool("e2fsck", "-fn", image)
    after = digest(image)
    again = run_module("chroot_exec", {"image": str(image), "script": "exit 1", "creates": "/etc/issue"})
    assert again["changed"] is False
    assert digest(image) == after
    assert [path.name for path in image.parent.iterdir()] == ["root.img"]
    assert "root.img" not in tool("losetup", "--list")


def test_an_image_stays_as_it_is_on_failure_and_in_check_mode(image: Path) -> None:
    before = digest(image)
    result = run_module("chroot_exec", {"image": str(image), "commands": ["touch /etc/issue", "false"]})
    assert result["failed"] is True
    checked = run_module("chroot_exec", {"image": str(image), "command": "touch /a", "creates": "/a"}, check=True)
    assert checked["changed"] is True
    assert digest(image) == before
    assert [path.name for path in image.parent.iterdir()] == ["root.img"]
    assert "root.img" not in tool("losetup", "--list")


def test_a_killed_module_leaves_the_image(image: Path) -> None:
    before = digest(image)
    process = start_module("chroot_exec", {"image": str(image), "script": f"sleep 1000; : {MARKER}"})
    wait_for(lambda: any("sleep" in line for line in processes(image.parent)))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not processes(image.parent))
    wait_for(lambda: "root.img" not in tool("losetup", "--list"))
    assert digest(image) == before
    assert run_module("chroot_exec", {"image": str(image), "command": "touch /etc/issue"})["changed"] is True
    assert [path.name for path in image.parent.iterdir()] == ["root.img"]


def test_an_image_that_cannot_be_entered(tmp_path: Path) -> None:
    (tmp_path / "qcow2").write_bytes(b"QFI\xfb".ljust(4096, b"\0"))
    (tmp_path / "zeros").write_bytes(bytes(MIB))
    for name, message in (("qcow2", "is a qcow2"), ("zeros", "cannot enter the tree"), ("none", "is not a file")):
        result = run_module("chroot_exec", {"image": str(tmp_path / name), "command": "true"})
        assert result["failed"] is True
        assert message in result["msg"]
        assert "\n" not in result["msg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["qcow2", "zeros"]


@pytest.fixture(scope="module")
def user() -> Iterator[tuple[str, Path]]:
    with ordinary_user() as made:
        yield made


def test_an_ordinary_user_works_on_a_tree(user: tuple[str, Path], busybox_tree: Path) -> None:
    name, folder = user
    tree = Path(shutil.copytree(busybox_tree, folder / "tree", symlinks=True))
    subprocess.run(["chown", "-Rh", f"{name}:", tree], check=True)
    before = listing(tree)
    work = commands.Work((("sh", "-c", "id -u; touch /tmp/a; chown 33:33 /tmp/a; stat -c %u /tmp/a; rm /tmp/a"),))
    result = run_as(name, lambda: commands.run_in_tree(Runner(), str(tree), work, check_mode=False))
    assert result["stdout"] == "0\n33"
    assert listing(tree) == before

    asleep = commands.Work((("sh", "-c", f"touch /tmp/begun; sleep 1000; : {MARKER}"),))
    pid, reader = start_as(name, lambda: commands.run_in_tree(Runner(), str(tree), asleep, check_mode=False))
    wait_for((tree / "tmp/begun").exists)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(reader)
    wait_for(lambda: not processes(tree))


def test_two_at_once_in_two_trees(tree: Path, busybox_tree: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(busybox_tree, tmp_path / "other", symlinks=True))
    arguments = [{"tree": str(place), "script": f"echo {place.name}; sleep 0.3"} for place in (tree, other)]
    running = [start_module("chroot_exec", words) for words in arguments]
    assert [finish_module(process)["stdout"] for process in running] == ["tree", "other"]
