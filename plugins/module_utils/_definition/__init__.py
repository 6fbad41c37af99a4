# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image shall be: the variables image_*, checked all at once, and the definition that follows from them.

This package is the only place that knows the variables. Argument specs and the tables of the documentation are
generated from it. Nothing in it reads or changes the host: the same variables give the same definition anywhere.
"""
