# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is published: one disk, or a triplet of kernel, ramdisk and root file system. Floor 3."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils import _image_content as image_content
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import ImageSpec
from ansible_collections.goldsmith.openstack.plugins.module_utils._payload import Content

BARE_FORMATS = ("qcow2", "raw", "vhd")


@dataclass(frozen=True)
class Wanted:
    """What is to stand in the cloud. Without kernel and ramdisk it is one bare image."""

    name: str
    image: str
    kernel: str | None = None
    ramdisk: str | None = None
    kernel_name: str | None = None
    ramdisk_name: str | None = None
    disk_format: str | None = None
    properties: Mapping[str, Any] | None = None
    visibility: str | None = None
    min_disk: int | None = None
    min_ram: int | None = None
    tags: tuple[str, ...] | None = None
    sha512: str | None = None


FIELDS = tuple(field.name for field in fields(Wanted))


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


def parts_of(wanted: Wanted) -> list[Part]:
    """Return the parts of a publication, checked, a kernel and a ramdisk before what names them."""
    if bool(wanted.kernel) != bool(wanted.ramdisk):
        missing, there = ("ramdisk", "kernel") if wanted.kernel else ("kernel", "ramdisk")
        raise OptionError(missing, "", f"a triplet has a kernel and a ramdisk, and {there} is given")
    common = {"visibility": wanted.visibility or "private", "tags": wanted.tags}
    main = {
        **common,
        "min_disk": wanted.min_disk,
        "min_ram": wanted.min_ram,
        # Glance keeps text only; True and False are what Compute reads.
        "properties": {
            name: None if value in (None, "") else str(value) for name, value in (wanted.properties or {}).items()
        },
    }
    image = Content(wanted.image, image_content.size_of(wanted.image, "image"), wanted.sha512)
    if not (wanted.kernel and wanted.ramdisk):
        disk_format = _bare_format(wanted)
        return [Part("image", ImageSpec(wanted.name, disk_format, "bare", **main), image)]
    if wanted.disk_format:
        raise OptionError("disk_format", wanted.disk_format, "a triplet has formats of its own", hint="leave it out")
    names = piece_names(wanted)
    for option, name in zip(("kernel_name", "ramdisk_name"), names):
        if name == wanted.name or names[0] == names[1]:
            raise OptionError(option, name, "kernel, ramdisk and root file system need a name each")
    kernel = Content(wanted.kernel, image_content.size_of(wanted.kernel, "kernel"))
    ramdisk = Content(wanted.ramdisk, image_content.size_of(wanted.ramdisk, "ramdisk"))
    image_content.require_kernel(wanted.kernel, "kernel")
    image_content.require_root_file_system(wanted.image, "image")
    return [
        Part("kernel", ImageSpec(names[0], "aki", "aki", **common), kernel),
        Part("ramdisk", ImageSpec(names[1], "ari", "ari", **common), ramdisk),
        Part("image", ImageSpec(wanted.name, "ami", "ami", **main), image),
    ]


def piece_names(wanted: Wanted) -> tuple[str, str]:
    """Return the names of the kernel and of the ramdisk."""
    return wanted.kernel_name or f"{wanted.name}-aki", wanted.ramdisk_name or f"{wanted.name}-ari"


def _bare_format(wanted: Wanted) -> str:
    found = image_content.disk_format_of(wanted.image)
    image_content.require_self_contained(wanted.image, "image")
    given = wanted.disk_format
    if given and found and given != found:
        raise OptionError("disk_format", given, f"{os.path.basename(wanted.image)} is {found}", hint="leave it out")
    disk_format = given or found
    if disk_format is None:
        raise OptionError("image", wanted.image, "its format cannot be told", hint="set disk_format")
    if disk_format not in BARE_FORMATS:
        raise OptionError("image", wanted.image, f"{disk_format} is not supported", hint="convert it with disk_convert")
    return disk_format
