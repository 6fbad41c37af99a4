# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module vm_install, as far as it goes without a libvirt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of the following is required: location, kernel, import"),
        ({"kernel": "linux"}, "parameters are required together: kernel, initrd"),
        ({"location": "http://h/", "import": "disk"}, "mutually exclusive: location|kernel|import"),
        (
            {"location": "http://h/", "preseed": "a", "kickstart": "b"},
            "mutually exclusive: preseed|kickstart|autoyast|",
        ),
        ({"import": "disk", "name": "a b"}, "name=a b: not a name of letters, digits, dots, dashes and underscores"),
        ({"import": "disk", "network": "nat"}, "network=nat: no such network; user, bridge=NAME or network=NAME"),
        ({"import": "disk", "memory": 1}, "memory=1: less than 64 MiB"),
        ({"import": "disk", "disk_size": "x"}, "disk_size=x: not a size"),
        ({"import": "disk", "uri": "test:///default"}, "uri=test:///default: not a URI of libvirt for QEMU"),
        ({"import": "disk", "user": "a", "authorized_key": "x"}, "authorized_key=x: not a public key of ssh"),
        (
            {"location": "http://h/", "extra_kernel_args": 'a="b"'},
            "holds a character that virt-install cannot be given",
        ),
        (
            {"location": "/", "kernel_args": "a", "extra_kernel_args": "b"},
            "extra_kernel_args=b: stands beside the default",
        ),
        ({"location": "http://h/", "autoinstall": "/nonexistent"}, "autoinstall=/nonexistent: no such file"),
        ({"location": "http://h/", "agama": __file__}, f"agama={__file__}: no JSON: Expecting value"),
        ({"location": "http://h/", "kernel_args": 'a="b"'}, "holds a character that virt-install cannot be given"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, arguments: dict[str, Any], message: str, check: bool) -> None:
    place = {"name": "web", "console_log": str(tmp_path / "log" / "console.log")}
    result = run_module("vm_install", {**place, **arguments}, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert list(tmp_path.iterdir()) == []
