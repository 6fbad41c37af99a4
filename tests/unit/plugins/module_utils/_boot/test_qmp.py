# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control of QEMU, against a socket that answers as QEMU does. The real one: tests/integration/test_image_boot.py."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.qmp import Qmp
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

USERNET = (
    "Hub -1 (net0):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
    "  TCP[SYN_SENT]      33       127.0.0.1 42523      169.0.0.15    22     0     0\r\n"
    "  TCP[HOST_FORWARD]   8       127.0.0.1 37669      169.0.0.15    22     0     0\r\n"
)


def serve(path: Path, *answers: object, delay: float = 0.0) -> list[str]:
    """Answer one connection in the background; return the list that the commands go into."""
    commands: list[str] = []

    def talk() -> None:
        time.sleep(delay)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind(str(path))
            server.listen()
            connection, _address = server.accept()
            with connection, connection.makefile("rw") as stream:
                stream.write(json.dumps({"QMP": {"version": {}}}) + "\n")
                stream.flush()
                for answer in ({"return": {}}, *answers):
                    commands.append(json.loads(stream.readline())["execute"])
                    if answer is not None:
                        # An event may come before the answer.
                        stream.write(json.dumps({"event": "RESUME"}) + "\n" + json.dumps(answer) + "\n")
                        stream.flush()

    threading.Thread(target=talk, daemon=True).start()
    return commands


def test_commands_and_the_port(tmp_path: Path) -> None:
    commands = serve(tmp_path / "qmp", {"return": USERNET}, {"return": {}})
    with Qmp(tmp_path / "qmp", wait=5) as qmp:
        assert qmp.ssh_port() == 37669
        qmp.press_power_button()
    assert commands == ["qmp_capabilities", "human-monitor-command", "system_powerdown"]


@pytest.mark.parametrize("groups", [[], ["01:00:5e:00:00:01"]])
def test_a_network_card_that_is_up_listens_to_groups(tmp_path: Path, groups: list[str]) -> None:
    serve(tmp_path / "qmp", {"return": [{"name": "virtio-net-pci.0", "multicast-table": groups}]})
    with Qmp(tmp_path / "qmp", wait=5) as qmp:
        assert qmp.network_is_up() is bool(groups)


def test_the_socket_may_appear_later(tmp_path: Path) -> None:
    serve(tmp_path / "qmp", delay=0.3)
    with Qmp(tmp_path / "qmp", wait=5):
        pass


def test_no_qemu(tmp_path: Path) -> None:
    with pytest.raises(GoldsmithError, match="no QEMU answers on"):
        Qmp(tmp_path / "qmp", wait=0.1)


def test_refusal(tmp_path: Path) -> None:
    serve(tmp_path / "qmp", {"error": {"class": "GenericError", "desc": "not now"}})
    with Qmp(tmp_path / "qmp", wait=5) as qmp, pytest.raises(GoldsmithError, match="QEMU refuses quit: not now"):
        qmp.quit()


def test_qemu_that_dies(tmp_path: Path) -> None:
    serve(tmp_path / "qmp", None)
    with Qmp(tmp_path / "qmp", wait=5) as qmp, pytest.raises(GoldsmithError, match=r"QEMU closed|does not answer"):
        qmp.quit()
