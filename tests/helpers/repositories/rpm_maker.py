# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RPMs made of Debian's packages: one folder of files, one specification, one run of rpmbuild. Needs no privileges."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from helpers.repositories import names
from helpers.repositories.debs import Deb, new_content, new_path, new_target, read_deb, read_files, relations
from helpers.repositories.distributions import Distribution
from helpers.repositories.made import Made
from helpers.repositories.rpm_package import RpmPackage
from helpers.tools import run_tool

EPOCH = "1767225600"
_GROUPS = {4: "adm", 5: "tty", 8: "mail", 42: "shadow", 43: "utmp"}
_KERNEL = "linux-image-"
_UNIT = re.compile(r"usr/lib/systemd/system/([^/]+\.(?:service|socket|timer|path))")
_CERTIFICATES = "usr/share/ca-certificates/mozilla"
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
_SECONDS = 900


class RpmMaker:
    """The packages of a distribution, with their files in a work folder."""

    def __init__(self, distribution: Distribution, work: Path) -> None:
        self.distribution = distribution
        self.packages: dict[str, RpmPackage] = {}
        self.kernel_version = ""
        self._work = work
        self._root = work / "root"
        self._root.mkdir(parents=True)
        self._names = {deb: rpm for rpm, debs in distribution.packages.items() for deb in debs}

    def _package(self, name: str) -> RpmPackage:
        if name not in self.packages:
            requires = set() if name in ("setup", "filesystem") else {"filesystem"}
            self.packages[name] = RpmPackage(name, requires=requires)
        return self.packages[name]

    def _name(self, deb: str) -> str:
        return self.distribution.kernel if deb.startswith(_KERNEL) else self._names.get(deb, deb)

    def add_debs(self, files: Iterable[Path]) -> None:
        """Take packages of Debian, but those that are Debian's own ways."""
        debs = [deb for deb in map(read_deb, sorted(files)) if deb.name not in names.DROPPED]
        there = {deb.name: self._name(deb.name) for deb in debs}
        provided = {
            re.split(r"[\s(:]", word.strip())[0]: self._name(deb.name)
            for deb in debs
            for word in deb.fields.get("Provides", "").split(",")
            if word.strip()
        }
        for deb in debs:
            self._add_deb(deb, provided | there)

    def _add_deb(self, deb: Deb, names_of: dict[str, str]) -> None:
        package = self._package(self._name(deb.name))
        leading = self.distribution.packages.get(package.name, [deb.name])[0] == deb.name
        if leading or deb.name.startswith(_KERNEL):
            package.epoch, package.version, package.release = deb.version
        if deb.name.startswith(_KERNEL):
            self.kernel_version = deb.name.removeprefix(_KERNEL)
        package.requires |= set(relations(deb.fields.get("Depends", ""), names_of))
        package.requires |= set(relations(deb.fields.get("Pre-Depends", ""), names_of))
        package.recommends |= set(relations(deb.fields.get("Recommends", ""), names_of))

        def put(member: tarfile.TarInfo, path: str, content: IO[bytes] | None) -> None:
            self._put(package, member, path, content, configuration=member.name.lstrip(".") in deb.configuration)

        read_files(deb, put)

    def _put(
        self, package: RpmPackage, member: tarfile.TarInfo, path: str, content: IO[bytes] | None, *, configuration: bool
    ) -> None:
        target, group = self._root / path, _GROUPS.get(member.gid, "root")
        target.parent.mkdir(parents=True, exist_ok=True)
        if member.isdir():
            target.mkdir(exist_ok=True)
            package.add_folder(path, member.mode & 0o7777, group)
            return
        if target.is_symlink() or target.exists():
            # Another package has it already: of two the first by name.
            return
        if member.issym():
            target.symlink_to(new_target(member.linkname))
            package.add_link(path)
            return
        if content is None:
            os.link(self._root / new_path(member.linkname), target)
        else:
            data = content.read()
            target.write_bytes(new_content(path, data))
            if (unit := _UNIT.fullmatch(path)) and b"[Install]" in data:
                package.units.add(unit[1])
        target.chmod(member.mode & 0o777 | 0o600)
        package.add_file(path, member.mode & 0o7777, group, configuration=configuration)

    def patch(self, changes: Mapping[str, tuple[str, str]]) -> None:
        """Change words in files of Debian's packages that would ask for Debian's own tools."""
        for path, (old, new) in changes.items():
            text = (self._root / path).read_text()
            if old not in text:
                raise LookupError(f"{path} does not say {old!r} any more: change the table that replaces it")
            (self._root / path).write_text(text.replace(old, new))

    def add_made(self, made: Mapping[str, Made]) -> None:
        """Take what no package of Debian holds; it replaces what is there."""
        for name, part in made.items():
            package = self._package(name)
            package.requires |= set(part.requires)
            package.provides |= set(part.provides)
            package.version = part.version or package.version
            for kind, text in part.scripts.items():
                package.scripts[kind] = text.replace("{version}", self.kernel_version)
            for path, entry in part.entries.items():
                target = self._root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                if entry.content is None and not entry.target:
                    target.mkdir(exist_ok=True)
                    package.add_folder(path, entry.mode)
                    continue
                target.unlink(missing_ok=True)
                if entry.target:
                    target.symlink_to(entry.target)
                    package.add_link(path)
                    continue
                target.write_text(entry.content or "")
                # rpmbuild must read it; its mode in the package is said beside it.
                target.chmod(entry.mode & 0o777 | 0o600)
                package.add_file(path, entry.mode, configuration=path.startswith("etc/"))
                if (unit := _UNIT.fullmatch(path)) and "[Install]" in (entry.content or ""):
                    package.units.add(unit[1])

    def add_tree(self, name: str, tree: Path) -> None:
        """Take a folder as a package, as it lies."""
        package = self._package(name)
        for source in sorted(tree.rglob("*")):
            path = str(source.relative_to(tree))
            if source.is_dir():
                (self._root / path).mkdir(parents=True, exist_ok=True)
                package.add_folder(path, 0o755)
            else:
                (self._root / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, self._root / path)
                package.add_file(path, 0o644, configuration=path.startswith("etc/"))

    def add_kernel_package(self) -> None:
        """Make `kernel`, the one by whose name people ask for the newest kernel, where the family has it."""
        core = self.packages[self.distribution.kernel]
        if self.distribution.suse:
            return
        # All of them may be installed beside older ones.
        core.provides.add("installonlypkg(kernel)")
        kernel = self._package("kernel")
        kernel.epoch, kernel.version, kernel.release = core.epoch, core.version, core.release
        kernel.provides.add("installonlypkg(kernel)")
        kernel.requires.add(f"{core.name} = {core.version}-{core.release}.{self.distribution.tag}")

    def add_certificates(self, name: str) -> None:
        """Join the certificates of authorities into the file that programs read."""
        package = self.packages[name]
        certificates = sorted((self._root / _CERTIFICATES).glob("*.crt"))
        bundle = self._root / _BUNDLE
        bundle.parent.mkdir(parents=True, exist_ok=True)
        bundle.write_text("".join(each.read_text() for each in certificates))
        package.add_file(_BUNDLE, 0o644)
        for path in ("etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/cert.pem"):
            (self._root / path).parent.mkdir(parents=True, exist_ok=True)
            (self._root / path).symlink_to(f"/{_BUNDLE}")
            package.add_link(path)

    def compile_python(self) -> None:
        """Add byte code, as these distributions ship it: without it an emulated boot takes much longer.

        The Python of the tree makes it: that of the host may be another version.
        """
        libraries = self._root / "usr/lib/x86_64-linux-gnu"
        argv = [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", str(libraries)]
        argv += [str(self._root / "usr/bin/python3.11"), "-m", "compileall", "-q", "-s", str(self._root), "-p", "/"]
        argv += ["--invalidation-mode", "unchecked-hash", "-x", "lib2to3/tests|/test/bad"]
        argv += [str(self._root / "usr/lib/python3"), str(self._root / "usr/lib/python3.11")]
        # What Python writes on its own account would bear the times of these files.
        environment = {
            "PYTHONHOME": str(self._root / "usr"),
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        run_tool(argv, cwd=self._work, environment=environment, timeout=_SECONDS)
        for package in self.packages.values():
            for path in [path for path in package.files if path.endswith(".py")]:
                folder, _slash, file = path.rpartition("/")
                for code in (self._root / folder / "__pycache__").glob(f"{file[:-3]}.cpython-*.pyc"):
                    package.add_folder(f"{folder}/__pycache__", 0o755)
                    package.add_file(f"{folder}/__pycache__/{code.name}", 0o644)

    def build(self, out: Path) -> None:
        """Make the packages, not signed yet, in a folder."""
        head = (
            "Name: fixture\nVersion: 1\nRelease: 1\nSummary: fixture\nLicense: as in Debian\nAutoReqProv: no\n"
            "%description\nNot made itself.\n"
        )
        parts = [package.specification(self.distribution.tag) for _name, package in sorted(self.packages.items())]
        specification = self._work / "fixture.spec"
        specification.write_text(head + "".join(parts))
        macros = {
            "_topdir": str(self._work),
            "_rpmdir": str(out),
            "_rpmfilename": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
            "_dbpath": str(self._work / "database"),
            "_binary_payload": "w1T0.zstdio",
            "_build_id_links": "none",
            "_buildhost": "fixture",
            "_target_cpu": "x86_64",
            "_unpackaged_files_terminate_build": "0",
            "__check_files": "%{nil}",
            "__os_install_post": "%{nil}",
            "clamp_mtime_to_source_date_epoch": "1",
            "debug_package": "%{nil}",
            "use_source_date_epoch_as_buildtime": "1",
        }
        argv = ["rpmbuild", "-bb", "--noclean", "--buildroot", str(self._root), "--target", "x86_64-linux"]
        argv += [word for name, value in macros.items() for word in ("--define", f"{name} {value}")]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "LC_ALL": "C.UTF-8"}
        run_tool([*argv, str(specification)], cwd=self._work, environment=environment, timeout=_SECONDS)
