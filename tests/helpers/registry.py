# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry of container images on loopback, as far as one is read: manifests and blobs by their digests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def registry(layout: Path) -> Iterator[tuple[str, str]]:
    """Serve the image of an OCI layout within the block; yield the host with its port, and the image's digest."""
    (descriptor,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = descriptor["digest"]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, _slash, digest = self.path.rpartition("/")
            blob = layout / "blobs" / digest.replace(":", "/")
            if self.path.rstrip("/") == "/v2":
                self._say(b"{}", "application/json")
            elif blob.is_file() and (not kind.endswith("manifests") or digest == manifest):
                self._say(blob.read_bytes(), descriptor["mediaType"] if digest == manifest else "application/x-gtar")
            else:
                self.send_error(404)

        def do_HEAD(self) -> None:
            self.do_GET()

        def _say(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", manifest
        finally:
            server.shutdown()
