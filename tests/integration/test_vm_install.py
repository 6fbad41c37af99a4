# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules vm_install and vm_state with a real libvirt. Guests that work: tests/boot/test_virt_install.py."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_installer import fake_installer
from helpers.libvirt import PrivateLibvirt, running_libvirt, running_sshd
from helpers.modules import finish_module, run_module, start_module
from helpers.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.root

NAME = "web"
MARK = "goldsmith: the installation is complete\n"
BEGUN = "Detecting network hardware ... 95%\nInstalling the base system ... 20%... 40%\n"
# A boot sector that halts: a machine that does nothing, for ever, and takes no processor for it.
HANG = b"\xfa\xf4\xeb\xfd".ljust(510, b"\0") + b"\x55\xaa"
FOREIGN = """
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>
  </devices>
</domain>
"""


@pytest.fixture(scope="module")
def libvirt() -> Iterator[PrivateLibvirt]:
    with running_libvirt() as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_left(libvirt: PrivateLibvirt, scratch: Path) -> Iterator[None]:
    """Whatever a test does: afterwards there is no guest, no disk, no pool and no temporary file of it."""
    yield
    assert libvirt.domains() == []
    assert libvirt.pools() == ["default"]
    assert list(libvirt.images.iterdir()) == []
    assert [path for base in scratch.iterdir() for path in base.iterdir()] == []


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Answers whose last step writes the mark."""
    path = tmp_path / "answers"
    path.write_text(f"d-i preseed/late_command string echo '{MARK.strip()}' > /dev/console\n")
    return path


@pytest.fixture
def install(libvirt: PrivateLibvirt, answers: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """What an installation needs, as options of the module."""

    def options(text: str, *, powers_off: bool = False, **more: Any) -> dict[str, Any]:
        kernel = fake_installer(tmp_path, text, powers_off=powers_off)
        place = {"name": NAME, "uri": libvirt.uri, "console_log": str(tmp_path / "console.log")}
        size = {"memory": 128, "disk_size": "64M", "timeout": PATIENCE}
        return {**place, **size, **kernel, "preseed": str(answers), **more}

    return options


@pytest.fixture
def hang(tmp_path: Path) -> Path:
    """A disk that never gets to a kernel."""
    image = tmp_path / "hang.raw"
    image.write_bytes(HANG)
    os.truncate(image, 1 << 20)
    return image


@pytest.fixture
def key(tmp_path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    return tmp_path / "key"


def remove(libvirt: PrivateLibvirt, name: str = NAME, **more: Any) -> dict[str, Any]:
    return run_module("vm_state", {"name": name, "uri": libvirt.uri, "state": "absent", **more})


def test_an_installation_that_comes_to_its_end(
    install: Callable[..., dict[str, Any]], libvirt: PrivateLibvirt, tmp_path: Path
) -> None:
    options = install(BEGUN + "Finishing the installation ... 100%\n" + MARK, powers_off=True)
    before = set(Path("/var/lib/libvirt/boot").glob("virtinst-*"))
    planned = run_module("vm_install", options, check=True)
    assert planned["changed"] is True
    assert planned["diff"] == {"before": "absent\n", "after": "installed\n"}
    assert libvirt.domains() == []
    done = run_module("vm_install", options)
    assert done.get("changed") is True, done
    assert done["steps"][-1]["name"] == "Finishing the installation"
    assert done["accelerator"] in ("kvm", "tcg")
    disk = libvirt.images / f"{NAME}.goldsmith.qcow2"
    assert done["disk"] == {"pool": "default", "volume": disk.name, "path": str(disk)}
    assert libvirt.virsh("domstate", NAME) == "shut off"
    assert (tmp_path / "console.log").read_text().endswith(MARK)
    # The installed guest starts from its disk, without the installer's kernel.
    description = libvirt.virsh("dumpxml", NAME)
    assert "<kernel>" not in description
    assert "<bootmenu" not in description
    assert set(Path("/var/lib/libvirt/boot").glob("virtinst-*")) <= before
    for check in (True, False):
        again = run_module("vm_install", {**options, "memory": 256}, check=check)
        assert again["changed"] is False
        assert again["disk"] == {"path": str(disk)}
    assert run_module("vm_state", {"name": NAME, "uri": libvirt.uri, "state": "absent"}, check=True)["changed"] is True
    assert libvirt.domains() == [NAME]
    gone = remove(libvirt)
    assert (gone["changed"], gone["diff"]) == (True, {"before": "shut off\n", "after": "absent\n"})
    assert remove(libvirt)["changed"] is False


@pytest.mark.parametrize(
    ("text", "powers_off", "message"),
    [
        (
            BEGUN + "[   12.345678] Kernel panic - not syncing: Attempted to kill init!\n",
            False,
            "at the step 'Installing the base system': the kernel panicked",
        ),
        ("", True, "before its first step: the guest powered off before the last step of its installation"),
        (
            BEGUN + "!! ERROR: Bad archive mirror\n[Press enter to continue]\n",
            False,
            "the installer asks a question: Bad archive mirror",
        ),
    ],
    ids=["panic", "silent", "question"],
)
def test_an_installation_that_dies(
    install: Callable[..., dict[str, Any]], text: str, powers_off: bool, message: str
) -> None:
    result = run_module("vm_install", install(text, powers_off=powers_off))
    assert result["failed"] is True
    assert message in result["msg"]
    assert f"the installation of {NAME} failed" in result["msg"]
    assert "\n" not in result["msg"]
    assert Path(result["console_log"]).read_text() == text
    if text:
        assert f"last on the console: {text.splitlines()[-1]}" in result["msg"]
        assert result["console_tail"] == text.splitlines()


def test_an_installation_that_hangs(install: Callable[..., dict[str, Any]]) -> None:
    result = run_module("vm_install", install(BEGUN, timeout=30))
    assert "at the step 'Installing the base system': it did not end within 30 s" in result["msg"]
    assert (result["step"], result["percent"]) == ("Installing the base system", 34.4)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("destroy", "the guest was destroyed in the middle"),
        # An installer that starts its guest again has not come to the end of its work.
        ("reset", "the guest powered off before the last step of its installation"),
    ],
)
def test_an_installation_that_is_disturbed(
    install: Callable[..., dict[str, Any]], libvirt: PrivateLibvirt, tmp_path: Path, word: str, message: str
) -> None:
    process = start_module("vm_install", install(BEGUN))
    wait_for(lambda: "40%" in _text(tmp_path / "console.log"))
    libvirt.virsh(word, NAME)
    result = finish_module(process)
    assert message in result["msg"]
    assert "last on the console: Installing the base system ... 20%... 40%" in result["msg"]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("delay", [0.0, 3.0])
def test_killed_at_any_moment(
    install: Callable[..., dict[str, Any]], libvirt: PrivateLibvirt, delay: float, end: signal.Signals
) -> None:
    options = install(BEGUN)
    process = start_module("vm_install", options)
    wait_for(lambda: any(libvirt.images.iterdir()))
    time.sleep(delay)
    process.send_signal(end)
    process.communicate()
    if end == signal.SIGKILL:
        # The guest is libvirt's, and goes on. The next run takes all away first.
        wait_for(lambda: not _runs("virt-install"))
        result = run_module("vm_install", {**options, "timeout": 5})
        assert "it did not end within 5 s" in result["msg"]


def test_a_failed_guest_that_is_kept_is_begun_anew(
    install: Callable[..., dict[str, Any]], libvirt: PrivateLibvirt
) -> None:
    result = run_module("vm_install", install(BEGUN, timeout=6, keep_failed=True))
    assert "it did not end within 6 s" in result["msg"]
    assert libvirt.domains() == [NAME]
    options = install(BEGUN + MARK, powers_off=True)
    assert run_module("vm_install", options, check=True)["diff"]["before"] == "unfinished\n"
    assert run_module("vm_install", options)["changed"] is True
    remove(libvirt)


def test_answers_without_the_mark_are_taken_at_their_word(
    install: Callable[..., dict[str, Any]], libvirt: PrivateLibvirt, answers: Path
) -> None:
    answers.write_text("d-i debian-installer/exit/poweroff boolean true\n")
    assert run_module("vm_install", install(BEGUN, powers_off=True))["changed"] is True
    remove(libvirt)


def test_two_at_once_do_not_meet(
    install: Callable[..., dict[str, Any]], libvirt: PrivateLibvirt, tmp_path: Path
) -> None:
    options = install(BEGUN)
    first = start_module("vm_install", options)
    wait_for(lambda: "40%" in _text(tmp_path / "console.log"))
    second = run_module("vm_install", options)
    assert f"console.log is being written by process {first.pid}; wait until it ends" in second["msg"]
    libvirt.virsh("destroy", NAME)
    assert "the guest was destroyed in the middle" in finish_module(first)["msg"]


@pytest.mark.parametrize("transport", ["tcp", "ssh"])
def test_a_libvirt_elsewhere(
    install: Callable[..., dict[str, Any]],
    libvirt: PrivateLibvirt,
    key: Path,
    tmp_path: Path,
    transport: str,
) -> None:
    options = install(BEGUN + MARK, powers_off=True)
    if transport == "tcp":
        _install_and_start(options, libvirt.tcp_uri, key)
        return
    with running_sshd(tmp_path / "sshd", libvirt) as uri:
        _install_and_start(options, uri, key)


def _install_and_start(options: dict[str, Any], uri: str, key: Path) -> None:
    made = run_module("vm_install", {**options, "uri": uri})
    assert made.get("changed") is True, made["msg"]
    place = {"name": NAME, "uri": uri}
    start = {**place, "user": "nobody", "key": str(key), "timeout": 3}
    assert run_module("vm_state", start, check=True)["changed"] is True
    # There is nothing on the disk.
    failed = run_module("vm_state", {**start, "console_log": options["console_log"]})
    assert f"{NAME} did not come up:" in failed["msg"]
    assert run_module("vm_state", {**place, "state": "shut_off"})["changed"] is False
    assert run_module("vm_state", {**place, "state": "absent"})["changed"] is True


@pytest.mark.parametrize("fmt", ["qcow2", "raw"])
def test_an_existing_disk_is_copied(libvirt: PrivateLibvirt, hang: Path, key: Path, tmp_path: Path, fmt: str) -> None:
    before = hang.read_bytes()
    public = key.with_suffix(".pub").read_text()
    place = {"name": NAME, "uri": libvirt.uri, "console_log": str(tmp_path / "console.log")}
    source = {"import": str(hang), "user": "debian", "authorized_key": public}
    result = run_module("vm_install", {**place, **source, "disk_size": "8M", "disk_format": fmt, "memory": 64})
    assert result.get("changed") is True, result
    disk = Path(result["disk"]["path"])
    subprocess.run(["qemu-img", "convert", "-f", fmt, "-O", "raw", disk, tmp_path / "seen"], check=True)
    assert (tmp_path / "seen").read_bytes() == HANG.ljust(8 << 20, b"\0")
    drive = libvirt.images / f"{NAME}.goldsmith.iso"
    assert public.strip().encode() in drive.read_bytes()
    # It runs, and nobody answers.
    start = {**place, "user": "debian", "key": str(key), "timeout": 4}
    failed = run_module("vm_state", start)
    assert f"{NAME} did not come up: no login as debian within 4 s" in failed["msg"]
    assert libvirt.virsh("domstate", NAME) == "shut off"
    assert hang.read_bytes() == before
    remove(libvirt)


def test_a_guest_that_does_not_hear_its_power_button(libvirt: PrivateLibvirt, hang: Path, tmp_path: Path) -> None:
    place = {"name": NAME, "uri": libvirt.uri}
    folder = tmp_path / "disks"
    folder.mkdir()
    options = {"import": str(hang), "path": str(folder), "memory": 64, "console_log": str(tmp_path / "console.log")}
    assert run_module("vm_install", {**place, **options})["changed"] is True
    assert [path.name for path in folder.iterdir()] == [f"{NAME}.goldsmith.qcow2"]
    libvirt.virsh("start", NAME)
    off = {**place, "state": "shut_off", "timeout": 2}
    assert run_module("vm_state", off, check=True)["changed"] is True
    failed = run_module("vm_state", off)
    assert f"{NAME} did not power off within 2 s" in failed["msg"]
    assert "force cuts its power" in failed["msg"]
    assert run_module("vm_state", {**off, "force": True})["forced"] is True
    libvirt.virsh("start", NAME)
    assert remove(libvirt)["changed"] is True
    assert list(folder.iterdir()) == []


def test_a_machine_of_others_is_left_alone(
    install: Callable[..., dict[str, Any]], libvirt: PrivateLibvirt, tmp_path: Path
) -> None:
    disk = tmp_path / "precious.raw"
    disk.write_bytes(b"data")
    (tmp_path / "foreign.xml").write_text(FOREIGN.format(name=NAME, disk=disk))
    libvirt.virsh("define", str(tmp_path / "foreign.xml"))
    refused = run_module("vm_install", install(BEGUN))
    assert f"name={NAME}: another machine at {libvirt.uri} has this name; choose another one" in refused["msg"]
    refused = remove(libvirt)
    assert "vm_install did not make this machine" in refused["msg"]
    assert libvirt.domains() == [NAME]
    assert remove(libvirt, force=True)["changed"] is True
    assert disk.read_bytes() == b"data"


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": "nowhere"}, "pool=nowhere: libvirt at {uri} has no such storage pool; virsh pool-define-as"),
        ({"network": "network=lan"}, "network=network=lan: no active network of libvirt at {uri}; virsh net-start lan"),
        ({"uri": "qemu:///system?socket=/nonexistent/sock"}, "no libvirtd is running"),
        ({"uri": "qemu+tcp://127.0.0.1:1/system"}, "nothing answers there"),
        ({"uri": "xen:///system"}, "uri=xen:///system: not a URI of libvirt for QEMU; for example qemu:///system"),
        ({"kernel": "/nonexistent"}, "kernel=/nonexistent: no such file"),
        ({"preseed": "/nonexistent"}, "preseed=/nonexistent: no such file"),
        ({"path": "relative"}, "path=relative: not an absolute path"),
        ({"disk_size": "much"}, "disk_size=much: not a size"),
    ],
)
def test_refusals(install: Callable[..., dict[str, Any]], options: dict[str, Any], message: str, check: bool) -> None:
    words = install(BEGUN, **options)
    result = run_module("vm_install", words, check=check)
    assert result.get("failed") is True, result
    assert message.format(uri=words["uri"]) in result["msg"]
    assert "\n" not in result["msg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "bridge=br99"}, "br99"),
        ({"path": "/nonexistent/folder"}, "path=/nonexistent/folder: cannot open directory"),
        ({"os_variant": "minix1"}, "os_variant: virt-install --osinfo list shows all"),
    ],
)
def test_what_only_libvirt_knows(install: Callable[..., dict[str, Any]], options: dict[str, Any], message: str) -> None:
    result = run_module("vm_install", install(BEGUN, **options))
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]


def test_an_image_that_names_another_file_is_refused(libvirt: PrivateLibvirt, hang: Path, tmp_path: Path) -> None:
    image = tmp_path / "image.qcow2"
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", hang, image]
    subprocess.run(argv, check=True)
    result = run_module("vm_install", {"name": NAME, "uri": libvirt.uri, "import": str(image)})
    assert "refers to a backing file, which could be any file of this host" in result["msg"]


@pytest.mark.parametrize("state", ["running", "shut_off"])
def test_a_machine_that_is_not_there(libvirt: PrivateLibvirt, key: Path, state: str) -> None:
    words = {"name": "nobody", "uri": libvirt.uri, "state": state, "user": "debian", "key": str(key)}
    assert f"name=nobody: there is no such machine at {libvirt.uri}" in run_module("vm_state", words)["msg"]


def test_libvirt_stops_in_the_middle(install: Callable[..., dict[str, Any]], answers: Path, tmp_path: Path) -> None:
    with running_libvirt() as other:
        process = start_module("vm_install", install(BEGUN, uri=other.uri, timeout=30))
        wait_for(lambda: "40%" in _text(tmp_path / "console.log"))
        other.stop()
        result = finish_module(process)
    assert "it did not end within 30 s" in result["msg"]
    assert "what is left of it could not be removed: " in result["msg"]
    assert "no libvirtd is running" in result["msg"] or "nothing answers there" in result["msg"]


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _runs(program: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.endswith(program.encode()) for word in words[:2]) and NAME.encode() in words:
            return True
    return False
