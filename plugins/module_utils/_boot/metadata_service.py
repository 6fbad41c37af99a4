# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata service on 169.254.169.254: one HTTP connection on stdin and stdout.

QEMU starts a program for each connection that the guest makes. This file is that program too: install() copies it
beside the guest. So it imports the standard library only.
"""

from __future__ import annotations

import base64
import inspect
import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

_PROGRAM, _DOCUMENTS = "metadata.py", "metadata.json"
_PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}


def install(folder: Path, documents: Mapping[str, bytes]) -> str:
    """Write the program and its documents into *folder*; return the command line that QEMU starts for a connection."""
    encoded = {path: base64.b64encode(body).decode() for path, body in documents.items()}
    (folder / _DOCUMENTS).write_text(json.dumps(encoded), encoding="utf-8")
    (folder / _PROGRAM).write_text(inspect.getsource(sys.modules[__name__]), encoding="utf-8")
    words = [sys.executable, "-I", "-S", str(folder / _PROGRAM), str(folder / _DOCUMENTS)]
    return shlex.join(words)


def answer(documents: Mapping[str, bytes], method: str, path: str) -> tuple[int, bytes]:
    """Return the status and the body for a request; a folder answers with its names, one in a line."""
    path = "/" + path.partition("?")[0].strip("/")
    if method == "PUT":
        # Guests that believe to be in EC2 ask for a session token first.
        has_ec2 = any(name.startswith("latest/meta-data/") for name in documents)
        return (200, b"token") if path == "/latest/api/token" and has_ec2 else (404, b"")
    if method not in ("GET", "HEAD"):
        return 405, b""
    name = path[1:]
    for candidate in (name, name + "/"):
        if candidate in documents:
            return 200, documents[candidate]
    names = _names_below(documents, name)
    return (200, "\n".join(names).encode()) if names else (404, b"")


def _names_below(documents: Mapping[str, bytes], folder: str) -> list[str]:
    prefix = folder + "/" if folder else ""
    # Only meta-data marks its folders with a slash.
    mark = "/" if "meta-data" in folder else ""
    names: list[str] = []
    for path in documents:
        if not path.startswith(prefix):
            continue
        first, slash, _rest = path[len(prefix) :].partition("/")
        name = first + mark if slash else first
        if name and name not in names:
            names.append(name)
    return names


def serve(documents: Mapping[str, bytes], requests: BinaryIO, responses: BinaryIO) -> None:
    """Answer requests until the guest closes the connection or asks to."""
    while line := requests.readline(65536):
        words = line.decode("latin-1").split()
        headers: dict[str, str] = {}
        while (header := requests.readline(65536).strip()) != b"":
            key, _colon, value = header.decode("latin-1").partition(":")
            headers[key.strip().lower()] = value.strip()
        if headers.get("content-length", "").isdigit():
            requests.read(int(headers["content-length"]))
        close = headers.get("connection", "").lower() == "close" or not line.rstrip().endswith(b"HTTP/1.1")
        status, body = answer(documents, words[0], words[1]) if len(words) == 3 else (400, b"")
        head = [
            f"HTTP/1.1 {status} {_PHRASES[status]}",
            "Content-Type: text/plain; charset=UTF-8",
            f"Content-Length: {len(body)}",
            f"Connection: {'close' if close else 'keep-alive'}",
        ]
        responses.write("\r\n".join(head).encode() + b"\r\n\r\n" + (b"" if words[:1] == ["HEAD"] else body))
        responses.flush()
        if close:
            return


def _main() -> None:
    encoded = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    documents = {path: base64.b64decode(body) for path, body in encoded.items()}
    try:
        serve(documents, sys.stdin.buffer, sys.stdout.buffer)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the guest went away


if __name__ == "__main__":
    _main()
