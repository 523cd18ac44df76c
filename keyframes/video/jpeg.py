"""What stands before the pixels of a JPEG (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Markers: two kinds of tables, and what follows them.
QUANTIZATION, _HUFFMAN, _SCAN = 0xDB, 0xC4, 0xDA
END_OF_IMAGE = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # other than those that belong among pixels


def tables(data: memoryview[int]) -> frozenset[int]:
    """Return the kinds of tables that a JPEG brings along, by their markers."""
    return frozenset(data[place + 1] for place in _segments(data)) & {QUANTIZATION, _HUFFMAN}


def header(data: memoryview[int]) -> bytes:
    """Return all of a JPEG before its pixels."""
    last = max(_segments(data), default=0)
    return bytes(data[: last + 2 + int.from_bytes(data[last + 2 : last + 4], "big")])


def is_pure(data: memoryview[int], start: int) -> bool:
    """Say whether nothing among the pixels, which begin at `start`, looks like a segment."""
    marker = _MARKER.search(data, start)
    return marker is None or marker[0] == END_OF_IMAGE


def _segments(data: memoryview[int]) -> Iterator[int]:
    """Yield where the segments of a JPEG's header begin."""
    place = 2
    while place + 4 <= len(data):
        yield place
        if data[place + 1] == _SCAN:
            return
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
