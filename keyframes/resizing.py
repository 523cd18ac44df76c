"""Make pictures small: by cutting them out, or by fewer pixels."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyframes.records import Crop, Image


def cut(image: Image, crop: Crop | None) -> Image:
    """Return the part of a picture, as a view of it; all of it without a crop."""
    return image if crop is None else image[crop.y1 : crop.y2, crop.x1 : crop.x2]


def shrink(image: Image, longest: int) -> Image:
    """Make a picture smaller until no side is longer than ``longest`` pixels.

    Its sides are halved while they are at least twice too long, and what is left is interpolated:
    a little softer than the average in one step, at a fraction of the price. Fetching the pixels
    from memory is what takes time then; so of a picture that is at least eight times too large
    every second row is left out.

    Parameters
    ----------
    image
        (h, w) or (h, w, 3) uint8; returned as it is where it is small enough.
    longest
        Longest side wanted, pixels. The other keeps the aspect, and is at least 1.
    """
    height, width = image.shape[:2]
    row_step, sizes = _way_down(width, height, longest)
    if row_step > 1:
        image = image[::row_step]
    for size in sizes:
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return image


@lru_cache
def _way_down(width: int, height: int, longest: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Return of how many rows one is taken, and then each (width, height) until the last."""
    scale = min(1.0, longest / max(height, width))
    last = max(1, round(width * scale)), max(1, round(height * scale))
    row_step = 2 if min(width // last[0], height // last[1]) >= 8 else 1
    size, sizes = (width, -(-height // row_step)), []
    while size != last:
        halved = _halve(size[0], last[0]), _halve(size[1], last[1])
        size = last if halved == size else halved
        sizes.append(size)
    return row_step, tuple(sizes)


def _halve(side: int, last: int) -> int:
    """Return half of a side that is at least twice too long, else the side."""
    return side // 2 if side >= 2 * last else side


@contextmanager
def opencv_threads(n: int) -> Iterator[None]:
    """Hold OpenCV to ``n`` threads; on small pictures, several cost more than they save."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(n)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
