# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Molecule scenarios."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.emulator import quick_emulator
from helpers.guests import EXAMPLE, BuiltImage
from helpers.libvirt import running_libvirt, running_sshd
from helpers.tools import clean_environment, run_tool, tool


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    """The QEMU of these tests."""
    with quick_emulator():
        yield


def run(checkout: Path, scenario: str, **variables: str) -> None:
    environment = {**clean_environment(), "ANSIBLE_FORCE_COLOR": "0", "NO_COLOR": "1", **variables}
    output = run_tool([tool("molecule"), "test", "--scenario-name", scenario], cwd=checkout, environment=environment)
    # The verifier is pytest: a run without tests is no proof.
    assert " passed" in output


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["chroot", "lvm", "xen", "publish"])
def test_scenario(checkout: Path, scenario: str) -> None:
    run(checkout, scenario)


@pytest.mark.slow
@pytest.mark.root
def test_a_machine_of_libvirt_is_captured(
    built_image: Callable[[str], BuiltImage], checkout: Path, tmp_path: Path
) -> None:
    base = str(built_image(EXAMPLE).file("qcow2"))
    # As if it were on another host: its disk is fetched.
    with running_libvirt() as libvirt, running_sshd(tmp_path / "sshd", libvirt) as uri:
        run(checkout, "capture", GOLDSMITH_LIBVIRT_URI=uri, GOLDSMITH_MOLECULE_BASE=base)
        assert libvirt.domains() == []
        assert list(libvirt.images.iterdir()) == []
