# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for what a build or a used machine leaves behind."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import Finding, Guest, judged, rule
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import credentials

_CACHES = (
    ("/var/cache/apt/archives", re.compile(r"\.deb$")),
    ("/var/cache/apt", re.compile(r"pkgcache\.bin$")),
    ("/var/lib/apt/lists", re.compile(r"(?<!/lock)$")),
    ("/var/cache/dnf", re.compile("")),
    ("/var/cache/libdnf5", re.compile("")),
    ("/var/cache/yum", re.compile("")),
    ("/var/cache/zypp", re.compile("")),
)
_LEASES = (
    "/var/lib/dhcp/*",
    "/var/lib/dhclient/*",
    "/var/lib/dhcpcd/*",
    "/var/lib/NetworkManager/*.lease",
    "/var/lib/NetworkManager/secret_key",
    "/var/lib/systemd/network/*",
    "/var/lib/wicked/*",
)
_SEEDS = (
    "/var/lib/systemd/random-seed",
    "/var/lib/systemd/credential.secret",
    "/var/lib/urandom/random-seed",
    "/var/lib/random-seed",
    "/boot/loader/random-seed",
    "/boot/efi/loader/random-seed",
)
_SETTINGS = (*credentials.SETTINGS, "/etc/apt/auth.conf", "/etc/apt/auth.conf.d/*")
_KEYS_OF_AGENTS = ("/etc/cloud/cloud.cfg", "/etc/cloud/cloud.cfg.d/*", "/etc/goldsmith/authorized_keys")
_KEY = re.compile(r"\b((?:sk-)?(?:ssh|ecdsa)-[\w@.-]+)\s+(AAAA[\w+/=]+)")
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - the guest's
_LOGIN = re.compile(r"^machine\s.*\bpassword\b", re.IGNORECASE)


def _homes(guest: Guest) -> list[str]:
    """Return the home folders: those of passwd, /root and what is in /home."""
    homes = {"/root", *guest.files.glob("/home/*")}
    homes.update(credentials.homes(guest.files.lines("/etc/passwd"), people=True))
    return sorted(home for home in homes if guest.files.names(home))


def _files_below(guest: Guest, *folders: str) -> list[str]:
    """Return the non-empty files, links and others below folders."""
    entries = [entry for folder in folders for entry in guest.files.walk(folder)]
    return [entry.path for entry in entries if not entry.is_folder and (entry.size or not entry.is_file)]


def _exist(paths: Iterable[str]) -> list[str]:
    return [f"{path}: exists" for path in paths]


@rule("machine_id", "/etc/machine-id is an empty file")
def machine_id(guest: Guest) -> Finding:
    """Not missing: a missing one stops some images from booting."""
    faults, seen = [], []
    entry = guest.files.find("/etc/machine-id", follow=False)
    text = guest.files.text("/etc/machine-id") or ""
    if entry is None:
        faults.append("/etc/machine-id: missing")
    elif not entry.is_file:
        faults.append("/etc/machine-id: is no regular file")
    elif text.strip() not in ("", "uninitialized"):
        faults.append(f"/etc/machine-id: {text.strip()}")
    else:
        seen.append(f"/etc/machine-id: {text.strip() or 'empty file'}")
    entry = guest.files.find("/var/lib/dbus/machine-id", follow=False)
    if entry and entry.is_file and entry.size:
        faults.append("/var/lib/dbus/machine-id: is a file of its own")
    return judged(faults, seen)


@rule("ssh_host_keys", "No ssh host keys")
def ssh_host_keys(guest: Guest) -> Finding:
    """Each machine makes its own."""
    return judged(_exist(guest.files.glob("/etc/ssh/ssh_host_*key*")), ["/etc/ssh/ssh_host_*: none"])


@rule("authorized_keys", "No ssh keys that open every instance")
def authorized_keys(guest: Guest) -> Finding:
    """None but those that were asked for."""
    expected = {line.strip() for line in guest.authorized_keys}
    faults, seen = [], []
    for home in _homes(guest):
        for path in guest.files.glob(f"{home}/.ssh/authorized_keys*"):
            for line in guest.files.lines(path):
                (seen if line in expected else faults).append(f"{path}: {line.split()[0]} {line.split()[-1]}")
    # Those that the agent gives to the account when an instance starts
    known = {key for line in expected for key in _KEY.findall(line)}
    for path in (path for pattern in _KEYS_OF_AGENTS for path in guest.files.glob(pattern)):
        for line in guest.files.lines(path):
            for kind, body in _KEY.findall(line):
                (seen if (kind, body) in known else faults).append(f"{path}: {kind} ...{body[-8:]}")
    return judged(faults, seen or ["authorized_keys: none"])


@rule("private_keys", "No private keys")
def private_keys(guest: Guest) -> Finding:
    """Where accounts and services keep them."""
    folders = [*(f"{home}" for home in _homes(guest)), *credentials.KEY_FOLDERS]
    faults = []
    for folder in folders:
        for entry in guest.files.walk(folder):
            if not entry.is_file or not credentials.KEY_NAMES.search(entry.name) or entry.size > credentials.KEY_SIZE:
                continue
            if credentials.is_private_key(entry.name, guest.files.text(entry.path) or ""):
                faults.append(f"{entry.path}: private key")
    return judged(faults, [f"none in {folder}" for folder in folders])


@rule("passwords", "No account has a password, root is locked")
def passwords(guest: Guest) -> Finding:
    """Locked is what begins with ! or *; an empty field lets everybody in."""
    faults, seen = [], []
    for path in ("/etc/shadow", "/etc/passwd", "/etc/shadow-", "/etc/passwd-"):
        for line in guest.files.lines(path):
            account, _colon, rest = line.partition(":")
            password = rest.split(":", 1)[0]
            if password == "":
                faults.append(f"{path}: {account} logs in without a password")
            elif not password.startswith(("!", "*")) and not ("passwd" in path and len(password) == 1):
                faults.append(f"{path}: {account} has a password")
            elif account == "root":
                seen.append(f"{path}: root {password[:1]}")
    return judged(faults, seen)


@rule("histories", "No histories of shells, editors and pagers")
def histories(guest: Guest) -> Finding:
    """In the home folders."""
    homes = _homes(guest)
    found = [
        f"{home}/{name}" for home in homes for name in guest.files.names(home) if credentials.HISTORIES.match(name)
    ]
    return judged(_exist(found), [f"none in {home}" for home in homes] or ["no home folder has files"])


@rule("logs", "No logs")
def logs(guest: Guest) -> Finding:
    """Every file below /var/log is empty, the journal has none; no package manager needs its log."""
    found = [entry for entry in guest.files.walk("/var/log") if not (entry.is_folder or entry.is_link)]
    faults = [f"{entry.path}: {entry.size} bytes" for entry in found if entry.size or not entry.is_file]
    return judged(faults, ["/var/log: empty files only"])


@rule("package_cache", "No package cache")
def package_cache(guest: Guest) -> Finding:
    """Neither packages nor lists."""
    found = {path for folder, kind in _CACHES for path in _files_below(guest, folder) if kind.search(path)}
    return judged(
        _exist(sorted(found)), [f"{folder}: empty" for folder, _kind in _CACHES if guest.files.exists(folder)]
    )


@rule("resolv_conf", "No name servers of the build host")
def resolv_conf(guest: Guest) -> Finding:
    """Missing, empty, or a link to what is made at boot."""
    path = "/etc/resolv.conf"
    link = guest.files.link(path)
    if link and "/run/" in f"/{link}":
        return judged([], [f"{path}: link to {link}"])
    faults = [
        f"{path}: {line}" for line in guest.files.lines(path) if line.split()[0] in ("nameserver", "search", "domain")
    ]
    return judged(faults, [f"{path}: {'no name server' if guest.files.exists(path) else 'missing'}"])


@rule("leases", "No DHCP leases and other state of the network")
def leases(guest: Guest) -> Finding:
    """Of every client."""
    paths = [path for pattern in _LEASES for path in guest.files.glob(pattern)]
    found = [path for path in paths if (entry := guest.files.find(path)) and entry.is_file and entry.size]
    return judged(_exist(found), ["no leases"])


@rule("cloud_instance", "No instance data of cloud-init")
def cloud_instance(guest: Guest) -> Finding:
    """It would take an instance for the one that it knows."""
    found = _files_below(guest, "/var/lib/cloud/instances", "/var/lib/cloud/data", "/var/lib/cloud/sem")
    found += [
        path for path in ("/var/lib/cloud/instance", "/etc/netplan/50-cloud-init.yaml") if guest.files.exists(path)
    ]
    return judged(_exist(found), ["/var/lib/cloud: no instance"])


@rule("random_seed", "No random seed")
def random_seed(guest: Guest) -> Finding:
    """The same for all instances, it would not be random."""
    return judged(_exist(path for path in _SEEDS if guest.files.exists(path)), ["no seed"])


@rule("temporary_files", "No temporary files, and none of Ansible")
def temporary_files(guest: Guest) -> Finding:
    """In /tmp, /var/tmp and the home folders."""
    found = [f"{folder}/{name}" for folder in _TEMPORARY for name in guest.files.names(folder)]
    found += [f"{home}/.ansible" for home in _homes(guest) if guest.files.exists(f"{home}/.ansible")]
    return judged(_exist(found), [f"{folder}: empty" for folder in _TEMPORARY])


@rule("secrets", "No credentials in the configuration")
def secrets(guest: Guest) -> Finding:
    """In addresses of mirrors and proxies, and in files of accounts."""
    faults = []
    paths = [path for pattern in _SETTINGS for path in guest.files.glob(pattern) if guest.files.is_file(path)]
    for path in paths:
        for number, line in enumerate((guest.files.text(path) or "").splitlines(), 1):
            # A comment gives a secret away as well.
            if credentials.IN_ADDRESS.search(line):
                faults.append(f"{path}, line {number}: credentials in an address")
            elif credentials.PASSWORD.match(line) or ("auth.conf" in path and _LOGIN.match(line)):
                faults.append(f"{path}, line {number}: a password")
    faults += _exist(
        f"{home}/{name}"
        for home in _homes(guest)
        for name in credentials.CREDENTIALS_OF_ACCOUNTS
        if guest.files.exists(f"{home}/{name}")
    )
    return judged(faults, [f"read: {path}" for path in paths])


@rule("proxy", "No proxy but those that were asked for")
def proxy(guest: Guest) -> Finding:
    """The proxy of the build host is not there in the cloud."""
    faults, seen = [], []
    for path in (path for pattern in _SETTINGS for path in guest.files.glob(pattern)):
        for line in guest.files.lines(path):
            if credentials.proxies_of(line):
                (faults if credentials.proxies_of(line, guest.proxy) else seen).append(f"{path}: {line}")
    return judged(faults, seen or ["no proxy"])


@rule("policy_rc_d", "Services are started again")
def policy_rc_d(guest: Guest) -> Finding:
    """What kept the build from starting daemons is gone."""
    paths = ("/usr/sbin/policy-rc.d", "/sbin/start-stop-daemon.REAL", "/sbin/initctl.REAL")
    return judged(_exist(path for path in paths if guest.files.exists(path)), [f"{paths[0]}: missing"])
