# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Debian's packages are called in the other distributions; one RPM may hold several of them."""

from __future__ import annotations

# What is fetched for every family of RPMs, with all that it needs.
_COMMON = [
    "bash", "btrfs-progs", "bzip2", "ca-certificates", "chrony", "cloud-guest-utils", "cloud-init", "coreutils",
    "cpio", "curl", "dash", "dbus", "debianutils", "diffutils", "dracut-core", "e2fsprogs", "fdisk", "file",
    "findutils", "gnupg", "grep", "grub-common", "grub2-common", "gzip", "hostname", "iproute2", "iputils-ping",
    "kmod", "less", "libc-bin", "libnss-myhostname", "libpam-runtime", "libpam-systemd", "login", "lvm2", "mawk",
    "mount", "ncurses-base", "ncurses-bin", "network-manager", "openssh-client", "openssh-server", "parted",
    "passwd", "policycoreutils", "procps", "python3-selinux", "rpm", "sed", "selinux-policy-default",
    "selinux-utils", "sudo", "systemd", "systemd-sysv", "tar", "tzdata", "udev", "util-linux", "vim-tiny",
    "xfsprogs", "xz-utils", "zstd",
]  # fmt: skip
FETCHED = {
    "fedora": [*_COMMON, "dnf", "dnf-plugins-core"],
    "suse": [*_COMMON, "zypper"],
}
# What is fetched for Ubuntu beside what every system of Debian has; and what excludes one of these.
UBUNTU = [
    "apparmor", "apt", "btrfs-progs", "ca-certificates", "chrony", "cloud-guest-utils", "cloud-init",
    "cloud-initramfs-growroot", "curl", "dbus", "e2fsprogs", "fdisk", "gdisk", "grub-efi-amd64-bin", "grub-pc",
    "initramfs-tools", "iproute2", "iputils-ping", "less", "libpam-systemd", "locales", "lvm2", "netbase",
    "netplan.io", "openssh-client", "openssh-server", "parted", "procps", "python3", "python3-apt", "sudo",
    "systemd-resolved", "systemd-sysv", "tzdata", "udev", "vim-tiny", "xfsprogs", "zstd",
]  # fmt: skip
UBUNTU_ALTERNATIVES = ["grub-efi-amd64", "grub-efi-amd64-signed", "shim-signed", "systemd-timesyncd"]

FEDORA = {
    "bash": ["bash"],
    "glibc": ["libc6", "libc-bin", "libcrypt1", "libgcc-s1", "gcc-12-base"],
    "shadow-utils": ["passwd", "login", "libsemanage2", "libsemanage-common"],
    "util-linux": ["util-linux", "util-linux-extra", "mount", "fdisk", "eject", "logsave"],
    "pam": ["libpam-modules", "libpam-modules-bin", "libpam-runtime", "libpam0g"],
    "systemd": ["systemd", "systemd-sysv", "libpam-systemd", "libnss-myhostname", "sysvinit-utils"],
    "systemd-libs": ["libsystemd0", "libsystemd-shared", "libudev1"],
    "systemd-udev": ["udev"],
    "dbus": ["dbus", "dbus-bin", "dbus-daemon", "dbus-session-bus-common", "dbus-system-bus-common", "libdbus-1-3"],
    "openssh": ["openssh-sftp-server"],
    "openssh-server": ["openssh-server", "runit-helper"],
    "openssh-clients": ["openssh-client"],
    "dracut": ["dracut-core"],
    "grub2-pc-modules": ["grub-pc-bin"],
    "grub2-efi-x64-modules": ["grub-efi-amd64-bin"],
    "grub2-tools": ["grub-common", "grub2-common"],
    "NetworkManager": ["network-manager", "libnm0", "libmm-glib0", "libteamdctl0", "libndp0"],
    "cloud-utils-growpart": ["cloud-guest-utils"],
    "libselinux": ["libselinux1"],
    "libselinux-utils": ["selinux-utils"],
    "python3-libselinux": ["python3-selinux"],
    "iproute": ["iproute2"],
    "iputils": ["iputils-ping"],
    "procps-ng": ["procps"],
    "gawk": ["mawk"],
    "which": ["debianutils"],
    "xz": ["xz-utils"],
    "gnupg2": ["gnupg", "gnupg-utils", "gnupg-l10n", "gpg", "gpg-agent", "gpgconf", "gpgsm", "gpgv", "dirmngr",
               "gpg-wks-client", "gpg-wks-server"],
    "polkit": ["polkitd"],
    "dhcp-client": ["isc-dhcp-client"],
    "vim-minimal": ["vim-tiny", "vim-common"],
    "python3": ["python3", "python3-minimal", "python3.11", "python3.11-minimal", "libpython3-stdlib",
                "libpython3.11-minimal", "libpython3.11-stdlib", "media-types"],
    "rpm": ["rpm", "rpm-common", "rpm2cpio"],
    "rpm-libs": ["librpm9", "librpmbuild9", "librpmio9", "librpmsign9"],
}  # fmt: skip
# The names that differ at SUSE.
_SUSE = {
    "glibc": FEDORA["glibc"],
    "shadow": FEDORA["shadow-utils"],
    "systemd": FEDORA["systemd"] + FEDORA["systemd-libs"],
    "udev": ["udev"],
    "dbus-1": FEDORA["dbus"],
    "openssh": ["openssh-server", "openssh-sftp-server", "runit-helper", "openssh-client"],
    "grub2-i386-pc": ["grub-pc-bin"],
    "grub2-x86_64-efi": ["grub-efi-amd64-bin"],
    "grub2": ["grub-common", "grub2-common"],
    "growpart": ["cloud-guest-utils"],
    "libselinux1": ["libselinux1"],
    "selinux-tools": ["selinux-utils"],
    "python3-selinux": ["python3-selinux"],
    "iproute2": ["iproute2"],
    "procps": ["procps"],
    "which": ["debianutils"],
    "timezone": ["tzdata"],
    "btrfsprogs": ["btrfs-progs"],
    "vim-small": FEDORA["vim-minimal"],
    "ca-certificates-mozilla": ["ca-certificates"],
    "libzypp": ["libzypp1722"],
    "rpm": FEDORA["rpm"] + FEDORA["rpm-libs"],
}
_THERE = {deb for debs in _SUSE.values() for deb in debs}
SUSE = {**{rpm: debs for rpm, debs in FEDORA.items() if not _THERE & set(debs)}, **_SUSE}

# Debian's own ways to be: nothing of them is in another distribution.
DROPPED = {
    "adduser", "base-files", "base-passwd", "dash", "debconf", "dpkg", "init-system-helpers", "initramfs-tools",
    "initramfs-tools-core", "klibc-utils", "libc-l10n", "libfile-find-rule-perl", "libgdbm-compat4", "libgdbm6",
    "libklibc", "libnumber-compare-perl", "libperl5.36", "libtext-glob-perl", "linux-base", "locales", "lsb-base",
    "lsb-release", "perl", "perl-base", "perl-modules-5.36", "readline-common", "selinux-policy-default",
    "sensible-utils", "sgml-base", "ucf", "usrmerge", "xml-core",
}  # fmt: skip
DROPPED_PATHS = (
    "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/share/bug",
    "usr/share/bash-completion", "usr/share/zsh", "etc/kernel/postinst.d", "etc/kernel/postrm.d", "etc/init.d",
    "etc/cron.daily", "etc/cron.weekly", "etc/default/grub.d", "usr/share/initramfs-tools", "usr/share/pixmaps",
    "var/lib/dpkg", "etc/network", "etc/ppp", "usr/sbin/update-grub", "usr/sbin/update-grub2",
    "etc/grub.d/05_debian_theme",
    "usr/lib/kernel/install.d/85-initrd.install",
    # That of the distribution is in a package of its own; a rebuild takes the others as they are.
    "etc/cloud/cloud.cfg",
    # A plugin that stops without createrepo_c
    "usr/lib/python3/dist-packages/dnf-plugins/local.py", "etc/dnf/plugins/local.conf",
)  # fmt: skip
_UNITS = "usr/lib/systemd/system"
RENAMED = {
    f"{_UNITS}/ssh.service": f"{_UNITS}/sshd.service",
    f"{_UNITS}/chrony.service": f"{_UNITS}/chronyd.service",
}
# The programs of GRUB, as names and in the scripts that call them.
GRUB_PROGRAMS = (
    "editenv|file|fstest|glue-efi|install|kbdcomp|macbless|menulst2cfg|mkconfig|mkdevicemap|mkfont|mkimage|mklayout|"
    "mknetdir|mkpasswd-pbkdf2|mkrelpath|mkrescue|mkstandalone|mount|mkconfig|ntldr-img|probe|reboot|render-label|"
    "script-check|set-default|sparc64-setup|syslinux2cfg"
)
