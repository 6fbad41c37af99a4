# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloud-init's configuration, as it reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import guest_cloud_init as cloud_init
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError


def files(root: Path, more: dict[str, str]) -> TreeFiles:
    return TreeFiles(str(make_tree(make_tree(root / "tree"), more, {})))


def test_drop_ins_are_merged(tmp_path: Path) -> None:
    config = cloud_init.configuration(
        files(tmp_path, {"etc/cloud/cloud.cfg.d/90.cfg": "system_info: {distro: debian}\n"})
    )
    assert config["system_info"] == {"default_user": {"name": "debian", "lock_passwd": True}, "distro": "debian"}


def test_modules_have_underscores_and_may_have_a_frequency(tmp_path: Path) -> None:
    config = cloud_init.configuration(files(tmp_path, {}))
    assert cloud_init.modules(config, "cloud_init_modules")[-2:] == ["users_groups", "ssh"]


@pytest.mark.parametrize(("text", "count"), [("datasource_list: [NoCloud]\n", 2), ("datasource_list: []\n", 0)])
def test_sources_that_are_missing(tmp_path: Path, text: str, count: int) -> None:
    config = cloud_init.configuration(files(tmp_path, {"etc/cloud/cloud.cfg.d/90.cfg": text}))
    assert len(cloud_init.missing_sources(config)) == count


def test_broken_yaml_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GoldsmithError, match="is not YAML") as raised:
        cloud_init.configuration(files(tmp_path, {"etc/cloud/cloud.cfg": "a: [\n"}))
    assert "\n" not in str(raised.value)
