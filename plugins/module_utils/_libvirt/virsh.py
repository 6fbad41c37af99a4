# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt, here or elsewhere, and its guests, by virsh."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import seeded_uuid
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import LOOPBACK
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virt_install import DRIVE_ALIAS, ROOT_ALIAS

# libvirt gives a machine up to 45 s to die.
_SECONDS = 120
_SCHEME = re.compile(r"qemu(?:\+(?:unix|tcp|tls|ssh|libssh|libssh2))?")
_BOOT_MENU = re.compile(r"\s*<bootmenu [^>]*/>")
_NO_DOMAIN = "failed to get domain"
# What stands in the description of a guest that was installed to its end.
_MARK_URI, _MARK_KEY = "urn:goldsmith:machine", "goldsmith"
# What libvirt says, what it means, and what helps. The first that fits counts.
_TROUBLES = (
    ("Could not resolve hostname", "that host is not known", "is the name in the URI right?"),
    ("Host key verification failed", "ssh does not know the host", "log in there once by ssh, or add known_hosts"),
    ("Permission denied (", "ssh is refused there", "the URI may name user and key: qemu+ssh://USER@HOST/system?keyfile="),
    ("Permission denied", "libvirt refuses this user", "become root, or a member of the group libvirt"),
    ("authentication", "libvirt refuses this user", "become root, or a member of the group libvirt"),
    ("Connection refused", "nothing answers there", "start libvirtd there, and have it listen as the URI says"),
    ("No such file or directory", "no libvirtd is running", "start it: systemctl start libvirtd"),
    ("Connection reset by peer", "the connection broke", "is libvirt running there?"),
    ("End of file while reading data", "the connection broke", "is libvirt running there?"),
)  # fmt: skip


@dataclass(frozen=True)
class Uri:
    """Where a libvirt is."""

    text: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.text)
        if not _SCHEME.fullmatch(parts.scheme) or parts.path not in ("/system", "/session"):
            raise OptionError(
                "uri",
                self.text,
                "not a URI of libvirt for QEMU",
                hint="for example qemu:///system, qemu+ssh://HOST/system",
            )

    @property
    def transport(self) -> str:
        """How it is reached."""
        return urlsplit(self.text).scheme.partition("+")[2] or "unix"

    @property
    def host(self) -> str:
        """The other host; empty for this one."""
        return urlsplit(self.text).hostname or ""

    @property
    def by_ssh(self) -> bool:
        """Whether it is reached by ssh, even if that ends on this host."""
        return bool(self.host) and self.transport in ("ssh", "libssh", "libssh2")

    @property
    def is_system(self) -> bool:
        """Whether it is that of the whole host, and not a user's."""
        return urlsplit(self.text).path == "/system"

    @property
    def is_local(self) -> bool:
        """Whether it is on this host, as far as the URI tells."""
        return not self.by_ssh and self.host in ("", *LOOPBACK)

    def ssh_words(self) -> list[str]:
        """Return the argv of ssh to its host, with what the URI says of key, port and user."""
        parts, given = urlsplit(self.text), parse_qs(urlsplit(self.text).query)
        words = ["ssh", "-o", "BatchMode=yes", "-T"]
        if given.get("no_verify", ["0"])[0] == "1":
            words += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
        if "known_hosts" in given:
            words += ["-o", f"UserKnownHostsFile={given['known_hosts'][0]}"]
        if "keyfile" in given:
            words += ["-i", given["keyfile"][0]]
        words += ["-p", str(parts.port)] if parts.port else []
        words += ["-l", parts.username] if parts.username else []
        return [*words, self.host]


@dataclass(frozen=True)
class State:
    """What a guest does: libvirt's words for state and reason."""

    name: str
    reason: str = ""

    @property
    def is_off(self) -> bool:
        """Whether it does not run."""
        return self.name == "shut off"


@dataclass(frozen=True)
class Domain:
    """A guest as libvirt describes it. *disks* are those that we made: paths on its host.

    *installation* is the identifier of the installation that came to its end; empty where none did.
    """

    name: str
    uuid: str
    mac: str = ""
    network: str = ""
    disks: tuple[str, ...] = ()
    installation: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether vm_install made it: such a guest has its identifier from the first moment."""
        return self.uuid == our_uuid(self.name)


class Libvirt:
    """One libvirt. What it refuses becomes one line with the remedy."""

    def __init__(self, runner: Runner, uri: str) -> None:
        self.runner, self.uri = runner, Uri(uri)

    def virsh(
        self, *words: str, check: bool = True, stdin: str | None = None, timeout: float | None = _SECONDS
    ) -> Result:
        """Run virsh; its failure to connect is always an error, any other if *check* is set."""
        result = self.runner.run(self.argv(*words), check=False, stdin=stdin, timeout=timeout)
        if result.rc != 0 and "failed to connect to the hypervisor" in result.stderr:
            raise self._unreachable(result)
        if check and result.rc != 0:
            raise GoldsmithError(f"libvirt at {self.uri.text} refuses {words[0]}: {last_line(result)}")
        return result

    def argv(self, *words: str) -> list[str]:
        """Return the argv of virsh."""
        return ["virsh", "--quiet", "--connect", self.uri.text, *words]

    def state(self, name: str) -> State | None:
        """Return what a guest does, or None if there is none of that name."""
        result = self.virsh("domstate", "--reason", "--domain", name, check=False)
        if result.rc != 0:
            if _NO_DOMAIN in result.stderr:
                return None
            raise GoldsmithError(f"libvirt at {self.uri.text} says nothing of {name}: {last_line(result)}")
        state, _blank, reason = result.stdout.strip().partition(" (")
        return State(state, reason.rstrip(")"))

    def domain(self, name: str) -> Domain | None:
        """Return a guest, or None if there is none of that name."""
        result = self.virsh("dumpxml", "--domain", name, check=False)
        if result.rc != 0:
            if _NO_DOMAIN in result.stderr:
                return None
            raise GoldsmithError(f"libvirt at {self.uri.text} does not describe {name}: {last_line(result)}")
        return parse_domain(result.stdout)

    def mark_installed(self, name: str) -> None:
        """Write into the description of a guest that it was installed to its end, and let it start without delay."""
        description = self.virsh("dumpxml", "--inactive", "--security-info", "--domain", name).stdout
        if _BOOT_MENU.search(description):
            self.virsh("define", "--file", "/dev/stdin", stdin=_BOOT_MENU.sub("", description))
        element = f'<machine installation="{uuid.uuid4()}"/>'
        mark = ("--uri", _MARK_URI, "--key", _MARK_KEY, "--set", element)
        self.virsh("metadata", "--domain", name, *mark, "--config")

    def has_kvm(self) -> bool:
        """Return whether libvirt offers KVM."""
        return "<domain type='kvm'" in self.virsh("capabilities").stdout

    def remove(self, name: str) -> None:
        """End a guest at once and forget it; its disks stay."""
        state = self.state(name)
        if state is not None and not state.is_off:
            self.virsh("destroy", "--domain", name, check=False)
        if self.state(name) is not None:  # one that was never defined is gone when it ends
            kept = ("--managed-save", "--snapshots-metadata", "--checkpoints-metadata", "--nvram")
            self.virsh("undefine", "--domain", name, *kept)

    def _unreachable(self, result: Result) -> GoldsmithError:
        said = last_line(result)
        for words, meaning, hint in _TROUBLES:
            if words in said:
                return OptionError("uri", self.uri.text, f"{meaning} ({said})", hint=hint)
        return OptionError("uri", self.uri.text, said, hint="is the URI right, and is libvirt running there?")


def our_uuid(name: str) -> str:
    """Return the identifier of a guest that we make."""
    return seeded_uuid(name, "virt_install")


def last_line(result: Result) -> str:
    """Return what virsh complained of."""
    return result.last_line.removeprefix("error: ")


def parse_domain(text: str) -> Domain:
    """Return the guest that a description in XML is of."""
    root = parse(text)
    interface = root.find("./devices/interface")
    mac = interface.find("mac") if interface is not None else None
    disks = []
    for disk in root.iterfind("./devices/disk"):
        alias, source = disk.find("alias"), disk.find("source")
        if alias is not None and alias.get("name") in (ROOT_ALIAS, DRIVE_ALIAS) and source is not None:
            disks.append(source.get("file", ""))
    mark = root.find(f"./metadata/{{{_MARK_URI}}}machine")
    return Domain(
        name=root.findtext("name", ""),
        uuid=root.findtext("uuid", ""),
        mac=mac.get("address", "") if mac is not None else "",
        network=interface.get("type", "") if interface is not None else "",
        disks=tuple(path for path in disks if path),
        installation=mark.get("installation", "") if mark is not None else "",
    )


def parse(text: str) -> ElementTree.Element:
    """Return what libvirt wrote as XML."""
    try:
        return ElementTree.fromstring(text)  # noqa: S314 (libvirt wrote it)
    except ElementTree.ParseError as error:
        raise GoldsmithError(f"the answer of libvirt cannot be read: {error}") from None
