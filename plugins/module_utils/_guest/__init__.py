# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system files of a guest: fstab, boot loader defaults, network, instance data.

They are read from outside: links lead inside the guest, never into this host.
"""
