# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tree has while a program runs in it: mounts, what a boot would make in /run, and stand-ins."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stand_ins

# A file with this text was made by us, and left behind when its run was killed.
_MARK = "# laid over while a program runs in the tree"
# Begins a line on stderr, behind all that the program has said.
_NOTE = "goldsmith-note: "

# Runs as the first process of its process namespace: when it ends, so does all that the program left running.
# A path in the tree is written to from outside only after it was resolved: a link could lead to the host.
_ENTER = r"""
tree=$1 stand_in=$2 prepare=$3 linger=$4; shift 4
mark='@MARK@'
umask 022
refuse() { echo "cannot enter the tree $tree: $1" >&2; exit 125; }
inside() { case $(realpath -m -- "$1") in "$tree"/*) return 0;; *) return 1;; esac; }
for folder in proc sys dev run; do
  [ ! -L "$tree/$folder" ] || refuse "/$folder is a link"
  mkdir -p "$tree/$folder"
done
mount -t proc proc "$tree/proc" 2>/dev/null || mount --rbind /proc "$tree/proc" || refuse "no /proc"
{ mount --bind "$tree/proc/sys" "$tree/proc/sys" && mount -o remount,bind,ro "$tree/proc/sys"; } 2>/dev/null
# Without what is mounted in it, such as this host's security modules. An ordinary user may only have all of it.
mount --bind /sys "$tree/sys" 2>/dev/null || mount --rbind /sys "$tree/sys" || refuse "no /sys"
mount -o remount,bind,ro "$tree/sys" 2>/dev/null
mount -t tmpfs -o mode=755,size=1m dev "$tree/dev" || refuse "no /dev"
for node in null zero full random urandom tty; do
  : >"$tree/dev/$node"; mount --bind "/dev/$node" "$tree/dev/$node" || refuse "no /dev/$node"
done
mkdir "$tree/dev/pts" "$tree/dev/shm"
mount -t devpts -o newinstance,mode=620,ptmxmode=666 devpts "$tree/dev/pts" || refuse "no /dev/pts"
mount -t tmpfs -o mode=1777 shm "$tree/dev/shm"
ln -s pts/ptmx "$tree/dev/ptmx"
ln -s /proc/self/fd "$tree/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%%:*}" "$tree/dev/${number#*:}"; done
mount -t tmpfs -o mode=755 run "$tree/run" || refuse "no /run"
mkdir -m 1777 "$tree/run/lock"
own=$tree/run/goldsmith
mkdir -p "$own/bin"
: >"$own/notes"
printf '%s' "$stand_in" >"$own/stand-in"
for name in @NAMES@; do printf '#!/bin/sh\nname=%s\n. /run/goldsmith/stand-in\n' "$name" >"$own/bin/$name"; done
chmod 755 "$own/bin/"*
chmod 666 "$own/notes"

made=
cover() { # lay a host file over a file of the tree, which is made for the time being if it is missing
  inside "$2" && [ -d "${2%/*}" ] && [ ! -L "$2" ] || return 0
  if [ ! -e "$2" ]; then echo "$mark" >"$2"; fi
  if [ -f "$2" ] && [ "$(head -c 100 "$2")" = "$mark" ]; then made="$made ${2#"$tree"}"; fi
  mount --bind "$1" "$2"
}
if [ -r /etc/resolv.conf ]; then
  cp -L /etc/resolv.conf "$own/resolv.conf"
  chmod 644 "$own/resolv.conf"
  name=$tree/etc/resolv.conf
  if [ ! -L "$name" ]; then
    cover "$own/resolv.conf" "$name"
  else # a link to what a daemon keeps in /run
    goal=$(readlink "$name"); goal=/${goal#"${goal%%[!./]*}"}
    case $goal in
      */../*) ;;
      /run/*) inside "$tree$goal" && mkdir -p "$tree${goal%/*}" && cp "$own/resolv.conf" "$tree$goal" ;;
    esac
  fi
fi
# Debian: no daemon is started. A file, since a module may move it away for a while; that of a user is covered.
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$own/policy-rc.d"
chmod 755 "$own/policy-rc.d"
policy=$tree/usr/sbin/policy-rc.d
policy_is_ours() { [ ! -L "$policy" ] && [ -f "$policy" ] && inside "$policy" && grep -qxF -e "$mark" "$policy"; }
if [ -e "$policy" ] && ! policy_is_ours; then
  cover "$own/policy-rc.d" "$policy"
elif inside "$policy" && [ -d "${policy%/*}" ] && [ ! -L "$policy" ]; then
  # The folder keeps its time, unless somebody else changes it.
  touch -r "${policy%/*}" "$own/before"
  cp -p "$own/policy-rc.d" "$policy"
  touch -r "${policy%/*}" "$own/since"
fi

# Nothing inside is to know this host by its name, or take its kernel and its boot for those of the image.
name=$(chroot "$tree" head -n 1 /etc/hostname 2>/dev/null) || name=
set_name='import socket, sys; socket.sethostname(sys.argv[1])'
hostname "${name:-localhost}" 2>/dev/null || python3 -c "$set_name" "${name:-localhost}"
if [ -n "$prepare" ]; then
  chroot "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c "$prepare" >"$own/modules" 2>/dev/null
  echo "Filename Type Size Used Priority" >"$own/swaps"
  echo >"$own/cmdline"
  cat /proc/sys/kernel/random/uuid >"$own/boot_id"
  for name in modules swaps cmdline sys/kernel/random/boot_id; do
    mount --bind "$own/${name##*/}" "$tree/proc/$name" 2>/dev/null
  done
fi

"$@"
status=$?
# A task in the background would end with this process.
while [ -n "$linger" ] && grep -qsz "^[^ ]*$linger\$" "$tree"/proc/[0-9]*/cmdline; do sleep 0.2; done
[ ! -s "$own/notes" ] || sed 's/^/@NOTE@/' "$own/notes" >&2
for name in $made; do inside "$tree$name" && umount "$tree$name" && rm -f "$tree$name"; done
if policy_is_ours; then
  [ ! "${policy%/*}" -nt "$own/since" ] || rm -f "$own/before"
  rm -f "$policy"
  [ ! -e "$own/before" ] || touch -r "$own/before" "${policy%/*}"
fi
exit $status
"""

# Runs in the tree. Of /run it makes what a boot makes; it prints the modules of all kernels of the tree, as loaded.
_PREPARE = r"""
command -v systemd-tmpfiles >/dev/null && systemd-tmpfiles --create --prefix=/run >/dev/null 2>&1
for folder in /usr/lib /lib /etc; do
  [ -L "$folder" ] || set -- "$@" $(grep -ls '^RuntimeDirectory=' "$folder"/systemd/system/*.service)
done
[ $# -eq 0 ] || awk '
  FNR == 1 { tell(); names = user = group = mode = "" }
  sub(/^RuntimeDirectory=/, "") { names = names " " $0; next }
  sub(/^User=/, "") { user = $0 }
  sub(/^Group=/, "") { group = $0 }
  sub(/^RuntimeDirectoryMode=/, "") { mode = $0 }
  END { tell() }
  function tell(  count, word, i) {
    count = split(names, word, " ")
    for (i = 1; i <= count; i++)
      if (word[i] ~ /^[A-Za-z0-9_.@\/-]+$/ && word[i] !~ /(^|\/)\.\.?(\/|$)/)
        print word[i], (user == "" ? "-" : user) (group == "" ? "" : ":" group), mode == "" ? "0755" : mode
  }' "$@" | while read -r name owner mode; do
  [ ! -e "/run/$name" ] || continue
  mkdir -p "/run/$name"
  [ "$mode" = 0755 ] || chmod "$mode" "/run/$name"
  [ "$owner" = - ] || chown "$owner" "/run/$name" 2>/dev/null
done
cat /lib/modules/*/modules.dep /lib/modules/*/modules.builtin 2>/dev/null |
  sed 's/:.*//; s|.*/||; s/\.ko.*$//; y/-/_/; s/$/ 16384 0 - Live 0x0000000000000000/'
"""


def words(tree: str, argv: Sequence[str], *, booted: bool, linger: str = "") -> list[str]:
    """Return what runs *argv*, a program of the host, while the tree at a real path has what a program in it needs.

    *booted*: with what a boot would have made too. The tree then is left only when no program runs in it any more whose
    command line has a word that ends in *linger*, which is a pattern of grep.
    """
    script = _ENTER.replace("@MARK@", _MARK).replace("@NOTE@", _NOTE).replace("@NAMES@", stand_ins.NAMES)
    name, prepare = ("enter", _PREPARE) if booted else ("beside", "")
    return ["sh", "-c", script, name, tree, stand_ins.PROGRAM, prepare, linger, *argv]


def notes(said: str) -> tuple[str, list[str]]:
    """Return what a program has said on stderr, and apart from it what was left undone, each once."""
    lines = said.splitlines(keepends=True)
    found = [line[len(_NOTE) :].strip() for line in lines if line.startswith(_NOTE)]
    return "".join(line for line in lines if not line.startswith(_NOTE)), list(dict.fromkeys(found))
