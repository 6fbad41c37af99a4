# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bases: containers from archives, layouts and registries; files that are fetched and verified; what is refused."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.bases import RELEASE, base_archive, base_disk
from helpers.disks import MIB, tool
from helpers.file_server import QuietFiles, served
from helpers.modules import run_module
from helpers.registry import registry
from helpers.repositories.apt_archive import index_suite, make_deb
from helpers.repositories.signing import Key, key_home, make_key
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.base import ContainerBase
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.base_file import BaseFile
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

pytestmark = [pytest.mark.root, pytest.mark.timeout(1200)]
CONTENT = b"what is fetched" * 100_000


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout of a small image: a layer, and one that takes away and adds."""
    folder = tmp_path_factory.mktemp("container")
    image, bundle = f"{folder}/image:latest", folder / "bundle"
    tool("umoci", "init", "--layout", folder / "image")
    tool("umoci", "new", "--image", image)
    tool("umoci", "unpack", "--image", image, bundle)
    root = bundle / "rootfs"
    for name in ("usr/bin", "etc/gone", "etc/kept"):
        (root / name).mkdir(parents=True)
    for name in ("etc/first", "etc/gone/file", "etc/kept/file"):
        (root / name).write_text(name)
    shutil.copy("/bin/true", root / "usr/bin/program")
    os.setxattr(root / "usr/bin/program", "security.capability", bytes.fromhex("0100000200200000" + "00" * 12))
    os.link(root / "etc/first", root / "etc/linked")
    os.chown(root / "etc/first", 33, 1234)
    (root / "usr/bin/program").chmod(0o4750)
    (root / "bin").symlink_to("usr/bin")
    tool("umoci", "repack", "--refresh-bundle", "--image", image, bundle)
    shutil.rmtree(root / "etc/gone")
    (root / "etc/kept/file").unlink()
    (root / "etc/second").write_text("second")
    tool("umoci", "repack", "--image", image, bundle)
    shutil.rmtree(bundle)
    return folder / "image"


def seen(tree: str) -> str:
    """All of a tree, as its namespaces see it."""
    look = 'cd "$1" && find . -exec stat -c "%n %A %u:%g %h %s" {} + | sort; getfattr -d -m security usr/bin/program'
    return Runner().run([*namespaces.prefix(), "sh", "-c", look, "look", tree]).stdout


def lay(source: str, folder: Path) -> str:
    folder.mkdir()
    ContainerBase(Runner(), source, "amd64").lay(str(folder))
    return seen(str(folder))


def test_the_layers_of_a_container(container: Path, tmp_path: Path) -> None:
    said = lay(f"oci:{container}:latest", tmp_path / "one")
    names = [line.split()[0] for line in said.splitlines() if line.startswith("./")]
    assert names == ["./bin", "./etc", "./etc/first", "./etc/kept", "./etc/linked", "./etc/second", "./usr",
                     "./usr/bin", "./usr/bin/program"]  # fmt: skip
    assert "./etc/first -rw-r--r-- 33:1234 2 9" in said
    assert "./usr/bin/program -rwsr-x--- 0:0" in said
    assert "security.capability=0sAQAAAgAgAAAAAAAAAAAAAAAAAAA=" in said
    tool("skopeo", "copy", "-q", "--insecure-policy", f"oci:{container}:latest", f"oci-archive:{tmp_path}/a.tar:latest")
    assert lay(f"oci:{tmp_path}/a.tar", tmp_path / "two") == said
    # Where there is only one, it needs no tag.
    assert lay(f"oci:{container}", tmp_path / "three") == said


def test_an_ordinary_user_gets_the_same(container: Path, tmp_path: Path) -> None:
    expected = lay(f"oci:{container}:latest", tmp_path / "root's")
    with ordinary_user() as (name, folder):
        tool("cp", "-r", container, folder / "image")
        tool("chmod", "-R", "a+rX", folder / "image")

        def work() -> str:
            sys.executable = "/usr/bin/python3"  # that of the tests may lie in a home folder
            said = lay(f"oci:{folder}/image:latest", folder / "tree")
            Runner().run([*namespaces.prefix(), "rm", "-r", str(folder / "tree")])
            return said

        assert run_as(name, work) == expected
        shutil.rmtree(f"/var/tmp/goldsmith-base-{folder.stat().st_uid}")


def test_a_container_of_a_registry(container: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "home/.config/containers/registries.conf"
    settings.parent.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with registry(container) as (host, digest):
        settings.write_text(f'[[registry]]\nlocation = "{host}"\ninsecure = true\n')
        source = f"oci:docker://{host}/some/image@{digest}"
        assert lay(source, tmp_path / "one") == lay(f"oci:{container}", tmp_path / "two")
        assert ContainerBase(Runner(), source, "amd64").identity == digest
        wrong = f"oci:docker://{host}/some/image@sha256:{'0' * 64}"
        (tmp_path / "three").mkdir()
        with pytest.raises(GoldsmithError, match=f"base={wrong}: cannot be used: .*") as error:
            ContainerBase(Runner(), wrong, "amd64").lay(str(tmp_path / "three"))
        assert "\n" not in str(error.value)


class _Files(QuietFiles):
    asked: list[str] = []

    def do_GET(self) -> None:  # noqa: N802 (the name is the library's)
        self.asked.append(self.path)
        if self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
            return
        super().do_GET()


@pytest.fixture
def bases(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server, and the folder whose files it has."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "base.raw").write_bytes(CONTENT)
    _Files.asked.clear()
    with served(folder, _Files) as url:
        yield url, folder


def fetch(source: str, folder: Path, **more: Any) -> Path:
    path, found = BaseFile(Runner(), source, folder=str(folder), **more).take()
    assert found == hashlib.sha512(CONTENT).hexdigest()
    return Path(path)


def test_a_file_is_fetched_once(bases: tuple[str, Path], tmp_path: Path) -> None:
    url, _folder = bases
    checksum = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    for _time in range(2):
        assert fetch(f"{url}/base.raw", tmp_path / "kept", checksum=checksum).read_bytes() == CONTENT
    assert _Files.asked == ["/base.raw"]
    (kept,) = (tmp_path / "kept").iterdir()
    kept.write_bytes(b"changed")
    fetch(f"{url}/base.raw", tmp_path / "kept", checksum=checksum)
    assert _Files.asked == ["/base.raw"] * 2


@pytest.mark.parametrize("line", ["{}  base.raw", "{} *./base.raw", "SHA256 (base.raw) = {}"])
def test_a_list_of_checksums(bases: tuple[str, Path], tmp_path: Path, line: str) -> None:
    url, folder = bases
    sums = line.format(hashlib.sha256(CONTENT).hexdigest())
    (folder / "SUMS").write_text(f"# a list\n{'1' * 64}  another.raw\n{sums}\n")
    fetch(f"{url}/base.raw", tmp_path / "kept", checksum=f"{url}/SUMS")
    (tmp_path / "base.raw").write_bytes(CONTENT)
    fetch(str(tmp_path / "base.raw"), tmp_path / "kept", checksum=str(folder / "SUMS"))


def sign(key: Key, file: Path, *words: str) -> None:
    argv = ["gpg", "--homedir", str(key.home), "--batch", "--yes", "--local-user", key.fingerprint, *words]
    subprocess.run([*argv, file.name], cwd=file.parent, check=True, capture_output=True)


def test_signatures(bases: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = bases
    sums = folder / "SUMS"
    sums.write_text(f"{hashlib.sha512(CONTENT).hexdigest()}  base.raw\n")
    keys = []
    with key_home() as home:
        mine, other = (make_key(home, name) for name in ("mine", "other"))
        for key in (mine, other):
            key.export(tmp_path / "key.asc")
            keys.append((tmp_path / "key.asc").read_text())
        for file in (sums, folder / "base.raw"):
            sign(mine, file, "--detach-sign", "--output", f"{file.name}.sig")
        sign(mine, sums, "--clear-sign", "--output", "SUMS.asc")
    ways = [
        {"signature": f"{url}/base.raw.sig"},
        {"checksum": f"{url}/SUMS", "signature": f"{url}/SUMS.sig"},
        {"checksum": f"{url}/SUMS.asc"},
        {"checksum": str(sums), "signature": str(folder / "SUMS.sig")},
    ]
    for way in ways:
        fetch(f"{url}/base.raw", tmp_path / "kept", trusted=[keys[0]], **way)
        shutil.rmtree(tmp_path / "kept")
        with pytest.raises(OptionError, match=r"cannot be verified: .*; check base_keys, or whether"):
            fetch(f"{url}/base.raw", tmp_path / "kept", trusted=[keys[1]], **way)
        assert not (tmp_path / "kept").exists() or not list((tmp_path / "kept").iterdir())
    with pytest.raises(OptionError, match="has no signature; give base_signature"):
        fetch(f"{url}/base.raw", tmp_path / "kept", trusted=[keys[0]], checksum=f"{url}/SUMS")
    sums.write_text(f"{'1' * 128}  base.raw\n")
    with pytest.raises(OptionError, match="cannot be verified: BAD signature"):
        fetch(f"{url}/base.raw", tmp_path / "kept", trusted=[keys[0]], **ways[1])


def test_what_is_not_fetched(bases: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = bases
    right = f"sha512:{hashlib.sha512(CONTENT).hexdigest()}"
    (folder / "SUMS").write_text(f"{'1' * 64}  another.raw\n")
    faults: list[tuple[str, dict[str, str], str]] = [
        (f"{url}/base.raw", {}, "is fetched, and nothing says what it must be; give base_checksum"),
        (f"{url}/base.raw", {"checksum": f"sha256:{'1' * 64}"}, r"has the sha256 \w{64}, not 1{64}; see where"),
        (f"{url}/base.raw", {"checksum": "sha512:11"}, "is no sha512; write ALGORITHM:HEX"),
        (f"{url}/base.raw", {"checksum": f"{url}/SUMS"}, r"does not name base.raw with a sha256 or sha512"),
        (f"{url}/base.raw", {"signature": "x"}, "needs the key that made it; give base_keys"),
        (f"{url}/none", {"checksum": right}, "cannot be fetched: 404 File not found; check the URL"),
        (f"{url}/cut", {"checksum": right}, "broke off"),
        ("http://127.0.0.1:9/base", {"checksum": right}, "cannot be fetched: .*; check the URL, proxy and network"),
        (str(tmp_path / "none"), {}, "is not a file"),
    ]
    for source, more, said in faults:
        with pytest.raises(GoldsmithError, match=said) as error:
            fetch(source, tmp_path / "kept", **more)
        assert "\n" not in str(error.value)
    assert not list((tmp_path / "kept").iterdir())


def bootstrap(folder: Path, base: str, *, check: bool = False, **more: Any) -> dict[str, Any]:
    words = {"path": str(folder / "tree"), "release": RELEASE, "base": base, "layers_dir": str(folder / "cache")}
    return run_module("tree_bootstrap", {**words, "cache_dir": str(folder / "cache"), **more}, check=check)


@pytest.fixture
def kernels(tmp_path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A package of a base, and a source with a newer one that needs one of another name, as kernels are."""
    place = tmp_path / "kernels"
    for folder in ("root/pool", "old", "work"):
        (place / folder).mkdir(parents=True)
    for version in ("1", "2"):
        made = place / ("old" if version == "1" else "root/pool")
        make_deb(made, place / "work" / version, "their-kernel", version, f"their-kernel-{version}")
        make_deb(made, place / "work" / version, f"their-kernel-{version}", "1")
    (place / "override").write_text("their-kernel optional kernel\ntheir-kernel-2 optional kernel\n")
    with key_home() as home:
        key = make_key(home, "company")
        key.sign_release(
            index_suite(place / "root", "own", [("main", "pool")], {"Codename": "own"}, place / "override")
        )
        key.export(place / "key.asc")
    with served(place / "root") as url:
        yield place / "old", {"name": "own", "url": url, "suites": ["own"], "key": (place / "key.asc").read_text()}


def test_a_container_is_completed_and_kept(kernels: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    old, source = kernels
    base = f"oci:{base_archive(tmp_path / 'base.tar', sorted(old.iterdir()))}"
    steps = [{"kind": "guest", "digest": "one"}]
    before = sorted(path.name for path in tmp_path.iterdir())
    assert bootstrap(tmp_path, base, packages=["less"], sources=[source], check=True)["changed"] is True
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    made = bootstrap(tmp_path, base, packages=["less"], sources=[source], steps=steps)
    assert made.get("changed") is True, made
    assert made["base"].startswith("sha512:")
    versions = {package["package"]: package["version"] for package in made["packages"]}
    assert {"less", "dpkg", "apt", "their-kernel-1", "their-kernel-2"} <= set(versions)
    assert versions["their-kernel"] == "2"
    assert made["layer"] == ""
    look = ["/bin/sh", "-c", "cat /etc/motd /etc/second; ls /etc/first /var/cache/apt/archives/*.deb; id -u _apt"]
    said = run_module("chroot_exec", {"tree": str(tmp_path / "tree"), "argv": look})
    assert said["stdout"].splitlines() == ["a base of its own", "stays", "42"], said
    mode = stat.S_IMODE((tmp_path / "cache/layers").stat().st_mode)
    assert mode == 0o700
    # The same again begins above what was kept.
    bootstrap(tmp_path, base, state="absent")
    again = bootstrap(tmp_path, base, packages=["less"], sources=[source], steps=steps)
    assert (again["layer"], again["packages"]) == ("packages", made["packages"])
    bootstrap(tmp_path, base, state="absent")
    missing = bootstrap(tmp_path, base, packages=["no-such-package"])
    assert missing["msg"] == (f"packages=no-such-package: there is no such package in {RELEASE}; look for its name")
    assert not (tmp_path / "tree").exists()


def test_what_is_no_base(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    (tmp_path / "packed.raw").write_bytes(b"\xfd7zXZ\0" + bytes(MIB))
    (tmp_path / "empty.raw").write_bytes(bytes(MIB))
    for base, said in (
        (f"{tmp_path}/none", "base={base}: is not a file"),
        (f"{tmp_path}/packed.raw", "base={base}: is compressed by xz; give it unpacked"),
        (f"{tmp_path}/empty.raw", "base={base}: has neither a partition table nor a known file system"),
        (f"oci:{tmp_path}/none", "base={base}: is neither an OCI archive nor an OCI layout"),
        (f"oci:{tmp_path}/text", "base={base}: cannot be used: "),
        ("oci:docker://example/image:latest", "base={base}: does not say by a digest what it must be; write it as"),
    ):
        failed = bootstrap(tmp_path, base)
        assert failed["msg"].startswith(said.format(base=base)), failed
        assert "\n" not in failed["msg"]
        assert not (tmp_path / "tree").exists() and not (tmp_path / "tree.layers").exists()


def test_the_system_of_a_disk(tmp_path: Path) -> None:
    # Completed and booted it is in tests/boot.
    disk = base_disk("xfs", tmp_path / "disk.raw")
    failed = bootstrap(tmp_path, str(disk), mirror="http://127.0.0.1:9/debian")
    assert "127.0.0.1:9 cannot be reached" in failed["msg"], failed
    assert not (tmp_path / "tree").exists()
