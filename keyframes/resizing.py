"""Make pictures small: by cutting them out, or by fewer pixels."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyframes.records import Crop, Image


def cut(image: Image, crop: Crop | None) -> Image:
    """Return the part of a picture, as a view of it; all of it without a crop."""
    return image if crop is None else image[crop.y1 : crop.y2, crop.x1 : crop.x2]


def shrink(image: Image, longest: int) -> Image:
    """Area-average a picture until no side is longer than ``longest`` pixels.

    It is halved while it is at least four times too large and then brought to size: within 2 % of
    averaging in one step, at a tenth of the price. Fetching the pixels from memory is what takes
    time then; so of a picture that is at least sixteen times too large every second row is left
    out.

    Parameters
    ----------
    image
        (h, w) or (h, w, 3) uint8; returned as it is where it is small enough.
    longest
        Longest side wanted, pixels. The other keeps the aspect, and is at least 1.
    """
    size = _size(image, longest)
    if _times_too_large(image, size) >= 16:
        image = image[::2]
    return _resize(_halve(image, size, 4), size, cv2.INTER_AREA)


def preview(image: Image, longest: int) -> Image:
    """Do the same for a person to look at: several times as fast, and not quite an average."""
    size = _size(image, longest)
    return _resize(_halve(image, size, 2), size, cv2.INTER_LINEAR)


def _size(image: Image, longest: int) -> tuple[int, int]:
    """Return the (width, height) that a picture shall have."""
    height, width = image.shape[:2]
    scale = min(1.0, longest / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _times_too_large(image: Image, size: tuple[int, int]) -> int:
    height, width = image.shape[:2]
    times: int = min(width // size[0], height // size[1])
    return times


def _halve(image: Image, size: tuple[int, int], least: int) -> Image:
    """Halve a picture while it is at least ``least`` times too large."""
    while _times_too_large(image, size) >= least:
        height, width = image.shape[:2]
        image = _resize(image, (width // 2, height // 2), cv2.INTER_AREA)
    return image


def _resize(image: Image, size: tuple[int, int], interpolation: int) -> Image:
    if image.shape[1::-1] == size:
        return image
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
