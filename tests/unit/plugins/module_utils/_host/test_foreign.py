# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces of files."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Piece


def test_a_piece_is_cut_at_its_end() -> None:
    assert Piece(5, 3, 7).cut(2) == Piece(5, 2, 7)
    assert Piece(5, 3, data=b"abc").cut(1) == Piece(5, 1, data=b"a")


def test_a_piece_that_fits_stays() -> None:
    assert Piece(5, 3, data=b"abc").cut(3) == Piece(5, 3, data=b"abc")
