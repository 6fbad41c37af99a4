# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to one cloud: requests that fail with a clear line, and are repeated where that helps."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.cloud_login import (
    CONNECT_TIMEOUT,
    CloudError,
    CloudNotFound,
    CloudOptions,
    login_of,
    plain,
)

try:
    import keystoneauth1.exceptions as auth_errors
    import openstack.connection
    import openstack.exceptions
    import requests.exceptions
except ImportError:
    pass  # cloud_login says so

# A cloud that never answered has a wrong address rather than a restart under way.
_ATTEMPTS_AT_FIRST = 4
_LONGEST_PAUSE = 60.0
# How long a token is to be valid, at least, when an upload begins; of a short-lived one half its life.
_TOKEN_LEFT = 3600.0


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


class Cloud:
    """One cloud. Nothing is sent before the first call."""

    def __init__(self, options: CloudOptions, *, sleep: Callable[[float], None] | None = None) -> None:
        self.label = options.label
        self.timeout = options.timeout
        self._attempts = options.attempts
        self._answered = False
        self._sleep = sleep or time.sleep
        login = login_of(options)
        self._source = login.source
        self._connection = openstack.connection.Connection(config=login.region)

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
        limits = (min(CONNECT_TIMEOUT, self.timeout), self.timeout)
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
            raise Unreachable(f"cloud {self.label} cannot be reached: {plain(error)}") from error
        except auth_errors.HttpError as error:
            status = error.http_status or 0
            if status == 429 or status >= 500:
                raise Unreachable(f"cloud {self.label} cannot log us in: {plain(error)}") from error
            raise Refused(f"cloud {self.label} refused the login: {plain(error)}", status=status) from error
        except auth_errors.CatalogException as error:
            raise CloudNotFound(f"cloud {self.label} has no image service for us: {plain(error)}") from error
        except (auth_errors.ClientException, openstack.exceptions.SDKException) as error:
            raise CloudError(f"cloud {self.label}: {plain(error)}") from error
        self._answered = True
        return result

    def _login_refused(self) -> LoginRefused:
        return LoginRefused(
            f"cloud {self.label}: user name, password or project refused (401)",
            hint=f"check auth of {self.label} in {self._source}",
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
