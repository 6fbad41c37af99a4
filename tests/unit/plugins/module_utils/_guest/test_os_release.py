# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a system says that it is."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import os_release

DEBIAN = """\
PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
VERSION_ID="13"
VERSION_CODENAME=trixie
# ID=other
ID=debian
HOME_URL="https://www.debian.org/"
"""


def test_what_is_said() -> None:
    assert os_release.parse(DEBIAN) == {
        "id": "debian",
        "version": "13",
        "codename": "trixie",
        "name": "Debian GNU/Linux 13 (trixie)",
    }


def test_what_is_not_said_is_as_specified() -> None:
    said = os_release.parse('NAME=x\nnonsense\nVERSION_ID="1\n')
    assert said == {"id": "linux", "version": "", "codename": "", "name": "Linux"}
