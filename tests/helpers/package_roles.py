# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role that changes a system of RPM packages: a repository, packages that come and go, the initramfs."""

from __future__ import annotations

from pathlib import Path

from helpers.repositories.rpm_repository import GREETING

# What it removes, which is no part of what a guest needs
GONE = "less"
MODULE = "loop"
_TASKS = """
- name: Have a folder for keys
  ansible.builtin.file: {path: /etc/pki/rpm-gpg, state: directory, mode: "0755"}
- name: Have the key of a repository
  ansible.builtin.copy: {src: theirs.asc, dest: /etc/pki/rpm-gpg/theirs.asc, mode: "0644"}
- name: Trust it
  ansible.builtin.rpm_key: {key: /etc/pki/rpm-gpg/theirs.asc, state: present}
@REPOSITORY@
- name: Install from it
  @TOOL@: {name: @GREETING@, state: present}
- name: Remove what came with the system
  @TOOL@: {name: @GONE@, state: absent}
- name: Know the packages
  ansible.builtin.command: rpm -q @GREETING@ @GONE@
  register: asked
  changed_when: false
  failed_when: asked.stdout_lines | length != 2 or 'not installed' not in asked.stdout_lines[1]
- name: Load a module early
  ansible.builtin.copy:
    {dest: /etc/dracut.conf.d/60-theirs.conf, content: "force_drivers+=' @MODULE@ '\\n", mode: "0644"}
  notify: make the initramfs
@WITHOUT@
"""
_HANDLERS = """
- name: make the initramfs
  ansible.builtin.shell: |
    set -e
    for version in $(ls /usr/lib/modules); do
      for image in /boot/initr*$version*; do dracut --force "$image" "$version"; done
    done
"""
# By a module that knows each of them, there and gone again, so that no image names the mirror of a test
_REPOSITORIES = {
    "fedora": """
- name: @WHAT@
  ansible.builtin.yum_repository:
    name: theirs
    description: Their packages
    baseurl: "@URL@"
    gpgcheck: true
    gpgkey: file:///etc/pki/rpm-gpg/theirs.asc
    state: @STATE@
""",
    "suse": """
- name: @WHAT@
  community.general.zypper_repository:
    name: theirs
    repo: "@URL@"
    disable_gpg_check: true
    state: @STATE@
""",
}
_TOOLS = {"fedora": "ansible.builtin.dnf", "suse": "community.general.zypper"}


def write_package_role(folder: Path, family: str, url: str, key: Path) -> Path:
    """Write the role for the packages of a repository into a folder, and return its own."""
    tasks = _TASKS
    for place, what, state in (
        ("@REPOSITORY@", "Add the repository", "present"),
        ("@WITHOUT@", "Leave it to nobody", "absent"),
    ):
        text = _REPOSITORIES[family].replace("@WHAT@", what).replace("@STATE@", state).replace("@URL@", url)
        tasks = tasks.replace(place, text.strip())
    words = {"@TOOL@": _TOOLS[family], "@GREETING@": GREETING, "@GONE@": GONE, "@MODULE@": MODULE}
    for place, text in words.items():
        tasks = tasks.replace(place, text)
    role = folder / "packages_of_theirs"
    for part, text in (("tasks", tasks), ("handlers", _HANDLERS)):
        (role / part).mkdir(parents=True)
        (role / part / "main.yml").write_text(text)
    (role / "files").mkdir()
    (role / "files/theirs.asc").write_bytes(key.read_bytes())
    return role
