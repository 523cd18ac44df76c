"""Frames of a video that a person wants to see: exact, fetched when asked for, some remembered."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from keyframes.describe import fetch_pictures
from keyframes.report.pictures import to_jpeg
from keyframes.resizing import shrink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keyframes.describe import Sampling
    from keyframes.records import Image, Reading

LONGEST_SIDE = 1280  # pixels; the PNGs are there for every detail
QUALITY = 85
MAX_BYTES = 32 * 2**20


class Gallery:
    """Frames of one video, by their rows in a reading; safe to ask from several threads.

    Parameters
    ----------
    sampling, reading
        The video, what was looked at in it, and what was found.
    max_bytes
        How much the remembered JPEGs may take together; those asked for longest ago go first.
    """

    def __init__(self, sampling: Sampling, reading: Reading, max_bytes: int = MAX_BYTES) -> None:
        self._sampling = sampling
        self._reading = reading
        self._max_bytes = max_bytes
        self._jpegs: OrderedDict[int, bytes] = OrderedDict()
        self._n_bytes = 0
        self._lock = Lock()

    def images(self, rows: Iterable[int]) -> Iterator[tuple[int, Image]]:
        """Decode frames at full size and cut them; yield (row, uint8 BGR) as `fetch_frames`."""
        return fetch_pictures(self._sampling, self._reading, rows)

    def jpegs(self, rows: Iterable[int]) -> dict[int, bytes]:
        """Return frames as JPEGs no longer than `LONGEST_SIDE`; one decode for all unknown ones.

        Raises
        ------
        VideoError
            A frame can't be found again.
        """
        rows = list(rows)
        with self._lock:
            found = {row: self._jpegs[row] for row in rows if row in self._jpegs}
            for row, image in self.images(row for row in rows if row not in found):
                found[row] = to_jpeg(shrink(image, LONGEST_SIDE), QUALITY)
            for row in rows:
                self._remember(row, found[row])
        return found

    def _remember(self, row: int, jpeg: bytes) -> None:
        self._n_bytes += len(jpeg) - len(self._jpegs.pop(row, b""))
        self._jpegs[row] = jpeg
        while self._n_bytes > self._max_bytes:
            self._n_bytes -= len(self._jpegs.popitem(last=False)[1])
