#!/bin/sh
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lacking.sh DRIVER...: prints for each kernel "the kernel VERSION lacks DRIVER...", if it does, or that there is none.
set -eu
found=
for folder in /lib/modules/*; do
    [ -f "$folder/modules.dep" ] || continue
    found=1
    lacks=
    for driver do
        # Packed or not, and also where it is part of the kernel
        cat "$folder/modules.dep" "$folder/modules.builtin" | grep -q "^[^:]*/$driver\.ko" || lacks="$lacks $driver"
    done
    [ -z "$lacks" ] || echo "the kernel ${folder##*/} lacks$lacks"
done
[ -n "$found" ] || echo "there is no kernel"
