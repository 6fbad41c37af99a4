# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a publication: a disk, a triplet of kernel, ramdisk and root file system, or a kernel and ramdisk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import description
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import ImageSpec
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.payload import Content
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.request import Request
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import recognition as image_content

RAMDISK = "ari"
BARE_FORMATS = ("qcow2", "raw", "vhd")


@dataclass(frozen=True)
class Part:
    """One of the images of a publication. *part* is C(kernel), C(ramdisk) or C(image)."""

    part: str
    spec: ImageSpec
    content: Content

    def naming(self, ids: Mapping[str, str]) -> Part:
        """Return the part with the ids of the kernel and the ramdisk, where it is what names them."""
        names = {f"{name}_id": ids[name] for name in ("kernel", "ramdisk") if name in ids}
        return self.having(names) if self.part == "image" else self

    def having(self, properties: Mapping[str, str]) -> Part:
        """Return the part with more properties."""
        return replace(self, spec=replace(self.spec, properties={**self.spec.properties, **properties}))


def parts_of(request: Request) -> list[Part]:
    """Return the parts of a publication, checked, a kernel and a ramdisk before what names them."""
    in_memory = request.disk_format == RAMDISK
    if in_memory and (request.ramdisk or not request.kernel):
        raise OptionError("disk_format", RAMDISK, "image is the ramdisk; give its kernel beside it, and no other")
    if not in_memory and bool(request.kernel) != bool(request.ramdisk):
        missing, there = ("ramdisk", "kernel") if request.kernel else ("kernel", "ramdisk")
        raise OptionError(missing, "", f"a triplet has a kernel and a ramdisk, and {there} is given")
    common = {"visibility": request.visibility or "private", "tags": request.tags}
    main = {
        **common,
        "min_disk": request.min_disk,
        "min_ram": request.min_ram,
        # Glance keeps text only; True and False are what Compute reads.
        "properties": {name: None if value in (None, "") else str(value) for name, value in request.properties.items()},
    }
    image = Content(request.image, image_content.size_of(request.image, "image"), request.sha512)
    if in_memory and request.kernel:
        return _in_memory(request, request.kernel, ImageSpec(request.name, RAMDISK, RAMDISK, **main), image)
    if not (request.kernel and request.ramdisk):
        disk_format = _bare_format(request)
        _require_room(request)
        return [Part("image", ImageSpec(request.name, disk_format, "bare", **main), image)]
    if request.disk_format:
        raise OptionError("disk_format", request.disk_format, "a triplet has formats of its own", hint="leave it out")
    names = request.piece_names
    for option, name in zip(("kernel_name", "ramdisk_name"), names):
        if name == request.name or names[0] == names[1]:
            raise OptionError(option, name, "kernel, ramdisk and root file system need a name each")
    kernel = Content(request.kernel, image_content.size_of(request.kernel, "kernel"))
    ramdisk = Content(request.ramdisk, image_content.size_of(request.ramdisk, "ramdisk"))
    image_content.require_kernel(request.kernel, "kernel")
    image_content.require_root_file_system(request.image, "image")
    _require_room(request)
    return [
        Part("kernel", ImageSpec(names[0], "aki", "aki", **common), kernel),
        Part("ramdisk", ImageSpec(names[1], "ari", "ari", **common), ramdisk),
        Part("image", ImageSpec(request.name, "ami", "ami", **main), image),
    ]


def _in_memory(request: Request, kernel: str, spec: ImageSpec, image: Content) -> list[Part]:
    """Return a kernel and the ramdisk that names it: a system that runs in memory, as Ironic's deploy ramdisk."""
    image_content.require_kernel(kernel, "kernel")
    name = request.piece_names[0]
    if name == request.name:
        raise OptionError("kernel_name", name, "kernel and ramdisk need a name each")
    content = Content(kernel, image_content.size_of(kernel, "kernel"))
    pieces = {"visibility": request.visibility or "private", "tags": request.tags}
    return [Part("kernel", ImageSpec(name, "aki", "aki", **pieces), content), Part("image", spec, image)]


def _require_room(request: Request) -> None:
    virtual_size = image_content.virtual_size(request.image)
    description.require_room(request.min_disk, virtual_size, os.path.basename(request.image))


def _bare_format(request: Request) -> str:
    found = image_content.disk_format_of(request.image)
    image_content.require_self_contained(request.image, "image")
    given = request.disk_format
    if given and found and given != found:
        raise OptionError("disk_format", given, f"{os.path.basename(request.image)} is {found}", hint="leave it out")
    disk_format = given or found
    if disk_format is None:
        raise OptionError("image", request.image, "its format cannot be told", hint="set disk_format")
    if disk_format not in BARE_FORMATS:
        raise OptionError(
            "image", request.image, f"{disk_format} is not supported", hint="convert it with disk_convert"
        )
    return disk_format
