# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repositories that tests make for other distributions: what real package managers say of them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from helpers.repositories import ubuntu
from helpers.repositories.distributions import DISTRIBUTIONS
from helpers.repositories.families import FAMILIES, Repository, repository
from helpers.repositories.rpm_repository import DAMAGED, GREETING, UNSATISFIED, UNSIGNED, WRONG_KEY
from helpers.tools import run_tool

RPM_FAMILIES = tuple(DISTRIBUTIONS)
_FEDORA = """
filesystem setup basesystem glibc glibc-minimal-langpack bash coreutils util-linux shadow-utils sudo rpm dnf tzdata
kernel kernel-core systemd systemd-udev dbus dracut dracut-config-generic grub2-tools grub2-pc-modules
grub2-efi-x64-modules NetworkManager openssh-server openssh-clients e2fsprogs xfsprogs btrfs-progs parted curl
ca-certificates iproute iputils less procps-ng hostname chrony selinux-policy-targeted policycoreutils
libselinux-utils python3-libselinux python3 cloud-init cloud-utils-growpart lvm2 vim-minimal rootfiles
system-release dnf-plugins-core
"""
_SUSE = """
filesystem glibc bash coreutils grep gzip xz util-linux shadow sudo rpm zypper timezone kernel-default
kernel-default-base systemd udev dbus-1 dracut grub2 grub2-i386-pc grub2-x86_64-efi NetworkManager openssh e2fsprogs
xfsprogs btrfsprogs parted curl ca-certificates-mozilla iproute2 iputils less procps hostname chrony
selinux-policy-targeted policycoreutils selinux-tools python3-selinux python3 cloud-init growpart lvm2 vim-small
perl-Bootloader openSUSE-release
"""
_UBUNTU = """
linux-image-virtual netplan.io cloud-init cloud-guest-utils cloud-initramfs-growroot openssh-server sudo
systemd-sysv systemd-resolved systemd-timesyncd dbus udev libpam-systemd iproute2 iputils-ping less procps vim-tiny
e2fsprogs fdisk curl ca-certificates lvm2 parted xfsprogs btrfs-progs grub-pc grub-efi-amd64-bin locales tzdata zstd
python3 netbase ubuntu-keyring
"""
PACKAGES = {"fedora": _FEDORA, "rhel": _FEDORA, "suse": _SUSE, "ubuntu": _UBUNTU}
_SECONDS = 300


def said(argv: list[str], folder: Path, **environment: str) -> tuple[int, str]:
    """The exit status of a program, and what it said."""
    result = subprocess.run(
        argv,
        check=False,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
    )
    return result.returncode, result.stdout


def dnf(made: Repository, folder: Path, *words: str, key: Path | None = None) -> tuple[int, str]:
    """Ask dnf, with an empty tree, by the key of the repository or by another."""
    for name in ("repos", "none", "cache", "log", "tree", "home"):
        (folder / name).mkdir(exist_ok=True)
    for number, part in enumerate((*made.parts, made.updates)):
        text = f"[part{number}]\nname=part\nbaseurl=file://{made.folder / part}\n"
        text += f"gpgcheck=1\ngpgkey=file://{key or made.key}\n"
        # The updates are for guests that have the first kernel.
        (folder / "repos" / f"{number}.repo").write_text(f"{text}enabled={int(part != made.updates)}\n")
    settings = {"reposdir": "repos", "varsdir": "none", "pluginpath": "none", "pluginconfpath": "none"}
    lines = [f"{name}={folder / value}\n" for name, value in settings.items()]
    (folder / "dnf.conf").write_text("[main]\ninstall_weak_deps=0\nskip_if_unavailable=0\n" + "".join(lines))
    argv = ["dnf", "--config", str(folder / "dnf.conf"), "--installroot", str(folder / "tree"), "--forcearch", "x86_64"]
    argv += ["--releasever", made.release, "--setopt=tsflags=test"]
    argv += [f"--setopt={name}={folder / value}" for name, value in (("cachedir", "cache"), ("logdir", "log"))]
    return said([*argv, f"--setopt=persistdir={folder / 'persist'}", *words], folder, HOME=str(folder / "home"))


class Apt:
    """An apt that knows one suite of the archive, and no other."""

    def __init__(self, made: Repository, folder: Path, suite: str, key: Path | None = None) -> None:
        self.folder = folder / suite
        for name in ("lists/partial", "cache/archives/partial", "packages"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "status").touch()
        line = f"deb [signed-by={key or made.key} arch=amd64] copy:{made.folder} {suite} main universe\n"
        (self.folder / "sources.list").write_text(line)
        settings = {
            "Dir::Etc::SourceList": self.folder / "sources.list",
            "Dir::Etc::SourceParts": "-",
            "Dir::State::Lists": self.folder / "lists",
            "Dir::State::Status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "APT::Sandbox::User": "root",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
        }
        self._options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]

    def run(self, program: str, *words: str) -> tuple[int, str]:
        """The exit status and the output."""
        return said([program, *self._options, *words], self.folder / "packages")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_account_can_read_it(family: str) -> None:
    made = repository(family)
    for path in (made.folder, *made.folder.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


@pytest.mark.parametrize("family", FAMILIES)
def test_the_key_is_the_one_that_is_named(family: str, tmp_path: Path) -> None:
    made = repository(family)
    (tmp_path / "home").mkdir(mode=0o700)
    argv = ["gpg", "--homedir", str(tmp_path / "home"), "--with-colons", "--show-keys"]
    assert f":{made.key_fingerprint}:" in run_tool([*argv, str(made.key)], cwd=tmp_path)
    assert made.key_fingerprint not in run_tool([*argv, str(made.wrong_key)], cwd=tmp_path)


@pytest.mark.parametrize("family", RPM_FAMILIES)
def test_rpms_verify_by_their_key_and_by_no_other(family: str, tmp_path: Path) -> None:
    made = repository(family)
    files = sorted(map(str, made.folder.rglob("*.rpm")))

    def verified(key: Path) -> set[str]:
        rpmkeys = ["rpmkeys", "--define", f"_dbpath {tmp_path / key.stem}"]
        run_tool([*rpmkeys, "--import", str(key)], cwd=tmp_path)
        _status, text = said([*rpmkeys, "--checksig", *files], tmp_path)
        return {line.partition(": ")[0] for line in text.splitlines() if line.endswith(": digests signatures OK")}

    faulty = {file for file in files if Path(file).name.startswith((f"{UNSIGNED}-", f"{WRONG_KEY}-", f"{DAMAGED}-"))}
    assert len(faulty) == 3
    assert verified(made.key) == set(files) - faulty
    assert {Path(file).name.rsplit("-", 2)[0] for file in verified(made.wrong_key)} == {WRONG_KEY}


@pytest.mark.parametrize("family", RPM_FAMILIES)
def test_the_packages_of_a_guest_can_be_installed(family: str, tmp_path: Path) -> None:
    made = repository(family)
    status, text = dnf(made, tmp_path, "--assumeno", "install", *PACKAGES[family].split())
    # It resolves them, and ends by our no.
    assert status == 1
    assert "Operation aborted." in text, text
    assert "Transaction Summary" in text


@pytest.mark.parametrize("family", RPM_FAMILIES)
def test_each_fault_is_refused_for_its_own_reason(family: str, tmp_path: Path) -> None:
    made = repository(family)
    expected = {
        UNSIGNED: f"Package {UNSIGNED}-1-1.{DISTRIBUTIONS[family].tag}.x86_64.rpm is not signed",
        WRONG_KEY: "Error: GPG check FAILED",
        DAMAGED: "has incorrect checksum",
        UNSATISFIED: "nothing provides goldsmith-that-nobody-has",
    }
    for number, (name, reason) in enumerate(expected.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        status, text = dnf(made, folder, "--assumeyes", "install", name)
        assert status == 1
        assert reason in text, text
    (tmp_path / "wrong").mkdir()
    status, text = dnf(made, tmp_path / "wrong", "--assumeyes", "install", GREETING, key=made.wrong_key)
    assert status == 1
    assert "Error: GPG check FAILED" in text, text
    (tmp_path / "good").mkdir()
    status, text = dnf(made, tmp_path / "good", "--assumeyes", "install", GREETING)
    assert status == 0, text


@pytest.mark.parametrize("family", RPM_FAMILIES)
def test_the_updates_have_another_kernel(family: str, tmp_path: Path) -> None:
    made = repository(family)
    kernel = DISTRIBUTIONS[family].kernel
    words = ["repoquery", "--enablerepo=*", "--list", kernel]
    status, text = dnf(made, tmp_path, *words)
    assert status == 0, text
    first, second = made.kernels
    assert first != second
    for version in made.kernels:
        assert f"/usr/lib/modules/{version}/vmlinuz" in text
    status, text = dnf(made, tmp_path, "repoquery", "--enablerepo=*", "--latest-limit=1", "--list", kernel)
    assert f"/usr/lib/modules/{second}/vmlinuz" in text
    assert f"/usr/lib/modules/{first}/vmlinuz" not in text


def test_zypper_takes_the_packages_of_a_guest(tmp_path: Path) -> None:
    made = repository("suse")
    for name in ("home", "repos", "tree"):
        (tmp_path / name).mkdir()
    (tmp_path / "zypp.conf").touch()
    text = f"[oss]\nname=oss\nenabled=1\nautorefresh=0\nbaseurl=file://{made.folder}\ngpgcheck=1\nrepo_gpgcheck=0\n"
    (tmp_path / "repos" / "oss.repo").write_text(text)
    (tmp_path / "home" / ".rpmmacros").write_text("%_dbpath /usr/lib/sysimage/rpm\n")
    argv = [
        "zypper",
        "--non-interactive",
        "--installroot",
        str(tmp_path / "tree"),
        "--reposd-dir",
        str(tmp_path / "repos"),
    ]
    argv += ["--cache-dir", str(tmp_path / "cache"), "--pkg-cache-dir", str(tmp_path / "cache" / "packages")]
    argv += ["install", "--dry-run", "--no-recommends", *PACKAGES["suse"].split()]
    status, text = said(argv, tmp_path, HOME=str(tmp_path / "home"), ZYPP_CONF=str(tmp_path / "zypp.conf"))
    assert status == 0, text
    assert "new packages to install" in text


def test_apt_takes_the_archive_of_ubuntu_by_its_key(tmp_path: Path) -> None:
    made = repository("ubuntu")
    apt = Apt(made, tmp_path, made.release)
    status, text = apt.run("apt-get", "update")
    assert status == 0, text
    status, text = apt.run("apt-get", "--simulate", "install", "apt", *PACKAGES["ubuntu"].split())
    assert status == 0, text
    assert f"Inst linux-image-{made.kernels[0]} " in text
    assert apt.run("apt-get", "download", GREETING)[0] == 0
    status, text = apt.run("apt-get", "download", DAMAGED)
    assert status == 100
    assert "Hash Sum mismatch" in text, text
    status, text = apt.run("apt-get", "--simulate", "install", UNSATISFIED)
    assert status == 100
    assert "Depends: goldsmith-that-nobody-has but it is not installable" in text, text


def test_apt_finds_another_kernel_in_the_updates_of_ubuntu(tmp_path: Path) -> None:
    made = repository("ubuntu")
    apt = Apt(made, tmp_path, made.updates)
    assert apt.run("apt-get", "update")[0] == 0
    _status, text = apt.run("apt-cache", "depends", "linux-image-virtual")
    assert f"Depends: linux-image-{made.kernels[1]}" in text, text


@pytest.mark.parametrize(
    ("suite", "reason"),
    [
        (ubuntu.UNSIGNED_SUITE, "is not signed"),
        (ubuntu.WRONG_KEY_SUITE, "NO_PUBKEY"),
        (ubuntu.RELEASE, "NO_PUBKEY"),
    ],
)
def test_apt_refuses_another_signature(tmp_path: Path, suite: str, reason: str) -> None:
    made = repository("ubuntu")
    apt = Apt(made, tmp_path, suite, made.wrong_key if suite == ubuntu.RELEASE else None)
    status, text = apt.run("apt-get", "update")
    assert status == 100
    assert reason in text, text


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(ValueError, match="family=gentoo: not known; the families are fedora, rhel, suse, ubuntu"):
        repository("gentoo")
