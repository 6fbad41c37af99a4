# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes the digests that stand for the steps of a build, and what does not."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible import constants

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import definition, specification
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes, _content

Layers = Callable[..., dict[str, str]]
STEPS = ("guest", "roles", "artifacts", "questions")


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a playbook, with one role, and a small code of ours."""
    code = tmp_path / "code"
    for name in ("extensions", "plugins", "roles/openstack_guest"):
        (code / name).mkdir(parents=True)
        (code / name / "a.py").write_text("1")
    monkeypatch.setattr(_content, "_HERE", code)
    monkeypatch.setattr(constants, "DEFAULT_ROLES_PATH", [str(tmp_path / "shared")])
    folder = tmp_path / "play"
    folder.mkdir()
    task(folder / "roles/web", {"ansible.builtin.copy": {"src": "index.html", "dest": "/"}})
    put(folder / "roles/web/files/index.html")
    return folder


@pytest.fixture
def layers(play: Path) -> Layers:
    """The digests of a definition with these values and the variables of its play."""

    def layers(roles: tuple[str, ...] = ("web",), more: dict[str, Any] | None = None, **values: Any) -> dict[str, str]:
        given, faults = specification.read({"name": "base", "roles": list(roles), **values})
        assert not faults
        strategy = _axes.load("strategies", given["resize"])
        axes = definition.Axes(
            _axes.load("distributions", given["distribution"]),
            strategy,
            {name: _axes.load("agents", name) for name in strategy["agents"]},
            _axes.load("architectures", given["architecture"]),
        )
        place = definition.Place(str(play), "/home/me", {}, {}, {})
        said = {f"image_{name}": value for name, value in values.items()}
        return _content.layers(
            definition.build(given, axes, place), {"playbook_dir": str(play), **said, **(more or {})}
        )

    return layers


def put(path: Path, text: str = "1") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def task(role: Path, *tasks: dict[str, Any]) -> None:
    put(role / "tasks/main.yml", yaml.safe_dump(list(tasks)))


def different(one: dict[str, str], other: dict[str, str]) -> set[str]:
    assert one.keys() == other.keys() == set(STEPS)
    return {name for name in STEPS if one[name] != other[name]}


def test_the_same_again_is_the_same(layers: Layers) -> None:
    one = layers()
    assert all(one.values()) and len(set(one.values())) == len(STEPS)
    assert different(one, layers()) == set()


def test_of_the_real_code_there_is_a_digest() -> None:
    code = [_content._HERE / name for name in _content._CODE]
    assert Path(_content.__file__).resolve() in {file for folder in code for file in _content._inner(folder)}


@pytest.mark.parametrize("name", ["extensions/a.py", "plugins/a.py", "roles/openstack_guest/a.py"])
def test_our_own_code_changes_all(layers: Layers, play: Path, name: str) -> None:
    (before, alone), file = (layers(), layers(())), play.parent / "code" / name
    file.write_text("2")
    # What a role of the user does is not ours; the layer below it is.
    assert different(before, layers()) == {"guest", "artifacts", "questions"}
    assert different(alone, layers(())) == set(STEPS)


@pytest.mark.parametrize("name", ["README.md", "tests/a.py", "plugins/__pycache__/a.pyc", "roles/x/README.md"])
def test_what_says_nothing_of_an_image_changes_nothing(layers: Layers, play: Path, name: str) -> None:
    before = layers()
    put(play.parent / "code" / name)
    assert different(before, layers()) == set()


@pytest.mark.parametrize(
    ("values", "changed"),
    [
        ({"packages": ["jq"]}, {"guest", "roles", "artifacts"}),
        ({"kernel": "generic"}, {"guest", "roles", "artifacts"}),
        ({"guest_mirror": "build"}, {"guest", "roles", "artifacts"}),
        ({"guest_mirror": "http://a", "guest_security_mirror": "http://b"}, {"guest", "roles", "artifacts"}),
        ({"components": ["main", "contrib"]}, {"guest", "roles", "artifacts"}),
        ({"sources": [{"name": "a", "url": "http://a", "suites": "x"}]}, {"guest", "roles", "artifacts"}),
        ({"timezone": "Europe/Berlin"}, {"guest", "roles", "artifacts"}),
        ({"user": "admin"}, {"guest", "roles", "artifacts", "questions"}),
        ({"firmware": "uefi"}, {"guest", "roles", "artifacts", "questions"}),
        # A role may ask for the name; the guest below has none yet.
        ({"name": "other"}, {"roles", "artifacts"}),
        ({"properties": {"os_purpose": "minimal"}}, {"artifacts"}),
        ({"formats": ["raw"]}, {"artifacts"}),
        # It is said by a property, uuid_validity.
        ({"keep": 1}, {"artifacts"}),
    ],
)
def test_variables_change_what_they_decide_on(layers: Layers, values: dict[str, Any], changed: set[str]) -> None:
    assert different(layers(), layers(**values)) == changed


@pytest.mark.parametrize(
    "values",
    [
        {"clouds": ["one"]},
        {"visibility": "public"},
        {"promote": False},
        {"output_dir": "elsewhere"},
        {"cache": False},
        {"cache_dir": "/cache"},
        {"cache_max": "1G"},
        {"cache_roles_age": 1},
        {"verify_again": True},
        {"build_host": "north"},
        {"proxy": "http://proxy.example:3128"},
    ],
)
def test_variables_that_only_publish_or_say_how_change_nothing(layers: Layers, values: dict[str, Any]) -> None:
    assert different(layers(), layers(**values)) == set()


def test_of_how_it_is_proved_only_the_questions_know(layers: Layers) -> None:
    assert different(layers(), layers(verify=["boot"])) == {"questions"}
    more = {"image_verify_timeout": 5}
    assert different(layers(()), layers((), more)) == {"questions"}


@pytest.mark.parametrize(
    "name", ["colour", "role_users", "play_area", "groups_of_users", "vars_of_web", "omit_docs", "inventory_site"]
)
def test_a_variable_of_the_user_is_for_roles(layers: Layers, name: str) -> None:
    assert different(layers(more={name: 1}), layers(more={name: 2})) == {"roles"}
    assert different(layers((), {name: 1}), layers((), {name: 2})) == set()


@pytest.mark.parametrize(
    "name",
    [
        *("ansible_user", "ansible_check_mode", "inventory_hostname", "inventory_file", "play_hosts", "role_path"),
        *("omit", "image_definition", "image_workspace", "image_beginning"),
    ],
)
def test_what_stands_for_the_run_changes_nothing(layers: Layers, name: str) -> None:
    assert different(layers(more={name: 1}), layers(more={name: 2})) == set()


def test_a_variable_of_a_role_of_ours_changes_its_step(layers: Layers) -> None:
    for name, step in (("openstack_guest_x", "guest"), ("disk_image_x", "artifacts"), ("image_verify_x", "questions")):
        assert different(layers((), {name: 1}), layers((), {name: 2})) == {step}


def test_variables_that_the_inventory_has_for_the_system(layers: Layers) -> None:
    def of_system(colour: str) -> dict[str, str]:
        hostvars = SimpleNamespace(raw_get={"image_system": {"colour": colour}}.get)
        return layers(more={"groups": {"all": ["image_system"]}, "hostvars": hostvars})

    assert different(of_system("red"), of_system("red")) == set()
    assert different(of_system("red"), of_system("blue")) == {"roles"}


def changed_by(layers: Layers, file: Path, roles: tuple[str, ...] = ("web",)) -> set[str]:
    """What one byte in a file changes."""
    before = layers(roles)
    assert before["roles"]
    file.write_text("2")
    return different(before, layers(roles))


@pytest.mark.parametrize(
    "name", ["files/index.html", "templates/a.j2", "files/README.md", "library/a.py", "files/.git-a"]
)
def test_a_byte_in_a_file_of_a_role(layers: Layers, play: Path, name: str) -> None:
    assert changed_by(layers, put(play / "roles/web" / name)) == {"roles"}


def test_the_mode_and_the_name_of_a_file_of_a_role(layers: Layers, play: Path) -> None:
    file, before = play / "roles/web/files/index.html", layers()
    file.chmod(0o755)
    executable = layers()
    assert different(before, executable) == {"roles"}
    file.rename(file.with_name("other.html"))
    assert different(executable, layers()) == {"roles"}


def test_what_nobody_brings_into_an_image_changes_nothing(layers: Layers, play: Path) -> None:
    before = layers()
    for name in ("README.md", ".git/HEAD", "library/__pycache__/a.pyc"):
        put(play / "roles/web" / name)
    os.utime(play / "roles/web/files/index.html", (0, 0))
    assert different(before, layers()) == set()


def test_a_folder_that_a_role_has_a_link_to(layers: Layers, play: Path) -> None:
    file = put(play.parent / "common/a")
    (play / "roles/web/files/common").symlink_to(play.parent / "common")
    (play / "roles/web/files/loop").symlink_to(play / "roles/web")
    (play / "roles/web/files/nowhere").symlink_to("nothing")
    assert changed_by(layers, file) == {"roles"}


def test_a_large_file_counts_by_its_time(layers: Layers, play: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_content, "_LARGEST_FILE", 10)
    file = put(play / "roles/web/files/large", "x" * 11)
    os.utime(file, (1, 1))
    before = layers()
    put(file, "y" * 11)
    os.utime(file, (1, 1))
    assert different(before, layers()) == set()
    os.utime(file, (2, 2))
    assert different(before, layers()) == {"roles"}


@pytest.mark.parametrize("dependency", ["base", {"role": "base"}, {"name": "base"}])
def test_a_role_that_a_role_depends_on(layers: Layers, play: Path, dependency: Any) -> None:
    put(play / "roles/web/meta/main.yml", yaml.safe_dump({"dependencies": [dependency]}))
    assert changed_by(layers, put(play / "roles/base/files/a")) == {"roles"}


@pytest.mark.parametrize("word", ["include_role", "ansible.builtin.include_role", "ansible.builtin.import_role"])
def test_a_role_that_a_role_includes(layers: Layers, play: Path, word: str) -> None:
    task(play / "roles/web", {"name": "Do it", "block": [{"name": "Include it", word: {"name": "base"}}]})
    # It may lie where Ansible looks for roles of all plays.
    assert changed_by(layers, put(play.parent / "shared/base/files/a")) == {"roles"}


@pytest.mark.parametrize(
    "words",
    [
        {"include_role": "name=base"},
        {"ansible.builtin.import_role": "tasks_from=a.yml role='base'"},
        {"include_role": {"role": "base", "tasks_from": "a"}},
        {"include_role": None, "args": {"name": "base"}},
        {"include_role": "tasks_from=a", "args": {"name": "base"}},
        {"action": "ansible.builtin.include_role name=base"},
        {"action": {"module": "include_role", "name": "base"}},
    ],
)
def test_a_role_in_other_ways_to_write_it(layers: Layers, play: Path, words: dict[str, Any]) -> None:
    task(play / "roles/web", words)
    assert changed_by(layers, put(play / "roles/base/files/a")) == {"roles"}


@pytest.mark.parametrize(
    "words",
    [
        {"include_role": {"name": "{{ item }}"}, "loop": ["base"]},
        {"include_role": "name={{ which }}"},
        {"ansible.builtin.import_role": {"name": "their.{{ which }}.base"}},
        {"include_role": "{{ options }}"},
        {"include_role": {}, "args": "{{ options }}"},
        {"action": "include_role name={{ which }}"},
    ],
)
def test_a_role_named_by_a_template_has_no_digest(layers: Layers, play: Path, words: dict[str, Any]) -> None:
    put(play / "roles/base/files/a")
    task(play / "roles/web", {"block": [words]})
    assert layers()["roles"] == ""


def test_a_dependency_named_by_a_template_has_no_digest(layers: Layers, play: Path) -> None:
    put(play / "roles/web/meta/main.yml", yaml.safe_dump({"dependencies": [{"role": "{{ which }}"}]}))
    assert layers()["roles"] == ""


def test_an_option_that_is_called_role_names_none(layers: Layers, play: Path) -> None:
    task(play / "roles/web", {"their.module": {"role": "admin", "name": "{{ a }}"}, "action": "shell {{ role }}"})
    assert layers()["roles"]


def test_a_role_elsewhere_with_its_neighbour(layers: Layers, play: Path) -> None:
    elsewhere = play.parent / "elsewhere"
    task(elsewhere / "web", {"include_role": {"name": "neighbour"}})
    roles = (str(elsewhere / "web"),)
    assert changed_by(layers, put(elsewhere / "neighbour/files/a"), roles) == {"roles"}


def test_a_role_counts_wherever_it_lies(layers: Layers, play: Path) -> None:
    (play / "roles/web").rename(play.parent / "web")
    one = layers((str(play.parent / "web"),))
    (play.parent / "web").rename(play.parent / "moved")
    assert different(one, layers((str(play.parent / "moved"),))) == {"artifacts"}


def test_roles_that_name_each_other(layers: Layers, play: Path) -> None:
    task(play / "roles/web", {"include_role": {"name": "base"}})
    task(play / "roles/base", {"include_role": {"name": "web"}})
    assert changed_by(layers, put(play / "roles/base/files/a")) == {"roles"}


def test_a_role_of_a_collection(layers: Layers, play: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("ansible_collections.their.images")
    package.__path__ = [str(play.parent / "theirs")]
    monkeypatch.setitem(sys.modules, "ansible_collections.their", ModuleType("ansible_collections.their"))
    monkeypatch.setitem(sys.modules, package.__name__, package)
    file = put(play.parent / "theirs/roles/web/files/a")
    assert changed_by(layers, file, ("their.images.web",)) == {"roles"}


@pytest.mark.parametrize("roles", [("nowhere",), ("web", "nowhere"), ("no.such.role",), ("no.such.thing.role",)])
def test_without_a_role_there_is_no_digest(layers: Layers, roles: tuple[str, ...]) -> None:
    found = layers(roles)
    assert found["roles"] == ""
    assert all(found[name] for name in STEPS if name != "roles")


def test_a_role_that_names_one_that_is_nowhere_has_no_digest(layers: Layers, play: Path) -> None:
    task(play / "roles/web", {"include_role": {"name": "nowhere"}})
    assert layers()["roles"] == ""


@pytest.mark.parametrize(
    ("module", "option", "place"),
    [
        ("ansible.builtin.copy", "src", "files/page"),
        ("ansible.builtin.template", "src", "templates/page"),
        ("ansible.builtin.script", "src", "page"),
        ("ansible.builtin.include_vars", "file", "vars/page"),
        ("ansible.builtin.include_vars", "dir", "page/inner"),
    ],
)
def test_a_file_outside_the_role_that_it_names(
    layers: Layers, play: Path, module: str, option: str, place: str
) -> None:
    task(play / "roles/web", {module: {option: "page"}})
    assert changed_by(layers, put(play / place)) == {"roles"}


@pytest.mark.parametrize("word", ["include_vars", "ansible.builtin.include_vars"])
def test_variables_outside_the_role_in_a_word(layers: Layers, play: Path, word: str) -> None:
    task(play / "roles/web", {word: "page.yml"})
    assert changed_by(layers, put(play / "vars/page.yml")) == {"roles"}


def test_a_file_that_is_named_by_its_whole_path(layers: Layers, play: Path) -> None:
    file = put(play.parent / "key.pem")
    task(play / "roles/web", {"ansible.builtin.copy": {"src": str(file)}})
    assert changed_by(layers, file) == {"roles"}


def test_a_file_of_nobodys_is_none(layers: Layers, play: Path) -> None:
    task(play / "roles/web", {"ansible.builtin.copy": {"src": "page"}})
    before = layers()
    put(play / "files/other")
    assert different(before, layers()) == set()


# A name may be one of the target, or no name at all.
@pytest.mark.parametrize("name", ["/nowhere/a", "x" * 300, "a\0b", "path=/srv state=directory", "{{ page }}", ""])
def test_a_word_that_names_nothing_here(layers: Layers, play: Path, name: str) -> None:
    task(play / "roles/web", {"ansible.builtin.copy": {"src": name}, "file": name})
    assert layers()["roles"]


def test_a_file_that_this_account_may_not_read(layers: Layers, play: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(play.parent / "secret")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != file and access(path, mode))
    monkeypatch.setattr(Path, "read_bytes", lambda path: path.open("rb").read() if path != file else 1 / 0)
    task(play / "roles/web", {"ansible.builtin.copy": {"src": str(file), "remote_src": True}})
    assert layers()["roles"]


def test_tags_of_a_vault_and_texts_that_are_no_yaml(layers: Layers, play: Path) -> None:
    role = play / "roles/web"
    put(role / "defaults/main.yml", "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\nraw: !unsafe '{{ a }}'\n")
    put(role / "vars/odd.yml", "of: !odd {a: [1]}\nlist: !odd [1, 2]\n")
    put(role / "vars/broken.yml", "a: [\n")
    (role / "vars/binary.yml").write_bytes(b"\xff\xfe\x00")
    put(role / "vars/two.yml", "a: 1\n---\nb: 2\n")
    assert changed_by(layers, role / "vars/broken.yml") == {"roles"}
    before = layers()
    put(role / "defaults/main.yml", "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6163\n")
    assert different(before, layers()) == {"roles"}
