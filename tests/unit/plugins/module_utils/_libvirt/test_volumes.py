# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the disks of our guests go."""

from __future__ import annotations

import pytest
from helpers.runners import Answer, RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import volumes as volumes_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import Libvirt
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virt_install import PoolVolume
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.volumes import Place

NO_POOL = "error: failed to get pool '{0}'\nerror: Storage pool not found: no storage pool with matching name '{0}'\n"


class Pools:
    """A libvirt with these active pools and their volumes; *broken* commands fail with a text."""

    def __init__(self, pools: dict[str, str], volumes: dict[str, list[str]] | None = None, **broken: str) -> None:
        self.pools, self.volumes, self.broken = pools, volumes or {}, broken
        self.runner = RecordingRunner(self.answer)
        self.libvirt = Libvirt(self.runner, "qemu:///system")  # type: ignore[arg-type]

    def answer(self, argv: list[str]) -> Answer:
        word, *rest = argv[4:]
        if word.replace("-", "_") in self.broken:
            return 1, "", f"error: {self.broken[word.replace('-', '_')]}\n"
        options = dict(zip(rest[::2], rest[1::2]))
        pool = options.get("--pool", rest[0] if rest else "")
        if word == "pool-list":
            return 0, "\n".join(self.pools), ""
        if word == "pool-dumpxml":
            path = self.pools.get(pool)
            return (
                (0, f"<pool><target><path>{path}</path></target></pool>", "") if path else (1, "", NO_POOL.format(pool))
            )
        if word == "pool-create-as":
            self.pools[rest[0]] = rest[3]
        if word == "vol-list":
            return 0, "\n".join(f" {name} /x/{name}" for name in self.volumes.get(pool, [])), ""
        if word == "vol-info":
            return (0, "", "") if options["--vol"] in self.volumes.get(pool, []) else (1, "", "error: no such volume\n")
        if word == "vol-delete":
            self.volumes[pool].remove(options["--vol"])
        return 0, "", ""

    def words(self) -> list[str]:
        return [call[4] for call in self.runner.calls]


def test_names() -> None:
    assert volumes_module.volumes_of("web") == ("web.goldsmith.qcow2", "web.goldsmith.iso")


@pytest.mark.parametrize(
    ("place", "found"),
    [
        (Place(), "default"),
        (Place(pool="fast"), "fast"),
        (Place(path="/srv/fast"), "fast"),
        (Place(path="/srv/fast/"), "fast"),
        (Place(path="/srv/other"), None),
    ],
)
def test_find(place: Place, found: str | None) -> None:
    pools = Pools({"default": "/images", "fast": "/srv/fast"})
    assert volumes_module.find_pool(pools.libvirt, place) == found


@pytest.mark.parametrize(("uri", "pool"), [("qemu:///system", "fast"), ("qemu:///session", "default")])
def test_no_such_pool(uri: str, pool: str) -> None:
    libvirt = Libvirt(Pools({}).runner, uri)  # type: ignore[arg-type]
    with pytest.raises(OptionError) as caught:
        volumes_module.open_pool(libvirt, Place(pool=pool))
    assert str(caught.value) == (
        f"pool={pool}: libvirt at {uri} has no such storage pool; "
        f"virsh pool-define-as {pool} dir --target FOLDER, then pool-build and pool-start, or give path"
    )


def test_a_new_libvirt_gets_its_usual_pool() -> None:
    pools = Pools({})
    assert volumes_module.find_pool(pools.libvirt, Place()) is None
    assert pools.words() == ["pool-dumpxml"]
    assert volumes_module.open_pool(pools.libvirt, Place()) == "default"
    assert pools.words()[2:] == ["pool-define-as", "pool-build", "pool-start", "pool-autostart"]
    assert pools.runner.calls[2][5:] == ["default", "dir", "--target", "/var/lib/libvirt/images"]


def test_a_pool_that_is_not_active() -> None:
    pools = Pools({"default": "/images"})
    answer = pools.answer
    pools.runner._answer = lambda argv: (0, "", "") if argv[4] == "pool-list" else answer(argv)
    with pytest.raises(OptionError, match="not active; virsh pool-start default"):
        volumes_module.find_pool(pools.libvirt, Place())


def test_a_folder_gets_one_pool() -> None:
    pools = Pools({"default": "/images"})
    name = volumes_module.open_pool(pools.libvirt, Place(path="/srv/vms"))
    assert name.startswith("goldsmith-")
    assert pools.pools[name] == "/srv/vms"
    assert volumes_module.open_pool(pools.libvirt, Place(path="/srv/vms/")) == name
    assert pools.words().count("pool-create-as") == 1


def test_a_folder_that_is_not_there() -> None:
    pools = Pools({}, pool_create_as="cannot open directory '/no': No such file or directory")
    with pytest.raises(OptionError, match=r"path=/no: cannot open directory '/no'.*; make the folder on the host of"):
        volumes_module.open_pool(pools.libvirt, Place(path="/no"))


@pytest.mark.parametrize(
    ("pool", "volumes", "destroyed"),
    [
        ("goldsmith-1", [], True),
        ("goldsmith-1", ["other.raw"], True),
        ("goldsmith-1", ["db.goldsmith.qcow2"], False),
        ("default", [], False),
    ],
)
def test_leave(pool: str, volumes: list[str], destroyed: bool) -> None:
    pools = Pools({pool: "/x"}, {pool: volumes})
    volumes_module.leave_pool(pools.libvirt, pool)
    assert ("pool-destroy" in pools.words()) is destroyed


def test_create_takes_the_place_of_what_a_killed_run_left() -> None:
    pools = Pools({"default": "/images"}, {"default": ["web.goldsmith.qcow2"]})
    volume = volumes_module.create(pools.libvirt, "default", "web.goldsmith.qcow2", 4096, "qcow2", source="/disk")
    assert volume == PoolVolume("default", "web.goldsmith.qcow2")
    words = pools.words()
    assert words.index("vol-delete") < words.index("vol-create-as") < words.index("vol-upload")
    create = pools.runner.calls[words.index("vol-create-as")]
    assert create[5:] == ["default", "web.goldsmith.qcow2", "4096", "--format", "qcow2"]
    assert pools.runner.options[words.index("vol-upload")]["timeout"] is None


def test_a_volume_that_cannot_be_made() -> None:
    pools = Pools({"default": "/images"}, vol_create_as="cannot create file: No space left on device")
    with pytest.raises(GoldsmithError, match="volume a in the pool default: cannot create file: No space left"):
        volumes_module.create(pools.libvirt, "default", "a", 1, "raw")


def test_an_upload_that_breaks_leaves_no_volume() -> None:
    pools = Pools({"default": "/images"}, {"default": ["a"]}, vol_upload="cannot write: No space left on device")
    with pytest.raises(GoldsmithError, match="upload of /disk to the pool default failed: cannot write"):
        pools.volumes["default"] = []
        volumes_module.create(Refill(pools).libvirt, "default", "a", 1, "raw", source="/disk")
    assert pools.volumes["default"] == []


class Refill:
    """Pools whose vol-create-as adds the volume."""

    def __init__(self, pools: Pools) -> None:
        answer = pools.answer

        def adding(argv: list[str]) -> Answer:
            if argv[4] == "vol-create-as":
                pools.volumes[argv[5]].append(argv[6])
            return answer(argv)

        self.libvirt = Libvirt(RecordingRunner(adding), "qemu:///system")  # type: ignore[arg-type]


def test_delete_what_is_not_there() -> None:
    pools = Pools({"default": "/images"})
    volumes_module.delete(pools.libvirt, "default", "a")
    assert "vol-delete" not in pools.words()


def test_delete_by_path() -> None:
    pools = Pools({"goldsmith-1": "/srv/vms"}, {"goldsmith-1": ["web.goldsmith.qcow2"]})
    volumes_module.delete_path(pools.libvirt, "/srv/vms/web.goldsmith.qcow2")
    assert pools.volumes == {"goldsmith-1": []}
    assert pools.words()[-1] == "pool-destroy"


@pytest.mark.parametrize("place", [{"path": "vms"}, {"path": "/a,b"}, {"pool": "a,b"}, {"pool": "a\nb"}])
def test_refused(place: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        Place(**place)
