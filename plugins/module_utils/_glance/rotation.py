# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows when a version has become current, or is no longer: retire, remove, put the names in order.

What is to be done is computed from a listing alone, so that check mode and the run that follows agree; it is carried
out in an order in which every step may be the last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import versions
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Refused
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance, Image
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.request import Request
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.versions import Series

_WIDTH = ("private", "shared", "community", "public")
_PROTECTED = "protected"
_TURNS = 3


@dataclass(frozen=True)
class Change:
    """An image, and what is to be set in it."""

    image: Image
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Kept:
    """An image that should be gone, and why it is not."""

    image: Image
    reason: str


@dataclass(frozen=True)
class Rotation:
    """What is to be done, or was done: in this order."""

    retire: tuple[Change, ...] = ()
    remove: tuple[Image, ...] = ()
    tidy: tuple[Change, ...] = ()
    kept: tuple[Kept, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.retire or self.remove or self.tidy)

    def joined(self, later: Rotation) -> Rotation:
        """Return this and what was done after it."""
        return Rotation(
            self.retire + later.retire, self.remove + later.remove, self.tidy + later.tidy, self.kept + later.kept
        )


def rotation(
    images: Sequence[Image],
    request: Request,
    *,
    retire: Collection[str] = (),
    remove: Collection[str] = (),
    mine: Collection[str] = (),
) -> Rotation:
    """Return what is to be done with these images of a project, and with those of the ids *retire* and *remove*.

    *mine* are images that the caller is at work on, or will make use of.
    """
    bearers = Series(request.name, tuple(images)).bearers
    retired = [
        Change(image, _retirement(image, request))
        for position, image in enumerate(bearers)
        if (position or image.id in retire) and image.id not in remove
    ]
    after = _with(images, retired)
    series = Series(request.name, after)
    unwanted = series.versions[request.keep :] if request.keep else []
    unwanted += [image for image in after if image.id in remove]
    unwanted += [image for image in series.leftovers(request.names, request.leftover_age) if not _in_use(series, image)]
    unwanted = [image for image in unwanted if image.id not in mine]
    gone = {image.id: image for image in unwanted if not image.protected}
    unwanted += [image for image in series.unnamed(gone) if image.id not in mine]
    gone = {image.id: image for image in unwanted if not image.protected}
    stays = Series(request.name, tuple(image for image in after if image.id not in gone))
    tidy = [Change(image, image.changes(_order(stays, image, request))) for image in _pieces(stays, request, mine)]
    return Rotation(
        retire=tuple(retired),
        # Kernels and ramdisks last: what something still names is not removed.
        remove=tuple(sorted(gone.values(), key=versions.is_piece)),
        tidy=tuple(change for change in tidy if change.changes),
        kept=tuple(Kept(image, _PROTECTED) for image in {one.id: one for one in unwanted if one.protected}.values()),
    )


def rotate(glance: Glance, todo: Rotation) -> Rotation:
    """Do it, and return what was done: what the cloud refuses to remove is kept, and said."""
    for change in todo.retire:
        glance.change(change.image, change.changes)
    removed: list[Image] = []
    kept = list(todo.kept)
    for image in todo.remove:
        # Somebody may have begun to use it since the listing.
        if versions.is_piece(image) and _named(glance, image, removed):
            continue
        try:
            glance.remove(image.id)
            removed.append(image)
        except Refused as error:
            if error.status not in (403, 409):
                raise
            kept.append(Kept(image, str(error)))
    for change in todo.tidy:
        glance.change(change.image, change.changes)
    return Rotation(todo.retire, tuple(removed), todo.tidy, tuple(kept))


def settle(glance: Glance, request: Request, mine: Collection[str]) -> Rotation:
    """Do what is to be done as it is seen now, and return it; *mine* as in rotation()."""
    done = rotate(glance, rotation(glance.own(), request, mine=mine))
    # Two publishers may each put in order by what they saw before the other changed it: who is last sees the whole.
    for _turn in range(_TURNS):
        # What was to be removed was tried: the cloud may have refused.
        more = replace(rotation(glance.own(), request, mine=mine), remove=(), kept=())
        if not more.changed:
            break
        done = done.joined(rotate(glance, more))
    return done


def widened(visibility: str, *others: str) -> str:
    """Return the one of these visibilities that most people see."""
    return max((visibility, *others), key=lambda one: _WIDTH.index(one) if one in _WIDTH else -1)


def _retirement(image: Image, request: Request) -> dict[str, Any]:
    name = {"name": versions.dated_name(request.name, image)}
    if request.retire == "hidden":
        return {**name, "os_hidden": True}
    if image.visibility == "community":
        return name
    before = {versions.VISIBILITY: image.visibility} if versions.is_ours(image, request.name) else {}
    return {**name, **before, "visibility": "community"}


def _with(images: Sequence[Image], changes: Sequence[Change]) -> tuple[Image, ...]:
    changed = {change.image.id: change.image.having(change.changes) for change in changes}
    return tuple(changed.get(image.id, image) for image in images)


def _in_use(series: Series, image: Image) -> bool:
    """Return whether it is a piece that was not put in order, of a version that was."""
    return any(versions.PUBLISHER not in other.properties for other in series.namers(image))


def _pieces(series: Series, request: Request, mine: Collection[str]) -> list[Image]:
    """Return the kernels and ramdisks of ours whose name and visibility follow from who names them."""
    return [
        image
        for image in series.images
        if versions.is_piece(image)
        and (image.properties.get(versions.NAME) in request.names or image.id in mine)
        and series.namers(image)
        and (_in_use(series, image) or image.id in mine)
    ]


def _order(series: Series, image: Image, request: Request) -> dict[str, Any]:
    """Return how a kernel or a ramdisk should look: as the most visible of those that name it."""
    name = image.properties.get(versions.NAME, image.name)
    namers = [other for other in series.namers(image) if versions.PUBLISHER not in other.properties]
    current = any(not other.hidden and other.name == other.properties.get(versions.NAME) for other in namers)
    return {
        "name": name if current else versions.dated_name(name, image),
        "os_hidden": all(other.hidden for other in namers),
        "visibility": widened(image.visibility, *(other.visibility for other in namers)),
        versions.PUBLISHER: None,
    }


def _named(glance: Glance, image: Image, removed: Sequence[Image]) -> bool:
    namers = [other.id for name in ("kernel_id", "ramdisk_id") for other in glance.images(**{name: image.id})]
    return bool(set(namers) - {one.id for one in removed})
