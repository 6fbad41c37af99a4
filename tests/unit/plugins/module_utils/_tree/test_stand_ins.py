# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that stand in for those that need a running system: by their names, with files of a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stand_ins


class Programs:
    """Runs a stand-in over a folder in the place of /."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("etc/sysctl.d", "usr/lib/sysctl.d", "usr/share/zoneinfo", "run/goldsmith"):
            (root / name).mkdir(parents=True)

    def run(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        text = stand_ins.PROGRAM
        for folder in ("/usr/lib/sysctl.d", "/usr/share/", "/run/goldsmith", "/usr/local/sbin"):
            text = text.replace(folder, f"{self.root}{folder}")
        for begin, folder in ((begin, folder) for begin in (" ", ">", '"') for folder in ("/etc/", "/var/lib/")):
            text = text.replace(f"{begin}{folder}", f"{begin}{self.root}{folder}")
        argv = ["sh", "-c", f"name={name}\n{text}", name, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    def notes(self) -> list[str]:
        path = self.root / "run/goldsmith/notes"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sysctl", ["--system"]),
        ("sysctl", ["-p"]),
        ("sysctl", ["-p/etc/sysctl.conf"]),
        ("sysctl", ["-w", "vm.swappiness=10"]),
        ("sysctl", ["vm.swappiness=10"]),
        ("modprobe", ["br_netfilter"]),
        ("modprobe", ["-r", "br_netfilter"]),
        ("swapon", ["/swapfile"]),
        ("swapoff", ["-a"]),
        ("hwclock", ["--systohc"]),
        ("timedatectl", ["set-ntp", "true"]),
        ("update-grub", []),
        ("grub2-mkconfig", ["-o", "/boot/grub2/grub.cfg"]),
        ("shutdown", ["-r", "now"]),
    ],
)
def test_what_would_reach_the_kernel_is_noted(programs: Programs, name: str, words: list[str]) -> None:
    done = programs.run(name, *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [note.split()[0] for note in programs.notes()] == [name]


def test_values_of_the_kernel_are_those_of_the_files(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "usr/lib/sysctl.d/50.conf").write_text("# a comment\nvm.swappiness = 60\n-net.x=1\n")
    (tmp_path / "etc/sysctl.d/99.conf").write_text("vm.swappiness=10\n")
    assert programs.run("sysctl", "vm.swappiness").stdout == "vm.swappiness = 10\n"
    assert programs.run("sysctl", "-n", "vm.swappiness", "net.x").stdout == "10\n1\n"
    assert programs.run("sysctl", "-e", "-n", "kernel.pid_max").returncode == 0
    unknown = programs.run("sysctl", "kernel.pid_max")
    assert unknown.returncode == 1
    assert "no file of the tree sets it" in unknown.stderr
    assert programs.notes() == []


def test_questions_go_to_the_program_itself(programs: Programs, tmp_path: Path) -> None:
    own = tmp_path / "usr/local/sbin/modprobe"
    own.parent.mkdir(parents=True)
    own.write_text("#!/bin/sh\necho own $*\n")
    own.chmod(0o755)
    assert programs.run("modprobe", "--all", "--show-depends", "ext4").stdout == "own --all --show-depends ext4\n"
    assert programs.run("modprobe", "-n", "ext4").stdout == "own -n ext4\n"
    assert programs.notes() == []


def test_the_name_of_the_host(programs: Programs, tmp_path: Path) -> None:
    name = tmp_path / "etc/hostname"
    assert programs.run("hostnamectl", "set-hostname", "web1").returncode == 0
    assert name.read_text() == "web1\n"
    assert programs.run("hostnamectl", "--transient", "set-hostname", "web2").returncode == 0
    assert programs.run("hostnamectl", "--static", "status").stdout == "web1\n"
    assert programs.run("hostnamectl", "hostname").stdout == "web1\n"
    assert programs.run("hostnamectl").stdout == "   Static hostname: web1\n"
    assert programs.run("hostnamectl", "--pretty", "set-hostname", "A name").returncode == 0
    assert programs.run("hostnamectl", "--pretty", "status").stdout == "A name\n"


def test_the_time_zone(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "usr/share/zoneinfo/UTC").write_text("")
    assert programs.run("timedatectl", "set-timezone", "UTC").returncode == 0
    assert (tmp_path / "etc/localtime").readlink() == tmp_path / "usr/share/zoneinfo/UTC"
    assert programs.run("timedatectl", "set-timezone", "Mars").returncode == 1


def test_a_user_whose_services_start_with_the_system(programs: Programs, tmp_path: Path) -> None:
    folder = tmp_path / "var/lib/systemd/linger"
    assert programs.run("loginctl", "--no-ask-password", "enable-linger", "nobody", "root").returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == ["nobody", "root"]
    assert programs.run("loginctl", "disable-linger", "nobody").returncode == 0
    assert [path.name for path in folder.iterdir()] == ["root"]
    unknown = programs.run("loginctl", "enable-linger", "nobody-else")
    assert (unknown.returncode, unknown.stderr) == (1, "loginctl: unknown user nobody-else\n")
    assert programs.notes() == []


@pytest.mark.root
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-H", "-S", "-n", "-u", "root", "id", "-un"], "root"),
        (["-u", "nobody", "id", "-un"], "nobody"),
        (["-unobody", "-p", "a prompt", "--", "sh", "-c", "echo $USER $SUDO_USER"], "nobody root"),
        (["--user=nobody", "A=1 2", "sh", "-c", "echo $A"], "1 2"),
    ],
)
def test_another_account(programs: Programs, words: list[str], said: str) -> None:
    done = programs.run("sudo", *words)
    assert (done.stdout, done.stderr) == (f"{said}\n", "")


@pytest.mark.root
def test_an_account_that_is_not_there(programs: Programs) -> None:
    done = programs.run("sudo", "-u", "nobody-else", "id")
    assert (done.returncode, done.stderr) == (1, "sudo: unknown user nobody-else\n")
