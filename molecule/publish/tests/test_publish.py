# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the local cloud after four versions of which two are kept."""

from __future__ import annotations

import os
from typing import Any

import openstack
import pytest

NAME = "molecule-publish"


@pytest.fixture(scope="module")
def images() -> list[dict[str, Any]]:
    """All images of ours, hidden or not."""
    os.environ["OS_CLIENT_CONFIG_FILE"] = f"{os.environ['MOLECULE_EPHEMERAL_DIRECTORY']}/local_cloud/clouds.yaml"
    os.environ["no_proxy"] = "127.0.0.1"
    cloud = openstack.connect(cloud="embedded")
    pages = [
        cloud.image.get("/images", params={"os_hidden": hidden, "limit": 1000}).json()["images"]
        for hidden in ("false", "true")
    ]
    found = [image for page in pages for image in page]
    return [image for image in found if image.get("goldsmith_name", "").startswith(NAME)]


@pytest.mark.parametrize("name", [NAME, f"{NAME}-ami"])
def test_two_versions_stay_and_the_last_is_current(images: list[dict[str, Any]], name: str) -> None:
    versions = [image for image in images if image["goldsmith_name"] == name]
    assert {image["os_version"]: image["os_hidden"] for image in versions} == {"4": False, "3": True}
    assert {image["os_version"]: image["name"] == name for image in versions} == {"4": True, "3": False}
    assert all(image["status"] == "active" for image in versions)


def test_kernel_and_initrd_are_shared(images: list[dict[str, Any]]) -> None:
    roots = [image for image in images if image["container_format"] == "ami"]
    pieces = {image["id"]: image for image in images if image["container_format"] in ("aki", "ari")}
    assert {image["name"] for image in pieces.values()} == {f"{NAME}-aki", f"{NAME}-ari"}
    assert len(pieces) == 2
    for image in roots:
        assert {image["kernel_id"], image["ramdisk_id"]} == set(pieces)


def test_nothing_is_unfinished(images: list[dict[str, Any]]) -> None:
    assert not [image["name"] for image in images if "goldsmith_publisher" in image]
