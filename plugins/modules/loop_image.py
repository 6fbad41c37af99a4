#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: loop_image
short_description: Make, attach and mount disk image files
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Makes a disk image or a bare file system image from a layout and, if given, from the tree of a root file system,
    boot loader included.
  - The image is written by user-space tools at byte offsets. O(state=present) needs no privileges, loop device,
    device-mapper or mount; an ordinary user needs a range of subordinate ids for a tree with files of several owners.
  - The same layout and the same tree give the same bytes, so a second run changes nothing.
  - An xfs has 300 MiB or more, a btrfs 130 MiB. Both are written by our own code.
  - O(state=attached) and O(state=mounted) give people loop devices (by offset, without a partition scan) and mounts
    on their host. They are found again by the backing file.
requirements:
  - sfdisk, e2fsprogs, losetup; dosfstools, mtools and grub-mkimage for boot loaders
attributes:
  check_mode:
    support: full
    description: With O(tree) the image is made beside the present one, compared and dropped. Only the times of the
      tree's files are then set as described there.
  diff_mode: {description: Shows the size and the partitions., support: full}
  idempotent:
    support: full
    description: An image with a tree is made again and replaced only when its bytes differ.
  platform: {description: Linux., support: full, platforms: posix}
options:
  path:
    description: The image file, raw.
    type: path
    required: true
  state:
    description:
      - V(present) makes the image. Without O(tree) an existing image is kept, and one of another layout is an error.
      - V(attached) gives a loop device to every partition, and to the logical volumes in the place of theirs. Needs
        root.
      - V(mounted) mounts one file system on O(mountpoint). Needs root.
      - V(detached) unmounts the image and takes its loop devices away.
      - V(absent) does the same and removes the file.
    type: str
    choices: [present, attached, mounted, detached, absent]
    default: present
  label:
    description: Partition table. V(none) is a bare file system. The default is V(mbr) for O(firmware=bios), V(gpt) for
      O(firmware=uefi), O(firmware=hybrid) and O(volume_groups), else V(none).
    type: str
    choices: [none, mbr, gpt]
  size:
    description: Size of the whole image, for example V(10G), in powers of 1024. V(auto) is as small as O(tree) allows.
    type: str
    default: auto
  tree:
    description: Folder with the root file system. Its files newer than O(epoch) get O(epoch) as modification time.
    type: path
  filesystem:
    description: File system of the root volume where O(partitions) is not given.
    type: str
    choices: [ext3, ext4, xfs, btrfs]
    default: ext4
  partitions:
    description:
      - The partitions in the order of the disk. The one named V(root) gets the tree; let it be the last, so that it
        can grow.
      - The default is one root partition, number 1, after what O(firmware) needs; with O(volume_groups) one of type
        V(lvm) in its place.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the volume, and of the partition in a GPT.
        type: str
        required: true
      number:
        description: Number of the partition. The default counts from 1.
        type: int
      type:
        description: Type of the partition. V(lvm) holds one of O(volume_groups).
        type: str
        choices: [linux, esp, bios_boot, lvm]
        default: linux
      filesystem:
        description: File system in it; one of type V(lvm) has none.
        type: str
        choices: [ext3, ext4, xfs, btrfs, vfat, none]
        default: ext4
      size:
        description: Size in powers of 1024. One partition may have none, it takes the rest or what the tree needs.
          One of type V(lvm) is as large as its volumes where O(size=auto).
        type: str
      label:
        description: Label of the file system. The default of the root volume is V(cloudimg-rootfs), of xfs V(rootfs).
        type: str
  volume_groups:
    description:
      - LVM volume groups, each in a partition of type V(lvm). They are written into the file without device-mapper and
        without lvm2, with extents of 4 MiB.
      - The volume named V(root) gets the tree, if no partition is named so. Let its partition be the last, so that the
        group can grow.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the group.
        type: str
        required: true
      partition:
        description: Name of its partition. The default is the name of the group.
        type: str
      volumes:
        description: The logical volumes, in the order of the disk.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: Name of the logical volume.
            type: str
            required: true
          size:
            description: Size in powers of 1024, rounded up to whole extents. One volume may have none, it takes the
              rest of the group, or what the tree needs where neither the image nor the partition has a size.
            type: str
          filesystem:
            description: File system in it, exactly as large as the volume.
            type: str
            choices: [ext3, ext4, xfs, btrfs, none]
            default: ext4
          label:
            description: >-
              Label of the file system. The default of the root volume is V(cloudimg-rootfs), of xfs V(rootfs).
            type: str
  firmware:
    description:
      - Makes the image bootable with the GRUB of the tree (Debian's packages grub-pc-bin and grub-efi-amd64-bin).
      - V(hybrid) boots by both.
    type: str
    choices: [none, bios, uefi, hybrid]
    default: none
  kernel_args:
    description: Kernel arguments for the first boot, beside the root.
    type: str
    default: ''
  title:
    description: Title of the boot entry.
    type: str
    default: Linux
  free:
    description: Percent of the root file system to leave free, with O(size=auto).
    type: float
    default: 5
  new_ids:
    description:
      - Whether each instance gives the root file system an id of its own. GRUB takes the root on the disk that it was
        loaded from then, passes its id to the kernel, and says C(goldsmith.new_ids) while that is the image's. The
        initramfs must change the id then, as those of the role C(openstack_guest) do.
      - The root must be an V(ext4) in a partition. Its GRUB must know the feature C(metadata_csum_seed) (Debian 12).
    type: bool
    default: false
  seed:
    description: All identifiers (of disk, partitions and file systems) are derived from this text. The default is the
      name of the file.
    type: str
  epoch:
    description: Time in seconds since 1970 that is written into the file systems. The default is the environment
      variable SOURCE_DATE_EPOCH, else the time of the newest package of O(tree).
    type: int
  mountpoint:
    description: Folder for O(state=mounted); it is made.
    type: path
  partition:
    description: Number of the partition to mount or attach. The default of O(state=mounted) is the only one with an ext
      file system, of O(state=attached) all.
    type: int
  volume:
    description: Logical volume to mount or attach, as C(group/volume) or by its own name, like O(partition). It must
      lie in one piece.
    type: str
  read_only:
    description: Attach or mount read-only.
    type: bool
    default: false
  durable:
    description: Whether the image that was made outlives a failure of the machine. That takes time, and is not needed
      for a file that is thrown away.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Make a disk that boots by BIOS from a tree
  goldsmith.openstack.loop_image:
    path: dist/debian.raw
    tree: /var/tmp/tree
    firmware: bios
    kernel_args: console=tty0 console=ttyS0,115200n8

- name: Make an empty disk with one partition for data
  goldsmith.openstack.loop_image:
    path: data.raw
    label: gpt
    size: 10G
    partitions:
      - name: data
        label: data

- name: Make a disk that boots by BIOS and UEFI, with its root and a volume for state in LVM
  goldsmith.openstack.loop_image:
    path: dist/debian.raw
    tree: /var/tmp/tree
    firmware: hybrid
    volume_groups:
      - name: system
        volumes:
          - name: root
          - name: state
            size: 1G
            label: state

- name: Look into a logical volume of an image
  goldsmith.openstack.loop_image:
    path: dist/debian.raw
    state: mounted
    volume: system/state
    mountpoint: /mnt/state
    read_only: true
  become: true

- name: Look into an image
  goldsmith.openstack.loop_image:
    path: dist/debian.raw
    state: mounted
    mountpoint: /mnt/debian
    read_only: true
  become: true
"""

RETURN = r"""
path: {description: The image file., type: str, returned: always}
size: {description: Size of the image in bytes., type: int, returned: always}
label: {description: Partition table., type: str, returned: state is present}
partitions:
  description:
    - The partitions, or the one bare file system, with number, name, start and size in bytes, type, filesystem, label
      and uuid.
    - One of type V(lvm) has RV(ignore:volumes), its logical volumes with name, device (in a running guest), start and
      size in bytes, filesystem, label and uuid. Its uuid is that of the physical volume.
  type: list
  elements: dict
  returned: state is present
kernel:
  description: Version of the kernel that the boot loader starts.
  type: str
  returned: state is present and there is a boot loader
epoch:
  description: Time that is written into the file systems, in seconds since 1970.
  type: int
  returned: state is present
devices:
  description: Loop device of each partition by its number, of each logical volume by C(group/volume); 0 is a bare file
    system.
  type: dict
  returned: state is attached
mountpoint: {description: Where the file system is mounted., type: str, returned: state is mounted}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import disk_layout, lifecycle
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stack

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "state": {
        "type": "str",
        "choices": ["present", "attached", "mounted", "detached", "absent"],
        "default": "present",
    },
    "label": {"type": "str", "choices": ["none", "mbr", "gpt"]},
    "size": {"type": "str", "default": "auto"},
    "tree": {"type": "path"},
    "filesystem": {"type": "str", "choices": ["ext3", "ext4", "xfs", "btrfs"], "default": "ext4"},
    "partitions": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "number": {"type": "int"},
            "type": {"type": "str", "choices": ["linux", "esp", "bios_boot", "lvm"], "default": "linux"},
            "filesystem": {
                "type": "str",
                "choices": ["ext3", "ext4", "xfs", "btrfs", "vfat", "none"],
                "default": "ext4",
            },
            "size": {"type": "str"},
            "label": {"type": "str"},
        },
    },
    "volume_groups": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "partition": {"type": "str"},
            "volumes": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "size": {"type": "str"},
                    "filesystem": {
                        "type": "str",
                        "choices": ["ext3", "ext4", "xfs", "btrfs", "none"],
                        "default": "ext4",
                    },
                    "label": {"type": "str"},
                },
            },
        },
    },
    "firmware": {"type": "str", "choices": ["none", "bios", "uefi", "hybrid"], "default": "none"},
    "kernel_args": {"type": "str", "default": ""},
    "title": {"type": "str", "default": "Linux"},
    "free": {"type": "float", "default": 5},
    "new_ids": {"type": "bool", "default": False},
    "seed": {"type": "str"},
    "epoch": {"type": "int"},
    "mountpoint": {"type": "path"},
    "partition": {"type": "int"},
    "volume": {"type": "str"},
    "read_only": {"type": "bool", "default": False},
    "durable": {"type": "bool", "default": True},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_if=[("state", "mounted", ["mountpoint"])]
    )
    params = module.params
    image = lifecycle.Image(params["path"], module.check_mode, Runner(), durable=params["durable"])
    selection = {
        "partition": params["partition"],
        "volume": params["volume"] or None,
        "read_only": params["read_only"],
    }
    actions = {
        "present": lambda: image.present(disk_layout.parse(params)),
        "attached": lambda: image.attached(**selection),
        "mounted": lambda: image.mounted(params["mountpoint"], **selection),
        "detached": image.detached,
        "absent": image.absent,
    }
    run_module(
        module,
        lambda: lifecycle.build(image, params["state"], actions),
        enter=lambda: stack.enter(module.params["tree"]),
    )


if __name__ == "__main__":
    main()
