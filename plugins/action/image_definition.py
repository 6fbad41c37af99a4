# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the definition of an image and complete it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from ansible import context
from ansible.errors import AnsibleError
from ansible.module_utils.urls import open_url
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import hardware
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import (
    definition,
    faults,
    personal,
    plan,
    source_faults,
    specification,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import PREFIX
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.base_file import is_url
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import keys
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes, _content, _stray_words

_ROLES = Path(__file__).resolve().parents[2] / "roles"


class ActionModule(ActionBase):
    """The action goldsmith.openstack.image_definition: it runs on the control node, where the variables are."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read every variable, refuse all bad ones in one line, or return the definition."""
        result = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        self._control_node = os.environ.get("PWD") or str(Path.cwd())
        self._faults = _stray_words.faults(context.CLIARGS.get("extra_vars", ()))
        options = dict(self._task.args)
        purpose = options.pop("purpose", "build")
        system = options.pop("system", {})
        values = self._read(options)
        if purpose == "capture" and values["build"] == "chroot":
            values["build"] = "capture"
        if purpose == "publish":
            values["clouds"] = values["clouds"] or _cloud_of_environment(os.environ)
        place = self._place(values, system)
        self._check_build_host(values["build_host"])
        self._check_purpose(purpose, values, place)
        self._warnings += [f"image_properties: {line}" for line in faults.judged_properties(values)[1]]
        if purpose == "publish":
            self._warnings += [
                f"image_properties: {name}={word}: no boot tries it, what is published was proved before"
                for name, word in hardware.asked(values["properties"]).items()
            ]
        axes = None if purpose == "publish" else self._load(values, system)
        self._faults += faults.between(values, axes, place)
        self._read_keys(values)
        if axes:
            self._warnings += source_faults.warnings(values)
            self._warnings += definition.aged(values, axes.distribution, date.today().isoformat())
        if self._faults:
            return {**result, "failed": True, "msg": "; ".join(self._faults)}
        done = definition.build(values, axes, place) if axes else definition.publication(values, place)
        lines = plan.of_build(done) if axes else plan.of_publication(done)
        if axes:
            whole = definition.of_release(values["release"], axes.distribution)
            able = [_axes.load("capabilities", name) for name in whole.get("capabilities", ())]
            done["layers"] = _content.layers(done, self._variables, [asdict(axes), able])
        result.update(changed=False, plan=lines, definition=done, warnings=self._warnings)
        return result

    def _read(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the values: the options of the task go before the variables. Takes down names that are not known."""
        others = self._template("image_other_variables")
        names = [name for name in self._variables if name.startswith(PREFIX)]
        misspelt, self._warnings = specification.unknown(
            [*names, *(PREFIX + name for name in options)],
            [*_names_of_roles(), *(others if isinstance(others, list) else str(others or "").split(","))],
        )
        known = [
            name for name in specification.SPECIFICATION if PREFIX + name in self._variables and name not in options
        ]
        values, bad = specification.read({**{name: self._template(PREFIX + name) for name in known}, **options})
        self._faults += [*misspelt, *bad]
        return values

    def _template(self, name: str) -> Any:
        """Return the value of a variable; None where there is none."""
        try:
            return self._templar.template(self._variables.get(name))
        except AnsibleError as error:
            self._faults.append(f"{name}: cannot be read: {' '.join(str(error).split())}")
            return None

    def _place(self, values: dict[str, Any], system: dict[str, str]) -> definition.Place:
        """Return where the variables were said, and the guest of libvirt that becomes the image."""
        here, home = self._control_node, str(Path.home())
        if self._connection.transport != "local":
            # The folders of a build are on its host, where the command was given nowhere.
            here = home = self._remote_home()
        role = {"virt_install": "virt_install", "capture": "vm_capture"}.get(values["build"])
        installed = role == "virt_install"
        disk = str(self._template("vm_capture_disk") or "") if values["build"] == "capture" else ""
        stem = Path(disk).name.partition(".")[0]
        machine = role and {
            "uri": str(self._template(f"{role}_uri") or "qemu:///system"),
            "name": str(self._template(f"{role}_name") or (values["name"] if installed else stem)),
            **({"disk": definition.source_of(disk, definition.Place(here, str(Path.home())))} if disk else {}),
            "shutdown": installed or str(self._template(f"{role}_shutdown")).lower() in ("true", "yes", "1"),
        }
        keys = personal.public_keys(Path.home()) if "ssh_keys" in values["local_configuration"] else ()
        return definition.Place(here, home, machine or {}, system, os.environ, keys)

    def _remote_home(self) -> str:
        """Return the home folder of the account that builds, as modules see it."""
        result = self._low_level_execute_command('printf "\\n%s\\n" "$HOME"')
        home = (result["stdout"].strip().splitlines() or [""])[-1]
        if result["rc"] != 0 or not home.startswith("/"):
            raise AnsibleError(f"cannot tell the home folder of the account on the build host: {result['stderr']}")
        return home

    def _check_build_host(self, name: str) -> None:
        # A play of no host does nothing, and Ansible calls that a success.
        hosts = lookup_loader.get("inventory_hostnames", loader=self._loader, templar=self._templar)
        if not hosts.run([name], variables=self._variables):
            self._faults.append(f"image_build_host={name}: is not in the inventory; see ansible-inventory --graph")

    def _check_purpose(self, purpose: str, values: dict[str, Any], place: definition.Place) -> None:
        if purpose == "publish":
            self._faults += [
                f"image_{name}: is empty; {text}"
                for name, text in (
                    ("publish_dir", "name the output folder of a build, as dist/debian-13-amd64"),
                    ("clouds", "name the clouds to publish to, as in clouds.yaml, or set OS_CLOUD"),
                )
                if not values[name]
            ]
        elif purpose == "capture" and values["build"] != "capture":
            self._faults.append(f"image_build={values['build']}: a machine is captured as it is; leave it out")
        elif purpose == "capture" and not place.machine["name"]:
            self._faults.append(
                "vm_capture_name: is empty; name the machine, as virsh list --all shows it, or give vm_capture_disk"
            )
        elif (
            purpose == "capture" and is_url(place.machine.get("disk", "")) and not self._template("vm_capture_checksum")
        ):
            self._faults.append(
                f"vm_capture_disk={place.machine['disk']}: is fetched, and nothing says what it must be; give "
                "vm_capture_checksum"
            )
        elif purpose == "build" and values["build"] == "capture":
            self._faults.append(
                "image_build=capture: the machine is there already; its playbook is goldsmith.openstack.capture_vm"
            )
        # The guest listens on the loopback of its host.
        if self._connection.transport != "local" and values["configure"] == "booted":
            self._faults.append(
                f"image_configure=booted: does not go with image_build_host={values['build_host']}, whose guests only "
                "that host reaches; use image_configure=tree, or build on this machine"
            )
        # A file of another build host is seen there only.
        if self._connection.transport == "local":
            self._faults += [
                f"image_{name}={values[name]}: there is no such file; give the path of a file (PEM)"
                for name in definition.FILES
                if values[name] and not Path(place.here, values[name]).expanduser().is_file()
            ]
            disk = place.machine.get("disk", "")
            if disk and not is_url(disk) and not Path(disk).exists():
                self._faults.append(f"vm_capture_disk={disk}: there is no such file or folder")
            base = values["base"]
            is_file = base and not is_url(base) and not base.startswith("oci:")
            if is_file and not Path(place.here, base).expanduser().is_file():
                self._faults.append(f"image_base={base}: there is no such file; give the path of a disk image")
        # These are read on the control node.
        for name in ("keyrings", "base_keyrings"):
            values[name] = [str(Path(self._control_node, path).expanduser()) for path in values[name]]
            self._faults += [
                f"image_{name}={path}: there is no such file; give the path of a public key in ASCII armor"
                for path in values[name]
                if not Path(path).is_file()
            ]

    def _read_keys(self, values: dict[str, Any]) -> None:
        """Put the keys of sources in the place of the files and URLs that have them."""
        for source in values["sources"]:
            key, option = source["key"].strip(), f"image_sources={source['name']}: key"
            if not key:
                continue
            try:
                if key.startswith("https:"):
                    data = open_url(key, timeout=60).read()
                elif key.startswith("-----"):
                    data = key.encode("utf-8")
                else:
                    data = Path(self._control_node, key).expanduser().read_bytes()
                source["key"] = keys.armored(data)
            except ValueError as error:
                self._faults.append(f"{option}={key.splitlines()[0]} {error}; gpg --export writes one")
            except OSError as error:
                reason = error.strerror or getattr(error, "reason", "") or error
                self._faults.append(f"{option}={key} cannot be read: {reason}; give a file, an https:// URL or the key")

    def _load(self, values: dict[str, Any], system: dict[str, str]) -> definition.Axes | None:
        """Return the data behind the names of a definition, or None after taking down which are not found."""
        before = len(self._faults)

        def found(axis: str, variable: str) -> dict[str, Any]:
            try:
                return _axes.load(axis, values[variable])
            except AnsibleError as error:
                self._faults.append(f"image_{variable}={values[variable]}: {error}")
                return {}

        captured = values["build"] == "capture"
        distribution = _axes.of_system(system.get("id", "")) if captured else found("distributions", "distribution")
        strategy, architecture = found("strategies", "resize"), found("architectures", "architecture")
        if values["agent"]:
            found("agents", "agent")
        whole = definition.of_release(values["release"], distribution)
        for axis, what in (("capabilities", "capability"), ("keys", "key")):
            for name in whole.get(axis, ()):
                try:
                    _axes.axis_file(axis, name)
                except AnsibleError as error:
                    self._faults.append(f"image_distribution={values['distribution']}: its {what} {name} {error}")
        if len(self._faults) > before:
            return None
        agents = {name: _axes.load("agents", name) for name in strategy["agents"]}
        return definition.Axes(distribution, strategy, agents, architecture)


def _cloud_of_environment(environment: Mapping[str, str]) -> list[str]:
    """Return the cloud that the command openstack would take if nobody named one."""
    if environment.get("OS_CLOUD"):
        return [environment["OS_CLOUD"]]
    return [environment.get("OS_CLOUD_NAME") or "envvars"] if environment.get("OS_AUTH_URL") else []


def _names_of_roles() -> list[str]:
    """Return the variables of roles whose names begin as ours do."""
    found: list[str] = []
    for path in _ROLES.glob(f"{PREFIX}*/defaults/main.yml"):
        found += yaml.safe_load(path.read_text(encoding="utf-8"))
    return found
