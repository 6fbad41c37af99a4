# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for what OpenStack asks of every image: Q2 to Q7 and D7."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import guest_agent as agent
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import guest_cloud_init as cloud_init
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import (
    Finding,
    Guest,
    judged,
    not_applicable,
    rule,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import selinux

PERSISTENT_NET = ("/etc/udev/rules.d/70-persistent-net.rules", "/lib/udev/rules.d/75-persistent-net-generator.rules")
_MAC = re.compile(r"(?<![0-9a-f:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![0-9a-f:])", re.IGNORECASE)
_NET_FILES = (
    "/etc/sysconfig/network-scripts/ifcfg-*",
    "/etc/sysconfig/network/ifcfg-*",
    "/etc/netplan/*",
    "/etc/systemd/network/*",
    "/etc/NetworkManager/system-connections/*",
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/*",
    "/etc/udev/rules.d/*",
)
_SSHD_FILES = ("/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config")
_FIREWALLS = ("ufw", "firewalld", "nftables", "iptables", "ip6tables", "netfilter-persistent", "SuSEfirewall2")
_BOOT_FILES = (
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/boot/efi/EFI/*/grub.cfg",
    "/boot/loader/entries/*.conf",
    "/boot/extlinux/extlinux.conf",
)
_DEFAULT_FILES = ("/etc/default/grub", "/etc/default/grub.d/*.cfg", "/etc/kernel/cmdline")
_SELINUX_MODULES = (
    "/usr/lib*/python3*/site-packages/selinux/__init__.py",
    "/usr/lib/python3/dist-packages/selinux/__init__.py",
)
# There is one such loader of programs in every system of arm64.
_ARM64_LOADER = "/lib/ld-linux-aarch64.so.1"


@rule("Q2", "No MAC address in the image")
def no_mac_address(guest: Guest) -> Finding:
    """Two empty files, and no address in any network configuration."""
    faults, seen = [], []
    for path in PERSISTENT_NET:
        entry = guest.files.find(path, follow=False)
        if entry and entry.is_file and entry.size == 0:
            seen.append(f"{path}: empty file")
        else:
            faults.append(f"{path}: {'is no empty file' if entry else 'is missing'}")
    for path in (path for pattern in _NET_FILES for path in guest.files.glob(pattern)):
        seen.append(path)
        for line in guest.files.lines(path):
            if _MAC.search(line) or line.upper().startswith("HWADDR="):
                faults.append(f"{path}: {line}")
    return judged(faults, seen)


@rule("Q3", "sshd is installed and enabled, and makes new host keys at the first boot")
def sshd(guest: Guest) -> Finding:
    """The program, a link that starts it, and somebody who makes keys."""
    faults, seen = [], []
    (seen if guest.files.is_file("/usr/sbin/sshd") else faults).append(
        f"/usr/sbin/sshd: {_there(guest, '/usr/sbin/sshd')}"
    )
    links = guest.enabled("ssh.service", "sshd.service", "ssh.socket", "sshd.socket")
    seen += links
    if not links:
        faults.append("/etc/systemd/system: neither ssh.service nor sshd.service is enabled")
    makers = [
        name for name in ("sshd-keygen.target", "sshd-keygen@.service", "sshdgenkeys.service") if guest.has_unit(name)
    ]
    for path in guest.files.glob("/etc/systemd/system/*.service"):
        text = guest.files.text(path) or ""
        if ("ssh-keygen -A" in text or "reconfigure openssh-server" in text) and guest.enabled(path.rsplit("/", 1)[1]):
            makers.append(path)
    for link in links:
        drop_ins = guest.files.glob(f"/etc/systemd/system/{link.rsplit('/', 1)[1]}.d/*.conf")
        makers += [path for path in drop_ins if "ssh-keygen -A" in (guest.files.text(path) or "")]
    if cloud_init.is_there(guest.files):
        makers.append(cloud_init.PROGRAM)
    if not makers:
        faults.append("nothing makes host keys: neither cloud-init nor a unit with ssh-keygen -A")
    return judged(faults, [*seen, *makers])


@rule("D7", "Nobody logs in by ssh with a password")
def ssh_without_password(guest: Guest) -> Finding:
    """sshd takes the first value that it reads, files in their order; what Match adds may not allow more."""
    # What a distribution ships and nobody has changed lies in /usr.
    configuration = next((path for path in _SSHD_FILES if guest.files.is_file(path)), None)
    if configuration is None:
        return not_applicable(f"{_SSHD_FILES[0]}: missing")
    first: dict[str, tuple[str, str]] = {}
    faults = []
    for path, matched, name, value in sshd_settings(guest, configuration):
        # The old name of the same setting.
        name = "kbdinteractiveauthentication" if name == "challengeresponseauthentication" else name
        if name not in ("passwordauthentication", "kbdinteractiveauthentication", "permitemptypasswords"):
            continue
        if matched:
            if value != "no":
                faults.append(f"{path}: {name} {value} in a Match block")
        else:
            first.setdefault(name, (path, value))
    for name in ("passwordauthentication", "kbdinteractiveauthentication"):
        path, value = first.get(name, (configuration, "yes, by default"))
        if value != "no":
            faults.append(f"{path}: {name} {value}")
    if first.get("permitemptypasswords", ("", "no"))[1] != "no":
        faults.append(f"{first['permitemptypasswords'][0]}: permitemptypasswords yes")
    if cloud_init.configuration(guest.files).get("ssh_pwauth") in (True, "true", "yes", "1", 1):
        faults.append("/etc/cloud: ssh_pwauth is true")
    return judged(faults, [f"{path}: {name} {value}" for name, (path, value) in first.items()])


@rule("Q4", "No firewall in the image")
def no_firewall(guest: Guest) -> Finding:
    """No service that loads rules is started."""
    faults = [path for name in _FIREWALLS for path in guest.enabled(f"{name}.service")]
    faults += [
        f"/etc/ufw/ufw.conf: {line}" for line in guest.files.lines("/etc/ufw/ufw.conf") if line.lower() == "enabled=yes"
    ]
    return judged(faults, [f"not enabled: {', '.join(_FIREWALLS)}"])


@rule("Q5", "The instance's ssh key is fetched from the metadata service or the config drive")
def instance_key(guest: Guest) -> Finding:
    """cloud-init, its sources, and the account; or the agent, and the account."""
    if not cloud_init.is_there(guest.files):
        return _agent_finds(guest)
    config = cloud_init.configuration(guest.files)
    faults = cloud_init.missing_sources(config)
    account = config.get("system_info", {}).get("default_user", {}).get("name")
    users = config.get("users", ["default"])
    if not account:
        faults.append("/etc/cloud: there is no default user")
    elif guest.user and account != guest.user:
        faults.append(f"/etc/cloud: the default user is {account}, not {guest.user}")
    if users is not None and "default" not in users:
        faults.append("/etc/cloud: the default user is not among the users")
    modules = cloud_init.modules(config, "cloud_init_modules") + cloud_init.modules(config, "cloud_config_modules")
    faults += [
        f"/etc/cloud: the module {name} is not run"
        for name in ("users_groups", "ssh")
        if modules and name not in modules
    ]
    seen = [f"default user: {account}", f"sources: {config.get('datasource_list') or 'all'}"]
    if selinux.mode(guest.files) == "enforcing":
        modules = [path for pattern in _SELINUX_MODULES for path in guest.files.glob(pattern)]
        seen += modules
        if not modules:
            faults.append("SELinux is enforcing, and without its module for Python the key gets no label")
    return judged(faults, seen)


@rule("Q6", "User data and other metadata are processed")
def user_data(guest: Guest) -> Finding:
    """cloud-init with the modules that set the host name and run scripts, or the agent."""
    if not cloud_init.is_there(guest.files):
        return _agent_finds(guest)
    config = cloud_init.configuration(guest.files)
    faults = cloud_init.missing_sources(config)
    for stage, name in (("cloud_init_modules", "set_hostname"), ("cloud_final_modules", "scripts_user")):
        modules = cloud_init.modules(config, stage)
        if modules and name not in modules:
            faults.append(f"/etc/cloud: {name} is not in {stage}")
    if config.get("preserve_hostname") is True:
        faults.append("/etc/cloud: preserve_hostname is true")
    return judged(faults, ["/etc/cloud/cloud.cfg", *guest.files.glob("/etc/cloud/cloud.cfg.d/*.cfg")])


@rule("Q7", "The boot log goes to the console, and there is a login prompt on the serial one")
def console(guest: Guest) -> Finding:
    """Kernel arguments in the boot loader's configuration and in what it is made from; a getty."""
    faults, seen = [], []
    serial = "ttyAMA0" if guest.files.exists(_ARM64_LOADER) else "ttyS0"
    getty, consoles = f"serial-getty@{serial}.service", ("console=tty0", f"console={serial},115200n8")
    menus = [path for pattern in _BOOT_FILES for path in guest.files.glob(pattern)]
    for path in menus:
        # A boot loader entry has the kernel and its arguments in two lines.
        words = ("options",) if path.startswith("/boot/loader/") else ("linux", "linux16", "linuxefi", "append")
        entries = [line for line in guest.files.lines(path) if line.split()[0] in words]
        # The first entry is the one that boots by itself; a configuration without any leads to another.
        for line in entries[:1]:
            missing = [argument for argument in consoles if argument not in line.split()]
            (faults if missing else seen).append(f"{path}: {line}")
    defaults = [path for pattern in _DEFAULT_FILES for path in guest.files.glob(pattern)]
    text = "\n".join(line for path in defaults for line in guest.files.lines(path))
    if defaults and any(argument not in text for argument in consoles):
        faults.append(f"{', '.join(defaults)}: not both of {' '.join(consoles)}")
    if not menus and not defaults:
        seen.append("no boot loader: the arguments come from the cloud")
    generator = [
        path
        for path in ("/usr/lib", "/lib")
        if guest.files.is_file(f"{path}/systemd/system-generators/systemd-getty-generator")
    ]
    if guest.masked(getty) or guest.masked("serial-getty@.service"):
        faults.append(f"{getty}: masked")
    elif guest.enabled(getty) or generator:
        seen.append(f"{getty}: started" + (" by systemd-getty-generator" if generator else ""))
    else:
        faults.append(f"{getty}: nothing starts it")
    return judged(faults, seen)


def sshd_settings(
    guest: Guest, path: str, matched: bool = False, depth: int = 0
) -> Iterator[tuple[str, bool, str, str]]:
    """Yield file, whether in a Match block, name and value (both in lower case), in the order of sshd."""
    for line in guest.files.lines(path):
        words = line.replace("=", " ", 1).split()
        name, values = words[0].lower(), [word.strip('"') for word in words[1:]]
        if name == "match":
            matched = [value.lower() for value in values] != ["all"]
        elif name == "include" and depth < 16:
            for pattern in values:
                full = pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"
                for included in guest.files.glob(full):
                    yield from sshd_settings(guest, included, matched, depth + 1)
        elif values:
            yield path, matched, name, values[0].lower()


def _agent_finds(guest: Guest) -> Finding:
    if not agent.is_there(guest):
        return judged([f"{cloud_init.PROGRAM} and {agent.PROGRAM}: missing"])
    faults, seen = agent.judge(guest, agent.INSTANCE)
    account = agent.account(guest)
    accounts = [line.split(":")[0] for line in guest.files.lines("/etc/passwd")]
    if account is None:
        faults.append(f"{agent.CONFIGURATION}: names no user")
    elif account not in accounts:
        faults.append(f"/etc/passwd: there is no {account}, whom {agent.CONFIGURATION} names")
    elif guest.user and account != guest.user:
        faults.append(f"{agent.CONFIGURATION}: the user is {account}, not {guest.user}")
    return judged(faults, [*seen, f"account: {account}"])


def _there(guest: Guest, path: str) -> str:
    return "exists" if guest.files.is_file(path) else "missing"
