#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: disk_extract
short_description: Take root file system, kernel and initrd out of a disk image, or the files of a system
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - Takes a disk image apart, into the files of a triplet, or into a folder with its system. The kernel of the host
    mounts nothing; links inside the image are not followed out of it, and of a foreign image nothing is executed.
  - The root file system may lie in a partition or in an LVM volume, which is found and put together without lvm2.
  - The kernel is the one that GRUB starts by itself, by C(grub.cfg), its environment and the boot loader entries, if
    it has an initramfs; else the newest in /boot that has one.
  - A file system that was not unmounted, or has errors, is refused unless O(repair) is set.
  - The root file system is ext2, ext3, ext4, xfs or btrfs, and only ext is repaired. Of a btrfs, the system is in its
    default subvolume, or in the only other one that has C(/etc); the subvolumes that its fstab mounts are part of it,
    and those of snapper are not.
  - In place of a disk image O(src) may be a folder with a root file system, or a tar of one. Its C(/etc) is at the top.
requirements:
  - qemu-img, sfdisk, e2fsprogs
  - for a compressed tar the program that unpacks it
  - for O(tree) Linux namespaces, and for ordinary users subordinate ids
attributes:
  check_mode:
    support: full
    description: Files are made beside the present ones, compared and dropped; a tree is only planned.
  diff_mode: {description: Lists the files that change., support: full}
  idempotent:
    support: full
    description: A file that holds the same bytes is kept, and a tree that was made from the same disk.
  platform: {description: Linux., support: full, platforms: posix}
options:
  src:
    description: The disk image, or a bare file system image, in a format that qemu-img knows and that keeps all in
      one file, such as raw, qcow2, VHD and VMDK (C(monolithicSparse), C(streamOptimized)). An image that names other
      files, or is encrypted, is refused. Or a folder, without what is mounted in it, or a tar, which gzip, xz,
      zstd or bzip2 may have compressed; then only O(tree) can be made. An ordinary user's folder may hold files of that
      user, which become root's, and of the subordinate ids.
    type: path
    required: true
  src_format:
    description: Format of O(src), as qemu-img names it. The default is found by its first bytes, which the guest of a
      raw disk can write as it likes.
    type: str
    choices: [raw, qcow2, vpc, vmdk, vdi, vhdx]
  partition:
    description: Number of the partition with the root file system, or with its volume group. The default is the only
      one with such a file system, or of several the only one with C(/etc).
    type: int
  volume:
    description: Logical volume with the root file system, as C(group/volume) or by its own name. The default is found
      as for O(partition). Volumes of one row of extents, or several, can be read; striped ones and those of other
      types cannot.
    type: str
  root:
    description: File for the root file system, exactly as long as it.
    type: path
  kernel:
    description: File for the kernel.
    type: path
  ramdisk:
    description: File for the initrd.
    type: path
  tree:
    description:
      - Folder for the files of the system, with owners, modes, times, extended attributes, hard links, holes and
        devices. It must be missing or empty, and below a folder that other accounts cannot enter.
      - The other file systems of the disk that C(/etc/fstab) mounts at every boot or on demand (C(x-systemd.automount))
        are part of it, by UUID, LABEL, PARTUUID, PARTLABEL, as a volume by each of its names, or as a partition of the
        first disk or of the one that the root is named on. A name that may mean what no other line does is refused.
      - Of C(/dev) only the folder is made. An ordinary user cannot make devices, nor set some attributes; both are
        counted in RV(filesystems).
      - With O(kernel) and O(ramdisk), these come out of the tree.
    type: path
  root_source:
    description: What C(/etc/fstab) of O(tree) shall mount on C(/). Its lines for what was laid into the tree, for
      swap and for other devices that an image cannot have are taken out then, and swap files with the units that start
      them. Bind mounts and network file systems stay. The arguments of the kernel and the boot loader entries name it
      too. Empty to leave all files as they are.
    type: str
    default: LABEL=cloudimg-rootfs
  root_filesystem:
    description: Kind of the file system that the tree will lie in. A root that was an xfs or a btrfs is mounted as this
      one by C(/etc/fstab), with its usual options.
    type: str
    choices: [ext2, ext3, ext4, xfs, btrfs]
    default: ext4
  repair:
    description: Let e2fsck repair, in a copy, a file system that is not clean or has errors. The image itself is
      never written to.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Take a disk apart
  goldsmith.openstack.disk_extract:
    src: debian.raw
    root: debian.ext4
    kernel: debian.vmlinuz
    ramdisk: debian.initrd

- name: Take the root out of a volume group
  goldsmith.openstack.disk_extract:
    src: captured.raw
    volume: vg0/root
    root: captured.ext4

- name: Turn a captured disk into a folder, to make images of it
  goldsmith.openstack.disk_extract:
    src: captured.qcow2
    tree: /root/capture/tree

- name: The same of the files of a machine
  goldsmith.openstack.disk_extract:
    src: captured.tar.zst
    tree: /root/capture/tree
"""

RETURN = r"""
format: {description: "Format of the image, V(folder) or V(tar).", type: str, returned: success, sample: qcow2}
virtual_size: {description: Size of the disk in bytes., type: int, returned: for a disk image}
start: {description: "Where the root file system begins in the disk, in bytes.", type: int, returned: for a disk image}
root_size: {description: Its size in bytes., type: int, returned: for a disk image}
repaired: {description: Whether it had to be repaired., type: bool, returned: for a disk image}
partition: {description: Number of its partition., type: int, returned: when the disk has a partition table}
volume: {description: "Its logical volume, as C(group/volume).", type: str, returned: when it lies in LVM}
kernel_version:
  description: Version of the kernel that was taken.
  type: str
  returned: when O(kernel), O(ramdisk) or O(tree) is given
filesystems:
  description: What was laid into the tree, the root first.
  type: list
  elements: dict
  returned: when O(tree) is given
  contains:
    mountpoint: {description: Where it is in the tree., type: str}
    partition: {description: "Number of its partition, or of the one that its volume begins in.", type: int}
    volume: {description: Its logical volume., type: str}
    subvolume: {description: "The subvolume of a btrfs, where it is not the default one.", type: str}
    filesystem: {description: "V(ext2), V(ext3), V(ext4), V(xfs) or V(btrfs); V(folder) or V(tar).", type: str}
    uuid: {description: Its UUID., type: str}
    label: {description: Its label., type: str}
    size_of_filesystem: {description: Its size in bytes., type: int}
    repaired: {description: Whether it had to be repaired., type: bool}
    files: {description: "How many files were made, hard links counted once.", type: int}
    size: {description: "The sizes of its regular files together, in bytes.", type: int}
    hard_links: {description: How many further names files have., type: int}
    devices_left_out: {description: How many device files this user could not make., type: int}
    attributes_left_out:
      description: How many extended attributes this user or the tree's file system did not take, by their names.
      type: dict
os:
  description: What the system says in its os-release, C(id), C(version), C(codename) and C(name).
  type: dict
  returned: when O(tree) is given, except in check mode
  sample: {"codename": "trixie", "id": "debian", "name": "Debian GNU/Linux 13 (trixie)", "version": "13"}
left_out:
  description: Lines of C(/etc/fstab) that were not followed, with C(source), C(mountpoint), C(reason), and whether
    the line was C(dropped). Each that was is a warning as well.
  type: list
  elements: dict
  returned: when O(tree) is given
rewritten:
  description: Files with arguments of the kernel, and boot loader entries, that name O(root_source) now, and no volume
    of the disk for dracut any more.
  type: list
  elements: str
  returned: when O(tree) is given, except in check mode
seconds: {description: Seconds that the steps took., type: dict, returned: for a disk image}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

ARGUMENT_SPEC = {
    "src": {"type": "path", "required": True},
    "src_format": {"type": "str", "choices": ["raw", "qcow2", "vpc", "vmdk", "vdi", "vhdx"]},
    "partition": {"type": "int"},
    "volume": {"type": "str"},
    "root": {"type": "path"},
    "kernel": {"type": "path"},
    "ramdisk": {"type": "path"},
    "tree": {"type": "path"},
    "root_source": {"type": "str", "default": "LABEL=cloudimg-rootfs"},
    "root_filesystem": {"type": "str", "choices": ["ext2", "ext3", "ext4", "xfs", "btrfs"], "default": "ext4"},
    "repair": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC, supports_check_mode=True, required_one_of=[("root", "kernel", "ramdisk", "tree")]
    )
    params = module.params
    run_module(
        module,
        lambda: extract.extract(
            Runner(),
            params["src"],
            extract.Outputs(params["root"], params["kernel"], params["ramdisk"], params["tree"]),
            extract.Request(
                params["partition"],
                params["volume"] or None,
                params["repair"],
                params["root_source"],
                params["root_filesystem"],
            ),
            format=params["src_format"],
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
