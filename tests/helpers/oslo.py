# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What oslo.config itself reads in a configuration file, by the release of today."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.glance import VENV, local_cloud

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

# Each text as its sections by their normalised names, or null where it is refused.
_READ = """
import json, sys, tempfile
from oslo_config import cfg

answers = []
for text in json.load(sys.stdin):
    with tempfile.NamedTemporaryFile("w", newline="") as file:
        file.write(text)
        file.flush()
        space = cfg._Namespace(cfg.ConfigOpts())
        try:
            cfg.ConfigParser._parse_file(file.name, space)
            answers.append(space._normalized[0])
        except (cfg.ParseError, cfg.ConfigFileParseError):
            answers.append(None)
json.dump(answers, sys.stdout)
"""
# The options as nova/conf/imagecache.py and compute.py of release 34 have them.
_NOVA = """
import json, sys
from oslo_config import cfg

conf = cfg.ConfigOpts()
conf.register_opts([cfg.StrOpt("preallocate_images", default="none", choices=["none", "space"])])
conf.register_opts([
    cfg.BoolOpt("remove_unused_base_images", default=True, deprecated_group="DEFAULT"),
    cfg.IntOpt("remove_unused_original_minimum_age_seconds", default=86400, deprecated_group="DEFAULT"),
    cfg.IntOpt("remove_unused_resized_minimum_age_seconds", default=3600, deprecated_group="libvirt"),
], group="image_cache")
conf([], default_config_files=sys.argv[1:], default_config_dirs=[])
json.dump({"preallocate_images": conf.preallocate_images, **conf.image_cache}, sys.stdout)
"""


def sections_of(texts: Sequence[str]) -> list[dict[str, dict[str, list[str]]] | None]:
    """What each text says: sections, options, all of their values; None for a text that is refused."""
    return json.loads(_python(_READ, json.dumps(texts)))


def nova_values(*paths: Path) -> dict[str, Any]:
    """The four options of the image cache as Nova takes them from files."""
    return json.loads(_python(_NOVA, "", *map(str, paths)))


def _python(program: str, stdin: str, *words: str) -> str:
    # Other tests need the environment of the local cloud as well, and it has oslo.config.
    with tempfile.TemporaryDirectory() as folder:
        local_cloud(Path(folder))._environment.make(Runner(), sys.executable)
    argv = [str(VENV / "bin" / "python"), "-c", program, *words]
    return subprocess.run(argv, input=stdin, check=True, stdout=subprocess.PIPE, text=True).stdout
