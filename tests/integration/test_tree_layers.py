# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees in layers as the kernel mounts them, as root and as an ordinary user, and what befalls their store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers.busybox import make_busybox_tree
from helpers.modules import run_module
from helpers.processes import family
from helpers.users import ordinary_user, result_of, run_as, start_as
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline, namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import layers, stack
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.layers import Store

pytestmark = pytest.mark.root
BOTH = pytest.mark.parametrize("overlay", [True, False], ids=["overlay", "copies"])


@dataclass(frozen=True)
class Place:
    """An account, and a folder of its own."""

    account: str
    folder: Path

    def do(self, work: Callable[[], Any]) -> Any:
        """Call a function in a process of the account."""
        return run_as(self.account, work)

    def store(self, overlay: bool | None = None) -> Store:
        return Store(Runner(), str(self.folder / "cache"), overlay=overlay)

    def tree(self, name: str = "tree") -> str:
        return str(self.folder / name)

    def made(self, *steps: tuple[str, str], tree: str = "tree", overlay: bool | None = None) -> None:
        """Keep layers in a tree, each made by a script in it."""

        def work() -> None:
            store = self.store(overlay)
            store.lay(self.tree(tree), None)
            for kind, script in steps:
                inside(self.tree(tree), script)
                assert store.keep(kind, "key", self.tree(tree), {"kind": kind})

        self.do(work)


def inside(tree: str, script: str) -> str:
    """Run a script in the folder of a tree, seen whole; return what it says."""
    return Runner().run([*stack.prefix(tree), "sh", "-ec", f'cd "$1"\n{script}', "sh", tree]).stdout


@pytest.fixture(scope="module")
def user() -> Iterator[tuple[str, Path]]:
    with ordinary_user() as made:
        yield made


@pytest.fixture(params=["root", "user"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "root":
        place = Place("root", tmp_path)
    else:
        name, folder = request.getfixturevalue("user")
        place = Place(name, folder / tmp_path.name)
        place.folder.mkdir()
        shutil.chown(place.folder, name, name)
    with family() as living:
        yield place
        # What was killed takes a moment to be gone.
        wait_for(lambda: not living())
    assert str(place.folder) not in Path("/proc/self/mounts").read_text()


def kill(pid: int, reader: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(reader)


PACKAGES = """
mkdir etc gone kept renamed
echo one >etc/changed; echo two >etc/removed; echo three >etc/same
echo old >gone/old; echo a >kept/a; echo b >kept/b; echo c >renamed/c
chown 33:44 etc/same; chmod 4755 etc/same; ln -s /etc/same link; ln etc/same hard
"""
GUEST = """
echo more >>etc/changed; rm etc/removed; rm -r gone; mkdir gone; echo new >gone/new
rm -r kept; mv renamed moved; chown 1:1 moved
"""
# All of a tree: kind, mode, owners, name, target of a link.
LIST = r"find . -mindepth 1 -printf '%y %m %U %G %P %l\n' | sort -k 5; cat etc/changed"
WHOLE = """\
d 755 0 0 etc
f 644 0 0 etc/changed
f 4755 33 44 etc/same
d 755 0 0 gone
f 644 0 0 gone/new
f 4755 33 44 hard
l 777 0 0 link /etc/same
d 755 1 1 moved
f 644 0 0 moved/c
one
more
"""


def plain(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


@BOTH
def test_a_tree_is_what_was_done_in_it(place: Place, overlay: bool) -> None:
    place.made(("packages", PACKAGES), ("guest", GUEST), overlay=overlay)

    def work() -> tuple[str, str, str]:
        store = place.store(overlay)
        first = inside(place.tree(), LIST)
        store.lay(place.tree("second"), store.find("guest", "key"))
        second = inside(place.tree("second"), LIST)
        inside(place.tree("second"), "rm -r etc gone; echo >moved/c")
        store.lay(place.tree("third"), store.find("guest", "key"))
        return first, second, inside(place.tree("third"), LIST)

    for seen in place.do(work):
        assert plain(seen) == plain(WHOLE)


def test_it_lies_on_each_other_here(place: Place) -> None:
    place.made(("packages", PACKAGES), ("guest", GUEST))
    guest = place.do(lambda: place.store().find("guest", "key"))
    assert place.do(lambda: place.store().overlay)
    assert len(guest.below) == 1
    top = Path(guest.tree)
    assert sorted(os.listdir(top)) == ["etc", "gone", "kept", "moved", "renamed"], "what was changed, and no more"
    for name in ("etc/removed", "kept", "renamed"):
        status = (top / name).lstat()
        assert stat.S_ISCHR(status.st_mode) and status.st_rdev == 0, "what was removed"
    # No probe is left, and nothing but layers and what begins with a dot.
    assert [name for name in os.listdir(top.parent.parent) if not name.startswith(("packages-", "guest-", "."))] == []
    assert not list(top.parent.parent.glob(".probe*"))


def test_who_has_entered_sees_it_whole_and_nothing_of_layers(place: Place) -> None:
    place.made(("packages", PACKAGES), ("guest", GUEST))
    here = str(place.folder)

    def entered() -> dict[str, Any]:
        os.chdir(here)
        os.environ["TMPDIR"] = here
        stack.enter(place.tree())
        paths = [Path(root, name) for root, folders, files in os.walk(place.tree()) for name in folders + files]
        Path(place.tree(), "written").write_text("by us")
        with scratch_folder("test") as folder:
            scratch = str(folder)
        return {
            "names": sorted(str(path.relative_to(place.tree())) for path in paths),
            "attributes": [name for path in paths for name in os.listxattr(path, follow_symlinks=False)],
            "same": Path(place.tree(), "hard").samefile(Path(place.tree(), "etc/same")),
            "uid": os.geteuid(),
            "owner": Path(place.tree(), "etc/same").stat().st_uid,
            "here": os.getcwd(),
            "prefix": stack.prefix(place.tree()) == namespaces.prefix(),
            "again": inside(place.tree(), "cat written; id -u"),
            "scratch": scratch,
        }

    seen = place.do(entered)
    assert seen["names"] == sorted(line.split()[4] for line in WHOLE.splitlines()[:-2])
    assert seen["attributes"] == []
    assert (seen["uid"], seen["owner"], seen["here"]) == (0, 33, here)
    assert seen["same"] and seen["prefix"]
    assert seen["again"] == "by us0\n"
    # The folder of the account that it is outside.
    uid = place.folder.stat().st_uid
    assert os.path.dirname(seen["scratch"]) == f"{here}/goldsmith-test-{uid}"
    # The mount is gone with the process; what was written is above the layers.
    assert os.listdir(place.tree()) == []
    assert (place.folder / "tree.layers/upper/written").read_text() == "by us"


def test_the_second_command_in_a_tree_waits_for_the_first(place: Place) -> None:
    place.made(("packages", PACKAGES))
    go, layers_of_it = place.folder / "go", place.folder / "tree.layers"
    os.mkfifo(go)
    shutil.chown(go, place.account)
    place_of_lock = f":{layers_of_it.stat().st_ino} "

    def waiting() -> int:
        # A line that waits has an arrow.
        lines = Path("/proc/locks").read_text().splitlines()
        return sum(place_of_lock in line and "->" in line for line in lines)

    def enter_and_write() -> str:
        stack.enter(place.tree())
        return Path(place.tree(), "etc/changed").read_text()

    def keep() -> bool:
        return place.store().keep("guest", "key", place.tree(), {})

    words = f"read -r _ <{go}; echo more >>etc/changed; rm etc/same; mkdir late; ls -d /proc/self/fd/9 2>&1 || :"
    first = start_as(place.account, lambda: inside(place.tree(), f"touch begun; {words}"))
    wait_for((layers_of_it / "upper/begun").exists)
    second = start_as(place.account, lambda: inside(place.tree(), "cat etc/changed; rmdir late"))
    wait_for(lambda: waiting() == 1)
    others = [start_as(place.account, work) for work in (enter_and_write, keep)]
    wait_for(lambda: waiting() == 3)
    go.write_text("now\n")
    # And nothing that was started there can leave the tree by the lock.
    assert "No such file" in result_of(*first)
    assert result_of(*second).split()[:2] == ["one", "more"]
    assert result_of(*others[0]).split() == ["one", "more"]
    assert result_of(*others[1]) is True
    assert sorted(place.do(lambda: inside(place.tree(), "ls; ls etc")).split()) == sorted(
        ["begun", "changed", "etc", "gone", "hard", "kept", "link", "removed", "renamed"]
    )


def test_a_layer_that_is_missing_is_told_in_one_line(place: Place) -> None:
    place.made(("packages", PACKAGES))
    shutil.rmtree(place.folder / "cache/layers")
    with pytest.raises(GoldsmithError) as caught:
        place.do(lambda: stack.enter(place.tree()))
    said = str(caught.value)
    assert said.startswith("cannot enter a mount namespace: ") and "\n" not in said
    assert f"cannot enter the tree {place.tree()}: its layers cannot be mounted" in said


def test_a_tree_goes_on_after_a_kill(place: Place) -> None:
    place.made(("packages", PACKAGES))
    begun = place.folder / "tree.layers/upper/etc/begun"
    for _again in range(2):
        work = start_as(place.account, lambda: inside(place.tree(), "echo x >>etc/changed; touch etc/begun; sleep 600"))
        wait_for(begun.exists)
        kill(*work)
        assert place.do(lambda: inside(place.tree(), "rm etc/begun; ls etc")).split() == ["changed", "removed", "same"]
    assert place.do(lambda: inside(place.tree(), "cat etc/changed")) == "one\nx\nx\n"
    assert place.do(lambda: place.store().keep("guest", "key", place.tree(), {})) is True
    # After a kill in the midst of a change of the work folder, root's own files in it.
    place.do(lambda: inside(place.tree(), "rm etc/same"))


@pytest.fixture
def marked(place: Place) -> Place:
    """A cache folder, and one of the build, that hand on a group and access lists to all that is made in them."""
    for folder in (place.folder / "cache", place.folder):
        folder.mkdir(exist_ok=True)
        os.chown(folder, place.folder.stat().st_uid, 4711 if place.account == "root" else -1)
        if program := shutil.which("setfacl"):
            subprocess.run([program, "--modify", "d:u:4711:rwx,d:g:4711:rwx,d:o::-", folder], check=True)
        folder.chmod(0o2755)
    return place


@BOTH
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_marks_of_folders_and_a_umask_are_not_handed_on(marked: Place, overlay: bool, umask: int) -> None:
    def work() -> list[tuple[str, int]]:
        os.umask(umask)
        store = marked.store(overlay)
        store.lay(marked.tree(), None)
        inside(marked.tree(), "mkdir -p a/b; echo >a/b/c")
        store.keep("packages", "key", marked.tree(), {})
        inside(marked.tree(), "mkdir a/d; echo >a/b/e; echo more >>a/b/c")
        store.keep("guest", "key", marked.tree(), {})
        inside(marked.tree(), "echo f >a/f")
        store.lay(marked.tree("second"), store.find("guest", "key"))
        return [seen(marked.tree()), seen(marked.tree("second"))]

    def seen(tree: str) -> tuple[str, int]:
        listed = inside(tree, r"find . -printf '%m %U %G %P\n' | sort -k 4")
        pid = os.fork()
        if pid == 0:  # a process of its own, to enter
            stack.enter(tree)
            found = [name for root, *_names in os.walk(tree) for name in os.listxattr(root)]
            os._exit(len(found))
        return listed, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    tree, second = marked.do(work)
    expected = ["755 0 0", "755 0 0 a", "755 0 0 a/b", "644 0 0 a/b/c", "644 0 0 a/b/e", "755 0 0 a/d"]
    assert (plain(second[0]), second[1]) == (expected, 0)
    assert (plain(tree[0]), tree[1]) == ([*expected, "644 0 0 a/f"], 0)


@BOTH
@pytest.mark.parametrize("last", [".new", ".old"])
def test_a_kill_between_two_renames(place: Place, overlay: bool, last: str) -> None:
    rename = os.rename

    def killed(source: str, goal: str) -> None:
        if last == ".new" and source.endswith(".new"):
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, goal)
        if goal.endswith(last):
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        store = place.store(overlay)
        store.lay(place.tree(), None)
        inside(place.tree(), PACKAGES)
        if last == ".old":
            store.keep("packages", "key", place.tree(), {})
            Path(store.path, ".uses").unlink()
        os.rename = killed
        if last == ".old":
            store.remove([store.find("packages", "key").name])
        store.keep("packages", "key", place.tree(), {})

    pid, reader = start_as(place.account, work)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    os.close(reader)
    left = place.folder / "cache/layers" / last
    # Files of subordinate ids among it.
    assert (left / "tree/etc/same").stat().st_uid not in (0, place.folder.stat().st_uid)
    assert place.do(lambda: place.store(overlay).find("packages", "key")) is None
    assert not left.exists()
    place.made(("packages", PACKAGES), tree="second", overlay=overlay)
    assert place.do(lambda: place.store(overlay).find("packages", "key"))


@BOTH
def test_a_layer_for_which_there_is_no_room(place: Place, overlay: bool) -> None:
    folder = str(place.folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4M,mode=1777", "small", folder], check=True)
    try:
        place.do(lambda: place.store(overlay).lay(place.tree(), None))
        place.do(lambda: inside(place.tree(), PACKAGES))
        filling = place.folder / "filling"
        with pytest.raises(OSError, match="No space left"), filling.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

        def keep() -> str:
            try:
                return str(place.store(overlay).keep("packages", "key", place.tree(), {}))
            except GoldsmithError as error:
                return str(error)

        said = place.do(keep)
        assert said.endswith("No space left on device") and "\n" not in said
        left = os.listdir(place.folder / "cache/layers")
        assert [name for name in left if name not in (".lock", ".uses")] == []
        assert place.do(lambda: inside(place.tree(), "cat etc/changed")) == "one\n"

        filling.unlink()
        assert place.do(lambda: place.store(overlay).find("packages", "key")) is None
        assert place.do(keep) == "True"
        assert place.do(lambda: inside(place.tree(), "cat etc/changed")) == "one\n"
    finally:
        subprocess.run(["umount", folder], check=True)


@BOTH
def test_two_stores_at_once(place: Place, overlay: bool) -> None:
    def build(number: int) -> tuple[bool, bool, str]:
        store, tree = place.store(overlay), place.tree(f"tree{number}")
        store.lay(tree, store.find("packages", "key"))
        inside(tree, f"mkdir -p etc; echo {number} >etc/who; chown 33 etc/who")
        shared = store.keep("guest", "key", tree, {"who": number})
        inside(tree, f"echo {number} >own")
        own = store.keep("roles", str(number), tree, {})
        store.shrink(1 << 30)
        return shared, own, inside(tree, "cat etc/who own")

    place.made(("packages", PACKAGES), overlay=overlay)
    started = [start_as(place.account, lambda number=number: build(number)) for number in range(4)]
    results = [result_of(*each) for each in started]
    assert [shared for shared, _own, _seen in results].count(True) == 1
    assert all(own for _shared, own, _seen in results)
    assert [seen for *_kept, seen in results] == [f"{number}\n{number}\n" for number in range(4)]
    assert len(place.do(lambda: place.store(overlay).layers())) == 6
    who = place.do(lambda: place.store(overlay).find("guest", "key")).facts["who"]
    assert results[who][0] is True


def test_what_is_in_use_stays_until_its_build_is_gone(place: Place) -> None:
    place.made(("packages", PACKAGES), ("guest", GUEST))

    def removed() -> list[str]:
        store = place.store()
        return [name.partition("-")[0] for name in store.remove([layer.name for layer in store.layers()])]

    def lay_and_end() -> None:
        # A run that has ended.
        lifeline.run_owner = lambda: (1 << 30, "1")
        store = place.store()
        store.lay(place.tree("second"), store.find("packages", "key"))

    assert place.do(removed) == []
    assert place.do(lambda: place.store().shrink(0)) == []
    assert plain(place.do(lambda: inside(place.tree(), LIST))) == plain(WHOLE)
    place.do(lay_and_end)
    place.do(lambda: stack.remove(Runner(), place.tree()))
    assert sorted(place.do(removed)) == ["guest", "packages"]
    # Not even files of subordinate ids.
    assert [name for name in os.listdir(place.folder / "cache/layers") if not name.startswith(".")] == []


def test_the_least_recently_used_goes_with_those_above(place: Place) -> None:
    def work() -> list[list[str]]:
        store = place.store()
        for name in ("one", "two"):
            store.lay(place.tree(name), None)
            for kind in ("packages", "guest"):
                inside(place.tree(name), f"dd if=/dev/zero of={kind} bs=1M count=1 2>/dev/null")
                store.keep(kind, name, place.tree(name), {})
            stack.remove(Runner(), place.tree(name))
        assert store.find("packages", "one")  # alone: nobody needs what lies on it
        names = {store.find(kind, name).name: f"{kind} {name}" for kind in ("packages", "guest") for name in ("one",)}
        for kind in ("packages", "guest"):
            names[store.find(kind, "two").name] = f"{kind} two"
        gone = [store.shrink(limit << 19) for limit in (9, 7, 3, 1)]
        return [[names[name] for name in each] for each in gone]

    assert place.do(work) == [[], ["guest one"], ["packages one", "guest two"], ["packages two"]]


def test_a_layer_of_another_boot(place: Place) -> None:
    place.made(("packages", PACKAGES), ("guest", GUEST))
    place.do(lambda: stack.remove(Runner(), place.tree()))

    def edit(**values: Any) -> None:
        for layer in place.store().layers():
            record = Path(layer.path, "record.json")
            record.write_text(json.dumps({**json.loads(record.read_text()), **values}))

    def found() -> tuple[bool, list[str]]:
        layer = place.store().find("guest", "key")
        return bool(layer), [json.loads(path.read_text())["boot"] for path in records()]

    def records() -> list[Path]:
        return sorted((place.folder / "cache/layers").glob("*/record.json"))

    assert place.do(found) == (True, [layers._boot()] * 2)
    # When the kernel has written it, it is taken down that it is there for ever.
    place.do(lambda: edit(made=time.time() - layers._SETTLES - 1))
    assert place.do(found) == (True, [None] * 2)
    place.do(lambda: edit(boot="another"))
    assert place.do(found) == (False, [])


def test_modules_see_a_tree_whole(tmp_path: Path, scratch: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    place = Place("root", folder)
    busybox = make_busybox_tree(tmp_path / "busybox")
    (busybox / "etc/mark").write_text("of the layer\n")
    (busybox / "var/lib/dpkg").mkdir(parents=True)
    (busybox / "var/lib/dpkg/status").write_text(
        "Package: jq\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n"
    )
    place.made(("packages", f"cp -a {busybox}/. ."))
    said = run_module("chroot_exec", {"tree": place.tree(), "script": "cat /etc/mark; echo new >/etc/new"})
    assert said["stdout"] == "of the layer"
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.raw").write_bytes(b"disk")
    manifest = {
        "path": str(tmp_path / "out"),
        "name": "a",
        "artifacts": [{"file": "a.raw", "format": "raw"}],
        "tree": place.tree(),
    }
    assert run_module("image_manifest", manifest)["changed"] is True
    content = json.loads((tmp_path / "out/manifest.json").read_text())
    assert [package["package"] for package in content["packages"]] == ["jq"]

    cache = str(folder / "cache")
    keep = {"path": place.tree(), "layers_dir": cache, "kind": "guest", "key": "key", "facts": {"a": 1}}
    assert run_module("tree_layer", keep, check=True)["changed"] is True
    assert place.store().find("guest", "key") is None
    assert run_module("tree_layer", keep)["changed"] is True
    assert run_module("tree_layer", keep)["changed"] is False
    layer = place.store().find("guest", "key")
    assert layer and layer.facts == {"a": 1} and Path(layer.tree, "etc/new").read_text() == "new\n"
    assert not Path(layer.tree, "bin").exists(), "nothing but what was done since"

    listed = run_module("build_cache", {"cache_dir": cache})
    assert [entry["name"].partition("-")[0] for entry in listed["entries"]] == ["guest", "packages"]
    assert run_module("build_cache", {"cache_dir": cache, "remove": ["all"]})["removed"] == []
    stack.remove(Runner(), place.tree())
    assert len(run_module("build_cache", {"cache_dir": cache, "remove": ["all"]})["removed"]) == 2
    assert sorted(os.listdir(folder)) == ["cache"]
    assert not list(scratch.iterdir())
