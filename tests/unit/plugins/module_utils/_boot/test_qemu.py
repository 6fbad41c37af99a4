# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of QEMU, and the choice of the accelerator."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.hardware import hardware_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

UUID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
INTEL = "processor\t: 0\nflags\t\t: fpu vme vmx ssse3\n"
SANDBOX = "processor\t: 0\nflags\t\t: fpu vme ssse3 hypervisor\nbugs\t\t: vmxoff\n"


@pytest.fixture(autouse=True)
def qemu_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("qemu-system-x86_64", "qemu-system-aarch64"):
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.fixture
def machine(tmp_path: Path) -> qemu.Machine:
    return qemu.Machine(
        folder=tmp_path,
        name="web",
        uuid=UUID,
        type="q35",
        accelerator="tcg",
        memory=1 << 30,
        cpus=2,
        disks=(qemu.Disk("/images/disk.qcow2", "qcow2", 1 << 30),),
    )


def value_of(argv: list[str], option: str) -> str:
    return argv[argv.index(option) + 1]


def test_emulation_avoids_what_crashes_guests(machine: qemu.Machine) -> None:
    argv = qemu.command(machine)
    assert value_of(argv, "-accel") == "tcg,thread=multi"
    assert value_of(argv, "-cpu") == "max,-cx16,-la57,-erms,-fsrm"
    assert value_of(argv, "-smp") == "2"
    assert value_of(argv, "-m") == "1024"
    assert "-kernel" not in argv
    assert not any("pflash" in word for word in argv)


def test_a_machine_of_arm64(machine: qemu.Machine, tmp_path: Path) -> None:
    argv = qemu.command(replace(machine, architecture="arm64", type="virt"))
    assert argv[0] == str(tmp_path / "bin" / "qemu-system-aarch64")
    assert value_of(argv, "-machine") == "virt"
    assert value_of(argv, "-cpu") == "max,pauth-impdef=on"
    assert "-vga" not in argv
    assert value_of(qemu.command(machine), "-machine") == "q35,graphics=off"


def test_the_processors_of_another_architecture_are_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="x86_64"))
    assert qemu.choose_accelerator(Runner(), "auto", "arm64") == "tcg"
    with pytest.raises(OptionError, match="the processors of this host are x86_64, not aarch64"):
        qemu.choose_accelerator(Runner(), "kvm", "arm64")


def test_a_host_of_arm64_runs_its_own_by_kvm_and_emulates_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="aarch64"))
    device = tmp_path / "kvm"
    device.touch()
    assert qemu.choose_accelerator(Runner(), "auto", "arm64", device=str(device)) == "kvm"
    assert qemu.choose_accelerator(Runner(), "auto", "arm64", device=str(tmp_path / "none")) == "tcg"
    assert qemu.choose_accelerator(Runner(), "auto", "amd64", device=str(device)) == "tcg"


def test_kvm_gives_the_processor_of_the_host(machine: qemu.Machine) -> None:
    argv = qemu.command(replace(machine, accelerator="kvm"))
    assert (value_of(argv, "-accel"), value_of(argv, "-cpu")) == ("kvm", "host")


def test_no_disk_format_is_guessed(machine: qemu.Machine) -> None:
    iso = qemu.Disk("/images/config.iso", "raw", 4096, readonly=True)
    drives = [word for word in qemu.command(replace(machine, disks=(*machine.disks, iso))) if "if=none" in word]
    assert drives[0] == "if=none,id=disk0,format=qcow2,cache=unsafe,discard=unmap,file=/images/disk.qcow2"
    assert drives[1] == "if=none,id=disk1,format=raw,readonly=on,file=/images/config.iso"


def test_the_guest_reaches_nothing_unless_asked(machine: qemu.Machine) -> None:
    assert "restrict=on" in value_of(qemu.command(machine), "-netdev").split(",")
    assert "restrict=on" not in value_of(qemu.command(replace(machine, outbound=True)), "-netdev").split(",")


def test_a_guest_without_dhcp_is_reached_at_its_address(machine: qemu.Machine) -> None:
    assert "hostfwd=tcp:127.0.0.1:0-:22" in value_of(qemu.command(machine), "-netdev").split(",")
    argv = qemu.command(replace(machine, address="10.0.2.99"))
    assert "hostfwd=tcp:127.0.0.1:0-10.0.2.99:22" in value_of(argv, "-netdev").split(",")


def test_metadata_service_lies_in_the_network_of_the_guest(machine: qemu.Machine) -> None:
    network = value_of(qemu.command(replace(machine, metadata="python3 /a,b/metadata.py")), "-netdev")
    assert "net=169.0.0.0/8" in network
    assert network.split("guestfwd=")[1].startswith("tcp:169.254.169.254:80-cmd:python3 /a,,b/metadata.py")
    assert "guestfwd" not in value_of(qemu.command(machine), "-netdev")


def test_uefi_writes_to_its_own_variables_only(machine: qemu.Machine) -> None:
    argv = qemu.command(replace(machine, uefi=("/usr/share/OVMF/OVMF_CODE.fd", "/run/x/vars")))
    code, variables = [word for word in argv if "if=pflash" in word]
    assert "unit=0" in code
    assert "readonly=on" in code
    assert "unit=1" in variables
    assert variables.endswith("readonly=off,file=/run/x/vars")


def test_kernel_given_directly(machine: qemu.Machine) -> None:
    argv = qemu.command(replace(machine, kernel="/k", ramdisk="/r", kernel_args="root=/dev/vda console=ttyS0"))
    assert [value_of(argv, name) for name in ("-kernel", "-initrd", "-append")] == [
        "/k",
        "/r",
        "root=/dev/vda console=ttyS0",
    ]


def test_daemon_leaves_its_process_id(machine: qemu.Machine) -> None:
    argv = qemu.command(machine, daemon=True)
    assert "-daemonize" in argv
    assert value_of(argv, "-pidfile") == str(machine.folder / "pid")
    assert "-daemonize" not in qemu.command(machine)


def test_line_break_in_a_path_is_refused(machine: qemu.Machine) -> None:
    with pytest.raises(GoldsmithError, match="line break"):
        qemu.command(replace(machine, disks=(qemu.Disk("/a\nb", "raw", 1),)))


def test_process_id_of_another_program_is_not_ours(tmp_path: Path) -> None:
    assert qemu.daemon_pid(tmp_path) is None
    (tmp_path / "pid").write_text(f"{os.getpid()}\n")
    assert qemu.daemon_pid(tmp_path) is None


@pytest.mark.parametrize(
    ("cpuinfo", "device", "reason"),
    [
        (SANDBOX, "/dev/null", "neither vmx nor svm"),
        (INTEL, "/nonexistent/kvm", "cannot be opened"),
        (INTEL, "/dev/null", "executes nothing"),  # the QEMU of these tests ends at once
    ],
)
def test_kvm_only_where_it_works(tmp_path: Path, cpuinfo: str, device: str, reason: str) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(cpuinfo)
    places = {"cpuinfo": str(info), "device": device}
    assert qemu.choose_accelerator(Runner(), "auto", **places) == "tcg"
    with pytest.raises(OptionError, match=rf"^accelerator=kvm: .*{reason}.*; use tcg or auto$"):
        qemu.choose_accelerator(Runner(), "kvm", **places)


def test_kvm_where_the_firmware_runs(tmp_path: Path) -> None:
    (tmp_path / "bin" / "qemu-system-x86_64").write_text("#!/bin/sh\necho SeaBIOS\nsleep 60\n")
    info = tmp_path / "cpuinfo"
    info.write_text(INTEL)
    assert qemu.choose_accelerator(Runner(), "auto", cpuinfo=str(info), device="/dev/null") == "kvm"


def test_emulation_on_demand() -> None:
    assert qemu.choose_accelerator(Runner(), "tcg", cpuinfo="/nonexistent", device="/nonexistent") == "tcg"


@pytest.mark.parametrize(("accelerator", "cpus"), [("kvm", 2), ("tcg", 1)])
def test_an_emulated_guest_has_one_processor(accelerator: str, cpus: int) -> None:
    assert qemu.usual_cpus(accelerator) == cpus


def test_disks_and_the_card_are_those_that_the_image_asks_for(machine: qemu.Machine) -> None:
    argv = qemu.command(machine)
    assert "virtio-blk-pci,drive=disk0" in argv and f"virtio-net-pci,netdev=net0,mac={qemu.MAC}" in argv
    hardware = hardware_of({"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi", "hw_vif_model": "e1000e"})
    argv = qemu.command(replace(machine, hardware=hardware))
    assert "scsi-hd,bus=scsi.0,drive=disk0" in argv and f"e1000e,netdev=net0,mac={qemu.MAC}" in argv
    assert not any(word.startswith("virtio-blk") for word in argv)
