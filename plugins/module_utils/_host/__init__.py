# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground floor: errors, sizes, digests, programs, files, locks, namespaces, progress.

Every other package uses it; it uses none. Modules end in run_module of the file module.
"""
