#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: tree_bootstrap
short_description: Make the tree of a root file system from a distribution's packages
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Makes a folder with the root file system of a distribution, all packages installed in one go.
  - Runs as root and, with a range of subordinate ids, as an ordinary user; the owners of the files are then right
    inside the user's namespaces.
  - Debian by mmdebstrap, which verifies the archive's signatures and knows each release's mirrors.
requirements:
  - mmdebstrap and the keyring of the distribution's archive
attributes:
  check_mode:
    support: full
    description: Nothing is downloaded.
  diff_mode:
    support: full
    description: Shows the release and the packages that were asked for.
  idempotent:
    support: full
    description: A whole tree made from the same options is kept, whatever was done in it since.
  platform:
    support: full
    description: Linux.
    platforms: posix
options:
  path:
    description: The folder. A file of the same name with the ending C(.json) beside it records what was made.
    type: path
    required: true
  state:
    description: Whether the tree shall exist.
    type: str
    choices: [present, absent]
    default: present
  distribution:
    description: The distribution.
    type: str
    choices: [debian]
    default: debian
  release:
    description: Code name of the release, for example V(trixie).
    type: str
  architecture:
    description: Architecture of the packages as dpkg names it.
    type: str
    default: amd64
  packages:
    description: Packages to install beside the base system.
    type: list
    elements: str
    default: []
  components:
    description: Components of the archive.
    type: list
    elements: str
    default: [main]
  mirror:
    description: Empty for the release's own mirrors with updates and security, V(host) for the build host's own apt
      sources, or the URL of a mirror.
    type: str
    default: ''
  security_mirror:
    description: URL of the mirror for security updates, beside a URL in O(mirror).
    type: str
    default: ''
  exclude:
    description: Paths that packages leave out, as dpkg's path-exclude takes them. Kept in the tree's configuration.
    type: list
    elements: str
    default: []
  include:
    description: Of these paths, the ones that are installed all the same, as dpkg's path-include takes them.
    type: list
    elements: str
    default: []
  files:
    description: Files by which packages are configured, such as those of initramfs-tools. They are written before any
      package but the essential ones is installed; take paths that no package brings.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path inside the tree.
        type: path
        required: true
      content:
        description: Text of the file.
        type: str
        required: true
  proxy:
    description: URL of the HTTP proxy for downloads.
    type: str
    default: ''
  cache_dir:
    description: Folder in which downloaded packages are kept, on the file system of O(path). Packages unused for 30
      days are removed.
    type: path
"""

EXAMPLES = r"""
- name: Make a small Debian tree
  goldsmith.openstack.tree_bootstrap:
    path: /var/tmp/tree
    release: trixie
    packages: [linux-image-cloud-amd64, systemd-sysv, openssh-server]
    cache_dir: /var/tmp/debs
"""

RETURN = r"""
path:
  description: The folder.
  type: str
  returned: always
packages:
  description: The installed packages with package, version and architecture.
  type: list
  elements: dict
  returned: state is present
epoch:
  description: When the newest package was made, in seconds since 1970.
  type: int
  returned: state is present and not in check mode
seconds:
  description: How long the bootstrap took.
  type: float
  returned: state is present and not in check mode
"""

import re

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils import _bootstrap
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "distribution": {"type": "str", "choices": ["debian"], "default": "debian"},
    "release": {"type": "str"},
    "architecture": {"type": "str", "default": "amd64"},
    "packages": {"type": "list", "elements": "str", "default": []},
    "components": {"type": "list", "elements": "str", "default": ["main"]},
    "mirror": {"type": "str", "default": ""},
    "security_mirror": {"type": "str", "default": ""},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "include": {"type": "list", "elements": "str", "default": []},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str", "required": True},
        },
    },
    "proxy": {"type": "str", "default": ""},
    "cache_dir": {"type": "path"},
}
_NAME = re.compile(r"^[a-z0-9][a-z0-9+.:=~-]*$", re.IGNORECASE)


def request_of(params: dict) -> _bootstrap.Request:
    """Return the request that the options describe."""
    for option, values in (("release", [params["release"]]), ("packages", params["packages"])):
        for value in values:
            if not _NAME.match(value):
                raise OptionError(option, value, "is not a name", hint="use letters, digits and + . -")
    for file in params["files"]:
        if not file["path"].startswith("/") or ".." in file["path"].split("/"):
            raise OptionError("files.path", file["path"], "is no path inside the tree", hint="begin with /, without ..")
    return _bootstrap.Request(
        path=params["path"],
        release=params["release"],
        architecture=params["architecture"],
        packages=tuple(dict.fromkeys(params["packages"])),
        sources=_sources(params),
        components=tuple(params["components"]),
        exclude=tuple(params["exclude"]),
        include=tuple(params["include"]),
        files=tuple((file["path"], file["content"]) for file in params["files"]),
        proxy=params["proxy"],
        cache=params["cache_dir"],
    )


def _sources(params: dict) -> tuple[str, ...]:
    mirror, release = params["mirror"], params["release"]
    if not mirror:
        return ()
    if mirror == "host":
        return _bootstrap.host_sources(release)
    for option in ("mirror", "security_mirror"):
        if params[option] and not re.match(r"^(https?|file|ftp|copy)://?\S+$", params[option]):
            raise OptionError(option, params[option], "is not a URL", hint="write it with http:// or leave it empty")
    components = " ".join(params["components"])
    lines = [f"deb {mirror} {release} {components}"]
    if params["security_mirror"]:
        lines.append(f"deb {params['security_mirror']} {release}-security {components}")
    return tuple(lines)


def run(params: dict, check_mode: bool) -> dict:
    """Bring the tree into the state that was asked for."""
    if params["state"] == "absent":
        return _bootstrap.absent(Runner(), params["path"], check_mode=check_mode)
    return _bootstrap.present(Runner(), request_of(params), check_mode=check_mode)


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_if=[("state", "present", ["release"])]
    )
    run_module(module, lambda: run(module.params, module.check_mode))


if __name__ == "__main__":
    main()
