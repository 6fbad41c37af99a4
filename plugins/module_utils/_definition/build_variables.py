# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that say how an image is made: from what, where, and how it is proved."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import checks
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import Variable, grouped

BUILD = grouped(
    "How it is made",
    Variable(
        "build",
        "text",
        "chroot",
        "How the system is made: chroot is from packages, in a tree; virt_install by the distribution's installer, "
        "or from an existing disk, in a guest of libvirt; capture takes a machine as it is.",
        choices=("chroot", "virt_install", "capture"),
    ),
    Variable(
        "build_host",
        "text",
        "localhost",
        "Host of the inventory that builds, installs or captures, and publishes.",
        check=checks.line,
    ),
    Variable(
        "base",
        "text",
        "",
        "What the tree begins with, in place of an empty folder. The path or URL of a disk image (qcow2, raw) with "
        "the distribution; oci:PATH, an OCI archive or layout; or oci:docker://NAME@DIGEST, one in a registry.",
        check=checks.path,
    ),
    Variable(
        "base_checksum",
        "text",
        "",
        "What image_base must be: sha256:HEX, sha512:HEX, or the path or URL of a list of checksums.",
        check=checks.path,
    ),
    Variable(
        "base_signature",
        "text",
        "",
        "Path or URL of the detached signature of that list, or of image_base where there is no list.",
        check=checks.path,
    ),
    Variable(
        "base_keyrings",
        "words",
        [],
        "Files with the public keys (ASCII armor) by one of which that signature must be.",
        check=checks.path,
    ),
    Variable(
        "configure",
        "text",
        "tree",
        "Where image_roles run: in the tree; or booted, in the same system under QEMU, over ssh, for roles that "
        "need a running system. The files are taken back afterwards.",
        choices=("tree", "booted"),
    ),
    Variable(
        "gather_facts",
        "flag",
        True,
        "Whether facts are gathered before image_roles; in a tree, those of the image.",
    ),
    Variable(
        "keep_machine", "flag", False, "Whether the guest that image_build=virt_install made stays, switched off."
    ),
    Variable(
        "mirror",
        "text",
        "",
        "Empty for the release's own mirrors, host for the build host's apt sources, or a URL, in which {snapshot} "
        "stands for image_snapshot. Distributions of RPM packages need a URL. image_guest_mirror is for the guest.",
        check=checks.mirror,
    ),
    Variable(
        "security_mirror",
        "text",
        "",
        "URL of the mirror for security updates, beside a URL in image_mirror.",
        check=checks.security_mirror,
    ),
    Variable(
        "guest_mirror",
        "text",
        "",
        "Where the guest has its packages from: empty for the distribution's public sources with security updates, "
        "build for those of the build with their keys, or a URL, as in image_mirror.",
        check=checks.guest_mirror,
    ),
    Variable(
        "guest_security_mirror",
        "text",
        "",
        "URL of the guest's mirror for security updates, beside a URL in image_guest_mirror.",
        check=checks.security_mirror,
    ),
    Variable(
        "components",
        "words",
        [],
        "Components of the archive (Debian, Ubuntu), for the build and for the guest.",
        check=checks.component,
        shown="main; for Ubuntu main, universe",
    ),
    Variable(
        "sources",
        "records",
        [],
        "Sources of packages beside the distribution's, such as backports or a repository of your company.",
        fields=(
            Variable("name", "text", None, "Name of the source and of its files.", check=checks.source_name),
            Variable(
                "url",
                "text",
                None,
                "Its URL; for RPM packages that of the folder with repodata.",
                check=checks.source,
            ),
            Variable("suites", "words", [], "Suites of an archive for apt; apt needs one.", check=checks.suite),
            Variable("components", "words", ["main"], "Its components, for apt.", check=checks.component),
            Variable(
                "key",
                "text",
                "",
                "The public key that verifies it: a file, an https:// URL, or the key itself in ASCII armor. "
                "Without one the keys of the distribution do.",
                check=checks.key,
            ),
            Variable(
                "pin",
                "text",
                "",
                "For apt: which packages the priority is for, as release n=trixie-backports or origin deb.example.",
                check=checks.pin,
            ),
            Variable(
                "priority",
                "number",
                0,
                "Its priority as the package manager counts it: for apt more goes first (500 is usual), for dnf "
                "and zypper less (99 is usual). 0 is for the usual one.",
            ),
            Variable("guest", "flag", True, "Whether the guest keeps this source."),
        ),
    ),
    Variable(
        "keyrings",
        "words",
        [],
        "Files with the public keys (ASCII armor) that packages are verified by. A guest whose mirror is not the "
        "public one gets them too.",
        check=checks.path,
        shown="those that are known of the distribution",
    ),
    Variable(
        "snapshot",
        "text",
        "",
        "A day or a time of the archive, as 2026-11-01 or 20261101T060000Z, whose versions are installed. It goes "
        "where image_mirror has {snapshot}; without a mirror, to the service that the archive itself names.",
        check=checks.snapshot,
    ),
    Variable(
        "mirror_expired",
        "text",
        "refuse",
        "Whether a mirror is used whose Release files are past their date, as those of snapshots are. What is "
        "accepted here stands in the manifest.",
        choices=("refuse", "accept"),
    ),
    Variable(
        "proxy",
        "text",
        "",
        "URL of the proxy for downloads while building. It is not kept in the image.",
        check=checks.url,
    ),
    Variable(
        "output_dir",
        "text",
        "dist",
        "Folder for the output folders; a relative one begins where the command was given, and on another build "
        "host in the home folder of its account.",
        check=checks.path,
    ),
    Variable(
        "cache_dir",
        "text",
        "~/.cache/goldsmith",
        "Folder for what can be made again. Safe to delete at any time.",
        check=checks.path,
    ),
    Variable(
        "cache",
        "flag",
        True,
        "Whether a build begins with what earlier ones made and what has not changed since; off makes all anew.",
    ),
    Variable(
        "cache_max",
        "text",
        "10G",
        "What is kept for later builds takes no more than this; what was not used for longest goes first.",
        check=checks.size,
    ),
    Variable(
        "cache_roles_age",
        "number",
        24,
        "For how many hours a system that roles of yours have configured is used again, since a role may fetch "
        "things that change. 0 is for none.",
    ),
    Variable(
        "verify",
        "words",
        ["audit", "boot"],
        "Proofs before the publication; [] for none.",
        choices=("audit", "boot"),
    ),
    Variable(
        "verify_again",
        "flag",
        False,
        "Whether files that were proved before by the same questions are proved again.",
    ),
    Variable(
        "other_variables",
        "words",
        [],
        "Variables of your own that begin with image_, so that they are not taken for misspelt ones.",
        check=checks.line,
    ),
)
