#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: tree_seal
short_description: Remove from a system what must not be in an image
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Removes from a tree, or from a running machine, what belongs to one machine, to its making, or to a person. After
    all steps the leftovers that M(goldsmith.openstack.image_audit_info) looks for are gone, MAC addresses as well.
  - Nothing of the tree is executed. Links in it lead inside it, and nothing outside it is read or changed, whatever
    its links, names and accounts say. What is mounted in a tree is left alone.
  - A tree needs no root, only a range of subordinate ids.
  - The same tree gives the same result, times included.
requirements:
  - util-linux
attributes:
  check_mode: {description: Nothing is changed. The report is the same., support: full}
  diff_mode:
    support: full
    description: Lists the paths of each step, and what becomes of those that are not removed. Contents are not shown.
  idempotent:
    support: full
    description: A tree that is sealed is left alone. A running machine goes on writing logs.
  platform: {description: Linux., support: full, platforms: posix}
options:
  path:
    description: The root folder of a tree, or V(/) with O(running).
    type: path
    required: true
  running:
    description:
      - Confirms that V(/), the machine on which this module runs, is to be sealed. It is switched off next.
      - Its mounted disks are sealed too, but file systems of the network are not looked into, and nothing that is
        mounted is removed as a whole.
    type: bool
    default: false
  steps:
    description:
      - What to do. The default is all of it.
      - V(machine_id) empties C(/etc/machine-id) and removes other identifiers of the machine and of its registration.
      - V(host_keys) removes the keys of the ssh server.
      - V(random_seed) removes the seeds of the random number generator and the secret of systemd's credentials.
      - V(network) empties the rules for persistent names of network cards, takes MAC addresses and UUIDs out of network
        configuration, and removes leases, the name servers in C(/etc/resolv.conf) and the files that cloud-init makes.
        What matched a card by its address matches every Ethernet card afterwards.
      - V(storage) removes what lvm2, blkid and multipath noted down about disks, the disks that GRUB is installed on in
        the answers of debconf, and, in a tree, the swap to wake up from (C(RESUME=) of initramfs-tools, C(resume=) of
        dracut and of the kernel's arguments).
      - V(logs) removes logs of the system and of its installer. Folders stay, records of logins are emptied.
      - V(histories) removes the histories of shells, editors and pagers.
      - V(ssh_keys) removes C(.ssh) from the home of every account.
      - V(private_keys) removes private keys from the homes of people and from where services keep them, and the
        keytab of the host.
      - V(backups) removes older versions of account files and package databases.
      - V(passwords) locks the accounts that have a password or need none.
      - V(secrets) removes credentials from the addresses of package sources and proxies, and files with credentials.
      - V(proxy) removes the settings of a proxy, except O(proxy).
      - V(instance_data) removes the data of the instance that cloud-init or the agent applied.
      - V(package_cache) removes packages, and lists of packages.
      - V(caches) removes the caches of people and of sssd.
      - V(mail) removes mail in boxes and queues.
      - V(crash_dumps) removes the memory of what crashed.
      - V(temporary) removes temporary files, and those of Ansible.
      - V(build) removes what a bootstrap lays down so that no daemon is started.
    type: list
    elements: str
    choices: &steps
      - machine_id
      - host_keys
      - random_seed
      - network
      - storage
      - logs
      - histories
      - ssh_keys
      - private_keys
      - backups
      - passwords
      - secrets
      - proxy
      - instance_data
      - package_cache
      - caches
      - mail
      - crash_dumps
      - temporary
      - build
  skip:
    description: Steps that are left out.
    type: list
    elements: str
    choices: *steps
    default: []
  proxy:
    description: The proxies that may stay, without credentials.
    type: list
    elements: str
    default: []
  network:
    description:
      - What the step V(network) of O(steps) does with the configuration of one network, static addresses and names of
        cards that only this machine has.
      - V(keep) leaves it, and names each file in a warning.
      - V(dhcp) replaces it by DHCP for every card, for netplan, NetworkManager, systemd-networkd, wicked (its first
        card) or ifupdown, the first of them that is there. Where cloud-init configures the network, that does it.
    type: str
    choices: [keep, dhcp]
    default: keep
seealso:
  - module: goldsmith.openstack.image_audit_info
"""

EXAMPLES = r"""
- name: Seal the tree of a captured disk
  goldsmith.openstack.tree_seal:
    path: /var/tmp/capture/tree
  register: sealed

- name: Say what was removed
  ansible.builtin.debug:
    msg: "{{ sealed.bytes | human_readable }} removed; left to you: {{ sealed.stays }}"

- name: Take keys and histories only
  goldsmith.openstack.tree_seal:
    path: /var/tmp/capture/tree
    steps: [histories, host_keys, private_keys, ssh_keys]

- name: Seal the machine before it is switched off, but leave passwords and proxy
  goldsmith.openstack.tree_seal:
    path: /
    running: true
    skip: [passwords, proxy]
  become: true
"""

RETURN = r"""
steps:
  description: What each step did, or would do.
  type: dict
  returned: success
  sample: {"histories": {"paths": ["/root/.bash_history"], "count": 1, "bytes": 120}}
  contains:
    paths:
      description: The paths inside the tree, sorted, the first 1000 of them. Of what is removed whole, its top. Line
        breaks and bytes that are no UTF-8 are written as C(\\n) and C(\\xff).
      type: list
      elements: str
    count: {description: The number of paths., type: int}
    bytes: {description: The bytes of data that are gone., type: int}
bytes: {description: "The bytes of data that are gone, of all steps.", type: int, returned: success}
stays:
  description: What may belong to one machine and was left alone, with the reason why it may matter.
  type: list
  elements: str
  returned: success
  sample: ["/etc/hostname: the machine's name, until the cloud gives another"]
notes:
  description: What has to be known of an image of the tree, as that a file is for one network. Each is a warning.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import seal, stack

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "running": {"type": "bool", "default": False},
    "steps": {"type": "list", "elements": "str", "choices": list(seal.NAMES)},
    "skip": {"type": "list", "elements": "str", "choices": list(seal.NAMES), "default": []},
    "proxy": {"type": "list", "elements": "str", "default": []},
    "network": {"type": "str", "choices": ["keep", "dhcp"], "default": "keep"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params

    def work() -> dict[str, object]:
        wanted = seal.NAMES if params["steps"] is None else params["steps"]
        return seal.seal(
            Runner(),
            params["path"],
            steps=[name for name in wanted if name not in params["skip"]],
            proxy=params["proxy"],
            running=params["running"],
            network=params["network"],
            check_mode=module.check_mode,
        )

    run_module(module, work, enter=lambda: stack.enter(module.params["path"]))


if __name__ == "__main__":
    main()
