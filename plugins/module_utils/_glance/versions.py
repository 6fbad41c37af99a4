# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of one image in one project: which is current, which are old, which are leftovers.

At most one version is current: it bears the name and is not hidden. All others bear a dated name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import claim
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Image

# Properties of ours: the series that an image belongs to, when it became current, who is still at work on it, and
# who saw it before it was retired.
NAME = "goldsmith_name"
SINCE = "goldsmith_since"
PUBLISHER = "goldsmith_publisher"
VISIBILITY = "goldsmith_visibility"
BUILD_DATE = "image_build_date"
# The container formats of kernels and ramdisks.
PIECES = ("aki", "ari")
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True)
class Series:
    """The images of a project as they were listed, seen as the versions of *name*."""

    name: str
    images: tuple[Image, ...]

    @property
    def bearers(self) -> list[Image]:
        """All that can be found by the name now, the one that is to stay first."""
        found = [image for image in self.images if image.name == self.name and not image.hidden and _usable(image)]
        return sorted(found, key=_rank, reverse=True)

    @property
    def current(self) -> Image | None:
        """The version that the name means."""
        return next(iter(self.bearers), None)

    @property
    def versions(self) -> list[Image]:
        """The whole versions that are ours, the current one first, then by the time at which they were."""
        current = self.current
        found = [image for image in self.images if is_ours(image, self.name) and _usable(image) and not _marked(image)]
        return sorted(found, key=lambda image: (image is current, _age(image), image.id), reverse=True)

    def leftovers(self, names: Iterable[str], age: float) -> list[Image]:
        """Return what runs that ended in the middle have left of these series."""
        wanted = set(names)
        return [
            image
            for image in self.images
            if image.properties.get(NAME) in wanted and _marked(image) and is_abandoned(image, age)
        ]

    def at_work(self, age: float) -> set[str]:
        """Return the ids of what another run that may still live is making."""
        return {image.id for image in self.images if _marked(image) and not is_abandoned(image, age)}

    def namers(self, image: Image) -> list[Image]:
        """Return the images that name this kernel or ramdisk."""
        return [other for other in self.images if image.id in pieces_of(other)]

    def unnamed(self, without: Iterable[str]) -> list[Image]:
        """Return the kernels and ramdisks of ours that no image names, when the images *without* are gone."""
        gone = set(without)
        return [
            image
            for image in self.images
            if is_piece(image)
            and NAME in image.properties
            and image.id not in gone
            and not _marked(image)
            and all(other.id in gone for other in self.namers(image))
        ]

    def next_stamp(self, now: datetime | None = None) -> str:
        """Return the time of a promotion, later than that of all others whatever the clocks say."""
        stamps = [image.properties.get(SINCE, "") for image in self.images if is_ours(image, self.name)]
        stamp = now or datetime.now(timezone.utc)
        latest = _parsed(max(stamps, default=""))
        if latest and latest >= stamp:
            stamp = latest + timedelta(microseconds=1)
        return stamp.strftime(_TIME)


def is_ours(image: Image, name: str) -> bool:
    """Return whether the image is a version of that name which we made."""
    return image.properties.get(NAME) == name


def is_piece(image: Image) -> bool:
    """Return whether it is a kernel or ramdisk for others to name; a ramdisk that names its kernel is a version."""
    return image.container_format in PIECES and not pieces_of(image)


def pieces_of(image: Image) -> list[str]:
    """Return the ids of the kernel and the ramdisk that the image names."""
    return [image.properties[name] for name in ("kernel_id", "ramdisk_id") if image.properties.get(name)]


def dated(name: str, date: str) -> str:
    """Return the first part of a dated name; what makes it unique follows."""
    return f"{name}-{re.sub('[^0-9]', '', date)[:8]}"


def dated_name(name: str, image: Image) -> str:
    """Return the name of a version that is not current."""
    return f"{dated(name, image.properties.get(BUILD_DATE) or image.created_at)}-{image.id[:8]}"


def is_abandoned(image: Image, age: float) -> bool:
    """Return whether the run that was at work on the image has ended; *age* in seconds decides where none can tell."""
    dead = claim.is_dead(image.properties.get(PUBLISHER, ""))
    if dead is not None:
        return dead
    touched = _parsed(image.updated_at)
    return touched is None or datetime.now(timezone.utc) - touched > timedelta(seconds=age)


def _marked(image: Image) -> bool:
    return PUBLISHER in image.properties


def _usable(image: Image) -> bool:
    return image.status == "active"


def _rank(image: Image) -> tuple[str, str, str]:
    # One that was never promoted by us, and bears the name, comes after all that were.
    return image.properties.get(SINCE, ""), image.created_at, image.id


def _age(image: Image) -> str:
    return image.properties.get(SINCE) or image.created_at


def _parsed(stamp: str) -> datetime | None:
    for form in (_TIME, "%Y-%m-%dT%H:%M:%SZ"):
        try:
            return datetime.strptime(stamp, form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
    return None
