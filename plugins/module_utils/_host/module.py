# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that ends a module: exit_json and fail_json. Used by modules only."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.texts import printable


def run_module(
    module: AnsibleModule, work: Callable[[], dict[str, Any]], *, enter: Callable[[], None] | None = None
) -> None:
    """Do the work of a module; its dictionary becomes the result, a GoldsmithError its one-line failure.

    *enter* lets the process enter namespaces, for which it must have no threads yet.
    *work* puts C(changed) into the dictionary, C(diff) where there is something to show, and lines in C(warnings). Here
    C(elapsed) is added, the seconds of work: what a task took beyond that is Ansible's own.
    """
    start = time.monotonic()
    try:
        if enter:
            enter()
        lifeline.hold()
        result = work()
    except GoldsmithError as error:
        module.fail_json(msg=printable(str(error)), **printable(error.facts))
    if not module._diff:
        result.pop("diff", None)
    for line in result.pop("warnings", ()):
        module.warn(printable(line))
    result.setdefault("elapsed", round(time.monotonic() - start, 3))
    # Ansible takes no result with a name or a line that is no UTF-8.
    module.exit_json(**printable(result))
