# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the person who builds may go into an image."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.definitions import ED25519, PLACE, axes, build, values

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import faults, personal
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.definition import Place

PROXY = "http://proxy.example:3128"
OWN = Place("/here", "/home/me", environment={"https_proxy": PROXY, "NO_PROXY": "a.example, .b"}, public_keys=[ED25519])


def test_what_was_chosen_goes_in_and_nothing_else() -> None:
    done = build(place=OWN)
    assert (done["proxies"], done["proxy_addresses"], done["authorized_keys"]) == ({}, [], [])
    done = build(place=OWN, local_configuration="proxy")
    past = "a.example,.b,localhost,127.0.0.1,::1,169.254.169.254,fe80::a9fe:a9fe"
    assert done["proxies"] == {"https_proxy": PROXY, "no_proxy": past}
    assert (done["proxy_addresses"], done["authorized_keys"]) == ([PROXY], [])
    other = ED25519.replace("me@home", "other")
    done = build(place=OWN, local_configuration="ssh_keys", authorized_keys=[other, ED25519])
    assert (done["proxies"], done["authorized_keys"]) == ({}, [other, ED25519])


def test_the_manifest_names_the_choice_and_no_value() -> None:
    done = build(place=OWN, local_configuration="proxy,ssh_keys")
    assert done["record"]["local_configuration"] == ["proxy", "ssh_keys"]
    assert "proxy.example" not in str(done["record"]) and "ssh-ed25519" not in str(done["record"])


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"visibility": "public"}, "belongs to one person, and does not go with image_visibility=public; leave one"),
        ({"visibility": "community"}, "does not go with image_visibility=community"),
        ({"retire": "community"}, "does not go with image_retire=community"),
        ({"build": "capture"}, "a machine is captured as it is; leave it out"),
    ],
)
def test_what_belongs_to_one_person_is_not_for_all(given: dict[str, str], fault: str) -> None:
    (found,) = faults.between(values(local_configuration="ssh_keys", **given), axes(), OWN)
    assert found.startswith("image_local_configuration=ssh_keys: ") and fault in found
    assert faults.between(values(**given), axes(), OWN) == []


def test_what_is_not_there_is_refused() -> None:
    lines = faults.between(values(local_configuration="proxy,ssh_keys"), axes(), PLACE)
    assert [line.split(":")[0] for line in lines] == ["image_local_configuration=proxy,ssh_keys"] * 2
    assert "names no proxy; set http_proxy or https_proxy" in lines[0]
    assert "there is no public key in ~/.ssh/authorized_keys or ~/.ssh/id_*.pub" in lines[1]


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({"http_proxy": "http://me:geheim@proxy:1"}, "http_proxy has a user or password"),
        ({"https_proxy": "http://me@proxy:1"}, "https_proxy has a user or password"),
        ({"http_proxy": "proxy:3128"}, "http_proxy is not a URL"),
        ({"http_proxy": 'http://proxy:1";x'}, "http_proxy is not a URL"),
        ({"http_proxy": "http://proxy:1/path"}, "http_proxy is more than the address of a proxy"),
        ({"http_proxy": "http://localhost:3128"}, "http_proxy is localhost, where an instance reaches itself only"),
        ({"http_proxy": "http://127.0.1.1:3128"}, "http_proxy is 127.0.1.1"),
        ({"http_proxy": "http://[::1]:3128"}, "http_proxy is ::1"),
        ({"http_proxy": PROXY, "no_proxy": "a,b$(c)"}, "no_proxy has 'b$(c)'"),
    ],
)
def test_a_proxy_that_an_image_cannot_have(environment: dict[str, str], fault: str) -> None:
    (found,) = personal.proxy_faults(environment)
    assert fault in found and "geheim" not in found


def test_the_star_stands_alone() -> None:
    assert personal.proxies({"HTTP_PROXY": f"{PROXY}/", "no_proxy": "a,*"}) == {
        "http_proxy": f"{PROXY}/",
        "no_proxy": "*",
    }
    assert list(personal.proxy_faults({"HTTP_PROXY": f"{PROXY}/", "no_proxy": "10.0.0.0/8,*.a,[fe80::1]"})) == []


def test_the_keys_that_the_account_accepts_go_before_its_own(tmp_path: Path) -> None:
    assert personal.public_keys(tmp_path) == []
    folder = tmp_path / ".ssh"
    folder.mkdir()
    other = ED25519.replace("me@home", "other")
    (folder / "id_ed25519.pub").write_text(f"{ED25519}\n")
    (folder / "id_rsa.pub").write_text(f"{other}\n")
    (folder / "id_rsa").write_text("private\n")
    assert personal.public_keys(tmp_path) == [ED25519, other]
    (folder / "authorized_keys").write_text("# nobody\n\n")
    assert personal.public_keys(tmp_path) == [ED25519, other]
    (folder / "authorized_keys").write_text(f"# me\n\n {other}\n{other}\n")
    assert personal.public_keys(tmp_path) == [other]


def test_a_line_that_is_no_key_is_told() -> None:
    (found,) = personal.key_faults([ED25519, "ssh-ed25519 cut"])
    assert found.startswith("in ~/.ssh the line 'ssh-ed25519 cut' is not a public key")
    assert list(personal.key_faults([ED25519])) == []
