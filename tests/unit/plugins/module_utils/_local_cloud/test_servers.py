# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import socket
import threading
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.server_files import Settings
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.servers import (
    LocalCloud,
    answers,
    free_port,
)


@pytest.fixture
def cloud(tmp_path: Path) -> LocalCloud:
    """A cloud of which only the settings are there; whole ones are in the integration tests."""
    directory = tmp_path / "cloud"
    directory.mkdir()
    (directory / "settings.json").write_text(json.dumps(asdict(Settings(25000, 29292, "a", "b"))))
    return LocalCloud(directory, directory / "venv", "/nonexistent/python")


def test_a_cloud_that_does_not_run_is_down(cloud: LocalCloud) -> None:
    assert not cloud.up
    assert not cloud.running
    assert cloud.processes() == {}
    assert not cloud.stop()


def test_settings_outlive_a_reset(cloud: LocalCloud) -> None:
    before = cloud.settings()
    (cloud.directory / "state").mkdir()
    cloud.wipe()
    assert not (cloud.directory / "state").exists()
    assert cloud.settings() == before


def test_broken_settings_are_none(cloud: LocalCloud) -> None:
    (cloud.directory / "settings.json").write_text('{"identity_port": 1}')
    assert cloud.settings() is None


def test_removal_takes_only_what_is_its_own(cloud: LocalCloud) -> None:
    (cloud.directory / "thesis.txt").touch()
    with pytest.raises(OptionError, match="cannot be removed: Directory not empty"):
        cloud.remove()
    assert [path.name for path in cloud.directory.iterdir()] == ["thesis.txt"]
    (cloud.directory / "thesis.txt").unlink()
    assert cloud.remove()
    assert not cloud.directory.exists()
    assert not cloud.remove()


def test_a_shared_environment_stays(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    venv.mkdir()
    (tmp_path / "cloud").mkdir()
    assert LocalCloud(tmp_path / "cloud", venv, "python").remove()
    assert venv.exists()


def test_a_python_that_is_not_there_is_an_error_and_leaves_no_server(cloud: LocalCloud) -> None:
    with pytest.raises(GoldsmithError):
        cloud.start()
    assert not cloud.running
    assert not cloud.venv.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match=r"directory=.*file/cloud: Not a directory"):
        LocalCloud(tmp_path / "file" / "cloud", tmp_path / "venv", "python").start()


def test_a_port_that_another_program_took_is_not_used_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port, set()) != port
    used: set[int] = set()
    first = free_port(None, used)
    assert free_port(first, set()) == first
    assert free_port(first, used) != first


class Refusing(BaseHTTPRequestHandler):
    """A refusal is an answer, too."""

    def do_GET(self) -> None:
        self.send_error(401)


def test_a_server_answers_whatever_proxy_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert answers(f"http://127.0.0.1:{server.server_port}/v3")
    assert not answers("http://127.0.0.1:9/")
