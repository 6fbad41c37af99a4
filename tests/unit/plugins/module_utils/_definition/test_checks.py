# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the words of a definition must be."""

from __future__ import annotations

import pytest
from helpers.definitions import ED25519

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import checks

GOOD = {
    "file_name": ["debian-13-amd64", "a", "My image 1.0", "a_b+c"],
    "package": ["jq", "g++", "linux-image-amd64", "libc6:i386", "foo=1.2~3-4", "@development", "jq/trixie-backports"],
    "role": ["common", "a.b.c", "/srv/my roles/web"],
    "account": ["debian", "cloud-user", "_x"],
    "cloud": ["one", "one/region-1", "embedded"],
    "url": ["http://proxy:3128", "https://me:secret@proxy.example/"],
    "mirror": ["host", "http://mirror.example/debian", "file:///srv/mirror"],
    "security_mirror": ["http://mirror.example/debian-security"],
    "guest_mirror": ["build", "http://mirror.example/debian"],
    "source": ["http://a.example/debian", "file:///srv/mirror"],
    "source_name": ["backports", "a-b_1"],
    "suite": ["trixie-backports", "./", "stable/main"],
    "component": ["main", "non-free-firmware"],
    "pin": ["release n=trixie-backports", "origin deb.example", "version 1.*"],
    "key": ["keys/a.asc", "https://a.example/key.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"],
    "time_zone": ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"],
    "locale_name": ["C.UTF-8", "POSIX", "de_DE.UTF-8", "de_DE", "sr_RS@latin", "ca_ES.UTF-8@valencia", "ltg_LV.UTF-8"],
    "public_key": [ED25519, f'no-pty,command="echo hi there" {ED25519}'],
    "volume_name": ["var-log", "home"],
    "size": ["2G", "512MiB", "1048576"],
    "mountpoint": ["/var/log", "/srv"],
    "tag": ["debian", "os:debian", "built by us"],
    "path": ["dist", "~/a b", "/srv/ä"],
    "line": ["localhost", "anything goes"],
    "snapshot": ["2026-11-01", "20261101T060000Z"],
    "project": ["5f2d1c5a8f7e4e0d9d3f8b7a6c5d4e3f"],
    "axis": ["debian", "cloud_init", "my.own.distro", "opensuse-leap"],
}
BAD = {
    "file_name": ["a\nb", "a?", 'a"', "../a", ".a", "-a", "a/", " a", "a ", "x" * 201, "a,b", "a%s"],
    "package": ["a b", "-a", "a;b", ""],
    "role": ["--help", "a\nb"],
    "account": ["root", "Debian", "1a", "a b", "x" * 33],
    "cloud": ["a b", "a/b/c", "/a"],
    "url": ["nonsense", "ftp://a", "http://", "http://a b", "http://[", "http://a:b", 'http://a"'],
    "mirror": ["nonsense", "hosts", "file:", "http://a/ b"],
    "security_mirror": ["host", "nonsense"],
    "guest_mirror": ["host", "file:///srv/mirror", "nonsense"],
    "source": ["host", "nonsense", "ftp:"],
    "source_name": ["goldsmith", "a b", "a/b", "a.b", "-a", ""],
    "suite": ["a b", "-a", ""],
    "component": ["a b", ""],
    "pin": ["trixie-backports", "release", "origin a\nPackage: *", ""],
    "key": ["http://a.example/key.asc", "ftp://a/key", "a\nb"],
    "time_zone": ["Mars/Base", "../etc/passwd", "utc+1"],
    "locale_name": ["xx_YY.UTF-8", "de_DE.UTF-9", "german", "de_DE.UTF-8 UTF-8", "../x"],
    "public_key": [
        "ssh-ed25519",
        "ssh-ed25519 AAAA me",
        "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        "ssh-ed25519 not/base64!",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        f"{ED25519}\n{ED25519}",
    ],
    "volume_name": ["root", "a b", "-a"],
    "size": ["big", "0", "-1G"],
    "mountpoint": ["var/log", "/", "/a/../b", "/a b", "//a"],
    "tag": ["a\nb", "", "x" * 256],
    "path": ["a\nb", "a\x00"],
    "line": ["a\nb"],
    "snapshot": ["2026-13-01", "yesterday", "20261101", ""],
    "project": ["a b", ""],
    "axis": ["../debian", "a.b", "Debian", "a/b", "a.b.c.d"],
}


@pytest.mark.parametrize(("name", "word"), [(name, word) for name, words in GOOD.items() for word in words])
def test_good_words(name: str, word: str) -> None:
    assert getattr(checks, name)(word) is None


@pytest.mark.parametrize(("name", "word"), [(name, word) for name, words in BAD.items() for word in words])
def test_bad_words_and_what_to_do(name: str, word: str) -> None:
    fault = getattr(checks, name)(word)
    assert fault and ";" in fault and "\n" not in fault


def test_every_check_is_tried() -> None:
    public = {
        name
        for name, value in vars(checks).items()
        if callable(value) and getattr(value, "__module__", "") == checks.__name__ and not name.startswith("_")
    }
    assert public == set(GOOD) == set(BAD)


def test_a_control_node_without_time_zones_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.zoneinfo, "available_timezones", set)
    assert checks.time_zone("Mars/Base") is None
