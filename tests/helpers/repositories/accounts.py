# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts that every distribution of RPMs has from its package `setup`."""

from __future__ import annotations

# Name, number, number of the group, home, shell
_USERS = [
    ("root", 0, 0, "/root", "/bin/bash"),
    ("bin", 1, 1, "/bin", ""),
    ("daemon", 2, 2, "/sbin", ""),
    ("adm", 3, 4, "/var/adm", ""),
    ("mail", 8, 12, "/var/spool/mail", ""),
    ("sshd", 74, 74, "/usr/share/empty.sshd", ""),
    ("dbus", 81, 81, "/", ""),
    # What Debian's dbus-daemon and chronyd want to become
    ("messagebus", 82, 81, "/", ""),
    ("_chrony", 83, 83, "/var/lib/chrony", ""),
    ("systemd-network", 192, 192, "/", ""),
    ("systemd-resolve", 193, 193, "/", ""),
    ("systemd-timesync", 995, 995, "/", ""),
    ("polkitd", 996, 996, "/", ""),
    ("nobody", 65534, 65534, "/", ""),
]
# No ssh_keys: cloud-init would give it the host keys, and Debian's sshd refuses keys that a group may read.
_GROUPS = {
    "root": 0, "bin": 1, "daemon": 2, "sys": 3, "adm": 4, "tty": 5, "disk": 6, "lp": 7, "mem": 8, "kmem": 9,
    "wheel": 10, "cdrom": 11, "mail": 12,
    "man": 15, "dialout": 18, "floppy": 19, "utmp": 22, "sudo": 27, "tape": 33, "utempter": 35,
    "kvm": 36, "video": 39, "src": 40, "shadow": 42, "plugdev": 46, "staff": 50, "audio": 63, "sshd": 74, "dbus": 81,
    "_chrony": 83, "users": 100, "_ssh": 101, "input": 104, "render": 105, "sgx": 106, "netdev": 107,
    "systemd-journal": 190, "systemd-network": 192, "systemd-resolve": 193, "systemd-timesync": 995, "polkitd": 996,
    "nogroup": 65533, "nobody": 65534,
}  # fmt: skip

PASSWD = "".join(
    f"{name}:x:{user}:{group}:{name}:{home}:{shell or '/usr/sbin/nologin'}\n"
    for name, user, group, home, shell in _USERS
)
GROUP = "".join(f"{name}:x:{number}:\n" for name, number in _GROUPS.items())
SHADOW = "".join(f"{user[0]}:*:19000:0:99999:7:::\n" for user in _USERS)
GSHADOW = "".join(f"{name}:::\n" for name in _GROUPS)
