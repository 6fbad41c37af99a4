# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of Compute's image cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova import cache_settings as cache

AGE = "remove_unused_original_minimum_age_seconds"
RESIZED = "remove_unused_resized_minimum_age_seconds"


def wanted(path: Path, **params: Any) -> cache.Request:
    usual = {"former_names": False, "also_read": None, "backup": False, **{s.name: None for s in cache.SETTINGS}}
    return cache.request_from({"path": str(path), **usual, **params})


def settle(path: Path, **params: Any) -> dict[str, Any]:
    """Bring about, after check mode has said the same; and once more, when nothing is left to do."""
    before = path.read_bytes()
    checked = cache.bring_about(wanted(path, **params), check_mode=True)
    assert path.read_bytes() == before
    result = cache.bring_about(wanted(path, **params), check_mode=False)
    assert {key: result[key] for key in checked} == checked
    stamp = path.stat().st_ino, path.stat().st_ctime_ns
    again = cache.bring_about(wanted(path, **params), check_mode=False)
    assert (again["changed"], again["options"]) == (False, [])
    assert again["diff"]["before"] == again["diff"]["after"] == result["diff"]["after"]
    assert (path.stat().st_ino, path.stat().st_ctime_ns) == stamp
    return result


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return tmp_path / "nova.conf"


def test_options_are_set(conf: Path) -> None:
    conf.write_text("[DEFAULT]\ntransport_url = rabbit://nova:secret@h/\n")
    result = settle(conf, preallocate_images="space", remove_unused_base_images=False, **{AGE: 0, RESIZED: 7})
    assert conf.read_text() == (
        "[DEFAULT]\ntransport_url = rabbit://nova:secret@h/\npreallocate_images = space\n\n"
        f"[image_cache]\nremove_unused_base_images = false\n{AGE} = 0\n{RESIZED} = 7\n"
    )
    assert result["options"][0] == {
        "section": "DEFAULT",
        "name": "preallocate_images",
        "before": None,
        "after": "space",
    }
    assert len(result["options"]) == 4
    assert "secret" not in str(result)


def test_what_is_not_asked_for_stays(conf: Path) -> None:
    text = f"[DEFAULT]\nremove_unused_base_images = False\n[libvirt]\n{RESIZED} = 1\n"
    conf.write_text(text)
    settle(conf, **{AGE: 5})
    assert conf.read_text() == f"{text}\n[image_cache]\n{AGE} = 5\n"


@pytest.mark.parametrize("text", ["True", "true", "ON", "1", '"yes"'])
def test_a_value_that_means_the_same_stays(conf: Path, text: str) -> None:
    conf.write_text(f"[image_cache]\nremove_unused_base_images={text}\n")
    result = cache.bring_about(wanted(conf, remove_unused_base_images=True), check_mode=False)
    assert result["changed"] is False
    assert conf.read_text() == f"[image_cache]\nremove_unused_base_images={text}\n"


def test_former_spellings_are_removed(conf: Path) -> None:
    conf.write_text(
        f"[DEFAULT]\nremove_unused_base_images = True\n# why\n{AGE} = 1\n[libvirt]\n{RESIZED} = 2\nvirt_type = kvm\n"
    )
    result = settle(conf, remove_unused_base_images=True, **{AGE: 1, RESIZED: 3})
    assert conf.read_text() == (
        "[DEFAULT]\n# why\n[libvirt]\nvirt_type = kvm\n\n"
        f"[image_cache]\nremove_unused_base_images = true\n{AGE} = 1\n{RESIZED} = 3\n"
    )
    gone = [(change["section"], change["before"]) for change in result["options"] if change["after"] is None]
    assert gone == [("DEFAULT", "True"), ("DEFAULT", "1"), ("libvirt", "2")]
    assert result["diff"]["before"] == (
        f"[DEFAULT] remove_unused_base_images = True\n[DEFAULT] {AGE} = 1\n[libvirt] {RESIZED} = 2\n"
    )


def test_names_for_an_old_release(conf: Path) -> None:
    conf.write_text(f"[DEFAULT]\n[image_cache]\n{AGE} = 1\n[libvirt]\n")
    settle(conf, former_names=True, preallocate_images="none", **{AGE: 2, RESIZED: 3})
    assert conf.read_text() == (
        f"[DEFAULT]\npreallocate_images = none\n{AGE} = 2\n[image_cache]\n[libvirt]\n{RESIZED} = 3\n"
    )


def test_one_of_several_values_stays(conf: Path) -> None:
    conf.write_text(f"[image_cache]\n{AGE} = 1\n{AGE} = 2\n[image_cache]\n{AGE} = 3\n")
    result = settle(conf, **{AGE: 3})
    assert conf.read_text() == f"[image_cache]\n[image_cache]\n{AGE} = 3\n"
    assert [change["before"] for change in result["options"]] == ["1", "2"]


def test_a_value_that_nova_refuses_is_replaced(conf: Path) -> None:
    conf.write_text("[image_cache]\nremove_unused_base_images = maybe\n")
    settle(conf, remove_unused_base_images=True)
    assert conf.read_text() == "[image_cache]\nremove_unused_base_images = true\n"


@pytest.mark.parametrize("check", [True, False])
def test_a_file_beside_it_must_not_contradict(conf: Path, check: bool) -> None:
    conf.write_text("[DEFAULT]\n")
    other = conf.with_name("nova-compute.conf")
    other.write_text("[DEFAULT]\nremove_unused_base_images = no\npassword = secret\n")
    with pytest.raises(GoldsmithError) as caught:
        cache.bring_about(wanted(conf, remove_unused_base_images=True), check_mode=check)
    assert str(caught.value) == (
        f"remove_unused_base_images=true: {other}, which services read beside {conf}, has "
        "[DEFAULT] remove_unused_base_images = no; remove it there, or leave the file out of also_read"
    )
    assert conf.read_text() == "[DEFAULT]\n"
    # The same value is no contradiction, and a file that is not read cannot contradict.
    settle(conf, remove_unused_base_images=False)
    settle(conf, remove_unused_base_images=True, also_read=[])
    with pytest.raises(GoldsmithError, match=r"contra\.conf is not there"):
        cache.bring_about(wanted(conf, preallocate_images="none", also_read=["/contra.conf"]), check_mode=check)


def test_the_file_itself_is_no_other_file(conf: Path) -> None:
    compute = conf.with_name("nova-compute.conf")
    compute.write_text("[DEFAULT]\npreallocate_images = none\n")
    settle(compute, preallocate_images="space")
    assert compute.read_text() == "[DEFAULT]\npreallocate_images = space\n"


def test_a_backup_only_of_what_changes(conf: Path) -> None:
    conf.write_text("[DEFAULT]\n")
    result = cache.bring_about(wanted(conf, preallocate_images="none", backup=True), check_mode=False)
    assert Path(result["backup_file"]).read_text() == "[DEFAULT]\n"
    again = cache.bring_about(wanted(conf, preallocate_images="none", backup=True), check_mode=False)
    assert "backup_file" not in again
    assert len(list(conf.parent.iterdir())) == 2


def test_less_than_nothing(conf: Path) -> None:
    with pytest.raises(OptionError, match=f"{AGE}=-1: is less than nothing; give seconds, 0 or more"):
        wanted(conf, **{AGE: -1})
