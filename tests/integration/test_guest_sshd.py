# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's settings of sshd beside those of its instance, as the real sshd reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from helpers.agent import AGENT

ROLE = AGENT.parents[1]
FOLDER = "/etc/ssh/sshd_config.d/"


@pytest.mark.root
@pytest.mark.parametrize("instance", ["", "yes"])
def test_the_instance_goes_before_the_image(tmp_path: Path, instance: str) -> None:
    data = yaml.safe_load((ROLE.parents[1] / "extensions/goldsmith/capabilities/systemd.yml").read_text())
    ours = [
        entry["path"].removeprefix(FOLDER)
        for entry in data["files"]
        if entry["path"].startswith(FOLDER) and "content" in entry
    ]
    drop_ins = {name: (ROLE / "templates/sshd.conf.j2").read_text() for name in ours}
    if instance:
        # What cloud-init makes of ssh_pwauth.
        drop_ins["50-cloud-init.conf"] = f"PasswordAuthentication {instance}\n"
    for name, text in drop_ins.items():
        (tmp_path / name).write_text(text)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    (tmp_path / "sshd_config").write_text(f"Include {tmp_path}/*.conf\nUsePAM yes\n")
    argv = ["/usr/sbin/sshd", "-T", "-f", tmp_path / "sshd_config", "-h", tmp_path / "key"]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()
    assert f"passwordauthentication {instance or 'no'}" in said
    assert "kbdinteractiveauthentication no" in said
    assert "permitrootlogin without-password" in said
