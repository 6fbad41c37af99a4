#!/usr/bin/python
# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_proof
short_description: Take down what the proof of an image has shown, for later builds of the same bits
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - A build that makes files with the same checksums, and would ask the same questions, need not prove them again.
attributes:
  check_mode: {description: Nothing is written., support: full}
  diff_mode: {description: Shows the checksums., support: full}
  idempotent: {description: The last report is kept., support: partial}
  platform: {description: Any POSIX system., support: full, platforms: posix}
options:
  cache_dir:
    description: Folder that keeps what can be made again.
    type: path
    required: true
  sha512:
    description: Checksums of the files that were proved.
    type: list
    elements: str
    required: true
  questions:
    description: What stands for the questions.
    type: str
    required: true
  report:
    description: What was shown.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Take down the proof
  goldsmith.openstack.image_proof:
    cache_dir: ~/.cache/goldsmith
    sha512: "{{ manifest.artifacts | map(attribute='sha512') }}"
    questions: "{{ image_definition.layers.questions }}"
    report: "{{ image_verify_report }}"
"""

RETURN = r""" # """

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence import made
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module

ARGUMENT_SPEC = {
    "cache_dir": {"type": "path", "required": True},
    "sha512": {"type": "list", "elements": "str", "required": True},
    "questions": {"type": "str", "required": True},
    "report": {"type": "dict", "required": True},
}


def run(params: dict, check_mode: bool) -> dict:
    """Take the report down."""
    if not check_mode:
        made.keep_proof(params["cache_dir"], params["sha512"], params["questions"], params["report"])
    return {"changed": True, "diff": {"before": "", "after": "".join(f"{digest}\n" for digest in params["sha512"])}}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    run_module(module, lambda: run(module.params, module.check_mode))


if __name__ == "__main__":
    main()
