"""Whether the packets of FFV1 are as they were written (RFC 9043, section 4.9)."""

from __future__ import annotations

import zlib

_FOOTER = 8  # bytes at the end of a slice: 3 of its size before them, 1 of its state, 4 of its sum
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class SliceSums:
    """Checksums of slices, as far as a stream has them.

    FFmpeg puts the picture before in the place of a slice that isn't as its checksum says, and
    speaks of it in its log alone.
    """

    def __init__(self) -> None:
        self._are_there = False

    def hold(self, packet: bytes) -> bool:
        """Say whether the next packet is sound; True where the stream seems to have no sums."""
        is_sound = _is_sound(packet)
        self._are_there |= is_sound
        return is_sound or not self._are_there


def _is_sound(packet: bytes) -> bool:
    """Say whether a packet consists of slices with the right checksums."""
    mirrored = packet.translate(_MIRRORED)  # zlib takes the lowest bit first, FFV1 the highest
    end = len(packet)
    while end >= _FOOTER:
        start = end - _FOOTER - int.from_bytes(packet[end - _FOOTER : end - _FOOTER + 3], "big")
        # From 0 on, over all of a slice, its sum included, comes 0.
        if start < 0 or zlib.crc32(mirrored[start:end], 0xFFFFFFFF) != 0xFFFFFFFF:
            return False
        end = start
    return end == 0
