# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The distributions that are made, and what differs between them."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.repositories import names


@dataclass(frozen=True)
class Distribution:
    """A distribution of RPMs.

    *tag* ends the release of its packages; *account* is the one that gets an instance's key; *database* is where its
    rpm keeps what is installed; *packages* maps an RPM to the packages of Debian that it is made of. It takes the
    packages of the family *base*, but those that say which distribution it is.
    """

    family: str
    identity: str
    title: str
    version: str
    release: str
    tag: str
    account: str
    database: str
    kernel: str
    release_package: str
    packages: dict[str, list[str]]
    like: str = ""
    platform: str = ""
    base: str = ""

    @property
    def suse(self) -> bool:
        """Whether it is of SUSE's kind; else of Fedora's."""
        return self.family == "suse"

    @property
    def os_release(self) -> str:
        """The text of its file os-release."""
        facts = {"NAME": f'"{self.title}"', "VERSION": f'"{self.version}"', "ID": f'"{self.identity}"'}
        facts |= {"ID_LIKE": f'"{self.like}"'} if self.like else {}
        facts |= {"VERSION_ID": f'"{self.version}"'}
        facts |= {"PLATFORM_ID": f'"{self.platform}"'} if self.platform else {}
        facts |= {"PRETTY_NAME": f'"{self.title} {self.version}"'}
        return "".join(f"{name}={value}\n" for name, value in facts.items())


FEDORA = Distribution(
    family="fedora",
    identity="fedora",
    title="Fedora Linux",
    version="44",
    release="44",
    tag="fc44",
    account="fedora",
    database="/usr/lib/sysimage/rpm",
    kernel="kernel-core",
    release_package="fedora-release",
    packages=names.FEDORA,
    platform="platform:f44",
)
RHEL = Distribution(
    family="rhel",
    identity="exemplar",
    title="Exemplar Linux",
    version="9.8",
    release="9",
    tag="el9",
    account="cloud-user",
    database="/var/lib/rpm",
    kernel="kernel-core",
    release_package="exemplar-release",
    packages=names.FEDORA,
    like="rhel centos fedora",
    platform="platform:el9",
    base="fedora",
)
SUSE = Distribution(
    family="suse",
    identity="opensuse-leap",
    title="openSUSE Leap",
    version="16.0",
    release="16.0",
    tag="lp160",
    account="opensuse",
    database="/usr/lib/sysimage/rpm",
    kernel="kernel-default",
    release_package="openSUSE-release",
    packages=names.SUSE,
    like="suse opensuse",
)
DISTRIBUTIONS = {each.family: each for each in (FEDORA, RHEL, SUSE)}
