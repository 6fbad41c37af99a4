# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways into a real Glance: PUT, imports, several stores, tokens that expire, lines that stand still."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.file_server import served
from helpers.glance import TestCloud, local_cloud, raw_disk, running_cloud
from helpers.waiting import PATIENCE, wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import (
    Cloud,
    CloudError,
    CloudOptions,
    LoginRefused,
    Refused,
    Unreachable,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance, Image, ImageSpec
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.payload import Content
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.route import Transport, check
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.upload import holds, spread, upload
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

SPEC = ImageSpec("guest", "raw", "bare", hidden=True)
BOTH = ("local", "second")
# Seconds that a token is valid, where it is to expire.
LIFE = 5


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which the cloud can fetch what is in it."""
    folder = tmp_path_factory.mktemp("files")
    with served(folder) as url:
        yield folder, url


@pytest.fixture(scope="module")
def two_stores(tmp_path_factory: pytest.TempPathFactory, files: tuple[Path, str]) -> Iterator[TestCloud]:
    """A cloud with two stores and all ways of import."""
    directory = tmp_path_factory.mktemp("stores")
    cloud = local_cloud(
        directory / "state",
        OS_DEFAULT__ENABLED_BACKENDS="local:file,second:file",
        OS_SECOND__FILESYSTEM_STORE_DATADIR=str(directory / "state" / "state" / "second"),
        OS_DEFAULT__ENABLED_IMPORT_METHODS="[glance-direct,web-download,copy-image]",
        OS_IMPORT_FILTERING_OPTS__ALLOWED_PORTS=f"[{files[1].rpartition(':')[2]}]",
        OS_IMPORT_FILTERING_OPTS__ALLOWED_HOSTS="[127.0.0.1]",
    )
    with running_cloud(cloud, directory) as running:
        yield running


@pytest.fixture
def stores(two_stores: TestCloud) -> Iterator[TestCloud]:
    """That cloud without an image in it, and nothing broken."""
    two_stores.proxy.clear()
    two_stores.empty()
    yield two_stores
    two_stores.proxy.clear()
    two_stores.empty()
    assert kept(two_stores) == {"images": [], "second": [], "staging": []}


@pytest.fixture
def content(tmp_path: Path) -> Content:
    return content_of(raw_disk(tmp_path / "disk.raw"))


def content_of(path: Path, expected: str | None = None) -> Content:
    return Content(str(path), path.stat().st_size, expected)


def sha512(path: Path) -> str:
    return hashlib.sha512(path.read_bytes()).hexdigest()


def kept(cloud: TestCloud) -> dict[str, list[str]]:
    """What lies in the stores and in the staging area, whatever Glance says."""
    folders = {name: cloud.local.directory / "state" / name for name in ("images", "second", "staging")}
    return {name: sorted(path.name for path in folder.iterdir()) for name, folder in folders.items()}


def nothing_left(cloud: TestCloud) -> bool:
    return cloud.images() == [] and not any(kept(cloud).values())


def patient(cloud: TestCloud, timeout: float) -> Glance:
    """The images through the proxy, with that time limit."""
    options = CloudOptions(cloud="faulty", clouds_yaml=str(cloud.clouds_yaml), timeout=timeout)
    return Glance(Cloud(options, sleep=lambda _seconds: None))


# several stores


def test_data_is_put_into_the_store_that_is_named(stores: TestCloud, content: Content) -> None:
    image = upload(stores.glance(), SPEC, content, Transport(stores=("second",)))
    assert image.stores == ("second",)
    assert holds(image, content)
    assert kept(stores) == {"images": [], "second": [image.id], "staging": []}
    assert not stores.proxy.seen("POST", "import")


@pytest.mark.parametrize("method", ["auto", "put", "glance-direct"])
def test_data_gets_into_several_stores(stores: TestCloud, content: Content, method: str) -> None:
    image = upload(stores.glance(), SPEC, content, Transport(method, stores=BOTH))
    assert set(image.stores) == set(BOTH)
    assert image.hash_value == sha512(Path(content.path))
    assert kept(stores) == {"images": [image.id], "second": [image.id], "staging": []}
    assert len(stores.proxy.seen("PUT")) == 1
    (work,) = stores.proxy.seen("POST", "import")
    assert (b"copy-image" in work.body) == (method == "put")


def test_an_image_that_is_there_is_only_copied(stores: TestCloud, content: Content) -> None:
    glance = stores.glance()
    image = upload(glance, SPEC, content)
    assert image.stores == ("local",)
    stores.proxy.clear()
    # The cloud copies, but the word of it is lost on the way.
    stores.proxy.inject("POST", "import", lose_answer=True)
    copied = spread(glance, image, BOTH)
    assert (copied.id, set(copied.stores)) == (image.id, set(BOTH))
    assert not stores.proxy.seen("PUT")
    stores.proxy.clear()
    assert spread(glance, copied, BOTH) is copied
    assert stores.proxy.requests == []


@pytest.mark.parametrize("method", ["put", "glance-direct"])
def test_a_store_that_fails_fails_the_upload(stores: TestCloud, content: Content, method: str) -> None:
    second = stores.local.directory / "state" / "second"
    second.rename(second.with_name("away"))
    try:
        with pytest.raises(CloudError, match=r"of image .* into second failed: .") as caught:
            upload(stores.glance(), SPEC, content, Transport(method, stores=BOTH))
    finally:
        second.with_name("away").rename(second)
    assert len(str(caught.value).splitlines()) == 1
    assert nothing_left(stores)


def test_a_copy_that_fails_harms_nothing(stores: TestCloud, content: Content) -> None:
    glance = stores.glance()
    image = upload(glance, SPEC, content)
    second = stores.local.directory / "state" / "second"
    second.rename(second.with_name("away"))
    try:
        with pytest.raises(CloudError, match="into second failed"):
            spread(glance, image, BOTH)
    finally:
        second.with_name("away").rename(second)
    assert kept(stores) == {"images": [image.id], "second": [], "staging": []}
    # Once the store is well again, so is the copy.
    assert set(spread(glance, image, BOTH).stores) == set(BOTH)


# imports

FAULTS = [
    pytest.param("PUT", "/stage$", {"drop_at": 0.5}, id="data lost half way"),
    pytest.param("PUT", "/stage$", {"answer": 503}, id="503 to the data"),
    pytest.param("PUT", "/stage$", {"lose_answer": True}, id="answer to the data lost"),
    pytest.param("POST", "/import$", {"answer": 503}, id="503 to the import"),
    pytest.param("POST", "/import$", {"lose_answer": True}, id="answer to the import lost"),
    pytest.param("GET", "/tasks$", {"answer": 503, "times": 2}, id="503 to the question for news"),
]


@pytest.mark.parametrize(("method", "path", "fault"), FAULTS)
def test_a_passing_fault_of_an_import_is_overcome(
    stores: TestCloud, content: Content, method: str, path: str, fault: dict
) -> None:
    injected = stores.proxy.inject(method, path, **fault)
    image = upload(stores.glance(), SPEC, content, Transport("glance-direct"))
    assert injected.times == 0, "the fault never came"
    assert [one.id for one in stores.images()] == [image.id]
    assert image.hash_value == sha512(Path(content.path))
    assert kept(stores) == {"images": [image.id], "second": [], "staging": []}
    resent = path == "/stage$" and "lose_answer" not in fault
    assert len(stores.proxy.seen("PUT")) == (2 if resent else 1)


@pytest.mark.parametrize(
    ("path", "fault", "error"),
    [
        ("/stage$", {"corrupt": True}, CloudError),
        ("/stage$", {"drop_at": 0.5}, Unreachable),
        ("/stage$", {"answer": 403}, Refused),
        ("/import$", {"answer": 409}, Refused),
        ("/import$", {"answer": 503}, Unreachable),
    ],
)
def test_a_lasting_fault_of_an_import_leaves_nothing(
    stores: TestCloud, content: Content, path: str, fault: dict, error: type[CloudError]
) -> None:
    stores.proxy.inject("PUT|POST", path, times=1_000, **fault)
    with pytest.raises(error) as caught:
        upload(stores.glance(), SPEC, content, Transport("glance-direct", stores=BOTH))
    assert len(str(caught.value).splitlines()) == 1
    # Glance may notice the end of a broken line after us.
    wait_for(lambda: nothing_left(stores))


def test_the_cloud_fetches_what_it_is_told_to(
    stores: TestCloud, content: Content, files: tuple[Path, str], tmp_path: Path
) -> None:
    folder, url = files
    (folder / "disk.raw").write_bytes(Path(content.path).read_bytes())
    image = upload(stores.glance(), SPEC, content, Transport(uri=f"{url}/disk.raw", stores=BOTH))
    assert not stores.proxy.seen("PUT")
    assert set(image.stores) == set(BOTH)
    assert image.hash_value == sha512(Path(content.path))
    # Other bytes of the same size: the file at hand is the truth.
    other = content_of(raw_disk(tmp_path / "other.raw", seed=9))
    with pytest.raises(CloudError, match=r"after the web-download of .*other\.raw"):
        upload(stores.glance(), SPEC, other, Transport("web-download", f"{url}/disk.raw"))
    assert [one.id for one in stores.images()] == [image.id]


def test_what_the_cloud_cannot_fetch_is_said(stores: TestCloud, content: Content, files: tuple[Path, str]) -> None:
    with pytest.raises(CloudError, match=r"web-download of image .* failed: .*see that the cloud reaches") as caught:
        upload(stores.glance(), SPEC, content, Transport("web-download", f"{files[1]}/missing.raw"))
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(Refused, match="URI for web-download does not pass filtering"):
        upload(stores.glance(), SPEC, content, Transport("web-download", "http://127.0.0.1:9/disk.raw"))
    assert nothing_left(stores)


@pytest.mark.parametrize(
    ("transport", "words"),
    [
        (Transport("rsync"), r"import_method=rsync: unknown; known: auto, put"),
        (Transport("copy-image"), r"import_method=copy-image: unknown"),
        (Transport("web-download"), r"import_method=web-download: .*set import_uri"),
        (Transport("put", "http://example.org/disk"), r"import_uri=http://example.org/disk: .*import_method=put"),
        (Transport("auto", "file:///etc/passwd"), r"import_uri=file:///etc/passwd: neither http"),
        (Transport(stores=("tape",)), r"stores=tape: cloud faulty can write to local"),
        (Transport(stores=("local", "tape")), r"stores=tape: cloud faulty can write to local"),
    ],
)
def test_what_a_cloud_does_not_offer_is_refused_before(
    glance_cloud: TestCloud, content: Content, transport: Transport, words: str
) -> None:
    for refused in (check, lambda glance, wanted: upload(glance, SPEC, content, wanted)):
        with pytest.raises(OptionError, match=words):
            refused(glance_cloud.glance(), transport)
    assert glance_cloud.images() == []


def test_a_cloud_that_offers_nothing_takes_what_is_put(glance_cloud: TestCloud, content: Content) -> None:
    glance = glance_cloud.glance()
    check(glance, Transport())
    assert glance_cloud.proxy.requests == []
    glance_cloud.proxy.inject("GET", "/info/", answer=404, times=1_000)
    with pytest.raises(OptionError, match="import_method=glance-direct: cloud faulty offers none; use put"):
        check(glance, Transport("glance-direct"))
    with pytest.raises(OptionError, match="stores=local: cloud faulty has no choice of stores"):
        check(glance, Transport(stores=("local",)))
    assert upload(glance, SPEC, content, Transport("put")).status == "active"


# tokens


def test_a_token_that_is_refused_is_renewed_once(glance_cloud: TestCloud, content: Content) -> None:
    glance_cloud.proxy.inject("PUT", answer=401)
    image = upload(glance_cloud.glance(), SPEC, content)
    assert holds(image, content)
    first, second = (one.headers["X-Auth-Token"] for one in glance_cloud.proxy.seen("PUT"))
    assert first != second
    assert [one.id for one in glance_cloud.images()] == [image.id]


def test_a_user_that_is_refused_is_not_tried_for_ever(glance_cloud: TestCloud, content: Content) -> None:
    glance_cloud.proxy.inject("PUT", answer=401, times=1_000)
    with pytest.raises(LoginRefused, match=r"cloud faulty: user name, password or project refused \(401\)"):
        upload(glance_cloud.glance(), SPEC, content)
    assert len(glance_cloud.proxy.seen("PUT")) == 2
    assert glance_cloud.images() == []


# time


def test_a_server_that_stops_reading_is_given_up(glance_cloud: TestCloud, tmp_path: Path) -> None:
    content = content_of(raw_disk(tmp_path / "disk.raw", size=24 << 20))
    fault = glance_cloud.proxy.inject("PUT", hold_at=0.1)
    began = time.monotonic()
    image = upload(patient(glance_cloud, timeout=1.5), SPEC, content)
    assert fault.held.is_set()
    assert 1.5 <= time.monotonic() - began < PATIENCE
    assert holds(image, content)
    assert len(glance_cloud.proxy.seen("PUT")) == 2
    assert [one.id for one in glance_cloud.images()] == [image.id]


def test_a_slow_line_is_not_given_up(glance_cloud: TestCloud, tmp_path: Path) -> None:
    content = content_of(raw_disk(tmp_path / "disk.raw", size=16 << 20))
    glance_cloud.proxy.inject("PUT", pace=0.02)
    began = time.monotonic()
    image = upload(patient(glance_cloud, timeout=3), SPEC, content)
    assert time.monotonic() - began > 3
    assert holds(image, content)
    assert len(glance_cloud.proxy.seen("PUT")) == 1


# content


def test_the_hash_that_the_user_knows_spares_reading(glance_cloud: TestCloud, tmp_path: Path) -> None:
    path = raw_disk(tmp_path / "disk.raw")
    image = upload(glance_cloud.glance(), SPEC, content_of(path, sha512(path)))
    assert holds(image, content_of(path, sha512(path).upper()))
    path.unlink()
    # It is not there to be read.
    assert holds(image, Content(str(path), image.size or 0, image.hash_value))


def test_bytes_that_are_not_what_the_user_said_leave_nothing(
    stores: TestCloud, tmp_path: Path, files: tuple[Path, str]
) -> None:
    path = raw_disk(tmp_path / "disk.raw")
    (files[0] / "disk.raw").write_bytes(path.read_bytes())
    wrong = "0" * 128
    for transport in (Transport(), Transport("glance-direct"), Transport(uri=f"{files[1]}/disk.raw")):
        with pytest.raises(OptionError, match=f"sha512={wrong}: .*disk.raw has {sha512(path)}"):
            upload(stores.glance(), SPEC, content_of(path, wrong), transport)
        assert nothing_left(stores)


def test_several_uploads_share_one_content(glance_cloud: TestCloud, content: Content) -> None:
    def publish(number: int) -> Image:
        return upload(glance_cloud.glance(), ImageSpec(f"guest-{number}", "raw", "bare"), content)

    with ThreadPoolExecutor(3) as pool:
        images = list(pool.map(publish, range(3)))
    assert {image.name for image in images} == {"guest-0", "guest-1", "guest-2"}
    # The local cloud has a database with one writer, which must not be a reason to fail.
    assert not [request for request, status in glance_cloud.proxy.answers if status >= 500]
    assert {image.hash_value for image in images} == {sha512(Path(content.path))}


# At the end, because every request needs another token then.


def test_a_token_that_expires_while_data_is_sent_is_renewed_after_it(stores: TestCloud, content: Content) -> None:
    replace(stores.local, identity_options={"OS_TOKEN__EXPIRATION": str(LIFE)}).start()
    fault = stores.proxy.inject("PUT", hold_at=0.5)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(upload, stores.glance(), SPEC, content)
        assert fault.held.wait(PATIENCE)
        time.sleep(LIFE + 1)
        fault.release.set()
        image = future.result(PATIENCE)
    assert holds(image, content)
    (sending,) = stores.proxy.seen("PUT")
    assert stores.proxy.requests[-1].headers["X-Auth-Token"] != sending.headers["X-Auth-Token"]
