# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on Compute's image cache, of made-up folders."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova import cache_report as cache

NOW = 1_800_000_000
DAY, HOUR = 86400, 3600


def digest(image: str) -> str:
    return hashlib.sha1(image.encode()).hexdigest()


def settings(instances: Path, **others: Any) -> cache.Settings:
    usual = {
        "subdirectory": "_base",
        "preallocate": "none",
        "remove": True,
        "original_age": DAY,
        "resized_age": HOUR,
        "interval": 2400,
    }
    return cache.Settings(**{"instances": str(instances), **usual, **others})


@pytest.fixture
def instances(tmp_path: Path) -> Path:
    (tmp_path / "instances" / "_base").mkdir(parents=True)
    return tmp_path / "instances"


def base(instances: Path, name: str, age: int = 0, content: bytes = b"") -> None:
    path = instances / "_base" / name
    path.write_bytes(content)
    os.utime(path, (NOW, NOW - age))


def disk(instances: Path, name: str, backing: str) -> None:
    path = instances / name
    path.parent.mkdir(exist_ok=True)
    text = backing.encode()
    path.write_bytes(struct.pack(">4sIQI", b"QFI\xfb", 3, 104, len(text)).ljust(104, b"\0") + text)


def look(
    instances: Path, images: dict[str, cache.Image] | None = None, limit: int = 100, **others: Any
) -> dict[str, Any]:
    return cache.report(settings(instances, **others), images or {}, limit, NOW)


def states(report: dict[str, Any]) -> dict[str, str]:
    return {file["name"]: file["state"] for file in report["files"]}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a" * 40, "original"),
        ("Z" * 40, "original"),
        ("a" * 40 + "_10", "resized"),
        ("a" * 40 + "_sm", "resized"),
        ("a" * 40 + "_10.part", "resized"),
        ("a" * 40 + "_5", "other"),
        ("a" * 40 + ".part", "other"),
        ("a" * 40 + ".converted", "other"),
        ("swap_1024", "swap"),
        ("swap_", "other"),
        ("ephemeral_20_abcdef0", "ephemeral"),
        ("ephemeral_20_default", "ephemeral"),
        ("ephemeral_20_ext4", "other"),
        ("README", "other"),
    ],
)
def test_kinds(name: str, kind: str) -> None:
    assert cache.kind_of(name) == kind


def test_who_uses_what(instances: Path) -> None:
    used, kin, other = digest("a"), digest("b"), digest("c")
    base(instances, digest("short"))
    for name in (used, f"{used}_10737418240", f"{used}_sm", f"{used}_x10", f"{kin}_53687091200", kin, other):
        base(instances, name)
    disk(instances, "uuid-1/disk", f"{instances}/_base/{used}")
    disk(instances, "uuid-2/disk", f"{instances}/_base/{used}")
    disk(instances, "uuid-2/disk.rescue", f"_base/{kin}_53687091200")
    disk(instances, "uuid-3/disk", f"/elsewhere/{digest('gone')}")
    # Not even a name that Nova takes for an image, and yet it is made of one.
    disk(instances, "uuid-4/disk", f"_base/{digest('short')}_5")
    (instances / "uuid-3" / "disk.config").write_bytes(b"CD001")
    (instances / "uuid-3" / "console.log").write_text(str(instances / "_base" / other))
    report = look(instances)
    assert states(report) == {
        used: "in_use",
        f"{used}_10737418240": "kept",
        f"{used}_sm": "kept",
        f"{used}_x10": "unused",
        f"{kin}_53687091200": "in_use",
        kin: "kept",
        digest("short"): "kept",
        other: "unused",
    }
    assert next(file for file in report["files"] if file["name"] == used)["users"] == ["uuid-1/disk", "uuid-2/disk"]
    assert report["complete"] is True
    assert {name: total["files"] for name, total in report["totals"].items()} == {
        "in_use": 2,
        "kept": 4,
        "unused": 2,
        "due": 0,
        "swap_and_ephemeral": 0,
        "ignored": 0,
        "all": 8,
    }


@pytest.mark.parametrize(
    ("name", "age", "due", "removable_from", "removed_by"),
    [
        # A file of a day is due; at NOW 08:00:00, with the manager's next look 40 minutes later at the latest.
        ("a" * 40, DAY, True, NOW, NOW + 2400),
        ("a" * 40, DAY - 1, False, NOW + 1, NOW + 2401),
        ("a" * 40, 9 * DAY, True, NOW - 8 * DAY, NOW + 2400),
        ("a" * 40 + "_1073741824", HOUR, True, NOW, NOW + 2400),
        ("a" * 40 + "_1073741824", HOUR - 60, False, NOW + 60, NOW + 2460),
        ("swap_512", HOUR, False, NOW + 23 * HOUR, NOW + 23 * HOUR + 2400),
        ("ephemeral_1_default", DAY, True, NOW, NOW + 2400),
        ("a" * 40 + ".part", 9 * DAY, False, None, None),
    ],
)
def test_when_a_file_goes(
    instances: Path, name: str, age: int, due: bool, removable_from: int | None, removed_by: int | None
) -> None:
    base(instances, name, age)
    (file,) = look(instances)["files"]
    assert (file["due"], file["age"]) == (due, age)
    assert file["removable_from"] == (None if removable_from is None else cache._iso(removable_from))
    assert file["removed_by"] == (None if removed_by is None else cache._iso(removed_by))
    assert look(instances)["totals"]["due"]["files"] == due


def test_times_are_utc(instances: Path) -> None:
    base(instances, "a" * 40, DAY)
    (file,) = look(instances)["files"]
    assert file["modified"] == "2027-01-14T08:00:00Z"


@pytest.mark.parametrize("others", [{"remove": False}, {"interval": None}])
def test_nothing_goes_where_nova_does_not_look(instances: Path, others: dict[str, Any]) -> None:
    base(instances, "a" * 40, 9 * DAY)
    report = look(instances, **others)
    (file,) = report["files"]
    assert (file["state"], file["due"], file["removable_from"]) == ("unused", False, None)
    assert report["totals"]["due"]["files"] == 0


def test_swap_and_ephemeral_files_are_kept_apart(instances: Path) -> None:
    for name in ("swap_512", "swap_1024", "ephemeral_1_default"):
        base(instances, name, content=bytes(100))
    disk(instances, "u/disk.swap", f"{instances}/_base/swap_512")
    disk(instances, "u/disk.eph0", f"{instances}/_base/ephemeral_1_default")
    report = look(instances)
    assert states(report) == {"swap_512": "in_use", "swap_1024": "unused", "ephemeral_1_default": "in_use"}
    assert (report["totals"]["swap_and_ephemeral"]["files"], report["totals"]["swap_and_ephemeral"]["size"]) == (3, 300)
    assert report["totals"]["in_use"]["files"] == report["totals"]["unused"]["files"] == 0


def test_images_by_name_and_what_they_need(instances: Path) -> None:
    for name in ("ami", "aki", "ari", "old", "unknown"):
        base(instances, digest(name))
    disk(instances, "u/disk", digest("ami"))
    images = cache.images_from(
        [
            {"id": "ami", "name": "debian", "attributes": {"kernel_id": "aki", "ramdisk_id": "ari"}, "size": 1},
            {"id": "old", "name": "debian-12", "kernel_id": "aki-of-old"},
            {"id": "aki", "name": "debian-aki", "attributes": None},
        ]
    )
    report = look(instances, images)
    found = {file["image_id"]: (file["image_name"], file["state"]) for file in report["files"] if file["image_id"]}
    assert found == {
        "ami": ("debian", "in_use"),
        "aki": ("debian-aki", "kept"),
        "old": ("debian-12", "unused"),
    }
    assert states(report)[digest("ari")] == "kept"
    assert states(report)[digest("unknown")] == "unused"


def test_images_without_an_id() -> None:
    with pytest.raises(OptionError, match=r"images=\{'name': 'x'\}: has no id; give a dictionary with id and name"):
        cache.images_from([{"name": "x"}])


def test_odd_content_does_no_harm(instances: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"root")
    folder = instances / "_base"
    (folder / ("a" * 40)).symlink_to(secret)
    (folder / ("b" * 40)).symlink_to("/nowhere")
    (folder / ("c" * 40)).mkdir()
    os.mkfifo(folder / ("d" * 40))
    (folder / os.fsdecode(b"e\xff")).touch()
    base(instances, "f" * 40, age=-1000)
    here = os.getcwd()
    os.chdir(folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("0" * 40)
        os.chdir(here)
        (instances / "link-to-itself").symlink_to("link-to-itself")
        (instances / "link-out").symlink_to("/dev")
        (instances / "file").touch()
        (instances / "u").mkdir()
        os.mkfifo(instances / "u" / "disk")
        (instances / "u" / "disk.local").symlink_to("/dev/zero")
        (instances / "u" / "disk.none").symlink_to("/nowhere")
        (instances / "u" / "disk.broken").write_bytes(b"QFI\xfb\0\0\0\3" + b"\xff" * 96)
        (instances / "u" / "disk.loop").symlink_to("disk.loop")
        report = look(instances)
    kinds = {file["name"][:1]: (file["type"], file["state"]) for file in report["files"]}
    assert kinds == {
        "a": ("link", "ignored"),
        "b": ("link", "ignored"),
        "c": ("directory", "ignored"),
        "d": ("fifo", "ignored"),
        "e": ("file", "ignored"),
        "f": ("file", "unused"),
        "0": ("socket", "ignored"),
    }
    assert {file["name"] for file in report["files"]} >= {"e\ufffd"}
    assert next(file["age"] for file in report["files"] if file["name"][0] == "f") == 0
    assert {Path(item["path"]).name for item in report["unread"]} == {"disk.broken", "disk.loop"}
    assert report["complete"] is False
    assert "  what could not be read may use files that are called unused" in report["lines"]


def test_an_instance_on_another_disk_is_seen(instances: Path, tmp_path: Path) -> None:
    base(instances, "a" * 40)
    (tmp_path / "ssd" / "u").mkdir(parents=True)
    (instances / "u").symlink_to(tmp_path / "ssd" / "u")
    disk(instances, "u/disk", "a" * 40)
    assert states(look(instances)) == {"a" * 40: "in_use"}


def test_times_that_no_calendar_has(instances: Path) -> None:
    base(instances, "a" * 40)
    (file,) = look(instances, original_age=1 << 60)["files"]
    assert (file["due"], file["removable_from"], file["removed_by"]) == (False, None, None)


def test_many_files(instances: Path) -> None:
    for number in range(500):
        base(instances, f"{number:040}", content=bytes(4096 * (number == 250)))
    report = look(instances, limit=3)
    assert report["totals"]["all"]["files"] == report["totals"]["unused"]["files"] == 500
    assert (len(report["files"]), report["truncated"]) == (3, True)
    assert report["files"][0]["name"] == f"{250:040}"
    assert any("and 497 smaller ones" in line for line in report["lines"])
    for limit, truncated in ((0, True), (1, True), (500, False)):
        report = look(instances, limit=limit)
        assert (len(report["files"]), report["truncated"]) == (limit, truncated)
        assert report["totals"]["all"]["files"] == 500
    with pytest.raises(OptionError, match="limit=-1: is less than nothing; give the number of files to list"):
        look(instances, limit=-1)


def test_many_broken_disks(instances: Path) -> None:
    (instances / "u").mkdir()
    for number in range(150):
        (instances / "u" / f"disk.{number}").write_bytes(b"QFI\xfb")
    report = look(instances)
    assert (len(report["unread"]), report["complete"]) == (100, False)


def test_without_a_folder(instances: Path, tmp_path: Path) -> None:
    report = look(instances, subdirectory="none")
    assert (report["base"], report["files"]) == (str(instances / "none"), [])
    with pytest.raises(OptionError, match=r"instances_path=.*none: is not a folder that can be seen; is this the host"):
        look(tmp_path / "none")


def test_settings(tmp_path: Path) -> None:
    conf = tmp_path / "nova.conf"
    conf.write_text(
        "[DEFAULT]\nstate_path = /srv\npreallocate_images = space\nremove_unused_original_minimum_age_seconds = 5\n"
        "[image_cache]\nmanager_interval = 0\nsubdirectory_name = cache\n"
    )
    params = {"config_files": [str(conf)], "instances_path": None, "subdirectory": None}
    found = cache.settings_from(params)
    assert found == cache.Settings("/srv/instances", "cache", "space", True, 5, 3600, 60)
    assert found.base == "/srv/instances/cache"
    given = cache.settings_from({"config_files": [], "instances_path": "/i", "subdirectory": "b"})
    assert given == cache.Settings("/i", "b", "none", True, 86400, 3600, 2400)
    conf.write_text("[image_cache]\nmanager_interval = -1\n")
    assert cache.settings_from(params).interval is None
    assert cache.settings_from(params).described()["manager_interval"] == -1
    with pytest.raises(GoldsmithError, match=r"none\.conf is not there"):
        cache.settings_from({**params, "config_files": [str(tmp_path / "none.conf")]})
