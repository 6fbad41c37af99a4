# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action image_definition, with the variables of a play."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from helpers.definitions import ED25519, bad_values

from ansible_collections.goldsmith.openstack.plugins.action.image_definition import ActionModule
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

Run = Callable[..., dict[str, Any]]
CERTIFICATE = "5a2ff2e3-8b4a-4d65-8d0e-6f3f0b8f6f53"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the action with options and variables."""
    monkeypatch.setenv("PWD", str(tmp_path))

    def run(variables: dict[str, Any] | None = None, transport: str = "local", **options: Any) -> dict[str, Any]:
        variables = {"groups": {"builders": ["north"]}, **(variables or {})}
        templar = Templar(loader=DataLoader(), variables=variables)
        task = SimpleNamespace(args=options, async_val=0, check_mode=False, diff=False, action="image_definition")
        connection = SimpleNamespace(transport=transport, _shell=SimpleNamespace(tmpdir=None))
        context = SimpleNamespace(check_mode=False)
        return ActionModule(task, connection, context, DataLoader(), templar, None).run(None, variables)

    return run


def test_variables_are_templated_and_options_go_before_them(run: Run, tmp_path: Path) -> None:
    variables = {
        "image_name": trust_as_template("{{ site }}-base"),
        "site": "north",
        "image_firmware": "uefi",
        "image_packages": "jq,vim",
    }
    done = run({**variables, "image_build_host": "builders"}, firmware="hybrid")["definition"]
    assert done["name"] == "north-base"
    assert done["firmware"] == "hybrid"
    assert done["packages"] == ["jq", "vim"]
    assert done["directory"] == f"{tmp_path}/dist/north-base"


def test_all_that_is_wrong_is_told_in_one_line(run: Run) -> None:
    bad = bad_values()
    result = run({**bad, "image_relase": "trixie", "image_zoo": 1})
    assert result["failed"] and "\n" not in result["msg"]
    for name in bad:
        assert f"{name}=" in result["msg"]
    assert "image_relase: is not known; do you mean image_release?" in result["msg"]


def test_keys_and_proxies_of_the_builder_are_read_where_they_were_chosen(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519.pub").write_text(ED25519)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.delenv("http_proxy", raising=False)
    done = run({"image_local_configuration": "proxy,ssh_keys"})["definition"]
    assert done["authorized_keys"] == [ED25519]
    assert done["proxy_addresses"] == ["http://proxy.example:3128"] and done["environment"] == {}
    assert run()["definition"]["authorized_keys"] == []
    refused = run({"image_local_configuration": "ssh_keys", "image_visibility": "public"})
    assert refused["failed"] and "image_visibility=public; leave one of them out" in refused["msg"]


def test_what_is_not_ours_is_a_warning_and_what_is_somebodys_is_none(run: Run) -> None:
    variables = {"image_zoo": 1, "image_verify_timeout": 3, "image_workspace": {}}
    assert run(variables)["warnings"] == [
        "image_zoo: is no variable of goldsmith.openstack, and has no effect on the image"
    ]
    assert run({"image_relase": 1, "image_other_variables": "image_relase"})["warnings"] == []


def test_a_release_past_its_end_is_warned_of(run: Run) -> None:
    (warning,) = run({"image_release": "11"})["warnings"]
    assert warning.startswith("image_release=bullseye: has had no security updates")


def test_a_distribution_whose_capability_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _axes.load
    odd = {"capabilities": ["apt", "dreams"]}
    monkeypatch.setattr(_axes, "load", lambda axis, name: whole(axis, name) | (odd if axis == "distributions" else {}))
    result = run()
    assert result["msg"].startswith("image_distribution=debian: its capability dreams is not known; use apt or ")


def test_a_variable_that_cannot_be_templated_is_named(run: Run) -> None:
    result = run({"image_name": trust_as_template("{{ nosuch }}")})
    assert result["msg"].startswith("image_name: cannot be read: ")


@pytest.mark.parametrize(
    ("variables", "options", "fault"),
    [
        ({"image_resize": "zfs"}, {}, "image_resize=zfs: is not known; use cloud_init or lvm or xen"),
        ({"image_distribution": "plan9"}, {}, "image_distribution=plan9: is not known; use almalinux"),
        ({"image_architecture": "sparc"}, {}, "image_architecture=sparc: is not known; use amd64"),
        ({"image_build_host": "south"}, {}, "image_build_host=south: is not in the inventory; see ansible-inventory"),
        ({"image_agent": "smith"}, {}, "image_agent=smith: is not known; use cloud_init or goldsmith"),
        ({"image_build": "capture"}, {}, "its playbook is goldsmith.openstack.capture_vm"),
        ({}, {"purpose": "capture"}, "vm_capture_name: is empty; name the machine"),
        (
            {"vm_capture_disk": "nosuch.raw"},
            {"purpose": "capture"},
            "nosuch.raw: there is no such file; give the path of a disk image",
        ),
        (
            {"vm_capture_disk": "http://disks.example/a.raw"},
            {"purpose": "capture"},
            "vm_capture_disk=http://disks.example/a.raw: is fetched, and nothing says what it must be; give vm_capture",
        ),
        ({"image_build": "virt_install"}, {"purpose": "capture"}, "image_build=virt_install: a machine is captured"),
        ({"image_clouds": "one"}, {"purpose": "publish"}, "image_publish_dir: is empty; name the output folder"),
        ({"image_publish_dir": "dist/a"}, {"purpose": "publish"}, "image_clouds: is empty; name the clouds"),
        ({"image_signing_key": "nosuch.pem"}, {}, "image_signing_key=nosuch.pem: there is no such file"),
    ],
)
def test_what_does_not_fit(run: Run, variables: dict[str, Any], options: dict[str, Any], fault: str) -> None:
    assert fault in run(variables, **options)["msg"]


def test_a_machine_of_libvirt(run: Run) -> None:
    variables = {"vm_capture_name": "web", "vm_capture_shutdown": "true"}
    done = run(variables, purpose="capture")["definition"]
    assert done["machine"] == {"uri": "qemu:///system", "name": "web", "shutdown": True}
    system = {"id": "ubuntu", "version": "24.04", "codename": "noble", "name": "Ubuntu 24.04"}
    done = run(variables, purpose="capture", system=system)["definition"]
    assert (done["distribution"], done["user"]) == ("ubuntu", "ubuntu")
    done = run({"image_build": "virt_install", "virt_install_name": "mine"})["definition"]
    assert done["machine"]["name"] == "mine"


def test_a_disk_that_is_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "web-1.raw.old").write_bytes(b"disk")
    result = run({"vm_capture_disk": "web-1.raw.old"}, purpose="capture")
    machine = {"uri": "qemu:///system", "name": "web-1", "disk": f"{tmp_path}/web-1.raw.old", "shutdown": False}
    assert result["definition"]["machine"] == machine
    assert result["definition"]["name"] == "web-1"
    assert any(f"of the disk {tmp_path}/web-1.raw.old, as it is" in line for line in result["plan"])
    url = "https://disks.example/other.qcow2"
    given = {"vm_capture_disk": url, "vm_capture_checksum": "sha256:0", "vm_capture_name": "mine"}
    machine = run(given, purpose="capture")["definition"]["machine"]
    assert (machine["disk"], machine["name"]) == (url, "mine")
    # It is no machine that could be installed.
    assert "disk" not in run({"vm_capture_disk": url, "image_build": "virt_install"})["definition"]["machine"]


def test_a_publication_needs_nothing_else(run: Run, tmp_path: Path) -> None:
    result = run({"image_publish_dir": "dist/a", "image_clouds": "one"}, purpose="publish")
    assert result["definition"]["publish_dir"] == [f"{tmp_path}/dist/a"]
    assert result["plan"][0] == f"Publish {tmp_path}/dist/a"


def test_a_file_of_another_build_host_is_not_looked_for(run: Run) -> None:
    variables = {"image_signing_key": "/there/key.pem", "image_signing_certificate_id": CERTIFICATE}
    assert "failed" not in run(variables, transport="ssh")
