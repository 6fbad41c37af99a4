# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key manager that has its certificates in a folder, in place of Barbican: it runs within Glance."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

FOLDER = "GOLDSMITH_TEST_CERTIFICATES"


class CertificateFolder:
    """What castellan asks of a key manager, as far as signatures need it: the certificate <id>.pem of a folder."""

    def __init__(self, configuration: Any) -> None:
        self._folder = Path(os.environ[FOLDER])

    def get(self, context: Any, managed_object_id: str, metadata_only: bool = False) -> Any:
        """Return the certificate."""
        # Only the servers' Python has castellan.
        from castellan.common.exception import ManagedObjectNotFoundError
        from castellan.common.objects.x_509 import X509

        try:
            text = (self._folder / f"{managed_object_id}.pem").read_text()
        except OSError as error:
            raise ManagedObjectNotFoundError(uuid=managed_object_id) from error
        return X509(ssl.PEM_cert_to_DER_cert(text))


def key_manager(folder: Path) -> dict[str, str]:
    """Return the options of Glance with which it takes the certificates of that folder."""
    return {
        "OS_KEY_MANAGER__BACKEND": f"{__name__}.{CertificateFolder.__name__}",
        FOLDER: os.fspath(folder),
        # The folder above this one: what this one has in it must not hide Glance's own modules.
        "PYTHONPATH": os.fspath(Path(__file__).resolve().parent.parent),
    }
