#!/bin/sh
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# guest.sh apply|check PART: brings a part of a guest about, or only tells what it would change, with a line for each:
# "changed: WHAT". What it shall be is in the variables of openstack_guest__settings; what not all distributions do
# alike are shell functions in $capabilities (docs/developer/roles.md).
# shellcheck disable=SC2154 # variables of the environment
# shellcheck disable=SC2013,SC2046,SC2086 # lists of names without blanks
set -eu
LC_ALL=C
export LC_ALL
mode=$1 part=$2

# change WHAT COMMAND...: tells it, and runs the command unless it is only asked.
change() {
    what=$1
    shift
    [ "$mode" = check ] || "$@" >/dev/null
    echo "changed: $what"
}

# refuse WORDS
refuse() {
    echo "$*" >&2
    exit 1
}

# write FILE LINE
write() { [ "$(cat "$1" 2>/dev/null)" = "$2" ] || change "$1 has $2" put "$1" "$2"; }
put() { printf '%s\n' "$2" >"$1"; }

# both LIST WORDS..., without LIST WORDS...: those of the words that are in a list, one a line, or that are not.
both() { list=$1 && shift && printf '%s\n' "$@" | grep -xF -e "$list" || :; }
without() { list=$1 && shift && printf '%s\n' "$@" | grep -vxF -e "$list" || :; }

# setting FILE NAME=VALUE: the line of that name, in place of another or behind all others.
setting() { grep -qxF -e "$2" "$1" 2>/dev/null || change "$1 has $2" set_line "$1" "$2"; }
set_line() {
    others=$(grep -v "^ *${2%%=*} *=" "$1" 2>/dev/null || :)
    printf '%s\n' ${others:+"$others"} "$2" >"$1"
}

# Where package managers read the environment there is nothing to set.
set_proxies() { :; }

eval "$capabilities"

# Ansible's own may be missing: installers leave it out, and a sealed guest has lost it.
python() {
    command -v python3 >/dev/null || change "$build_packages installed" install_packages $build_packages
}

# What is there is kept, although others may have brought it. With all of them there nothing has to be fetched: a
# machine without a way to its mirror can be made a guest again.
packages() {
    there=$(installed_packages)
    for package in $(automatic_packages $(both "$there" $packages)); do
        change "$package kept" keep_package "$package"
    done
    # A version or a suite is chosen when it is installed: NAME=VERSION, NAME/SUITE
    set -- $(for package in $packages; do
        [ -n "$(both "$there" "${package%%[=/]*}")" ] || echo "$package"
    done)
    [ $# -eq 0 ] || change "$* installed" install_packages "$@"
}

# A kernel that another one replaces, by a pattern for the names of its packages.
replace() {
    set -- $(installed_packages | grep -xE -e "$replaced" || :)
    [ $# -eq 0 ] || change "$* removed" remove_packages "$@"
}

initramfs() {
    change "the initramfs" make_initramfs
}

# Q3, Q4: accounts, services, locale and timezone.
configure() {
    # Without cloud-init nobody else makes the account that gets the instance's key.
    [ -z "$account" ] || getent passwd "$account" >/dev/null || change "the account $account" make_account
    # No account has a password: root's is locked, as are those that a package or role may have set.
    for name in $(awk -F: '$2 ~ /^[^!*]/ || $2 == "" { print $1 }' /etc/shadow); do
        change "$name has no password" usermod --lock "$name"
    done
    # Firewalls, since the cloud's security groups are one, and what another service takes the place of.
    for unit in $disabled_services; do
        ! enabled "$unit" || change "$unit disabled" systemctl disable -q "$unit"
    done
    for unit in $services; do
        enabled "$unit" || change "$unit enabled" systemctl enable -q "$unit"
    done
    for word in $proxies; do
        setting /etc/environment "$word"
    done
    [ -z "$proxies" ] || set_proxies $proxies
    zone=/usr/share/zoneinfo/$timezone
    [ -e "$zone" ] || lacks /usr/share/zoneinfo ||
        refuse "openstack_guest_timezone=$timezone: there is no such timezone"
    [ "$(readlink /etc/localtime)" = "$zone" ] || change "/etc/localtime is $zone" ln -sfn "$zone" /etc/localtime
    set_timezone
    set_locales $locales
}

make_account() {
    useradd --create-home --shell /bin/bash --comment "$account" "$account"
    for group in adm sudo wheel; do
        ! getent group "$group" >/dev/null || usermod --append --groups "$group" "$account"
    done
}

# Of the files with repositories of RPM packages those that are not the guest's, where one of them is enabled.
other_repositories() {
    set -- $repositories
    for file in $(without "$(printf '%s\n' "$@")" "${1%/*}"/*.repo); do
        [ ! -e "$file" ] || [ "$(disabled "$file")" = "$(cat "$file")" ] || echo "$file"
    done
}
disabled() { awk '/^\[/ { print; print "enabled=0"; next } !/^enabled *=/' "$1"; }
disable_repository() { put "$1" "$(disabled "$1")"; }

enabled() { systemctl is-enabled "$1" 2>/dev/null | grep -qx enabled; }

# What only a package that is not there yet would bring; without it nothing can be held against a value.
lacks() { [ "$mode" = check ] && [ ! -e "$1" ]; }

# The last step within the system: all else is cleaned from outside. Goes without Python, which it may remove.
seal() {
    lift_flags
    # A guest that has a mirror of its own may not reach another.
    [ -z "$repositories" ] || for file in $(other_repositories); do
        change "$file disabled" disable_repository "$file"
    done
    unwanted=$(both "$(installed_packages)" $unwanted)
    # Only what these packages brought: others that nothing needs may be somebody's. A line for each: NAME KIB
    brought=$([ -z "$unwanted" ] || packages_brought_by $unwanted)
    if [ -n "$brought" ]; then
        change "$(echo "$brought" | sed '2,$s/^/changed: removed /; 1s/^/removed /')" \
            remove_packages $(echo "$brought" | cut -d ' ' -f 1)
    fi
    [ -z "$(downloaded_packages)" ] || change "downloaded packages removed" :
    # Also where there are none: apt makes a folder of its own then, which is no change to tell.
    [ "$mode" = check ] || remove_downloaded_packages
    # systemd does this at the first boot after a change of /usr, which for an image is the first boot of each instance.
    # Packages have done the rest of it.
    if command -v systemd-sysusers >/dev/null && { outdated /etc/.updated || outdated /var/.updated; }; then
        change "the linker's cache and the system users up to date" update_system
    fi
}

# A file system is made anew for the image, and these flags are not carried over.
lift_flags() {
    command -v lsattr >/dev/null || return 0
    protected=$(find / -xdev \( -type f -o -type d \) -exec lsattr -d {} + 2>/dev/null |
        sed -n 's/^[^ ]*[ia][^ ]* \{1,\}//p')
    [ -n "$protected" ] || return 0
    echo "$protected" | while read -r name; do
        change "$name is no longer immutable or append-only, which an image does not keep" chattr -i -a "$name"
    done
}

outdated() { [ ! -e "$1" ] || [ /usr -nt "$1" ]; }

update_system() {
    ldconfig
    systemd-sysusers
    touch /etc/.updated /var/.updated
}

"$part"
