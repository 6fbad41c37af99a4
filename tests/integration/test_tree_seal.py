# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tree_seal as Ansible runs it: used and hostile trees, trees of ordinary users, and a machine that is on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.leftovers import KEY, MAC, PUBLIC, REQUIREMENTS, broken, make_used_tree
from helpers.modules import finish_module, run_module, start_module
from helpers.system_trees import make_tree
from helpers.tools import run_tool, tool
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import seal as seal_module

pytestmark = pytest.mark.root
OLD = 1_000_000_000


def seal(tree: Path, **more: Any) -> dict[str, Any]:
    result = run_module("tree_seal", {"path": str(tree), **more})
    assert not result.get("failed"), result
    return result


def state(*roots: Path) -> dict[str, tuple[Any, ...]]:
    """All that can be seen of what is below: kind, mode, owner, names, times and content."""
    found: dict[str, tuple[Any, ...]] = {}
    for root in roots:
        for folder, folders, files in os.walk(os.fsencode(root)):
            for name in [b"", *folders, *files]:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                kind = status.st_mode >> 12
                content = (
                    os.readlink(path) if kind == 10 else Path(os.fsdecode(path)).read_bytes() if kind == 8 else b""
                )
                times = (status.st_mtime_ns, status.st_mode, status.st_uid, status.st_gid)
                found[os.fsdecode(os.path.relpath(path, os.fsencode(root)))] = (*times, content)
    return found


def warnings(result: dict[str, Any]) -> list[str]:
    """The texts of the warnings, in whatever form this version of Ansible passes them on."""
    found = result.get("warnings", [])
    return [warning if isinstance(warning, str) else warning["event"]["msg"] for warning in found]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_used_tree(tmp_path / "tree")


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A machine beside the tree, which nothing must touch."""
    folder = make_used_tree(tmp_path / "outside")
    (folder / "canary").write_text(KEY)
    before = state(folder)
    yield folder
    assert state(folder) == before


def test_from_ansibles_archive_to_a_clean_audit(tree: Path, checkout: Path) -> None:
    """By ansible itself, which sends the module as an archive: the program must come out of it."""
    assert set(run_module("image_audit_info", {"path": str(tree)})["broken"]) >= REQUIREMENTS
    words = ["localhost", "-m", "goldsmith.openstack.tree_seal", "-a", f"path={tree}"]
    said = run_tool([tool("ansible"), *words], cwd=checkout, environment={**os.environ, "ANSIBLE_NOCOLOR": "1"})
    assert "localhost | CHANGED" in said
    assert "[WARNING]: /etc/ssl/private/service.pem goes" in said
    assert not REQUIREMENTS & set(run_module("image_audit_info", {"path": str(tree)})["broken"])


def test_a_second_run_has_nothing_to_do(tree: Path) -> None:
    checked = run_module("tree_seal", {"path": str(tree)}, check=True)
    assert broken(tree) == REQUIREMENTS
    first = seal(tree)
    for name in ("changed", "steps", "bytes", "stays", "diff"):
        assert first[name] == checked[name]
    after = state(tree)
    again = seal(tree)
    assert (again["changed"], again["bytes"], again["diff"]) == (False, 0, [])
    assert state(tree) == after


def test_the_same_tree_gives_the_same_bits(tmp_path: Path) -> None:
    """Whenever it is sealed: no time of today gets into it."""
    trees = [make_used_tree(tmp_path / name) for name in ("one", "two")]
    for each in trees:
        for path in [*each.rglob("*"), each]:
            os.utime(path, (OLD, OLD), follow_symlinks=False)
    seal(trees[0])
    time.sleep(1.1)
    seal(trees[1])
    states = [state(each) for each in trees]
    assert states[0] == states[1]
    assert {entry[0] for entry in states[0].values()} == {OLD * 10**9}


PLACES = [
    "etc",
    "etc/ssh",
    "etc/udev",
    "etc/machine-id",
    "etc/netplan",
    "etc/shadow",
    "etc/resolv.conf",
    "etc/apt",
    "home",
]
PLACES += [
    "home/debian",
    "home/debian/.ssh",
    "home/debian/.config",
    "root",
    "tmp",
    "usr",
    "usr/lib/udev/rules.d",
    "run",
]
PLACES += [
    "var",
    "var/log",
    "var/log/journal",
    "var/log/wtmp",
    "var/cache",
    "var/lib",
    "var/lib/cloud",
    "var/tmp",
    "boot",
]


@pytest.mark.parametrize("form", ["absolute", "climbing"])
def test_links_in_every_place_lead_nowhere(tmp_path: Path, outside: Path, form: str) -> None:
    """Each place of a tree is a link to its like on a machine beside it; the fixture sees whether that is untouched."""
    for place in PLACES:
        tree = make_used_tree(tmp_path / "tree")
        path = tree / place
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        target = f"{outside}/{place}"
        if form == "climbing":
            # Right for the kernel, which does not know where the tree begins.
            target = os.path.relpath(target, os.path.realpath(path.parent))
        path.symlink_to(target)
        if place == "etc":
            with pytest.raises(GoldsmithError, match="is a folder without etc"):
                seal_module.seal(Runner(), str(tree))
        else:
            seal_module.seal(Runner(), str(tree))
            # What was made behind a link into /tmp went with that.
            assert broken(tree) <= ({"Q2"} if "ud" in place or place == "usr" else set()), place
        shutil.rmtree(tree)


def test_odd_files_in_place_of_those_that_are_read(tree: Path) -> None:
    """Pipes without a writer, endless devices, sockets, loops: nothing waits, nothing is read without end."""
    for name in ("etc/passwd", "etc/resolv.conf", "etc/environment", "root/.ssh/id_rsa", "var/log/pipe"):
        (tree / name).unlink(missing_ok=True)
        os.mkfifo(tree / name)
    zero = os.makedev(1, 5)
    for name in ("etc/hostname", "etc/machine-id", "etc/netplan/a.yaml", "root/a.pem", "var/log/zero", "etc/shadow"):
        (tree / name).unlink(missing_ok=True)
        os.mknod(tree / name, 0o20644, zero)
    for name in ("var/log/loop", "home/loop", "root/.cache", "etc/network/interfaces"):
        (tree / name).unlink(missing_ok=True)
        (tree / name).symlink_to(Path(name).name)
    with (tree / "etc/fstab").open("w") as file:
        file.truncate(8 << 40)
    (tree / "etc/apt/sources.list").unlink()
    (tree / "etc/apt/sources.list").symlink_to("/etc/fstab")
    with socket.socket(socket.AF_UNIX) as channel:
        here = os.getcwd()
        os.chdir(tree / "tmp")
        channel.bind("socket")
        os.chdir(here)
    result = seal(tree)
    assert result["elapsed"] < 10
    assert "/etc/fstab is bigger than 16 MiB: it was not looked into" in warnings(result)
    assert (tree / "etc/machine-id").read_bytes() == b""
    assert not list((tree / "tmp").iterdir())
    (tree / "etc/apt/sources.list").unlink()
    assert broken(tree) == set()


def test_names_of_any_bytes(tree: Path) -> None:
    names = [b"a\nb", b"\xff\xfe", b"-rf", b"*", b"a\x1b[31m", b"[x]", "ü".encode(), b"x" * 255]
    for folder in ("tmp", "var/log", "var/lib/dhcp", "home"):
        for name in names:
            path = os.path.join(os.fsencode(tree / folder), name)
            os.makedirs(path + b"/.ssh" if len(name) < 255 else path)
            if len(name) < 255:
                Path(os.fsdecode(path + b"/.ssh/id_rsa")).write_text(KEY)
                Path(os.fsdecode(path + b"/.bash_history")).write_text("x")
    with (tree / "etc/passwd").open("ab") as file:
        file.write(b"\xff:x:1002:1002::/home/\xff\xfe:/x\n")
    result = seal(tree)
    assert "/home/\\xff\\xfe/.ssh" in result["steps"]["ssh_keys"]["paths"]
    assert "/tmp/a\\nb" in result["steps"]["temporary"]["paths"]
    assert broken(tree) == set()
    assert not seal(tree)["changed"]


@pytest.mark.parametrize("flag", ["i", "a"])
def test_protected_files_and_folders(tree: Path, flag: str) -> None:
    names = ["etc/resolv.conf", "var/log/syslog", "var/log/wtmp", "etc/shadow", "var/lib/dhcp", "tmp", "etc/ssh"]
    paths = [str(tree / name) for name in names]
    subprocess.run(["chattr", f"+{flag}", *paths], check=True)
    try:
        seal(tree)
        assert broken(tree) == set()
    finally:
        subprocess.run(["chattr", f"-{flag}", *(path for path in paths if os.path.exists(path))], check=True)


def test_what_is_made_has_the_label_of_its_folder(tree: Path) -> None:
    """As SELinux would give it; unlabelled files cannot be read in an image of the Fedora family."""
    label = b"system_u:object_r:etc_t:s0\0"
    os.setxattr(tree / "etc", "security.selinux", label)
    shutil.rmtree(tree / "etc/udev")
    (tree / "etc/machine-id").unlink()
    seal(tree)
    for name in ("etc/machine-id", "etc/udev/rules.d/70-persistent-net.rules", "etc/resolv.conf"):
        assert os.getxattr(tree / name, "security.selinux", follow_symlinks=False) == label


def test_other_names_of_a_file_outside_keep_its_content(tmp_path: Path, outside: Path) -> None:
    """A tree copied by hard links shares its files with the original."""
    tree = tmp_path / "tree"
    subprocess.run(["cp", "-al", outside, tree], check=True)
    # A link count is no change.
    assert seal(tree)["changed"]
    assert broken(tree) == set()


def test_what_is_mounted_in_a_tree_is_left_alone(tree: Path, outside: Path) -> None:
    """A folder of the host, laid into the tree for the time of a build."""
    script = 'mount --bind "$1/home" "$2/home" && mount --bind "$1/root" "$2/tmp" && shift 2 && exec "$@"'
    arguments = {"ANSIBLE_MODULE_ARGS": {"path": str(tree)}}
    words = [sys.executable, "-m", "ansible_collections.goldsmith.openstack.plugins.modules.tree_seal"]
    said = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", outside, tree, *words],
        input=json.dumps(arguments),
        env={**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    assert [line for line in warnings(json.loads(said)) if "mount" in line] == [
        f"/{name} is a mount in the tree: what is there was left alone" for name in ("home", "tmp")
    ]
    # What it hid meanwhile is still there.
    assert {"authorized_keys", "temporary_files"} & broken(tree)


@pytest.fixture(scope="module")
def user() -> Iterator[tuple[str, Path]]:
    with ordinary_user() as found:
        yield found


def test_a_tree_of_subordinate_ids(user: tuple[str, Path], tmp_path: Path) -> None:
    """An ordinary user seals a tree whose files belong to many accounts, with the result that root has."""
    name, folder = user
    source = make_used_tree(tmp_path / "tree")
    for number, path in enumerate(sorted(source.rglob("*"))):
        os.chown(path, number % 1000, number % 7, follow_symlinks=False)
        if path.is_file() and not path.is_symlink():
            path.chmod(0o600)
    (source / "home/debian").chmod(0o700)
    for path in [*source.rglob("*"), source]:
        os.utime(path, (OLD, OLD), follow_symlinks=False)
    archive = folder / "tree.tar"
    subprocess.run(["tar", "-C", tmp_path, "-cf", archive, "tree"], check=True)
    archive.chmod(0o644)

    def work() -> dict[str, Any]:
        # That of the tests may lie where the user cannot go.
        sys.executable = "/usr/bin/python3"
        runner, prefix = Runner(), namespaces.prefix()
        runner.run([*prefix, "tar", "-C", str(folder), "-xpf", str(archive), "--numeric-owner"])
        result = seal_module.seal(runner, str(folder / "tree"))
        again = seal_module.seal(runner, str(folder / "tree"))
        runner.run([*prefix, "tar", "-C", str(folder), "-cf", str(archive) + ".new", "tree"])
        runner.run([*prefix, "rm", "-rf", str(folder / "tree")])
        return {**result, "again": again["changed"]}

    result = run_as(name, work)
    expected = seal(source)
    assert {key: result[key] for key in ("steps", "bytes", "stays")} == {
        key: expected[key] for key in ("steps", "bytes", "stays")
    }
    assert result["again"] is False
    (tmp_path / "user").mkdir()
    subprocess.run(["tar", "-C", tmp_path / "user", "-xpf", f"{archive}.new", "--numeric-owner"], check=True)
    assert state(tmp_path / "user/tree") == state(source)


MACHINE = r"""
set -e
tree=$1 checkout=$2 python=$3; shift 3
show() { mkdir -p "$tree$1"; mount --bind "$1" "$tree$1"; mount -o remount,bind,ro "$tree$1"; }
for folder in /usr /bin /lib /lib64 /sbin; do
  if [ -L $folder ]; then ln -sfn "$(readlink $folder)" "$tree$folder"; elif [ -d $folder ]; then show $folder; fi
done
show "$checkout"; show "$python"
mkdir -p "$tree/proc" "$tree/dev" "$tree/home/net" "$tree/var/log/audit"
mount --rbind /proc "$tree/proc"; mount --rbind /dev "$tree/dev"
# A file system of the network is not there; one in memory is no disk either.
mount -t tmpfs net "$tree/home/net"; mkdir "$tree/home/net/.ssh"; echo key >"$tree/home/net/.ssh/id_rsa"
mkdir "$tree/disk"; mount --bind "$tree/disk" "$tree/var/log/audit"; echo x >"$tree/var/log/audit/audit.log"
chroot "$tree" "$@"
cat "$tree/home/net/.ssh/id_rsa"
"""


def test_a_machine_that_is_on(tmp_path: Path, checkout: Path) -> None:
    """Its own file system and disks are sealed; what comes by the network is not, and the module runs to its end."""
    tree = make_used_tree(tmp_path / "machine")
    for name in ("usr", "lib"):
        (shutil.rmtree if not (tree / name).is_symlink() else os.unlink)(tree / name)
    (tree / "var/log/audit/audit.log").unlink()
    # As a module of Ansible's lies in a temporary folder that is to be removed.
    (tree / "tmp/ansible-tmp").mkdir()
    # Python's own tests have keys, and Python may lie in a home; /usr is that of the host, and cannot be written.
    skipped = ["private_keys", "network", "build"]
    arguments = {"ANSIBLE_MODULE_ARGS": {"path": "/", "running": True, "skip": skipped}}
    program = tree / "tmp/ansible-tmp/run.py"
    program.write_text(
        "from ansible_collections.goldsmith.openstack.plugins.modules import tree_seal; tree_seal.main()\n"
    )
    words = [sys.executable, "/tmp/ansible-tmp/run.py"]
    said = subprocess.run(
        ["unshare", "--mount", "sh", "-c", MACHINE, "sh", tree, checkout, sys.base_prefix, *words],
        input=json.dumps(arguments),
        env={**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    ).stdout
    answer, *left = said.strip().splitlines()
    result = json.loads(answer)
    assert not result.get("failed"), result
    assert left == ["key"]
    assert "/tmp/x" in result["steps"]["temporary"]["paths"]
    assert "/var/log/audit/audit.log" in result["steps"]["logs"]["paths"]
    assert program.exists()
    assert not (tree / "tmp/x").exists()
    assert (tree / "disk").is_dir()
    assert not list((tree / "disk").iterdir())
    # What belongs to a running machine: its temporary file system.
    assert (tree / "run/lock/x").exists()
    assert broken(tree) <= {"temporary_files", "private_keys", "Q2", "leases", "resolv_conf", "cloud_instance"}


def test_many_files_take_no_time(tmp_path: Path) -> None:
    """30,000 files of a system that has nothing to be sealed, and 100,000 that must go; killed in the middle."""
    tree = make_used_tree(tmp_path / "tree")
    for folder, count in (("usr/share", 30_000), ("var/tmp", 100_000)):
        for number in range(count // 100):
            below = tree / folder / f"d{number}" / "deep"
            below.mkdir(parents=True)
            (below / "0").touch()
            for name in range(1, 100):
                os.link(below / "0", below / str(name))
    result = run_module("tree_seal", {"path": str(tree), "skip": ["temporary"]})
    assert result["elapsed"] < 5
    process = start_module("tree_seal", {"path": str(tree)})
    while len(os.listdir(tree / "var/tmp")) > 900:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    time.sleep(1)
    left = os.listdir(tree / "var/tmp")
    assert left
    time.sleep(0.2)
    # Nothing goes on behind a killed module.
    assert os.listdir(tree / "var/tmp") == left
    result = finish_module(start_module("tree_seal", {"path": str(tree)}))
    assert result["elapsed"] < 20
    assert broken(tree) == set()
    assert not list(tree.rglob(".goldsmith*"))


def test_one_clear_line_where_it_cannot_be_done(tree: Path) -> None:
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    words = [sys.executable, "-m", "ansible_collections.goldsmith.openstack.plugins.modules.tree_seal"]
    said = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", tree, *words],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"path": str(tree), "steps": ["host_keys"]}}),
        env={**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    ).stdout
    path = "/etc/ssh/ssh_host_ed25519_key"
    assert json.loads(said)["msg"] == f"cannot remove {path} of the tree: Read-only file system"


@pytest.mark.parametrize(
    "home", ["/", "/etc", "../..", "../outside", "relative", "/missing", "/../../..", "//", "/root/../.."]
)
def test_homes_that_lead_elsewhere(tmp_path: Path, outside: Path, home: str) -> None:
    tree = make_used_tree(tmp_path / "tree")
    with (tree / "etc/passwd").open("a") as file:
        file.write(f"a:x:1005:1005::{home}:/bin/sh\nb:x:5:5::{home}:/bin/sh\n")
    make_tree(tmp_path, {".ssh/authorized_keys": PUBLIC, ".bash_history": MAC, ".cache/x": ""}, {})
    before = state(tmp_path / ".ssh", tmp_path / ".cache")
    seal(tree)
    assert state(tmp_path / ".ssh", tmp_path / ".cache") == before
    assert (tmp_path / ".bash_history").exists()
    assert broken(tree) == set()
