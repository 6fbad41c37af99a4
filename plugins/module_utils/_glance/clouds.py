# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One publication in several clouds at once, and what is told of it."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import versions
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.cloud_login import CloudOptions, secrets
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Cloud
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance, Image
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.publication import (
    Outcome,
    PublicationPlan,
    Step,
    execute,
    foreseen,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.rotation import Change
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import side_by_side
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError

try:
    import jmespath
    import jmespath.exceptions

    JMESPATH_MISSING: str | None = None
except ImportError:
    JMESPATH_MISSING = traceback.format_exc()

# The options of a module that say which cloud.
CLOUD_ARGUMENTS = {
    "cloud": {"type": "str"},
    "clouds_yaml": {"type": "path"},
    "logins": {"type": "json", "no_log": True},
    "auth": {"type": "dict", "no_log": True},
    "auth_type": {"type": "str"},
    "region_name": {"type": "str"},
    "interface": {"type": "str", "choices": ["public", "internal", "admin"]},
    "validate_certs": {"type": "bool"},
    "ca_cert": {"type": "path"},
    "timeout": {"type": "int", "default": 300},
    "attempts": {"type": "int", "default": 7},
}
# What became of images that are not published now.
# What is seen of it before is not what it will be: the time, and our own bookkeeping.
_UNSHOWN = (versions.SINCE, versions.PUBLISHER, versions.NAME, versions.VISIBILITY)


@dataclass(frozen=True)
class Place:
    """A cloud to publish to, by the name that the user gave it."""

    label: str
    options: CloudOptions


def places(params: Mapping[str, Any]) -> list[Place]:
    """Return the clouds that the options of a module name: one, or those of C(clouds)."""
    given = {field.name: params[field.name] for field in fields(CloudOptions) if field.name in params}
    options, logins = CloudOptions(**given), _logins(params)
    if params.get("clouds") is None:
        return [Place(options.label, replace(options, login=_login(logins, options.label)))]
    found: dict[str, Place] = {}
    for word in params["clouds"]:
        cloud, _slash, region = word.partition("/")
        if not cloud or word in found:
            raise OptionError("clouds", word, "named twice" if cloud else "not the name of a cloud, or cloud/region")
        place = replace(options, cloud=cloud, region_name=region or options.region_name)
        found[word] = Place(word, replace(place, login=_login(logins, word)))
    if not found:
        raise OptionError("clouds", "[]", "no cloud to publish to")
    return list(found.values())


def hidden(params: Mapping[str, Any]) -> set[str]:
    """Return what of the logins Ansible is to hide wherever it stands; it sees them as one text."""
    return {word for login in (_logins(params) or {}).values() for word in secrets(login)}


def _logins(params: Mapping[str, Any]) -> dict[str, Any] | None:
    if not params.get("logins"):
        return None
    try:
        return {login["cloud"]: login for login in json.loads(params["logins"])}
    except (ValueError, TypeError, KeyError) as error:
        raise OptionError("logins", "***", "not what the lookup cloud_login gives") from error


def _login(logins: Mapping[str, Any] | None, word: str) -> Mapping[str, Any] | None:
    if logins is not None and word not in logins:
        raise OptionError("logins", "***", f"has no cloud {word}", hint="give the lookup cloud_login the same clouds")
    return logins and logins[word]


def connect(place: Place, stop: threading.Event | None = None) -> Glance:
    """Return the images of our project in that cloud."""
    return Glance(Cloud(place.options), stop=stop)


def everywhere(
    targets: Sequence[Place], planned: Callable[[Glance], PublicationPlan], *, check: bool
) -> dict[str, Any]:
    """Plan and act in every cloud side by side; return the result for the user.

    What fails in one cloud does not stop the others; in the end it is an error that has the results of all.
    """

    def publish(place: Place, stop: threading.Event) -> dict[str, Any]:
        try:
            return _publish(connect(place, stop), place, planned, check=check)
        except GoldsmithError as error:
            return {"cloud": place.label, "changed": False, "failed": True, "msg": str(error), **error.facts}

    if len(targets) == 1:
        # In this thread, which is the one that is interrupted.
        place = targets[0]
        return _told([_publish(connect(place), place, planned, check=check)])
    # When one is interrupted, the others clean up after themselves.
    results = side_by_side.run([partial(publish, place) for place in targets], len(targets))
    failed = [result for result in results if result.get("failed")]
    if failed:
        done = ", ".join(result["cloud"] for result in results if result not in failed)
        message = "; ".join(result["msg"] for result in failed)
        raise GoldsmithError(f"{message}; done: {done or 'none'}", clouds=results, **_merged(results))
    return _told(results)


def listed(glance: Glance, name: str | None, query: str | None) -> list[Any]:
    """Return the images that can be seen, or what a JMESPath query selects of them."""
    selection = _compiled(query) if query else None
    images = [asdict(image) for image in glance.images(**({"name": name} if name else {}))]
    if selection is None:
        return images
    # As JSON has it: the query language knows no tuples.
    answer = selection.search(json.loads(json.dumps(images)))
    return answer if isinstance(answer, list) else [answer]


def _compiled(query: str) -> Any:
    if JMESPATH_MISSING:
        raise GoldsmithError(missing_required_lib("jmespath"), exception=JMESPATH_MISSING)
    try:
        return jmespath.compile(query)
    except jmespath.exceptions.JMESPathError as error:
        raise OptionError("query", query, " ".join(str(error).split()), hint="see jmespath.org") from error


def _publish(
    glance: Glance, place: Place, planned: Callable[[Glance], PublicationPlan], *, check: bool
) -> dict[str, Any]:
    todo = planned(glance)
    outcome = foreseen(todo) if check else execute(glance, todo)
    return {"cloud": place.label, "changed": outcome.changed, "diff": _diff(todo), **_report(place, outcome)}


def _told(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    diffs = {result["cloud"]: result.pop("diff") for result in results}
    diff = next(iter(diffs.values()))
    if len(diffs) > 1:
        diff = {side: {cloud: one[side] for cloud, one in diffs.items()} for side in ("before", "after")}
    changed = any(result["changed"] for result in results)
    return {"changed": changed, "diff": diff, "clouds": list(results), **_merged(results)}


def _merged(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "images": [image for result in results for image in result.get("images", [])],
        "image_id": next((result["image_id"] for result in results if result.get("image_id")), None),
        "bytes_uploaded": sum(result.get("bytes_uploaded", 0) for result in results),
        "seconds": max((result.get("seconds", 0.0) for result in results), default=0.0),
        **{
            name: [one for result in results for one in result.get(name, [])] for name in ("retired", "removed", "kept")
        },
    }


def _report(place: Place, outcome: Outcome) -> dict[str, Any]:
    removed = {image.id for image in outcome.rotation.remove}
    images = [_image(place, step, image) for step, image in zip(outcome.steps, outcome.images)]
    return {
        "images": images,
        "image_id": images[-1]["id"] if images else None,
        "bytes_uploaded": sum(one["size"] for one in images if one["uploaded"] and one["id"]),
        "seconds": outcome.seconds,
        "retired": [
            _brief(place, change.image, name=change.changes["name"])
            for change in outcome.rotation.retire
            if change.image.id not in removed
        ],
        "removed": [_brief(place, image) for image in outcome.rotation.remove],
        "kept": [_brief(place, kept.image, reason=kept.reason) for kept in outcome.rotation.kept],
    }


def _brief(place: Place, image: Image, **more: str) -> dict[str, Any]:
    return {"cloud": place.label, "id": image.id, "name": image.name, **more}


def _image(place: Place, step: Step, image: Image | None) -> dict[str, Any]:
    content = step.part.content if step.part else None
    spec = step.part.spec if step.part else None
    return {
        "cloud": place.label,
        "part": step.part.part if step.part else "image",
        "id": image.id if image else None,
        "name": spec.name if spec else image and image.name,
        "size": content.size if content else image and image.size,
        "sha512": content.digest() if content else image and image.hash_value,
        "disk_format": spec.disk_format if spec else image and image.disk_format,
        "uploaded": step.uploads,
    }


def _diff(todo: PublicationPlan) -> dict[str, Any]:
    """Return the images before and after, with what would change in them."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for step in todo.steps:
        if step.image is None and step.part:
            before[step.label] = None
            after[step.label] = {**step.part.spec.attributes, "size": step.part.content.size}
        elif step.image:
            _compare(before, after, step.label, Change(step.image, step.changes))
            members = {*step.shared, *step.members} - set(step.strangers)
            for name, there, wanted in (
                ("stores", step.image.stores, [*step.image.stores, *step.stores]),
                ("members", step.shared, sorted(members)),
            ):
                if list(there) != wanted:
                    before.setdefault(step.label, {})[name] = list(there)
                    after.setdefault(step.label, {})[name] = wanted
    for change in (*todo.rotation.retire, *todo.rotation.tidy):
        # What is not there yet is shown above.
        if change.image.created_at and change.image.owner:
            _compare(before, after, f"{_kind(change.image)} {change.image.id}", change)
    for image in todo.rotation.remove:
        label = f"{_kind(image)} {image.id}"
        # What is retired on its way still has its name.
        before[label] = {"name": image.name, "size": image.size, **(before.get(label) or {})}
        after[label] = None
    return {"before": before, "after": after}


def _compare(before: dict[str, Any], after: dict[str, Any], label: str, change: Change) -> None:
    shown = {name: value for name, value in change.changes.items() if name not in _UNSHOWN}
    if shown:
        before[label] = {**(before.get(label) or {}), **{name: change.image.attributes.get(name) for name in shown}}
        after[label] = {**(after.get(label) or {}), **shown}


def _kind(image: Image) -> str:
    return {"aki": "kernel", "ari": "ramdisk"}.get(image.container_format or "", "version")
