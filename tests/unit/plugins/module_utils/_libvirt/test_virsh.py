# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Libvirt by virsh: URIs, guests, and what is said when it refuses. Recorded from libvirt 9."""

from __future__ import annotations

import pytest
from helpers.runners import Answer, RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import virsh
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import Libvirt, State, Uri

NO_DOMAIN = (1, "", "error: failed to get domain 'web'\n")
XML = """<domain type='qemu'>
  <name>web</name>
  <uuid>{uuid}</uuid>
  <metadata>{mark}</metadata>
  <devices>
    <disk type='file' device='disk'>
      <source file='/pool/web.goldsmith.qcow2'/><target dev='vda' bus='virtio'/><alias name='ua-goldsmith-root'/>
    </disk>
    <disk type='file' device='disk'>
      <source file='/pool/web.goldsmith.iso'/><target dev='vdb' bus='virtio'/><alias name='ua-goldsmith-drive'/>
    </disk>
    <disk type='file' device='disk'>
      <source file='/srv/precious.qcow2'/><target dev='vdc' bus='virtio'/><alias name='virtio-disk2'/>
    </disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
    <interface type='user'><mac address='52:54:00:a7:1d:e3'/><model type='virtio'/></interface>
  </devices>
</domain>
"""
MARK = '<goldsmith:machine xmlns:goldsmith="urn:goldsmith:machine" installation="1-2"/>'


def libvirt(answer: Answer, uri: str = "qemu:///system") -> tuple[Libvirt, RecordingRunner]:
    runner = RecordingRunner(lambda argv: answer)
    return Libvirt(runner, uri), runner  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "host", "by_ssh", "is_local"),
    [
        ("qemu:///system", "", False, True),
        ("qemu:///session", "", False, True),
        ("qemu:///system?socket=/run/x/sock", "", False, True),
        ("qemu+unix:///system", "", False, True),
        ("qemu+tcp://localhost/system", "localhost", False, True),
        ("qemu+tcp://127.0.0.1:16510/system", "127.0.0.1", False, True),
        ("qemu+tcp://kvm1/system", "kvm1", False, False),
        ("qemu+tls://kvm1/system", "kvm1", False, False),
        ("qemu+ssh://root@kvm1:2222/system", "kvm1", True, False),
        ("qemu+ssh://localhost/system", "localhost", True, False),
    ],
)
def test_uri(text: str, host: str, by_ssh: bool, is_local: bool) -> None:
    uri = Uri(text)
    assert (uri.host, uri.by_ssh, uri.is_local) == (host, by_ssh, is_local)


@pytest.mark.parametrize("text", ["", "qemu:", "xen:///system", "qemu+ext://h/system", "qemu:///", "test:///default"])
def test_refused_uri(text: str) -> None:
    with pytest.raises(OptionError, match="not a URI of libvirt for QEMU; for example qemu:///system"):
        Uri(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("qemu+ssh://kvm1/system", ["kvm1"]),
        ("qemu+ssh://me@kvm1:2222/system", ["-p", "2222", "-l", "me", "kvm1"]),
        (
            "qemu+ssh://me@kvm1/system?keyfile=/k&known_hosts=/h",
            ["-o", "UserKnownHostsFile=/h", "-i", "/k", "-l", "me", "kvm1"],
        ),
    ],
)
def test_the_way_to_the_host_of_a_libvirt(text: str, words: list[str]) -> None:
    assert Uri(text).ssh_words() == ["ssh", "-o", "BatchMode=yes", "-T", *words]


def test_a_host_that_is_not_verified() -> None:
    assert "StrictHostKeyChecking=no" in Uri("qemu+ssh://kvm1/system?no_verify=1").ssh_words()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory",
            "no libvirtd is running (Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or "
            "directory); start it: systemctl start libvirtd",
        ),
        (
            "Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied",
            "libvirt refuses this user",
        ),
        ("authentication unavailable: no polkit agent available", "a member of the group libvirt"),
        ("unable to connect to server at '127.0.0.1:1': Connection refused", "nothing answers there"),
        (
            "Cannot recv data: ssh: connect to host 127.0.0.1 port 1: Connection refused: Connection reset by peer",
            "nothing answers there",
        ),
        (
            "Cannot recv data: ssh: Could not resolve hostname h: Name or service not known: Connection reset by peer",
            "that host is not known",
        ),
        ("Cannot recv data: Host key verification failed.: Connection reset by peer", "log in there once by ssh"),
        (
            "Cannot recv data: root@h: Permission denied (publickey).: Connection reset by peer",
            "ssh is refused there",
        ),
        ("Cannot recv data: sh: 1: nc: not found: Input/output error", "is the URI right"),
    ],
)
def test_a_libvirt_that_cannot_be_reached(said: str, message: str) -> None:
    broken, _runner = libvirt((1, "", f"error: failed to connect to the hypervisor\nerror: {said}\n"))
    with pytest.raises(OptionError) as caught:
        broken.virsh("list", check=False)
    assert str(caught.value).startswith("uri=qemu:///system: ")
    assert message in str(caught.value)


def test_another_failure_is_one_line_and_only_if_wanted() -> None:
    broken, runner = libvirt((1, "", "error: Failed to shutdown domain 'web'\nerror: domain is not running\n"))
    assert broken.virsh("shutdown", "web", check=False).rc == 1
    with pytest.raises(GoldsmithError) as caught:
        broken.virsh("shutdown", "web")
    assert str(caught.value) == "libvirt at qemu:///system refuses shutdown: domain is not running"
    assert runner.calls[0] == ["virsh", "--quiet", "--connect", "qemu:///system", "shutdown", "web"]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((0, "running (booted)\n\n", ""), State("running", "booted")),
        ((0, "shut off (destroyed)\n", ""), State("shut off", "destroyed")),
        ((0, "paused (I/O error)\n", ""), State("paused", "I/O error")),
        (NO_DOMAIN, None),
    ],
)
def test_state(answer: Answer, state: State | None) -> None:
    there, _runner = libvirt(answer)
    assert there.state("web") == state


def test_off() -> None:
    assert State("shut off", "destroyed").is_off
    assert not State("running").is_off


@pytest.mark.parametrize("question", ["state", "domain"])
def test_no_answer_is_not_taken_for_no_guest(question: str) -> None:
    broken, _runner = libvirt((1, "", "error: Timed out during operation\n"))
    with pytest.raises(GoldsmithError, match="Timed out during operation"):
        getattr(broken, question)("web")


def test_no_guest() -> None:
    there, _runner = libvirt(NO_DOMAIN)
    assert there.domain("web") is None


def test_a_guest_of_ours() -> None:
    there, _runner = libvirt((0, XML.format(uuid=virsh.our_uuid("web"), mark=MARK), ""))
    domain = there.domain("web")
    assert domain
    assert domain.is_ours
    assert domain.installation == "1-2"
    assert domain.disks == ("/pool/web.goldsmith.qcow2", "/pool/web.goldsmith.iso")
    assert (domain.network, domain.mac) == ("user", "52:54:00:a7:1d:e3")


@pytest.mark.parametrize("name", ["web", "other"])
def test_a_guest_of_others(name: str) -> None:
    uuid = "11111111-2222-3333-4444-555555555555" if name == "web" else virsh.our_uuid("other")
    domain = virsh.parse_domain(XML.format(uuid=uuid, mark=""))
    assert not domain.is_ours
    assert domain.installation == ""


def test_a_guest_without_network_or_disks() -> None:
    domain = virsh.parse_domain("<domain><name>web</name><uuid>x</uuid><devices/></domain>")
    assert (domain.network, domain.mac, domain.disks) == ("", "", ())


def test_an_answer_that_is_no_xml() -> None:
    with pytest.raises(GoldsmithError, match="cannot be read"):
        virsh.parse_domain("<domain>")


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (["running (booted)", "shut off (destroyed)"], ["destroy", "undefine"]),
        (["shut off (shutdown)", "shut off (shutdown)"], ["undefine"]),
        (["running (booted)", None], ["destroy"]),
        ([None, None], []),
    ],
    ids=["running", "off", "never defined", "none"],
)
def test_remove(states: list[str | None], words: list[str]) -> None:
    waiting = iter(states)

    def answer(argv: list[str]) -> Answer:
        if argv[4] != "domstate":
            return 0, "", ""
        state = next(waiting)
        return NO_DOMAIN if state is None else (0, f"{state}\n", "")

    runner = RecordingRunner(answer)
    Libvirt(runner, "qemu:///system").remove("web")  # type: ignore[arg-type]
    assert [call[4] for call in runner.calls if call[4] != "domstate"] == words
    assert "--nvram" in runner.calls[-1] or "undefine" not in words


@pytest.mark.parametrize(("listed", "has"), [("<domain type='qemu'/><domain type='kvm'/>", True), ("'qemu'", False)])
def test_kvm(listed: str, has: bool) -> None:
    there, _runner = libvirt((0, listed, ""))
    assert there.has_kvm() is has


@pytest.mark.parametrize("menu", ["", "<bootmenu enable='yes' timeout='4000'/>"])
def test_an_installed_guest_has_a_mark_and_starts_without_delay(menu: str) -> None:
    description = "<domain><os><boot dev='hd'/>\n  {}</os></domain>"
    runner = RecordingRunner(lambda argv: (0, description.format(menu), ""))
    there = Libvirt(runner, "qemu:///system")  # type: ignore[arg-type]
    there.mark_installed("web")
    words = [call[4] for call in runner.calls]
    assert words == (["dumpxml", "define", "metadata"] if menu else ["dumpxml", "metadata"])
    if menu:
        assert runner.options[1]["stdin"] == "<domain><os><boot dev='hd'/></os></domain>"
    there.mark_installed("web")
    marks = [call[call.index("--set") + 1] for call in runner.calls if call[4] == "metadata"]
    assert marks[0].startswith('<machine installation="')
    assert marks[0] != marks[1]
    assert "--config" in runner.calls[-1]
