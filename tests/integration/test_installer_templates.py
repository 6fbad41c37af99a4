# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers for the installer of every release that is known, judged by what the families themselves have for that.

pykickstart for anaconda and cloud-init's schema for the wrapper of autoinstall. No registry has a schema of subiquity,
AutoYaST or Agama: of their answers the form is seen, and what they mean.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml
from helpers.host_package import unpack_package
from helpers.tools import run_tool, tool
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

MIRROR, PROXY, KEY = "http://mirror.example:8080/some&where", "http://proxy.example:3128", "ssh-ed25519 AAAAC3Nz web"
MARK = "goldsmith: the installation is complete"
# What pykickstart calls the release that Rawhide becomes
RAWHIDE = "F46"
DISTRIBUTIONS = ("almalinux", "centos", "debian", "fedora", "opensuse", "rhel", "rocky", "sles", "ubuntu")
# All in one task: a file for each would need a minute of processor time.
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  vars_files: [{role}/defaults/main.yml, {role}/vars/main.yml]
  tasks:
    - ansible.builtin.copy:
        dest: "{folder}/answers.json"
        mode: "0644"
        content: |
          {{% for case in cases %}}
          {{% set file = '{role}/templates/' ~ virt_install_installers[case.installer].file ~ '.j2' %}}
          {{% set known = {{'image_definition': case.definition, 'virt_install_packages': ['jq'],
                           'virt_install_public_key': '{key}'}} %}}
          {{{{ [case.name, lookup('ansible.builtin.template', file, template_vars=known)] | to_json }}}}
          {{% endfor %}}
"""


@dataclass(frozen=True)
class Case:
    """A release, and how it is asked for."""

    distribution: str
    release: str
    firmware: str = "bios"
    resize: str = "cloud_init"
    mirror: str = ""
    proxy: str = ""

    @property
    def data(self) -> dict[str, Any]:
        return _axes.load("distributions", self.distribution, self.release)

    @property
    def definition(self) -> dict[str, str]:
        names = ("distribution", "release", "firmware", "resize", "mirror", "proxy")
        return {**{name: getattr(self, name) for name in names}, "user": "builder"}

    @property
    def name(self) -> str:
        ways = [self.firmware, self.resize, *(["mirror"] if self.mirror else []), *(["proxy"] if self.proxy else [])]
        return "-".join((self.distribution, self.release, *ways))


RELEASES = [(name, release) for name in DISTRIBUTIONS for release in _axes.load("distributions", name)["releases"]]
WAYS: tuple[dict[str, str], ...] = (
    {},
    {"mirror": MIRROR},
    {"proxy": PROXY},
    {"firmware": "uefi"},
    {"firmware": "uefi", "mirror": MIRROR, "proxy": PROXY},
    {"resize": "lvm"},
)
CASES = [Case(*release, **way) for release, way in itertools.product(RELEASES, WAYS)]


def of(kind: str) -> pytest.MarkDecorator:
    found = [case for case in CASES if case.data["installer"] == kind]
    return pytest.mark.parametrize("case", found, ids=[case.name for case in found])


@pytest.fixture(scope="module")
def answers(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The answers for every case, by its name, as the role writes them."""
    folder = tmp_path_factory.mktemp("answers")
    (folder / "play.yml").write_text(PLAYBOOK.format(role=checkout / "roles/virt_install", folder=folder, key=KEY))
    cases = [{"name": case.name, "installer": case.data["installer"], "definition": case.definition} for case in CASES]
    (folder / "cases.json").write_text(json.dumps({"cases": cases}))
    argv = [tool("ansible-playbook"), str(folder / "play.yml"), "-e", f"@{folder / 'cases.json'}"]
    run_tool(argv, cwd=checkout, timeout=600)
    return dict(json.loads(line) for line in (folder / "answers.json").read_text().splitlines() if line.strip())


@pytest.fixture(scope="module")
def cloud_config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The schema of cloud-init."""
    (schema,) = unpack_package("cloud-init", tmp_path_factory.mktemp("cloud-init")).rglob("schema-cloud-config-v1.json")
    return json.loads(schema.read_text())


def test_every_file_of_a_distribution_is_tried(checkout: Path) -> None:
    files = (checkout / "extensions/goldsmith/distributions").glob("*.yml")
    assert sorted(path.stem for path in files) == list(DISTRIBUTIONS)


@pytest.mark.parametrize("release", RELEASES, ids="-".join)
def test_growth_is_no_matter_of_the_installer(answers: dict[str, str], release: tuple[str, str]) -> None:
    # A new disk is written from the files.
    plain, lvm = (answers[Case(*release, resize=resize).name] for resize in ("cloud_init", "lvm"))
    assert plain == lvm


@of("kickstart")
def test_kickstart(answers: dict[str, str], case: Case) -> None:
    text = answers[case.name]
    version = f"F{case.release}" if case.distribution == "fedora" else f"RHEL{case.release}"
    handler = makeVersion(RAWHIDE if case.release == "rawhide" else version)
    with warnings.catch_warnings():
        # What is deprecated is an error too.
        warnings.simplefilter("error")
        KickstartParser(handler).readKickstartFromString(text)
    boot = ["/boot/efi"] if case.firmware == "uefi" else []
    assert [(part.mountpoint, part.fstype) for part in handler.partition.partitions] == [
        *((path, "efi") for path in boot),
        ("/", "ext4"),
    ]
    assert handler.clearpart.disklabel == ("gpt" if case.firmware == "uefi" else "msdos")
    assert "console=ttyS0" in handler.bootloader.appendLine
    assert [user.name for user in handler.user.userList] == ["builder"]
    assert [(key.username, key.key) for key in handler.sshkey.sshUserList] == [("builder", KEY)]
    assert set(handler.packages.packageList) >= {"openssh-server", "python3", "sudo", "jq"}
    assert {group.name for group in handler.packages.groupList} == {"core", "standard"}
    scripts = "".join(script.script for script in handler.scripts)
    assert "builder ALL=(ALL) NOPASSWD: ALL" in scripts
    assert scripts.rstrip().endswith(f"echo '{MARK}' >/dev/console")
    repositories = [repository.baseurl for repository in handler.repo.repoList]
    if not case.mirror:
        assert (handler.url.url, repositories) == (None, [])
        return
    folders = [path.format(release=case.data["version"], arch="x86_64") for path in case.data["repositories"].values()]
    assert [handler.url.url, *repositories] == [f"{MIRROR}/{folder}" for folder in folders]
    proxies = {handler.url.proxy or "", *(repository.proxy or "" for repository in handler.repo.repoList)}
    assert proxies == {case.proxy}


NAMES = {"y": "http://www.suse.com/1.0/yast2ns"}


@of("autoyast")
def test_autoyast(answers: dict[str, str], case: Case) -> None:
    profile = ElementTree.fromstring(answers[case.name])

    def texts(path: str) -> list[str]:
        return [element.text or "" for element in profile.findall(re.sub(r"(?<=[/.])(?=\w)", "y:", path), NAMES)]

    boot = ["/boot/efi"] if case.firmware == "uefi" else []
    assert texts("./partitioning/drive/partitions/partition/mount") == [*boot, "/"]
    assert texts("./partitioning/drive/partitions/partition/filesystem")[-1] == "ext4"
    assert texts("./bootloader/loader_type") == ["grub2-efi" if boot else "grub2"]
    assert "console=ttyS0" in texts("./bootloader/global/append")[0]
    assert texts("./users/user/username") == ["root", "builder"]
    assert texts("./users/user/authorized_keys/listentry") == [KEY]
    assert texts("./general/mode/halt") == ["true"]
    assert texts("./software/products/product") == [case.data["installer_product"]]
    assert set(texts("./software/packages/package")) == {"openssh", "sudo", "jq", *case.data["build_packages"]}
    assert texts("./proxy/http_proxy") == ([PROXY] if case.proxy else [])
    others = [path.format(release=case.data["version"]) for path in list(case.data["repositories"].values())[1:]]
    addresses = [f"{MIRROR}/{folder}" for folder in others] if case.mirror else []
    assert texts("./add-on/add_on_products/listentry/media_url") == addresses
    (script,) = texts("./scripts/chroot-scripts/script/source")
    assert "builder ALL=(ALL) NOPASSWD: ALL" in script
    assert script.rstrip().endswith(f"echo '{MARK}' >/dev/console")


@of("autoinstall")
def test_autoinstall(answers: dict[str, str], case: Case, cloud_config: dict[str, Any]) -> None:
    text = answers[case.name]
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text)
    jsonschema.validate(document, cloud_config)
    assert list(document) == ["autoinstall"]
    told = document["autoinstall"]
    assert (told["version"], told["shutdown"], told.get("proxy")) == (1, "poweroff", case.proxy or None)
    assert told["identity"]["username"] == "builder"
    assert told["ssh"] == {"install-server": True, "allow-pw": False, "authorized-keys": [KEY]}
    assert set(told["packages"]) == {"python3", "sudo", "jq"}
    mirrors = [mirror["uri"] for mirror in told["apt"].get("mirror-selection", {}).get("primary", [])]
    assert mirrors == [mirror["uri"] for mirror in told["apt"].get("security", [])] == ([MIRROR] if case.mirror else [])
    assert all(isinstance(command, str) for command in told["late-commands"])
    assert told["late-commands"][-1] == f"echo '{MARK}' >/dev/console"
    assert any("builder ALL=(ALL) NOPASSWD: ALL" in command for command in told["late-commands"])
    assert told["storage"]["swap"] == {"size": 0}
    config = told["storage"]["config"]
    things = {thing["id"]: thing for thing in config}
    assert len(things) == len(config)
    # Each refers to what stands before it.
    for number, thing in enumerate(config):
        named = [thing[key] for key in ("device", "volume") if key in thing]
        assert set(named) <= {before["id"] for before in config[:number]}
    mounts = {thing["path"]: things[thing["device"]]["fstype"] for thing in config if thing["type"] == "mount"}
    assert mounts == {"/": "ext4", **({"/boot/efi": "fat32"} if case.firmware == "uefi" else {})}
    (grub,) = (thing["id"] for thing in config if thing.get("grub_device"))
    assert grub == ("esp" if case.firmware == "uefi" else "disk")
    assert things["disk"]["ptable"] == ("gpt" if case.firmware == "uefi" else "msdos")


@of("agama")
def test_agama(answers: dict[str, str], case: Case) -> None:
    profile = json.loads(answers[case.name])
    assert profile["product"] == {"id": case.data["installer_product"]}
    (drive,) = profile["storage"]["drives"]
    assert drive["ptableType"] == ("gpt" if case.firmware == "uefi" else "msdos")
    assert [part["filesystem"] for part in drive["partitions"] if "filesystem" in part] == [
        {"path": "/", "type": "ext4"}
    ]
    assert "console=ttyS0" in profile["bootloader"]["extraKernelParams"]
    assert profile["user"]["userName"] == "builder"
    assert set(profile["software"]["packages"]) == {"openssh", "sudo", "jq", *case.data["build_packages"]}
    scripts = [script["content"] for group in profile["scripts"].values() for script in group]
    for script in scripts:
        assert script.startswith("#!/bin/sh\n")
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    last = profile["scripts"]["post"][-1]["content"]
    assert KEY in last
    assert "builder ALL=(ALL) NOPASSWD: ALL" in last
    assert last.rstrip().endswith(f"echo '{MARK}' >/dev/console")


@of("preseed")
def test_preseed(answers: dict[str, str], case: Case) -> None:
    text = answers[case.name].replace("\\\n", "")
    entries = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(line.split()[0] in ("d-i", "tasksel", "popularity-contest") for line in entries)
    assert f"d-i mirror/suite string {case.release}" in entries
    assert ("d-i mirror/http/directory string /some&where" in entries) is bool(case.mirror)
    assert f"d-i mirror/http/proxy string {case.proxy}" in entries
    (last,) = (line for line in entries if line.startswith("d-i preseed/late_command "))
    assert KEY in last
    assert last.endswith(f"echo '{MARK}' > /dev/console")
