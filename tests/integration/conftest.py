# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the integration tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.glance import TestCloud, local_cloud, running_cloud

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Cloud


@pytest.fixture(scope="session")
def session_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCloud]:
    """A real Keystone and Glance for all tests, and a proxy before Glance."""
    directory = tmp_path_factory.mktemp("cloud")
    cloud = local_cloud(directory / "state")
    with running_cloud(cloud, directory) as running:
        yield running


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the modules of this test, and of no other, have their temporary folders."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def glance_cloud(session_cloud: TestCloud) -> Iterator[TestCloud]:
    """The cloud without an image in it, and nothing broken."""
    session_cloud.proxy.clear()
    session_cloud.empty()
    yield session_cloud
    session_cloud.proxy.clear()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch, session_cloud: TestCloud) -> None:
    """In this process the pauses before another attempt are short, and one login serves all runs of modules."""
    rest, first = time.sleep, Cloud.__init__

    def begin(cloud: Cloud, *args: object, **options: object) -> None:
        first(cloud, *args, **options)
        auth = cloud._connection.session.auth
        if cloud.label == "faulty":
            auth.set_auth_state(session_cloud.login)

    monkeypatch.setattr(time, "sleep", lambda seconds: rest(min(seconds, 0.05)))
    monkeypatch.setattr(Cloud, "__init__", begin)
