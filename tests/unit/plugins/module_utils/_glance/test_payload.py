# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import payload
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.payload import Body, Content
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError

DATA = bytes(range(256)) * 8192
SHA512 = hashlib.sha512(DATA).hexdigest()


@pytest.fixture
def content(tmp_path: Path) -> Content:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return Content(str(path), len(DATA))


def test_a_body_is_sent_in_blocks_and_hashed_on_the_way(content: Content) -> None:
    heard: list[int] = []
    body = Body(content, heard.append)
    assert len(body) == len(DATA)
    assert not body.complete
    blocks = list(body)
    assert b"".join(blocks) == DATA
    # Each must pass within the time limit of a request, on a slow line too.
    assert max(len(block) for block in blocks) <= 256 << 10
    assert body.complete
    assert body.sha512 == hashlib.sha512(DATA).hexdigest()
    assert heard[-1] == len(DATA)


def test_a_body_is_never_sent_twice(content: Content) -> None:
    body = Body(content, lambda _done: None)
    list(body)
    with pytest.raises(GoldsmithError, match="twice"):
        list(body)


def test_a_file_that_shrinks_or_vanishes_is_no_failure_of_the_network(content: Content) -> None:
    path = Path(content.path)
    path.write_bytes(DATA[:100])
    with pytest.raises(GoldsmithError, match="became shorter"):
        list(Body(content, lambda _done: None))
    path.unlink()
    with pytest.raises(GoldsmithError, match="cannot read"):
        list(Body(content, lambda _done: None))


def test_a_file_that_changes_is_found_out(content: Content) -> None:
    content.digest()
    with pytest.raises(GoldsmithError, match="changed while it was read"):
        content.sent("0" * 128)


def test_the_file_is_read_once_for_all_threads(content: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def slowly(path: str, *_more: object) -> str:
        reads.append(path)
        threading.Event().wait(0.05)
        return SHA512

    monkeypatch.setattr(payload, "sha512_of", slowly)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _number: content.digest(), range(8))) == {SHA512}
    assert reads == [content.path]


def test_the_hash_that_the_user_knows_is_believed_for_looking_only(content: Content) -> None:
    wrong = Content(content.path, content.size, "AB" * 64)
    assert wrong.lookup_digest() == "ab" * 64
    with pytest.raises(OptionError, match=f"sha512={'ab' * 64}: .*file has {SHA512}"):
        wrong.digest()
    with pytest.raises(OptionError, match="sha512="):
        wrong.sent(SHA512)
    right = Content(content.path, content.size, SHA512.upper())
    right.sent(SHA512)
    assert right.lookup_digest() == right.digest() == SHA512
    assert content.lookup_digest() == SHA512


@pytest.mark.parametrize("text", ["", "0" * 127, "0" * 129, "x" * 128, "sha512:" + "0" * 128])
def test_what_is_no_sha512_is_refused_at_once(content: Content, text: str) -> None:
    with pytest.raises(OptionError, match=f"sha512={text}: not a SHA-512"):
        Content(content.path, content.size, text)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    for algorithm in ("sha512", "sha256"):
        with pytest.raises(GoldsmithError, match=r"cannot read .*missing: No such file"):
            Content(str(tmp_path / "missing"), 1).digest(algorithm)
