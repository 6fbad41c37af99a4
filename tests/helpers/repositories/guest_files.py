# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of cloud-init, of sshd and of the network, as the distributions of RPMs have them."""

from __future__ import annotations

from helpers.repositories.distributions import Distribution

_CLOUD_CFG = """users: [default]
disable_root: true
ssh_pwauth: false
preserve_hostname: false
cloud_init_modules: [{seed}bootcmd, write-files, growpart, resizefs, set_hostname, update_hostname, update_etc_hosts,
  rsyslog, users-groups, ssh]
cloud_config_modules: [ssh-import-id, locale, set-passwords, ntp, timezone, runcmd]
cloud_final_modules: [package-update-upgrade-install, write-files-deferred, scripts-vendor, scripts-per-once,
  scripts-per-boot, scripts-per-instance, scripts-user, ssh-authkey-fingerprints, keys-to-console, final-message,
  power-state-change]
system_info:
  distro: {distro}
  default_user:
    name: {account}
    lock_passwd: true
    gecos: Cloud User
    groups: [{groups}]
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
    shell: /bin/bash
  network:
    renderers: [network-manager, {renderer}, networkd]
  paths:
    cloud_dir: /var/lib/cloud/
    templates_dir: /etc/cloud/templates/
  ssh_svcname: sshd
"""
# With Debian's ordering set_hostname comes before D-Bus, by which these systems set the name.
_LOCAL_UNIT = """[Unit]
Description=Initial cloud-init job (pre-networking)
Wants=network-pre.target
Requires=dbus.socket
After=dbus.socket systemd-remount-fs.service
Before=NetworkManager.service network-pre.target shutdown.target
Conflicts=shutdown.target
RequiresMountsFor=/var/lib/cloud

[Service]
Type=oneshot
ExecStart=/usr/bin/cloud-init init --local
ExecStart=/bin/touch /run/cloud-init/network-config-ready
RemainAfterExit=yes
TimeoutSec=0
KillMode=process
TasksMax=infinity
StandardOutput=journal+console

[Install]
WantedBy=cloud-init.target
"""
_NETWORK_UNIT = """[Unit]
Description=Initial cloud-init job (metadata service crawler)
Wants=cloud-init-local.service sshd-keygen.service sshd.service
After=cloud-init-local.service dbus.service NetworkManager.service NetworkManager-wait-online.service
Before=network-online.target sshd-keygen.service sshd.service systemd-user-sessions.service

[Service]
Type=oneshot
ExecStart=/usr/bin/cloud-init init
RemainAfterExit=yes
TimeoutSec=0
KillMode=process
TasksMax=infinity
StandardOutput=journal+console

[Install]
WantedBy=cloud-init.target
"""
CLOUD_UNITS = {"cloud-init-local.service": _LOCAL_UNIT, "cloud-init.service": _NETWORK_UNIT}
# What Debian's maintainer script of openssh-server makes
SSHD_CONFIG = """Include /etc/ssh/sshd_config.d/*.conf
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
X11Forwarding no
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
"""
SSHD_KEYGEN = """[Unit]
Description=Make the host keys
Before=sshd.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target
"""
CHRONY_CONF = """pool pool.ntp.example iburst
sourcedir /run/chrony-dhcp
driftfile /var/lib/chrony/chrony.drift
makestep 1.0 3
rtcsync
logdir /var/log/chrony
"""
NETWORK_MANAGER_CONF = "[main]\nplugins=keyfile\n"
PRESET = """enable sshd.service
enable sshd-keygen.service
enable NetworkManager.service
enable NetworkManager-dispatcher.service
enable NetworkManager-wait-online.service
enable cloud-init.service
enable cloud-init-local.service
enable cloud-config.service
enable cloud-final.service
enable dbus.service
enable dbus.socket
enable getty@.service
enable chronyd.service
enable lvm2-monitor.service
enable remote-fs.target
disable *
"""


def cloud_cfg(distribution: Distribution) -> str:
    """The text of /etc/cloud/cloud.cfg."""
    suse = distribution.suse
    return _CLOUD_CFG.format(
        seed="seed_random, " if suse else "",
        distro="opensuse" if suse else "fedora" if distribution.family == "fedora" else "rhel",
        account=distribution.account,
        groups="wheel, users" if suse else "wheel, adm, systemd-journal",
        renderer="sysconfig",
    )
