# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the packages hold beside Debian's files, or in place of them, and the packages that are made of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from helpers.repositories import accounts, boot_files, guest_files
from helpers.repositories.distributions import Distribution


@dataclass(frozen=True)
class Entry:
    """A file with its content, a folder (no content), or a link to a target."""

    content: str | None = None
    mode: int = 0o644
    target: str = ""


@dataclass
class Made:
    """What is added to a package: entries by path, relations, and scriptlets by the kind that a spec names."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)
    version: str = ""


def _folders(names: str, mode: int = 0o755) -> dict[str, Entry]:
    return {name: Entry(mode=mode) for name in names.split()}


def _link(target: str) -> Entry:
    return Entry(target=target)


def _script(content: str) -> Entry:
    return Entry(content, 0o755)


_FILESYSTEM = {
    **_folders(
        "etc usr usr/bin usr/sbin usr/lib usr/lib64 usr/share usr/local usr/local/bin usr/local/sbin usr/local/lib "
        "usr/local/share usr/share/empty.sshd var var/lib var/log var/cache var/spool var/spool/mail var/adm boot home "
        "mnt media opt srv run dev etc/sysconfig etc/profile.d etc/skel"
    ),
    **_folders("tmp var/tmp", 0o1777),
    **_folders("root", 0o550),
    **_folders("proc sys", 0o555),
    **{name: _link(f"usr/{name}") for name in ("bin", "sbin", "lib", "lib64")},
    "var/run": _link("../run"),
    "var/lock": _link("../run/lock"),
    "var/mail": _link("spool/mail"),
}
_PAM = {
    "common-auth": "auth sufficient pam_unix.so\nauth required pam_deny.so\n",
    "common-account": "account required pam_unix.so\n",
    "common-password": "password required pam_unix.so yescrypt\n",
    "common-session": "session required pam_unix.so\nsession optional pam_systemd.so\n",
    "common-session-noninteractive": "session required pam_unix.so\n",
}
_SUDOERS = """Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
root ALL=(ALL) ALL
%wheel ALL=(ALL) ALL
@includedir /etc/sudoers.d
"""
_PROFILE = """export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
for file in /etc/profile.d/*.sh; do [ ! -r "$file" ] || . "$file"; done
"""
_NSSWITCH = """passwd: files systemd
group: files systemd
shadow: files
hosts: files myhostname dns
"""
_SSHD = {
    "etc/ssh/sshd_config": Entry(guest_files.SSHD_CONFIG, 0o600),
    "etc/ssh/sshd_config.d": Entry(mode=0o700),
    "usr/lib/systemd/system/sshd-keygen.service": Entry(guest_files.SSHD_KEYGEN),
}
# A new kernel is installed beside the running one.
_ZYPP_CONF = """[main]
multiversion = provides:multiversion(kernel)
multiversion.kernels = latest,latest-1,running
"""
# What Debian's packages take for granted, and so never name.
_ESSENTIAL = (
    "diffutils",
    "findutils",
    "gawk",
    "grep",
    "gzip",
    "hostname",
    "ncurses-base",
    "ncurses-bin",
    "sed",
    "tar",
    "which",
)
# What dracut calls
_DRACUT = ("bash", "coreutils", "cpio", "findutils", "grep", "gzip", "kmod", "sed", "util-linux", "xz", "zstd")
# On the first installation, as its own %post does it elsewhere: only now all units are there.
_SYSTEMD = "systemd-machine-id-setup >/dev/null 2>&1 || :\nsystemctl preset-all >/dev/null 2>&1 || :\n"
_UNITS = "usr/lib/systemd/system"
_CLOUD_CONFIG = "cloud-init-config"


def made_files(distribution: Distribution) -> dict[str, Made]:
    """What is made, by the name of the package."""
    return _everywhere(distribution) | (_suse() if distribution.suse else _fedora()) | made_of_identity(distribution)


def made_of_identity(distribution: Distribution) -> dict[str, Made]:
    """The packages that say which distribution it is, where rpm has its database, and which account is whose."""
    name, release = distribution.release_package, distribution.release
    macros = "usr/lib/rpm/macros.d"
    entries = {
        "usr/lib/os-release": Entry(distribution.os_release),
        "etc/os-release": _link("../usr/lib/os-release"),
        f"{_UNITS}-preset/80-distribution.preset": Entry(guest_files.PRESET),
        **_folders(f"{distribution.database.lstrip('/')} {macros}"),
        f"{macros}/macros.database": Entry(f"%_dbpath {distribution.database}\n"),
    }
    provides = (f"system-release = {release}", f"system-release(releasever) = {release}")
    return {
        name: Made(entries, provides=provides, version=distribution.version),
        _CLOUD_CONFIG: Made({"etc/cloud/cloud.cfg": Entry(guest_files.cloud_cfg(distribution))}),
        **({"redhat-release": Made(requires=(name,))} if distribution.family == "rhel" else {}),
    }


def _everywhere(distribution: Distribution) -> dict[str, Made]:
    setup = {
        "etc/passwd": Entry(accounts.PASSWD),
        "etc/group": Entry(accounts.GROUP),
        "etc/shadow": Entry(accounts.SHADOW, 0),
        "etc/gshadow": Entry(accounts.GSHADOW, 0),
        # Accounts are locked by it; made here, it is labelled.
        "etc/.pwd.lock": Entry("", 0o600),
        "etc/shells": Entry("/bin/sh\n/bin/bash\n"),
        "etc/hosts": Entry("127.0.0.1 localhost localhost.localdomain\n::1 localhost localhost.localdomain\n"),
        "etc/nsswitch.conf": Entry(_NSSWITCH),
        "etc/profile": Entry(_PROFILE),
        "etc/environment": Entry(""),
    }
    if not distribution.suse:
        setup["etc/fstab"] = Entry("")
    cloud_init = {f"{_UNITS}/{name}": Entry(text) for name, text in guest_files.CLOUD_UNITS.items()}
    chrony = {
        "etc/chrony.conf": Entry(guest_files.CHRONY_CONF),
        "etc/chrony/chrony.conf": _link("../chrony.conf"),
        "var/lib/chrony": Entry(mode=0o750),
        "var/log/chrony": Entry(mode=0o750),
    }
    openssh = "openssh" if distribution.suse else "openssh-server"
    vim = "vim-small" if distribution.suse else "vim-minimal"
    return {
        "setup": Made(setup),
        "filesystem": Made(_FILESYSTEM, requires=("setup",)),
        "basesystem": Made(requires=("setup", "filesystem")),
        "rootfiles": Made(
            {"root/.bashrc": Entry("alias ls='ls --color=auto'\n"), "root/.bash_profile": Entry(". ~/.bashrc\n")}
        ),
        "bash": Made(
            {"usr/bin/sh": _link("bash")}, provides=("/bin/sh", "/usr/bin/sh", "/bin/bash"), requires=("glibc",)
        ),
        "pam": Made({f"etc/pam.d/{name}": Entry(text) for name, text in _PAM.items()}),
        "gawk": Made({"usr/bin/awk": _link("mawk")}),
        "which": Made({"usr/bin/which": _link("which.debianutils")}),
        "sudo": Made({"etc/sudoers": Entry(_SUDOERS, 0o440)}),
        "dracut": Made(requires=_DRACUT),
        openssh: Made(_SSHD),
        "NetworkManager": Made({"etc/NetworkManager/NetworkManager.conf": Entry(guest_files.NETWORK_MANAGER_CONF)}),
        "chrony": Made(chrony),
        vim: Made({"usr/bin/vi": _link("vim.tiny")}),
        "glibc": Made(provides=("/sbin/ldconfig", "/usr/sbin/ldconfig"), scripts={"post -p /sbin/ldconfig": ""}),
        "systemd": Made(requires=_ESSENTIAL, scripts={"posttrans": _SYSTEMD}),
        "cloud-init": Made(cloud_init, requires=(_CLOUD_CONFIG,)),
    }


def _fedora() -> dict[str, Made]:
    install = "usr/lib/kernel/install.d"
    grub = {
        f"{install}/20-grub.install": _script(boot_files.GRUB_INSTALL),
        "usr/lib/kernel/install.conf": Entry(boot_files.INSTALL_CONF),
        "etc/grub.d/10_linux": _script(boot_files.GRUB_LINUX),
        "etc/grub2.cfg": _link("../boot/grub2/grub.cfg"),
        "etc/kernel": Entry(mode=0o755),
        "boot/grub2": Entry(mode=0o700),
        "boot/loader": Entry(mode=0o755),
        "boot/loader/entries": Entry(mode=0o700),
        "boot/efi": Entry(mode=0o700),
    }
    return {
        "dracut": Made(
            {
                f"{install}/50-dracut.install": _script(boot_files.DRACUT_INSTALL),
                "etc/dracut.conf.d": Entry(mode=0o755),
            },
            requires=(*_DRACUT, "systemd-udev"),
        ),
        "dracut-config-generic": Made(
            {"usr/lib/dracut/dracut.conf.d/02-generic-image.conf": Entry('hostonly="no"\ndracut_rescue_image="no"\n')},
            requires=("dracut",),
        ),
        "glibc-minimal-langpack": Made(requires=("glibc",), provides=("glibc-langpack",)),
        "grub2-tools": Made(grub, requires=("gettext-base", "util-linux")),
        "grub2-pc": Made(requires=("grub2-tools", "grub2-pc-modules")),
        "kernel-core": Made(
            requires=("dracut", "systemd-udev", "kmod"),
            scripts={"posttrans": boot_files.FEDORA_POSTTRANS, "preun": boot_files.FEDORA_PREUN},
        ),
        "dnf": Made(
            {
                "etc/dnf/dnf.conf": Entry(
                    "[main]\ngpgcheck=True\ninstallonly_limit=3\nclean_requirements_on_remove=True\n"
                ),
                "etc/yum.repos.d": Entry(mode=0o755),
                "usr/bin/yum": _link("dnf-3"),
            },
            provides=("yum",),
        ),
    }


def _suse() -> dict[str, Made]:
    return {
        "suse-module-tools": Made(
            {
                "usr/lib/module-init-tools": Entry(mode=0o755),
                "usr/lib/module-init-tools/regenerate-initrd-posttrans": _script(boot_files.REGENERATE_INITRD),
            }
        ),
        "perl-Bootloader": Made(
            {
                "usr/sbin/update-bootloader": _script(boot_files.UPDATE_BOOTLOADER),
                "usr/lib/bootloader": Entry(mode=0o755),
                "usr/lib/bootloader/bootloader_entry": _script(boot_files.BOOTLOADER_ENTRY),
                "etc/sysconfig/bootloader": Entry('LOADER_TYPE="grub2"\nSECURE_BOOT="no"\nUPDATE_NVRAM="no"\n'),
            },
            provides=("update-bootloader",),
            requires=("grub2",),
        ),
        "grub2": Made(
            {"boot/grub2": Entry(mode=0o700), "boot/efi": Entry(mode=0o700)}, requires=("gettext-base", "util-linux")
        ),
        "kernel-default": Made(
            requires=("dracut", "udev", "kmod", "suse-module-tools"),
            provides=("kernel", "multiversion(kernel)"),
            scripts={
                "post": boot_files.SUSE_POST,
                "posttrans": boot_files.SUSE_POSTTRANS,
                "postun": boot_files.SUSE_POSTUN,
            },
        ),
        "kernel-default-base": Made(),
        "libzypp": Made({"etc/zypp/zypp.conf": Entry(_ZYPP_CONF)}),
        "zypper": Made({"etc/zypp/repos.d": Entry(mode=0o755)}),
    }
