# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package repositories of distributions whose own are out of reach, made of Debian's binaries.

`families` has the public face: ``repository(family)`` returns the repository of fedora, rhel, suse or ubuntu.
"""
