# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the person who builds goes into an image: as the guest has it, as the audit sees it, and who may get it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from helpers.system_trees import make_tree
from helpers.tools import run_tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import leftovers
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import FAIL, PASS, Guest
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles

PROXY = "http://proxy.example:3128"
SETTINGS = {"etc/apt/apt.conf.d/90": "apt-proxy", "etc/systemd/system.conf.d/90.conf": "systemd-proxy"}
RENDER = """
- hosts: localhost
  gather_facts: false
  vars:
    openstack_guest_proxies: {http_proxy: PROXY, https_proxy: PROXY, no_proxy: "mirror.example,.b,10.0.0.0/8,::1"}
  tasks:
    - ansible.builtin.template:
        src: "CHECKOUT/roles/openstack_guest/templates/{{ item.value }}.conf.j2"
        dest: "TREE/{{ item.key }}"
        mode: "0644"
      loop: "{{ settings | dict2items }}"
"""
PUBLISH = """
- hosts: localhost
  gather_facts: false
  roles:
    - goldsmith.openstack.glance_publish
"""


def test_the_guest_and_the_audit_agree_on_the_proxies(checkout: Path, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    for path in SETTINGS:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
    text = RENDER.replace("PROXY", PROXY).replace("CHECKOUT", str(checkout)).replace("TREE", str(tree))
    (tmp_path / "play.yml").write_text(text)
    run_tool(
        [str(checkout / "goldsmith"), "playbook", "play.yml", "-e", json.dumps({"settings": SETTINGS})], cwd=tmp_path
    )
    apt, manager = (tree / path for path in SETTINGS)
    said = run_tool(["apt-config", "-c", str(apt), "dump", "Acquire"], cwd=tmp_path).splitlines()
    assert f'Acquire::http::Proxy "{PROXY}";' in said and f'Acquire::https::Proxy "{PROXY}";' in said
    past = [line for line in said if "DIRECT" in line]
    assert past == [f'Acquire::{kind}::Proxy::mirror.example "DIRECT";' for kind in ("http", "https")]
    assert manager.read_text().splitlines() == [
        "[Manager]",
        f'DefaultEnvironment="http_proxy={PROXY}"',
        f'DefaultEnvironment="https_proxy={PROXY}"',
        'DefaultEnvironment="no_proxy=mirror.example,.b,10.0.0.0/8,::1"',
    ]
    files = TreeFiles(str(tree))
    assert leftovers.proxy(Guest(files, proxy=(PROXY,))).verdict == PASS
    assert leftovers.secrets(Guest(files)).verdict == PASS
    for others in ((), ("http://other.example:3128",)):
        found = leftovers.proxy(Guest(files, proxy=others))
        assert found.verdict == FAIL and len(found.evidence) == 4


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"glance_publish_visibility": "public"},
            "image_visibility=public, image_retire=hidden: the image has proxy of",
        ),
        ({"glance_publish_visibility": "community"}, "image_visibility=community"),
        ({"glance_publish_retire": "community"}, "image_retire=community"),
        ({"glance_publish_visibility": "shared"}, ""),
    ],
)
def test_a_folder_with_something_of_one_person_is_not_for_all(
    checkout: Path, tmp_path: Path, given: dict[str, str], told: str
) -> None:
    manifest = {
        "name": "guest",
        "artifacts": [{"file": "guest.raw", "format": "raw"}],
        "definition": {"local_configuration": ["proxy"]},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "play.yml").write_text(PUBLISH)
    wanted = {"glance_publish_directory": str(tmp_path), "glance_publish_clouds": ["nowhere"], **given}
    result = subprocess.run(
        [checkout / "goldsmith", "playbook", "play.yml", "-e", json.dumps(wanted)],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    said = " ".join((result.stdout + result.stderr).split())
    assert result.returncode != 0
    # With no other objection the next one is that the cloud is not known.
    assert (told or "nowhere") in said and bool(told) == ("of the person who built it" in said)
