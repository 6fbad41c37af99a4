# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest says of itself."""

from __future__ import annotations

import json

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.session import parse_observation

STATUS = {
    "v1": {
        "datasource": "DataSourceConfigDrive [net,ver=2][source=/dev/vdb]",
        "init": {"errors": [], "recoverable_errors": {"WARNING": ["old key"]}, "start": 1.0},
        "stage": None,
    }
}
SAID = """system_state\tdegraded
failed_units\tnetworking.service apt-daily.service \nhostname\tweb
account\tdebian
kernel_cmdline\troot=/dev/vda console=ttyS0
kernel_release\t6.12.48
machine_id\t30e53a97223f4b518437d3820a4fbd60
firmware\tuefi
os\tDebian GNU/Linux 13 (trixie)
root\t/dev/vda1 ext4
root_blocks\t1533256 4096
host_key\t256 SHA256:aaa root@web (ECDSA)
host_key\t256 SHA256:bbb root@web (ED25519)
complete
"""


def test_all_of_it() -> None:
    seen = parse_observation(SAID)
    assert seen["failed_units"] == ["networking.service", "apt-daily.service"]
    assert seen["system_state"] == "degraded"
    assert seen["root_size"] == 1533256 * 4096
    assert (seen["root_device"], seen["root_fstype"]) == ("/dev/vda1", "ext4")
    assert seen["ssh_host_keys"] == ["256 SHA256:aaa root@web (ECDSA)", "256 SHA256:bbb root@web (ED25519)"]
    assert (seen["hostname"], seen["account"], seen["guest_firmware"]) == ("web", "debian", "uefi")
    assert seen["cloud_init"] is None


def test_no_failed_unit_differs_from_not_known() -> None:
    assert parse_observation("failed_units\t\ncomplete\n")["failed_units"] == []
    assert parse_observation("system_state\t\ncomplete\n")["failed_units"] is None


def test_cloud_init_done() -> None:
    result = json.dumps({"v1": {"datasource": "DataSourceEc2Local", "errors": []}})
    seen = parse_observation(f"cloud_init_status\t{json.dumps(STATUS)}\ncloud_init_result\t{result}\n")
    assert seen["cloud_init"] == {
        "status": "done",
        "datasource": "DataSourceEc2Local",
        "errors": [],
        "warnings": ["old key"],
    }


def test_cloud_init_errors_and_unfinished() -> None:
    result = json.dumps({"v1": {"datasource": "x", "errors": ["no"]}})
    failed = parse_observation(f"cloud_init_status\t{json.dumps(STATUS)}\ncloud_init_result\t{result}\n")["cloud_init"]
    assert isinstance(failed, dict)
    assert (failed["status"], failed["errors"]) == ("error", ["no"])
    running = parse_observation(f"cloud_init_status\t{json.dumps(STATUS)}\n")["cloud_init"]
    assert isinstance(running, dict)
    assert running["status"] == "running"
