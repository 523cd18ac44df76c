"""Whether the packets of FFV1 are as they were written (RFC 9043, section 4.9)."""

from __future__ import annotations

import zlib

# Bytes at the end of a slice: 3 of its size before them; with sums, 1 of a state and 4 of the sum.
_WITH_SUM, _WITHOUT_SUM = 8, 3
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Slices:
    """Sizes and checksums of slices, as far as a stream has them.

    FFmpeg puts the picture before in the place of a slice that isn't as its checksum says, and
    speaks of it in its log alone.

    Parameters
    ----------
    header
        The stream's; versions before 2 have none, and no slices either.
    """

    def __init__(self, header: bytes | None) -> None:
        self._has_slices = bool(header)
        self._footer = 0  # 0 as long as no packet has had any

    def hold(self, packet: bytes) -> bool:
        """Say whether the next packet is sound; True where the stream seems to have no footers."""
        if not self._has_slices:
            return True
        if self._footer:
            return _is_sound(packet, self._footer)
        footers = (footer for footer in (_WITH_SUM, _WITHOUT_SUM) if _is_sound(packet, footer))
        self._footer = next(footers, 0)
        return True


def _is_sound(packet: bytes, footer: int) -> bool:
    """Say whether a packet consists of slices with such footers, and with the right checksums."""
    # zlib takes the lowest bit first, FFV1 the highest.
    mirrored = packet.translate(_MIRRORED) if footer == _WITH_SUM else b""
    end = len(packet)
    while end >= footer:
        size = int.from_bytes(packet[end - footer : end - footer + 3], "big")
        start = end - footer - size
        if start < 0 or size == 0:
            return False
        # From 0 on, over all of a slice, its sum included, comes 0.
        if mirrored and zlib.crc32(mirrored[start:end], 0xFFFFFFFF) != 0xFFFFFFFF:
            return False
        end = start
    return end == 0
