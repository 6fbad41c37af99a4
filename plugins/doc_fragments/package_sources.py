# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say where packages come from."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of a module that installs packages."""

    DOCUMENTATION = r"""
options:
  components: {description: Components of the archive., type: list, elements: str, default: [main]}
  mirror:
    description: Empty for the release's own mirrors with updates and security, V(host) for the build host's own apt
      sources, or the URL of a mirror.
    type: str
    default: ''
  security_mirror:
    description: URL of the mirror for security updates, beside a URL in O(mirror).
    type: str
    default: ''
  mirror_expired:
    description: Whether a mirror is used whose Release files are past their date, as those of snapshots are.
    type: str
    choices: [refuse, accept]
    default: refuse
  snapshot:
    description: A time, as V(20261101T000000Z), at which the release's own archive is taken.
    type: str
    default: ''
  sources:
    description: Sources of packages beside those of the distribution, such as backports or a repository of a company.
      They are in the tree for its own package manager.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of the source and of its files., type: str, required: true}
      url: {description: Its URL; with RPM packages that of the folder that has repodata., type: str, required: true}
      suites: {description: Its suites; apt needs one., type: list, elements: str, default: []}
      components: {description: 'Its components, for apt.', type: list, elements: str, default: [main]}
      key:
        description: The public key in ASCII armor that verifies it. Empty for those that verify the distribution's.
        type: str
        default: ''
      pin:
        description: For apt, which packages the priority is for, as V(release n=trixie-backports).
        type: str
        default: ''
      priority:
        description: Its priority as the package manager counts it; 0 is for the usual one.
        type: int
        default: 0
      guest: {description: Whether the guest keeps it., type: bool, default: true}
  guest_mirror:
    description: Where the guest has its packages from, with apt. Empty for the release's public mirrors with updates
      and security, V(build) for the sources of the build, or a URL.
    type: str
    default: ''
  guest_security_mirror:
    description: URL of the guest's mirror for security updates, beside a URL in O(guest_mirror).
    type: str
    default: ''
  guest_repositories:
    description: The repositories of RPM packages that the guest has. Empty for those that its packages bring.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of the repository., type: str, required: true}
      url: {description: URL of the folder that has repodata., type: str, required: true}
  public_sources:
    description: Whether O(tool) knows the release's public mirrors. Else the guest has the sources of the build where
      O(guest_mirror) is empty.
    type: bool
    default: true
  repositories:
    description: The repositories of RPM packages, with O(tool=dnf) and O(tool=zypper).
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of the repository., type: str, required: true}
      url: {description: URL of the folder that has repodata., type: str, required: true}
  keys:
    description: Public keys in ASCII armor that packages are verified by. Empty for those that apt on the build host
      trusts for a Debian archive; dnf and zypper need them.
    type: list
    elements: str
    default: []
  entitlement:
    description: Whether the certificates of the build host's subscription (C(/etc/pki/entitlement)) are shown to the
      repositories, with O(tool=dnf), where the host has some. They stay on the host.
    type: bool
    default: false
"""
