# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A build whose disk is full: it ends there, by one line, and leaves nothing. What it has kept serves the next one."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.guests import DEFINITIONS, NAME, BuiltImage

pytestmark = [pytest.mark.slow, pytest.mark.root]

MIB = 1 << 20
# The tree takes more than 300 MiB, and the lists of the archive 60.
TOO_SMALL_FOR_LISTS, TOO_SMALL_FOR_THE_FILE, ENOUGH = 8 * MIB, 800 * MIB, 3000 * MIB
FILE = 500 * MIB
TASK = "Copy a big file"
TASKS = f"""
- name: {TASK}
  ansible.builtin.copy:
    src: big
    dest: /srv/big
    mode: "0644"

- name: Go on after it
  ansible.builtin.debug:
    msg: reached what comes after the copy
"""


class Disk:
    """A file system of its own, whose size changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._mount("rw")

    def resize(self, size: int) -> None:
        """Give it that many bytes."""
        self._mount(f"remount,size={size}")

    def _mount(self, options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "small", self.folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """The disk that the cache folder is."""
    disk = Disk(tmp_path / "cache")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk.folder], check=True)


@pytest.fixture
def role(tmp_path: Path) -> Path:
    """A role of the user's that copies a file for which there is no room."""
    folder = tmp_path / "roles" / "big"
    (folder / "tasks").mkdir(parents=True)
    (folder / "tasks" / "main.yml").write_text(TASKS)
    (folder / "files").mkdir()
    with (folder / "files" / "big").open("wb") as file:
        for _part in range(FILE // MIB):
            file.write(os.urandom(MIB))
    return folder


def test_a_disk_that_is_full_ends_the_build_and_the_next_one_is_right(
    built_image: Callable[[str], BuiltImage], checkout: Path, tmp_path: Path, disk: Disk, role: Path
) -> None:
    def build(*roles: Path) -> tuple[int, str]:
        words = {
            **DEFINITIONS["bios"],
            "image_name": NAME,
            "image_roles": [str(path) for path in roles],
            "image_output_dir": str(tmp_path / "out"),
            "image_cache_dir": str(disk.folder),
            "image_verify": [],
            # Packages lie where they lie for other builds.
            "chroot_bootstrap_cache_dir": str(Path.home() / ".cache" / "goldsmith" / "packages"),
        }
        result = subprocess.run(
            [checkout / "goldsmith", "playbook", "build-debian.yml", "-e", json.dumps(words)],
            cwd=tmp_path,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1800,
            env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        )
        assert list((disk.folder / "work").iterdir()) == []
        return result.returncode, result.stdout

    def refused(said: str) -> str:
        lines = [json.loads(found)["msg"] for found in re.findall(r"^fatal: .* => (\{.*\})$", said, re.MULTILINE)]
        assert "\n" not in lines[-1]
        assert "Traceback" not in said
        for name in ("Go on after it", "Seal it", "Write the disk from the tree", "Publish it"):
            assert f"{name}]" not in said
        assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
        return lines[-1]

    expected = built_image("bios").checksums()

    disk.resize(TOO_SMALL_FOR_LISTS)
    status, said = build(role)
    assert status != 0, said
    assert "the disk is full; free some room there" in refused(said)

    disk.resize(TOO_SMALL_FOR_THE_FILE)
    status, said = build(role)
    assert status != 0, said
    assert refused(said).startswith(f"{TASK}: ")
    assert "No space left on device" in refused(said)

    disk.resize(ENOUGH)
    status, said = build()
    assert status == 0, said
    # Above the layers of the build that failed.
    assert "Configure network, sshd, console and growth" not in said
    assert BuiltImage(tmp_path / "out" / NAME, NAME).checksums() == expected
    kept = sorted(path.name.partition("-")[0] for path in (disk.folder / "layers").iterdir() if path.name[0] != ".")
    assert kept == ["guest", "packages", "roles"]
