# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a publication is to reach, apart from the files: the options of the module, checked. Floor 3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._rotation import Terms
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._signature import Signer, Signing
from ansible_collections.goldsmith.openstack.plugins.module_utils._transport import Transport


@dataclass(frozen=True)
class Goal:
    """*visibility*, *protected* and *members* of None are left as they are."""

    terms: Terms
    promote: bool = True
    visibility: str | None = None
    protected: bool | None = None
    members: tuple[str, ...] | None = None
    transport: Transport = field(default_factory=Transport)
    signer: Signer | None = None


def goal_of(params: Mapping[str, Any], piece_names: tuple[str, ...], runner: Runner) -> Goal:
    """Return what the options of a module ask for."""
    if params["keep"] is not None and params["keep"] < 1:
        raise OptionError("keep", params["keep"], "the current version always stays", hint="give 1 or more, or nothing")
    if params["leftover_age"] < 0:
        raise OptionError("leftover_age", params["leftover_age"], "must be 0 or more seconds")
    members = params["members"]
    if members is not None and params["visibility"] != "shared":
        raise OptionError("members", ", ".join(members), "only with visibility=shared")
    return Goal(
        # Only a new version makes another one too many.
        terms=Terms(
            name=params["name"],
            piece_names=piece_names,
            keep=params["keep"] if params["state"] == "present" else None,
            retire=params["retire"],
            leftover_age=params["leftover_age"],
        ),
        promote=params["promote"],
        visibility=params["visibility"],
        protected=params["protected"],
        members=None if members is None else tuple(members),
        transport=Transport(params["import_method"], params["import_uri"], tuple(params["stores"])),
        signer=_signer(params, runner),
    )


def _signer(params: Mapping[str, Any], runner: Runner) -> Signer | None:
    # A certificate without a key is a mistake, and must not end in an image that is not signed.
    given = ("signing_key", "signing_command", "signing_passphrase", "signing_certificate", "signing_certificate_id")
    if not any(params[name] for name in given):
        return None
    command = params["signing_command"]
    return Signer(
        Signing(
            key=params["signing_key"],
            command=tuple(command) if command else None,
            passphrase=params["signing_passphrase"],
            certificate=params["signing_certificate"],
            certificate_id=params["signing_certificate_id"],
            hash_method=params["signing_hash"],
        ),
        runner,
    )
