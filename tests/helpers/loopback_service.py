# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A metadata service on loopback that can be told to misbehave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from helpers.waiting import PATIENCE

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import metadata_service


@dataclass
class LoopbackService:
    """What it serves, and how. *trouble*, by the beginning of a path, goes first; the empty one is all."""

    documents: dict[str, bytes]
    url: str = ""
    trouble: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def trouble_of(self, path: str) -> str:
        """What is wrong with a path: nothing, a status, or the name of a misbehaviour."""
        return next((how for start, how in self.trouble.items() if path.startswith(f"/{start}")), "")


@contextmanager
def loopback_service(documents: dict[str, bytes]) -> Iterator[LoopbackService]:
    """Serve within the block."""
    service = LoopbackService(documents)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.requests.append(self.path)
            how = service.trouble_of(self.path)
            if how == "once":
                service.trouble.clear()
                how = "500"
            if how == "hang":
                service.over.wait(PATIENCE)
            elif how == "trickle":
                self._trickle()
            elif how == "long":
                self._say(200, b'{"uuid": "' + b"a" * (10 << 20) + b'"}')
            elif how == "cut":
                self._say(200, b'{"uuid": "a-b", "public_keys": {}}', length=4096)
            elif how == "garbage":
                self._say(200, b"<html>\0\xff proxy</html>" * 999)
            elif how:
                self._say(int(how), b"of no use")
            else:
                self._say(*metadata_service.answer(service.documents, "GET", self.path))

        def _say(self, status: int, body: bytes, length: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                pass  # the agent has heard enough

        def _trickle(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while not service.over.wait(0.05):
                    self.wfile.write(b" ")
            except OSError:
                pass

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        service.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
