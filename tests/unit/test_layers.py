# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of plugins/: imports point down, modules are thin, every file has its unit test.

A file of module_utils names its floor at the end of the first paragraph of its docstring: "Floor 2."
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
UNIT_TESTS = Path(__file__).resolve().parent / "plugins"
PREFIX = "ansible_collections.goldsmith.openstack.plugins."
TOP_FLOOR = 3

# Imports within one floor, each with its reason. All others point down.
SIDEWAYS = {
    ("_sizes", "_errors"): "a text that is no size is an error",
    ("_ini", "_errors"): "a line that no service could read is an error",
    ("_image_metadata", "_sizes"): "the smallest disk of a flavour is a size",
    ("_image_properties", "_errors"): "a property that no service reads is an error",
    ("_environment", "_run"): "programs in a tree are found where the runner finds its own",
    ("_grub", "_tree"): "the menu entry is that of the kernel found in a tree",
    ("_glance", "_cloud"): "images are reached through a connection",
    ("_glance_upload", "_cloud"): "an upload knows which failures of a connection may pass",
    ("_glance_upload", "_glance"): "an upload makes an image",
    ("_glance_upload", "_payload"): "an upload sends the bytes of a file",
    ("_glance_upload", "_transport"): "an upload takes the way that was asked for",
    ("_glance_upload", "_glance_import"): "part of an upload may be the cloud's own work",
    ("_transport", "_cloud"): "a question that a cloud does not know is an answer",
    ("_transport", "_glance"): "a way is one that the images of this cloud can take",
    ("_glance_import", "_cloud"): "an import knows which failures of a connection may pass",
    ("_glance_import", "_glance"): "an import works on an image",
    ("_publisher", "_lifeline"): "a process is known by the time of its start",
    ("_goal", "_rotation"): "what becomes of the old versions is part of what is to be reached",
    ("_publication", "_goal"): "a publication is planned from what it is to reach",
    ("_publication", "_rotation"): "what follows from a new current version",
    ("_publication", "_series"): "a publication is a version of a series",
    ("_publication", "_triplet"): "the files of a publication are a disk or a triplet",
    ("_publishing", "_publication"): "the same publication in every cloud",
    ("_publishing", "_rotation"): "what was done with the old versions is told",
    ("_publishing", "_series"): "what is our own bookkeeping is not told",
    ("_rotation", "_series"): "versions of a series are rotated",
    ("_local_cloud_identity", "_local_cloud_files"): "the identities stand in the files of the local cloud",
    ("_ext_shape", "_ext"): "a file system is shaped by the same programs that make it",
    ("_audit_rule", "_guest_files"): "a rule reads the files of a guest",
    ("_audit", "_audit_leftovers"): "one part of the audit",
    ("_audit", "_audit_requirements"): "another part of the audit",
    ("_audit", "_audit_resize_cloud_init"): "the part for a strategy of growth",
    ("_audit", "_audit_resize_lvm"): "the part for a strategy of growth",
    ("_audit", "_audit_resize_xen"): "the part for a strategy of growth",
    ("_guest_agent", "_audit_rule"): "the agent stands in the files and units of a guest",
    ("_guest_cloud_init", "_guest_files"): "cloud-init is configured by files of a guest",
    ("_guest_storage", "_audit_rule"): "a guest knows what it lies on",
    ("_boot", "_boot_disk"): "a boot begins with the disk that the guest gets",
    ("_chroot_exec", "_chroot"): "commands run in a chroot that was entered",
    ("_lvm_metadata", "_lvm_label"): "what is written is read by the same structures",
    ("_lvm_metadata", "_lvm"): "names, identifiers and checksums of LVM are the same for writing and reading",
    ("_audit", "_areas"): "a root file system is one of the areas of a disk",
    ("_disk", "_areas"): "a disk that is there is compared by its areas",
    ("_extract", "_areas"): "what is taken out is one of the areas of a disk",
    ("_extract", "_filesystem"): "what is taken out is a file system that was found whole",
    ("_extract", "_extract_tree"): "a tree is one of the forms in which a system is taken out",
    ("_extract_tree", "_areas"): "fstab means areas of the disk",
    ("_extract_tree", "_filesystem"): "a tree is put together from file systems that were found whole",
    ("_filesystem", "_areas"): "a file system lies in one of the areas of a disk",
    ("_image_files", "_ext_reader"): "the files of a guest are those of its file system",
    ("_image_files", "_guest_files"): "links lead inside the guest, whatever its files are read by",
    ("_unpack", "_ext_reader"): "what is written is what was read",
    ("_tree", "_guest_files"): "a tree may be foreign: its links lead inside it",
    ("_image_state", "_areas"): "loop devices show the areas of a disk",
    ("_disk", "_layout"): "a disk is planned from its layout",
    ("_lvm_label", "_lvm"): "names, identifiers and checksums of LVM are the same for writing and reading",
    ("_image_state", "_layout"): "an image is made from a layout",
    ("_image_state", "_disk"): "the states of an image begin with making its disk",
    ("_seal", "_seal_program"): "a tree is sealed by a program that may run behind a prefix",
    ("_seal_changes", "_seal_plan"): "what is carried out was planned",
    ("_seal_steps", "_seal_plan"): "what a step finds goes into the plan",
    ("_instance", "_boot"): "an instance that stays is a boot that is not ended",
    ("_virt_install", "_qemu"): "an emulated processor lacks the same features under libvirt",
    ("_libvirt", "_virt_install"): "the disks of a guest that are ours bear the names that virt-install gave them",
    ("_domain", "_libvirt"): "the disks of a guest are known to libvirt",
    ("_vm_volumes", "_libvirt"): "volumes are those of a libvirt",
    ("_vm_volumes", "_virt_install"): "a volume is given to virt-install",
    ("_vm_console", "_libvirt"): "a console is reached through libvirt",
    ("_vm_ssh", "_libvirt"): "libvirt knows the address of a guest",
    ("_installer_console", "_console"): "an installer speaks on the console of its guest",
    ("_vm_install", "_installer_run"): "an installation is a run of an installer between two states of a guest",
    ("_vm_state", "_vm_install"): "what was made for a guest is removed by who made it",
}

# What plugins above the floors may use of floors 1 and 2.
FROM_ABOVE = {
    "modules": {"_module", "_run"},  # the runner is made at the top and handed down
    "connection": {"_run"},
    "callback": {"_progress"},  # the two ends of one file
    "action": set(),
    "filter": set(),
    "plugin_utils": set(),
}

PLUGIN_FILES = sorted(
    path for path in PLUGINS.rglob("*.py") if path.name != "__init__.py" and path.parent.name != "doc_fragments"
)
UTILS = {path.stem: path for path in PLUGIN_FILES if path.parent.name == "module_utils"}


@functools.cache
def floor(name: str) -> int | None:
    """The floor of a file of module_utils; None for _module, which stands beside the floors, for modules only."""
    if name == "_module":
        return None
    docstring = ast.get_docstring(ast.parse(UTILS[name].read_text())) or ""
    match = re.search(r"Floor ([0-3])\.$", " ".join(docstring.split("\n\n")[0].split()))
    assert match, f"{UTILS[name]}: the first paragraph of the docstring does not end with its floor, 'Floor N.'"
    return int(match.group(1))


@functools.cache
def imports(path: Path) -> set[str]:
    """What a file imports of plugins/, as 'module_utils._run'."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports by the full name only"
            module = node.module or ""
            # "from ...module_utils import _run" names the file last, "from ..._run import Runner" does not.
            whole = module.count(".") >= PREFIX.count(".") + 1
            names = [module] if whole else [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)}
    return found


def identify(path: Path) -> str:
    return str(path.relative_to(PLUGINS))


def test_there_is_something_to_judge() -> None:
    assert {"_errors", "_run", "_namespaces"} <= set(UTILS)
    assert imports(UTILS["_run"]) == {"module_utils._errors"}


@pytest.mark.parametrize("name", sorted(UTILS))
def test_module_utils_import_downwards(name: str) -> None:
    own = floor(name)
    if own is None:
        return
    for imported in sorted(imports(UTILS[name])):
        folder, other = imported.split(".")[:2]
        assert folder == "module_utils", f"{name} imports {imported}: module_utils import module_utils only"
        below = floor(other)
        assert below is not None, f"{name} imports {other}, which is for modules only"
        if below == own:
            assert (name, other) in SIDEWAYS, f"{name} imports {other} of its own floor {own}; no reason is listed"
        else:
            assert below < own, f"{name} of floor {own} imports {other} of floor {below}: imports point down"


def test_sideways_imports_are_in_use_and_without_circles() -> None:
    for name, other in SIDEWAYS:
        assert f"module_utils.{other}" in imports(UTILS[name]), (
            f"{name} no longer imports {other}: take it off the list"
        )
        assert floor(name) == floor(other)
        assert (other, name) not in SIDEWAYS


@pytest.mark.parametrize("path", [path for path in PLUGIN_FILES if path.parent.name != "module_utils"], ids=identify)
def test_plugins_import_capabilities_and_never_each_other(path: Path) -> None:
    kind = path.relative_to(PLUGINS).parts[0]
    for imported in sorted(imports(path)):
        folder, other = imported.split(".")[:2]
        if folder == "plugin_utils":
            assert kind not in ("modules", "module_utils"), f"{path}: plugin_utils do not travel to the remote host"
            continue
        assert folder == "module_utils", f"{path} imports {imported}: plugins never import each other"
        allowed = other in FROM_ABOVE[kind] or floor(other) in (0, TOP_FLOOR)
        assert allowed, f"{path} imports {other}: only floors 0 and {TOP_FLOOR}, and {sorted(FROM_ABOVE[kind])}"


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=identify)
def test_one_place_ends_a_module(path: Path) -> None:
    called = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    if path.stem == "_module":
        assert {"exit_json", "fail_json"} <= called
    else:
        assert not called & {"exit_json", "fail_json"}, f"{path}: a module ends in _module.run_module"


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=identify)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=identify)
def test_every_file_has_its_unit_test(path: Path) -> None:
    mirror = UNIT_TESTS / path.relative_to(PLUGINS).parent / f"test_{path.stem.lstrip('_')}.py"
    assert mirror.is_file(), f"{mirror} is missing"


def test_every_unit_test_has_its_file() -> None:
    known = {(path.parent.name, path.stem.lstrip("_")) for path in PLUGIN_FILES}
    for test in UNIT_TESTS.rglob("test_*.py"):
        assert (test.parent.name, test.stem.removeprefix("test_")) in known, f"{test} tests nothing that is there"
