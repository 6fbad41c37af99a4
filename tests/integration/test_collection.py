# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as Galaxy would ship it: built, installed alone, and used."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest
from helpers.tools import clean_environment, project_files, run_tool, tool


@pytest.fixture(scope="module")
def installed(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of collections into which the built archive was installed."""
    folder = tmp_path_factory.mktemp("galaxy")
    for name in project_files(checkout):
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout / name, folder / "source" / name)
    galaxy = tool("ansible-galaxy")
    environment = environment_of(folder / "collections")
    run_tool(
        [galaxy, "collection", "build", "--output-path", str(folder), "source"], cwd=folder, environment=environment
    )
    archive = next(folder.glob("goldsmith-openstack-*.tar.gz"))
    with tarfile.open(archive) as content:
        top = {member.name.partition("/")[0] for member in content}
    assert {"extensions", "meta", "plugins", "roles", "playbooks", "README.md", "LICENSE"} <= top
    assert not top & {"tests", "molecule", "goldsmith", "benchmarks", "pyproject.toml"}
    target = str(folder / "collections")
    install = [galaxy, "collection", "install", "--offline", "--collections-path", target, str(archive)]
    run_tool(install, cwd=folder, environment=environment)
    return folder / "collections"


def environment_of(collections: Path) -> dict[str, str]:
    # Site-packages are not searched: only what was installed counts.
    return {
        **clean_environment(),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
    }


def test_every_module_has_documentation(installed: Path, checkout: Path) -> None:
    modules = sorted(f"goldsmith.openstack.{path.stem}" for path in (checkout / "plugins/modules").glob("*.py"))
    command = [tool("ansible-doc"), "--type", "module", "--json", *modules]
    output = run_tool(command, cwd=installed, environment=environment_of(installed))
    assert all(f'"{module}"' in output for module in modules)


def test_every_playbook_and_role_is_understood(installed: Path, checkout: Path) -> None:
    for path in sorted((checkout / "playbooks").glob("*.yml")):
        command = [tool("ansible-playbook"), "--syntax-check", f"goldsmith.openstack.{path.stem}"]
        output = run_tool(command, cwd=installed, environment=environment_of(installed))
        assert str(installed) in output


GROUPS = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  module_defaults:
    group/goldsmith.openstack.glance: {cloud: mine, clouds_yaml: "{{ playbook_dir }}/clouds.yaml"}
    group/goldsmith.openstack.libvirt: {uri: "nonsense:///system"}
  tasks:
    - goldsmith.openstack.glance_image_info:
      register: image
      ignore_errors: true
    - goldsmith.openstack.vm_state: {name: guest, state: shut_off}
      register: guest
      ignore_errors: true
    - goldsmith.openstack.file_set: {files: []}
    - ansible.builtin.debug: {msg: "{{ image.msg }} AND {{ guest.msg }}"}
"""


def test_each_group_of_modules_has_defaults_of_its_own(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: {other: {auth: {auth_url: 'http://127.0.0.1:9/v3'}}}")
    (tmp_path / "play.yml").write_text(GROUPS)
    command = [tool("ansible-playbook"), "-i", "localhost,", "play.yml"]
    output = " ".join(run_tool(command, cwd=tmp_path, environment=environment_of(installed)).split())
    assert f"cloud mine is not in clouds.yaml; known: other; searched: {tmp_path}/clouds.yaml AND " in output
    assert "uri=nonsense:///system: " in output
