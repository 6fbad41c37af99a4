# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running programs: the one runner."""

from __future__ import annotations

import codecs
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import no_proxy

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What is made in a tree never depends on the build host's.
_UMASK = 0o022
# What we start dies with us, even by kill -9. Where we were gone before the kernel knew of that, it ends by itself.
_LEASH = ("setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", '[ "$PPID" = "$0" ] || exit 1; exec "$@"')


@dataclass(frozen=True)
class Result:
    """What a program left: its argv, exit status and text."""

    argv: tuple[str, ...]
    rc: int
    stdout: str
    stderr: str

    @property
    def last_line(self) -> str:
        """The last line that says something, of stderr or else of stdout."""
        for text in (self.stderr, self.stdout):
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            if lines:
                return lines[-1]
        return "no output"


class ProgramError(GoldsmithError):
    """A program failed; *result* has all that it said."""

    def __init__(self, result: Result, *, hint: str | None = None) -> None:
        name = os.path.basename(result.argv[0])
        super().__init__(
            f"{name} failed with exit status {result.rc}: {result.last_line}",
            hint=hint,
            cmd=list(result.argv),
            rc=result.rc,
            stdout=result.stdout,
            stderr=result.stderr,
        )
        self.result = result


class ProgramTimeout(GoldsmithError):
    """A program took longer than it may."""


class Runner:
    """Runs programs given as argv lists: fixed locale, umask and PATH, no stdin, and none outlives this process."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG"))},
            "LC_ALL": "C.UTF-8",
            "PATH": search_path(),
            **no_proxy(os.environ),
            **(environment or {}),
        }

    def run(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        check: bool = True,
        stdin: str | bytes | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
        on_line: Callable[[str], None] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Result:
        """Run a program to its end.

        *timeout* is in seconds. *on_line* hears each line of stdout (a carriage return ends a line too) as it comes.
        Raises ProgramError when *check* is set and the exit status is not 0.
        """
        words = [os.fspath(word) for word in argv]
        process = self.start(words, stdin=stdin is not None, environment=environment, pass_fds=pass_fds)
        stdout: list[str] = []
        stderr: list[str] = []
        threads = [
            threading.Thread(target=_drain, args=(process.stdout, stdout, on_line), daemon=True),
            threading.Thread(target=_drain, args=(process.stderr, stderr, None), daemon=True),
        ]
        try:
            for thread in threads:
                thread.start()
            if stdin is not None and process.stdin:
                _feed(process.stdin, stdin)
            rc = process.wait(timeout)
            # What it left running would keep our pipes open: unshare, refused, forgets its helper for ever.
            _kill_group(process.pid)
            for thread in threads:
                thread.join()
        except subprocess.TimeoutExpired:
            self.stop(process)
            result = Result(tuple(words), 124, "".join(stdout), "".join(stderr))
            raise ProgramTimeout(
                f"{os.path.basename(words[0])} was stopped after {timeout:g} s", cmd=words, stdout=result.stdout
            ) from None
        except BaseException:
            self.stop(process)
            raise
        result = Result(tuple(words), rc, "".join(stdout), "".join(stderr))
        if check and rc != 0:
            raise ProgramError(result)
        return result

    def start(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        stdin: bool | IO[bytes] = False,
        stdout: IO[bytes] | None = None,
        stderr: IO[bytes] | None = None,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a program in a process group of its own and return it; the caller ends it with stop().

        *stdin* True is a pipe, False nothing; *stdout* and *stderr* None are pipes.
        """
        words = [os.fspath(word) for word in argv]
        environment = {**self._environment, **(environment or {})}
        if not (os.path.exists(words[0]) if "/" in words[0] else shutil.which(words[0], path=environment["PATH"])):
            raise missing_program(words[0])
        try:
            return subprocess.Popen(
                [*_LEASH, str(os.getpid()), *words],
                stdin={True: subprocess.PIPE, False: subprocess.DEVNULL}[stdin] if isinstance(stdin, bool) else stdin,
                stdout=stdout or subprocess.PIPE,
                stderr=stderr or subprocess.PIPE,
                env=environment,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
                umask=_UMASK,
            )
        except FileNotFoundError:
            raise missing_program(_LEASH[0]) from None
        except OSError as error:
            raise GoldsmithError(f"cannot start {os.path.basename(words[0])}: {error.strerror}") from error

    @staticmethod
    def stop(process: subprocess.Popen[bytes]) -> None:
        """Kill a program and its group, and wait for it."""
        _kill_group(process.pid)
        process.wait()


def search_path() -> str:
    """Return where programs are looked for: PATH and the system's folders.

    An empty entry, as an empty PATH is, and a relative one would mean the current folder.
    """
    given = os.environ.get("PATH", "").split(":")
    return ":".join([*(folder for folder in given if folder.startswith("/")), SYSTEM_PATH])


def find_program(name: str) -> str | None:
    """Return the path by which the runner would start a program, None where it is not installed."""
    return shutil.which(name, path=search_path())


def missing_program(name: str) -> GoldsmithError:
    """Return the error for a program that is not installed."""
    return GoldsmithError(
        f"the program {os.path.basename(name)} is not installed",
        hint="the role goldsmith.openstack.build_host installs what a build needs",
    )


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _feed(pipe: IO[bytes], data: str | bytes) -> None:
    try:
        pipe.write(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)
        pipe.close()
    except BrokenPipeError:
        pass  # its exit status says why


def _drain(stream: IO[bytes], into: list[str], on_line: Callable[[str], None] | None) -> None:
    # A character may lie across two blocks.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pending = ""
    while block := os.read(stream.fileno(), 65536):
        text = decoder.decode(block)
        into.append(text)
        if on_line:
            *lines, pending = (pending + text).replace("\r", "\n").split("\n")
            for line in lines:
                on_line(line)
    into.append(decoder.decode(b"", final=True))
    if on_line and pending:
        on_line(pending)
    stream.close()
