# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files of the local cloud: Keystone, Glance, gunicorn, clouds.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# A writer waits for another one, by default for five seconds only. None waits for the disk, which may be busy with the
# data of images: after a power cut such a cloud is made anew.
_DATABASE = """connection = sqlite:///{path}?timeout=60
sqlite_synchronous = false"""
REGION = "RegionOne"
CLOUD = "embedded"


@dataclass(frozen=True)
class Settings:
    """What a local cloud keeps for its whole life: its ports and passwords."""

    identity_port: int
    image_port: int
    admin_password: str
    service_password: str

    @property
    def identity_url(self) -> str:
        """The address of Keystone."""
        return f"http://127.0.0.1:{self.identity_port}/v3"

    @property
    def image_url(self) -> str:
        """The address of Glance."""
        return f"http://127.0.0.1:{self.image_port}"


def keystone(state: Path) -> str:
    """Return keystone.conf."""
    # The cheapest hash rounds: the passwords are long and random, and the service is on loopback.
    return f"""[DEFAULT]
use_stderr = true
[database]
{_DATABASE.format(path=state / "keystone.sqlite")}
[token]
provider = fernet
[fernet_tokens]
key_repository = {state}/fernet
[fernet_receipts]
key_repository = {state}/fernet
[credential]
key_repository = {state}/credential
[identity]
password_hash_rounds = 4
[oslo_policy]
policy_file = {state}/no-policy.yaml
"""


def glance(state: Path, settings: Settings) -> str:
    """Return glance-api.conf."""
    return f"""[DEFAULT]
use_stderr = true
transport_url = fake://
enabled_backends = local:file
enabled_import_methods = [glance-direct,web-download]
worker_self_reference_url = {settings.image_url}
[database]
{_DATABASE.format(path=state / "glance.sqlite")}
[glance_store]
default_backend = local
[local]
filesystem_store_datadir = {state}/images
[os_glance_staging_store]
filesystem_store_datadir = {state}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {state}/tasks
[task]
work_dir = {state}/tasks
[oslo_concurrency]
lock_path = {state}/locks
[oslo_policy]
policy_file = {state}/no-policy.yaml
[paste_deploy]
flavor = keystone
[keystone_authtoken]
www_authenticate_uri = {settings.identity_url}
auth_url = {settings.identity_url}
auth_type = password
username = glance
password = {settings.service_password}
project_name = service
user_domain_id = default
project_domain_id = default
service_token_roles_required = true
"""


def gunicorn(application: str, port: int) -> str:
    """Return the configuration of one gunicorn server."""
    # One process with threads: sqlite has one writer anyway. A long upload must not look like a hanging worker.
    # A transaction that reads before it writes would fail beside another one, without waiting: each waits as it begins.
    return f"""def post_worker_init(_worker):
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "before_cursor_execute", retval=True)
    def wait_at_begin(_connection, _cursor, statement, parameters, *_more):
        return ("BEGIN IMMEDIATE" if statement == "BEGIN" else statement), parameters


wsgi_app = "{application}"
bind = "127.0.0.1:{port}"
worker_class = "gthread"
workers = 1
threads = 8
timeout = 600
graceful_timeout = 3
accesslog = "-"
errorlog = "-"
control_socket_disable = True
"""


def clouds_yaml(settings: Settings) -> str:
    """Return the clouds.yaml that names the local cloud."""
    return f"""---
# Made by goldsmith.openstack.local_cloud
clouds:
  {CLOUD}:
    auth:
      auth_url: {settings.identity_url}
      username: admin
      password: {settings.admin_password}
      project_name: admin
      user_domain_id: default
      project_domain_id: default
    region_name: {REGION}
    identity_api_version: "3"
    image_api_version: "2"
"""
