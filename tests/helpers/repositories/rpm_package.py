# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package of RPM as its specification has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Owners and capabilities that Debian's maintainer scripts set: "mode,user,group" by path.
_OWNERS = {
    "usr/lib/dbus-1.0/dbus-daemon-launch-helper": "4750,root,dbus",
    "usr/bin/ssh-agent": "2755,root,_ssh",
    "etc/polkit-1/rules.d": "0750,root,polkitd",
    "usr/share/polkit-1/rules.d": "0755,root,root",
    "var/lib/chrony": "0750,_chrony,_chrony",
    "var/log/chrony": "0750,_chrony,_chrony",
}
_CAPABILITIES = {"usr/bin/ping": "cap_net_raw=ep"}


@dataclass
class RpmPackage:
    """A package to make: its files as lines of %files by path, its relations and scriptlets."""

    name: str
    epoch: str = "0"
    version: str = "1"
    release: str = "1"
    files: dict[str, str] = field(default_factory=dict)
    requires: set[str] = field(default_factory=set)
    recommends: set[str] = field(default_factory=set)
    provides: set[str] = field(default_factory=set)
    scripts: dict[str, str] = field(default_factory=dict)
    units: set[str] = field(default_factory=set)

    def add_folder(self, path: str, mode: int, group: str = "root") -> None:
        """Own a folder."""
        self._add(path, f"{self._attributes(path, mode, group)} %dir")

    def add_link(self, path: str) -> None:
        """Own a symbolic link."""
        self._add(path, "")

    def add_file(self, path: str, mode: int, group: str = "root", *, configuration: bool = False) -> None:
        """Own a file; a changed file of *configuration* survives an upgrade."""
        words = self._attributes(path, mode, group)
        words += " %config(noreplace)" if configuration else ""
        words += f" %caps({_CAPABILITIES[path]})" if path in _CAPABILITIES else ""
        self._add(path, words)

    def _attributes(self, path: str, mode: int, group: str) -> str:
        return f"%attr({_OWNERS.get(path) or f'{mode:04o},root,{group}'})"

    def _add(self, path: str, words: str) -> None:
        self.files[path] = f'{words} "/{path.replace("%", "%%")}"'.strip()

    def specification(self, tag: str) -> str:
        """Its part of a spec; *tag* ends its release."""
        scripts = dict(self.scripts)
        if self.units and "posttrans" not in scripts:
            # What the preset of the distribution enables, as %systemd_post does it
            units = " ".join(sorted(self.units))
            preset = f"systemctl --no-reload preset {units}"
            scripts["posttrans"] = f"[ ! -x /usr/bin/systemctl ] || {preset} >/dev/null 2>&1 || :\n"
        lines = [f"%package -n {self.name}", *self._head(tag), f"%description -n {self.name}"]
        lines += ["Made of packages of Debian."]
        for kind, text in scripts.items():
            place, _blank, rest = kind.partition(" ")
            lines += [f"%{place} -n {self.name} {rest}".rstrip(), text.rstrip("\n")]
        lines += [f"%files -n {self.name}", *(line for _path, line in sorted(self.files.items())), ""]
        return "\n".join(lines)

    def _head(self, tag: str) -> list[str]:
        fields: Mapping[str, str] = {
            "Summary": self.name,
            **({"Epoch": self.epoch} if self.epoch != "0" else {}),
            "Version": self.version,
            "Release": f"{self.release}.{tag}",
            "License": "as in Debian",
            # Inherited only where it is said again
            "AutoReqProv": "no",
        }
        lines = [f"{name}: {value}" for name, value in fields.items()]
        for name in ("requires", "recommends", "provides"):
            lines += [f"{name.capitalize()}: {word}" for word in sorted(getattr(self, name)) if word != self.name]
        return lines
