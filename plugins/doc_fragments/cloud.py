# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say which cloud."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to a cloud."""

    DOCUMENTATION = r"""
options:
  cloud:
    description:
      - Name of the cloud in C(clouds.yaml). Default is what E(OS_CLOUD) or the other variables of openstacksdk say.
    type: str
  clouds_yaml:
    description:
      - A C(clouds.yaml) to use in place of those in the usual places (E(OS_CLIENT_CONFIG_FILE), the current folder,
        C(~/.config/openstack), C(/etc/openstack)).
      - Files C(secure.yaml) and C(clouds-public.yaml) beside it are read before those in the usual places.
    type: path
  logins:
    description:
      - What the lookup P(goldsmith.openstack.cloud_login#lookup) returns for the clouds, as JSON. Files with clouds on
        the host where the module runs are not read then.
    type: json
  auth:
    description:
      - Credentials in the words of openstacksdk, in place of C(clouds.yaml) or to change some of its entry.
    type: dict
  auth_type:
    description: Plugin of keystoneauth that uses O(auth).
    type: str
  region_name:
    description: Region of the cloud.
    type: str
  interface:
    description: Which of the addresses in the catalog is used.
    type: str
    choices: [public, internal, admin]
  validate_certs:
    description: Whether certificates of the cloud are verified. Default is as C(clouds.yaml) says, else verified.
    type: bool
  ca_cert:
    description: Bundle of the certificate authorities that the cloud is verified with.
    type: path
  timeout:
    description:
      - Seconds without any sign of life from the cloud after which a request is given up. No limit for the whole
        upload.
    type: int
    default: 300
  attempts:
    description:
      - How often a request is sent at most while the cloud does not answer, or says to try later. The pauses between
        double from one second to a minute, or are those that the cloud asks for.
    type: int
    default: 7
requirements:
  - openstacksdk >= 1.0
"""
