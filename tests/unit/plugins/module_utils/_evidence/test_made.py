# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was made and proved, taken down for later builds."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence import made, manifest
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

SUMS = {"a.qcow2": "1", "a.raw": "2"}
REPORT = {"audit": [], "boots": ["bios"]}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output folder."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name in (*SUMS, manifest.MANIFEST, manifest.SUMS):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


def take_down(cache: str, folder: Path, key: str = "key") -> None:
    artifacts: list[dict[str, Any]] = [{"file": name, "sha512": digest, "size": 1} for name, digest in SUMS.items()]
    made.take_down(cache, str(folder), key, artifacts)


def test_files_are_known_as_long_as_they_are_as_made(cache: str, out: Path) -> None:
    assert made.sums(cache, str(out), "key") == {}
    take_down(cache, out)
    assert made.sums(cache, str(out), "key") == SUMS
    assert made.sums(cache, f"{out}/../out/", "key") == SUMS
    assert made.sums(cache, str(out), "other") == {}
    assert made.sums(cache, str(out.parent), "key") == {}


def test_what_stands_for_nothing_is_never_known(cache: str, out: Path) -> None:
    take_down(cache, out, "")
    assert made.sums(cache, str(out), "") == {}


@pytest.mark.parametrize("name", [*SUMS, manifest.MANIFEST, manifest.SUMS])
@pytest.mark.parametrize("harm", ["changed", "touched", "replaced", "removed"])
def test_one_file_that_is_not_as_made(cache: str, out: Path, name: str, harm: str) -> None:
    take_down(cache, out)
    file, status = out / name, (out / name).stat()
    if harm == "changed":
        file.write_text(f"{name}.")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif harm == "touched":
        os.utime(file, (1, 1))
    elif harm == "replaced":
        (out / "new").write_text(name)
        os.utime(out / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
        (out / "new").replace(file)
    else:
        file.unlink()
    assert made.sums(cache, str(out), "key") == {}


def test_a_later_build_goes_before(cache: str, out: Path) -> None:
    take_down(cache, out, "one")
    take_down(cache, out, "two")
    assert made.sums(cache, str(out), "one") == {}
    assert made.sums(cache, str(out), "two") == SUMS


def test_files_have_an_age(cache: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_down(cache, out)
    now = time.time()
    monkeypatch.setattr(made.time, "time", lambda: now + 3600)
    assert [made.sums(cache, str(out), "key", age) for age in (0, 3000, 4000, None)] == [{}, {}, SUMS, SUMS]


def test_a_proof_is_of_files_and_questions(cache: str) -> None:
    assert made.proof(cache, ["1", "2"], "asked") == {}
    made.keep_proof(cache, ["1", "2"], "asked", REPORT)
    assert made.proof(cache, ["2", "1"], "asked") == REPORT
    for sums, questions in ((["1"], "asked"), (["1", "2", "3"], "asked"), (["1", "2"], "others"), (["1", "2"], "")):
        assert made.proof(cache, sums, questions) == {}
    made.keep_proof(cache, ["1", "2"], "asked", {"boots": []})
    assert made.proof(cache, ["1", "2"], "asked") == {"boots": []}


def test_a_proof_without_questions_is_none(cache: str) -> None:
    made.keep_proof(cache, ["1"], "", REPORT)
    assert made.proof(cache, ["1"], "") == {}


def test_what_nobody_reads_goes(cache: str) -> None:
    for number in range(3):
        made.keep_proof(cache, [str(number)], "asked", REPORT)
    files = sorted(Path(cache, "records").iterdir())
    assert len(files) == 3
    days = time.time() - (made._DAYS + 1) * 86400
    for file in files:
        os.utime(file, (days, days))
    # What is read now is used, however old.
    assert made.proof(cache, ["0"], "asked") == REPORT
    assert made.proof(cache, ["1"], "asked") == {}
    assert len(list(Path(cache, "records").iterdir())) == 1


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GoldsmithError, match=r"^cannot write .*/file/records: Not a directory$"):
        made.keep_proof(str(tmp_path / "file"), ["1"], "asked", REPORT)
