"""Whether the packets of PNG are as they were written (ISO/IEC 15948, clause 5)."""

from __future__ import annotations

import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"IEND"  # what stands behind this chunk, FFmpeg doesn't look at
_AROUND = 12  # bytes of a chunk: 4 of its size and 4 of its type before, 4 of its sum behind


def is_sound(packet: bytes) -> bool:
    """Say whether a packet begins with chunks that have the right checksums, up to the last one."""
    place, data = len(_SIGNATURE), memoryview(packet)
    while place + _AROUND <= len(data):
        end = place + _AROUND + int.from_bytes(data[place : place + 4], "big")
        if zlib.crc32(data[place + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return False
        if data[place + 4 : place + 8] == _END:
            return packet.startswith(_SIGNATURE)
        place = end
    return False
