# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publication in one cloud: a version is uploaded hidden, verified, made current; the others step back.

The order of the requests is what makes it safe: whatever ends the run between two of them, the name means a whole
image, the old one or the new, and the next run finishes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import claim, versions
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import CloudError
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance, Image
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.request import Request
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.rotation import (
    Rotation,
    rotate,
    rotation,
    settle,
    widened,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.route import check
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.signature import Signer
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.triplet import Part
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.upload import holds, spread, upload
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.versions import Series
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError


@dataclass(frozen=True)
class Step:
    """What is to be done for one part: nothing, changes of an image that is there, or an upload.

    *part* is None where only the version is named. *stores* and *members* are those that are missing; *shared* are the
    projects that it is shared with, and *strangers* those of them that it should not be.
    """

    part: Part | None
    image: Image | None
    changes: Mapping[str, Any]
    promotes: bool = False
    stores: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    @property
    def uploads(self) -> bool:
        """Whether the bytes have to be sent."""
        return self.image is None

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return self.uploads or bool(self.changes or self.stores or self.members or self.strangers)

    @property
    def label(self) -> str:
        """What it is for a reader."""
        if self.part:
            return f"{self.part.part} {self.part.spec.name}"
        return f"version {self.image.id}" if self.image else ""


@dataclass(frozen=True)
class PublicationPlan:
    """The steps in the order in which they must be done, and what follows from them."""

    request: Request
    steps: tuple[Step, ...]
    rotation: Rotation

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return self.rotation.changed or any(step.changed for step in self.steps)


@dataclass(frozen=True)
class Outcome:
    """What stands in the cloud: the images of the steps, None for what is only planned."""

    steps: tuple[Step, ...]
    images: tuple[Image | None, ...]
    rotation: Rotation
    changed: bool
    seconds: float = 0.0


def plan(glance: Glance, request: Request, parts: Sequence[Part]) -> PublicationPlan:
    """Look at the cloud and return what is to be done there that these parts are its current version."""
    check(glance, request.transport)
    images = glance.own()
    series = Series(request.name, tuple(images))
    # Of several kernels with the same bytes it is the one that this version names already.
    same = _found(series, request, _hidden(parts[-1]))
    named = versions.pieces_of(same) if same else []
    series = replace(series, images=tuple(sorted(images, key=lambda image: image.id not in named)))
    ids: dict[str, str] = {}
    steps: list[Step] = []
    after = {image.id: image for image in images}
    for plain in parts:
        part = _hidden(plain.naming(ids))
        found = _found(series, request, part)
        if found:
            # A hash that the user knows is verified also where nothing is sent.
            part.content.digest()
        step = _step(glance, series, request, part, found)
        image = found or _imagined(part)
        after[image.id] = image.having({**step.changes, **_stamp(series, step)})
        ids[part.part] = image.id
        steps.append(step)
    return PublicationPlan(request, tuple(steps), rotation(tuple(after.values()), request, mine=set(ids.values())))


def plan_promotion(glance: Glance, request: Request, image_id: str | None) -> PublicationPlan:
    """Return what is to be done that this version, or the one that was published last, is the current one."""
    images = glance.own()
    series = Series(request.name, tuple(images))
    newest = max(series.versions, key=lambda one: (one.created_at, one.id), default=None)
    image = _version(series, image_id) if image_id else newest
    if image is None:
        raise OptionError("name", request.name, f"cloud {glance.cloud.label} has no version that could be current")
    step = _step(glance, series, replace(request, promote=True), None, image)
    after = {one.id: one for one in images} | {image.id: image.having({**step.changes, **_stamp(series, step)})}
    return PublicationPlan(request, (step,), rotation(tuple(after.values()), request, mine={image.id}))


def plan_retirement(glance: Glance, request: Request, image_id: str | None) -> PublicationPlan:
    """Return what is to be done that this version, or all that bear the name, are not current."""
    images = glance.own()
    series = Series(request.name, tuple(images))
    ids = {_version(series, image_id).id} if image_id else {image.id for image in series.bearers}
    # Without an id nothing stays; with one, of two that bear the name the other may.
    chosen = {image.id for image in series.bearers} & ids
    return PublicationPlan(request, (), rotation(images, request, retire=chosen))


def plan_removal(glance: Glance, request: Request, image_id: str | None) -> PublicationPlan:
    """Return what is to be done that this version, or the whole series, is not there."""
    images = glance.own()
    series = Series(request.name, tuple(images))
    if image_id:
        ids = {image.id for image in images if image.id == image_id and _belongs(image, request.name)}
        if not ids and glance.find(image_id):
            raise _not_a_version(request.name, image_id)
    else:
        ids = {image.id for image in images if _belongs(image, request.name)}
        ids -= series.at_work(request.leftover_age)
    return PublicationPlan(request, (), rotation(images, request, remove=ids))


def foreseen(todo: PublicationPlan) -> Outcome:
    """Return what execute() would, as far as it is known before."""
    return Outcome(todo.steps, tuple(step.image for step in todo.steps), todo.rotation, todo.changed)


def execute(glance: Glance, todo: PublicationPlan) -> Outcome:
    """Do what is planned; what fails before the new version is current is taken back."""
    if not todo.changed:
        return foreseen(todo)
    started = time.monotonic()
    with claim.at_work() as mark:
        images = _make(glance, todo, mark)
        try:
            done = _follow(glance, todo, images)
        except GoldsmithError as error:
            if todo.steps:
                said = f"{images[-1].name} is in the cloud with the id {images[-1].id}"
                error.args = (f"{error}; {said}: what was left to do is done by the next run",)
            raise
    seconds = round(time.monotonic() - started, 2)
    changed = done.changed or any(step.changed for step in todo.steps)
    return Outcome(todo.steps, tuple(images), done, changed, seconds)


def _follow(glance: Glance, todo: PublicationPlan, images: Sequence[Image]) -> Rotation:
    """Do what follows from the steps, as it is seen now: another publisher may have been at work as well."""
    if not todo.steps:
        return rotate(glance, todo.rotation)
    return settle(glance, todo.request, {image.id for image in images})


def _make(glance: Glance, todo: PublicationPlan, mark: str) -> list[Image]:
    """Carry out the steps; the last makes the version current."""
    made: list[Image] = []
    images: list[Image] = []
    try:
        ids: dict[str, str] = {}
        # All signatures first: a command that fails costs no upload.
        signatures = [_signature(todo.request, step.part) if step.uploads and step.part else {} for step in todo.steps]
        for step, signature in zip(todo.steps, signatures):
            if step.image:
                image = step.image
            elif step.part:
                marks = {versions.NAME: step.part.spec.name, versions.PUBLISHER: mark}
                part = step.part.naming(ids).having({**marks, **signature})
                image = upload(glance, part.spec, part.content, todo.request.transport)
                made.append(image)
            if step.part:
                ids[step.part.part] = image.id
            images.append(image)
        for step, image in zip(todo.steps, images):
            spread(glance, image, step.stores)
        _require(glance, images[:-1])
        # The pieces first: a version that can be seen must be able to boot.
        return [_finished(glance, todo, step, image, ids) for step, image in zip(todo.steps, images)]
    except BaseException as error:
        _take_back(glance, made, error)
        raise


def _finished(glance: Glance, todo: PublicationPlan, step: Step, image: Image, ids: Mapping[str, str]) -> Image:
    changes = dict(step.changes)
    for name in ("kernel", "ramdisk"):
        if f"{name}_id" in changes:
            changes[f"{name}_id"] = ids[name]
    if step.promotes:
        # Read anew: another publisher may have been faster, and then this one comes after it.
        changes |= _stamp(Series(todo.request.name, tuple(glance.own())), step)
    early = image.visibility == "shared"
    if early:
        glance.share(image.id, add=step.members, drop=step.strangers)
    image = glance.change(image, changes)
    if not early:
        glance.share(image.id, add=step.members, drop=step.strangers)
    return image


def _stamp(series: Series, step: Step) -> dict[str, str]:
    return {versions.SINCE: series.next_stamp()} if step.promotes else {}


def _found(series: Series, request: Request, part: Part) -> Image | None:
    """Return an image of ours that holds the bytes of the part, and needs the fewest changes."""
    busy = series.at_work(request.leftover_age)
    candidates = [
        image
        for image in series.images
        if image.status == "active"
        and image.id not in busy
        and (image.disk_format, image.container_format) == (part.spec.disk_format, part.spec.container_format)
        and (_belongs(image, part.spec.name) or (part.part != "image" and versions.NAME in image.properties))
        and holds(image, part.content)
        and _has_signature(request, part, image)
    ]
    current = series.current
    return min(
        candidates,
        key=lambda image: (
            image is not current,
            versions.PUBLISHER in image.properties,
            len(_changes(part, image)),
        ),
        default=None,
    )


def _step(glance: Glance, series: Series, request: Request, part: Part | None, image: Image | None) -> Step:
    main = part is None or part.part == "image"
    promotes = main and request.promote and (image is None or image is not series.current)
    changes: dict[str, Any] = {}
    if image:
        changes = _changes(part, image) if part else {}
        if main:
            changes |= image.changes({versions.NAME: request.name, versions.PUBLISHER: None})
        if not main and request.visibility:
            changes |= image.changes({"visibility": widened(request.visibility, image.visibility)})
        elif main and request.visibility and (promotes or image is series.current):
            changes |= image.changes({"visibility": request.visibility})
    else:
        changes[versions.PUBLISHER] = None
    if promotes:
        changes |= {"name": request.name, "os_hidden": False}
        if image:
            seen = image.properties.get(versions.VISIBILITY)
            changes |= {"visibility": request.visibility or seen or image.visibility, versions.VISIBILITY: None}
            changes = image.changes(changes)
    if _protects(series, request, image, main=main):
        changes["protected"] = request.protected
    return replace(
        _shared(glance, request, Step(part, image, changes, promotes)),
        stores=tuple(one for one in request.transport.stores if image and one not in image.stores),
    )


def _shared(glance: Glance, request: Request, step: Step) -> Step:
    if request.members is None:
        return step
    wanted = set(request.members)
    there = glance.members(step.image.id) if step.image and step.image.visibility == "shared" else set()
    main = step.part is None or step.part.part == "image"
    # A kernel may be shared with more projects, by another image that names it.
    strangers = there - wanted if main else set()
    members, drop, shared = (tuple(sorted(projects)) for projects in (wanted - there, strangers, there))
    return replace(step, members=members, strangers=drop, shared=shared)


def _changes(part: Part, image: Image) -> dict[str, Any]:
    """Return what must be changed in an image that holds the bytes of the part; who sees it is decided elsewhere."""
    if part.part != "image":
        # Shared between images: their tags and properties are no matter of one of them.
        return {}
    return image.changes({name: value for name, value in part.spec.attributes.items() if name != "visibility"})


def _hidden(part: Part) -> Part:
    # With a dated name from the beginning: nobody looks for it, and a version that is not promoted needs no change.
    date = part.spec.properties.get(versions.BUILD_DATE) or datetime.now(timezone.utc).date().isoformat()
    return replace(part, spec=replace(part.spec, hidden=True, dated=versions.dated(part.spec.name, date)))


def _signature(request: Request, part: Part) -> dict[str, str]:
    return request.signer.properties(_digest(request.signer, part)) if request.signer else {}


def _has_signature(request: Request, part: Part, image: Image) -> bool:
    return request.signer is None or request.signer.accepts(image.properties, _digest(request.signer, part))


def _digest(signer: Signer, part: Part) -> bytes:
    return bytes.fromhex(part.content.digest(signer.digest_name))


def _belongs(image: Image, name: str) -> bool:
    return versions.is_ours(image, name) or (image.name == name and not image.hidden)


def _protects(series: Series, request: Request, image: Image | None, *, main: bool) -> bool:
    """Return whether protection is to be changed; a kernel stays protected while another protected image names it."""
    if request.protected is None or request.protected == (image.protected if image else False):
        return False
    others = [] if main or image is None else series.namers(image)
    return request.protected or not any(one.protected and not versions.is_ours(one, request.name) for one in others)


def _imagined(part: Part) -> Image:
    """Return the image that an upload will make."""
    image_id = f"(new) {part.part}"
    body = {**part.spec.body(image_id), versions.NAME: part.spec.name, "status": "active"}
    return Image.from_dict({**body, "created_at": datetime.now(timezone.utc).isoformat(), "size": part.content.size})


def _version(series: Series, image_id: str) -> Image:
    found = next((one for one in series.images if one.id == image_id and _belongs(one, series.name)), None)
    if found is None:
        raise _not_a_version(series.name, image_id)
    if found.status != "active":
        raise OptionError("image_id", image_id, f"this image is {found.status}, not active")
    return found


def _not_a_version(name: str, image_id: str) -> OptionError:
    hint = "glance_image_info lists the versions: their property goldsmith_name is the name"
    return OptionError("image_id", image_id, f"no version of {name} in this project", hint=hint)


def _require(glance: Glance, pieces: Sequence[Image]) -> None:
    """See that kernel and ramdisk are still there: another publisher may have removed what nothing named yet."""
    for image in pieces:
        if glance.find(image.id) is None:
            raise CloudError(
                f"cloud {glance.cloud.label}: {image.name} ({image.id}) was removed while its root file system was "
                "uploaded; run it again"
            )


def _take_back(glance: Glance, images: Sequence[Image], cause: BaseException) -> None:
    left = []
    # Last first: nothing may name an image that is gone.
    for image in reversed(images):
        try:
            found = glance.find(image.id)
            if found and versions.SINCE in found.properties:
                # Only the answer was lost: it is current, and another publisher may have stepped back for it.
                cause.args = (f"{cause}; yet {found.name} ({found.id}) is current: the next run does what is left",)
                return
            if found:
                glance.change(found, {"protected": False})
                glance.remove(image.id)
        except CloudError:
            left.append(image.id)
    if left and isinstance(cause, GoldsmithError):
        cause.args = (f"{cause}; images of this run that could not be removed: {', '.join(left)}",)
        cause.facts["left_image_ids"] = left
