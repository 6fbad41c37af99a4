# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not built twice: each build does what has changed, and the result is that of a build from nothing."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.guests import NAME, BuiltImage
from helpers.tools import run_tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import files_of

pytestmark = pytest.mark.slow

ROOT = 1 << 20  # where the root file system begins, in bytes
# No earlier run of the tests has left this in the user's cache.
FIRST = uuid.uuid4().hex
TASKS = f"""
- name: Leave a mark
  ansible.builtin.copy:
    content: "{{{{ mark_text | default('{FIRST}') }}}}"
    dest: /srv/mark
    mode: "0644"
"""
# The tasks by which a step is known.
STEPS = {
    "packages": "making the initramfs",
    "guest": "Configure network, sshd, console and growth",
    "roles": "Leave a mark",
    "artifacts": "Write the disk from the tree",
    "proof": "Look at the image without mounting it",
}


class Builds:
    """Builds of one image with a role of the user's."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.checkout, self.folder = checkout, folder
        self.role = folder / "roles" / "marker"
        self.image = BuiltImage(folder / NAME, NAME)
        (self.role / "tasks").mkdir(parents=True)
        self.write(TASKS)

    def write(self, tasks: str) -> None:
        """Give the role these tasks."""
        (self.role / "tasks" / "main.yml").write_text(tasks)

    def build(self, **variables: object) -> set[str]:
        """Build, and return the steps that were done."""
        given = {
            "image_name": NAME,
            "image_output_dir": str(self.folder),
            "image_formats": ["raw"],
            "image_roles": [str(self.role)],
            "image_verify": ["audit"],
            **variables,
        }
        argv = ["./goldsmith", "playbook", "build-debian.yml", "-e", json.dumps(given)]
        said = run_tool(argv, cwd=self.checkout, timeout=1800)
        tasks = re.findall(r"^TASK \[(?:\S+ : )?(.*)\] \*+\n(?!skipping)", said, re.MULTILINE)
        return {step for step, words in STEPS.items() if any(task.startswith(words) for task in tasks)}

    def mark(self) -> str:
        """What the role has left in the image."""
        path = str(self.image.file("raw"))
        return files_of("ext4", path, ROOT, path).text("/srv/mark") or ""


@pytest.fixture
def builds(checkout: Path, tmp_path: Path) -> Builds:
    return Builds(checkout, tmp_path)


def test_only_what_has_changed_is_done_again(
    built_image: Callable[[str], BuiltImage], builds: Builds, checkout: Path
) -> None:
    built_image("bios")
    assert builds.build() == {"roles", "artifacts", "proof"}
    assert builds.mark() == FIRST
    first = builds.image.checksums()

    # Nothing has changed: the file is not even written again.
    written = builds.image.file("raw").stat()
    assert builds.build() == set()
    assert builds.image.file("raw").stat().st_mtime_ns == written.st_mtime_ns
    assert builds.build(image_verify_again=True) == {"proof"}

    # A file that is no longer the one that was made is made again, of a layer.
    builds.image.file("raw").write_bytes(b"")
    assert builds.build() == {"artifacts"}
    assert builds.image.checksums() == first

    # The role, or a variable that it reads.
    builds.write(TASKS.replace(FIRST, f"second {FIRST}"))
    assert builds.build() == {"roles", "artifacts", "proof"}
    assert builds.mark() == f"second {FIRST}"
    assert builds.build(mark_text=f"third {FIRST}") == {"roles", "artifacts", "proof"}
    assert builds.mark() == f"third {FIRST}"

    # What was there before is found again, with its proof.
    builds.write(TASKS)
    assert builds.build() == {"artifacts"}
    assert builds.image.checksums() == first
    assert builds.build(image_roles_always=[str(builds.role)]) == {"roles", "artifacts"}
    assert builds.image.checksums() == first
    assert builds.build(image_cache_roles_age=0) == {"roles", "artifacts"}
    assert builds.image.checksums() == first
    run_tool(["sha512sum", "--check", "--quiet", "SHA512SUMS"], cwd=builds.image.folder)

    argv = ["./goldsmith", "playbook", "goldsmith.openstack.cache", "--check", "-e", "cache_remove=layers"]
    listed = run_tool(argv, cwd=checkout)
    assert {"packages", "guest", "roles"} <= set(re.findall(r"- removed (\w+)-", listed))
