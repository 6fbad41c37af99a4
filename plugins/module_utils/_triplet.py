# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publication of one image, or of a triplet: kernel, ramdisk and root file system. Floor 3."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils import _image_content as image_content
from ansible_collections.goldsmith.openstack.plugins.module_utils._cloud import (
    Cloud,
    CloudError,
    CloudOptions,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import Glance, Image, ImageSpec
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance_upload import holds, upload
from ansible_collections.goldsmith.openstack.plugins.module_utils._payload import Content

__all__ = ["CloudOptions", "cloud_options", "connect", "execute", "listed", "parts_of", "plan", "report"]

BARE_FORMATS = ("qcow2", "raw", "vhd")
_UNKNOWN_ID = "(id of the new image)"


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
    visibility: str = "private"
    min_disk: int | None = None
    min_ram: int | None = None
    tags: tuple[str, ...] | None = None
    protected: bool | None = None


@dataclass(frozen=True)
class Part:
    """One of the images of a publication."""

    part: str
    spec: ImageSpec
    content: Content


@dataclass(frozen=True)
class Step:
    """What is to be done for one part: nothing, changes of an image that is there, or an upload."""

    part: Part
    image: Image | None
    changes: Mapping[str, Any]

    @property
    def uploads(self) -> bool:
        """Whether the bytes have to be sent."""
        return self.image is None


@dataclass(frozen=True)
class Plan:
    """The steps, in the order in which they must be done."""

    steps: tuple[Step, ...]

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return any(step.uploads or step.changes for step in self.steps)

    @property
    def diff(self) -> dict[str, Any]:
        """Return the images before and after, with what would change in them."""
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for step in self.steps:
            label = f"{step.part.part} {step.part.spec.name}"
            if step.image:
                before[label] = {name: step.image.attributes.get(name, _protected(step, name)) for name in step.changes}
                after[label] = dict(step.changes)
            else:
                before[label] = None
                after[label] = {**step.part.spec.attributes, "size": step.part.content.size}
        return {"before": before, "after": after}


def connect(options: CloudOptions) -> Glance:
    """Return the images of our project in that cloud."""
    return Glance(Cloud(options))


def cloud_options(params: Mapping[str, Any]) -> CloudOptions:
    """Return the options of a module that say which cloud."""
    return CloudOptions(**{field.name: params[field.name] for field in fields(CloudOptions)})


def listed(glance: Glance, name: str | None) -> list[dict[str, Any]]:
    """Return the images that can be seen, for the user."""
    return [asdict(image) for image in glance.images(**({"name": name} if name else {}))]


def parts_of(wanted: Wanted) -> list[Part]:
    """Return the parts of a publication, checked, a kernel and a ramdisk before what names them."""
    if bool(wanted.kernel) != bool(wanted.ramdisk):
        missing, there = ("ramdisk", "kernel") if wanted.kernel else ("kernel", "ramdisk")
        raise OptionError(missing, "", f"a triplet has a kernel and a ramdisk, and {there} is given")
    common = {"visibility": wanted.visibility, "tags": wanted.tags}
    main = {
        **common,
        "min_disk": wanted.min_disk,
        "min_ram": wanted.min_ram,
        # Glance keeps text only; True and False are what Compute reads.
        "properties": {name: str(value) for name, value in (wanted.properties or {}).items() if value is not None},
    }
    image = Content(wanted.image, image_content.size_of(wanted.image, "image"))
    if not (wanted.kernel and wanted.ramdisk):
        disk_format = _bare_format(wanted)
        return [Part("image", ImageSpec(wanted.name, disk_format, "bare", **main), image)]
    if wanted.disk_format:
        raise OptionError("disk_format", wanted.disk_format, "a triplet has formats of its own", hint="leave it out")
    kernel = Content(wanted.kernel, image_content.size_of(wanted.kernel, "kernel"))
    ramdisk = Content(wanted.ramdisk, image_content.size_of(wanted.ramdisk, "ramdisk"))
    image_content.require_kernel(wanted.kernel, "kernel")
    image_content.require_root_file_system(wanted.image, "image")
    return [
        Part("kernel", ImageSpec(wanted.kernel_name or f"{wanted.name}-aki", "aki", "aki", **common), kernel),
        Part("ramdisk", ImageSpec(wanted.ramdisk_name or f"{wanted.name}-ari", "ari", "ari", **common), ramdisk),
        Part("image", ImageSpec(wanted.name, "ami", "ami", **main), image),
    ]


def plan(glance: Glance, wanted: Wanted, parts: Sequence[Part]) -> Plan:
    """Look at the cloud and return what is to be done there; changes nothing."""
    ids: dict[str, str] = {}
    steps: list[Step] = []
    for plain in parts:
        part = _naming(plain, ids)
        found = _same(glance, part)
        # Of several equal ones the one that needs the fewest changes.
        image = min(found, key=lambda image: len(image.changes(part.spec.attributes)), default=None)
        changes = image.changes(part.spec.attributes) if image else {}
        if image and wanted.protected not in (None, image.protected):
            changes["protected"] = wanted.protected
        ids[part.part] = image.id if image else _UNKNOWN_ID
        steps.append(Step(part, image, changes))
    return Plan(tuple(steps))


def _same(glance: Glance, part: Part) -> list[Image]:
    found = glance.own(
        name=part.spec.name,
        status="active",
        disk_format=part.spec.disk_format,
        container_format=part.spec.container_format,
        size_min=part.content.size,
        size_max=part.content.size,
    )
    return [image for image in found if holds(image, part.content)]


def execute(glance: Glance, wanted: Wanted, todo: Plan) -> dict[str, Any]:
    """Do what is planned and return the images; if a part fails, the parts made before it are removed again."""
    started = time.monotonic()
    made: list[tuple[Step, Image]] = []
    images: dict[str, Image] = {}
    try:
        for step in todo.steps:
            if step.uploads:
                part = _naming(step.part, {name: image.id for name, image in images.items()})
                images[part.part] = upload(glance, part.spec, part.content)
                made.append((step, images[part.part]))
            elif step.image:
                images[step.part.part] = step.image
        for step in todo.steps:
            _finish(glance, wanted, step, images)
    except BaseException as error:
        _take_back(glance, [image for _step, image in made], error)
        raise
    return report(glance, todo, images, time.monotonic() - started)


def report(
    glance: Glance, todo: Plan, images: Mapping[str, Image] | None = None, seconds: float = 0.0
) -> dict[str, Any]:
    """Return the images for the user; before the execution those to be uploaded have no id."""
    images = images or {step.part.part: step.image for step in todo.steps if step.image}
    listed = []
    for step in todo.steps:
        image = images.get(step.part.part)
        listed.append(
            {
                "cloud": glance.cloud.label,
                "part": step.part.part,
                "id": image.id if image else None,
                "name": step.part.spec.name,
                "size": step.part.content.size,
                "sha512": step.part.content.digest(),
                "disk_format": step.part.spec.disk_format,
                "uploaded": step.uploads,
            }
        )
    return {
        "images": listed,
        "image_id": listed[-1]["id"],
        "bytes_uploaded": sum(one["size"] for one in listed if one["uploaded"] and one["id"]),
        "seconds": round(seconds, 2),
    }


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


def _naming(part: Part, ids: Mapping[str, str]) -> Part:
    """Return the part with the ids of those that it names."""
    names = {f"{name}_id": ids[name] for name in ("kernel", "ramdisk") if name in ids}
    if part.part != "image" or not names:
        return part
    return replace(part, spec=replace(part.spec, properties={**part.spec.properties, **names}))


def _finish(glance: Glance, wanted: Wanted, step: Step, images: Mapping[str, Image]) -> None:
    """Change what is there already, and protect at last: a protected image could not be taken back."""
    changes = dict(step.changes)
    for name in ("kernel", "ramdisk"):
        if f"{name}_id" in changes:
            changes[f"{name}_id"] = images[name].id
    if step.uploads and wanted.protected:
        changes["protected"] = True
    glance.change(images[step.part.part], changes)


def _take_back(glance: Glance, images: Sequence[Image], cause: BaseException) -> None:
    left = []
    # Last first: nothing may name an image that is gone.
    for image in reversed(images):
        try:
            glance.change(image, {"protected": False})
            glance.remove(image.id)
        except CloudError:
            left.append(image.id)
    if left and isinstance(cause, GoldsmithError):
        cause.args = (f"{cause}; images of this run that could not be removed: {', '.join(left)}",)
        cause.facts["left_image_ids"] = left


def _protected(step: Step, name: str) -> Any:
    return step.image.protected if step.image and name == "protected" else None
