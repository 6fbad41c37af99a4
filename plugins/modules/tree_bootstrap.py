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
extends_documentation_fragment: [goldsmith.openstack.package_sources]
description:
  - Makes a folder with the root file system of a distribution, all packages installed in one go.
  - Runs as root and, with a range of subordinate ids, as an ordinary user; the owners of the files are then right
    inside the user's namespaces.
  - Debian and Ubuntu by mmdebstrap, which verifies the archive's signatures and knows each release's mirrors.
  - Fedora, Red Hat Enterprise Linux and its rebuilds by dnf, openSUSE and SUSE Linux Enterprise Server by zypper, each
    with a configuration of its own and from the repositories and keys that are given. The files have the labels of the
    tree's SELinux policy, where it starts one.
requirements:
  - For O(base) qemu-img, sfdisk and e2fsprogs; for one of C(oci:) skopeo and umoci; for a signature gpgv
  - mmdebstrap and the keyring of the distribution's archive, or dnf, or zypper
  - setfiles (policycoreutils), for trees with SELinux
attributes:
  check_mode: {description: Nothing is downloaded., support: full}
  diff_mode: {description: Shows the release and the packages that were asked for., support: full}
  idempotent:
    support: full
    description: A whole tree made from the same options is kept, whatever was done in it since.
  platform: {description: Linux., support: full, platforms: posix}
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
  tool:
    description: What makes the tree.
    type: str
    choices: [mmdebstrap, dnf, zypper]
    default: mmdebstrap
  release:
    description: Code name of the release, for example V(trixie); for dnf and zypper its version, for example V(9).
    type: str
  architecture:
    description: Architecture of the packages as dpkg names it, or for dnf and zypper as RPM does. The default is
      V(amd64), or V(x86_64).
    type: str
  packages:
    description: Packages to install beside the base system.
    type: list
    elements: str
    default: []
  rpm_database:
    description: Folder in which the tree's own rpm has its database.
    type: path
    default: /usr/lib/sysimage/rpm
  first:
    description: RPM packages that are there before all others, such as the one that brings the folders.
    type: list
    elements: str
    default: [filesystem]
  rolling:
    description: Whether the release moves on all the time, as sid and Tumbleweed do. A O(base) of such a release is
      brought to its state of today even where that removes packages or takes older ones (C(dist-upgrade),
      C(distro-sync), C(dup)); of others only newer packages are taken.
    type: bool
    default: false
  exclude:
    description: Paths that packages leave out, as dpkg's path-exclude takes them. Kept in the tree's configuration. RPM
      packages leave out whole folders only, such as V(/usr/share/doc/*), and while the tree is made.
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
      mode:
        description: Permissions in octal, for example V('0755').
        type: str
        default: "0644"
  base:
    description:
      - What the tree begins with, in place of an empty folder. The base's own package manager, which is that of
        O(tool), brings it up to date and installs O(packages), from O(mirror) or O(repositories), or else from where
        the base has its packages from. What O(exclude) names stays.
      - The path or URL of a disk image, qcow2 or raw, with a root file system that M(goldsmith.openstack.disk_extract)
        can read; or C(oci:) with the path of an OCI archive or layout, if need be with C(:TAG); or C(oci:docker://)
        with the name of an image in a registry and its digest.
    type: str
    default: ''
  base_checksum:
    description: What O(base) must be, as V(sha256:HEX) or V(sha512:HEX), or the path or URL of a list of checksums that
      names it. A base that is fetched needs it, or O(base_signature).
    type: str
    default: ''
  base_signature:
    description: Path or URL of the detached OpenPGP signature of that list, or of O(base) where there is no list.
    type: str
    default: ''
  base_keys:
    description: Public keys in ASCII armor, of which one must have made the signature.
    type: list
    elements: str
    default: []
  proxy: {description: URL of the HTTP proxy for downloads., type: str, default: ''}
  cache_dir:
    description: Folder in which downloaded packages are kept, on the file system of O(path). Debian packages unused for
      30 days are removed, and RPM packages 30 days after their download.
    type: path
  layers_dir:
    description:
      - Folder that keeps what can be made again, on the file system of O(path). With it the tree begins above the
        uppermost layer that an earlier run has made from the same things and kept there, and lies in layers. It is seen
        whole by the modules of this collection and by the connection P(goldsmith.openstack.chroot#connection).
      - The packages are a layer of their own. Apt tells whether the archive has other versions of them now.
    type: path
  steps:
    description: What is done above the packages and kept by M(goldsmith.openstack.tree_layer), in this order.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: Name of the step.
        type: str
        required: true
      digest:
        description: What stands for all that decides on the result of the step. An empty one is never found.
        type: str
        required: true
      age:
        description: For how many hours the layer of this step is used, and what is made of it. The default is for ever.
        type: float
  fresh:
    description: Whether all is made anew, and nothing is kept.
    type: bool
    default: false
  made:
    description: What is made from the whole tree. Where it was made from the same things before, no tree is made.
    type: dict
    suboptions:
      directory:
        description: Folder with the files.
        type: path
        required: true
      digest:
        description: What stands for all that decides on them beside the tree.
        type: str
        required: true
      questions:
        description: What stands for the questions that they are proved by.
        type: str
        default: ''
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
path: {description: The folder., type: str, returned: always}
packages:
  description: The installed packages with package, version and architecture.
  type: list
  returned: state is present
  elements: dict
base:
  description: What stands for the content of O(base), as V(sha512:HEX).
  type: str
  returned: O(base) is given
notes:
  description: What was warned of, for the manifest of the image. Sources of the build host that are left out or are
    taken without a signature, what of a base cannot be laid out, a guest without a source of packages.
  type: list
  elements: str
  returned: state is present, not in check mode and not C(current)
guest_files:
  description: Files that M(goldsmith.openstack.file_set) brings about when the guest is sealed, so that its packages
    come from where O(guest_mirror) and O(guest_repositories) say. Until then they come from where the build has them.
  type: list
  returned: state is present
  elements: dict
repositories:
  description: Whether the tree's own dnf or zypper has a repository that is enabled.
  type: bool
  returned: the tree was made now, with RPM packages
epoch:
  description: When the newest package was made, in seconds since 1970.
  type: int
  returned: state is present and not in check mode
layer:
  description: Kind of the layer that the tree was found in, V(packages) or that of a step; empty where it was made now.
  type: str
  returned: O(layers_dir) is given and not in check mode
facts: {description: What was kept with this layer., type: dict, returned: O(layers_dir) is given and not in check mode}
keys:
  description: The key of each layer by its kind, for M(goldsmith.openstack.tree_layer), and that of C(artifacts).
  type: dict
  returned: O(layers_dir) is given and not in check mode
current:
  description: Whether the files of O(made) are those that would be made now; then there is no tree.
  type: bool
  returned: O(layers_dir) is given and not in check mode
sha512: {description: The checksums of these files., type: list, elements: str, returned: current}
proof:
  description: What an earlier proof of these files by the same questions has shown; empty where there was none.
  type: dict
  returned: O(layers_dir) is given and not in check mode
seconds: {description: How long the bootstrap took., type: float, returned: state is present and not in check mode}
"""

import os
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import base
from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence import made
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner, find_program
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import bootstrap, guest_sources, resume
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import bootstrap_options as options

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "tool": {"type": "str", "choices": list(bootstrap.TOOLS), "default": "mmdebstrap"},
    "release": {"type": "str"},
    "architecture": {"type": "str"},
    "packages": {"type": "list", "elements": "str", "default": []},
    **options.SOURCES,
    "rpm_database": {"type": "path", "default": "/usr/lib/sysimage/rpm"},
    "first": {"type": "list", "elements": "str", "default": ["filesystem"]},
    "rolling": {"type": "bool", "default": False},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "include": {"type": "list", "elements": "str", "default": []},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "content": {"type": "str", "required": True},
            "mode": {"type": "str", "default": "0644"},
        },
    },
    "base": {"type": "str", "default": ""},
    "base_checksum": {"type": "str", "default": ""},
    "base_signature": {"type": "str", "default": ""},
    "base_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "proxy": {"type": "str", "default": ""},
    "cache_dir": {"type": "path"},
    "layers_dir": {"type": "path"},
    "steps": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "kind": {"type": "str", "required": True},
            "digest": {"type": "str", "required": True},
            "age": {"type": "float"},
        },
    },
    "fresh": {"type": "bool", "default": False},
    "made": {
        "type": "dict",
        "options": {
            "directory": {"type": "path", "required": True},
            "digest": {"type": "str", "required": True},
            "questions": {"type": "str", "default": ""},
        },
    },
}
# Programs of the build host that decide on the bytes of the artifacts.
_TOOLS = ("mke2fs", "debugfs", "sfdisk", "mkfs.vfat", "mcopy", "grub-mkimage", "qemu-img")


def run(params: dict, check_mode: bool) -> dict:
    """Bring the tree into the state that was asked for."""
    if params["state"] == "absent":
        return bootstrap.absent(Runner(), params["path"], check_mode=check_mode)
    request = options.request_of(params)
    result = of_request(request, params, check_mode)
    if not (check_mode or result.get("current")):
        files, lacking = guest_sources.of_params(Runner(), request, params)
        result["guest_files"] = files
        if result["changed"] and result.get("repositories") is False and not params["guest_repositories"]:
            lacking.append(f"release={request.release}: {guest_sources.NONE}")
        result["notes"] = [*result.get("notes", []), *options.notes(params), *lacking]
        result["warnings"] = result["notes"]
    return result


def of_request(request: bootstrap.Request, params: dict, check_mode: bool) -> dict:
    """Make the tree, above its base if it has one."""
    found = base.of_params(Runner(), params, request.architecture) if params["base"] else None
    if not found:
        return make(request, params, None, check_mode)
    # In check mode nothing is fetched, so it is not known.
    request = replace(request, base=found.identity if found.is_here or not check_mode else "unknown")
    told: dict[str, Any] = {}

    def lay(folder: str) -> dict[str, Any]:
        told.update(found.lay(folder))
        return told

    result = make(request, params, lay, check_mode)
    # A layer has kept what was told when its base was laid out.
    notes = result.get("facts", {}).get("base_warnings") or told.get("warnings") or []
    return {**result, "base": request.base, "notes": notes}


def make(request: bootstrap.Request, params: dict, lay: bootstrap.Layer | None, check_mode: bool) -> dict:
    """Make the tree; *lay* lays out what it begins with."""
    if params["layers_dir"] and not check_mode:
        return layered(Runner(), request, params, lay)
    return bootstrap.present(Runner(), request, check_mode=check_mode, lay=lay)


def layered(runner: Runner, request: bootstrap.Request, params: dict, lay: bootstrap.Layer | None) -> dict:
    """Let the tree begin above what is there, or say that its artifacts are."""
    if os.path.lexists(request.path):
        raise OptionError("path", request.path, "is there already", hint="remove it first, with state=absent")
    cache, wanted = params["layers_dir"], params["made"]
    steps = [
        resume.Step(step["kind"], step["digest"], None if step["age"] is None else step["age"] * 3600)
        for step in params["steps"]
    ]
    tools = [os.stat(path).st_mtime_ns for path in map(find_program, _TOOLS) if path]
    artifacts = resume.Step("artifacts", f"{wanted['digest']} {tools}" if wanted else "")
    beginning = resume.Beginning(runner, request, cache, steps, fresh=params["fresh"], lay=lay)
    layer_keys = resume.chain(beginning.packages_key(), [*steps, artifacts])
    result: dict[str, Any] = {"path": request.path, "current": False, "proof": {}, "layer": "", "facts": {}}
    if wanted and not params["fresh"]:
        # What is made of a step is no younger than it.
        age = min((step.age for step in steps if step.age is not None), default=None)
        sums = made.sums(cache, wanted["directory"], layer_keys["artifacts"], age)
        if sums:
            proof = made.proof(cache, list(sums.values()), wanted["questions"])
            there = {"current": True, "sha512": [*sums.values()], "proof": proof}
            return {**result, **there, "changed": False, "keys": layer_keys}
    kind, facts = beginning.lay(layer_keys)
    if not kind:
        key, facts = beginning.make()
        layer_keys = resume.chain(key, [*steps, artifacts])
    names = ("packages", "epoch", "seconds", *(["repositories"] if request.tool in bootstrap.RPM_TOOLS else []))
    packages = {name: facts[name] for name in names} if "packages" in facts else {}
    diff = {"before": {}, "after": {"release": request.release, "packages": list(request.packages)}}
    return {**result, "changed": True, "layer": kind, "facts": facts, "keys": layer_keys, **packages, "diff": diff}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_if=[("state", "present", ["release"])]
    )
    run_module(module, lambda: run(module.params, module.check_mode))


if __name__ == "__main__":
    main()
