# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the words of a definition must be: names, addresses, keys, locales, time zones."""

from __future__ import annotations

import base64
import binascii
import codecs
import locale
import re
import struct
import zoneinfo
from collections.abc import Callable
from urllib.parse import urlsplit

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import parse_size

_LOCALE = re.compile(r"(?P<language>[a-z]{2,3}(?:_[A-Z]{2})?)(?:\.(?P<charset>[A-Za-z0-9-]+))?(?:@[a-z0-9]+)?")
_KEY_TYPES = re.compile(
    r"(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
    r"(?:-cert-v01@openssh\.com)?"
)
# glibc has these, and Python's table of aliases is older.
_NEW_LOCALES = (
    *("bhb_in", "de_li", "dsb_de", "en_sc", "gbm_in", "kv_ru", "ltg_lv", "mnw_mm", "rif_ma", "sah_ru"),
    *("scn_it", "ssy_er", "su_id", "syr", "tcy_in", "tok", "zgh_ma"),
)


def _matching(pattern: str, fault: str) -> Callable[[str], str | None]:
    """Return a check of whole words by a pattern."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda word: None if compiled.fullmatch(word) else fault


def _printable(fault: str) -> Callable[[str], str | None]:
    """Return a check that a word is one line of characters that can be shown."""
    return lambda word: None if word.isprintable() else fault


# The name of an image is also that of its files, with an ending.
file_name = _matching(
    r"(?=.{1,200}$)\w(?:[\w .+-]*\w)?",
    "is not a file name; use letters, digits, blanks and . _ + -, with a letter or digit at both ends, at most 200",
)
package = _matching(
    r"[A-Za-z0-9@][A-Za-z0-9+.:=~_@/^-]*", "is not the name of a package; write names with commas between"
)
account = _matching(
    r"(?!root$)[a-z_][a-z0-9_-]{0,31}",
    "is not the name of an account; use small letters, digits, _ and -, at most 32, a letter first, and not root",
)
cloud = _matching(
    r"[\w.@:+-]+(?:/[\w.@:+-]+)?", "is not the name of a cloud; write CLOUD or CLOUD/REGION, with commas between"
)
volume_name = _matching(
    r"(?!root$)[A-Za-z0-9_][A-Za-z0-9_.+-]*",
    "is not the name of a volume beside the root; use letters, digits and _ . + -, and not root",
)
mountpoint = _matching(r"(?:/(?!\.\.?(?:/|$))[^/\s\\#]+)+", "is not a folder to mount on; write one as /var/log")
snapshot = _matching(
    r"20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|20\d{6}T\d{6}Z",
    "is no day and no time; write one as 2026-11-01 or 20261101T060000Z",
)
project = _matching(r"[\w-]{1,255}", "is not the id of a project; ask: openstack project list")
axis = _matching(
    r"[a-z][\w-]*|[a-z]\w*\.[a-z]\w*\.\w[\w-]*", "is not a name; write one of ours, or NAMESPACE.COLLECTION.NAME"
)
source_name = _matching(
    r"(?!goldsmith$)[A-Za-z0-9][A-Za-z0-9_-]*",
    "is not a name for a source; use letters, digits, _ and -, not goldsmith",
)
suite = _matching(r"[A-Za-z0-9.][A-Za-z0-9./_+-]*", "is not the name of a suite; write one as trixie-backports")
component = _matching(r"[A-Za-z0-9][A-Za-z0-9./_+-]*", "is not the name of a component; write one as contrib")
pin = _matching(
    r"(?:release|origin|version) [^\n]*[^\s]",
    "is not a pin; write one as release n=trixie-backports or origin deb.example",
)
tag = _matching(r"[^\x00-\x1f\x7f]{1,255}", "is not a tag; use one line of at most 255 characters")
path = _printable("has characters that cannot be shown; write the path of a file or folder")
line = _printable("is not one line of text; leave out line breaks")


def role(word: str) -> str | None:
    """Judge the name or path of a role."""
    if word.startswith("-") or not word.isprintable():
        return "is not the name or the path of a role; write names with commas between"
    return None


def url(word: str) -> str | None:
    """Judge the address of a proxy."""
    return _address(word, ("http", "https"), "is not a URL; write it with http:// or https://")


def mirror(word: str) -> str | None:
    """Judge the address of a mirror, in which {snapshot} stands for a time."""
    if word == "host":
        return None
    return _address(
        word, ("http", "https", "ftp", "file"), "is not a URL; write it with http://, or host, or leave it empty"
    )


def security_mirror(word: str) -> str | None:
    """Judge the address of a mirror for security updates, which is never that of the host."""
    return _address(word, ("http", "https", "ftp", "file"), "is not a URL; write it with http:// or leave it empty")


def guest_mirror(word: str) -> str | None:
    """Judge the address of a guest's mirror, which is no folder of the build host."""
    if word == "build":
        return None
    return _address(word, ("http", "https", "ftp"), "is not a URL; write it with http://, or build, or leave it empty")


def source(word: str) -> str | None:
    """Judge the address of a source of packages."""
    return _address(word, ("http", "https", "ftp", "file"), "is not a URL; write it with http://")


def key(word: str) -> str | None:
    """Judge a public key, or the file or URL that has one."""
    if word.lstrip().startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----"):
        return None
    if re.match(r"[a-z]+://", word):
        return _address(word, ("https",), "is fetched, and nothing vouches for it; write it with https://, or a file")
    return path(word)


def _address(word: str, schemes: tuple[str, ...], fault: str) -> str | None:
    word = word.replace("{snapshot}", "snapshot")
    try:
        parts = urlsplit(word)
        valid = parts.scheme in schemes and bool(parts.path if parts.scheme == "file" else parts.hostname)
        _port = parts.port
    except ValueError:
        return fault
    # Where blanks are, or quotes, the program that reads it would see something else.
    return None if valid and not re.search(r"[\s\"'<>\\^`{|}]", word) else fault


def time_zone(word: str) -> str | None:
    """Judge the name of a time zone."""
    known = zoneinfo.available_timezones()
    # A control node without any time zones cannot tell.
    if not known or word in known:
        return None
    return "is not a time zone; write one as Europe/Berlin"


def locale_name(word: str) -> str | None:
    """Judge the name of a locale."""
    if word in ("C", "C.UTF-8", "POSIX"):
        return None
    found = _LOCALE.fullmatch(word)
    if found and _charset(found["charset"]):
        language = found["language"].lower()
        if language in _NEW_LOCALES or language in locale.locale_alias:
            return None
    return "is not a locale; write one as de_DE.UTF-8"


def _charset(name: str | None) -> bool:
    try:
        return name is None or bool(codecs.lookup(name))
    except LookupError:
        return False


def public_key(line: str) -> str | None:
    """Judge a line of authorized_keys, perhaps with options before the key."""
    words = line.split()
    kinds = [place for place, word in enumerate(words) if _KEY_TYPES.fullmatch(word)]
    if "\n" in line or not kinds or len(words) < kinds[0] + 2:
        return "is not a public key; write the whole line of the file id_*.pub, a list for several"
    kind = words[kinds[0]].encode()
    try:
        blob = base64.b64decode(words[kinds[0] + 1], validate=True)
    except (binascii.Error, ValueError):
        return "is not a public key: its second word is not base64; write the whole line of the file id_*.pub"
    # A length of four bytes and the type; what follows is the key itself.
    if not blob.startswith(struct.pack(">I", len(kind)) + kind) or len(blob) < 4 + len(kind) + 4:
        return "is not a public key: it is cut off; write the whole line of the file id_*.pub"
    return None


def size(word: str) -> str | None:
    """Judge a size."""
    try:
        return None if parse_size(word, "size") > 0 else "is nothing; write a size as 2G"
    except GoldsmithError:
        return "is not a size; write one as 2G"
