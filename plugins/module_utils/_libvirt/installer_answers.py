# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers for an installer: how it is told of them, and whether it can read them."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virt_install import Installer

_CONSOLE = "console=ttyS0,115200n8"


@dataclass(frozen=True)
class Answers:
    """How an installer is told its answers: the name of their file, and what its kernel is told besides.

    They lie in the installer's initrd, or on a drive with a *label*. An installer of the latter kind is an ISO image,
    with kernel and initrd as *boot* names them; its kernel finds an image elsewhere by an argument like *elsewhere*.
    What is told to the *installed* system's kernel too stands behind dashes.
    """

    file: str
    kernel_args: str
    installed: str = ""
    label: str = ""
    boot: str = ""
    elsewhere: str = ""

    def arguments(self, extra: str = "") -> str:
        """Return the arguments of the installer's kernel, with *extra* ones among them."""
        return " ".join(filter(None, (self.kernel_args, extra, f"--- {self.installed}" if self.installed else "")))


ANSWERS = {
    "preseed": Answers(
        "preseed.cfg", f"auto=true priority=critical {_CONSOLE} DEBIAN_FRONTEND=text", installed=_CONSOLE
    ),
    "kickstart": Answers("kickstart.cfg", f"inst.ks=file:/kickstart.cfg inst.text inst.cmdline {_CONSOLE}"),
    "autoyast": Answers("autoyast.xml", f"autoyast=file:///autoyast.xml textmode=1 {_CONSOLE}"),
    "autoinstall": Answers(
        "user-data",
        f"autoinstall {_CONSOLE}",
        installed=_CONSOLE,
        label="CIDATA",
        boot="kernel=casper/vmlinuz,initrd=casper/initrd",
        elsewhere="url=",
    ),
    "agama": Answers(
        "autoinst.json",
        f"inst.auto=label://OEMDRV/autoinst.json inst.finish=poweroff {_CONSOLE}",
        label="OEMDRV",
        boot="kernel=boot/x86_64/loader/linux,initrd=boot/x86_64/loader/initrd",
        elsewhere="root=live:",
    ),
}


def kernel_args(kind: str, given: str, extra: str) -> str:
    """Return what an installer's kernel is told: what is *given*, or what the *kind* needs, with *extra* arguments."""
    if given and extra:
        reason = "stands beside the default of kernel_args only"
        raise OptionError("extra_kernel_args", extra, reason, hint="put it into kernel_args")
    return given or ANSWERS[kind].arguments(extra)


def check(kind: str, path: str, installer: Installer) -> None:
    """Raise OptionError if an installer of a *kind* could not read the answers in the file *path*."""
    if not os.path.isfile(path):
        raise OptionError(kind, path, "no such file")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError as error:
        raise OptionError(kind, path, error.strerror or str(error)) from error
    if kind == "autoinstall" and not re.match(r"#cloud-config[ \t]*\n(?s:.*\n)?autoinstall[ \t]*:", text):
        hint = "its first line is #cloud-config, and all else stands below autoinstall"
        raise OptionError(kind, path, "the installer would not know it as its answers, and ask", hint=hint)
    if kind == "agama":
        try:
            json.loads(text)
        except ValueError as error:
            raise OptionError(kind, path, f"no JSON: {error}") from None
    _require_image(kind, installer)


def _require_image(kind: str, installer: Installer) -> None:
    elsewhere = ANSWERS[kind].elsewhere
    if not elsewhere:
        return
    hint = f"location is the path of its ISO image; kernel and initrd need {elsewhere}URL-OF-IT in extra_kernel_args"
    if installer.location and not os.path.isfile(installer.location):
        raise OptionError("location", installer.location, f"no ISO image of an installer for {kind}", hint=hint)
    if installer.kernel and not any(word.startswith(elsewhere) for word in installer.kernel_args.split()):
        reason = f"it does not learn where the rest of the installer for {kind} is"
        raise OptionError("kernel", installer.kernel, reason, hint=hint)
