# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to log in to a cloud, as the control node knows it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: cloud_login
short_description: How to log in to a cloud, as the control node knows it
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Finds a cloud on the control node as the command C(openstack) does in the folder where the command was given, that
    is in C(clouds.yaml) with C(secure.yaml) and C(clouds-public.yaml), in E(OS_CLIENT_CONFIG_FILE), or in the
    environment.
  - A module gets it in its option C(logins) and needs no C(clouds.yaml) where it runs. The content of a CA file, or of
    a client certificate with its key, comes along.
options:
  _terms:
    description:
      - Names of clouds, each as C(cloud) or C(cloud/region). V(envvars) is the one that the variables C(OS_*) describe.
    type: list
    elements: str
    required: true
notes:
  - What it returns holds passwords. Give it to a module that hides them, and to no other task.
"""

EXAMPLES = r"""
- name: Look into a cloud from a host that has no credentials
  goldsmith.openstack.glance_image_info:
    cloud: production
    logins: "{{ query('goldsmith.openstack.cloud_login', 'production') | to_json }}"
  delegate_to: builder
"""

RETURN = r"""
_raw:
  description:
    - C(cloud), its C(config), the content of the C(files) that this names, and the C(source) where it was found.
    - Only C(cloud) and C(msg) where the cloud cannot be used. The module then fails with that line.
  type: list
  elements: dict
"""

import os
from typing import Any

from ansible.plugins.lookup import LookupBase

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.cloud_login import CloudOptions, carried
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError


class LookupModule(LookupBase):
    """The lookup goldsmith.openstack.cloud_login."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Return a login for each name."""
        self.set_options(var_options=variables, direct=kwargs)
        here = os.environ.get("PWD") or os.getcwd()
        return [_login(str(term), here) for term in terms]


def _login(word: str, here: str) -> dict[str, Any]:
    cloud, _slash, region = word.partition("/")
    try:
        return carried(CloudOptions(cloud=cloud, region_name=region or None), here)
    except GoldsmithError as error:
        # A lookup that fails is told in several lines; a module says it in one.
        return {"cloud": word, "msg": f"on the control node, {error}"}
