# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute's image cache: Debian's own nova.conf, disks as qemu-img makes them, the role with services that run."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import random
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.host_package import unpack_package
from helpers.modules import run_module
from helpers.oslo import nova_values, sections_of
from helpers.tools import run_tool, tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova.ini import parse

REMOVE = "remove_unused_base_images"
AGE = "remove_unused_original_minimum_age_seconds"
RESIZED = "remove_unused_resized_minimum_age_seconds"
DEFAULTS = {"preallocate_images": "none", REMOVE: True, AGE: 86400, RESIZED: 3600}
WANTED = {"preallocate_images": "space", REMOVE: False, AGE: 7200, RESIZED: 0}


# --- nova.conf -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The nova.conf that Debian's package has for /etc/nova."""
    files = unpack_package("nova-common", tmp_path_factory.mktemp("package"))
    (found,) = [path for path in files.rglob("nova.conf") if path.is_file() and path.stat().st_size > 100_000]
    return found


@pytest.fixture
def nova_conf(of_debian: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    path = tmp_path / "nova" / "nova.conf"
    path.parent.mkdir()
    path.write_bytes(of_debian.read_bytes())
    path.chmod(0o640)
    return path


def added_and_removed(before: str, after: str) -> list[tuple[str, str]]:
    """What differs: each new or missing line with the one above it."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines()))[2:]
    return [(lines[at - 1][1:], line) for at, line in enumerate(lines) if line[0] in "+-"]


def test_debian_s_file_gets_four_lines_and_oslo_reads_them(nova_conf: Path) -> None:
    before = nova_conf.read_bytes().decode()
    assert nova_values(nova_conf) == DEFAULTS
    arguments = {"path": str(nova_conf), **WANTED}
    checked = run_module("nova_image_cache", arguments, check=True)
    assert nova_conf.read_bytes().decode() == before
    result = run_module("nova_image_cache", arguments)
    assert result["options"] == checked["options"]
    assert added_and_removed(before, nova_conf.read_bytes().decode()) == [
        ("#preallocate_images = none", "+preallocate_images = space"),
        (f"#{REMOVE} = true", f"+{REMOVE} = false"),
        (f"#{AGE} = 86400", f"+{AGE} = 7200"),
        (f"#{RESIZED} = 3600", f"+{RESIZED} = 0"),
    ]
    assert nova_values(nova_conf) == WANTED
    assert nova_conf.stat().st_mode & 0o777 == 0o640
    assert run_module("nova_image_cache", arguments)["changed"] is False
    # All that oslo.config reads of it is as before, but for the four.
    old, new = sections_of([before, nova_conf.read_text()])
    assert old and new
    for name, value in WANTED.items():
        section = new["DEFAULT" if name == "preallocate_images" else "image_cache"]
        assert section.pop(name) == [str(value).lower()]
    assert new == old
    # And back: the lines stay, with the values.
    assert run_module("nova_image_cache", {"path": str(nova_conf), **DEFAULTS})["changed"] is True
    assert nova_values(nova_conf) == DEFAULTS


def test_former_names_neither_win_nor_stay(nova_conf: Path) -> None:
    text = nova_conf.read_text()
    text = text.replace("[DEFAULT]\n", f"[DEFAULT]\n{REMOVE} = False\n{AGE} = 1\n", 1)
    text = text.replace("[libvirt]\n", f"[libvirt]\n{RESIZED} = 2\n", 1)
    nova_conf.write_text(text)
    assert nova_values(nova_conf) == {**DEFAULTS, REMOVE: False, AGE: 1, RESIZED: 2}
    wanted = {**DEFAULTS, AGE: 5}
    assert run_module("nova_image_cache", {"path": str(nova_conf), **wanted})["changed"] is True
    assert nova_values(nova_conf) == wanted
    (read,) = sections_of([nova_conf.read_text()])
    assert read
    assert REMOVE not in read["DEFAULT"]
    assert AGE not in read["DEFAULT"]
    assert RESIZED not in read["libvirt"]


def test_files_are_read_and_edited_as_oslo_has_them() -> None:
    dice = random.Random(5)
    pieces = ["[DEFAULT]", "[a]", "[A]", "[ b ]", "x = 1", "x=2", "y: 3=4", 'x = "5"', "z = '", "=1", "x", "[", "[]"]
    pieces += [
        "",
        "   ",
        "# x = 0",
        "#x = 0",
        ";x=0",
        "  more",
        "\tmore = 1",
        "# [c]",
        "x y = 6",
        "x = \u00e9 # 7",
        "y =",
    ]
    weights = [3, 3, 3, 1] + [2] * 5 + [0.1] * 4 + [1] * 11
    ends = ["\n"] * 20 + ["\r\n", "\r"]
    texts = []
    for _turn in range(800):
        lines = ["[a]", *dice.choices(pieces, weights, k=dice.randrange(12))]
        texts.append("".join(line + dice.choice(ends) for line in lines).removesuffix(dice.choice(["", "\n"])))
    edits: list[tuple[dict[str, Any], str, str, list[str]]] = []
    changed = []
    for text, sections in zip(texts, sections_of(texts)):
        try:
            file = parse(text, "x")
        except GoldsmithError:
            assert sections is None, text
            continue
        assert sections is not None, text
        for section, options in sections.items():
            for name, values in options.items():
                assert file.values(section, name) == values, text
        for section in ("DEFAULT", "a", "new"):
            for values in (["9"], []):
                new = file.with_value(section, "x", "9") if values else file.without(section, "x")
                edits.append((sections, section, "x", values))
                changed.append(new.text)
    assert len(changed) > 1000
    for (sections, section, name, values), text, seen in zip(edits, changed, sections_of(changed)):
        expected = {key: dict(options) for key, options in sections.items()}
        expected.setdefault(section, {}).pop(name, None)
        if values:
            expected[section][name] = values
        assert {key: options for key, options in (seen or {}).items() if options} == {
            key: options for key, options in expected.items() if options
        }, text


# --- The folder ------------------------------------------------------------------------------------------------------


def sha1(image: str) -> str:
    return hashlib.sha1(image.encode()).hexdigest()


def qemu_img(*words: object) -> str:
    return run_tool(["qemu-img", *map(str, words)], cwd=Path("/"))


def test_disks_of_qemu_img(tmp_path: Path) -> None:
    instances = tmp_path / "instances"
    base = instances / "_base"
    base.mkdir(parents=True)
    for image in ("raw", "packed", "resized", "unused", "flat"):
        qemu_img("create", "-q", "-f", "qcow2" if image == "packed" else "raw", base / sha1(image), "64M")
    qemu_img("create", "-q", "-f", "raw", base / f"{sha1('resized')}_1073741824", "1G")
    os.utime(base / sha1("unused"), (0, 0))
    for number in range(6):
        (instances / f"{number}").mkdir()

    def overlay(disk: str, backing: object, *words: str, form: str = "raw") -> None:
        qemu_img("create", "-q", "-f", "qcow2", *words, "-b", backing, "-F", form, instances / disk)

    overlay("0/disk", base / sha1("raw"))
    overlay("1/disk", f"../_base/{sha1('raw')}", "-o", "compat=0.10")
    overlay("2/disk.base", base / sha1("packed"), form="qcow2")
    overlay("2/disk", instances / "2" / "disk.base", "-o", "cluster_size=2M,extended_l2=on", form="qcow2")
    node = {"driver": "raw", "file": {"driver": "file", "filename": f"{base}/{sha1('resized')}_1073741824"}}
    overlay("3/disk", f"json:{json.dumps(node)}")
    qemu_img("convert", "-q", "-O", "raw", base / sha1("flat"), instances / "4" / "disk")
    # A guest may write such a header; what it names would wait for a writer.
    os.mkfifo(tmp_path / "fifo")
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", tmp_path / "fifo", instances / "5" / "disk", "1M")
    # qemu-img itself says the same of each.
    told = json.loads(qemu_img("info", "--output=json", instances / "1" / "disk"))
    assert told["backing-filename"] == f"../_base/{sha1('raw')}"

    before = {path: path.lstat().st_mtime_ns for path in instances.rglob("*")}
    arguments = {"config_files": [], "instances_path": str(instances), "images": [{"id": "packed", "name": "debian"}]}
    report = run_module("nova_image_cache_info", arguments)
    assert {path: path.lstat().st_mtime_ns for path in instances.rglob("*")} == before
    assert report["unread"] == []
    found = {file["name"]: file for file in report["files"]}
    assert {name: (file["state"], file["users"]) for name, file in found.items()} == {
        sha1("raw"): ("in_use", ["0/disk", "1/disk"]),
        sha1("packed"): ("in_use", ["2/disk.base"]),
        f"{sha1('resized')}_1073741824": ("in_use", ["3/disk"]),
        sha1("resized"): ("kept", []),
        sha1("unused"): ("unused", []),
        sha1("flat"): ("unused", []),
    }
    assert [name for name, file in found.items() if file["due"]] == [sha1("unused")]
    assert found[sha1("packed")]["image_name"] == "debian"
    for name, file in found.items():
        status = (base / name).stat()
        assert (file["size"], file["allocated"]) == (status.st_size, status.st_blocks * 512)
    assert report["totals"]["all"]["size"] == sum(file["size"] for file in found.values())


def test_twenty_thousand_files(tmp_path: Path) -> None:
    base = tmp_path / "_base"
    base.mkdir()
    for number in range(20_000):
        os.close(os.open(base / f"{number:040x}", os.O_CREAT | os.O_WRONLY))
    arguments = {"config_files": [], "instances_path": str(tmp_path), "limit": 10}
    report = run_module("nova_image_cache_info", arguments)
    assert report["totals"]["unused"]["files"] == 20_000
    assert (len(report["files"]), report["truncated"]) == (10, True)
    assert report["elapsed"] < 20


# --- The role --------------------------------------------------------------------------------------------------------

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  become: true
  tasks:
    - name: Manage
      ansible.builtin.import_role:
        name: goldsmith.openstack.nova_image_cache
    - name: Write down the result
      ansible.builtin.copy:
        content: "{{ nova_image_cache_result | to_json }}"
        dest: "{{ result }}"
        mode: "0600"
      check_mode: false
"""
# Answers as systemctl does for two services of Nova, of which one runs, and for another that runs; notes what is asked.
SYSTEMCTL = """#!/bin/sh
printf '%s\\n' "$*" >>{log}
case "$*" in
*list-units*)
    echo 'nova-compute.service loaded active running OpenStack Compute'
    echo 'nova-novncproxy.service loaded inactive dead OpenStack console'
    echo 'ssh.service loaded active running OpenBSD Secure Shell server' ;;
*list-unit-files*) printf '%s enabled\\n' nova-compute.service nova-novncproxy.service ssh.service ;;
show*) printf '%s\\n' LoadState=loaded ActiveState=active SubState=running ;;
restart*) [ ! -e {log}.refuse ] || {{ echo 'Job for nova-compute.service failed.' >&2; exit 1; }} ;;
esac
"""
# The first process of a namespace, by whose name Ansible knows the service manager.
FIRST = """#!/bin/sh
set -e
mount -t tmpfs none /run/systemd
mount -t tmpfs none /etc/init.d
if [ "${{0##*/}}" = systemd ]; then
    mkdir /run/systemd/system
    # Debian's services have scripts as well, which are listed a second time.
    printf '#!/bin/sh\\n[ "$1" = status ]\\n' >/etc/init.d/nova-compute
    chmod 0755 /etc/init.d/nova-compute
    mount --bind {systemctl} "$(command -v systemctl)"
fi
"$@"
"""


class Host:
    """This host as one with services of Nova: a namespace in which the first process and systemctl are made up."""

    def __init__(self, checkout: Path, folder: Path, conf: Path) -> None:
        self.checkout, self.folder, self.conf = checkout, folder, conf
        self.log = folder / "asked"
        (folder / "instances" / "_base").mkdir(parents=True)
        (folder / "instances" / "_base" / sha1("x")).write_bytes(bytes(4096))
        (folder / "systemctl").write_text(SYSTEMCTL.format(log=shlex.quote(str(self.log))))
        for name in ("systemd", "init"):
            (folder / name).write_text(FIRST.format(systemctl=shlex.quote(str(folder / "systemctl"))))
            (folder / name).chmod(0o755)
        (folder / "systemctl").chmod(0o755)
        (folder / "play.yml").write_text(PLAYBOOK)

    def play(self, *words: str, manager: str = "systemd", **variables: Any) -> tuple[int, str, dict[str, Any]]:
        """Exit status, words and result of the role."""
        self.log.write_text("")
        (self.folder / "result").unlink(missing_ok=True)
        given = {
            "nova_image_cache_conf": str(self.conf),
            "nova_image_cache_instances_path": str(self.folder / "instances"),
            "result": str(self.folder / "result"),
            **variables,
        }
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", str(self.folder / manager)]
        argv += [tool("ansible-playbook"), str(self.folder / "play.yml"), *words, "-e", json.dumps(given)]
        done = subprocess.run(argv, cwd=self.checkout, check=False, capture_output=True, text=True, timeout=300)
        result = self.folder / "result"
        said = " ".join((done.stdout + done.stderr).split())
        return done.returncode, said, json.loads(result.read_text()) if result.exists() else {}

    def restarts(self) -> list[str]:
        """What was restarted, as systemctl was asked."""
        return [line for line in self.log.read_text().splitlines() if line.startswith(("restart", "reload", "start"))]


@pytest.fixture
def host(checkout: Path, tmp_path: Path, nova_conf: Path) -> Host:
    return Host(checkout, tmp_path, nova_conf)


@pytest.mark.root
def test_the_role_restarts_what_runs(host: Host) -> None:
    before = host.conf.read_bytes()
    variables = {f"nova_image_cache_{name}": value for name, value in WANTED.items()}
    status, said, planned = host.play("--check", "--diff", **variables)
    assert status == 0, said
    assert host.conf.read_bytes() == before
    assert host.restarts() == []
    assert "nova-compute would be restarted" in said
    assert f"+[image_cache] {AGE} = 7200" in said
    status, said, result = host.play(**variables)
    assert status == 0, said
    assert host.restarts() == ["restart nova-compute"]
    assert nova_values(host.conf) == WANTED
    assert f"[image_cache] {AGE}: not set -> 7200" in said
    assert "- nova-compute restarted" in said
    assert (result["restarted"], result["options"]) == (planned["restarted"], planned["options"])
    assert result["restarted"] == ["nova-compute"]
    assert result["report"]["totals"]["unused"]["files"] == 1
    assert result["report"]["settings"][REMOVE] is False
    assert "Nova removes nothing: remove_unused_base_images is false" in said
    status, said, result = host.play(**variables)
    assert status == 0, said
    assert host.log.read_text() == ""
    assert f"nothing was restarted: {host.conf} is as it shall be" in said
    assert (result["restarted"], result["options"]) == ([], [])


@pytest.mark.root
def test_a_restart_that_fails_is_told_of(host: Host) -> None:
    (host.folder / "asked.refuse").touch()
    status, said, _result = host.play(nova_image_cache_services=["ssh", "nova-compute.service", "nova-novncproxy"])
    assert status != 0
    assert f"{host.conf} is changed, and restart those of nova that run failed: " in said
    assert "Job for nova-compute.service failed." in said
    assert "restart ssh, nova-compute by hand, another run finds nothing to change and restarts nothing" in said


@pytest.mark.root
@pytest.mark.parametrize(
    ("manager", "services", "line"),
    [
        ("init", ["auto"], "nothing was restarted: no service manager runs here; restart the services, "),
        ("systemd", [], "nothing was restarted: nova_image_cache_services names no service; "),
        ("systemd", ["nova-novncproxy"], "nothing was restarted: none of nova-novncproxy runs here"),
    ],
    ids=["no-manager", "none-named", "none-runs"],
)
def test_where_nothing_is_restarted(host: Host, manager: str, services: list[str], line: str) -> None:
    status, said, result = host.play(
        manager=manager, nova_image_cache_services=services, nova_image_cache_report=False, nova_image_cache_backup=True
    )
    assert status == 0, said
    assert host.restarts() == []
    assert line in said
    assert (result["restarted"], result["report"]) == ([], {})
    assert nova_values(host.conf) == DEFAULTS
    assert len(list(host.conf.parent.iterdir())) == 2


def test_a_bad_value_ends_the_role_before_anything(checkout: Path, tmp_path: Path, nova_conf: Path) -> None:
    before = nova_conf.read_bytes()
    (tmp_path / "play.yml").write_text(PLAYBOOK.replace("become: true", "become: false"))
    variables = {"nova_image_cache_conf": str(nova_conf), "nova_image_cache_preallocate_images": "full"}
    argv = [tool("ansible-playbook"), str(tmp_path / "play.yml"), "-e", json.dumps(variables)]
    done = subprocess.run(argv, cwd=checkout, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    assert "value of nova_image_cache_preallocate_images must be one of: none, space, got: full" in said
    assert nova_conf.read_bytes() == before
