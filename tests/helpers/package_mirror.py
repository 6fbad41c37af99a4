# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package mirrors that this host's apt uses, passed through on loopback for guests.

Guests find them at 10.0.2.2, by whatever way this host has: proxy, encryption, certificates, names.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

# Where a guest with user networking finds the loopback of its host.
HOST_OF_GUESTS = "10.0.2.2"
ARCHIVE, SECURITY = "/debian", "/debian-security"
_SECONDS = 120
# What a client says that changes the answer, and what of the answer it needs.
_REQUEST = ("Accept", "Cache-Control", "If-Modified-Since", "If-Range", "Range", "User-Agent")
_RESPONSE = ("Accept-Ranges", "Content-Length", "Content-Range", "Content-Type", "Last-Modified")


@dataclass
class PackageMirror:
    """What passes, and what did not: paths with the statuses."""

    repositories: dict[str, str]
    port: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    count: int = 0
    size: int = 0

    @property
    def guest_host(self) -> str:
        """Host and port as a guest writes them."""
        return f"{HOST_OF_GUESTS}:{self.port}"


def host_repositories() -> dict[str, str]:
    """The archive of Debian and its security updates as this host's apt knows them, by the paths for guests."""
    words = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    release = words.get("VERSION_CODENAME", "").strip('"')
    argv = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]
    told = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = {suite: uri.rstrip("/") for suite, uri in (line.split(" ", 1) for line in told.splitlines())}
    paths = {ARCHIVE: release, SECURITY: f"{release}-security"}
    if words.get("ID") != "debian" or not all(suite in found for suite in paths.values()):
        pytest.fail("the apt of this host has no sources of Debian with security updates", pytrace=False)
    return {path: found[suite] for path, suite in paths.items()}


def opener() -> urllib.request.OpenerDirector:
    """What fetches by the proxies of apt, where it has any; else by those of the environment."""
    argv = ["apt-config", "dump", "--format", "%F %v%n", "Acquire::http::Proxy", "Acquire::https::Proxy"]
    told = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
    pairs = [line.partition(" ") for line in told.splitlines()]
    proxies = {name.split("::")[1]: value for name, _blank, value in pairs if value and value != "DIRECT"}
    return urllib.request.build_opener(*([urllib.request.ProxyHandler(proxies)] if proxies else []))


@contextmanager
def package_mirror() -> Iterator[PackageMirror]:
    """Pass through within the block."""
    mirror = PackageMirror(host_repositories())
    upstream = opener()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass()

        def do_HEAD(self) -> None:
            self._pass()

        def _pass(self) -> None:
            # The longer path first: one begins as the other does.
            paths = sorted(mirror.repositories, reverse=True)
            path = next((path for path in paths if self.path.startswith(f"{path}/")), None)
            if path is None:
                return self._refuse(404)
            url = mirror.repositories[path] + self.path.removeprefix(path)
            headers = {name: self.headers[name] for name in _REQUEST if name in self.headers}
            request = urllib.request.Request(url, headers=headers, method=self.command)
            try:
                with upstream.open(request, timeout=_SECONDS) as answer:
                    self._answer(answer)
            except urllib.error.HTTPError as error:
                self._refuse(error.code)
            except OSError:
                self._refuse(502)

        def _answer(self, answer: HTTPResponse) -> None:
            self.send_response(answer.status)
            for name in _RESPONSE:
                if value := answer.headers[name]:
                    self.send_header(name, value)
            # Without a length only the end of the connection says where the content ends.
            if not answer.headers["Content-Length"]:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            with lock:
                mirror.count += 1
                mirror.size += int(answer.headers["Content-Length"] or 0)
            shutil.copyfileobj(answer, self.wfile)

        def _refuse(self, status: int) -> None:
            if status >= 400:
                with lock:
                    mirror.refused[self.path] = status
            self.send_response(status)
            if status != 304:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    mirror.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield mirror
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
