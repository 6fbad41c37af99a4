# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small tree that passes every rule of the audit, for tests that break one thing in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ARGUMENTS = "console=tty0 console=ttyS0,115200n8"
CLOUD_CFG = """\
users: [default]
ssh_pwauth: false
datasource_list: [ConfigDrive, OpenStack, Ec2, None]
cloud_init_modules: [growpart, resizefs, set_hostname, users-groups, [ssh, once]]
cloud_final_modules: [scripts-user]
system_info:
  default_user: {name: debian, lock_passwd: true}
"""
# Contents of files, and None for folders.
GOOD: dict[str, str | None] = {
    "etc/machine-id": "",
    "etc/passwd": "root:x:0:0::/root:/bin/bash\ndebian:x:1000:1000::/home/debian:/bin/bash\n",
    "etc/shadow": "root:*:1::::::\ndebian:!:1::::::\n",
    "etc/fstab": "UUID=1 / ext4 defaults 0 1\n",
    "etc/udev/rules.d/70-persistent-net.rules": "",
    "usr/lib/udev/rules.d/75-persistent-net-generator.rules": "",
    "etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n",
    "etc/ssh/sshd_config.d/10-keys.conf": "PasswordAuthentication no\nKbdInteractiveAuthentication no\n",
    "etc/cloud/cloud.cfg": CLOUD_CFG,
    "etc/default/grub": f'GRUB_CMDLINE_LINUX="{ARGUMENTS}"\n',
    "etc/apt/sources.list": "deb http://deb.example/debian trixie main\n",
    "boot/grub/grub.cfg": f"menuentry Linux {{\n  linux /boot/vmlinuz root=UUID=1 {ARGUMENTS}\n}}\n",
    "usr/bin/cloud-init": "#!/bin/sh\n",
    "usr/bin/growpart": "#!/bin/sh\n",
    "usr/sbin/sshd": "#!/bin/sh\n",
    "usr/lib/systemd/system/ssh.service": "[Service]\n",
    "usr/lib/systemd/system-generators/systemd-getty-generator": "",
    "var/log/wtmp": "",
    "var/lib/apt/lists/lock": "",
    "home/debian": None,
    "root": None,
    "tmp": None,
    "var/tmp": None,
}
# What an image with the agent has in the place of cloud-init.
AGENT = {"usr/sbin/goldsmith-agent": "#!/bin/sh\n", "etc/goldsmith/agent.conf": "user=debian\n", "usr/sbin/lvm": ""}
AGENT_LINKS = {
    f"etc/systemd/system/multi-user.target.wants/{name}": f"../{name}"
    for name in ("goldsmith-grow.service", "goldsmith-instance.service")
}
LINKS = {
    "lib": "usr/lib",
    "etc/resolv.conf": "../run/systemd/resolve/stub-resolv.conf",
    "etc/systemd/system/multi-user.target.wants/ssh.service": "/usr/lib/systemd/system/ssh.service",
}


def make_tree(
    root: Path, files: Mapping[str, str | None] | None = None, links: Mapping[str, str] | None = None
) -> Path:
    """Write files and links below *root*, those of a good image where none are given; return *root*."""
    for name, text in (GOOD if files is None else files).items():
        path = root / name
        if text is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for name, target in (LINKS if links is None else links).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            path.unlink()
        path.symlink_to(target)
    return root
