# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that enter the namespaces."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import emulators, namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name="builder", pw_uid=uid))
    monkeypatch.setattr(namespaces, "find_program", lambda name: f"/usr/bin/{name}")


def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **texts: str) -> None:
    """Let the module read these texts in place of the system's files of the same names."""
    for name, text in texts.items():
        (tmp_path / name).write_text(text)

    def redirected(path: str, **more: str) -> object:
        return (tmp_path / os.path.basename(path)).open(**more)

    monkeypatch.setattr(namespaces, "open", redirected, raising=False)


STATUS = "Name:\tpython\nCapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\n"
MOUNT = "27 1 254:0 / {} rw,relatime - ext4 /dev/vda rw\n"


def test_root_enters_without_a_user_namespace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(emulators, "words", lambda: ["emulators"])
    files(monkeypatch, tmp_path, mountinfo=MOUNT.format("/proc") + MOUNT.format("/"), status=STATUS)
    words = namespaces.prefix()
    assert words[0] == "unshare"
    assert {"--mount", "--pid", "--fork", "--kill-child"} <= set(words)
    assert not {"--map-root-user", "--propagation", "emulators"} & set(words)


def test_in_a_chroot_that_is_no_mount_the_propagation_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    files(monkeypatch, tmp_path, mountinfo=MOUNT.format("/proc") + MOUNT.format("/dev"), status=STATUS)
    words = namespaces.prefix()
    assert words[words.index("--propagation") + 1] == "unchanged"
    assert words.index("--propagation") < words.index("setpriv")


@pytest.mark.usefixtures("user")
def test_a_user_becomes_root_of_a_user_namespace_with_emulators(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(emulators, "words", lambda: ["emulators"])
    files(monkeypatch, tmp_path, subuid="builder:100000:65536\n", subgid="4711:100000:65536\n")
    words = namespaces.prefix()
    assert {"--map-auto", "--map-root-user", "--mount", "--pid", "--fork"} <= set(words)
    assert words[words.index("emulators") + 1 :][:2] == ["setpriv", "--bounding-set"]


def test_root_that_may_not_give_rights_away_keeps_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    files(monkeypatch, tmp_path, mountinfo=MOUNT.format("/"), status="CapEff:\t0000000000200000\n")
    assert "setpriv" not in namespaces.prefix()


@pytest.mark.root
def test_what_runs_there_cannot_change_the_kernel_of_the_host() -> None:
    said = (
        Runner().run([*namespaces.prefix(), "sh", "-c", "hostname elsewhere && grep CapBnd /proc/self/status"]).stdout
    )
    mask = int(said.split()[-1], 16)
    # net_admin, sys_module, sys_rawio, sys_boot, sys_time and syslog, by their numbers; sys_admin is there
    assert [mask >> number & 1 for number in (12, 16, 17, 22, 25, 34, 21)] == [0, 0, 0, 0, 0, 0, 1]
    assert os.uname().nodename != "elsewhere"


@pytest.mark.usefixtures("user")
def test_a_user_without_a_range_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files(monkeypatch, tmp_path, subuid="builder:100000:65536\n", subgid="other:100000:65536\n")
    message = r"^the user builder has no range in /etc/subgid; as root: usermod --add-subgids .* builder$"
    with pytest.raises(GoldsmithError, match=message):
        namespaces.prefix()


@pytest.mark.usefixtures("user")
def test_a_missing_newuidmap_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "find_program", lambda name: None)
    with pytest.raises(GoldsmithError, match="newuidmap is not installed"):
        namespaces.prefix()


def test_a_refusal_of_the_kernel_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    class Refused(Runner):
        def run(self, argv, **more):
            return Result(tuple(argv), 1, "", "unshare: unshare failed: Operation not permitted\n")

    message = r"^cannot enter a mount namespace: unshare: .*Operation not permitted; run as root"
    with pytest.raises(GoldsmithError, match=message):
        namespaces.check(Refused())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo no such thing >&2; echo at all >&2; exit 32", "no such thing at all"),
        ("echo other; echo refused >&2", "refused"),
        ("exit 0", "no answer"),
    ],
)
def test_what_does_not_let_us_enter_is_told_in_one_line(text: str, said: str) -> None:
    here = os.stat("/proc/self/ns/mnt").st_ino
    with pytest.raises(GoldsmithError) as caught:
        namespaces.enter(["sh", "-c", text, "words"])
    assert str(caught.value) == f"cannot enter a mount namespace: {said}"
    assert os.stat("/proc/self/ns/mnt").st_ino == here


def test_a_namespace_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "none").touch()
    with pytest.raises(GoldsmithError, match=rf"^cannot enter the namespace {tmp_path}/none: Invalid argument$"):
        namespaces._set_namespace(str(tmp_path / "none"))


@pytest.mark.usefixtures("user")
def test_the_ids_of_a_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files(monkeypatch, tmp_path, subuid="other:1:2\nbuilder:100000:65536\n4711:7:2\nbroken\n", subgid="")
    assert namespaces.own_ids() == [range(4711, 4712), range(100000, 165536), range(7, 9)]
