# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module chroot_exec, as far as it goes without a tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.modules import chroot_exec

DEFAULTS = {
    **dict.fromkeys(chroot_exec.ARGUMENT_SPEC),
    **{name: spec["default"] for name, spec in chroot_exec.ARGUMENT_SPEC.items() if "default" in spec},
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"command": "true"}, "one of the following is required: tree, image"),
        ({"tree": "/", "command": "true"}, "tree=/: is not a folder with a root file system"),
        ({"tree": "here", "command": "true"}, "is not a folder with a root file system"),
        ({"tree": "x", "image": "y", "command": "true"}, "mutually exclusive: tree|image"),
        ({"tree": "/", "command": "true", "script": "x"}, "mutually exclusive"),
        ({"tree": "/"}, "one of the following is required: command, argv, commands, script"),
        (
            {"tree": "/", "command": "echo 'open"},
            "command=echo 'open: cannot be split into words: No closing quotation",
        ),
        ({"tree": "/", "command": " "}, "is empty"),
        ({"tree": "/", "argv": []}, "is empty"),
        ({"tree": "/", "commands": ["true", ""]}, "is empty"),
        ({"tree": "/", "command": "true", "timeout": 0}, "timeout=0.0: is no time"),
        ({"image": "here", "command": "true"}, "image=here: is not a file"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(arguments: dict[str, Any], message: str, check: bool) -> None:
    result = run_module("chroot_exec", arguments, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]


@pytest.mark.parametrize(
    ("arguments", "steps"),
    [
        ({"command": "echo 'a b' c"}, (("echo", "a b", "c"),)),
        ({"argv": ["echo", "a b; c"]}, (("echo", "a b; c"),)),
        ({"commands": ["one", "two x"]}, (("one",), ("two", "x"))),
        ({"script": "a\nb"}, (("/bin/sh", "-c", "a\nb"),)),
        ({"script": "x", "executable": "/usr/bin/python3"}, (("/usr/bin/python3", "-c", "x"),)),
    ],
)
def test_forms_of_work(arguments: dict[str, Any], steps: tuple[tuple[str, ...], ...]) -> None:
    work = chroot_exec.work_of({**DEFAULTS, **arguments, "environment": {"N": 1}})
    assert work.steps == steps
    assert work.environment == {"N": "1"}
    assert work.timeout is None


def test_check_mode_says_what_it_would_run(tmp_path: Path) -> None:
    result = run_module("chroot_exec", {"tree": str(tmp_path), "commands": ["one", "two x"]}, check=True)
    assert (result["changed"], result["msg"]) == (True, "would run: one; two x")
    assert not list(tmp_path.iterdir())
