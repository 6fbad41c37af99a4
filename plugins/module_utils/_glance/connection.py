# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to one cloud: clouds.yaml, login, requests that fail with a clear line."""

from __future__ import annotations

import html
import os
import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import LOOPBACK

try:
    import keystoneauth1.exceptions as auth_errors
    import keystoneauth1.session
    import openstack.config
    import openstack.connection
    import openstack.exceptions
    import requests.exceptions

    SDK_MISSING: str | None = None
except ImportError:
    SDK_MISSING = traceback.format_exc()

# Own retries, because those of the SDK send a body again that is consumed.
ATTEMPTS = 7
# A cloud that never answered has a wrong address rather than a restart under way.
_ATTEMPTS_AT_FIRST = 4
_LONGEST_PAUSE = 60.0
_CONNECT_TIMEOUT = 30.0
# How long a token is to be valid, at least, when an upload begins; of a short-lived one half its life.
_TOKEN_LEFT = 3600.0
# Loopback never goes through a proxy, whatever the environment says.
_DIRECT = {f"{scheme}://{host}": "" for scheme in ("http", "https") for host in LOOPBACK}


class CloudError(GoldsmithError):
    """The cloud did not do what it was asked for."""


class CloudNotFound(CloudError):
    """The cloud is not in clouds.yaml, or its entry there cannot be used."""


class LoginRefused(CloudError):
    """Keystone, or a service, does not accept the credentials."""


class TokenRefused(LoginRefused):
    """A service does not accept the token any more, in a request that is not repeated with a new one."""


class Unreachable(CloudError):
    """No answer, or one that says to try later.

    *pause* is the number of seconds that the service asks for. *lost*: the service may have done it, or be at it still.
    """

    def __init__(self, message: str, *, pause: float = 0.0, lost: bool = True, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.pause, self.lost = pause, lost


class TooLarge(CloudError):
    """The service has no room or no quota for it (413)."""


class Refused(CloudError):
    """The service understood the request and will not do it. *status* is the HTTP status."""

    def __init__(self, message: str, *, status: int, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.status = status


@dataclass(frozen=True)
class CloudOptions:
    """Which cloud, in the words of openstacksdk.

    *clouds_yaml* is read before the usual places. *timeout* is the number of seconds without any sign of life after
    which a request is given up. *attempts* is how often one is sent at most, while a cloud that did answer does not.
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

    @property
    def label(self) -> str:
        """The name of the cloud for messages, and of the region where it is one of several."""
        if self.cloud and self.region_name:
            return f"{self.cloud}/{self.region_name}"
        return self.cloud or (self.auth or {}).get("auth_url") or os.environ.get("OS_CLOUD") or "from the environment"


class Cloud:
    """One cloud. Nothing is sent before the first call."""

    def __init__(self, options: CloudOptions, *, sleep: Callable[[float], None] | None = None) -> None:
        require_sdk()
        self.label = options.label
        self.timeout = options.timeout
        self._attempts = options.attempts
        self._answered = False
        self._sleep = sleep or time.sleep
        self._region = _region(options)
        self._connection = openstack.connection.Connection(config=self._region)

    @property
    def project_id(self) -> str:
        """The project that images of ours belong to."""
        return self.ask(lambda sdk: sdk.current_project_id)

    @property
    def token(self) -> str:
        """A token for a request that is not sent through this class."""
        return self.ask(lambda sdk: sdk.auth_token)

    def ask(self, work: Callable[[openstack.connection.Connection], Any]) -> Any:
        """Return what *work* returns, which gets the connection of the SDK; errors of the SDK become ours."""
        return self._translated(lambda: work(self._connection))

    def image_request(self, method: str, path: str, *, attempts: int | None = None, **kwargs: Any) -> requests.Response:
        """Send one request to the image service and return its answer, which is not an error.

        Nothing is repeated within the SDK; a request that may be repeated is repeated here, up to *attempts* times.
        """
        limits = (min(_CONNECT_TIMEOUT, self.timeout), self.timeout)
        return self.patiently(lambda: self._once(method, path, timeout=limits, **kwargs), attempts)

    def upload_request(self, path: str, body: Iterable[bytes], headers: Mapping[str, str]) -> requests.Response:
        """Send data to the image service by PUT, once only, with a token that will last for a while.

        The time limit is for each block of *body*, and for the answer after the last one.
        """
        self._see_to_token()
        # With a new token the SDK would send the consumed body again. While data is sent the first limit is in force.
        limits = (self.timeout, self.timeout)
        try:
            return self._once("PUT", path, timeout=limits, data=body, headers=dict(headers), allow_reauth=False)
        except LoginRefused as error:
            raise TokenRefused(*error.args) from error

    def renew(self) -> None:
        """Log in anew, because the token that we have is not accepted, or not for long."""

        def login() -> None:
            self._connection.session.invalidate()
            self._connection.session.get_token()

        self.patiently(lambda: self._translated(login))

    def patiently(self, work: Callable[[], Any], attempts: int | None = None) -> Any:
        """Return what *work* returns; where the cloud cannot be reached, try again, a little later each time."""
        number = 1
        while True:
            try:
                return work()
            except Unreachable as error:
                if not self.waited(number, error, attempts):
                    raise
            number += 1

    def waited(self, number: int, error: Unreachable, attempts: int | None = None) -> bool:
        """Wait after the attempt of that *number*; return False where it was the last one."""
        at_first = self._attempts if self._answered else min(self._attempts, _ATTEMPTS_AT_FIRST)
        if number >= (at_first if attempts is None else attempts):
            return False
        self._sleep(min(max(2.0 ** (number - 1), error.pause), _LONGEST_PAUSE))
        return True

    def _see_to_token(self) -> None:
        """Log in anew where the token would expire before a long upload is over."""
        session = self._connection.session
        # Not every plugin of keystoneauth has such a thing: none and admin_token have not.
        get_access = getattr(session.auth, "get_access", None)
        access = self.patiently(lambda: self._translated(lambda: get_access(session))) if get_access else None
        if access is None or access.expires is None:
            return
        life = (access.expires - access.issued).total_seconds() if access.issued else 0.0
        if access.will_expire_soon(round(min(_TOKEN_LEFT, life / 2))):
            self.renew()

    def _once(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        answer = self._translated(
            lambda: self._connection.image.request(path, method, connect_retries=0, status_code_retries=0, **kwargs)
        )
        if answer.status_code >= 400:
            raise self._answer_error(method, path, answer)
        return answer

    def _translated(self, work: Callable[[], Any]) -> Any:
        """Return what *work* returns; errors of the SDK become ours."""
        try:
            result = work()
        except auth_errors.Unauthorized as error:
            raise self._login_refused() from error
        except (
            auth_errors.ConnectionError,
            auth_errors.DiscoveryFailure,
            requests.exceptions.RequestException,
            OSError,
        ) as error:
            raise Unreachable(f"cloud {self.label} cannot be reached: {_plain(error)}") from error
        except auth_errors.HttpError as error:
            status = error.http_status or 0
            if status == 429 or status >= 500:
                raise Unreachable(f"cloud {self.label} cannot log us in: {_plain(error)}") from error
            raise Refused(f"cloud {self.label} refused the login: {_plain(error)}", status=status) from error
        except auth_errors.CatalogException as error:
            raise CloudNotFound(f"cloud {self.label} has no image service for us: {_plain(error)}") from error
        except (auth_errors.ClientException, openstack.exceptions.SDKException) as error:
            raise CloudError(f"cloud {self.label}: {_plain(error)}") from error
        self._answered = True
        return result

    def _login_refused(self) -> LoginRefused:
        return LoginRefused(
            f"cloud {self.label}: user name, password or project refused (401)",
            hint=f"check auth of {self.label} in {_source(self._region)}",
        )

    def _answer_error(self, method: str, path: str, answer: requests.Response) -> CloudError:
        status, text = answer.status_code, _explanation(answer)
        what = f"cloud {self.label}: {method} {path} failed with {status}{': ' if text else ''}{text}"
        if status == 401:
            return self._login_refused()
        if status == 413:
            return TooLarge(what, hint="the quota of the project, the limit of the cloud or its store is exhausted")
        if status == 429 or status >= 500:
            # 502 and 504 come from a proxy that had no answer itself.
            pause = _pause(answer.headers.get("Retry-After", ""))
            return Unreachable(what, pause=pause, lost=status in (502, 504))
        # Glance looks into what is uploaded as bare.
        hint = "the content is not what its format says, or Glance holds it for unsafe" if status == 415 else None
        return Refused(what, status=status, hint=hint)


def require_sdk() -> None:
    """Refuse to go on without openstacksdk."""
    if SDK_MISSING:
        raise GoldsmithError(missing_required_lib("openstacksdk"), exception=SDK_MISSING)


def _session(**options: Any) -> keystoneauth1.session.Session:
    session = keystoneauth1.session.Session(**options)
    session.session.proxies.update(_DIRECT)
    return session


def _region(options: CloudOptions) -> openstack.config.cloud_region.CloudRegion:
    files = list(openstack.config.loader.CONFIG_FILES)
    if named := os.environ.get("OS_CLIENT_CONFIG_FILE"):
        files.insert(0, named)
    if options.clouds_yaml:
        files = [options.clouds_yaml]
    given = {
        "auth": options.auth,
        "auth_type": options.auth_type,
        "region_name": options.region_name,
        "interface": options.interface,
        "verify": options.validate_certs,
        "cacert": options.ca_cert,
    }
    known: list[str] = []
    try:
        config = openstack.config.OpenStackConfig(
            config_files=files,
            load_yaml_config=options.auth is None or options.cloud is not None,
            session_constructor=_session,
        )
        # Without any file the SDK knows a cloud "defaults" that nobody has.
        known = sorted(config.get_cloud_names()) if config.config_filename else []
        return config.get_one(
            options.cloud,
            api_timeout=min(_CONNECT_TIMEOUT, options.timeout),
            **{name: value for name, value in given.items() if value is not None},
        )
    except (openstack.exceptions.SDKException, auth_errors.ClientException) as error:
        if options.cloud is None or options.cloud in known:
            raise CloudNotFound(
                f"cloud {options.label}: {_plain(error)}", hint="check its entry in clouds.yaml"
            ) from error
        # The same folders are searched for .yml and .json, which would triple the line.
        searched = dict.fromkeys(file for file in files if not file.endswith((".yml", ".json")))
        raise CloudNotFound(
            f"cloud {options.cloud} is not in clouds.yaml; known: {', '.join(known) or 'none'}",
            hint=f"searched: {', '.join(searched)}",
        ) from error


def _source(region: openstack.config.cloud_region.CloudRegion) -> str:
    return getattr(getattr(region, "_openstack_config", None), "config_filename", None) or "the options"


def _pause(text: str) -> float:
    """Return the seconds that a service asks for, which are said as such or as a date."""
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(timezone.utc)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _explanation(answer: requests.Response) -> str:
    """Return what the service says, without the page that it comes in."""
    text = answer.text[:4000]
    text = re.sub(r"(?s)<(title|h1)>.*?</\1>", " ", text)
    # A plain answer repeats the status line.
    text = text.removeprefix(f"{answer.status_code} {answer.reason}")
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
    return text[:300] or str(answer.reason or "")


def _plain(error: BaseException) -> str:
    """Return the heart of an error: the SDK's repeat each other in nested parentheses."""
    text = " ".join(str(error).split())
    reason = re.search(r"\[Errno \d+\] ([^'\")]+)", text)
    address = re.search(r"https?://[^\s:]+(?::\d+)?", text)
    if reason and address:
        return f"{address.group(0)}: {reason.group(1)}"
    return text[:300] or type(error).__name__
