# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a publication is to reach: the options of the module, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.route import Transport
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.signature import Signer, Signing
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


@dataclass(frozen=True)
class Request:
    """What is to stand in the cloud, by the names of the module's options.

    Without kernel and ramdisk it is one bare image. What is None is left as it is, or as the file says; *keep* of None
    keeps all versions.
    """

    name: str
    image: str = ""
    kernel: str | None = None
    ramdisk: str | None = None
    kernel_name: str | None = None
    ramdisk_name: str | None = None
    disk_format: str | None = None
    sha512: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    visibility: str | None = None
    members: Sequence[str] | None = None
    protected: bool | None = None
    min_disk: int | None = None
    min_ram: int | None = None
    tags: Sequence[str] | None = None
    promote: bool = True
    keep: int | None = None
    retire: str = "hidden"
    leftover_age: float = 86400.0
    transport: Transport = field(default_factory=Transport)
    signer: Signer | None = None

    @property
    def piece_names(self) -> tuple[str, str]:
        """The names of the kernel and of the ramdisk."""
        return self.kernel_name or f"{self.name}-aki", self.ramdisk_name or f"{self.name}-ari"

    @property
    def names(self) -> tuple[str, ...]:
        """All series that belong to this publication."""
        return (self.name, *self.piece_names)


def request_from(params: Mapping[str, Any], runner: Runner) -> Request:
    """Return what the options of a module ask for."""
    if params["keep"] is not None and params["keep"] < 1:
        raise OptionError("keep", params["keep"], "the current version always stays", hint="give 1 or more, or nothing")
    if params["leftover_age"] < 0:
        raise OptionError("leftover_age", params["leftover_age"], "must be 0 or more seconds")
    if params["members"] is not None and params["visibility"] != "shared":
        raise OptionError("members", ", ".join(params["members"]), "only with visibility=shared")
    given = {one.name: params[one.name] for one in fields(Request) if params.get(one.name) is not None}
    if params["state"] != "present":
        # Only a new version makes another one too many.
        given["keep"] = None
    transport = Transport(params["import_method"], params["import_uri"], tuple(params["stores"]))
    return Request(**given, transport=transport, signer=_signer(params, runner))


def _signer(params: Mapping[str, Any], runner: Runner) -> Signer | None:
    given = {one.name: params[f"signing_{one.name}"] for one in fields(Signing)}
    # A certificate without a key is a mistake, and must not end in an image that is not signed.
    if not any(value for name, value in given.items() if name != "hash"):
        return None
    return Signer(Signing(**given), runner)
