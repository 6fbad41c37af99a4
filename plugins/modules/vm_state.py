#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring up, power off or remove a guest of libvirt."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vm_state
version_added: 1.0.0
short_description: Bring up, power off or remove a guest of libvirt
description:
  - Starts a guest and waits until one of its accounts accepts a key by ssh, powers it off in an orderly way, or removes
    it with what M(goldsmith.openstack.vm_install) made for it.
  - Works with the libvirt of this host and of others. It is reached by C(virsh).
options:
  name:
    description: Name of the guest.
    type: str
    required: true
  state:
    description:
      - V(running) starts the guest unless it runs, and returns how it is reached as soon as ssh accepts O(key).
        A guest that was started and does not get there is ended again.
      - V(shut_off) presses its power button and waits until it is off.
      - V(absent) ends the guest at once and removes it, with its NVRAM and with the disks that
        M(goldsmith.openstack.vm_install) made. No other disk is ever removed.
    type: str
    choices: [running, shut_off, absent]
    default: running
  uri:
    description: The libvirt, for example C(qemu:///system), C(qemu:///session), C(qemu+ssh://HOST/system),
      C(qemu+tcp://HOST/system).
    type: str
    default: qemu:///system
  user:
    description: Account that accepts O(key). Required if O(state=running).
    type: str
  key:
    description:
      - Private key without passphrase. Required if O(state=running).
      - The host keys of guests are kept beside it, in a file that ends in C(.known_hosts).
    type: path
  console_log:
    description: File for what the guest writes on its serial console while it starts. Its last lines then stand in the
      error of a guest that does not come up.
    type: path
  timeout:
    description: Seconds until the login must work, or the guest be off.
    type: int
    default: 600
  force:
    description:
      - With O(state=shut_off), whether the power is cut when the time is over. What the guest has not written is lost.
      - With O(state=absent), whether a guest is removed that M(goldsmith.openstack.vm_install) did not make. Its disks
        stay.
    type: bool
    default: false
requirements:
  - virsh
  - ssh
notes:
  - A guest with user networking is reached by a port on loopback of libvirt's host, which is opened when it is needed;
    one in a network of libvirt by its lease, one on a bridge by its agent or the neighbour table.
  - With C(qemu+ssh) the way to the guest leads through libvirt's host, with the key and the user of O(uri).
attributes:
  check_mode: {description: "Says what would change, without waiting for a login.", support: full}
  diff_mode: {description: Shows the state before and after., support: full}
  idempotent: {description: A guest that has its state is left alone., support: full}
  platform: {description: Linux., support: full, platforms: posix}
author:
  - Goldsmith contributors (@goldsmith)
seealso:
  - module: goldsmith.openstack.vm_install
  - module: goldsmith.openstack.vm_disk_fetch
"""

EXAMPLES = r"""
- name: Start a guest and wait for its ssh server
  goldsmith.openstack.vm_state:
    name: golden
    user: debian
    key: /root/golden/key
  register: guest

- name: Make it a host of the play
  ansible.builtin.add_host:
    name: golden
    ansible_host: "{{ guest.ssh.host }}"
    ansible_port: "{{ guest.ssh.port }}"
    ansible_user: "{{ guest.ssh.user }}"
    ansible_ssh_common_args: "{{ guest.ssh.args }}"

- name: Power it off
  goldsmith.openstack.vm_state:
    name: golden
    state: shut_off

- name: Remove it with its disk
  goldsmith.openstack.vm_state:
    name: golden
    uri: qemu+ssh://root@kvm1.example/system
    state: absent
"""

RETURN = r"""
ssh:
  description: How the guest is reached. C(args) is for C(ansible_ssh_common_args); it names the key too.
  returned: when O(state=running), except in check mode
  type: dict
  sample:
    host: 127.0.0.1
    port: 44961
    user: debian
    key: /root/golden/key
    args: -F /dev/null -o BatchMode=yes -o IdentityFile=/root/golden/key
seconds:
  description: Seconds until the login worked.
  returned: when O(state=running), except in check mode
  type: float
  sample: 58.3
forced:
  description: Whether the power had to be cut.
  returned: when O(state=shut_off) and the guest ran
  type: bool
console_tail:
  description: Last lines of the console.
  returned: on failure, if O(console_log) is given
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import power

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": list(power.STATES), "default": "running"},
    "uri": {"type": "str", "default": "qemu:///system"},
    "user": {"type": "str"},
    "key": {"type": "path", "no_log": False},
    "console_log": {"type": "path"},
    "timeout": {"type": "int", "default": 600},
    "force": {"type": "bool", "default": False},
}


def _plan(params: dict) -> power.PowerPlan:
    paths = {name: os.path.abspath(params[name]) if params[name] else "" for name in ("key", "console_log")}
    return power.PowerPlan(**{**params, **paths, "user": params["user"] or ""})


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_if=[("state", "running", ["user", "key"])],
        supports_check_mode=True,
    )
    run_module(module, lambda: power.ensure(Runner(), _plan(module.params), check_mode=module.check_mode))


if __name__ == "__main__":
    main()
