# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's way with instance data outside a guest: a real service on loopback, a folder for the config drive."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.agent import FLAVOURS, HOME, FakeGuest, fake_guest
from helpers.loopback_service import LoopbackService, loopback_service
from helpers.waiting import PATIENCE, wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import instance_documents

STRANGER_UID = 65534
UUID = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9fa"
BEGIN, END = (
    "# goldsmith-agent: keys of the instance, replaced at each boot",
    "# goldsmith-agent: end of these keys",
)


def make_key(folder: Path, name: str) -> str:
    path = folder / f"key-{name}"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
    return path.with_suffix(".pub").read_text().strip()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_key(folder, name) for name in ("cloud", "other", "user", "image")}


@pytest.fixture(params=FLAVOURS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> FakeGuest:
    return fake_guest(tmp_path / "root", request.param)


@pytest.fixture
def dash(tmp_path: Path) -> FakeGuest:
    return fake_guest(tmp_path / "root", "dash")


@pytest.fixture
def instance(tmp_path: Path, keys: dict[str, str]) -> instance_documents.InstanceData:
    script = f"#!/bin/sh\necho run >>{tmp_path}/root/runs\n"
    return instance_documents.InstanceData(UUID, "web-17.example", keys["cloud"], script)


def documents(instance: instance_documents.InstanceData, form: str) -> dict[str, bytes]:
    if form == "openstack":
        return instance_documents.openstack_documents(instance)
    found = instance_documents.ec2_documents(instance, address="10.0.0.2", mac="52:54:00:00:00:01")
    return found if form == "ec2" else {name: body for name, body in found.items() if not name.startswith("latest")}


@pytest.fixture
def service(instance: instance_documents.InstanceData) -> Iterator[LoopbackService]:
    with loopback_service(documents(instance, "openstack")) as running:
        yield running


def configure(guest: FakeGuest, url: str, **settings: object) -> None:
    settings = {"user": "debian", "url": url, "attempts": 3, "pause": 0, "patience": 5, "network": 0, **settings}
    guest.write("etc/goldsmith/agent.conf", "".join(f"{name}='{value}'\n" for name, value in settings.items()))


def plug_in(guest: FakeGuest, content: dict[str, bytes], *, filesystem: str = "iso9660", mounts: bool = True) -> None:
    """A config drive: the device is a folder, and mount copies it. The shell of busybox has a mount of its own."""
    assert guest.flavour == "dash"
    drive = guest.root / "dev" / "sr0"
    for name, body in content.items():
        (drive / name).parent.mkdir(parents=True, exist_ok=True)
        (drive / name).write_bytes(body)
    drive.mkdir(parents=True, exist_ok=True)
    label = f'case "$*" in -p*) printf "LABEL=config-2\\nTYPE={filesystem}\\n" ;; esac'
    guest.program("blkid", f"#!/bin/sh\n{label}\n")
    guest.program("unshare", '#!/bin/sh\nshift\nexec "$@"\n')
    log = f'echo "mount $*" >>{guest.root}/called'
    guest.program("mount", f"#!/bin/sh\n{log}\n{'cp -R $5/. $6' if mounts else 'exit 32'}\n")
    guest.program("umount", f'#!/bin/sh\necho "umount" >>{guest.root}/called\nrm -r "$1"\n')


def authorized(guest: FakeGuest) -> list[str]:
    return guest.authorized_keys.read_text().splitlines() if guest.authorized_keys.exists() else []


def runs(guest: FakeGuest) -> int:
    path = guest.root / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


# --- All of it --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["openstack", "ec2", "ec2-2009"])
def test_everything_is_applied(
    guest: FakeGuest, instance: instance_documents.InstanceData, keys: dict[str, str], form: str
) -> None:
    with loopback_service(documents(instance, form)) as service:
        configure(guest, service.url)
        said = guest.run("instance")
    assert authorized(guest) == [BEGIN, keys["cloud"], END]
    assert guest.authorized_keys.stat().st_mode & 0o7777 == 0o600
    assert guest.authorized_keys.parent.stat().st_mode & 0o7777 == 0o700
    assert guest.read("etc/hostname") == "web-17\n"
    assert guest.read("etc/hosts") == "127.0.0.1 localhost\n127.0.1.1 web-17.example web-17\n"
    assert runs(guest) == 1
    assert guest.read("proc/sys/kernel/hostname") == "web-17\n"
    assert guest.read("called").splitlines()[0] == "agetty --reload"
    assert f"instance {UUID if form == 'openstack' else instance.ec2_id}: found by metadata service" in said
    assert "keys for the account debian: 1" in said
    if guest.flavour == "dash":
        assert "SHA256:" in said
    assert "user data ended with exit status 0" in said
    assert all(line.startswith("goldsmith-agent: ") for line in said.splitlines())
    assert not list((guest.root / "run").iterdir())


@pytest.mark.parametrize("filesystem", ["iso9660", "vfat"])
def test_the_config_drive_goes_first(
    dash: FakeGuest, service: LoopbackService, instance: instance_documents.InstanceData, filesystem: str
) -> None:
    plug_in(dash, documents(replace(instance, hostname="of-the-drive"), "openstack"), filesystem=filesystem)
    configure(dash, service.url)
    assert "found by config drive" in dash.run("instance")
    assert dash.read("etc/hostname") == "of-the-drive\n"
    assert runs(dash) == 1
    assert service.requests == []
    mount = next(line for line in dash.read("called").splitlines() if line.startswith("mount"))
    assert mount.startswith(f"mount -t {filesystem} -o ro,nosuid,nodev,noexec ")
    assert "umount" in dash.read("called")
    assert not list((dash.root / "run").iterdir())


@pytest.mark.parametrize("damage", ["not mounted", "another file system", "empty", "garbage"])
def test_a_damaged_config_drive_gives_way_to_the_service(
    dash: FakeGuest, service: LoopbackService, damage: str
) -> None:
    content = {"openstack/latest/meta_data.json": b'{"uuid": '} if damage == "garbage" else {}
    filesystem = "ext4" if damage == "another file system" else "iso9660"
    plug_in(dash, content, filesystem=filesystem, mounts=damage != "not mounted")
    configure(dash, service.url)
    said = dash.run("instance")
    assert "found by metadata service" in said
    assert ("cannot be read" in said) is (damage != "another file system")
    assert ("mount" in dash.read("called")) is (damage != "another file system")
    assert dash.read("etc/hostname") == "web-17\n"


# --- Keys -------------------------------------------------------------------------------------------------------------


def test_keys_are_replaced_at_each_boot_and_the_user_s_own_stay(
    guest: FakeGuest, service: LoopbackService, instance: instance_documents.InstanceData, keys: dict[str, str]
) -> None:
    configure(guest, service.url)
    guest.authorized_keys.parent.mkdir()
    guest.authorized_keys.write_text(keys["user"])  # without a line break
    guest.run("instance")
    assert authorized(guest) == [keys["user"], BEGIN, keys["cloud"], END]
    service.documents = documents(replace(instance, public_key=keys["other"]), "openstack")
    guest.run("instance")
    assert authorized(guest) == [keys["user"], BEGIN, keys["other"], END]
    service.documents = documents(replace(instance, public_key=""), "openstack")
    guest.run("instance")
    assert authorized(guest) == [keys["user"]]
    assert runs(guest) == 1


def test_keys_of_the_image_are_added_and_open_without_any_source(
    guest: FakeGuest, service: LoopbackService, keys: dict[str, str]
) -> None:
    guest.write("etc/goldsmith/authorized_keys", f"# ours\n{keys['image']}\n\nnot a key\n")
    configure(guest, "http://127.0.0.1:1", attempts=1)
    assert "no instance data" in guest.run("instance")
    assert authorized(guest) == [BEGIN, keys["image"], END]
    configure(guest, service.url)
    guest.run("instance")
    assert authorized(guest) == [BEGIN, keys["cloud"], keys["image"], END]


def test_no_source_leaves_all_as_it_is(guest: FakeGuest, service: LoopbackService, keys: dict[str, str]) -> None:
    configure(guest, service.url)
    guest.run("instance")
    before = authorized(guest), guest.read("etc/hostname")
    service.trouble = {"": "500"}
    said = guest.run("instance")
    assert "in 3 attempts; all is left as it is" in said
    assert (authorized(guest), guest.read("etc/hostname")) == before
    assert keys["cloud"] in before[0]


def test_only_keys_are_taken_for_keys(dash: FakeGuest, keys: dict[str, str]) -> None:
    blob = keys["other"].split()[1]
    public_keys = {
        "several": f"{keys['cloud']}\r\n{keys['other']}\n",
        "again": keys["cloud"],
        "options": f'restrict,from="10.0.0.0/8" ssh-ed25519 {blob}',
        "mark": END,
        "comment": f"# ssh-ed25519 {blob}",
        "control": f"ssh-ed25519 {blob} \u001b[2J",
        "prose": "no key at all",
        "un/us\nual": keys["user"],
    }
    certificate = {"name": "x", "type": "x509", "data": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"}
    listed = [{"name": "array", "type": "ssh", "data": keys["image"]}, certificate]
    body = json.dumps({"uuid": UUID, "public_keys": public_keys, "keys": listed}).encode()
    with loopback_service({"openstack/latest/meta_data.json": body}) as service:
        configure(dash, service.url)
        dash.run("instance")
    mine = authorized(dash)
    assert mine[0] == BEGIN
    assert mine[-1] == END
    assert sorted(mine[1:-1]) == sorted(
        [keys["cloud"], keys["other"], public_keys["options"], keys["user"], keys["image"]]
    )


def test_a_list_without_its_end_loses_no_key_of_the_user(
    dash: FakeGuest, service: LoopbackService, keys: dict[str, str]
) -> None:
    configure(dash, service.url)
    dash.authorized_keys.parent.mkdir()
    dash.authorized_keys.write_text(f"{BEGIN}\n{keys['other']}\n{keys['user']}\n")
    dash.run("instance")
    assert authorized(dash) == [keys["other"], keys["user"], BEGIN, keys["cloud"], END]


def test_an_account_that_does_not_exist_is_told(dash: FakeGuest, service: LoopbackService) -> None:
    configure(dash, service.url, user="nobody-here")
    assert "the account 'nobody-here' does not exist" in dash.run("instance")
    assert dash.read("etc/hostname") == "web-17\n"
    assert runs(dash) == 1


@pytest.mark.root
@pytest.mark.parametrize("trap", ["folder", "file", "temporary", "fifo"])
def test_the_account_cannot_make_root_write_elsewhere(
    tmp_path: Path, service: LoopbackService, trap: str, keys: dict[str, str]
) -> None:
    guest = fake_guest(tmp_path / "root", "dash", uid=STRANGER_UID)
    for folder in (guest.root, tmp_path, *tmp_path.parents):
        if "pytest-" in str(folder):
            folder.chmod(0o755)
    configure(guest, service.url)
    guest.write("etc/goldsmith/authorized_keys", keys["image"])
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o700)
    (secret / "authorized_keys").write_text("of root\n")
    home = guest.root / HOME[1:]
    if trap == "folder":
        (home / ".ssh").symlink_to(secret)
    else:
        (home / ".ssh").mkdir()
        if trap == "file":
            guest.authorized_keys.symlink_to(secret / "authorized_keys")
        elif trap == "temporary":
            (home / ".ssh" / "authorized_keys.goldsmith").symlink_to(secret / "authorized_keys")
        else:
            os.mkfifo(guest.authorized_keys)
        os.chown(home / ".ssh", STRANGER_UID, STRANGER_UID)
    said = guest.run("instance")
    assert {path.name for path in secret.iterdir()} == {"authorized_keys"}
    assert (secret / "authorized_keys").read_text() == "of root\n"
    if trap in ("file", "temporary"):
        assert not guest.authorized_keys.is_symlink()
        assert guest.authorized_keys.stat().st_uid == STRANGER_UID
        assert keys["cloud"] in authorized(guest)
    else:
        assert "the keys of debian cannot be written" in said
    assert guest.read("etc/hostname") == "web-17\n"


# --- Host name --------------------------------------------------------------------------------------------------------


def test_the_name_in_hosts_is_replaced(guest: FakeGuest, service: LoopbackService) -> None:
    configure(guest, service.url)
    guest.write("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 old.example old\n10.0.0.1 mine\n")
    guest.run("instance")
    wanted = "127.0.0.1 localhost\n10.0.0.1 mine\n127.0.1.1 web-17.example web-17\n"
    assert guest.read("etc/hosts") == wanted
    guest.run("instance")
    assert guest.read("etc/hosts") == wanted


@pytest.mark.parametrize("name", ["web 1", "-web", "a/../b", "x" * 64, "a\nb", "$(id)", "w\u00e4b", "", "." * 9])
def test_a_name_that_is_none_is_not_set(dash: FakeGuest, name: str, keys: dict[str, str]) -> None:
    body = json.dumps({"uuid": UUID, "hostname": name, "public_keys": {"k": keys["cloud"]}}).encode()
    with loopback_service({"openstack/latest/meta_data.json": body}) as service:
        configure(dash, service.url)
        dash.run("instance")
    # The first line of two is a name.
    if name == "a\nb":
        assert dash.read("etc/hostname") == "a\n"
    else:
        assert not (dash.root / "etc/hostname").exists()
        assert dash.read("etc/hosts") == "127.0.0.1 localhost\n"
    assert keys["cloud"] in authorized(dash)


# --- User data --------------------------------------------------------------------------------------------------------


def test_user_data_is_executed_once_for_each_instance(
    guest: FakeGuest, service: LoopbackService, instance: instance_documents.InstanceData
) -> None:
    configure(guest, service.url)
    for _boot in range(2):
        guest.run("instance")
    assert runs(guest) == 1
    service.documents = documents(replace(instance, uuid=UUID[::-1]), "openstack")
    guest.run("instance")
    assert runs(guest) == 2


def test_user_data_has_the_processor_no_longer_before_others(guest: FakeGuest, service: LoopbackService) -> None:
    configure(guest, service.url)
    guest.program("systemctl", f'#!/bin/sh\n[ -e {guest.root}/runs ] || echo "systemctl $*" >>{guest.root}/called\n')
    guest.run("instance")
    assert runs(guest) == 1
    said = "systemctl set-property --runtime goldsmith-instance.service StartupCPUWeight=100"
    assert said in guest.read("called").splitlines()


def test_user_data_of_the_config_drive_is_executed_once(
    dash: FakeGuest, instance: instance_documents.InstanceData
) -> None:
    plug_in(dash, documents(instance, "openstack"))
    configure(dash, "http://127.0.0.1:1")
    for _boot in range(2):
        dash.run("instance")
    assert runs(dash) == 1


def test_user_data_that_broke_off_is_not_begun_again(
    dash: FakeGuest, service: LoopbackService, instance: instance_documents.InstanceData
) -> None:
    configure(dash, service.url)
    cut = f"#!/bin/sh\necho run >>{dash.root}/runs\nkill -9 0\n"
    service.documents = documents(replace(instance, user_data=cut), "openstack")
    process = dash.start("instance")
    process.communicate(timeout=PATIENCE)
    assert process.returncode < 0
    dash.run("instance")
    assert runs(dash) == 1


def test_what_user_data_says_and_how_it_ends_is_told(
    dash: FakeGuest, service: LoopbackService, instance: instance_documents.InstanceData
) -> None:
    configure(dash, service.url)
    script = "#!/bin/sh\necho out\necho err >&2\nread -r line\npwd\nexit 7\n"
    service.documents = documents(replace(instance, user_data=script), "openstack")
    said = dash.run("instance").splitlines()
    begin = said.index("goldsmith-agent: user data begins")
    assert said[begin + 1 :] == ["out", "err", "/", "goldsmith-agent: user data ended with exit status 7"]


def test_a_packed_script_is_executed(guest: FakeGuest, service: LoopbackService) -> None:
    configure(guest, service.url)
    path = "openstack/latest/user_data"
    service.documents[path] = gzip.compress(service.documents[path])
    for _boot in range(2):
        guest.run("instance")
    assert runs(guest) == 1


@pytest.mark.parametrize("damage", ["cut", "bomb"])
def test_what_cannot_be_unpacked_is_told(guest: FakeGuest, service: LoopbackService, damage: str) -> None:
    configure(guest, service.url)
    script = f"#!/bin/sh\necho run >>{guest.root}/runs\n".encode()
    packed = gzip.compress(script + bytes(64 << 20)) if damage == "bomb" else gzip.compress(script)[:-12]
    service.documents["openstack/latest/user_data"] = packed
    said = guest.run("instance")
    assert "user data cannot be unpacked, or to more than 16 MiB: ignored" in said
    assert runs(guest) == 0
    assert not list((guest.root / "run").iterdir())


@pytest.mark.parametrize("packed", [False, True])
def test_a_script_of_windows_is_executed(guest: FakeGuest, service: LoopbackService, packed: bool) -> None:
    configure(guest, service.url)
    script = f"#!/bin/sh\r\necho run >>{guest.root}/runs\r\nexit 0\r\n".encode()
    service.documents["openstack/latest/user_data"] = gzip.compress(script) if packed else script
    assert "user data ended with exit status 0" in guest.run("instance")
    assert (guest.root / "runs").read_bytes() == b"run\n"


def test_bytes_behind_a_script_stay_as_they_are(dash: FakeGuest, service: LoopbackService) -> None:
    configure(dash, service.url)
    service.documents["openstack/latest/user_data"] += b"exit 0\n\r\n\0\r"
    dash.run("instance")
    assert (dash.root / "var/lib/goldsmith/user-data").read_bytes().endswith(b"exit 0\n\r\n\0\r")


def test_other_user_data_is_ignored(
    guest: FakeGuest, service: LoopbackService, instance: instance_documents.InstanceData
) -> None:
    configure(guest, service.url)
    service.documents = documents(replace(instance, user_data="#cloud-config\n"), "openstack")
    assert "user data is no script that begins with #!: ignored" in guest.run("instance")


# --- A service in trouble ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["404", "500", "302", "garbage", "long", "cut", "hang", "trickle"])
def test_a_service_in_trouble_does_no_harm(guest: FakeGuest, service: LoopbackService, how: str) -> None:
    service.trouble = {"": how}
    configure(guest, service.url, attempts=2, patience=1)
    said = guest.run("instance", timeout=PATIENCE)
    assert "in 2 attempts; all is left as it is" in said
    assert authorized(guest) == []
    assert not (guest.root / "etc/hostname").exists()
    assert runs(guest) == 0
    assert not list((guest.root / "run").iterdir())
    # What is no clear "no" of the service itself is not taken for another form.
    assert any("meta-data" in path for path in service.requests) is (how == "404")
    assert sum("openstack" in path for path in service.requests) == 2


def test_a_service_that_comes_late_is_waited_for(guest: FakeGuest, service: LoopbackService) -> None:
    service.trouble = {"": "once"}
    configure(guest, service.url)
    guest.run("instance")
    assert guest.read("etc/hostname") == "web-17\n"
    assert runs(guest) == 1


@pytest.mark.parametrize("how", ["500", "long", "hang"])
def test_keys_do_not_wait_for_user_data(
    dash: FakeGuest, service: LoopbackService, how: str, keys: dict[str, str]
) -> None:
    service.trouble = {"openstack/latest/user_data": how}
    configure(dash, service.url, patience=1)
    said = dash.run("instance")
    assert keys["cloud"] in authorized(dash)
    assert said.index("keys for the account") < said.index("user data cannot be read")
    assert sum("meta_data.json" in path for path in service.requests) == 1


def test_half_an_answer_of_the_ec2_form_is_none(
    dash: FakeGuest, instance: instance_documents.InstanceData, keys: dict[str, str]
) -> None:
    with loopback_service(documents(instance, "ec2")) as service:
        configure(dash, service.url)
        dash.run("instance")
        for version in ("latest", "2009-04-04"):
            service.trouble[f"{version}/meta-data/public-keys/0"] = "500"
        assert "all is left as it is" in dash.run("instance")
    assert keys["cloud"] in authorized(dash)


def test_the_first_attempt_waits_for_a_route(dash: FakeGuest, service: LoopbackService) -> None:
    dash.write("proc/net/route", "Iface\tDestination\n")
    configure(dash, service.url, network=60)
    process = dash.start("instance")
    time.sleep(2)
    assert process.poll() is None
    assert service.requests == []
    dash.write("proc/net/route", "Iface\tDestination\neth0\t00000000\n")
    process.communicate(timeout=PATIENCE)
    assert dash.read("etc/hostname") == "web-17\n"


# --- Without systemd --------------------------------------------------------------------------------------------------


def test_rc_local_does_both_and_returns_at_once(guest: FakeGuest, service: LoopbackService) -> None:
    service.trouble = {"": "hang"}
    configure(guest, service.url, attempts=1, patience=10)
    console = guest.write("dev/console", "")
    guest.write("proc/self/mountinfo", "22 1 0:31 / / rw - overlay overlay rw\n")
    (guest.root / "sys").mkdir()
    assert guest.run("boot") == ""
    assert "nothing to grow" in console.read_text()
    assert "all is left as it is" not in console.read_text()
    wait_for(lambda: "all is left as it is" in console.read_text())


def test_a_word_that_is_no_command_is_refused(guest: FakeGuest) -> None:
    process = guest.start("shrink")
    said, _none = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "usage: goldsmith-agent grow|instance|boot" in said
