#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: vm_disk_fetch
short_description: Get the disk of a libvirt guest as a file of this host
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Says where the disk of a guest is, if this host can read it there; else fetches it through libvirt. It is for
    guests that are off, and nothing of the guest is changed.
  - What arrived stays when the connection breaks or the run is killed. The rest follows at once, or in the next run,
    unless the volume was written to meanwhile.
  - An image that names other files (a backing file, an external data file), is encrypted, or claims an absurd size is
    refused. The format is the one that libvirt has for the guest, not what the guest wrote into its disk.
requirements:
  - virsh, qemu-img
attributes:
  check_mode: {description: Says whether the disk would be fetched., support: full}
  diff_mode: {description: Names the file that would be made., support: full}
  idempotent: {description: A file that was fetched from the same state of the volume is kept., support: full}
  platform: {description: Linux., support: full, platforms: posix}
options:
  uri:
    description: The virtualisation host as libvirt names it, for example C(qemu:///system) or
      C(qemu+ssh://host/system).
    type: str
    default: qemu:///system
  name:
    description: Name of the guest.
    type: str
    required: true
  target:
    description: Which of its disks, as the guest's description calls it (C(vda)). The default is the first.
    type: str
  dest:
    description: File to fetch it into. Not needed, and not made, where this host can read the disk in its place.
    type: path
"""

EXAMPLES = r"""
- name: Fetch the disk of a guest elsewhere
  goldsmith.openstack.vm_disk_fetch:
    uri: qemu+ssh://root@kvm1.example/system
    name: web
    dest: /root/capture/web.img
  register: disk

- name: Turn it into a folder
  goldsmith.openstack.disk_extract:
    src: "{{ disk.path }}"
    src_format: "{{ disk.format }}"
    tree: /root/capture/tree
"""

RETURN = r"""
path: {description: "The disk on this host, O(dest) or where it was.", type: str, returned: success}
format: {description: "Its format, as qemu-img names it.", type: str, returned: success}
virtual_size: {description: Size of the virtual disk in bytes., type: int, returned: success}
allocated: {description: "What its file takes up on this host, in bytes.", type: int, returned: success}
target: {description: Which disk of the guest it is., type: str, returned: success}
source: {description: Its path on the virtualisation host., type: str, returned: success}
fetched: {description: How many bytes this run fetched., type: int, returned: success}
resumed_at: {description: How many bytes were there already from a run before., type: int, returned: success}
seconds: {description: Seconds that it took., type: float, returned: success}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import vm_disk

ARGUMENT_SPEC = {
    "uri": {"type": "str", "default": "qemu:///system"},
    "name": {"type": "str", "required": True},
    "target": {"type": "str"},
    "dest": {"type": "path"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    request = vm_disk.Request(params["uri"], params["name"], params["target"] or None, params["dest"])
    run_module(module, lambda: vm_disk.fetch(Runner(), request, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
