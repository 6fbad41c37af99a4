# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script guest.sh of the role openstack_guest, for a distribution that has neither apt nor Debian's files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from helpers.busybox import listing, make_busybox_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces

# Its packages are lines in a file: NAME REASON
DISTRIBUTION = """
installed_packages() { cut -d ' ' -f 1 /etc/packages; }
automatic_packages() { for name do sed -n "s/^\\($name\\) automatic$/\\1/p" /etc/packages; done; }
keep_package() { sed -i "s/^$1 .*/$1 manual/" /etc/packages; }
install_packages() { for name do echo "$name manual" >>/etc/packages; done; }
packages_brought_by() { for name do echo "$name 10"; done; }
remove_packages() { for name do sed -i "/^$name /d" /etc/packages; done; }
downloaded_packages() { ls /etc/downloads; }
remove_downloaded_packages() { rm -f /etc/downloads/*; }
make_initramfs() { date >/etc/initramfs; }
set_timezone() { :; }
set_locales() { write /etc/locale.conf "LANG=${1:-C.UTF-8}"; }
"""
SYSTEMCTL = """#!/bin/sh
case $1 in
is-enabled) cat "/etc/units/$2" ;;
enable) echo enabled >"/etc/units/$3" ;;
disable) echo disabled >"/etc/units/$3" ;;
esac
"""
SETTINGS = {
    "capabilities": DISTRIBUTION,
    "packages": "there brought missing",
    "build_packages": "python",
    "unwanted": "python absent",
    "account": "",
    "proxies": "",
    "replaced": "br.*",
    "repositories": "",
    "services": "sshd.service",
    "disabled_services": "wall.service",
    "timezone": "Europe/Vienna",
    "locales": "de_AT.UTF-8 en_GB.UTF-8",
}


@pytest.fixture
def tree(tmp_path: Path, checkout: Path) -> Path:
    tree = make_busybox_tree(tmp_path / "tree")
    for folder in ("etc/units", "etc/downloads", "usr/share/zoneinfo/Europe"):
        (tree / folder).mkdir(parents=True)
    for path, text in {
        "etc/packages": "there manual\nbrought automatic\npython manual\n",
        "etc/shadow": "root:!:1::::::\nme:*:1::::::\n",
        "etc/units/wall.service": "enabled\n",
        "etc/downloads/one": "",
        "usr/share/zoneinfo/Europe/Vienna": "",
        "bin/systemctl": SYSTEMCTL,
    }.items():
        (tree / path).write_text(text)
    (tree / "bin" / "systemctl").chmod(0o755)
    shutil.copy(checkout / "roles/openstack_guest/files/guest.sh", tree / "guest.sh")
    return tree


def guest(tree: Path, mode: str, part: str, **settings: str) -> subprocess.CompletedProcess[str]:
    argv = [*namespaces.prefix(), "chroot", str(tree), "/bin/sh", "/guest.sh", mode, part]
    environment = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **SETTINGS, **settings}
    return subprocess.run(argv, check=False, env=environment, capture_output=True, text=True)


def content(tree: Path) -> dict[str, tuple[int, str]]:
    # Here it is a file.
    return {path: found for path, found in listing(tree).items() if path != "dev/null"}


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("python", ["python installed"]),
        ("packages", ["brought kept", "missing installed"]),
        (
            "configure",
            [
                "wall.service disabled",
                "sshd.service enabled",
                "/etc/localtime is /usr/share/zoneinfo/Europe/Vienna",
                "/etc/locale.conf has LANG=de_AT.UTF-8",
            ],
        ),
        ("replace", ["brought removed"]),
        ("seal", ["removed python 10", "downloaded packages removed"]),
    ],
)
def test_a_check_tells_what_is_done_once(tree: Path, part: str, changes: list[str]) -> None:
    before = content(tree)
    for mode in ("check", "apply"):
        said = guest(tree, mode, part)
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout.splitlines() == [f"changed: {change}" for change in changes]
        assert (content(tree) == before) == (mode == "check")
    # The tree has no Python, whatever its packages say.
    assert guest(tree, "apply", part).stdout == ("changed: python installed\n" if part == "python" else "")


PROXIES = "http_proxy=http://p:1 no_proxy=localhost,::1"


@pytest.mark.parametrize(
    ("capability", "before", "after"),
    [
        ("apt", {}, {}),
        (
            "dnf",
            {"etc/dnf/dnf.conf": "[main]\ngpgcheck=1\nproxy = x\n"},
            {"etc/dnf/dnf.conf": "[main]\ngpgcheck=1\nproxy=http://p:1\n"},
        ),
        ("dnf", {"etc/dnf/x": ""}, {"etc/dnf/dnf.conf": "[main]\nproxy=http://p:1\n"}),
        (
            "zypper",
            {"etc/sysconfig/proxy": '# Yes?\nPROXY_ENABLED="no"\nHTTP_PROXY=""\n'},
            {"etc/sysconfig/proxy": '# Yes?\nPROXY_ENABLED="yes"\nHTTP_PROXY="http://p:1"\nNO_PROXY="localhost,::1"\n'},
        ),
    ],
)
def test_proxies_are_set_once(
    tree: Path, checkout: Path, capability: str, before: dict[str, str], after: dict[str, str]
) -> None:
    for path, text in {"etc/environment": "LANG=C\nhttp_proxy=old\n", **before}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    shell = yaml.safe_load((checkout / f"extensions/goldsmith/capabilities/{capability}.yml").read_text())["shell"]
    wished = {"capabilities": f"{shell}\n{DISTRIBUTION}", "proxies": PROXIES}
    told = guest(tree, "check", "configure", **wished).stdout
    assert "changed: /etc/environment has http_proxy=http://p:1" in told.splitlines()
    said = guest(tree, "apply", "configure", **wished)
    assert (said.returncode, said.stderr, said.stdout) == (0, "", told)
    assert (tree / "etc/environment").read_text() == "LANG=C\nhttp_proxy=http://p:1\nno_proxy=localhost,::1\n"
    assert {path: (tree / path).read_text() for path in after} == after
    assert guest(tree, "apply", "configure", **wished).stdout == ""


def test_what_does_not_exist_is_refused_in_one_line(tree: Path) -> None:
    for mode in ("check", "apply"):
        said = guest(tree, mode, "configure", timezone="Europe/Wien")
        assert said.returncode == 1
        assert said.stderr == "openstack_guest_timezone=Europe/Wien: there is no such timezone\n"


def test_a_program_that_fails_ends_it(tree: Path) -> None:
    said = guest(tree, "apply", "packages", capabilities=f"{DISTRIBUTION}\nkeep_package() {{ false; }}\n")
    assert (said.returncode, said.stdout) == (1, "")


@pytest.mark.root
def test_flags_that_an_image_does_not_keep_are_said(tree: Path) -> None:
    # busybox has no such programs.
    for program in ("chattr", "lsattr"):
        found = str(shutil.which(program))
        shutil.copy(found, tree / "bin" / program)
        for library in re.findall(
            r"/\S+", subprocess.run(["ldd", found], check=True, capture_output=True, text=True).stdout
        ):
            (tree / library[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, tree / library[1:])
    path = tree / "etc" / "a name"
    path.write_text("")
    subprocess.run(["chattr", "+i", path], check=True)
    line = "changed: /etc/a name is no longer immutable or append-only, which an image does not keep"
    try:
        assert guest(tree, "check", "seal").stdout.splitlines()[0] == line
        assert "i" in subprocess.run(["lsattr", path], capture_output=True, text=True, check=True).stdout.split()[0]
        assert guest(tree, "apply", "seal").stdout.splitlines()[0] == line
        path.unlink()
    finally:
        subprocess.run(["chattr", "-i", path], check=False)


def test_a_package_of_a_version_is_installed_once(tree: Path) -> None:
    (change,) = [
        line
        for line in guest(tree, "apply", "packages", packages="there=1.0 brought/suite missing=2").stdout.splitlines()
        if "installed" in line
    ]
    assert change == "changed: missing=2 installed"


def test_a_guest_with_repositories_of_its_own_has_no_others(tree: Path) -> None:
    folder = tree / "etc/yum.repos.d"
    folder.mkdir()
    texts = {
        "theirs.repo": "[a]\nbaseurl=http://a\nenabled=1\n\n[b]\nbaseurl=http://b\n",
        "off.repo": "[c]\nenabled=0\nbaseurl=http://c\n",
        "company.repo": "[d]\nbaseurl=http://d\n",
        "goldsmith.repo": "[e]\nbaseurl=http://e\nenabled=1\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    own = "/etc/yum.repos.d/goldsmith.repo /etc/yum.repos.d/company.repo"
    told = "changed: /etc/yum.repos.d/theirs.repo disabled"
    for mode in ("check", "apply"):
        lines = guest(tree, mode, "seal", repositories=own).stdout.splitlines()
        assert [line for line in lines if "repos.d" in line] == [told]
        changed = mode == "apply"
        assert ((folder / "theirs.repo").read_text() == texts["theirs.repo"]) is not changed
    assert (folder / "theirs.repo").read_text() == (
        "[a]\nenabled=0\nbaseurl=http://a\n\n[b]\nenabled=0\nbaseurl=http://b\n"
    )
    for name in ("off.repo", "company.repo", "goldsmith.repo"):
        assert (folder / name).read_text() == texts[name]
    assert "repos.d" not in guest(tree, "apply", "seal", repositories=own).stdout, "a second time nothing is changed"
