# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a tree is, to compare trees that root and ordinary users have made."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

# Owners are those inside; the owner of what the user has made is root there.
_LIST = r"""
find "$1" -printf "%P %y %m %U:%G %s %T@ %l\n" | sort
find "$1" -type f -print0 | sort -z | xargs -0 sha256sum | sed "s#  $1#  #"
getfattr --recursive --no-dereference --absolute-names --match=- --encoding=hex "$1" | sed "s#^. file: $1##"
"""


def listing(tree: str) -> list[str]:
    """All that a tree is: names, kinds, modes, owners, sizes, times, links, contents and attributes."""
    result = Runner().run([*namespaces.prefix(), "sh", "-c", _LIST, "list", tree])
    return result.stdout.splitlines()
