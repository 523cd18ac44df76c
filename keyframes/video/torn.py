"""Which pictures of a recording show what happened to lie in the memory."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from keyframes.video.opening import open_decoder
from keyframes.video.picture import full_image

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoFrame

_HELD = 8  # frames; decoders write into the memory of those that nobody holds any more


def find_torn_frames(path: Path) -> set[int]:
    """Return the ordinals of the frames that decode differently each time.

    Where data is missing, some decoders leave in a picture what was in its memory before, an
    earlier frame as a rule. So the recording is decoded twice, side by side, by one thread each;
    once into other memory.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    VideoError
        When it can't be read.
    """
    torn = set()
    held: deque[VideoFrame] = deque(maxlen=_HELD)
    with open_decoder(path, 1) as one, open_decoder(path, 1) as other:
        pairs = zip(one.frames(), other.frames(), strict=False)
        for ordinal, (frame, again) in enumerate(pairs):
            if not np.array_equal(full_image(frame), full_image(again)):
                torn.add(ordinal)
            held.append(again)
    return torn
