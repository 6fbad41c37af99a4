# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How installers are told of their answers, and which answers they could not read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import installer_answers
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.installer_answers import ANSWERS
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virt_install import Installer

CONSOLE = "console=ttyS0,115200n8"
FOR_SUBIQUITY, FOR_AGAMA = "#cloud-config\n# of mine\nautoinstall:\n  version: 1\n", '{"product": {"id": "SLES"}}'


@pytest.mark.parametrize("kind", sorted(ANSWERS))
def test_every_installer_speaks_on_the_serial_console_and_finds_its_answers(kind: str) -> None:
    answers = ANSWERS[kind]
    assert CONSOLE in answers.kernel_args.split()
    # The installer of Debian looks for preseed.cfg by itself, cloud-init for a drive with its label.
    assert kind in ("preseed", "autoinstall") or f"/{answers.file}" in answers.kernel_args
    assert bool(answers.label) == bool(answers.boot) == bool(answers.elsewhere)


def test_the_names_are_those_of_the_role(checkout: Path) -> None:
    known = yaml.safe_load((checkout / "roles/virt_install/vars/main.yml").read_text())["virt_install_installers"]
    assert {kind: each["file"] for kind, each in known.items()} == {kind: each.file for kind, each in ANSWERS.items()}


@pytest.mark.parametrize(
    ("kind", "given", "extra", "expected"),
    [
        ("kickstart", "", "", f"inst.ks=file:/kickstart.cfg inst.text inst.cmdline {CONSOLE}"),
        ("kickstart", "a b", "", "a b"),
        ("autoinstall", "", "url=http://h/a.iso", f"autoinstall {CONSOLE} url=http://h/a.iso --- {CONSOLE}"),
        (
            "preseed",
            "",
            "log_host=h",
            f"auto=true priority=critical {CONSOLE} DEBIAN_FRONTEND=text log_host=h --- {CONSOLE}",
        ),
    ],
)
def test_kernel_args(kind: str, given: str, extra: str, expected: str) -> None:
    assert installer_answers.kernel_args(kind, given, extra) == expected


def test_extra_arguments_need_ours() -> None:
    with pytest.raises(OptionError, match="extra_kernel_args=c: stands beside the default of kernel_args only; put"):
        installer_answers.kernel_args("preseed", "a b", "c")


@pytest.mark.parametrize(
    ("kind", "text"),
    [("autoinstall", FOR_SUBIQUITY), ("agama", FOR_AGAMA), ("kickstart", ""), ("autoyast", "x"), ("preseed", "\xff")],
)
def test_answers_that_can_be_read(tmp_path: Path, kind: str, text: str) -> None:
    for name, content in (("answers", text), ("image.iso", "")):
        (tmp_path / name).write_text(content, encoding="latin-1")
    installer_answers.check(kind, str(tmp_path / "answers"), Installer(location=str(tmp_path / "image.iso")))
    told = Installer(kernel="/k", initrd="/i", kernel_args=f"a {ANSWERS[kind].elsewhere}http://h/i.iso b")
    installer_answers.check(kind, str(tmp_path / "answers"), told)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("autoinstall", "autoinstall:\n  version: 1\n"),
        ("autoinstall", "#cloud-config\nversion: 1\n"),
        ("autoinstall", "#cloud-config\n# autoinstall: none\n"),
        ("agama", "{product: SLES}"),
        ("agama", "<profile/>"),
    ],
)
def test_answers_that_cannot_be_read(tmp_path: Path, kind: str, text: str) -> None:
    path = tmp_path / "answers"
    path.write_text(text)
    with pytest.raises(OptionError) as caught:
        installer_answers.check(kind, str(path), Installer(location=str(path)))
    reason = "no JSON: " if kind == "agama" else "the installer would not know it as its answers, and ask; its first"
    assert str(caught.value).startswith(f"{kind}={path}: {reason}")
    assert "\n" not in str(caught.value)


def test_answers_that_are_not_there() -> None:
    with pytest.raises(OptionError, match="kickstart=/no: no such file"):
        installer_answers.check("kickstart", "/no", Installer(location="http://h/"))


@pytest.mark.parametrize(
    ("kind", "text", "installer", "message"),
    [
        (
            "autoinstall",
            FOR_SUBIQUITY,
            Installer(location="http://h/ubuntu/"),
            "location=http://h/ubuntu/: no ISO image of an installer for autoinstall; location is the path of its ISO",
        ),
        (
            "autoinstall",
            FOR_SUBIQUITY,
            Installer(kernel="/k", initrd="/i", kernel_args="autoinstall"),
            "kernel=/k: it does not learn where the rest of the installer for autoinstall is; location is the path of "
            "its ISO image; kernel and initrd need url=URL-OF-IT in extra_kernel_args",
        ),
        ("agama", FOR_AGAMA, Installer(kernel="/k", initrd="/i"), "kernel=/k: it does not learn where the rest of"),
    ],
)
def test_an_installer_without_its_image(
    tmp_path: Path, kind: str, text: str, installer: Installer, message: str
) -> None:
    path = tmp_path / "answers"
    path.write_text(text)
    with pytest.raises(OptionError) as caught:
        installer_answers.check(kind, str(path), installer)
    assert str(caught.value).startswith(message)
