#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_manifest
short_description: Record what an output folder holds
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Writes C(manifest.json) (definition, packages, files with sizes and sha512, Glance properties, timings) and
    C(SHA512SUMS), which C(sha512sum -c) accepts.
attributes:
  check_mode:
    support: full
    description: The files are read, nothing is written.
  diff_mode:
    support: full
    description: Shows the checksums.
  idempotent:
    support: full
    description: Other timings alone do not change the files.
  platform:
    support: full
    description: Any POSIX system.
    platforms: posix
options:
  path:
    description: The output folder.
    type: path
    required: true
  name:
    description: Name of the image.
    type: str
    required: true
  artifacts:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      file:
        description: Name of the file in O(path).
        type: str
        required: true
      format:
        description: Format as Glance names it.
        type: str
        required: true
        choices: [qcow2, raw, vhd, aki, ari, ami]
      virtual_size:
        description: Size of the guest's disk in bytes. The default is the size of the file.
        type: int
  definition:
    description: What the image was built from.
    type: dict
    default: {}
  packages:
    description: The installed packages. The default is those of O(tree).
    type: list
    elements: dict
    default: []
  tree:
    description: Folder with the root file system as it is in the image, to read the installed packages from.
    type: path
  removed:
    description: What the build needed and the image has no more, with C(packages) and C(size) in bytes.
    type: dict
    default: {}
  properties:
    description: Glance properties.
    type: dict
    default: {}
  min_disk:
    description: The smallest disk of a flavour, in GB. The default is what the largest file needs.
    type: int
  min_ram:
    description: The smallest memory of a flavour, in MB.
    type: int
    default: 0
  timings:
    description: Seconds that the steps took.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Record an image
  goldsmith.openstack.image_manifest:
    path: dist/debian-13-amd64
    name: debian-13-amd64
    artifacts:
      - file: debian-13-amd64.qcow2
        format: qcow2
        virtual_size: 681574400
"""

RETURN = r"""
path:
  description: The manifest.
  type: str
  returned: always
artifacts:
  description: The files with file, format, size and virtual_size in bytes, and sha512.
  type: list
  elements: dict
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils import _manifest
from ansible_collections.goldsmith.openstack.plugins.module_utils._module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._sizes import GIB, align_up

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "name": {"type": "str", "required": True},
    "artifacts": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "file": {"type": "str", "required": True},
            "format": {"type": "str", "required": True, "choices": ["qcow2", "raw", "vhd", "aki", "ari", "ami"]},
            "virtual_size": {"type": "int"},
        },
    },
    "definition": {"type": "dict", "default": {}},
    "packages": {"type": "list", "elements": "dict", "default": []},
    "tree": {"type": "path"},
    "removed": {"type": "dict", "default": {}},
    "properties": {"type": "dict", "default": {}},
    "min_disk": {"type": "int"},
    "min_ram": {"type": "int", "default": 0},
    "timings": {"type": "dict", "default": {}},
}


def run(params: dict, check_mode: bool) -> dict:
    """Describe the files and write the record."""
    artifacts = _manifest.describe(params["path"], [_manifest.Artifact(**item) for item in params["artifacts"]])
    largest = max(artifact["virtual_size"] for artifact in artifacts)
    content = {
        **{name: params[name] for name in ("name", "definition", "removed", "properties", "min_ram", "timings")},
        "packages": params["packages"] or _manifest.packages(params["tree"]),
        "min_disk": params["min_disk"] or align_up(largest, GIB) // GIB,
        "artifacts": artifacts,
    }
    return _manifest.write(params["path"], content, check_mode=check_mode)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    run_module(module, lambda: run(module.params, module.check_mode))


if __name__ == "__main__":
    main()
