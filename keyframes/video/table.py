"""The candidates of pass one as they come."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

from keyframes.errors import UnrepeatableError
from keyframes.records import Reading
from keyframes.video.picture import checksum

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyframes.records import Image, VideoInfo
    from keyframes.video.frames import Decoded
    from keyframes.video.index import VideoIndex

PROGRESS_EVERY = 32  # candidates


class Table:
    """The candidates so far; a repeated decoding has to find the same ones again."""

    def __init__(
        self,
        index: VideoIndex,
        consume: Callable[[Image], None],
        progress: Callable[[int], None] | None,
    ) -> None:
        self._index = index
        self._consume = consume
        self._progress = progress
        self._row = 0
        self._ordinals, self._times_s, self._checksums = array("q"), array("d"), array("L")

    def __len__(self) -> int:
        return len(self._ordinals)

    def rewind(self) -> None:
        """Expect the same candidates again, from the first on."""
        self._row = 0

    def add(self, decoded: Decoded, small: Image) -> None:
        """Hand on the next candidate, unless that was done before.

        What came out clean the first time stays, even where the repetition, which decodes more
        of the frames between, keeps it back.
        """
        code = checksum(small)
        while self._row < len(self) and self._ordinals[self._row] < decoded.ordinal:
            self._row += 1
        row, self._row = self._row, self._row + 1
        if row < len(self):
            if (decoded.ordinal, code) != (self._ordinals[row], self._checksums[row]):
                raise UnrepeatableError(
                    f"{self._index.path} is damaged and decodes differently each time at frame "
                    f"{decoded.ordinal}: repair it (`keyframes probe` says how) or use --step 1",
                    decoded.ordinal,
                )
            return
        self._consume(small)
        self._ordinals.append(decoded.ordinal)
        self._times_s.append(decoded.time_s)
        self._checksums.append(code)
        if self._progress is not None and len(self) % PROGRESS_EVERY == 0:
            self._progress(len(self))

    def reading(self, video: VideoInfo) -> Reading:
        """Return the table."""
        if self._progress is not None:
            self._progress(len(self))
        return Reading(
            video=video,
            frame_indices=np.array(self._ordinals, np.int64),
            times_s=np.array(self._times_s, np.float64),
            checksums=np.array(self._checksums, np.uint32),
        )
