#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot an image under QEMU and see whether it works."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_boot
version_added: 1.0.0
short_description: Boot an image under QEMU and see whether it works
description:
  - Boots a disk image, or a root file system with its kernel and ramdisk as OpenStack Compute boots a triplet, gives it
    instance data as a cloud does, waits until the account accepts the key of the instance, and tells what it saw.
  - The image itself is not changed, unless O(in_place) is set. A disk is booted over a copy-on-write layer, a root file
    system from a copy whose file and file system were grown beforehand. Both are gone afterwards.
  - Uses KVM where it really works, else emulation. Needs no privileges.
  - Fails with one line that says how far the guest came and what it wrote last.
options:
  state:
    description:
      - V(checked) boots, looks, and powers off. No process and no file but O(console_log) is left, however it ends.
      - V(running) leaves the guest up under the O(name) for other tools. It is started only if it does not run yet.
        To change anything about it, stop it first.
      - V(stopped) ends that guest, and removes all that belongs to it but an O(image) with O(in_place).
    type: str
    choices: [checked, running, stopped]
    default: checked
  image:
    description:
      - Path of a disk image (qcow2, raw or vhd), or of a root file system if O(kernel) and O(ramdisk) are given.
      - Without it O(kernel) and O(ramdisk) are started without a disk. The ramdisk is the whole system then, and
        O(memory) must hold it packed and twice unpacked.
      - An image with a backing file or an external data file is refused.
    type: path
  user:
    description: Account of the guest that is to accept the key. Required unless O(state) is V(stopped).
    type: str
  kernel:
    description: Kernel of a triplet. O(image) is its root file system then.
    type: path
  ramdisk:
    description: Ramdisk of a triplet.
    type: path
  kernel_args:
    description: Arguments for O(kernel). The default is what OpenStack Compute gives, as C(root=/dev/vda console=tty0
      console=ttyS0 console=hvc0 no_timer_check), and without O(image) the consoles only.
    type: str
  architecture:
    description: Architecture of the image. One that is not the host's is emulated.
    type: str
    choices: [amd64, arm64]
    default: amd64
  machine:
    description: Machine type, of those of O(architecture). The default is V(q35), and V(virt) for arm64.
    type: str
    choices: [pc, q35, virt]
  firmware:
    description: Firmware that starts the disk. V(uefi) needs OVMF, or AAVMF for arm64, which has no V(bios).
    type: str
    choices: [bios, uefi]
    default: bios
  disk_size:
    description:
      - Size of the disk that the guest gets, with C(M), C(G) or C(T), or bytes.
      - The image's own size if that is larger.
    type: str
    default: 6G
  memory:
    description: Memory of the guest, with C(M) or C(G), or bytes.
    type: str
    default: 1G
  cpus:
    description:
      - Number of processors of the guest. The default is 2, and 1 under emulation.
      - There a kernel that patches its own code while another processor runs it crashes now and then.
    type: int
  accelerator:
    description: V(auto) takes KVM if a machine that it runs executes instructions, and emulation otherwise.
    type: str
    choices: [auto, kvm, tcg]
    default: auto
  instance_data:
    description:
      - How the guest gets its host name, key and user data.
      - V(metadata) is the metadata service on 169.254.169.254 as OpenStack Compute offers it, V(openstack) and V(ec2)
        only one of its two forms. V(config_drive) is a disk labelled C(config-2).
      - As in a cloud, C(network_data.json) names the card and DHCP. With V(static_network) it has an address, in a
        config drive, and the guest is reached only there, not at the address that DHCP offers.
      - With V(none) the login is tried only if O(ssh_key) is given. The guest is up with its login prompt otherwise.
    type: str
    choices: [metadata, openstack, ec2, config_drive, static_network, none]
    default: metadata
  hostname:
    description: Host name in the instance data.
    type: str
    default: goldsmith-guest
  user_data:
    description: User data, for example a script or a cloud-config.
    type: str
    default: ""
  ssh_key:
    description: Private key without passphrase whose public part goes into the instance data. By default a pair is made
      for each boot.
    type: path
  outbound:
    description: Whether the guest may connect to the host and its networks. With O(instance_data=ec2) it always may,
      since cloud-init needs a network with a router there.
    type: bool
    default: false
  timeout:
    description: Seconds from the start until the guest has finished its own start. Also the limit for each command.
    type: int
    default: 300
  in_place:
    description: Let the guest write to O(image) itself, a disk image of your own, which is as large as it is whatever
      O(disk_size) says.
    type: bool
    default: false
  with_run:
    description: With O(state=running), whether the guest ends when the playbook run that started it is gone.
    type: bool
    default: false
  power_off:
    description: With O(state=stopped), the seconds in which the guest has to power off by itself after its power button
      was pressed. V(0) ends it at once, as a cloud deletes an instance.
    type: int
    default: 0
  properties:
    description:
      - Properties that the image has in Glance. The guest gets the hardware that OpenStack Compute gives by them, as
        C(hw_disk_bus), C(hw_scsi_model), C(hw_cdrom_bus), C(hw_vif_model), C(hw_rng_model) and C(hw_machine_type).
      - Other names have no effect. What would change how the guest starts, and cannot be done here, is warned of.
    type: dict
    default: {}
  console_log:
    description: Path where the log of the serial console is written, also when the boot fails.
    type: path
  commands:
    description: Commands to run in the guest as O(user).
    type: list
    elements: str
    default: []
  cache_dir:
    description:
      - Cache folder. In its folder C(boots) it is kept how long the stages of the last boots took; the progress of the
        next ones is estimated from that. Nothing is kept by default.
    type: path
  name:
    description: Name of the guest that goes on running.
    type: str
    default: guest
  directory:
    description: Where guests that go on running have their files.
    type: path
    default: ~/.cache/goldsmith/guests
requirements:
  - qemu-system-x86_64, or qemu-system-aarch64 for arm64, and qemu-img
  - ssh and ssh-keygen
  - xorrisofs, genisoimage or mkisofs for a config drive
  - e2fsprogs for a triplet
attributes:
  check_mode: {description: Checks the parameters and boots nothing., support: full}
  diff_mode: {description: "Shows whether the guest runs, before and after.", support: full}
  idempotent: {description: O(state=checked) boots each time and changes nothing., support: full}
  platform: {description: Linux., support: full, platforms: posix}
author:
  - Goldsmith contributors (@goldsmith)
seealso:
  - module: goldsmith.openstack.image_prove
  - module: goldsmith.openstack.image_audit_info
"""

EXAMPLES = r"""
- name: See whether an image boots and accepts the instance's key
  goldsmith.openstack.image_boot:
    image: dist/debian-13-amd64/debian-13-amd64.qcow2
    user: debian
    console_log: dist/debian-13-amd64/console.log
  register: boot

- name: Boot a triplet as OpenStack Compute does
  goldsmith.openstack.image_boot:
    image: dist/debian-13-amd64/debian-13-amd64.ext4
    kernel: dist/debian-13-amd64/debian-13-amd64.vmlinuz
    ramdisk: dist/debian-13-amd64/debian-13-amd64.initrd
    user: debian

- name: Boot by UEFI with a config drive, and ask something
  goldsmith.openstack.image_boot:
    image: image.qcow2
    user: debian
    firmware: uefi
    instance_data: config_drive
    user_data: |
      #!/bin/sh
      touch /run/was-here
    commands: [ls /run/was-here, sudo nft list ruleset]

- name: Leave a guest up for tests
  goldsmith.openstack.image_boot:
    state: running
    name: web
    image: image.qcow2
    user: debian
  register: guest

- name: Remove it
  goldsmith.openstack.image_boot:
    state: stopped
    name: web
"""

RETURN = r"""
seconds_to_kernel:
  description: Seconds until the kernel wrote to the serial console; null if it never did.
  returned: when a guest was started or runs
  type: float
  sample: 1.6
seconds_to_sshd:
  description: Seconds until an ssh server answered.
  returned: when a guest was started or runs
  type: float
seconds_to_ssh:
  description: Seconds until the account accepted the key; null if no login was tried.
  returned: when a guest was started or runs
  type: float
seconds_to_login:
  description: Seconds until a login prompt stood on the serial console; null if none came.
  returned: when a guest was started or runs
  type: float
accelerator:
  description: How the guest was run, C(kvm) or C(tcg) (emulation).
  returned: when a guest was started or runs
  type: str
console_tail:
  description: Last lines of the serial console.
  returned: when a guest was started or runs, and on failure
  type: list
  elements: str
  sample: ["Debian GNU/Linux 13 goldsmith-guest ttyS0", "goldsmith-guest login: "]
reached: {description: How far the guest came., returned: on failure, type: str}
account: {description: Account that accepted the key., returned: after a login, type: str}
hostname: {description: Host name that the guest has., returned: after a login, type: str}
root_device: {description: Device of the root file system., returned: after a login, type: str}
root_fstype: {description: Type of the root file system., returned: after a login, type: str}
root_size:
  description: Size of the mounted root file system in bytes, without its own tables.
  returned: after a login
  type: int
disk_size:
  description: Size in bytes of the disk that the guest got.
  returned: when a guest was started or runs
  type: int
system_state:
  description: What systemd says of the system after its start; null without systemd.
  returned: after a login
  type: str
failed_units:
  description: Units of systemd that failed; null if that could not be asked.
  returned: after a login
  type: list
  elements: str
cloud_init:
  description: Outcome of cloud-init (C(status), C(datasource), C(errors), C(warnings)); null without it.
  returned: after a login
  type: dict
  sample: {"status": "done", "datasource": "DataSourceOpenStackLocal [net,ver=2]", "errors": [], "warnings": []}
guest_os: {description: Name of the system., returned: after a login, type: str}
guest_firmware:
  description: Firmware as the guest sees it, C(bios) or C(uefi).
  returned: after a login
  type: str
kernel_release: {description: Release of the kernel., returned: after a login, type: str}
kernel_cmdline: {description: Arguments of the kernel., returned: after a login, type: str}
machine_id: {description: Machine id of the guest., returned: after a login, type: str}
ssh_host_keys:
  description: Fingerprints of the host keys.
  returned: after a login
  type: list
  elements: str
  sample: ["256 SHA256:20UVgORqGwPcaVKFjiSzmhaf1eb4KjiNJmqdMRNkNvY root@goldsmith-guest (ED25519)"]
commands:
  description: Each command with its results (C(cmd), C(rc), C(stdout), C(stderr)).
  returned: when a guest was started
  type: list
  elements: dict
  sample: [{"cmd": "id -un", "rc": 0, "stdout": "debian", "stderr": ""}]
powered_off:
  description: Whether the guest powered off by itself when its power button was pressed.
  returned: when O(state=checked)
  type: bool
ssh:
  description: Where the guest is reached (C(host), C(port), C(user), C(key)).
  returned: when O(state=running)
  type: dict
  sample: {"host": "127.0.0.1", "port": 37669, "user": "debian", "key": "/home/me/.cache/goldsmith/guests/guest/key"}
not_tried:
  description: Those of O(properties) that change how a guest starts, and that the boot did not follow.
  returned: when O(state=checked) or O(state=running)
  type: list
  elements: str
  sample: ["hw_tpm_model=tpm-crb"]
pid: {description: Process id of QEMU., returned: when O(state=running), type: int}
console_log:
  description: Log of the serial console, which goes on growing.
  returned: when O(state=running)
  type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import boot, boot_plan
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.instance import Instance
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import parse_size

_SIZES = ("disk_size", "memory")
# Parameters that are not of the boot itself.
_OTHER = ("state", "name", "directory", "commands", "with_run", "power_off")


def _plan(module: AnsibleModule) -> boot_plan.BootPlan:
    params = module.params
    options = {name: value for name, value in params.items() if name not in (*_SIZES, *_OTHER)}
    sizes = {name: parse_size(params[name], name) for name in _SIZES}
    plan = boot_plan.BootPlan(**options, **sizes, commands=tuple(params["commands"]))
    boot.check_image(Runner(), plan)
    for line in plan.hardware.not_tried:
        module.warn(f"the boot does not follow the property {line}")
    return plan


def _work(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    if params["state"] == "checked":
        plan = _plan(module)
        seen = {} if module.check_mode else boot.check(Runner(), plan)
        return {"changed": False, "not_tried": list(plan.hardware.not_tried), **seen}
    instance = Instance(params["directory"], params["name"])
    ran = instance.runs
    seen = {}
    if params["state"] == "stopped":
        changed = instance.exists if module.check_mode else instance.stop(grace=params["power_off"])
    else:
        plan = _plan(module)
        changed = not ran
        if not module.check_mode:
            changed, seen = instance.start(Runner(), plan, with_run=params["with_run"])
        seen["not_tried"] = list(plan.hardware.not_tried)
    states = ("running" if ran else "stopped", params["state"])
    diff = {moment: f"{params['name']} {state}\n" for moment, state in zip(("before", "after"), states)}
    return {"changed": changed, "diff": diff, **seen}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["checked", "running", "stopped"], "default": "checked"},
            "image": {"type": "path"},
            "user": {"type": "str"},
            "kernel": {"type": "path"},
            "ramdisk": {"type": "path"},
            "kernel_args": {"type": "str"},
            "architecture": {"type": "str", "choices": ["amd64", "arm64"], "default": "amd64"},
            "machine": {"type": "str", "choices": ["pc", "q35", "virt"]},
            "firmware": {"type": "str", "choices": ["bios", "uefi"], "default": "bios"},
            "disk_size": {"type": "str", "default": "6G"},
            "memory": {"type": "str", "default": "1G"},
            "cpus": {"type": "int"},
            "accelerator": {"type": "str", "choices": ["auto", "kvm", "tcg"], "default": "auto"},
            "instance_data": {"type": "str", "choices": list(boot_plan.INSTANCE_DATA), "default": "metadata"},
            "hostname": {"type": "str", "default": "goldsmith-guest"},
            "user_data": {"type": "str", "default": ""},
            "ssh_key": {"type": "path", "no_log": False},
            "outbound": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 300},
            "in_place": {"type": "bool", "default": False},
            "with_run": {"type": "bool", "default": False},
            "power_off": {"type": "int", "default": 0},
            "properties": {"type": "dict", "default": {}},
            "console_log": {"type": "path"},
            "commands": {"type": "list", "elements": "str", "default": []},
            "cache_dir": {"type": "path"},
            "name": {"type": "str", "default": "guest"},
            "directory": {"type": "path", "default": "~/.cache/goldsmith/guests"},
        },
        required_if=[("state", "checked", ["user"]), ("state", "running", ["user"])],
        required_together=[("kernel", "ramdisk")],
        supports_check_mode=True,
    )
    run_module(module, lambda: _work(module))


if __name__ == "__main__":
    main()
