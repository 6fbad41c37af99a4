# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of sealing: what in a tree belongs to one machine, to its making, or to a person."""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import credentials as secret_files
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import disk_settings
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import network_config as network_files
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import shown
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import Entry
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import seal_network
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_plan import SealPlan
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_tree import SealTree

# Their size and times are looked at by login and its like, and these do not make them.
_LOGIN_RECORDS = ("lastlog", "faillog", "wtmp", "btmp")
_DISABLED = re.compile(r"(?m)^network:\s*\{?\s*config:\s*[\"']?disabled")
_PERSISTENT_NET = ("/etc/udev/rules.d/70-persistent-net.rules", "/lib/udev/rules.d/75-persistent-net-generator.rules")
# The size of the keyring that gpg makes, which has nothing but the time
_EMPTY_KEYRING = 32
_STUB = "../run/systemd/resolve/stub-resolv.conf"


class Request(NamedTuple):
    """What to seal. *proxy* are those that stay; *running*: it is the machine itself; *network*: C(keep) or C(dhcp).

    *spare* are paths of the host that stay, because they are in use.
    """

    root: str
    steps: Sequence[str]
    proxy: Sequence[str] = ()
    running: bool = False
    check_mode: bool = False
    spare: Sequence[str] = ()
    network: str = "keep"


STEPS: dict[str, Callable[[SealPlan, Request], None]] = {}


def step(work: Callable[[SealPlan, Request], None]) -> Callable[[SealPlan, Request], None]:
    """Enter a function into the steps."""
    STEPS[work.__name__] = work
    return work


@step
def machine_id(plan: SealPlan, request: Request) -> None:
    """An empty file, not a missing one: without it some images do not boot.

    Nor "uninitialized": that would be a first boot, at which systemd may ask questions on the console.
    """
    plan.empty("/etc/machine-id", mode=0o444)
    for entry in plan.tree.matches("/var/lib/dbus/machine-id"):
        if not entry.is_link:
            plan.remove_entries([entry])
    plan.remove("/var/lib/yum/uuid", "/etc/yum/vars/uuid", "/etc/sysconfig/rhn/systemid*", "/etc/insights-client/.*.id")
    plan.remove("/etc/insights-client/machine-id", "/etc/smolt/hw-uuid", "/etc/nvme/hostid", "/etc/nvme/hostnqn")
    plan.remove("/var/lib/zypp/AnonymousUniqueId")
    plan.remove("/etc/pki/consumer/*", "/etc/pki/entitlement/*", "/var/lib/ubuntu-advantage/private/*")


@step
def host_keys(plan: SealPlan, request: Request) -> None:
    """Each machine makes its own."""
    plan.remove("/etc/ssh/ssh_host_*key*")


@step
def random_seed(plan: SealPlan, request: Request) -> None:
    """The same for all instances, it would not be random."""
    plan.remove("/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret", "/var/lib/random-seed")
    plan.remove("/var/lib/urandom/random-seed", "/var/lib/misc/random-seed", "/var/lib/seedrng/seed.*")
    plan.remove("/boot/loader/random-seed", "/boot/efi/loader/random-seed", "/efi/loader/random-seed")


@step
def network(plan: SealPlan, request: Request) -> None:
    """Cards, leases and name servers of one machine."""
    by_cloud_init = _remove_files_of_cloud_init(plan)
    if request.network == "dhcp":
        seal_network.use_dhcp(plan, by_cloud_init=by_cloud_init)
    for path in _PERSISTENT_NET:
        plan.empty(path)
    done: set[str] = set()
    for pattern, edit in network_files.FILES:
        for entry in plan.tree.matches(pattern):
            if entry.path not in done:
                done.add(entry.path)
                plan.edit_entry(entry, functools.partial(network_files.cleaned, edit))
    seal_network.name_ties(plan)
    for folder in ("dhcp", "dhcp3", "dhclient", "dhcpcd", "dhcpv6", "systemd/network", "wicked"):
        plan.remove(f"/var/lib/{folder}/*")
    manager = "/var/lib/NetworkManager"
    plan.remove(f"{manager}/*.lease", f"{manager}/secret_key", f"{manager}/timestamps", f"{manager}/seen-bssids")
    plan.remove(f"{manager}/dhclient-*.conf", f"{manager}/no-auto-default.state")
    plan.remove("/etc/dhcpcd.duid", "/etc/dhcpcd.secret", "/var/db/dhcpcd/*")
    _release_name_servers(plan)


@step
def storage(plan: SealPlan, request: Request) -> None:
    """What was found out about the disks of one machine, and settings that name them."""
    plan.remove("/etc/blkid.tab*", "/etc/blkid/*", "/etc/lvm/archive/*", "/etc/lvm/backup/*", "/etc/lvm/cache/.cache")
    plan.remove("/etc/lvm/cache/*", "/etc/lvm/devices/system.devices", "/etc/lvm/devices/backup/*")
    plan.remove("/etc/multipath/wwids", "/etc/multipath/bindings")
    for pattern, edit in disk_settings.GRUB_FILES:
        plan.edit(pattern, edit)
    # A machine that is on still has its swap.
    if not request.running:
        before = len(plan.actions)
        for pattern, edit in disk_settings.SWAP_FILES:
            plan.edit(pattern, edit)
        names = [shown(action.path) for action in plan.actions[before:]]
        if names:
            plan.warnings.append(
                f"{', '.join(names)}: no longer names a swap to wake up from; an initramfs that was made before may, "
                "and waits for it until it is made again"
            )


@step
def logs(plan: SealPlan, request: Request) -> None:
    """Of the system and of its installer; the folders stay, for the services that expect them."""
    plan.remove("/var/log/installer", "/var/log/anaconda", "/var/log/curtin", "/var/log/cloud-init*")
    for entry in plan.tree.matches("/var/log/journal/*"):
        # Named after the machine.
        if entry.is_folder and re.fullmatch(r"[0-9a-f]{32}(\..*)?", entry.name):
            plan.remove_entries([entry])
    records = [entry for entry in plan.tree.walk("/var/log") if entry.is_file and entry.name in _LOGIN_RECORDS]
    kept = {entry.path for entry in records}
    # A link holds nothing.
    plan.remove_below("/var/log", keep=lambda entry: entry.is_link or entry.path in kept)
    for entry in records:
        plan.empty(entry.path)
    plan.empty_if_there("/var/account/pacct")
    for pattern in ("/var/lib/wtmpdb/wtmp.db*", "/var/lib/lastlog/lastlog2.db*"):
        # Debian has a link there, by which they lie in /var/log.
        plan.remove_entries(entry for entry in plan.tree.matches(pattern) if entry.is_file)
    plan.remove("/var/lib/rsyslog/*")
    plan.remove("/var/lib/logrotate/*status*", "/var/lib/logrotate.status", "/var/lib/misc/logrotate.status")
    plan.remove_in("/root", "anaconda-ks.cfg", "original-ks.cfg", "initial-setup-ks.cfg", "ks-post.log", "autoinst.xml")
    plan.remove("/root/install.log*", "/var/adm/autoinstall/*")


@step
def histories(plan: SealPlan, request: Request) -> None:
    """Of shells, editors and pagers."""
    for home in _homes(plan.tree):
        plan.remove_entries(entry for entry in plan.tree.entries(home) if secret_files.HISTORIES.match(entry.name))
        plan.remove_in(home, ".local/share/fish/fish_history", ".local/share/recently-used.xbel", ".local/state/less")
    plan.remove("/var/lib/sudo/lectured/*", "/var/db/sudo/lectured/*")


@step
def ssh_keys(plan: SealPlan, request: Request) -> None:
    """What accounts log in with, and who may log in to them: each instance gets its own."""
    for home in _homes(plan.tree):
        plan.remove_in(home, ".ssh")


@step
def private_keys(plan: SealPlan, request: Request) -> None:
    """Of people and services, and the key of the host in a Kerberos realm: all instances would share them."""
    of_services = len(plan.actions)
    for folder in secret_files.KEY_FOLDERS:
        plan.remove_entries(_private_keys(plan.tree, folder))
    plan.remove("/etc/krb5.keytab")
    for action in plan.actions[of_services:]:
        plan.warnings.append(f"{shown(action.path)} goes: the service that uses it needs a new one on each instance")
    for home in _homes(plan.tree, people=True):
        plan.remove_entries(_private_keys(plan.tree, home))


@step
def backups(plan: SealPlan, request: Request) -> None:
    """Of accounts and package databases, as their tools make them."""
    for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid", "hosts"):
        plan.remove(*(f"/etc/{name}{suffix}" for suffix in ("-", "~", ".bak", ".old", ".OLD", ".org", ".orig")))
    plan.remove("/etc/.pwd.lock", "/var/backups/*", "/var/cache/debconf/*-old", "/var/lib/dpkg/*-old")


@step
def passwords(plan: SealPlan, request: Request) -> None:
    """Nobody logs in with one: instances get keys."""
    for suffix in ("", "-"):
        shadow = plan.tree.text(f"/etc/shadow{suffix}") or ""
        plan.edit(f"/etc/shadow{suffix}", secret_files.locked)
        plan.edit(f"/etc/gshadow{suffix}", secret_files.locked_groups)
        plan.edit(f"/etc/passwd{suffix}", functools.partial(secret_files.shadowed, shadow=shadow))
    plan.empty_if_there("/etc/security/opasswd")


@step
def secrets(plan: SealPlan, request: Request) -> None:
    """Credentials in addresses of mirrors and proxies, and in files of accounts."""
    plan.remove(*secret_files.CREDENTIALS)
    for pattern in secret_files.SETTINGS:
        plan.edit(pattern, secret_files.without_credentials)
    for home in _homes(plan.tree, people=True):
        plan.remove_in(home, *secret_files.CREDENTIALS_OF_ACCOUNTS)


@step
def proxy(plan: SealPlan, request: Request) -> None:
    """The proxy of the place where it was made is not there in the cloud."""
    for pattern in secret_files.SETTINGS:
        shell = pattern.startswith("/etc/profile.d/")
        plan.edit(pattern, secret_files.without_proxy(request.proxy, shell=shell))


@step
def instance_data(plan: SealPlan, request: Request) -> None:
    """Of the agent, of cloud-init, and what an installer left for cloud-init. Scripts that an image brings stay."""
    plan.remove("/var/lib/goldsmith")
    plan.remove_entries(
        entry for entry in plan.tree.entries("/var/lib/cloud") if entry.name not in ("scripts", "handlers")
    )
    plan.remove("/etc/cloud/cloud.cfg.d/99-installer.cfg", "/etc/cloud/cloud.cfg.d/90-installer-network.cfg")
    # That of Ubuntu lets cloud-init run once only.
    if "live installer" in (plan.tree.text("/etc/cloud/cloud-init.disabled") or ""):
        plan.remove("/etc/cloud/cloud-init.disabled")
    plan.remove("/var/lib/waagent/*")


@step
def package_cache(plan: SealPlan, request: Request) -> None:
    """Packages and lists, which are old by the time an instance starts. The folders stay."""
    plan.remove_below("/var/cache/apt/archives", "/var/lib/apt/lists", keep=_is_lock)
    plan.remove_below("/var/cache/apt", keep=lambda entry: not entry.path.endswith(".bin"))
    for name in ("dnf", "libdnf5", "yum", "zypp", "PackageKit", "apk", "pacman/pkg"):
        plan.remove(f"/var/cache/{name}/*")
    plan.remove("/var/lib/rpm/__db.*", "/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock")
    plan.remove("/var/lib/YaST2/cookies")
    # zypper writes down there when it did so.
    plan.edit("/var/lib/zypp/AutoInstalled", lambda text: re.sub(r"(?m)^#.*\n?", "", text))


@step
def caches(plan: SealPlan, request: Request) -> None:
    """Of people, of the loader of libraries, and of names and accounts that came by the network."""
    for home in _homes(plan.tree):
        plan.remove_in(home, ".cache")
        if _has_no_keys(plan.tree, f"{home}/.gnupg"):
            plan.remove_in(home, ".gnupg")
    plan.remove("/var/cache/ldconfig/aux-cache", "/var/lib/sss/db/*", "/var/lib/sss/mc/*", "/var/cache/nscd/*")


@step
def mail(plan: SealPlan, request: Request) -> None:
    """In boxes, and on its way."""
    plan.remove("/var/mail/*", "/var/spool/mail/*", "/var/spool/exim4/input/*", "/var/spool/exim4/msglog/*")
    for queue in ("active", "bounce", "corrupt", "defer", "deferred", "hold", "incoming", "maildrop"):
        plan.remove_below(f"/var/spool/postfix/{queue}")
    plan.remove("/var/spool/mqueue/*", "/var/spool/clientmqueue/*")


@step
def crash_dumps(plan: SealPlan, request: Request) -> None:
    """Memory of programs and kernels that crashed."""
    plan.remove("/var/crash/*", "/var/lib/systemd/coredump/*", "/var/lib/systemd/pstore/*", "/var/spool/abrt/*")
    plan.remove("/var/lib/apport/coredump/*")


@step
def temporary(plan: SealPlan, request: Request) -> None:
    """Temporary files, those of Ansible, what /run of a machine that is off still holds, and jobs that waited."""
    plan.remove("/tmp/*", "/var/tmp/*")  # noqa: S108 - the tree's
    for home in _homes(plan.tree):
        plan.remove_in(home, ".ansible")
    if not request.running:
        plan.remove_below("/run")
    for spool in ("/var/spool/cron/atjobs", "/var/spool/cron/atspool", "/var/spool/at"):
        plan.remove_below(spool, keep=_is_lock)


@step
def build(plan: SealPlan, request: Request) -> None:
    """What a bootstrap lays down, so that no daemon is started meanwhile."""
    plan.remove("/usr/sbin/policy-rc.d", "/etc/apt/apt.conf.d/99mmdebstrap")
    for path in ("/sbin/start-stop-daemon.REAL", "/sbin/initctl.REAL"):
        plan.rename(path, posixpath.basename(path).removesuffix(".REAL"))


def name_what_stays(plan: SealPlan) -> None:
    """Say what may belong to one machine, and is not known to be of no use."""
    tree = plan.tree
    name = (tree.text("/etc/hostname", 256) or "").strip()
    if name and name not in ("localhost", "localhost.localdomain"):
        plan.stay("/etc/hostname", "the machine's name, until the cloud gives another")
    if any(line.startswith("InitiatorName=") for line in tree.lines("/etc/iscsi/initiatorname.iscsi")):
        plan.stay("/etc/iscsi/initiatorname.iscsi", "the machine's name in a storage network")
    others = {
        "/var/lib/samba/private/secrets.tdb": "the machine's account in a domain",
        "/etc/ipa/default.conf": "the machine's account in a domain",
        "/etc/dropbear/*key": "host key of dropbear",
        "/etc/cloud/cloud-init.disabled": "cloud-init will not run",
        "/var/spool/cron/crontabs/*": "jobs of an account",
        "/var/spool/cron/*": "jobs of an account",
    }
    for pattern, reason in others.items():
        for entry in tree.matches(pattern):
            if entry.is_file:
                plan.stay(entry.path, reason)


def _homes(tree: SealTree, *, people: bool = False) -> list[str]:
    """Return the home folders of accounts, of *people* only, as real paths; /root and what is in /home always."""
    homes = ["/root", *tree.glob("/home/*"), *secret_files.homes(tree.lines("/etc/passwd"), people=people)]
    found = (tree.find(home) for home in homes)
    return sorted({entry.path for entry in found if entry and entry.is_folder})


def _private_keys(tree: SealTree, folder: str) -> list[Entry]:
    candidates = [
        entry
        for entry in tree.walk(folder)
        if entry.is_file and entry.size <= secret_files.KEY_SIZE and secret_files.KEY_NAMES.search(entry.name)
    ]
    return [entry for entry in candidates if secret_files.is_private_key(entry.path, tree.text(entry.path) or "")]


def _has_no_keys(tree: SealTree, path: str) -> bool:
    """Return whether gpg has made this folder only because it was called, as modules call it to read a key."""
    folder = tree.find(path, follow=False)
    found = {entry.name: entry.size for entry in tree.entries(folder.path)} if folder and folder.is_folder else {}
    return found.get("pubring.kbx") == _EMPTY_KEYRING and set(found) <= {"pubring.kbx", "trustdb.gpg"}


def _is_lock(entry: Entry) -> bool:
    return entry.is_file and entry.size == 0 and entry.name in ("lock", ".SEQ")


def _remove_files_of_cloud_init(plan: SealPlan) -> bool:
    """Remove the network configuration that cloud-init makes anew; return whether it does.

    Where it does not, nothing else may be there.
    """
    tree = plan.tree
    # Ubuntu's installer has made the network, for its own machine.
    installers = tree.matches("/etc/cloud/cloud.cfg.d/*subiquity-disable-cloudinit-networking.cfg")
    plan.remove_entries(installers)
    files = [entry for entry in tree.matches("/etc/cloud/cloud.cfg.d/*.cfg") if entry not in installers]
    settings = [tree.text(entry.path) or "" for entry in files]
    settings.append(tree.text("/etc/cloud/cloud.cfg") or "")
    by_cloud_init = tree.find("/usr/bin/cloud-init") is not None and not any(map(_DISABLED.search, settings))
    if by_cloud_init:
        plan.remove("/etc/netplan/50-cloud-init.yaml", "/etc/network/interfaces.d/50-cloud-init*")
        plan.remove("/etc/systemd/network/10-cloud-init-*", "/etc/udev/rules.d/85-persistent-net-cloud-init.rules")
        plan.remove("/etc/NetworkManager/system-connections/cloud-init-*.nmconnection")
    else:
        plan.rename("/etc/netplan/50-cloud-init.yaml", "50-network.yaml")
    return by_cloud_init


def _release_name_servers(plan: SealPlan) -> None:
    # What Debian's systemd-resolved found when it was installed: the name servers of the build host.
    plan.remove("/etc/.resolv.conf.systemd-resolved.bak")
    path = "/etc/resolv.conf"
    if plan.tree.is_mount(path):
        return  # that of the host, laid over it
    if "/run/" in f"/{plan.tree.link(path) or ''}":
        return
    if plan.tree.matches("/etc/systemd/system/*.wants/systemd-resolved.service"):
        plan.link(path, _STUB)
    elif any(line.split()[0] in ("nameserver", "search", "domain") for line in plan.tree.lines(path)):
        plan.remove(path)
