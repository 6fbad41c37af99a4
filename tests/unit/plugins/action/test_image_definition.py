# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action image_definition, with the variables of a play."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest
from ansible import context
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from helpers.definitions import ED25519, bad_values

from ansible_collections.goldsmith.openstack.plugins.action import image_definition
from ansible_collections.goldsmith.openstack.plugins.action.image_definition import ActionModule
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import keys
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
            "nosuch.raw: there is no such file or folder",
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


def source_with(key: str) -> dict[str, Any]:
    return {"image_sources": [{"name": "company", "url": "http://c.example", "suites": "x", "key": key}]}


def test_the_key_of_a_source_is_a_file_a_url_or_the_key_itself(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path(_axes.axis_file("keys", "rhel")).read_text()
    (tmp_path / "key.asc").write_text(text)
    (tmp_path / "key.gpg").write_bytes(keys.binary(text))
    monkeypatch.setattr(image_definition, "open_url", lambda url, timeout: io.BytesIO(keys.binary(text)))
    for key in ("key.asc", f"{tmp_path}/key.gpg", text, "https://c.example/key.gpg"):
        (source,) = run(source_with(key))["definition"]["sources"]
        assert keys.binary(source["key"]) == keys.binary(text), key
    (source,) = run(source_with(""))["definition"]["sources"]
    assert source["key"] == ""


def test_a_key_that_cannot_be_had(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes").write_text("no key")

    def refuse(url: str, timeout: float) -> None:
        raise URLError("connection refused")

    monkeypatch.setattr(image_definition, "open_url", refuse)
    option = "image_sources=company: key"
    for key, fault in (
        ("nosuch.asc", f"{option}=nosuch.asc cannot be read: No such file or directory; give a file, an https:// URL"),
        ("notes", f"{option}=notes is no public key of OpenPGP; gpg --export writes one"),
        ("https://c.example/k", f"{option}=https://c.example/k cannot be read: connection refused; give a file"),
        ("http://c.example/k", "is fetched, and nothing vouches for it; write it with https://, or a file"),
    ):
        result = run(source_with(key))
        assert result["failed"] and fault in result["msg"], result["msg"]


def test_a_folder_that_roles_do_not_see_is_warned_of(run: Run) -> None:
    (warning,) = run({"image_mirror": "file:///srv/mirror", "image_roles": "web"})["warnings"]
    assert warning.startswith("image_mirror: the folder file:///srv/mirror is seen while packages are installed")


def test_folders_of_another_build_host_begin_in_its_home(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = {"rc": 0, "stdout": "Welcome!\n\n/home/builder\n", "stderr": ""}
    monkeypatch.setattr(ActionModule, "_low_level_execute_command", lambda _self, _command: answer)
    (tmp_path / "own.asc").touch()
    variables = {
        "image_signing_key": "key.pem",
        "image_signing_certificate_id": CERTIFICATE,
        "image_keyrings": ["own.asc"],
        "vm_capture_disk": "/srv/web.qcow2",
    }
    built = run({**variables, "vm_capture_disk": ""}, transport="ssh")
    assert built["definition"]["directory"] == "/home/builder/dist/debian-13-amd64", built.get("msg")
    result = run(variables, transport="ssh", purpose="capture")
    assert "failed" not in result, result["msg"]
    done = result["definition"]
    assert done["directory"] == "/home/builder/dist/web"
    assert (done["cache_dir"], done["signing_key"]) == ("/home/builder/.cache/goldsmith", "/home/builder/key.pem")
    # Keys for packages are read here.
    assert done["keyrings"] == [f"{tmp_path}/own.asc"]
    booted = run({**variables, "image_configure": "booted"}, transport="ssh")
    assert "image_configure=booted: does not go with image_build_host=localhost, whose guests only" in booted["msg"]
    answer["stdout"] = ""
    with pytest.raises(AnsibleError, match="cannot tell the home folder of the account on the build host"):
        run(variables, transport="ssh", purpose="capture")


def test_a_publication_takes_the_cloud_of_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OS_CLOUD", "OS_CLOUD_NAME", "OS_AUTH_URL"):
        monkeypatch.delenv(name, raising=False)
    assert "image_clouds: is empty; name the clouds" in run({"image_publish_dir": "dist/a"}, purpose="publish")["msg"]
    monkeypatch.setenv("OS_AUTH_URL", "http://127.0.0.1:9/v3")
    assert run({"image_publish_dir": "a"}, purpose="publish")["definition"]["clouds"] == ["envvars"]
    monkeypatch.setenv("OS_CLOUD", "north")
    assert run({"image_publish_dir": "a"}, purpose="publish")["definition"]["clouds"] == ["north"]
    # A build publishes only if it is asked to.
    assert run()["definition"]["clouds"] == []


def test_hardware_that_was_not_proved_is_warned_of(run: Run) -> None:
    properties = {"hw_disk_bus": "sata", "os_purpose": "minimal"}
    variables = {"image_publish_dir": "a", "image_clouds": "one", "image_properties": properties}
    assert run(variables, purpose="publish")["warnings"] == [
        "image_properties: hw_disk_bus=sata: no boot tries it, what is published was proved before"
    ]


def test_a_value_that_a_shell_has_cut_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"extra_vars": ("image_name=Debian 13",)})
    result = run({"image_name": "Debian"})
    assert result["failed"]
    assert result["msg"] == r'image_name=Debian: it ends at the blank before 13; write -e "image_name=\"Debian 13\""'
