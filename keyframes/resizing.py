"""Make pictures small: by cutting them out, or by fewer pixels."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyframes.records import Crop, Image

    Size = tuple[int, int]


def cut(image: Image, crop: Crop | None) -> Image:
    """Return the part of a picture, as a view of it; all of it without a crop."""
    return image if crop is None else image[crop.y1 : crop.y2, crop.x1 : crop.x2]


def shrink(image: Image, longest: int) -> Image:
    """Average a picture until no side is longer than ``longest`` pixels.

    Its sides are halved while they are at least twice too long, and then brought to size: a little
    softer than in one step, at a fraction of the price. Fetching the pixels from memory is what
    takes time then; so of a picture that is at least eight times too large every second row is
    left out, and at the end what makes its sides odd.

    Parameters
    ----------
    image
        (h, w) or (h, w, 3) uint8; returned as it is where it is small enough.
    longest
        Longest side wanted, pixels. The other keeps the aspect, and is at least 1.
    """
    height, width = image.shape[:2]
    last = _last_size(width, height, longest)
    if min(width // last[0], height // last[1]) >= 8:
        image = image[: height // 4 * 4 : 2, : width // 2 * 2]
    for size in _sizes(image.shape[1], image.shape[0], last):
        image = _average(image, size)
    return image


@lru_cache
def _last_size(width: int, height: int, longest: int) -> Size:
    """Return the (width, height) that a picture shall have."""
    scale = min(1.0, longest / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


@lru_cache
def _sizes(width: int, height: int, last: Size) -> tuple[Size, ...]:
    """Return each (width, height) on the way to the last."""
    size, sizes = (width, height), []
    while size != last:
        half = _halve(size[0], last[0]), _halve(size[1], last[1])
        size = last if half == size else half
        sizes.append(size)
    return tuple(sizes)


def _halve(side: int, last: int) -> int:
    """Return half of a side that is at least twice too long, else the side."""
    return side // 2 if side >= 2 * last else side


def _average(image: Image, size: Size) -> Image:
    height, width = image.shape[:2]
    # Midway between two pixels lies their mean; it is found so several times as fast.
    is_midway = width in (size[0], 2 * size[0]) and height in (size[1], 2 * size[1])
    interpolation = cv2.INTER_LINEAR if is_midway else cv2.INTER_AREA
    return cv2.resize(image, size, interpolation=interpolation)  # type: ignore[return-value]


@contextmanager
def opencv_threads(n: int) -> Iterator[None]:
    """Hold OpenCV to ``n`` threads; on small pictures, several cost more than they save."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(n)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
