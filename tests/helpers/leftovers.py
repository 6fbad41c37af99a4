# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that was used: what it holds that must not be in an image, by the step of tree_seal that takes it."""

from __future__ import annotations

from pathlib import Path

from helpers.system_trees import GOOD, LINKS, make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import audit, leftovers
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import FAIL, RULES, Guest
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles

# The rules of the audit that a sealed tree must keep to.
JUDGES = [
    rule
    for file in audit.RULE_FILES
    for rule in RULES
    if rule.judge.__module__ == file.__name__ and (file is leftovers or rule.id == "Q2")
]
REQUIREMENTS = {rule.id for rule in JUDGES}

MAC = "52:54:00:12:34:56"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"
PUBLIC = "ssh-ed25519 AAAAC3 someone@machine\n"
ID = "0123456789abcdef0123456789abcdef"

# What is gone afterwards.
REMOVED: dict[str, dict[str, str]] = {
    "machine_id": {
        "var/lib/dbus/machine-id": f"{ID}\n",
        "etc/nvme/hostid": "x",
        "etc/pki/consumer/key.pem": KEY,
        "var/lib/zypp/AnonymousUniqueId": ID,
    },
    "host_keys": {"etc/ssh/ssh_host_ed25519_key": KEY, "etc/ssh/ssh_host_ed25519_key.pub": PUBLIC},
    "random_seed": {
        "var/lib/systemd/random-seed": "x",
        "var/lib/systemd/credential.secret": "x",
        "boot/efi/loader/random-seed": "x",
    },
    "network": {
        "etc/netplan/50-cloud-init.yaml": f"network: {{ethernets: {{ens3: {{match: {{macaddress: '{MAC}'}}}}}}}}\n",
        "etc/network/interfaces.d/50-cloud-init": "auto ens3\n",
        "etc/systemd/network/10-cloud-init-ens3.network": "[Match]\nName=ens3\n",
        "etc/systemd/network/10-card.link": f"[Match]\nMACAddress={MAC}\n[Link]\nName=lan0\n",
        "var/lib/dhcp/dhclient.ens3.leases": "lease {}\n",
        "var/lib/dhcpcd/ens3.lease": "x",
        "var/lib/NetworkManager/internal-ens3.lease": "x",
        "var/lib/NetworkManager/secret_key": "x",
        "var/lib/NetworkManager/no-auto-default.state": f"[main]\nno-auto-default={MAC}\n",
        "var/lib/systemd/network/duid": "x",
        "var/lib/wicked/lease.xml": "x",
        "etc/.resolv.conf.systemd-resolved.bak": "nameserver 192.0.2.1\n",
        "etc/cloud/cloud.cfg.d/00-subiquity-disable-cloudinit-networking.cfg": "network: {config: disabled}\n",
    },
    "storage": {
        "etc/initramfs-tools/conf.d/resume": "RESUME=UUID=1\n",
        "etc/default/grub_installdevice": "/dev/disk/by-id/virtio-1\n",
        "boot/grub/device.map": "(hd0) /dev/disk/by-id/virtio-1\n",
        "etc/blkid.tab": "x",
        "etc/lvm/archive/vg_00000.vg": "x",
        "etc/lvm/backup/vg": "x",
        "etc/lvm/devices/system.devices": "x",
    },
    "logs": {
        "var/log/syslog": "x",
        "var/log/audit/audit.log": "x",
        "var/log/wtmp.1": "x",
        f"var/log/journal/{ID}/system.journal": "x",
        "var/log/installer/cdebconf/questions.dat": "x",
        "var/log/YaST2/y2log": "x",
        "root/anaconda-ks.cfg": "rootpw secret\n",
    },
    "histories": {
        "root/.bash_history": "ls\n",
        "home/debian/.viminfo": "x",
        "home/debian/.local/share/fish/fish_history": "x",
        "srv/robot/.python_history": "x",
    },
    "ssh_keys": {
        "root/.ssh/authorized_keys": PUBLIC,
        "home/debian/.ssh/id_ed25519": KEY,
        "home/debian/.ssh/known_hosts": "x",
        "srv/robot/.ssh/config": "x",
    },
    "private_keys": {
        "home/debian/deep/down/server.key": KEY,
        "root/me.p12": "\x00",
        "etc/ssl/private/service.pem": "-----BEGIN PRIVATE KEY-----\n",
        "etc/krb5.keytab": "x",
    },
    "backups": {"etc/shadow-": "root:$6$a$b:1::::::\n", "etc/passwd-": "x", "var/backups/shadow.bak": "x"},
    "secrets": {
        "root/.netrc": "x",
        "home/debian/.config/openstack/clouds.yaml": "x",
        "etc/apt/auth.conf.d/mirror": "machine mirror.example login me password secret\n",
    },
    "instance_data": {
        "var/lib/goldsmith/instance": "x",
        "var/lib/cloud/instances/i-1/obj.pkl": "x",
        "var/lib/cloud/data/instance-id": "i-1\n",
        "var/lib/cloud/seed/nocloud/user-data": "x",
        "etc/cloud/cloud-init.disabled": "Disabled by Ubuntu live installer after first boot.\n",
    },
    "package_cache": {
        "var/cache/apt/archives/a_1_amd64.deb": "x",
        "var/cache/apt/archives/partial/b_1_amd64.deb": "x",
        "var/cache/apt/pkgcache.bin": "x",
        "var/lib/apt/lists/deb.example_InRelease": "x",
        "var/cache/dnf/repo/a.rpm": "x",
        "var/cache/zypp/raw/b": "x",
        "var/lib/rpm/.rpm.lock": "",
        "var/lib/YaST2/cookies": "x",
    },
    "caches": {
        "home/debian/.cache/pip/x": "x",
        "root/.gnupg/pubring.kbx": "x" * 32,
        "root/.gnupg/trustdb.gpg": "x",
        "var/lib/sss/db/cache_x.ldb": "x",
        "var/cache/ldconfig/aux-cache": "x",
    },
    "mail": {"var/spool/mail/root": "x", "var/spool/postfix/deferred/1/2": "x"},
    "crash_dumps": {"var/crash/202601010000/vmcore": "x", "var/lib/systemd/coredump/core.x.zst": "x"},
    "temporary": {
        "tmp/x": "",
        "var/tmp/deep/x": "",
        "root/.ansible/tmp/x": "",
        "run/lock/x": "",
        "var/spool/cron/atjobs/a1": "x",
    },
    "build": {"usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n", "etc/apt/apt.conf.d/99mmdebstrap": "x"},
}
# What is empty afterwards.
EMPTIED: dict[str, dict[str, str]] = {
    "machine_id": {"etc/machine-id": f"{ID}\n"},
    "network": {
        "etc/udev/rules.d/70-persistent-net.rules": f'SUBSYSTEM=="net", ATTR{{address}}=="{MAC}", NAME="eth0"\n',
        "usr/lib/udev/rules.d/75-persistent-net-generator.rules": "x",
    },
    "logs": {"var/log/wtmp": "x", "var/log/btmp": "x", "var/log/lastlog": "x"},
    "passwords": {"etc/security/opasswd": "x"},
}
# What is changed: its text before and afterwards.
CHANGED: dict[str, dict[str, tuple[str, str]]] = {
    "network": {
        "etc/sysconfig/network-scripts/ifcfg-ens3": (f"DEVICE=ens3\nHWADDR={MAC}\nUUID=x\n", "DEVICE=ens3\n"),
        "etc/NetworkManager/system-connections/a.nmconnection": (
            f"[ethernet]\nmac-address={MAC}\n[ipv4]\nmethod=auto\n",
            "[ethernet]\n[ipv4]\nmethod=auto\n",
        ),
    },
    "storage": {
        "etc/default/grub": ('GRUB_CMDLINE_LINUX="resume=UUID=1 quiet"\n', 'GRUB_CMDLINE_LINUX="quiet"\n'),
        "etc/dracut.conf.d/swap.conf": ('kernel_cmdline+=" resume=UUID=1 "\n', 'kernel_cmdline+=" "\n'),
        "var/cache/debconf/config.dat": (
            "Name: grub-pc/install_devices\nValue: /dev/disk/by-id/ata-1\n\n"
            "Name: grub-pc/install_devices_empty\nValue: false\n",
            "Name: grub-pc/install_devices\nValue:\n\nName: grub-pc/install_devices_empty\nValue: true\n",
        ),
    },
    "passwords": {
        "etc/shadow": (
            "root:$6$a$b:1::::::\ndebian:!$6$a$b:1::::::\nguest::1::::::\n",
            "root:*:1::::::\ndebian:!:1::::::\nguest:*:1::::::\n",
        ),
    },
    "secrets": {
        "etc/apt/sources.list": ("deb https://me:secret@deb.example/ x main\n", "deb https://deb.example/ x main\n"),
    },
    "package_cache": {"var/lib/zypp/AutoInstalled": ("# generated today\n\npython3\n", "\npython3\n")},
    "proxy": {"etc/environment": ("A=b\nhttps_proxy=http://proxy.example:3128\n", "A=b\n")},
}
PASSWD = (
    "root:x:0:0::/root:/bin/bash\ndebian:x:1000:1000::/home/debian:/bin/bash\nguest:x:1001:1001::/home/guest:/bin/sh\n"
    "robot:x:998:998::/srv/robot:/bin/false\nservice:x:997:997::/usr/sbin:/bin/false\n"
)


def make_used_tree(root: Path) -> Path:
    """Make a tree in which every rule of the audit has something to find; return *root*."""
    files: dict[str, str | None] = {**GOOD, "etc/passwd": PASSWD, "home/guest": None, "srv/robot": None}
    for group in (*REMOVED.values(), *EMPTIED.values()):
        files.update(group)
    for changed in CHANGED.values():
        files.update({name: before for name, (before, _after) in changed.items()})
    resolved = "etc/systemd/system/sysinit.target.wants/systemd-resolved.service"
    links = {**LINKS, resolved: "/usr/lib/systemd/system/systemd-resolved.service", "var/mail": "spool/mail"}
    del links["etc/resolv.conf"]
    make_tree(root, {**files, "etc/resolv.conf": "nameserver 192.0.2.1\n"}, links)
    return root


def broken(tree: Path) -> set[str]:
    """Return which of these rules a tree breaks."""
    guest = Guest(TreeFiles(str(tree)))
    return {rule.id for rule in JUDGES if rule.judge(guest).verdict == FAIL}
