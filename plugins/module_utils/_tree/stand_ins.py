# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs in the place of those that need a running system, or would reach the kernel of the build host.

They are first in the PATH of all that runs in a tree. What one of them leaves undone it notes, for the user to see.
"""

from __future__ import annotations

FOLDER = "/run/goldsmith/bin"
# One line for each thing that was left undone.
NOTES = "/run/goldsmith/notes"
NAMES = (
    "sysctl modprobe insmod rmmod swapon swapoff hwclock hostnamectl timedatectl loginctl sudo "
    "update-grub update-grub2 grub-mkconfig grub2-mkconfig grub-install grub2-install "
    "reboot shutdown poweroff halt"
)

# One program by many names. It is run by the shell of the tree, which may be busybox.
PROGRAM = r"""# $name is what it was called by
note() { echo "$name $1" >>/run/goldsmith/notes; exit 0; }
own() { # the tree's own program
  for folder in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
    [ ! -x "$folder/$name" ] || exec "$folder/$name" "$@"
  done
  echo "$name: not found in the tree" >&2
  exit 127
}
has() { # has WORD ARGUMENTS...: whether one of the arguments is of the pattern WORD
  wish=$1; shift
  for word; do case $word in $wish) return 0 ;; esac; done
  return 1
}

# What is configured, one KEY = VALUE a line: the kernel that runs is not that of the image.
configured() {
  cat /usr/lib/sysctl.d/*.conf /etc/sysctl.d/*.conf /etc/sysctl.conf 2>/dev/null |
    sed -n 's/^[[:space:]]*-\{0,1\}\([a-zA-Z0-9_./*-]*\)[[:space:]]*=[[:space:]]*\(.*\)$/\1 = \2/p'
}
sysctl_() {
  only= ignore= keys=
  for word; do
    case $word in
      --system | -p* | -w | --load* | --write | *=*) note "applies no value, since the files are read at boot" ;;
      -a | -A | -X | --all) configured; exit 0 ;;
      --values) only=1 ;;
      --ignore) ignore=1 ;;
      --*) ;;
      -*) case $word in *n*) only=1 ;; esac; case $word in *e*) ignore=1 ;; esac ;;
      *) keys="$keys $word" ;;
    esac
  done
  for key in $keys; do
    line=$(configured | grep -F -- "$key = " | grep "^$key = " | tail -n 1)
    if [ -n "$line" ]; then
      if [ -n "$only" ]; then echo "${line#* = }"; else echo "$line"; fi
    elif [ -z "$ignore" ]; then
      echo "sysctl: $key: no file of the tree sets it, and the kernel of the build host is not asked" >&2
      exit 1
    fi
  done
  exit 0
}

hostnamectl_() {
  verb= value= which=
  for word; do
    case $word in
      --static | --transient | --pretty) which=${word#--} ;;
      -*) ;;
      *) if [ -z "$verb" ]; then verb=$word; else value=$word; fi ;;
    esac
  done
  case $verb in
    set-hostname) [ -n "$value" ] || value=localhost ;;
    hostname | status | '') ;;
    *) own "$@" ;;
  esac
  if [ -z "$value" ]; then
    if [ "$which" = pretty ]; then sed -n 's/^PRETTY_HOSTNAME="\{0,1\}\([^"]*\).*/\1/p' /etc/machine-info 2>/dev/null
    elif [ -n "$which" ] || [ "$verb" = hostname ]; then cat /etc/hostname 2>/dev/null
    else echo "   Static hostname: $(cat /etc/hostname 2>/dev/null)"; fi
    exit 0
  fi
  case $which in
    pretty)
      others=$(grep -v '^PRETTY_HOSTNAME=' /etc/machine-info 2>/dev/null)
      printf '%s\n' ${others:+"$others"} "PRETTY_HOSTNAME=\"$value\"" >/etc/machine-info ;;
    transient) ;;
    *) echo "$value" >/etc/hostname ;;
  esac
  exit 0
}

# As logind keeps it: the services of such a user start with the system.
loginctl_() {
  verb= users=
  for word; do
    case $word in
      -*) ;;
      *) if [ -z "$verb" ]; then verb=$word; else users="$users $word"; fi ;;
    esac
  done
  case $verb in
    enable-linger | disable-linger) ;;
    *) own "$@" ;;
  esac
  mkdir -p /var/lib/systemd/linger
  for user in ${users:-$(id -un)}; do
    getent passwd "$user" >/dev/null 2>&1 || grep -qs "^$user:" /etc/passwd ||
      { echo "loginctl: unknown user $user" >&2; exit 1; }
    if [ "$verb" = enable-linger ]; then : >"/var/lib/systemd/linger/$user"
    else rm -f "/var/lib/systemd/linger/$user"; fi
  done
  exit 0
}

sudo_() {
  user=root skip=0 take=
  for word; do
    if [ -n "$take" ]; then
      [ "$take" != -u ] || user=$word
      take=
    else
      case $word in
        -u | -p) take=$word ;;
        -u?*) user=${word#-u} ;;
        --user=*) user=${word#*=} ;;
        -H | -S | -n | -E) ;;
        --) skip=$((skip + 1)); break ;;
        -*) own "$@" ;;
        *) break ;;
      esac
    fi
    skip=$((skip + 1))
  done
  # The rights of others are a matter of sudoers.
  [ "$(id -u)" = 0 ] || own "$@"
  shift $skip
  [ $# -gt 0 ] || own
  line=$(getent passwd "$user" 2>/dev/null || grep -s "^$user:" /etc/passwd) ||
    { echo "sudo: unknown user $user" >&2; exit 1; }
  id=$(echo "$line" | cut -d: -f3) group=$(echo "$line" | cut -d: -f4)
  home=$(echo "$line" | cut -d: -f6) shell=$(echo "$line" | cut -d: -f7)
  set -- env HOME="$home" USER="$user" LOGNAME="$user" SHELL="$shell" SUDO_USER=root SUDO_UID=0 SUDO_GID=0 "$@"
  [ "$id" != 0 ] || exec "$@"
  exec setpriv --reuid "$id" --regid "$group" --init-groups "$@"
}

case $name in
  sysctl) sysctl_ "$@" ;;
  hostnamectl) hostnamectl_ "$@" ;;
  loginctl) loginctl_ "$@" ;;
  sudo) sudo_ "$@" ;;
  modprobe)
    for flag in -n --dry-run -D --show-depends -c --showconfig -R --resolve-alias -V --version --show-modversions \
      --dump-modversions --show-exports; do
      ! has "$flag" "$@" || own "$@"
    done
    note "loads nothing, since no kernel runs; name what is to be loaded at boot in /etc/modules-load.d" ;;
  insmod | rmmod) note "changes no kernel, since that of the image does not run" ;;
  swapon | swapoff) has '--show*' "$@" || note "changes no swap, which is that of the build host" ;;
  hwclock) note "leaves the clock, which is that of the build host" ;;
  timedatectl)
    case $1 in
      set-timezone)
        [ -e "/usr/share/zoneinfo/$2" ] || { echo "timedatectl: there is no time zone $2" >&2; exit 1; }
        ln -sfn "/usr/share/zoneinfo/$2" /etc/localtime ;;
      set-*) note "$1 leaves the clock, which is that of the build host" ;;
      *) own "$@" ;;
    esac ;;
  update-grub* | grub*) note "writes nothing: the configuration of the boot loader is made with the disk" ;;
  *) note "does nothing in a tree, where no system runs" ;;
esac
"""
