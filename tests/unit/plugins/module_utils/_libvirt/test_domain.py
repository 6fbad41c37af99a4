# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt tells of guests, their disks and volumes, as it was recorded."""

from __future__ import annotations

import pytest
from helpers.runners import Answer, RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import domain

URI = "qemu+ssh://root@kvm1.example/system"
GUEST = """\
<domain type='kvm' id='3'><name>web</name><devices>
<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><target dev='sda' bus='sata'/><readonly/></disk>
<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source file='/var/lib/x.qcow2'/>
<backingStore/><target dev='vda' bus='virtio'/></disk>
<disk type='volume' device='disk'><driver name='qemu' type='raw'/><source pool='p' volume='v'/><target dev='vdb'/>
</disk>
<disk type='block'><source dev='/dev/vg/lv'/><target dev='vdc' bus='virtio'/></disk>
<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='rbd' name='x'/>
<target dev='vdd' bus='virtio'/></disk>
</devices></domain>
"""
VOLUME = """\
<volume type='file'><name>x.qcow2</name><key>/var/lib/x.qcow2</key>
<capacity unit='bytes'>1000</capacity><allocation unit='bytes'>300</allocation><physical unit='bytes'>400</physical>
<target><path>/var/lib/x.qcow2</path><format type='qcow2'/><timestamps><mtime>17.5</mtime></timestamps></target>
</volume>
"""


def test_disks_of_a_guest() -> None:
    disks = domain.parse_disks(GUEST)
    assert disks == [
        domain.Disk("vda", "qcow2", "/var/lib/x.qcow2"),
        domain.Disk("vdb", "raw", pool="p", volume="v"),
        # Without a driver libvirt takes it for raw.
        domain.Disk("vdc", "raw", "/dev/vg/lv"),
        domain.Disk("vdd", "raw"),
    ]
    assert domain.choose(disks, None, "web").target == "vda"
    assert domain.choose(disks, "vdc", "web").path == "/dev/vg/lv"
    with pytest.raises(OptionError, match="target=sda: is no disk of the guest web; its disks are: vda, vdb, vdc, vdd"):
        domain.choose(disks, "sda", "web")
    with pytest.raises(OptionError, match="target=vdd: the disk of web is neither a file nor a volume"):
        domain.choose(disks, "vdd", "web")
    with pytest.raises(OptionError, match="its disks are: none"):
        domain.choose([], None, "web")


def test_a_format_that_names_other_files() -> None:
    with pytest.raises(GoldsmithError, match="has the format vmdk; usable are qcow2, raw, vdi, vpc"):
        domain.parse_disks(GUEST.replace("qcow2", "vmdk"))


def test_facts_of_a_volume() -> None:
    assert domain.parse_volume(VOLUME, "/var/lib/x.qcow2") == domain.StorageVolume(
        "/var/lib/x.qcow2", 1000, 300, 400, "17.5"
    )
    old = domain.parse_volume("<volume><capacity>1000</capacity></volume>", "/x")
    assert (old.physical, old.mtime) == (1000, "")
    with pytest.raises(GoldsmithError, match="cannot be read"):
        domain.parse_volume("error", "/x")


@pytest.mark.parametrize(
    ("state", "saved", "said"),
    [
        ("running (booted)", "no", "the guest web is not off but running; shut it down, for example with"),
        ("paused (user)", "no", "the guest web is not off but paused"),
        ("shut off (saved)", "yes", "the guest web is not shut down but saved; start it"),
    ],
)
def test_guests_whose_disk_is_in_use(state: str, saved: str, said: str) -> None:
    def answer(argv: list[str]) -> Answer:
        return (0, state if "domstate" in argv else f"Id: -\nManaged save: {saved}\n", "")

    with pytest.raises(GoldsmithError, match=said):
        domain.Host(RecordingRunner(answer), URI).require_shut_off("web")


def test_a_guest_that_is_off_and_one_that_is_not_there() -> None:
    runner = RecordingRunner(lambda argv: (0, "shut off (destroyed)" if "domstate" in argv else "Managed save: no", ""))
    domain.Host(runner, URI).require_shut_off("web")
    assert runner.calls[0][:4] == ["virsh", "--quiet", "--connect", URI]
    none = RecordingRunner(lambda argv: (1, "", "error: failed to get domain 'web'\n"))
    with pytest.raises(OptionError, match="name=web: there is no such guest at qemu"):
        domain.Host(none, URI).require_shut_off("web")


@pytest.mark.parametrize(
    ("uri", "local"),
    [
        ("qemu:///system", True),
        ("qemu:///session", True),
        ("qemu+unix:///system?socket=/x", True),
        ("qemu+ssh://localhost/system", False),
        # There may be a tunnel behind it.
        ("qemu+tcp://127.0.0.1:1/system", False),
    ],
)
def test_whose_files_they_are(uri: str, local: bool) -> None:
    assert domain.Host(RecordingRunner(), uri).is_local is local


def test_pools_are_looked_at_again() -> None:
    def answer(argv: list[str]) -> Answer | None:
        if "vol-pool" in argv:
            return (1, "", "error: failed to get vol")
        return (0, "one\n\n two\n", "") if "pool-list" in argv else (0, VOLUME, "")

    runner = RecordingRunner(answer)
    assert domain.Host(runner, URI).volume("/var/lib/x.qcow2").physical == 400
    refreshed = [call[-1] for call in runner.calls if "pool-refresh" in call]
    assert refreshed == ["one", "two"]


def test_a_file_in_no_pool() -> None:
    runner = RecordingRunner(lambda argv: (0, "", "") if "pool-list" in argv else (1, "", "error: not found\n"))
    with pytest.raises(
        GoldsmithError, match=r"cannot read /srv/x.img: not found; it must lie in an active storage pool"
    ):
        domain.Host(runner, URI).volume("/srv/x.img")


def test_a_libvirt_without_sparse_streams() -> None:
    runner = RecordingRunner(lambda argv: (1, "", "error: unknown option --sparse") if "--sparse" in argv else None)
    assert domain.Host(runner, URI).download("/x", "/out", start=5, size=7) == ""
    assert runner.calls[-1][4:] == ["vol-download", "--vol", "/x", "--file", "/out", "--offset", "5", "--length", "7"]
    broken = RecordingRunner(lambda argv: (1, "", "error: failed to connect to the hypervisor\nerror: refused"))
    assert "refused" in domain.Host(broken, URI).download("/x", "/out", start=0, size=1)
