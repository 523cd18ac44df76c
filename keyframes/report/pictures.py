"""Frames as small JPEGs inside a page."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING

import cv2

from keyframes.resizing import shrink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyframes.records import Image

# JPEG bytes of all pictures of a page: with base64's third on top and room for 20,000 points
# the page stays under 3 MB.
BUDGET = 1_650_000
# Where pictures are so many that each would be too small to judge, the page grows instead.
SMALLEST, LARGEST = 160, 640
_BYTES_PER_PIXEL = 0.18  # of a camera's picture at JPEG quality 80
# Tried in this order until the pictures fit the budget: quality, share of the side.
_LADDER = ((80, 1.0), (65, 1.0), (50, 1.0), (50, 0.7), (50, 0.5))


def picture_size(n_pictures: int) -> int:
    """Return the longest side, in pixels, that pictures on a page of ``n_pictures`` should have."""
    pixels = BUDGET / _BYTES_PER_PIXEL / max(1, n_pictures)
    return max(SMALLEST, min(LARGEST, round(math.sqrt(pixels * 4 / 3))))


def to_data_uris(pictures: Sequence[Image]) -> list[str]:
    """Encode BGR pictures (h, w, 3) for a page: as well as `BUDGET` allows."""
    size = picture_size(len(pictures))
    budget = max(BUDGET, len(pictures) * SMALLEST**2 * _BYTES_PER_PIXEL)
    encoded: list[bytes] = []
    for quality, share in _LADDER:
        encoded = [to_jpeg(shrink(picture, int(share * size)), quality) for picture in pictures]
        if sum(map(len, encoded)) <= budget:
            break
    return [f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" for jpeg in encoded]


def to_jpeg(picture: Image, quality: int) -> bytes:
    """Encode a BGR picture (h, w, 3) as JPEG, quality in percent."""
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} can't be encoded as JPEG")
    return encoded.tobytes()
