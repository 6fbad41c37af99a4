# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local cloud: started, stopped, reset, removed; and the way to it by the roles."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.glance import VENV, file_system, kernel, raw_disk, run_module
from helpers.tools import run_tool, tool


@pytest.fixture
def options(tmp_path: Path):
    """The options of a cloud of this test's own, which is removed afterwards."""
    own = {"directory": str(tmp_path / "cloud"), "venv": str(VENV)}
    yield own
    run_module("local_cloud", {**own, "state": "absent"})


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_the_life_of_a_cloud(options: dict[str, Any]) -> None:
    directory = Path(options["directory"])
    assert run_module("local_cloud", options, check=True)["changed"]
    assert not directory.exists()

    first = run_module("local_cloud", options)
    assert first["changed"], first
    assert all(alive(pid) for pid in first["processes"].values())
    assert Path(first["clouds_yaml"]).stat().st_mode & 0o777 == 0o600

    again = run_module("local_cloud", options)
    assert not again["changed"]
    assert again["processes"] == first["processes"]

    # A server that died is found out, although the other still answers.
    os.kill(first["processes"]["glance"], signal.SIGKILL)
    assert run_module("local_cloud", options, check=True)["changed"]

    assert run_module("local_cloud", {**options, "state": "stopped"})["changed"]
    assert not any(alive(pid) for pid in first["processes"].values())
    assert not run_module("local_cloud", {**options, "state": "stopped"})["changed"]

    # A record that names a process which is not ours any more: that one must live on.
    record = directory / "run" / "glance.json"
    record.write_text(json.dumps({"pid": os.getpid(), "identity": "another boot/1", "fingerprint": ""}))

    reset = run_module("local_cloud", {**options, "state": "reset"})
    assert reset["changed"]
    assert reset["processes"]["glance"] != os.getpid()
    assert reset["image_url"] == first["image_url"]
    arguments = {"cloud": "embedded", "clouds_yaml": reset["clouds_yaml"]}
    assert run_module("glance_image_info", arguments)["images"] == []

    absent = {**options, "state": "absent"}
    assert run_module("local_cloud", absent, check=True)["changed"]
    assert run_module("local_cloud", absent)["changed"]
    assert not directory.exists()
    assert not any(alive(pid) for pid in reset["processes"].values())
    assert not run_module("local_cloud", absent)["changed"]


def test_options_reach_glance(options: dict[str, Any], tmp_path: Path) -> None:
    small = run_module("local_cloud", {**options, "options": {"OS_DEFAULT__IMAGE_SIZE_CAP": str(1 << 20)}})
    cloud = {"cloud": "embedded", "clouds_yaml": small["clouds_yaml"]}
    disk = raw_disk(tmp_path / "disk.raw")
    result = run_module("glance_triplet_upload", {**cloud, "name": "disk", "image": str(disk)})
    assert result["failed"]
    assert "413" in result["msg"]
    assert "quota" in result["msg"]
    assert run_module("glance_image_info", cloud)["images"] == []

    broken = run_module("local_cloud", {**options, "options": {"OS_DEFAULT__ENABLED_BACKENDS": "local:no_such_store"}})
    assert broken["failed"]
    assert "glance ended at once" in broken["msg"]
    assert "glance.log" in broken["msg"]
    assert "Store for identifier local not found" in broken["msg"]
    assert broken["msg"].count("\n") == 0
    # Keystone did start, and must not stay.
    assert not run_module("local_cloud", {**options, "state": "stopped"})["changed"]


def test_somebody_elses_files_are_not_removed(options: dict[str, Any]) -> None:
    directory = Path(options["directory"])
    directory.mkdir()
    (directory / "thesis.txt").write_text("years of work")
    result = run_module("local_cloud", {**options, "state": "absent"})
    assert result["failed"]
    assert (directory / "thesis.txt").exists()
    (directory / "thesis.txt").unlink()


def test_the_playbook_publishes_once(glance_cloud, checkout: Path, tmp_path: Path) -> None:
    output = tmp_path / "dist" / "guest"
    output.mkdir(parents=True)
    raw_disk(output / "guest.raw")
    kernel(output / "guest.vmlinuz")
    raw_disk(output / "guest.initrd", size=1 << 20)
    file_system(output / "guest.ext4")
    formats = {"guest.raw": "raw", "guest.vmlinuz": "aki", "guest.initrd": "ari", "guest.ext4": "ami"}
    manifest = {
        "name": "guest",
        "artifacts": [{"file": name, "format": kind} for name, kind in formats.items()],
        "properties": {"os_distro": "debian"},
        "min_disk": 2,
        "min_ram": 512,
    }
    (output / "manifest.json").write_text(json.dumps(manifest))
    # In the current folder, where users of openstacksdk have it.
    (tmp_path / "clouds.yaml").write_bytes(glance_cloud.clouds_yaml.read_bytes())

    def publish(*words: str) -> str:
        argv = [tool("ansible-playbook"), str(checkout / "playbooks" / "publish.yml"), *words]
        argv += ["-e", "image_publish_dir=dist/guest"]
        argv += ["-e", f"ansible_python_interpreter={sys.executable}"]
        # Nobody is at that proxy: loopback must be reached without it.
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY"), "http://127.0.0.1:9")
        outside = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
        return run_tool(argv, cwd=tmp_path, environment={**outside, **proxies, "PWD": str(tmp_path)})

    with pytest.raises(pytest.fail.Exception, match=r"cloud nowhere is not in clouds\.yaml"):
        publish("-e", "image_clouds=faulty,nowhere")
    assert glance_cloud.images() == []

    text = publish("-e", "image_clouds=faulty", "--check")
    assert f"Publish {output}" in text
    assert re.search(r"clouds +faulty\b", text)
    assert "private, becomes current, 3 versions stay" in text
    assert glance_cloud.images() == []
    assert not glance_cloud.proxy.seen("POST") and not glance_cloud.proxy.seen("PUT")

    text = publish("-e", "image_clouds=faulty")
    images = {image.name: image for image in glance_cloud.images(status="active")}
    assert set(images) == {"guest", "guest-ami", "guest-aki", "guest-ari"}
    for image in images.values():
        assert f"faulty: {image.name} {image.id}" in text
    for name in ("guest", "guest-ami"):
        assert images[name].attributes.items() >= {"os_distro": "debian", "min_disk": 2, "min_ram": 512}.items()

    glance_cloud.proxy.clear()
    text = publish("-e", "image_clouds=faulty")
    assert "changed=0" in text
    assert " ".join(text.split()).count("already there: nothing uploaded") == 4
    assert not glance_cloud.proxy.seen("PUT")
