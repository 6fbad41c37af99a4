# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP proxy on loopback that breaks what it is told to break, between a client and a real server."""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from helpers.waiting import PATIENCE

_BLOCK = 64 * 1024
_ALWAYS = 1_000_000


@dataclass(frozen=True)
class Request:
    """A request as the client sent it; small bodies are kept."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass
class Fault:
    """What happens to the next *times* requests whose method, path and small body match these patterns.

    *skip*: so many of them pass before; *every*: of so many in a row only the first is broken. *answer*: this status
    comes in place of the server's, at once and without reading the body if *early*, else after reading it. *drop_at*:
    the connection ends on both sides when that share of the body has passed. *lose_answer*: the server does its work,
    the client never hears of it. *corrupt*: one byte of the body is changed. *hold_at*: nothing more passes after that
    share until *release* is set. *hold_request*: it waits for that before the server hears of it. *hold_answer*: it
    waits when the server has done its work. *pace*: so many seconds pass before each block of the body.
    """

    method: str
    path: str = "."
    body: str = ""
    times: int = 1
    skip: int = 0
    every: int = 1
    answer: int | None = None
    early: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    drop_at: float | None = None
    lose_answer: bool = False
    corrupt: bool = False
    hold_at: float | None = None
    hold_request: bool = False
    hold_answer: bool = False
    pace: float = 0.0
    held: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    ALWAYS: ClassVar[int] = _ALWAYS

    def concerns(self, request: Request) -> bool:
        """Return whether it is such a request."""
        return bool(
            re.fullmatch(self.method, request.method)
            and re.search(self.path, request.path)
            and re.search(self.body.encode(), request.body)
        )

    def wait(self) -> None:
        """Say that it is held, and wait until that is over."""
        self.held.set()
        self.release.wait(PATIENCE)


class FaultProxy:
    """Use it as a context manager; *url* is where it listens.

    *refused* are tokens that are answered with 401, as if they had expired. *after* is called when the server has
    answered a request that may have changed something, and before the client hears of it: so nobody else does anything
    meanwhile.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.upstream = (host, port)
        self.requests: list[Request] = []
        self.answers: list[tuple[Request, int]] = []
        self.refused: set[str] = set()
        self.after: Callable[[Request], None] | None = None
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.clear()
        self._server.shutdown()
        self._server.server_close()

    def inject(self, method: str, path: str = ".", **what: Any) -> Fault:
        """Break the next requests that match; return the fault."""
        fault = Fault(method, path, **what)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Break nothing any more, and forget what was seen."""
        with self._lock:
            for fault in self._faults:
                fault.release.set()
            self._faults.clear()
            self.requests.clear()
            self.answers.clear()
            self.refused.clear()

    def seen(self, method: str, path: str = ".") -> list[Request]:
        """Return the requests that came."""
        return [one for one in self.requests if one.method == method and re.search(path, one.path)]

    def take(self, request: Request) -> Fault | None:
        """Return the fault that this request gets."""
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and fault.concerns(request):
                    if fault.skip > 0:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    fault.skip = fault.every - 1
                    return fault
        return None


class _Dropped(Exception):
    """The connection ends here, without a word."""


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultProxy
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        self.close_connection = True
        length = int(self.headers.get("Content-Length") or 0)
        small = self.rfile.read(length) if 0 < length <= _BLOCK else b""
        request = Request(self.command, self.path, small, dict(self.headers.items()))
        self.proxy.requests.append(request)
        fault = self.proxy.take(request) or Fault(self.command)
        if self.headers.get("X-Auth-Token") in self.proxy.refused:
            fault = Fault(self.command, answer=401)
        blocks = iter([small]) if small else self._blocks(0 if fault.early else length)
        try:
            if fault.answer:
                for _block in blocks:
                    pass
                self.proxy.answers.append((request, fault.answer))
                self._answer(fault.answer, fault.headers, b"injected")
            else:
                if fault.hold_request:
                    fault.wait()
                self._forward(request, fault, length, blocks)
        except (_Dropped, OSError):
            self._drop()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle  # noqa: N815

    def _forward(self, request: Request, fault: Fault, length: int, blocks: Iterator[bytes]) -> None:
        upstream = http.client.HTTPConnection(*self.proxy.upstream, timeout=PATIENCE)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "connection":
                    upstream.putheader(name, value)
            upstream.putheader("Connection", "close")
            upstream.endheaders()
            for block in self._spoiled(fault, length, blocks):
                try:
                    upstream.send(block)
                except OSError:
                    # It has answered already, as one that is full does; or it is dead, and will not answer.
                    break
            answer = upstream.getresponse()
            data = answer.read()
            self.proxy.answers.append((request, answer.status))
            if self.proxy.after and self.command != "GET":
                self.proxy.after(request)
            if fault.hold_answer:
                fault.wait()
            if fault.lose_answer:
                raise _Dropped
            kept = ("transfer-encoding", "connection", "content-length")
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in kept}
            self._answer(answer.status, headers, data)
        finally:
            upstream.close()

    def _spoiled(self, fault: Fault, length: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
        passed = 0
        if fault.drop_at == 0:
            raise _Dropped
        for block in blocks:
            if fault.corrupt and passed == 0:
                block = bytes([block[0] ^ 1]) + block[1:]
            if fault.pace:
                time.sleep(fault.pace)
            yield block
            passed += len(block)
            if fault.hold_at is not None and passed >= fault.hold_at * length and not fault.held.is_set():
                fault.wait()
            if fault.drop_at is not None and passed >= fault.drop_at * length:
                raise _Dropped

    def _blocks(self, length: int) -> Iterator[bytes]:
        while length > 0:
            block = self.rfile.read(min(_BLOCK, length))
            if not block:
                raise _Dropped
            length -= len(block)
            yield block

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    def _drop(self) -> None:
        # A reset, not an orderly end: as when a machine on the way is gone.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_words: object) -> None:
        pass
