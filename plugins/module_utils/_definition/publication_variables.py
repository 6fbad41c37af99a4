# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that say what an image is in Glance, and how it gets there."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import checks
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import Variable, grouped
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import property_table


def _property(name: str) -> Callable[[str], str | None]:
    """Judge a word by what the property *name* of Glance may be."""

    def judge(word: str) -> str | None:
        found = property_table.judge({name: word})[0]
        return found[0].partition(": ")[2] if found else None

    return judge


PUBLICATION = (
    *grouped(
        "Publication",
        Variable(
            "clouds",
            "words",
            [],
            "Clouds of clouds.yaml to publish to, as CLOUD or CLOUD/REGION; embedded starts and uses the local cloud.",
            check=checks.cloud,
        ),
        Variable("publish_dir", "words", [], "Output folders that the playbook publish publishes.", check=checks.path),
        Variable(
            "visibility", "text", "private", "Who sees the image.", choices=("private", "shared", "community", "public")
        ),
        Variable(
            "members",
            "words",
            [],
            "Ids of the projects that see an image with image_visibility=shared.",
            check=checks.project,
        ),
        Variable(
            "protected",
            "text",
            "",
            "true or false: whether the image is protected from removal. Empty to leave it.",
            choices=("true", "false"),
        ),
        Variable(
            "promote",
            "flag",
            True,
            "Whether the image becomes the current version of its name. Else it stays hidden, for a trial.",
        ),
        Variable("keep", "number", 3, "How many versions stay, with the current one; 0 for all."),
        Variable(
            "retire",
            "text",
            "hidden",
            "What becomes of versions that are no longer current.",
            choices=("hidden", "community"),
        ),
        Variable(
            "import_method",
            "text",
            "auto",
            "How the bytes get to the clouds.",
            choices=("auto", "put", "glance-direct"),
        ),
        Variable(
            "stores",
            "words",
            [],
            "Stores of Glance that the image is to lie in. Empty for the cloud's own choice.",
            check=checks.line,
        ),
    ),
    *grouped(
        "What it says of itself",
        Variable(
            "properties", "mapping", {}, "Glance properties before those that are derived. An empty value removes one."
        ),
        Variable(
            "validate_properties",
            "text",
            "true",
            "true refuses wrong values of properties that OpenStack reads, and warns about names that it does not "
            "know; strict refuses these names too; false checks nothing.",
            choices=("true", "strict", "false"),
        ),
        Variable(
            "tags",
            "words",
            [],
            "All tags of the image; a list where they have blanks. Empty to leave them.",
            check=checks.tag,
        ),
        Variable(
            "min_disk",
            "number",
            0,
            "Smallest disk of a flavour, in GiB. 0 for what the image needs.",
            shown="what the disk needs",
        ),
        Variable(
            "min_ram",
            "number",
            0,
            "Smallest memory of a flavour, in MiB, in which it is also proved if that is less than 1024. 0 for what "
            "the image needs.",
            shown="512, or what the initramfs needs",
        ),
        Variable(
            "description",
            "text",
            "",
            "What the image is, for people; text or a URL.",
            check=checks.line,
            shown="the name of the system",
        ),
        Variable(
            "source",
            "text",
            "private",
            "URL from which anyone may download the image, or private.",
            check=_property("image_source"),
        ),
        Variable(
            "replace_frequency",
            "text",
            "",
            "How soon new versions come: yearly, quarterly, monthly, weekly, daily, critical_bug or never. "
            "Empty where nothing is promised.",
            check=_property("replace_frequency"),
        ),
        Variable(
            "provided_until",
            "text",
            "",
            "Until when the image is there: YYYY-MM-DD, none or notice.",
            check=_property("provided_until"),
            shown="none; with image_replace_frequency the end of the security updates",
        ),
        Variable(
            "uuid_validity",
            "text",
            "",
            "How long each version is there: last-N, YYYY-MM-DD, none, notice or forever.",
            check=_property("uuid_validity"),
            shown="last-<image_keep>",
        ),
        Variable(
            "hotfix_hours",
            "text",
            "",
            "Hours to a new version after a critical flaw was mended; 0 for as soon as possible. "
            "Empty where nothing is promised.",
            check=_property("hotfix_hours"),
        ),
    ),
    *grouped(
        "Signature",
        Variable(
            "signing_key",
            "text",
            "",
            "File with the private key (PEM) that signs the image. Empty for none.",
            check=checks.path,
        ),
        Variable(
            "signing_command",
            "arguments",
            [],
            "Program and arguments that sign the digest on standard input, in place of a key.",
            check=checks.line,
        ),
        Variable("signing_passphrase", "text", "", "Passphrase of the key.", secret=True),
        Variable(
            "signing_certificate",
            "text",
            "",
            "File with the certificate (PEM) that the signature is verified with before the upload.",
            check=checks.path,
        ),
        Variable(
            "signing_certificate_id",
            "text",
            "",
            "Id of the certificate in the key manager of the clouds.",
            check=_property("img_signature_certificate_uuid"),
        ),
        Variable(
            "signing_hash",
            "text",
            "SHA-256",
            "Hash that is signed.",
            choices=("SHA-224", "SHA-256", "SHA-384", "SHA-512"),
        ),
    ),
)
