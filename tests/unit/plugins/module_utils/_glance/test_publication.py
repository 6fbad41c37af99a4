# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from helpers.images import Images, refusing

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import publication, triplet
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Image
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.request import Request
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.versions import (
    NAME,
    PUBLISHER,
    SINCE,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError

GUEST = Request("guest")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    marks = {"kernel": (0x202, b"HdrS"), "ramdisk": (0, b"070701"), "image": (0x438, b"\x53\xef")}
    for name, (offset, mark) in marks.items():
        data = bytearray(4096)
        data[offset : offset + len(mark)] = mark
        (tmp_path / name).write_bytes(data)
    return {name: str(tmp_path / name) for name in marks}


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> Images:
    monkeypatch.setattr(publication, "upload", lambda cloud, spec, content, _transport: cloud.upload(spec, content))
    return Images()


def publish(images: Images, files: dict[str, str], **wanted: Any) -> publication.Outcome:
    request = Request("guest", **files, **wanted)
    todo = publication.plan(images, request, triplet.parts_of(request))  # type: ignore[arg-type]
    foreseen = publication.foreseen(todo)
    done = publication.execute(images, todo)  # type: ignore[arg-type]
    assert foreseen.changed == done.changed
    return done


def grow(files: dict[str, str], part: str = "image") -> None:
    """Make another content of a file."""
    with open(files[part], "ab") as file:
        file.write(b"more")


def test_a_triplet_is_kernel_then_ramdisk_then_the_image_that_names_them(images: Images, files: dict[str, str]) -> None:
    wanted = {"properties": {"a": 1, "b": None}}
    done = publish(images, files, protected=True, **wanted)
    kernel, ramdisk, image = (images.get(one.id) for one in done.images if one)
    assert [one.name for one in (kernel, ramdisk, image)] == ["guest-aki", "guest-ari", "guest"]
    assert [one.container_format for one in (kernel, ramdisk, image)] == ["aki", "ari", "ami"]
    assert (image.properties["kernel_id"], image.properties["ramdisk_id"]) == (kernel.id, ramdisk.id)
    assert image.properties["a"] == "1"
    assert "b" not in image.properties
    assert not any(one.hidden or PUBLISHER in one.properties or not one.protected for one in images.images())
    assert not publish(images, files, protected=True, **wanted).changed
    assert len(images.there) == 3


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_was_made_is_taken_back(images: Images, files: dict[str, str], number: int) -> None:
    images.before = refusing("upload", number)
    with pytest.raises(GoldsmithError, match="no room"):
        publish(images, files)
    assert images.there == {}


def test_what_was_there_before_is_not_taken_back(images: Images, files: dict[str, str]) -> None:
    publish(images, files)
    before = {name: dict(data) for name, data in images.there.items()}
    grow(files)
    images.before = refusing("upload")
    with pytest.raises(GoldsmithError):
        publish(images, files)
    assert images.there == before


def test_a_failure_after_the_promotion_leaves_the_new_version(images: Images, files: dict[str, str]) -> None:
    first = publish(images, files).images[-1]
    grow(files)
    images.before = refusing("change", 2)
    with pytest.raises(GoldsmithError, match=r"guest is in the cloud with the id .* done by the next run"):
        publish(images, files)
    images.before = lambda _request: None
    assert len(images.images(name="guest")) == 2
    done = publish(images, files)
    (current,) = images.images(name="guest")
    assert current.id != first.id
    assert [change.image.id for change in done.rotation.retire] == [first.id]


def test_a_version_that_became_current_is_not_taken_back(
    images: Images, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(images, files)
    grow(files)
    change = images.change

    def lost(image: Image, wanted: dict[str, Any]) -> Image:
        changed = change(image, wanted)
        if wanted.get("name") == "guest":
            raise GoldsmithError("no answer")
        return changed

    monkeypatch.setattr(images, "change", lost)
    with pytest.raises(GoldsmithError, match=r"no answer; yet guest .* is current"):
        publish(images, files)
    assert len(images.images(name="guest")) == 2


def test_of_equal_kernels_the_one_that_is_named_already_is_taken(images: Images, files: dict[str, str]) -> None:
    publish(images, files)
    with open(files["kernel"], "rb") as file:
        twin = images.add(
            "guest-aki-twin", file.read(), disk_format="aki", container_format="aki", **{NAME: "guest-aki"}
        )
    images.add("other", kernel_id=twin.id)
    assert publish(images, files).images[-1].properties["kernel_id"] != twin.id


def test_a_version_that_was_uploaded_and_not_promoted_is_used(images: Images, files: dict[str, str]) -> None:
    images.before = refusing("change")
    removed = images.remove
    images.remove = lambda _image_id: None  # type: ignore[method-assign]
    with pytest.raises(GoldsmithError):
        publish(images, files)
    images.remove = removed  # type: ignore[method-assign]
    images.before = refusing("upload")
    assert all(image.hidden and PUBLISHER in image.properties for image in images.images())
    assert not any(step.uploads for step in publish(images, files).steps)
    assert all(not image.hidden and PUBLISHER not in image.properties for image in images.images())


def test_an_old_version_with_these_bytes_becomes_current_again(images: Images, files: dict[str, str]) -> None:
    first = publish(images, files).images[-1]
    old = Path(files["image"]).read_bytes()
    grow(files)
    second = publish(images, files).images[-1]
    Path(files["image"]).write_bytes(old)
    images.before = refusing("upload")
    assert publish(images, files).images[-1].id == first.id
    assert images.get(second.id).hidden
    assert [image.id for image in images.images(name="guest")] == [first.id]


def test_a_version_can_stay_hidden_until_it_is_named(images: Images, files: dict[str, str]) -> None:
    first = publish(images, files).images[-1]
    grow(files)
    grow(files, "kernel")
    trial = publish(images, files, promote=False).images[-1]
    assert [image.id for image in images.images(name="guest")] == [first.id]
    assert images.get(trial.id).hidden
    assert SINCE not in trial.properties
    assert not publish(images, files, promote=False).changed
    todo = publication.plan_promotion(images, GUEST, trial.id)  # type: ignore[arg-type]
    publication.execute(images, todo)  # type: ignore[arg-type]
    assert [image.id for image in images.images(name="guest")] == [trial.id]
    assert images.get(trial.properties["kernel_id"]).name == "guest-aki"
    assert images.get(first.properties["kernel_id"]).hidden


def test_of_two_publishers_both_choose_the_same(images: Images, files: dict[str, str]) -> None:
    publish(images, files)
    grow(files)
    other = dict(files)
    ours: list[str] = []

    def overtaken(request: str) -> None:
        # Another one publishes between our upload and our promotion.
        if request == "uploaded":
            images.before = lambda _request: None
            grow(other)
            ours.append(publish(images, other).images[-1].id)

    images.before = overtaken
    with open(files["image"], "rb") as file:
        data = file.read()
    done = publish(images, files)
    assert done.images[-1].id != ours[0]
    assert [image.id for image in images.images(name="guest")] == [done.images[-1].id]
    assert images.get(ours[0]).hidden
    assert data


def test_only_what_differs_is_changed_and_an_empty_value_removes(images: Images, files: dict[str, str]) -> None:
    publish(images, files, properties={"a": "1", "b": "2", "c": "3"})
    done = publish(images, files, properties={"a": "1", "b": "x", "c": ""})
    assert done.steps[-1].changes == {"b": "x", "c": None}
    assert not done.steps[-1].uploads
    (image,) = images.images(name="guest")
    assert image.properties.items() >= {"a": "1", "b": "x"}.items()
    assert "c" not in image.properties


def test_kernels_are_shared_between_series_and_seen_by_all_who_need_them(images: Images, files: dict[str, str]) -> None:
    publish(images, files)
    other = Request("other", **files, visibility="public")
    parts = triplet.parts_of(other)
    publication.execute(images, publication.plan(images, other, parts))  # type: ignore[arg-type]
    (kernel,) = images.images(container_format="aki")
    assert kernel.visibility == "public"
    assert kernel.name == "guest-aki"
    assert len(images.images(container_format="ami")) == 2
    assert not publish(images, files).changed


def test_an_image_is_shared_with_these_projects_only(images: Images, files: dict[str, str]) -> None:
    done = publish(images, files, visibility="shared", members=("a", "b"))
    assert all(images.members(one.id) == {"a", "b"} for one in done.images if one)
    done = publish(images, files, visibility="shared", members=("b", "c"))
    assert images.members(done.images[-1].id) == {"b", "c"}
    assert images.members(done.images[0].id) == {"a", "b", "c"}
    assert not publish(images, files, visibility="shared", members=("b", "c")).changed


def test_versions_are_retired_and_removed_by_name(images: Images, files: dict[str, str]) -> None:
    first = publish(images, files).images[-1]
    grow(files)
    second = publish(images, files).images[-1]
    todo = publication.plan_retirement(images, GUEST, None)  # type: ignore[arg-type]
    publication.execute(images, todo)  # type: ignore[arg-type]
    assert images.images(name="guest") == []
    todo = publication.plan_removal(images, GUEST, first.id)  # type: ignore[arg-type]
    publication.execute(images, todo)  # type: ignore[arg-type]
    assert [image.id for image in images.images(container_format="ami")] == [second.id]
    todo = publication.plan_removal(images, GUEST, None)  # type: ignore[arg-type]
    publication.execute(images, todo)  # type: ignore[arg-type]
    assert images.there == {}


def test_an_id_that_is_no_version_is_refused(images: Images, files: dict[str, str]) -> None:
    publish(images, files)
    foreign = images.add("foreign")
    for planned in (publication.plan_promotion, publication.plan_retirement, publication.plan_removal):
        with pytest.raises(OptionError, match=f"image_id={foreign.id}: no version of guest in this project"):
            planned(images, GUEST, foreign.id)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="name=none: cloud test has no version that could be current"):
        publication.plan_promotion(images, Request("none"), None)  # type: ignore[arg-type]


def test_a_kernel_that_vanishes_during_the_upload_is_found_out(images: Images, files: dict[str, str]) -> None:
    kernel = publish(images, files).images[0]
    grow(files)

    def vanishing(request: str) -> None:
        if request == "uploaded":
            images.there.pop(kernel.id, None)

    images.before = vanishing
    with pytest.raises(GoldsmithError, match="was removed while its root file system was uploaded"):
        publish(images, files)
    assert [image.properties[NAME] for image in images.images(container_format="ami")] == ["guest"]


def test_a_file_that_has_not_the_hash_that_is_said_is_found_out_although_nothing_is_sent(
    images: Images, files: dict[str, str]
) -> None:
    with open(files["image"], "rb") as file:
        said = hashlib.sha512(file.read()).hexdigest()
    publish(images, files, sha512=said)
    with open(files["image"], "r+b") as file:
        file.write(b"other")
    images.before = refusing("upload")
    with pytest.raises(OptionError, match=f"sha512={said}: "):
        publish(images, files, sha512=said, properties={"a": "1"})
    assert "a" not in images.images(name="guest")[0].properties
