# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel of a few bytes that says on the serial console what an installer would say, and then stops or powers off."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SECTOR = 512
_CODE, _TEXT = 0x280, 0x400
# Real mode, data segment at the beginning of the file: each byte from _TEXT on goes to COM1 until a zero comes.
_SAY = bytes.fromhex(
    "fc"  # cld
    "be0004"  # mov si, _TEXT
    "baf803"  # mov dx, 0x3f8
    "ac"  # next: lodsb
    "84c0"  # test al, al
    "7410"  # jz done
    "88c4"  # mov ah, al
    "b2fd"  # mov dl, 0xfd
    "ec"  # wait: in al, dx
    "a820"  # test al, 0x20
    "74fb"  # jz wait
    "b2f8"  # mov dl, 0xf8
    "88e0"  # mov al, ah
    "ee"  # out dx, al
    "ebeb"  # jmp next
)
_POWER_OFF = bytes.fromhex("ba0406b80020ef")  # mov dx, 0x604; mov ax, 0x2000; out dx, ax
_STOP = bytes.fromhex("faf4ebfd")  # cli; hlt; jmp back


def fake_installer(folder: Path, text: str, *, powers_off: bool) -> dict[str, str]:
    """Make kernel and initrd in a folder; return them as options of vm_install."""
    said = text.replace("\n", "\r\n").encode()
    sectors = -(-(_TEXT + len(said) + 1) // _SECTOR)
    assert sectors < 64, "more than a kernel's first part may hold"
    image = bytearray(max(sectors * _SECTOR, 8192) + 4096)
    image[0x1F1] = sectors - 1
    image[0x1FE:0x206] = b"\x55\xaa" + b"\xeb\x7e" + b"HdrS"  # the jump leads to _CODE
    image[0x206:0x208] = b"\x03\x02"
    image[0x211] = 1
    image[0x22C:0x230] = (0x37FFFFFF).to_bytes(4, "little")
    code = _SAY + (_POWER_OFF if powers_off else b"") + _STOP
    image[_CODE : _CODE + len(code)] = code
    image[_TEXT : _TEXT + len(said)] = said
    (folder / "linux").write_bytes(image)
    (folder / "initrd.gz").write_bytes(bytes(512))
    return {"kernel": str(folder / "linux"), "initrd": str(folder / "initrd.gz")}


def fake_image(folder: Path, text: str, *, powers_off: bool) -> str:
    """Make the ISO image of a live installer, as that of Ubuntu is laid out; return its path."""
    tree = folder / "image"
    (tree / "casper").mkdir(parents=True)
    files = fake_installer(folder, text, powers_off=powers_off)
    for option, name in (("kernel", "vmlinuz"), ("initrd", "initrd")):
        Path(files[option]).rename(tree / "casper" / name)
    image = folder / "live-server.iso"
    argv = ["xorrisofs", "-quiet", "-J", "-R", "-V", "Ubuntu-Server", "-o", image, tree]
    subprocess.run(argv, check=True, capture_output=True)
    return str(image)
