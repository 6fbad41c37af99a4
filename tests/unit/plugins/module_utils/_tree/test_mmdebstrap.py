# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mmdebstrap: its argv, and what its failures mean."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import mmdebstrap
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Source

REQUEST = mmdebstrap.Request("/build/tree", "trixie", "amd64", ("openssh-server", "vim"))
TAIL = "E: apt-get update --error-on=any -oAPT::Status-Fd=<$fd> failed\nE: mmdebstrap failed to run\n"


def after(argv: list[str], word: str) -> list[str]:
    return argv[argv.index(word) + 1 :]


def hooks(argv: list[str], word: str) -> list[str]:
    return [each.removeprefix(word) for each in argv if each.startswith(word)]


def test_the_least_that_is_asked() -> None:
    argv = mmdebstrap.command(REQUEST)
    assert argv[0] == "mmdebstrap"
    assert argv[-2:] == ["trixie", "/build/tree"]
    assert "--include=openssh-server,vim" in argv
    assert {"--mode=root", "--variant=minbase", "--components=main", "--architectures=amd64"} <= set(argv)
    assert not [
        word for word in argv if "Proxy" in word or "setup-hook" in word or "archives" in word or "path-" in word
    ]


def test_its_temporary_files_are_where_the_next_run_removes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    runner = RecordingRunner(lambda argv: (0, "", "deb http://deb.example/debian trixie main\n"))
    mmdebstrap.bootstrap(runner, REQUEST, [], lambda percent, note: None)
    mmdebstrap.release_sources(runner, REQUEST, [])
    for argv in runner.calls:
        assert f"TMPDIR={tmp_path}/goldsmith-mmdebstrap-" in " ".join(argv)
    assert len(runner.calls) == 2


def test_all_that_can_be_asked() -> None:
    request = replace(
        REQUEST,
        packages=(),
        sources=("deb http://deb.example/debian trixie main",),
        components=("main", "contrib"),
        exclude=("/usr/share/man/*",),
        include=("/usr/share/man/man1/*",),
        proxy="http://proxy.example:3128",
        expired=True,
    )
    argv = mmdebstrap.command(request)
    assert after(argv, "/build/tree") == ["deb http://deb.example/debian trixie main"]
    assert "--components=main,contrib" in argv
    assert not [word for word in argv if word.startswith("--include")]
    excluded, included = (
        argv.index("--dpkgopt=path-exclude=/usr/share/man/*"),
        "--dpkgopt=path-include=/usr/share/man/man1/*",
    )
    assert argv.index(included) > excluded, "the last one that matches counts"
    assert '--aptopt=Acquire::http::Proxy "http://proxy.example:3128"' in argv
    assert '--aptopt=Acquire::Check-Valid-Until "false"' in argv
    assert not [word for word in mmdebstrap.command(REQUEST) if "Valid" in word]


def test_the_folder_of_packages_is_a_word_of_the_shell() -> None:
    argv = mmdebstrap.command(replace(REQUEST, cache="/var/cache/o'brien; rm -rf /"))
    for word in ("--setup-hook=", "--customize-hook="):
        (hook,) = [hook for hook in hooks(argv, word) if "archives" in hook]
        assert shlex.quote("/var/cache/o'brien; rm -rf /") in hook
    assert "--skip=essential/unlink" in argv


def programs(folder: Path, **texts: str) -> dict[str, str]:
    """An environment in which these programs are others."""
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin"}


@pytest.mark.parametrize("kept", [True, False])
def test_packages_are_links_beside_the_tree(tmp_path: Path, kept: bool) -> None:
    cache, tree, inside = tmp_path / "it's a cache", tmp_path / "a tree", tmp_path / "a tree/var/cache/apt/archives"
    cache.mkdir()
    if kept:
        (cache / "kept.deb").write_text("kept")
    # The mount is a link for the time being.
    bind = f'test "$1" = --bind && echo "$3" >>{tmp_path}/mounted && rmdir "$3" && ln -s "$2" "$3"'
    environment = programs(tmp_path / "bin", mount=bind, umount='rm "$1" && mkdir "$1"')
    argv = mmdebstrap.command(replace(REQUEST, path=str(tree), cache=str(cache)))

    def run(word: str) -> None:
        (hook,) = [hook for hook in hooks(argv, word) if "archives" in hook]
        subprocess.run(["sh", "-c", hook, "sh", tree], env=environment, check=True)

    run("--setup-hook=")
    assert (tmp_path / "mounted").read_text() == f"{inside}\n"
    assert os.path.realpath(inside) == mmdebstrap.archives(str(tree))
    assert os.listdir(inside) == (["kept.deb"] if kept else [])
    # What apt does.
    (inside / "new.deb").write_text("new")
    run("--customize-hook=")
    assert os.listdir(inside) == [], "the tree lies in layers, and no link leads into it"
    assert sorted(os.listdir(cache)) == ([*(["kept.deb"] if kept else []), "new.deb"])
    assert (cache / "new.deb").samefile(f"{mmdebstrap.archives(str(tree))}/new.deb")


def test_lists_that_are_there_are_not_fetched_again(tmp_path: Path) -> None:
    lists, tree = tmp_path / "it's lists", tmp_path / "a tree"
    for folder in (lists / "partial", tree / "var/lib/apt/lists"):
        folder.mkdir(parents=True)
    for name in ("deb.example_debian_dists_trixie_InRelease", "deb.example_Packages.lz4", "lock"):
        (lists / name).write_text(name)
    argv = mmdebstrap.command(replace(REQUEST, lists=str(lists)))
    assert "--skip=update" in argv
    (hook,) = hooks(argv, "--setup-hook=")
    subprocess.run(["sh", "-c", hook, "sh", tree], check=True)
    assert sorted(os.listdir(tree / "var/lib/apt/lists")) == sorted(
        name for name in os.listdir(lists) if name.startswith("deb")
    )


def test_the_sources_of_a_release_are_what_mmdebstrap_writes() -> None:
    said = (
        "I: automatically chosen mode: root\ndeb http://deb.example/debian trixie main\n"
        "deb http://deb.example/debian-security trixie-security main\nE: setup failed: command failed\n"
    )
    runner = RecordingRunner(lambda argv: (1, "", said))
    assert mmdebstrap.release_sources(runner, replace(REQUEST, components=("main", "contrib")), ["enter"]) == (
        "deb http://deb.example/debian trixie main",
        "deb http://deb.example/debian-security trixie-security main",
    )
    argv = runner.calls[0]
    assert argv[0] == "enter" and argv[-2:] == ["trixie", "/dev/null"]
    assert {"--architectures=amd64", "--components=main,contrib"} <= set(argv)


def test_what_the_hook_says_of_sources(tmp_path: Path) -> None:
    runner = RecordingRunner(lambda argv: (1, "", "deb http://a main"))
    mmdebstrap.release_sources(runner, REQUEST, [])
    (hook,) = hooks(runner.calls[0], "--setup-hook=")
    for written in ("", "deb http://deb.example/debian trixie main\n"):
        (tmp_path / "etc/apt").mkdir(parents=True, exist_ok=True)
        (tmp_path / "etc/apt/sources.list").write_text(written)
        done = subprocess.run(["sh", "-c", hook, "sh", tmp_path], check=False, capture_output=True, text=True)
        # It fails on purpose: nothing more is to be made.
        assert (done.returncode, done.stdout, done.stderr) == (1, "", written)


def test_a_mmdebstrap_that_tells_no_sources() -> None:
    runner = RecordingRunner(lambda argv: (1, "", "I: working\nE: /dev/null is busy\nE: mmdebstrap failed to run\n"))
    with pytest.raises(GoldsmithError, match=r"could not make trixie: E: /dev/null is busy$"):
        mmdebstrap.release_sources(runner, REQUEST, [])


def test_files_are_words_of_the_shell(tmp_path: Path) -> None:
    request = mmdebstrap.Request(
        str(tmp_path), "trixie", "amd64", (), files=(("/etc/a b/c.conf", "it's $HOME\n", "0750"),)
    )
    subprocess.run(["sh", "-c", hooks(mmdebstrap.command(request), "--essential-hook=")[0], "sh", tmp_path], check=True)
    file = tmp_path / "etc/a b/c.conf"
    assert file.read_text() == "it's $HOME\n"
    assert file.stat().st_mode & 0o7777 == 0o750


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
        for hook in hooks(mmdebstrap.command(REQUEST), word):
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
    mmdebstrap.bootstrap(runner, REQUEST, ["unshare"], lambda percent, note: heard.append((percent, note)))
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
            "E: Failed to fetch http://deb.example/dists/trixie/InRelease  Unable to connect to deb.example:80:\n"
            + TAIL,
            "mirror=deb http://no.example/debian trixie main: deb.example:80 cannot be reached; "
            "check mirror, proxy and the network",
        ),
        (
            "E: Failed to fetch http://deb.example/debian/dists/trixie/main/binary-amd64/Packages  "
            "Write error - write (28: No space left on device)\n" + TAIL,
            "path=/build/tree: the disk is full; free some room there or choose another folder",
        ),
        (
            "E: Release file for http://deb.example/debian/dists/trixie-updates/InRelease is expired (invalid since "
            "359d 14h 30min 45s). Updates for this repository will not be applied.\n",
            "mirror=deb http://no.example/debian trixie main: "
            "http://deb.example/debian/dists/trixie-updates/InRelease is past its date; "
            "choose a mirror that is kept up to date, or accept it with mirror_expired=accept",
        ),
        (
            "E: Release file for http://deb.example/dists/trixie/InRelease is not valid yet (invalid for 2h).\n",
            "mirror=deb http://no.example/debian trixie main: http://deb.example/dists/trixie/InRelease "
            "is not valid yet by the clock of this host; set the clock",
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
        mmdebstrap.bootstrap(RecordingRunner(lambda argv: (25, said, "")), request, [], lambda percent, note: None)
    assert str(caught.value) == expected
    assert caught.value.facts["rc"] == 25
    assert caught.value.facts["stderr"] == said


def test_other_failures_give_the_first_error() -> None:
    said = "I: working\nE: something is odd\nE: mmdebstrap failed to run\n"
    with pytest.raises(GoldsmithError, match=r"could not make trixie: E: something is odd$"):
        mmdebstrap.bootstrap(RecordingRunner(lambda argv: (1, said, "")), REQUEST, [], lambda percent, note: None)


SOURCE = Source("company", "http://apt.example", ("stable",), ("main",), key="THE KEY", pin="release o=C", priority=900)


def test_a_source_beside_those_of_the_release(tmp_path: Path) -> None:
    request = replace(REQUEST, path=str(tmp_path), sources=("deb http://deb.example trixie main",), extra=(SOURCE,))
    argv = mmdebstrap.command(request)
    line = "deb [signed-by=/etc/apt/keyrings/company.asc] http://apt.example stable main"
    assert after(argv, str(tmp_path)) == ["deb http://deb.example trixie main", line]
    # The priority is there before the lists of packages are read.
    (hook,) = [hook for hook in hooks(argv, "--setup-hook=") if "preferences" in hook]
    subprocess.run(["sh", "-c", hook, "sh", tmp_path], check=True)
    assert "Pin-Priority: 900" in (tmp_path / "etc/apt/preferences.d/company").read_text()
    files = {path: text for path, text, _mode in mmdebstrap.sources_of(request)}
    assert files["/etc/apt/sources.list"] == "deb http://deb.example trixie main\n"
    assert files["/etc/apt/sources.list.d/company.list"] == f"{line}\n"
    assert files["/etc/apt/keyrings/company.asc"] == "THE KEY"
    assert mmdebstrap.sources_of(replace(request, extra=())) == [], "mmdebstrap has written them"


def test_the_host_reads_keys_of_the_tree_elsewhere_and_the_tree_has_them() -> None:
    runner = RecordingRunner()
    mmdebstrap.bootstrap(runner, replace(REQUEST, extra=(SOURCE,)), [], lambda percent, note: None)
    (line,) = [word for word in runner.calls[0] if word.startswith("deb ")]
    assert "signed-by=/etc/apt" not in line and "/company.asc] http://apt.example stable main" in line
    written = {call[-2]: options["stdin"] for call, options in zip(runner.calls[1:], runner.options[1:])}
    assert written["/etc/apt/keyrings/company.asc"] == "THE KEY"
    assert "signed-by=/etc/apt/keyrings/company.asc" in written["/etc/apt/sources.list.d/company.list"]


def test_a_mirror_that_is_a_folder_is_seen_in_the_tree() -> None:
    argv = mmdebstrap.command(replace(REQUEST, sources=("deb file:///srv/a/mirror/ trixie main",)))
    assert "--hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount" in argv
    (hook,) = [hook for hook in hooks(argv, "--customize-hook=") if "rmdir" in hook]
    assert hook.startswith("place=/srv/a/mirror;")
    others = mmdebstrap.command(replace(REQUEST, sources=("deb http://deb.example/file:/x trixie main",)))
    assert not [word for word in others if "hook-dir" in word or "rmdir" in word]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("E: Version '9' for 'jq' was not found\n", "jq"),
        ("E: Release 'trixie-backports' for 'linux-image-amd64' was not found\n", "linux-image-amd64"),
    ],
)
def test_a_version_that_no_source_has(said: str, name: str) -> None:
    result = RecordingRunner(lambda argv: (100, said, "")).run(["apt"], check=False)
    assert str(mmdebstrap.explain(REQUEST, result)) == (
        f"packages={name}: there is no such version in the sources; "
        "look for it with apt-cache policy, or add the source to image_sources"
    )
