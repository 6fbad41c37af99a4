#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert a disk image to another format."""

from __future__ import annotations

DOCUMENTATION = r"""
module: disk_convert
short_description: Convert a disk image to qcow2, VHD or raw
version_added: 1.0.0
author: "Goldsmith contributors (@goldsmith)"
description:
  - Converts a disk image with C(qemu-img). The new file appears whole or not at all.
  - The same source gives the same bytes, so an image that was made again has the same hash.
  - Nothing is written when O(dest) holds the same disk in the wanted format already.
requirements:
  - qemu-img
attributes:
  check_mode: {description: "The images are compared, nothing is written.", support: full}
  diff_mode: {description: "Shows format, size and compression of O(dest) before and after.", support: full}
  idempotent:
    support: full
    description: A second run compares the content of the two disks and leaves the file as it is.
  platform: {description: The systems on which the module works., support: full, platforms: posix}
options:
  src:
    description:
      - The image to convert.
      - Refused are images that refer to other files (backing file, external data file, VMDK) and encrypted ones.
    type: path
    required: true
  dest:
    description: The file to make. Its folder must exist.
    type: path
    required: true
  format:
    description: The format of O(dest).
    type: str
    choices: [qcow2, vhd, raw]
    default: qcow2
  src_format:
    description:
      - The format of O(src).
      - Without it the first bytes of the file decide. Set V(raw) for a raw disk whose content is not trusted.
    type: str
    choices: [raw, qcow2, vhd, vmdk, vdi, vhdx]
  compression:
    description:
      - How the clusters of a qcow2 image are compressed.
      - V(zstd) is smaller and much faster; the cloud needs QEMU 5.1 or newer. V(zlib) can be read by every QEMU.
    type: str
    choices: [zstd, zlib, none]
    default: zstd
  cluster_size:
    description:
      - The cluster size of a qcow2 image, for example V(256K). A power of two from V(512) to V(2M).
      - The default is V(256K) with O(compression=zstd), where it gives the smallest file, else V(64K).
      - Small clusters read faster at random places, large ones compress better, but their tables take more room.
    type: str
  subformat:
    description:
      - The kind of VHD. V(fixed) is a raw disk with a footer.
      - The size of the disk is kept exactly in both.
    type: str
    choices: [dynamic, fixed]
    default: dynamic
seealso:
  - module: goldsmith.openstack.loop_image
  - module: goldsmith.openstack.fs_minimize
"""

EXAMPLES = r"""
- name: Make the qcow2 image for the cloud
  goldsmith.openstack.disk_convert:
    src: dist/debian-13-amd64/debian-13-amd64.raw
    dest: dist/debian-13-amd64/debian-13-amd64.qcow2

- name: Make one that an old cloud can read
  goldsmith.openstack.disk_convert:
    src: /srv/images/debian.raw
    dest: /srv/images/debian-zlib.qcow2
    compression: zlib

- name: Make a VHD
  goldsmith.openstack.disk_convert:
    src: /srv/images/debian.raw
    dest: /srv/images/debian.vhd
    format: vhd
"""

RETURN = r"""
path: {description: The file O(dest)., returned: success, type: str, sample: /srv/images/debian.qcow2}
format: {description: Its format., returned: success, type: str, sample: qcow2}
virtual_size: {description: Size of the disk in bytes., returned: success, type: int, sample: 681574400}
source_size: {description: Size of the file O(src) in bytes., returned: success, type: int, sample: 681574400}
size:
  description: Size of the file O(dest) in bytes.
  returned: when the file exists; not in check mode that would change it
  type: int
  sample: 181228544
sha512:
  description: Hexadecimal hash of O(dest).
  returned: when the file exists; not in check mode that would change it
  type: str
  sample: 9b71d224bd62f3785d96d46ad3ea3d73
seconds: {description: Time that the comparison and the conversion took., returned: success, type: float, sample: 1.7}
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import parse_size
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import convert


def main() -> None:
    """Parse the options, convert, and describe the file."""
    module = AnsibleModule(
        argument_spec={
            "src": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
            "format": {"type": "str", "choices": ["qcow2", "vhd", "raw"], "default": "qcow2"},
            "src_format": {"type": "str", "choices": ["raw", "qcow2", "vhd", "vmdk", "vdi", "vhdx"]},
            "compression": {"type": "str", "choices": ["zstd", "zlib", "none"], "default": "zstd"},
            "cluster_size": {"type": "str"},
            "subformat": {"type": "str", "choices": ["dynamic", "fixed"], "default": "dynamic"},
        },
        supports_check_mode=True,
    )

    def work() -> dict[str, object]:
        values = dict(module.params)
        if values["cluster_size"] is not None:
            values["cluster_size"] = parse_size(values["cluster_size"], "cluster_size")
        conversion = convert.Conversion(**values)
        outcome = convert.run(Runner(), conversion, check_only=module.check_mode)
        result: dict[str, object] = {
            "changed": outcome.changed,
            "path": conversion.dest,
            "format": conversion.format,
            "virtual_size": outcome.after["virtual_size"],
            "source_size": os.path.getsize(conversion.src),
            "seconds": round(outcome.seconds, 2),
            "diff": {"before": outcome.before, "after": outcome.after},
        }
        if not (outcome.changed and module.check_mode):
            result.update(convert.facts(conversion.dest))
        return result

    run_module(module, work)


if __name__ == "__main__":
    main()
