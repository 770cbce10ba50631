"""The size of a PNG picture, from its first bytes: nothing else of it is trusted or decoded here."""

from __future__ import annotations

import struct

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PIXELS = 40_000_000  # a small file can hold a picture that takes a browser's whole memory


def pixels_of_png(data: bytes) -> int:
    """How many pixels the picture has; more than `MAX_PIXELS` where the bytes do not say."""
    if len(data) < 24 or not data.startswith(PNG_SIGNATURE) or data[12:16] != b"IHDR":
        return MAX_PIXELS + 1
    width, height = struct.unpack(">II", data[16:24])
    return width * height
