# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts lose their passwords, configuration its credentials and proxies, and nothing else."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import credentials as secrets

AGES = ":19000:0:99999:7:::"


@pytest.mark.parametrize(
    ("password", "field"),
    [
        ("$6$salt$hash", "*"),
        ("$y$j9T$salt$hash", "*"),
        ("", "*"),
        ("x", "*"),
        ("*", "*"),
        ("!", "!"),
        ("!!", "!!"),
        ("!*", "!*"),
        ("!$6$salt$hash", "!"),
        ("*LK*", "*"),
    ],
)
def test_accounts_are_locked_and_forget_their_passwords(password: str, field: str) -> None:
    assert secrets.locked(f"a:{password}{AGES}\n") == f"a:{field}{AGES}\n"


def test_what_else_stands_in_shadow() -> None:
    text = f"# of ours\n\nroot:*{AGES}\r\n+::::::::\nalone\nshort:$6$a\n \xff:$1${AGES}"
    assert secrets.locked(text) == f"# of ours\n\nroot:*{AGES}\r\n+:*:::::::\nshort:*\n \xff:*{AGES}"


def test_passwords_in_passwd() -> None:
    text = "root:x:0:0::/root:/bin/sh\na:$1$a:1:1::/:/x\nb::2:2::/:/x\nc:*:3:3::/:/x\nd:!$1$a:4:4::/:/x\n"
    assert secrets.shadowed(text, f"root:*{AGES}\na:*{AGES}\n") == (
        "root:x:0:0::/root:/bin/sh\na:x:1:1::/:/x\nb:*:2:2::/:/x\nc:*:3:3::/:/x\nd:!:4:4::/:/x\n"
    )


def test_passwords_of_groups() -> None:
    assert secrets.locked_groups("a:!::\nb:::x\nc:$6$a$b::\n") == "a:!::\nb:::x\nc:!::\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("deb https://me:secret@host/x y main\n", "deb https://host/x y main\n"),
        ("# deb https://me:secret@host/x y main\n", "# deb https://host/x y main\n"),
        ("a http://a:b@c:d@host http://e:f@g\n", "a http://host http://g\n"),
        ("deb https://host:8080/x@y main\n", "deb https://host:8080/x@y main\n"),
        ("a\nproxy_password = secret\nb\n", "a\nb\n"),
        ("users:\n- name: a\n  hashed_passwd: $6$a\n  shell: x", "users:\n- name: a\n  shell: x"),
        ("password:\nnext\n", "password:\nnext\n"),
        ("ssh_pwauth: false\npasswd_minlen=8\n", "ssh_pwauth: false\npasswd_minlen=8\n"),
    ],
)
def test_credentials(before: str, after: str) -> None:
    assert secrets.without_credentials(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\nexport http_proxy=http://p:1\nb\n", "a\nb\n"),
        ('Acquire::http::Proxy "http://p:1";\nx\n', "x\n"),
        ('Acquire::http::Proxy "DIRECT";\n', 'Acquire::http::Proxy "DIRECT";\n'),
        ('HTTP_PROXY=""\n', 'HTTP_PROXY=""\n'),
        ('Acquire::http::Proxy::mirror "DIRECT";\n', 'Acquire::http::Proxy::mirror "DIRECT";\n'),
        ('Acquire::http::Proxy::mirror "http://p:1";\n', ""),
        ("http_proxy=http://wanted:3128 https_proxy=http://p:1\n", ""),
        ("proxy = http://p:1\nproxy=_none_\n", "proxy=_none_\n"),
        ("# http_proxy=http://p:1\n", "# http_proxy=http://p:1\n"),
        ("http_proxy=http://wanted:3128/\n", "http_proxy=http://wanted:3128/\n"),
    ],
)
def test_proxies(before: str, after: str) -> None:
    assert secrets.without_proxy(["http://wanted:3128"], shell=False)(before) == after


def test_a_shell_script_stays_one() -> None:
    text = "if [ -e /x ]; then\n  export https_proxy=http://p:1\nfi\n"
    assert secrets.without_proxy([], shell=True)(text) == "if [ -e /x ]; then\n  :\nfi\n"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("/a/id_rsa", "-----BEGIN RSA PRIVATE KEY-----\n", True),
        ("/a/ca.pem", "-----BEGIN CERTIFICATE-----\n", False),
        ("/a/store.p12", "", True),
    ],
)
def test_private_keys(name: str, text: str, found: bool) -> None:
    assert secrets.KEY_NAMES.search(name.rsplit("/", 1)[1])
    assert secrets.is_private_key(name, text) is found
