# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What widely used roles do, over ssh on a system that runs, and the image that comes of it (image_configure=booted).

It is the other column of the table of docs/operator/customising.md. tests/boot/test_booted.py shows the way itself.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import usual_roles
from helpers.emulator import quick_emulator
from helpers.guests import BuiltImage, RunningGuest, running_guest
from helpers.tools import run_tool

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(7200)]

# What a tree cannot do, or leaves undone: here it has an effect.
LIVE = """
- name: Ask the kernel and the services
  ansible.builtin.command: "{{ item }}"
  changed_when: false
  loop:
    - grep -qx 1 /proc/sys/net/ipv4/ip_forward
    - grep -qx 2 /proc/sys/kernel/kptr_restrict
    - test -d /sys/module/br_netfilter
    - findmnt --types tmpfs /mnt/scratch
    - systemctl is-active nginx
    - systemctl is-active engine
    - sh -c 'runuser -u ops -- env XDG_RUNTIME_DIR=/run/user/$(id -u ops) systemctl --user is-active collect'
- name: Filter packets
  ansible.builtin.iptables: {chain: INPUT, protocol: tcp, destination_port: 9100, jump: ACCEPT}
- name: See that the rule is in force
  ansible.builtin.command: iptables --check INPUT --protocol tcp --destination-port 9100 --jump ACCEPT
  changed_when: false
- name: Wait for a port
  ansible.builtin.wait_for: {port: 22, timeout: 60}
- name: Ask a service that was configured
  ansible.builtin.command: systemctl reload nginx
  changed_when: false
- name: Copy a folder
  ansible.posix.synchronize: {src: "{{ usual_folder }}/ntp", dest: /srv/synchronized}
- name: Swap, until the machine stops
  ansible.builtin.command: sh -c 'swapon /swapfile; grep /swapfile /proc/swaps'
  changed_when: false
"""
# An instance has a name and a boot loader of its own, no file of an image is immutable, and nothing that ran had to be
# kept from starting. Where systemd runs, timedatectl sets the time zone: by a relative link and no other file.
OTHERWISE = {
    "readlink /etc/localtime; cat /etc/timezone": "../usr/share/zoneinfo/Europe/Vienna",
    "cat /etc/hostname": "goldsmith-guest",
    "ls /boot/grub/grub.cfg 2>/dev/null || cat /etc/default/grub": "/boot/grub/grub.cfg",
    "lsattr /etc/hardened | cut -c5": "-",
    "ls /usr/sbin/policy-rc.d": "",
}
ALSO = [
    ("grep -ow slab_nomerge /proc/cmdline", "slab_nomerge"),
    ("systemctl is-active nginx engine cron memcached", "active\n" * 4),
    ("runuser -u ops -- env XDG_RUNTIME_DIR=/run/user/$(id -u ops) systemctl --user is-active collect", "active"),
    ("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/kptr_restrict", "1\n2"),
    ("ls /srv/synchronized/ntp", "handlers\ntasks"),
    ("swapon --noheadings", ""),
]


@pytest.fixture(scope="module")
def image(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    """One that all roles configured while it ran."""
    folder = tmp_path_factory.mktemp("booted")
    live = folder / "live" / "tasks"
    live.mkdir(parents=True)
    (live / "main.yml").write_text(LIVE)
    words = {
        "image_name": "usual",
        "image_output_dir": str(folder),
        "image_formats": ["qcow2"],
        "image_configure": "booted",
        "image_verify": ["audit"],
        "image_packages": [*usual_roles.PACKAGES, "rsync"],
        "image_roles": [*(str(path) for path in usual_roles.write(folder)), str(live.parent)],
        "usual_folder": str(folder),
    }
    places = f"{checkout}/.ansible/collections:{usual_roles.collections()}"
    argv = ["./goldsmith", "playbook", "build-debian.yml", "-e", json.dumps(words)]
    with quick_emulator():
        environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": places}
        run_tool(argv, cwd=checkout, environment=environment, timeout=5400)
    return BuiltImage(folder / "usual", "usual")


@pytest.fixture(scope="module")
def guest(image: BuiltImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGuest]:
    """An instance of it."""
    folder = tmp_path_factory.mktemp("guest")
    with quick_emulator(), running_guest(folder, image=str(image.file("qcow2")), user=image.user) as guest:
        yield guest


@pytest.mark.parametrize(("question", "answer"), [*usual_roles.QUESTIONS, *ALSO])
def test_an_instance_is_as_the_roles_made_it(guest: RunningGuest, question: str, answer: str) -> None:
    done = guest.ssh(f"sudo sh -c {shlex.quote(question)}")
    assert done.stdout.strip() == OTHERWISE.get(question, answer).strip()
