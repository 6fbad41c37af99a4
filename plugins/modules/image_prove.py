#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove an image by booting each of its forms."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_prove
version_added: 1.0.0
short_description: Prove an image by booting each of its forms
description:
  - Boots a disk by each firmware that it is made for, and a triplet by its kernel, each as
    M(goldsmith.openstack.image_boot) does, and holds every instance to what it must do. The key opens the account, the
    host name and the user data are applied, the root file system has grown, no unit has failed, and the serial console
    shows the kernel's messages and a login prompt.
  - The boots run at the same time where the host has the processors and the memory for it. Each takes the next of
    O(machines) and of O(instance_data), so two boots try two of each.
  - The first boot that fails ends the others, and the module fails with one line that begins with its name.
  - The image itself is never changed, and nothing is left but the console logs, however it ends.
options:
  image:
    description: Path of a disk image (qcow2, raw or vhd).
    type: path
  root:
    description: Path of the root file system of a triplet.
    type: path
  initramfs:
    description:
      - Path of an initramfs that is the whole system, started with O(kernel) and without a disk.
      - It gets more than O(memory) if it needs that.
    type: path
  kernel:
    description: Kernel of the triplet and of O(initramfs).
    type: path
  ramdisk:
    description: Ramdisk of the triplet.
    type: path
  user:
    description: Account of the guest that must accept the key.
    type: str
    required: true
  firmwares:
    description: What the disk is booted by, each once. V(uefi) needs OVMF on the host, or AAVMF for arm64.
    type: list
    elements: str
    choices: [bios, uefi]
    default: [bios]
  architecture:
    description: Architecture of the image. One that is not the host's is emulated.
    type: str
    choices: [amd64, arm64]
    default: amd64
  machines:
    description: Machine types of the boots, in turn; V(virt) is that of arm64.
    type: list
    elements: str
    choices: [pc, q35, virt]
    default: [pc, q35]
  instance_data:
    description:
      - Ways in which the boots get their instance data, in turn.
      - V(static_network) is a config drive whose C(network_data.json) has an address; the guest is reached at no other.
    type: list
    elements: str
    choices: [metadata, openstack, ec2, config_drive, static_network]
    default: [metadata, config_drive]
  hostname:
    description: Host name in the instance data.
    type: str
    default: goldsmith-verify
  disk_size:
    description: Size of the disk that each guest gets, with C(M), C(G) or C(T), or bytes.
    type: str
    default: 6G
  reserved:
    description: Bytes of the disk that are for other volumes than the root, which does not grow into them.
    type: int
    default: 0
  grows:
    description: Whether the root file system of the disk grows by itself. That of a triplet always must.
    type: bool
    default: true
  memory:
    description: Memory of each guest, with C(M) or C(G), or bytes.
    type: str
    default: 1G
  timeout:
    description: Seconds for each boot.
    type: int
    default: 600
  parallel:
    description:
      - How many boots run at the same time.
      - V(0) is one for each processor, as far as the memory that is available now is enough for the guests.
    type: int
    default: 0
  properties:
    description:
      - Properties that the image has in Glance. Its disk and its triplet get the hardware that OpenStack Compute gives
        by them, as C(hw_disk_bus), C(hw_scsi_model), C(hw_cdrom_bus), C(hw_vif_model), C(hw_rng_model) and
        C(hw_machine_type), which goes before O(machines).
      - Other names have no effect. What would change how the guest starts, and cannot be done here, is warned of.
    type: dict
    default: {}
  console_log:
    description:
      - Path where the log of the first boot's serial console is written, also when the boot fails.
      - Those of the others stand beside it, with the name of the boot.
    type: path
  cache_dir:
    description:
      - Cache folder. In its folder C(boots) it is kept how long the stages of the last boots took; the progress of the
        next ones is estimated from that.
      - Nothing is kept by default.
    type: path
requirements:
  - those of M(goldsmith.openstack.image_boot)
attributes:
  check_mode: {description: Checks the parameters and the images and boots nothing., support: full}
  diff_mode: {description: Nothing is changed., support: none}
  idempotent: {description: Boots each time and changes nothing., support: full}
  platform: {description: Linux., support: full, platforms: posix}
author:
  - Goldsmith contributors (@goldsmith)
seealso:
  - module: goldsmith.openstack.image_boot
  - module: goldsmith.openstack.image_audit_info
"""

EXAMPLES = r"""
- name: Prove a disk and a triplet at the same time
  goldsmith.openstack.image_prove:
    image: dist/debian-13-amd64/debian-13-amd64.qcow2
    root: dist/debian-13-amd64/debian-13-amd64.ext4
    kernel: dist/debian-13-amd64/debian-13-amd64.vmlinuz
    ramdisk: dist/debian-13-amd64/debian-13-amd64.initrd
    user: debian
    console_log: dist/debian-13-amd64/console.log

- name: Prove a hybrid disk, one boot after the other
  goldsmith.openstack.image_prove:
    image: image.qcow2
    firmwares: [bios, uefi]
    user: debian
    parallel: 1
"""

RETURN = r"""
boots:
  description:
    - What was seen of each boot, in the order bios, uefi, triplet, ramdisk of those that were asked for.
    - C(name) is what started it, C(elapsed) the seconds that it took in all. All others are return values of
      M(goldsmith.openstack.image_boot).
  returned: success, not in check mode
  type: list
  elements: dict
  sample:
    - {"name": "bios", "seconds_to_kernel": 9.1, "seconds_to_ssh": 58.4, "root_size": 6308626432, "elapsed": 71.2}
    - {"name": "triplet", "seconds_to_kernel": 4.0, "seconds_to_ssh": 49.9, "root_size": 6308626432, "elapsed": 61.6}
parallel:
  description: How many boots ran at the same time.
  returned: success, not in check mode
  type: int
  sample: 2
not_tried:
  description: Those of O(properties) that change how a guest starts, and that the boot did not follow.
  returned: success
  type: list
  elements: str
  sample: ["hw_tpm_model=tpm-crb"]
boot: {description: Name of the boot that failed., returned: when a boot failed, type: str, sample: triplet}
console_tail:
  description: Last lines of the serial console of the boot that failed.
  returned: when a guest was started and failed
  type: list
  elements: str
reached: {description: How far the guest came., returned: when a guest did not come up, type: str}
"""

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import proof
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import parse_size

_SIZES = ("disk_size", "memory")
_LISTS = ("firmwares", "machines", "instance_data")


def run(params: dict[str, Any], check_mode: bool, warn: Callable[[str], None]) -> dict[str, Any]:
    """Boot every form of the image, or only look whether that can be done."""
    sizes = {name: parse_size(params[name], name) for name in _SIZES}
    lists = {name: tuple(params[name]) for name in _LISTS}
    plan = proof.ProofPlan(**{**params, **sizes, **lists})
    proof.check_images(Runner(), plan)
    for line in plan.hardware.not_tried:
        warn(f"the boots do not follow the property {line}")
    seen = {} if check_mode else proof.prove(Runner(), plan)
    return {"changed": False, "not_tried": list(plan.hardware.not_tried), **seen}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "image": {"type": "path"},
            "root": {"type": "path"},
            "initramfs": {"type": "path"},
            "kernel": {"type": "path"},
            "ramdisk": {"type": "path"},
            "user": {"type": "str", "required": True},
            "firmwares": {"type": "list", "elements": "str", "choices": ["bios", "uefi"], "default": ["bios"]},
            "architecture": {"type": "str", "choices": ["amd64", "arm64"], "default": "amd64"},
            "machines": {
                "type": "list",
                "elements": "str",
                "choices": ["pc", "q35", "virt"],
                "default": ["pc", "q35"],
            },
            "instance_data": {
                "type": "list",
                "elements": "str",
                "choices": ["metadata", "openstack", "ec2", "config_drive", "static_network"],
                "default": ["metadata", "config_drive"],
            },
            "hostname": {"type": "str", "default": "goldsmith-verify"},
            "disk_size": {"type": "str", "default": "6G"},
            "reserved": {"type": "int", "default": 0},
            "grows": {"type": "bool", "default": True},
            "memory": {"type": "str", "default": "1G"},
            "timeout": {"type": "int", "default": 600},
            "parallel": {"type": "int", "default": 0},
            "properties": {"type": "dict", "default": {}},
            "console_log": {"type": "path"},
            "cache_dir": {"type": "path"},
        },
        required_one_of=[("image", "root", "initramfs")],
        required_together=[("root", "ramdisk")],
        required_by={"root": ["kernel"], "initramfs": ["kernel"]},
        supports_check_mode=True,
    )
    run_module(module, lambda: run(module.params, module.check_mode, module.warn))


if __name__ == "__main__":
    main()
