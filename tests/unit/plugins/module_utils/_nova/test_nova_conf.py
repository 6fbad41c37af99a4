# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which value of Nova's options is in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova import nova_conf as nova
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova.ini import parse

NEW = "[image_cache]\nremove_unused_base_images = off\n"
OLD = "[DEFAULT]\nremove_unused_base_images = YES\n"


@pytest.mark.parametrize(
    ("files", "value"),
    [
        ([], True),
        ([""], True),
        ([NEW], False),
        ([OLD], True),
        # In one file the name of today wins; of several files the last, under whichever name.
        ([OLD + NEW], False),
        ([NEW + OLD], False),
        ([NEW, OLD], True),
        ([OLD, NEW], False),
        ([NEW, "[libvirt]\nremove_unused_base_images = true\n"], False),
        (["[image_cache]\nremove_unused_base_images = true\nremove_unused_base_images = 0\n"], False),
    ],
)
def test_the_value_in_force(files: list[str], value: bool) -> None:
    assert nova.in_force([parse(text, "x") for text in files], nova.REMOVE) is value


def test_former_names() -> None:
    text = "[DEFAULT]\nimage_cache_manager_interval = 7\n[libvirt]\nremove_unused_resized_minimum_age_seconds = 8\n"
    files = [parse(text, "x")]
    assert nova.in_force(files, nova.INTERVAL) == 7
    assert nova.in_force(files, nova.RESIZED_AGE) == 8
    assert nova.in_force(files, nova.ORIGINAL_AGE) == 86400


@pytest.mark.parametrize(
    ("setting", "text", "message"),
    [
        (nova.REMOVE, "maybe", "[image_cache] remove_unused_base_images=maybe: no service can read that; set true or"),
        (nova.RESIZED_AGE, "1h", "[image_cache] remove_unused_resized_minimum_age_seconds=1h: no service can read"),
        (nova.PREALLOCATE, "Space", "[DEFAULT] preallocate_images=Space: no service can read that; set none or space"),
    ],
)
def test_values_that_nova_refuses(setting: nova.Setting, text: str, message: str) -> None:
    file = parse(f"[{setting.section}]\n{setting.name} = {text}\n", "/etc/nova/nova.conf")
    with pytest.raises(GoldsmithError) as caught:
        nova.in_force([file], setting)
    assert str(caught.value).startswith(f"/etc/nova/nova.conf: {message}")


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("", "/var/lib/nova/instances"),
        ("[DEFAULT]\nstate_path = /srv/nova\n", "/srv/nova/instances"),
        ("[DEFAULT]\ninstances_path = /a$$b\n", "/a$b"),
        ("[DEFAULT]\ninstances_path = ${state_path}-x\nstate_path = $top/nova\ntop = /t\n", "/t/nova-x"),
    ],
)
def test_folders_that_name_others(text: str, folder: str) -> None:
    assert nova.folder_in_force([parse(text, "x")], nova.INSTANCES) == folder


@pytest.mark.parametrize("value", ["_base_$my_ip", "$subdirectory_name/x"])
def test_a_folder_that_only_nova_knows(value: str) -> None:
    file = parse(f"[image_cache]\nsubdirectory_name = {value}\n", "/n.conf")
    with pytest.raises(GoldsmithError, match=r"is not set in /n.conf; give the folder to the module"):
        nova.folder_in_force([file], nova.SUBDIRECTORY)


def test_files_beside_nova_conf(tmp_path: Path) -> None:
    folder = tmp_path / "odd [1]"
    for name in ("nova.conf", "nova-compute.conf", "nova.conf.d/b.conf", "nova.conf.d/a.conf", "nova.conf.d/a.bak"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    found = nova.beside(str(folder / "nova.conf"))
    assert [str(Path(path).relative_to(folder)) for path in found] == [
        "nova-compute.conf",
        "nova.conf.d/a.conf",
        "nova.conf.d/b.conf",
    ]


def test_values_are_written_as_nova_has_them() -> None:
    assert [nova.written(value) for value in (True, False, 0, "space")] == ["true", "false", "0", "space"]
