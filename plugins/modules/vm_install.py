#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a guest of libvirt by a distribution's installer, or from an existing disk."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vm_install
version_added: 1.0.0
short_description: Make a guest of libvirt by a distribution's installer, or from an existing disk
description:
  - Has C(virt-install) run an installer in a new guest, with answers that leave it nothing to ask, and follows it on
    the serial console to its end. Or copies an existing disk image and puts a guest around it.
  - The guest is shut off then. M(goldsmith.openstack.vm_state) starts it and waits for its ssh server.
  - An installation that dies, hangs, asks a question, or is destroyed in the middle fails with one line that names the
    step and the last words on the console. Nothing is left of it but O(console_log), unless O(keep_failed).
  - "The exit status of C(virt-install) proves nothing. The last step of the answers writes a line to the console,
    C(goldsmith: the installation is complete), and without it an installation has failed. Only a file of answers that
    does not contain this line is taken at the word of its shutdown."
options:
  name:
    description: Name of the guest. Its disk is called by it, with the ending C(.goldsmith.qcow2).
    type: str
    required: true
  uri:
    description: The libvirt, for example C(qemu:///system), C(qemu:///session), C(qemu+ssh://HOST/system),
      C(qemu+tcp://HOST/system).
    type: str
    default: qemu:///system
  memory:
    description: Memory in MiB.
    type: int
    default: 1024
  vcpus:
    description: Number of processors. The default is 2, and 1 under emulation.
    type: int
  virt_type:
    description: V(auto) takes KVM if it really works, and emulation otherwise.
    type: str
    choices: [auto, kvm, qemu]
    default: auto
  firmware:
    description: Firmware of the guest.
    type: str
    choices: [bios, uefi]
    default: bios
  os_variant:
    description: The system as libosinfo names it. The default is what C(virt-install) finds out.
    type: str
    default: ""
  network:
    description: V(user), C(bridge=NAME) or C(network=NAME), which is one of libvirt's.
    type: str
    default: user
  pool:
    description: Storage pool for the disk. V(default) is made in C(/var/lib/libvirt/images) where it is not there, as
      other tools of libvirt do.
    type: str
    default: default
  path:
    description: Folder of libvirt's host for the disk, in place of O(pool). It is made a storage pool of libvirt as
      long as a disk of ours lies there.
    type: str
    default: ""
  disk_size:
    description: Size of the disk with C(M), C(G) or C(T), or bytes. That of O(import) if that is larger.
    type: str
    default: 10G
  disk_format:
    description: Format of the disk.
    type: str
    choices: [qcow2, raw]
    default: qcow2
  location:
    description: URL or path of the tree of an installer, or path of its ISO image.
    type: str
  kernel:
    description: Kernel of an installer, on this host.
    type: path
  initrd:
    description: Ramdisk of an installer, on this host.
    type: path
  kernel_args:
    description: Arguments of the installer's kernel. The default makes it speak on the serial console and read the
      answers.
    type: str
    default: ""
  extra_kernel_args:
    description: Arguments beside the default ones of O(kernel_args).
    type: str
    default: ""
  preseed:
    description: File of answers for debian-installer.
    type: path
  kickstart:
    description: File of answers for anaconda.
    type: path
  autoyast:
    description: File of answers for AutoYaST.
    type: path
  autoinstall:
    description:
      - File of answers for subiquity, the server installer of Ubuntu. It is a user-data of cloud-init with the key
        C(autoinstall), which the installer reads from a drive that is labelled C(CIDATA).
      - O(location) is the path of the ISO image of the live server. Or O(kernel) and O(initrd) are those of the image,
        and O(extra_kernel_args) says where their system is, C(url=URL of the image).
    type: path
  agama:
    description:
      - File of answers for Agama, the installer of openSUSE Leap 16 and SLES 16. It reads it from a drive that is
        labelled C(OEMDRV).
      - O(location) is the path of the ISO image of the installer. Or O(kernel) and O(initrd) are those of the image,
        and O(extra_kernel_args) says where their system is, C(root=live:URL of the image).
    type: path
  import:
    description: A disk image to start from, on this host. It is copied and never changed. An image with a backing file
      or an external data file is refused.
    type: path
  user:
    description: Account for O(authorized_key), made if it is not there.
    type: str
    default: ""
  authorized_key:
    description: Public key that the imported system gets from a config drive, by cloud-init or by our agent.
    type: str
    default: ""
  console_log:
    description: Log of the serial console. The default is a file of the guest's name in C(~/.cache/goldsmith/machines).
    type: path
  timeout:
    description: Seconds for the whole installation.
    type: int
    default: 5400
  keep_failed:
    description: Whether the guest of a failed installation stays as it is, to be looked at. The next run removes it.
    type: bool
    default: false
requirements:
  - virt-install and virsh; cpio for the answers
  - qemu-img for O(import)
  - xorrisofs, genisoimage or mkisofs for O(import), O(autoinstall) and O(agama)
  - xorriso for an ISO image in O(location)
notes:
  - A guest is known as ours by its UUID, which follows from its name, and as installed by a mark in its description.
  - With a libvirt elsewhere, virt-install uploads kernel and ramdisk to its own storage pool C(boot-scratch) there. It
    removes them, and leaves the pool.
attributes:
  check_mode: {description: Checks all that can be checked without a guest., support: full}
  diff_mode: {description: "Shows whether the guest is there, before and after.", support: full}
  idempotent:
    description: An installed guest is left alone, whatever the other options say. An unfinished one is begun anew.
    support: full
  platform: {description: Linux., support: full, platforms: posix}
author:
  - Goldsmith contributors (@goldsmith)
seealso:
  - module: goldsmith.openstack.vm_state
  - module: goldsmith.openstack.vm_disk_fetch
"""

EXAMPLES = r"""
- name: Install Debian from the files of a package of its installer
  goldsmith.openstack.vm_install:
    name: golden
    kernel: /usr/lib/debian-installer/images/13/amd64/text/debian-installer/amd64/linux
    initrd: /usr/lib/debian-installer/images/13/amd64/text/debian-installer/amd64/initrd.gz
    preseed: preseed.cfg
    console_log: golden.console.log

- name: Install on another host, from a mirror
  goldsmith.openstack.vm_install:
    name: golden
    uri: qemu+ssh://root@kvm1.example/system
    location: https://mirror.example/fedora/releases/43/Everything/x86_64/os/
    kickstart: kickstart.cfg
    memory: 3072
    network: network=default

- name: Install Ubuntu from its ISO image
  goldsmith.openstack.vm_install:
    name: golden
    location: /srv/iso/ubuntu-24.04-live-server-amd64.iso
    autoinstall: user-data
    memory: 2048

- name: Start from a disk that is there
  goldsmith.openstack.vm_install:
    name: golden
    import: debian-13-amd64.qcow2
    user: debian
    authorized_key: "{{ lookup('ansible.builtin.file', 'key.pub') }}"
"""

RETURN = r"""
name: {description: Name of the guest., returned: success, type: str}
disk:
  description: Its disk (C(path) on libvirt's host; C(pool) and C(volume) when it was made now).
  returned: success, except in check mode
  type: dict
  sample: {"pool": "default", "volume": "web.goldsmith.qcow2", "path": "/var/lib/libvirt/images/web.goldsmith.qcow2"}
accelerator:
  description: How the guest was run, C(kvm) or C(tcg) (emulation).
  returned: when the guest was made
  type: str
steps:
  description: Steps of the installer with their C(name) and C(seconds).
  returned: success
  type: list
  elements: dict
  sample: [{"name": "Installing the base system", "seconds": 990.2}]
console_log: {description: Log of the serial console., returned: always, type: str}
step: {description: Step that failed; null if there was none yet., returned: on failure, type: str}
percent: {description: How far the installation was., returned: on failure, type: float}
console_tail: {description: Last lines of the console., returned: on failure, type: list, elements: str}
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import parse_size
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import installation, installer_answers

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "uri": {"type": "str", "default": "qemu:///system"},
    "memory": {"type": "int", "default": 1024},
    "vcpus": {"type": "int"},
    "virt_type": {"type": "str", "choices": ["auto", "kvm", "qemu"], "default": "auto"},
    "firmware": {"type": "str", "choices": ["bios", "uefi"], "default": "bios"},
    "os_variant": {"type": "str", "default": ""},
    "network": {"type": "str", "default": "user"},
    "pool": {"type": "str", "default": "default"},
    "path": {"type": "str", "default": ""},
    "disk_size": {"type": "str", "default": "10G"},
    "disk_format": {"type": "str", "choices": list(installation.FORMATS), "default": "qcow2"},
    "location": {"type": "str"},
    "kernel": {"type": "path"},
    "initrd": {"type": "path"},
    "kernel_args": {"type": "str", "default": ""},
    "extra_kernel_args": {"type": "str", "default": ""},
    **{kind: {"type": "path"} for kind in installation.KINDS},
    "import": {"type": "path"},
    "user": {"type": "str", "default": ""},
    "authorized_key": {"type": "str", "default": "", "no_log": False},
    "console_log": {"type": "path"},
    "timeout": {"type": "int", "default": 5400},
    "keep_failed": {"type": "bool", "default": False},
}


def _plan(params: dict[str, Any]) -> installation.InstallPlan:
    kind = next((kind for kind in installation.KINDS if params[kind]), installation.KINDS[0])
    machine = installation.Machine(
        name=params["name"],
        uuid=installation.our_uuid(params["name"]),
        memory=params["memory"],
        cpus=params["vcpus"],
        network=params["network"],
        firmware=params["firmware"],
        os_variant=params["os_variant"],
    )
    installer = None
    if not params["import"]:
        sources = {source: params[source] or "" for source in ("location", "kernel", "initrd")}
        told = installer_answers.kernel_args(kind, params["kernel_args"], params["extra_kernel_args"])
        installer = installation.Installer(**sources, kernel_args=told)
    log = params["console_log"] or installation.usual_log(params["name"])
    taken = ("uri", "disk_format", "virt_type", "user", "authorized_key", "timeout", "keep_failed")
    return installation.InstallPlan(
        machine=machine,
        place=installation.Place(pool=params["pool"], path=params["path"]),
        disk_size=parse_size(params["disk_size"], "disk_size"),
        console_log=os.path.abspath(log),
        image=params["import"] or "",
        installer=installer,
        answers=params[kind] or "",
        kind=kind,
        **{name: params[name] for name in taken},
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        mutually_exclusive=[("location", "kernel", "import"), installation.KINDS],
        required_together=[("kernel", "initrd")],
        required_one_of=[("location", "kernel", "import")],
        supports_check_mode=True,
    )
    run_module(module, lambda: installation.install(Runner(), _plan(module.params), check_mode=module.check_mode))


if __name__ == "__main__":
    main()
