# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image says of itself in Glance, as far as its definition decides on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What os-release calls differently from Glance and libosinfo, where no file of a distribution says it.
_OS_DISTRO = {
    "alpine": "alpinelinux",
    "altlinux": "alt",
    "clear-linux-os": "clearlinux",
    "pop": "popos",
    "scientific": "scientificlinux",
    "void": "voidlinux",
}


def derived(
    done: Mapping[str, Any],
    distribution: Mapping[str, Any],
    strategy: Mapping[str, Any],
    architecture: Mapping[str, Any],
) -> dict[str, str]:
    """Return the properties that follow from a definition; what is empty is not said.

    The packages and their times are known later: the module image_manifest adds to this.
    """
    captured = done["build"] == "capture"
    maintained = distribution.get("releases", {}).get(done["release"], {}).get("until", "")
    promised = bool(done["replace_frequency"])
    title = done["title"] if captured else f"{done['title']} {done['version']} ({done['release']})"
    return {
        **architecture["properties"],
        "os_type": "linux",
        "os_distro": distribution.get("os_distro") or _OS_DISTRO.get(done["distribution"], done["distribution"]),
        "os_version": done["version"],
        "os_admin_user": done["user"],
        "os_purpose": "custom" if captured or done["roles"] else "generic",
        # A disk that boots by both does not say by which: the cloud's own firmware will do, and Secure Boot may be
        # asked for.
        "hw_firmware_type": "" if done["firmware"] == "hybrid" else done["firmware"],
        "cloud_init_installed": str(done["cloud_init"]).lower(),
        "image_original_user": done["user"],
        "image_description": done["description"] or title,
        "image_source": done["source"],
        "maintained_until": maintained,
        "replace_frequency": done["replace_frequency"],
        # Who promises no new versions promises no day.
        "provided_until": done["provided_until"] or (maintained if promised else "") or "none",
        "uuid_validity": done["uuid_validity"] or (f"last-{done['keep']}" if done["keep"] else ""),
        "hotfix_hours": done["hotfix_hours"],
        **strategy["properties"],
    }
