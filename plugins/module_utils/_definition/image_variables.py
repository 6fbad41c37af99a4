# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that say what an image is."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import checks, personal
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.build_variables import BUILD
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import Variable, grouped
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal import NAMES as SEAL_STEPS

DISKS = ("qcow2", "raw", "vhd")
FORMATS = (*DISKS, "triplet", "ramdisk")
FILESYSTEMS = ("ext3", "ext4", "xfs", "btrfs")

IMAGE = (
    *grouped(
        "The system",
        Variable(
            "name",
            "text",
            "",
            "Name in Glance and of the files.",
            check=checks.file_name,
            shown="<distribution>-<version>-<architecture>",
        ),
        Variable(
            "distribution",
            "text",
            "debian",
            "Distribution: debian, or NAMESPACE.COLLECTION.NAME for one of your own.",
            check=checks.axis,
        ),
        Variable(
            "release",
            "text",
            "",
            "Release by its code name or version, or latest. Empty for the distribution's own choice, the newest "
            "stable one.",
            check=checks.line,
            shown="trixie",
        ),
        Variable(
            "architecture",
            "text",
            "amd64",
            "Architecture of the image: amd64, arm64, or NAMESPACE.COLLECTION.NAME.",
            check=checks.axis,
        ),
        Variable(
            "resize",
            "text",
            "cloud_init",
            "How the root file system grows to the flavour's disk: cloud_init, lvm, xen, or NAMESPACE.COLLECTION.NAME.",
            check=checks.axis,
        ),
        Variable(
            "agent",
            "text",
            "",
            "Who applies the instance data: cloud_init, or goldsmith, a small agent without Python.",
            check=checks.axis,
            shown="the strategy's",
        ),
        Variable(
            "firmware",
            "text",
            "",
            "What the disk boots by. hybrid boots by both.",
            choices=("bios", "uefi", "hybrid"),
            shown="bios; with image_architecture=arm64 uefi",
        ),
        Variable(
            "filesystem",
            "text",
            "ext4",
            "File system of the root. An xfs has 300 MiB or more, a btrfs 130 MiB.",
            choices=FILESYSTEMS,
        ),
        Variable(
            "new_ids",
            "flag",
            True,
            "Whether each instance gives its root file system an id of its own, where that can be: Debian 12 or Ubuntu "
            "24.04 and later, with an ext4 and image_resize=cloud_init.",
        ),
        Variable(
            "volumes",
            "records",
            [],
            "Logical volumes beside the root, with image_resize=lvm.",
            fields=(
                Variable("name", "text", None, "Name of the volume.", check=checks.volume_name),
                Variable("size", "text", None, "Size in powers of 1024, as 2G.", check=checks.size),
                Variable(
                    "mountpoint", "text", "", "Where it is mounted. Without one it is not.", check=checks.mountpoint
                ),
                Variable("filesystem", "text", "ext4", "Its file system.", choices=FILESYSTEMS),
            ),
        ),
        Variable(
            "formats",
            "words",
            [],
            "What is made. triplet is kernel, initramfs and root file system; ramdisk is a kernel with an initramfs "
            "that is the whole system, for machines that run in memory.",
            choices=FORMATS,
            shown="qcow2, triplet; with image_resize=xen vhd, triplet",
        ),
        Variable(
            "compression",
            "text",
            "zstd",
            "Compression of the qcow2. zstd is smaller and faster, and needs QEMU 5.1 or newer on the cloud.",
            choices=("zstd", "zlib"),
        ),
    ),
    *BUILD,
    *grouped(
        "What is in it",
        Variable(
            "packages",
            "words",
            [],
            "Packages to add. With apt NAME=VERSION and NAME/SUITE choose among versions, with dnf NAME-VERSION, with "
            "zypper NAME=VERSION. A kernel among them takes the place of the usual one.",
            check=checks.package,
        ),
        Variable(
            "kernel",
            "text",
            "",
            "The kernel: cloud, the distribution's for clouds; generic, with the drivers of real hardware, for bare "
            "metal and devices that are passed through; backports (Debian); or the name of a package.",
            check=checks.package,
            shown="cloud, or the kernel in image_packages",
        ),
        Variable("roles", "words", [], "Roles to run in the image, by name or path.", check=checks.role),
        Variable(
            "roles_always",
            "words",
            [],
            "Of image_roles those that run at each build, whatever is kept; the roles behind the first of them too.",
            check=checks.role,
        ),
        Variable(
            "user",
            "text",
            "",
            "Account that gets the instance's key.",
            check=checks.account,
            shown="the distribution's",
        ),
        Variable(
            "locales",
            "words",
            [],
            "Locales to generate; the first is the system's. Empty for C.UTF-8.",
            check=checks.locale_name,
        ),
        Variable("timezone", "text", "UTC", "Time zone, as Europe/Berlin.", check=checks.time_zone),
        Variable(
            "authorized_keys",
            "lines",
            [],
            "Public keys that the account accepts besides the instance's: whole lines, in a list.",
            check=checks.public_key,
        ),
        Variable(
            "local_configuration",
            "words",
            [],
            "What of the person who builds goes into the image: proxy, what the environment of the build says in "
            "http_proxy, https_proxy and no_proxy; ssh_keys, the public keys in ~/.ssh of the control node, for the "
            "account. Such an image is neither public nor community.",
            choices=personal.CHOICES,
        ),
        Variable(
            "seal_skip", "words", [], "Steps of the cleaning (module tree_seal) that are left out.", choices=SEAL_STEPS
        ),
    ),
)
