# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import configparser
from pathlib import Path

import yaml

from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud import server_files as files

SETTINGS = files.Settings(25000, 29292, "admin-secret", "glance-secret")


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return parser


def test_all_data_is_in_the_state_folder() -> None:
    for text in (files.keystone(Path("/cloud")), files.glance(Path("/cloud"), SETTINGS)):
        for section in parsed(text).values():
            for value in section.values():
                assert (
                    "sqlite:////cloud/" in value or not value.startswith(("/", "sqlite")) or value.startswith("/cloud/")
                )


def test_glance_asks_keystone_as_its_own_account() -> None:
    section = parsed(files.glance(Path("/cloud"), SETTINGS))["keystone_authtoken"]
    assert section["auth_url"] == "http://127.0.0.1:25000/v3"
    assert (section["username"], section["password"]) == ("glance", "glance-secret")


def test_servers_listen_on_loopback_only() -> None:
    values: dict[str, object] = {}
    exec(files.gunicorn("glance.wsgi.api:application", 29292), values)
    assert values["bind"] == "127.0.0.1:29292"
    assert values["wsgi_app"] == "glance.wsgi.api:application"


def test_writers_wait_for_each_other() -> None:
    for text in (files.keystone(Path("/cloud")), files.glance(Path("/cloud"), SETTINGS)):
        assert parsed(text)["database"]["connection"].endswith(".sqlite?timeout=60")
    values: dict[str, object] = {}
    exec(files.gunicorn("glance.wsgi.api:application", 29292), values)
    assert callable(values["post_worker_init"])


def test_clouds_yaml_names_the_cloud_embedded() -> None:
    clouds = yaml.safe_load(files.clouds_yaml(SETTINGS))["clouds"]
    assert list(clouds) == ["embedded"]
    assert clouds["embedded"]["auth"]["auth_url"] == "http://127.0.0.1:25000/v3"
    assert clouds["embedded"]["auth"]["password"] == "admin-secret"
