# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of the families whose repositories tests make, what tests/boot does not show: the same bits for root and an ordinary
user, the strategies of growth that are built and booted there for other families, and an update of the kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.another_kernel import another_kernel_starts
from helpers.emulator import quick_emulator
from helpers.family_mirrors import build, family_mirror
from helpers.guests import TIMEOUT, running_guest
from helpers.users import Account, user_with_checkout

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(7200)]

# What is built of each: the image of tests/boot, and another.
LVM = {"image_resize": "lvm"}
FAMILIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "fedora": ({}, LVM),
    "rhel": ({**LVM, "image_firmware": "uefi"}, {"image_resize": "cloud_init"}),
    "suse": ({}, LVM),
    "ubuntu": ({}, LVM),
}


@pytest.fixture(scope="module")
def account(checkout: Path) -> Iterator[Account]:
    """An ordinary user with a checkout."""
    with user_with_checkout(checkout) as account:
        yield account


@pytest.mark.parametrize("family", FAMILIES)
def test_root_and_an_ordinary_user_make_the_same_image(
    checkout: Path, tmp_path: Path, account: Account, family: str
) -> None:
    words = {**FAMILIES[family][0], "image_formats": ["raw", "qcow2"], "image_verify": []}
    with family_mirror(family) as mirror:
        own = build(mirror, checkout, tmp_path, **words)
        theirs = build(mirror, checkout, account.folder(), account, **words)
    assert own.checksums() == theirs.checksums()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_other_strategy_of_growth_and_another_kernel(
    checkout: Path, tmp_path: Path, guest_folder: Path, family: str
) -> None:
    words = {**FAMILIES[family][1], "image_formats": ["qcow2"], "image_verify_timeout": TIMEOUT}
    with quick_emulator(), family_mirror(family) as mirror:
        image = build(mirror, checkout, tmp_path, **words)
        manifest = json.loads((image.folder / "manifest.json").read_text())
        assert manifest["definition"]["resize"] == words["image_resize"]
        assert "login:" in (image.folder / "console.log").read_text(errors="replace")
        user = manifest["properties"]["os_admin_user"]
        with running_guest(guest_folder, image=str(image.file("qcow2")), user=user) as guest:
            another_kernel_starts(guest, mirror.repository)
