# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mmdebstrap: its argv, what its failures mean, and the build host's own sources."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils import _mmdebstrap
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError, OptionError

REQUEST = _mmdebstrap.Request("/build/tree", "trixie", "amd64", ("openssh-server", "vim"))
TAIL = "E: apt-get update --error-on=any -oAPT::Status-Fd=<$fd> failed\nE: mmdebstrap failed to run\n"


def after(argv: list[str], word: str) -> list[str]:
    return argv[argv.index(word) + 1 :]


def hooks(argv: list[str], word: str) -> list[str]:
    return [each.removeprefix(word) for each in argv if each.startswith(word)]


def test_the_least_that_is_asked() -> None:
    argv = _mmdebstrap.command(REQUEST)
    assert argv[0] == "mmdebstrap"
    assert argv[-2:] == ["trixie", "/build/tree"]
    assert "--include=openssh-server,vim" in argv
    assert {"--mode=root", "--variant=minbase", "--components=main", "--architectures=amd64"} <= set(argv)
    assert not [
        word for word in argv if "Proxy" in word or "setup-hook" in word or "archives" in word or "path-" in word
    ]


def test_all_that_can_be_asked() -> None:
    request = replace(
        REQUEST,
        packages=(),
        sources=("deb http://deb.example/debian trixie main",),
        components=("main", "contrib"),
        exclude=("/usr/share/man/*",),
        include=("/usr/share/man/man1/*",),
        proxy="http://proxy.example:3128",
    )
    argv = _mmdebstrap.command(request)
    assert after(argv, "/build/tree") == ["deb http://deb.example/debian trixie main"]
    assert "--components=main,contrib" in argv
    assert not [word for word in argv if word.startswith("--include")]
    excluded, included = (
        argv.index("--dpkgopt=path-exclude=/usr/share/man/*"),
        "--dpkgopt=path-include=/usr/share/man/man1/*",
    )
    assert argv.index(included) > excluded, "the last one that matches counts"
    assert '--aptopt=Acquire::http::Proxy "http://proxy.example:3128"' in argv


def test_the_folder_of_packages_is_a_word_of_the_shell() -> None:
    argv = _mmdebstrap.command(replace(REQUEST, cache="/var/cache/o'brien; rm -rf /"))
    for word in ("--setup-hook=", "--customize-hook="):
        (hook,) = [hook for hook in hooks(argv, word) if "archives" in hook]
        assert "'/var/cache/o'\\''brien; rm -rf /'" in hook
    assert "--skip=essential/unlink" in argv


def test_files_are_words_of_the_shell(tmp_path: Path) -> None:
    request = _mmdebstrap.Request(str(tmp_path), "trixie", "amd64", (), files=(("/etc/a b/c.conf", "it's $HOME\n"),))
    subprocess.run(
        ["sh", "-c", hooks(_mmdebstrap.command(request), "--essential-hook=")[0], "sh", tmp_path], check=True
    )
    assert (tmp_path / "etc/a b/c.conf").read_text() == "it's $HOME\n"


CHROOT = """#!/bin/sh
tree=$1 program=$2
shift 2
case $program in
    dpkg-divert) exec dpkg-divert --root "$tree" "$@" ;;
    *) exec "$tree/usr/sbin/$program" "$@" ;;
esac
"""


@pytest.mark.parametrize("unpacked", [True, False])
def test_the_initramfs_is_made_once_by_the_program_of_the_package(tmp_path: Path, unpacked: bool) -> None:
    tree, made = tmp_path / "tree", tmp_path / "made"
    program = tree / "usr/sbin/update-initramfs"
    for folder in ("usr/sbin", "var/lib/dpkg/info"):
        (tree / folder).mkdir(parents=True)
    (tree / "var/lib/dpkg/status").touch()
    (tmp_path / "chroot").write_text(CHROOT)
    (tmp_path / "chroot").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin"}

    def run(word: str) -> None:
        for hook in hooks(_mmdebstrap.command(REQUEST), word):
            subprocess.run(["sh", "-c", hook, "sh", str(tree)], env=environment, check=True)

    run("--essential-hook=")
    if unpacked:
        diverted = program.with_name(f"{program.name}.distrib")
        diverted.write_text(f'#!/bin/sh\necho "$@" >>{made}\n')
        diverted.chmod(0o755)
    # What the scripts of packages do.
    subprocess.run([program, "-u"], check=True)
    assert not made.exists()
    run("--customize-hook=")
    assert [path.name for path in program.parent.iterdir()] == ([program.name] if unpacked else [])
    assert made.exists() == unpacked
    assert not unpacked or made.read_text() == "-c -k all\n"
    assert not (tree / "var/lib/dpkg/diversions").read_text()


def test_stages_are_told_and_times_are_fixed() -> None:
    said = (
        "I: running apt-get update...\nI: downloading packages with apt...\nI: installing remaining packages inside\n"
    )
    runner, heard = RecordingRunner(lambda argv: (0, said, "")), []
    _mmdebstrap.bootstrap(runner, REQUEST, ["unshare"], lambda percent, note: heard.append((percent, note)))
    assert [percent for percent, _note in heard] == sorted(percent for percent, _note in heard)
    assert heard[-1][1] == "installing packages"
    assert runner.calls[0][0] == "unshare"
    words = runner.calls[0]
    assert {"DPKG_FORCE=unsafe-io", "SOURCE_DATE_EPOCH=1577836800"} < set(words[words.index("-i") :])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "Reading package lists...\nE: Unable to locate package no-such-package\n"
            "E: setup failed: E: apt-get --yes install no-such-package failed\n",
            "packages=no-such-package: there is no such package in trixie; look for its name",
        ),
        (
            "Package old is not available, but is referred to by another package.\n"
            "E: Package 'old' has no installation candidate\n",
            "packages=old: cannot be had in trixie; look for its name",
        ),
        (
            "Ign:1 http://deb.example/debian trixie InRelease\n  404  Not Found [IP: 192.0.2.1 80]\n"
            "E: The repository 'http://deb.example/debian trixie Release' does not have a Release file.\n" + TAIL,
            "release=trixie: the mirror has no such release; check release and mirror",
        ),
        (
            "E: Failed to fetch http://no.example/debian/dists/trixie/InRelease  Could not resolve 'no.example'\n"
            "E: Some index files failed to download.\n" + TAIL,
            "mirror=deb http://no.example/debian trixie main: no.example the name cannot be resolved; "
            "check mirror and the network",
        ),
        (
            "Err:1 http://127.0.0.1:1/debian trixie InRelease\n"
            "  Could not connect to 127.0.0.1:1 (127.0.0.1). - connect (111: Connection refused)\n"
            "E: Failed to fetch http://127.0.0.1:1/debian/dists/trixie/InRelease  Could not connect to 127.0.0.1:1\n"
            + TAIL,
            "mirror=deb http://no.example/debian trixie main: 127.0.0.1:1 cannot be reached; "
            "check mirror, proxy and the network",
        ),
        (
            "E: Failed to fetch http://deb.example/debian/dists/trixie/main/binary-amd64/Packages  "
            "Write error - write (28: No space left on device)\n" + TAIL,
            "path=/build/tree: the disk is full; free some room there or choose another folder",
        ),
        (
            "W: GPG error: http://deb.example/debian trixie InRelease: The following signatures couldn't be verified "
            "because the public key is not available: NO_PUBKEY 0E98404D386FA1D9\n"
            "E: The repository 'http://deb.example/debian trixie InRelease' is not signed.\n" + TAIL,
            "mirror=deb http://no.example/debian trixie main: its signature cannot be verified; "
            "install the archive's keyring, for Debian debian-archive-keyring",
        ),
        (
            "The following packages have unmet dependencies:\n a : Depends: b\nE: Unable to correct problems\n",
            "packages=openssh-server,vim: cannot be installed together; see the dependencies in stderr",
        ),
    ],
)
def test_failures_name_the_option_and_the_remedy(said: str, expected: str) -> None:
    request = replace(REQUEST, sources=("deb http://no.example/debian trixie main",))
    with pytest.raises(OptionError) as caught:
        _mmdebstrap.bootstrap(RecordingRunner(lambda argv: (25, said, "")), request, [], lambda percent, note: None)
    assert str(caught.value) == expected
    assert caught.value.facts["rc"] == 25
    assert caught.value.facts["stderr"] == said


def test_other_failures_give_the_first_error() -> None:
    said = "I: working\nE: something is odd\nE: mmdebstrap failed to run\n"
    with pytest.raises(GoldsmithError, match=r"could not make trixie: E: something is odd$"):
        _mmdebstrap.bootstrap(RecordingRunner(lambda argv: (1, said, "")), REQUEST, [], lambda percent, note: None)


ONE_LINE = """\
# deb http://commented.example/debian trixie main
deb [signed-by=/usr/share/keyrings/a.gpg arch=amd64] http://deb.example/debian trixie main contrib
deb http://deb.example/debian trixie-updates main
deb-src http://deb.example/debian trixie main
deb http://deb.example/debian bookworm main
deb http://deb.example/debian trixiebackports main
deb http://flat.example/ ./
"""
DEB822 = """\
# A comment
Types: deb deb-src
URIs: http://deb.example/debian http://two.example/debian
Suites: trixie trixie-updates
# between the fields
Components: main
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
uris: http://security.example/debian-security
Suites: trixie-security bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main
Enabled: No

Types: deb-src
URIs: http://source.example/debian
Suites: trixie
Components: main
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stands for /etc/apt."""
    (tmp_path / "sources.list.d").mkdir()
    place = {"/etc/apt": str(tmp_path)}

    def moved(path: str) -> str:
        return path.replace("/etc/apt", place["/etc/apt"])

    def opener(path: str, **more: str) -> IO[str]:
        return Path(moved(path)).open(**more)

    isdir, isfile, listdir = os.path.isdir, os.path.isfile, os.listdir
    monkeypatch.setattr(_mmdebstrap.os.path, "isdir", lambda path: isdir(moved(path)))
    monkeypatch.setattr(_mmdebstrap.os.path, "isfile", lambda path: isfile(moved(path)))
    monkeypatch.setattr(_mmdebstrap.os, "listdir", lambda path: listdir(moved(path)))
    monkeypatch.setattr(_mmdebstrap, "open", opener, raising=False)
    return tmp_path


def test_sources_in_lines(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE)
    (apt / "sources.list.d" / "old.list.save").write_text("deb http://saved.example/debian trixie main\n")
    assert _mmdebstrap.host_sources("trixie") == (
        "deb [signed-by=/usr/share/keyrings/a.gpg arch=amd64] http://deb.example/debian trixie main contrib",
        "deb http://deb.example/debian trixie-updates main",
    )


def test_sources_in_stanzas(apt: Path) -> None:
    (apt / "sources.list.d" / "debian.sources").write_text(DEB822)
    signed = "[signed-by=/usr/share/keyrings/debian.gpg] "
    assert _mmdebstrap.host_sources("trixie") == (
        f"deb {signed}http://deb.example/debian trixie main",
        f"deb {signed}http://deb.example/debian trixie-updates main",
        f"deb {signed}http://two.example/debian trixie main",
        f"deb {signed}http://two.example/debian trixie-updates main",
        "deb http://security.example/debian-security trixie-security main",
    )


def test_a_host_without_a_source_for_the_release(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE)
    with pytest.raises(OptionError, match="mirror=host: the build host has no apt source for forky"):
        _mmdebstrap.host_sources("forky")
