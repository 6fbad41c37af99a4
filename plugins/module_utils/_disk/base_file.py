# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a base: fetched where it is elsewhere, and verified by a checksum, a list of checksums, a signature."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from ansible.module_utils.urls import open_url

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest, sum_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import make_folders, whole_file
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import no_proxy
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import keys

_URL = re.compile(r"https?://\S+")
_CHECKSUM = re.compile(r"(sha256|sha512):([0-9a-fA-F]+)")
_LENGTHS = {64: "sha256", 128: "sha512"}
# As sha256sum writes it, and as BSD does
_LINES = (
    r"(?m)^\\?([0-9a-f]{{64}}|[0-9a-f]{{128}})[ \t]+\*?(?:\S*/)?{name}\r?$",
    r"(?m)^SHA\d+ ?\({name}\) ?= ?([0-9a-f]{{64}}|[0-9a-f]{{128}})\r?$",
)
_LARGEST_LIST = 1 << 20
_CHUNK = 1 << 20
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"


def is_url(source: str) -> bool:
    """Return whether a base, a list or a signature is elsewhere."""
    return bool(_URL.match(source))


class BaseFile:
    """A file, by its path or URL. It is fetched into *folder*, and fetched again only where it is not that file.

    *checksum* is ALGORITHM:HEX, or the path or URL of a list of checksums. *signature* is the path or URL of a detached
    signature of that list, or of the file itself where there is no list; a list may also hold its own. It counts if it
    is by one of *trusted*, public keys in ASCII armor.
    """

    def __init__(
        self,
        runner: Runner,
        source: str,
        *,
        folder: str,
        checksum: str = "",
        signature: str = "",
        trusted: Sequence[str] = (),
        proxy: str = "",
    ) -> None:
        self._runner, self.source, self._folder = runner, source, folder
        self._checksum, self._signature, self._trusted, self._proxy = checksum, signature, tuple(trusted), proxy
        if is_url(source) and not checksum and not signature:
            raise OptionError(
                "base",
                source,
                "is fetched, and nothing says what it must be",
                hint="give base_checksum or base_signature",
            )
        if signature and not trusted:
            raise OptionError("base_signature", signature, "needs the key that made it", hint="give base_keys")
        if not is_url(source) and not os.path.isfile(source):
            raise OptionError("base", source, "is not a file")

    def take(self) -> tuple[str, str]:
        """Return the path of the file on this host, and its sha512.

        Raises OptionError where it is not what it must be.
        """
        with scratch_folder("base") as scratch:
            name, expected = self._expected(scratch)
            path = self._file(name, expected, scratch)
        return path, sum_of(path, "sha512", _heard(path))

    def _expected(self, scratch: Path) -> tuple[str, str]:
        """Return the algorithm and the checksum that the file must have; empty where only a signature says it."""
        if not self._checksum:
            return "sha512", ""
        if match := _CHECKSUM.fullmatch(self._checksum):
            if _LENGTHS.get(len(match[2])) != match[1]:
                raise OptionError("base_checksum", self._checksum, f"is no {match[1]}", hint="write ALGORITHM:HEX")
            return match[1], match[2].lower()
        place = self._get(self._checksum, scratch / "list")
        text = Path(place).read_text(encoding="utf-8", errors="replace")[:_LARGEST_LIST]
        if self._trusted:
            if not self._signature and not text.startswith(_SIGNED):
                raise OptionError("base_checksum", self._checksum, "has no signature", hint="give base_signature")
            signature = self._get(self._signature, scratch / "signature") if self._signature else ""
            text = self._verify(signature, place) or text
        name = os.path.basename(self.source)
        for line in _LINES:
            if match := re.search(line.format(name=re.escape(name)), text):
                return _LENGTHS[len(match[1])], match[1]
        raise OptionError("base_checksum", self._checksum, f"does not name {name} with a sha256 or sha512")

    def _file(self, algorithm: str, expected: str, scratch: Path) -> str:
        if not is_url(self.source):
            self._judge(self.source, algorithm, expected, scratch)
            return self.source
        make_folders(self._folder)
        # A signature alone does not tell whether what is there is what would be fetched.
        name = digest(self.source, expected)[:24]
        path = os.path.join(self._folder, f"{name}-{os.path.basename(self.source)}")
        if not (expected and os.path.isfile(path) and sum_of(path, algorithm) == expected):
            self._get(self.source, Path(path), lambda partial: self._judge(partial, algorithm, expected, scratch))
        os.utime(path)
        return path

    def _judge(self, path: str, algorithm: str, expected: str, scratch: Path) -> None:
        found = sum_of(path, algorithm, _heard(path)) if expected else ""
        if found != expected:
            reason = f"has the {algorithm} {found}, not {expected}"
            raise OptionError("base", self.source, reason, hint="see where it comes from")
        # That of a list was verified with it.
        if self._signature and (not self._checksum or _CHECKSUM.fullmatch(self._checksum)):
            self._verify(self._get(self._signature, scratch / "signature"), path)

    def _get(self, source: str, path: Path, judge: Callable[[str], None] = lambda path: None) -> str:
        """Return the path of a file; one that is elsewhere is fetched, judged, and only then there by its name."""
        if not is_url(source):
            if not os.path.isfile(source):
                raise OptionError(
                    "base_checksum" if source == self._checksum else "base_signature", source, "is no file"
                )
            return source
        with _through(self._proxy), _opened(source) as answer, whole_file(path) as partial:
            total = int(answer.headers.get("Content-Length") or 0) or None
            progress, done = Progress(os.path.basename(source), total), 0
            with open(partial, "wb") as file:
                for chunk in _chunks(source, answer):
                    file.write(chunk)
                    done += len(chunk)
                    progress(done)
            if total and done != total:
                raise GoldsmithError(f"{source} broke off after {done} of {total} bytes", hint="try again")
            judge(str(partial))
        return str(path)

    def _verify(self, signature: str, path: str) -> str:
        """See that a signature is good; return the text that it is in, where it is not a file of its own."""
        with scratch_folder("keys") as folder:
            ring = folder / "keys.gpg"
            ring.write_bytes(b"".join(map(keys.binary, self._trusted)))
            argv = ["gpgv", "--homedir", str(folder), "--keyring", str(ring)]
            argv += [signature, path] if signature else ["--output", "-", path]
            result = self._runner.run(argv, check=False)
        if result.rc != 0:
            said = [line.removeprefix("gpgv: ") for line in result.stderr.splitlines() if line.startswith("gpgv: ")]
            raise OptionError(
                "base_signature",
                signature or path,
                f"cannot be verified: {said[-1] if said else result.last_line}",
                hint="check base_keys, or whether the file is what it claims to be",
            )
        return "" if signature else result.stdout


def _heard(path: str) -> Progress:
    return Progress(f"checksum of {os.path.basename(path)}", os.path.getsize(path) if os.path.isfile(path) else None)


@contextmanager
def _through(proxy: str) -> Iterator[None]:
    """Let downloads take a proxy over the block; loopback never does."""
    own = dict.fromkeys(("http_proxy", "https_proxy"), proxy) if proxy else {}
    own |= no_proxy({**os.environ, **own})
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _opened(source: str) -> Any:
    try:
        return open_url(source, timeout=60)
    except HTTPError as error:
        raise GoldsmithError(f"{source} cannot be fetched: {error.code} {error.reason}", hint="check the URL") from None
    except OSError as error:
        raise GoldsmithError(f"{source} cannot be fetched: {error}", hint="check the URL, proxy and network") from None


def _chunks(source: str, answer: Any) -> Iterator[bytes]:
    try:
        while chunk := answer.read(_CHUNK):
            yield chunk
    except (OSError, HTTPException) as error:
        raise GoldsmithError(f"{source} broke off: {error}", hint="try again") from None
