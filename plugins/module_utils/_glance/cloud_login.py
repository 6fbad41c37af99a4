# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to log in to a cloud: found as the command openstack finds it, here or on the control node, and carried over."""

from __future__ import annotations

import atexit
import os
import re
import ssl
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import LOOPBACK
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder

try:
    import keystoneauth1.exceptions as auth_errors
    import keystoneauth1.session
    import openstack.config
    import openstack.exceptions
    from openstack.config import loader

    SDK_MISSING: str | None = None
except ImportError:
    SDK_MISSING = traceback.format_exc()

# Own retries, because those of the SDK send a body again that is consumed.
ATTEMPTS = 7
CONNECT_TIMEOUT = 30.0
# Loopback never goes through a proxy, whatever the environment says.
_DIRECT = {f"{scheme}://{host}": "" for scheme in ("http", "https") for host in LOOPBACK}
# What a cloud's entry names by a path, and what each is.
_FILES = {"cacert": "CA file", "cert": "client certificate", "key": "key of the client certificate"}
_KINDS = ("clouds", "secure", "clouds-public")
# Entries whose meaning get_one() puts into the others.
_EXPANDED = ("profile", "cloud", "regions")
_SECRET = re.compile("password|secret|token|passcode")
# What was written for openstacksdk lives as long as this process.
_kept = ExitStack()
atexit.register(_kept.close)


class CloudError(GoldsmithError):
    """The cloud did not do what it was asked for."""


class CloudNotFound(CloudError):
    """The cloud is not in clouds.yaml, or its entry there cannot be used."""


@dataclass(frozen=True)
class CloudOptions:
    """Which cloud, in the words of openstacksdk.

    *clouds_yaml* is read in place of those in the usual places. *login* is what carried() gave elsewhere, in place of
    any file. *timeout* is the number of seconds without any sign of life after which a request is given up. *attempts*
    is how often one is sent at most, while a cloud that did answer does not.
    """

    cloud: str | None = None
    clouds_yaml: str | None = None
    auth: dict[str, Any] | None = field(default=None, repr=False)
    auth_type: str | None = None
    region_name: str | None = None
    interface: str | None = None
    validate_certs: bool | None = None
    ca_cert: str | None = None
    timeout: float = 300.0
    attempts: int = ATTEMPTS
    login: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """The name of the cloud for messages, and of the region where it is one of several."""
        if self.cloud and self.region_name:
            return f"{self.cloud}/{self.region_name}"
        return self.cloud or (self.auth or {}).get("auth_url") or os.environ.get("OS_CLOUD") or "from the environment"


@dataclass(frozen=True)
class Login:
    """A cloud as openstacksdk knows it, and where that was found."""

    region: openstack.config.cloud_region.CloudRegion
    source: str


def require_sdk() -> None:
    """Refuse to go on without openstacksdk."""
    if SDK_MISSING:
        raise GoldsmithError(missing_required_lib("openstacksdk"), exception=SDK_MISSING)


def login_of(options: CloudOptions) -> Login:
    """Return how to log in; raise CloudNotFound where the cloud is not known, or a file that it names is missing."""
    require_sdk()
    found = _unpacked(options, options.login) if options.login is not None else _found(options)
    _check_files(options.label, found, "")
    return found


def carried(options: CloudOptions, here: str) -> dict[str, Any]:
    """Return all that another host needs to log in, with the content of the files that the cloud's entry names.

    The command was given in the folder *here*: the search begins there, and so do relative paths.
    """
    require_sdk()
    found = _found(options, here)
    config = found.region.config
    if not config.get("cacert") and (bundle := _bundle_of_environment(found)):
        config["cacert"] = bundle[1]
    for name in _FILES:
        if config.get(name):
            config[name] = os.path.join(here, os.path.expanduser(str(config[name])))
    _check_files(options.label, found, here)
    return {
        "cloud": options.label,
        # What these stand for is in it already.
        "config": {name: value for name, value in config.items() if value is not None and name not in _EXPANDED},
        "files": {name: _text(config[name]) for name in _FILES if os.path.isfile(config.get(name) or "")},
        "source": found.source,
    }


def secrets(login: Mapping[str, Any]) -> set[str]:
    """Return the values of a carried login that nobody is to see."""
    auth = login.get("config", {}).get("auth", {})
    return {str(value) for name, value in auth.items() if value and _SECRET.search(name)}


def _found(options: CloudOptions, here: str | None = None) -> Login:
    """Look for a cloud as openstacksdk does; with *here* as a process in that folder would."""
    files = {kind: _searched(kind, here) for kind in _KINDS}
    if options.clouds_yaml:
        beside = os.path.dirname(options.clouds_yaml)
        files = {kind: [os.path.join(beside, f"{kind}.yaml"), *files[kind]] for kind in _KINDS}
        files["clouds"] = [options.clouds_yaml]
        if named := os.environ.get("OS_CLIENT_SECURE_FILE"):
            files["secure"].insert(0, named)
    cloud = options.cloud or (os.environ.get("OS_CLOUD") if options.clouds_yaml else None)
    given = {
        "auth": options.auth,
        "auth_type": options.auth_type,
        "region_name": options.region_name,
        "interface": options.interface,
        "verify": options.validate_certs,
        "cacert": options.ca_cert,
        "api_timeout": min(CONNECT_TIMEOUT, options.timeout),
    }
    config = None
    try:
        config = openstack.config.OpenStackConfig(
            config_files=files["clouds"],
            secure_files=files["secure"],
            vendor_files=files["clouds-public"],
            load_yaml_config=options.auth is None or options.cloud is not None,
            # Else the environment would name another file.
            load_envvars=options.clouds_yaml is None,
            session_constructor=_session,
        )
        region = config.get_one(cloud, **{name: value for name, value in given.items() if value is not None})
    except (openstack.exceptions.SDKException, auth_errors.ClientException) as error:
        raise _not_found(options, cloud, config, files["clouds"], error) from error
    in_environment = region.name == config.envvar_key and not options.clouds_yaml
    return Login(region, "the environment" if in_environment else config.config_filename or "the options")


def _not_found(
    options: CloudOptions,
    cloud: str | None,
    config: openstack.config.OpenStackConfig | None,
    files: list[str],
    error: Exception,
) -> CloudNotFound:
    # Without any file the SDK knows a cloud "defaults" that nobody has.
    names = config.get_cloud_names() if config else []
    known = sorted(name for name in names if config and (config.config_filename or name == config.envvar_key))
    if cloud is None or cloud in known or config is None:
        return CloudNotFound(f"cloud {options.label}: {plain(error)}", hint="check its entry in clouds.yaml")
    if named := None if options.clouds_yaml else os.environ.get("OS_CLIENT_CONFIG_FILE"):
        files = [named, *files]
    # The same folders are searched for .yml and .json, which would triple the line.
    searched = dict.fromkeys(file for file in files if not file.endswith((".yml", ".json")))
    before = files[: files.index(config.config_filename)] if config.config_filename in files else files
    unread = [file for file in before if os.path.exists(file)]
    return CloudNotFound(
        f"cloud {cloud} is not in clouds.yaml; known: {', '.join(known) or 'none'}",
        hint=f"searched: {', '.join(searched)}" + (f"; cannot be read: {', '.join(unread)}" if unread else ""),
    )


def _searched(kind: str, here: str | None) -> list[str]:
    """Return the files of a kind where openstacksdk looks for them; it takes the current folder for the first place."""
    current, *others = loader.CONFIG_SEARCH_PATH
    suffixes = (*loader.YAML_SUFFIXES, *loader.JSON_SUFFIXES)
    return [os.path.join(folder, kind + suffix) for folder in (here or current, *others) for suffix in suffixes]


def _unpacked(options: CloudOptions, login: Mapping[str, Any]) -> Login:
    """Return a cloud that was found on another host; files of it that are needed here come to a folder of their own."""
    if login.get("msg"):
        raise CloudNotFound(login["msg"])
    config = {**login["config"], "api_timeout": min(CONNECT_TIMEOUT, options.timeout)}
    if login["files"]:
        folder = _kept.enter_context(scratch_folder("login"))
        for name, text in login["files"].items():
            path = folder / name
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
            config[name] = str(path)
    try:
        known = openstack.config.OpenStackConfig(
            load_yaml_config=False, load_envvars=False, session_constructor=_session
        )
        return Login(known.get_one(**config), login["source"])
    except (openstack.exceptions.SDKException, auth_errors.ClientException) as error:
        raise CloudNotFound(f"cloud {options.label}: {plain(error)}", hint=f"check it in {login['source']}") from error


def _check_files(label: str, login: Login, here: str) -> None:
    """Refuse files for TLS that are not there, or hold no certificate: requests would call that a bad connection."""
    verify, _cert = login.region.get_requests_verify_args()
    bundle = _bundle_of_environment(login)
    named = [(name, login.region.config.get(name), login.source) for name in _FILES if name != "cacert" or verify]
    for name, path, source in [*named, *([("cacert", bundle[1], bundle[0])] if bundle else [])]:
        if not path:
            continue
        whole = os.path.join(here, os.path.expanduser(str(path)))
        if fault := _fault(name, whole):
            raise CloudNotFound(
                f"cloud {label}: its {_FILES[name]} {whole} {fault}", hint=f"it is named in {source}, as {name}"
            )


def _fault(name: str, path: str) -> str | None:
    if not os.path.exists(path):
        return "does not exist"
    if name == "cacert" and os.path.isdir(path):
        return None
    try:
        if name == "cacert":
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        else:
            _text(path)
    except ssl.SSLError:
        return "holds no certificate (PEM)"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return None


def _bundle_of_environment(login: Login) -> tuple[str, str] | None:
    """Return the variable and the file of certificates by which requests goes where the cloud names none."""
    verify, _cert = login.region.get_requests_verify_args()
    found = ((name, os.environ.get(name)) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
    return next(((name, path) for name, path in found if path), None) if verify is True else None


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _session(**options: Any) -> keystoneauth1.session.Session:
    session = keystoneauth1.session.Session(**options)
    session.session.proxies.update(_DIRECT)
    return session


def plain(error: BaseException) -> str:
    """Return the heart of an error: the SDK's repeat each other in nested parentheses."""
    text = " ".join(str(error).split())
    reason = re.search(r"\[Errno \d+\] ([^'\")]+)", text)
    address = re.search(r"https?://[^\s:]+(?::\d+)?", text)
    if reason and address:
        return f"{address.group(0)}: {reason.group(1)}"
    return text[:300] or type(error).__name__
