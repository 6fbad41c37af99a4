# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All sanity tests of ansible-test, on a copy of the files that git knows or would take."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.tools import clean_environment, project_files, run_tool, tool

# ansible-test fetches this script from a host of its own; pip's wheel, from wherever pip gets its packages, does too.
GET_PIP = """\
import sys
sys.path.insert(0, {wheel!r})
from pip._internal.cli.main import main
sys.exit(main(["install", *(word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel"))]))
"""


@pytest.fixture(scope="module")
def home(checkout: Path) -> Path:
    """A home for ansible-test: its virtual environments stay from run to run, and the user's own home is left alone."""
    home = checkout / ".ansible" / "ansible-test"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    version = _python(
        "import sys, types; from ansible_test._internal.python_requirements import get_venv_packages;"
        "python = types.SimpleNamespace(version='%d.%d' % sys.version_info[:2]);"
        "print(get_venv_packages(python)['pip'])"
    )
    script = cache / f"get_pip_{version.replace('.', '_')}.py"
    if not script.exists():
        _pip("download", "--quiet", "--no-deps", "--dest", str(cache), f"pip=={version}")
        script.write_text(GET_PIP.format(wheel=str(next(cache.glob(f"pip-{version}-*.whl")))))
    _keep_pip_configuration(home)
    return home


@pytest.fixture(scope="module")
def copy(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection where ansible-test wants it, without links and ignored files."""
    target = tmp_path_factory.mktemp("collection") / "ansible_collections" / "goldsmith" / "openstack"
    for name in project_files(checkout):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout / name, target / name)
    assert (target / "galaxy.yml").is_file()
    return target


def test_sanity(copy: Path, home: Path) -> None:
    python = ".".join(map(str, sys.version_info[:2]))
    output = run_tool(
        [tool("ansible-test"), "sanity", "--local", "--python", python, "--color", "no", "--truncate", "0"],
        cwd=copy,
        environment={**clean_environment(), "HOME": str(home)},
    )
    # A test whose tool is missing passes by not running: that is not a pass.
    skipped = [line for line in output.splitlines() if "skipping" in line.lower()]
    assert not skipped


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _pip(*words: str) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _keep_pip_configuration(home: Path) -> None:
    # ansible-test hides the environment from pip, and we the home folder: what both say goes into a file in our home.
    sections: dict[str, dict[str, str]] = {}
    for line in _pip("config", "list").splitlines():
        key, value = line.split("=", 1)
        section, option = key.rsplit(".", 1)
        # The environment outranks the files.
        options = sections.setdefault("global" if section == ":env:" else section, {})
        if section == ":env:" or option not in options:
            options[option] = ast.literal_eval(value)
    lines: list[str] = []
    for section, options in sections.items():
        lines.append(f"[{section}]")
        lines += (f"{option} = {' '.join(value.split())}" for option, value in options.items())
    target = home / ".config" / "pip" / "pip.conf"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(mode=0o600)
    target.write_text("\n".join(lines) + "\n")
