"""Find what moves in front of a still background: blobs of pixels in small gray frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keyframes.records import Image, IntArray

#: Blobs looked at in a frame, the largest first.
MAX_BLOBS = 8
#: A blob under this share of an animal's area is noise; over the other it is several animals.
MIN_AREA, MAX_AREA = 0.3, 1.6


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What stands still, and what stands out from it.

    Attributes
    ----------
    background
        (h, w) uint8: the scene without the animals.
    sign
        1 where the animals are brighter than the background, -1 where darker, 0 where
        they may be either.
    threshold
        Gray levels from which a difference is an animal's.
    """

    background: Image
    sign: int
    threshold: float

    def foreground(self, thumbnail: Image) -> Image:
        """Return how much each pixel differs from the background, in the animals' way."""
        if self.sign > 0:
            return np.asarray(cv2.subtract(thumbnail, self.background), np.uint8)
        if self.sign < 0:
            return np.asarray(cv2.subtract(self.background, thumbnail), np.uint8)
        return np.asarray(cv2.absdiff(thumbnail, self.background), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """Pixels that belong together; `angle` (radians) and `length` are the long axis's."""

    pixels: IntArray
    middle: tuple[float, float]
    angle: float
    length: float


def learn_scene(sample: Image) -> Scene:
    """Learn the background, and from what difference a pixel belongs to an animal.

    Where the pixels that change are bright for less than 35 % of the time, the animals are
    bright: a low percentile is the background, and only what is brighter stands out. So an
    animal that rests for half the recording doesn't become background. Likewise where they
    are bright for more than 65 %. Between, the median has to do.

    The threshold is lower than Otsu's ("A threshold selection method from gray-level
    histograms", IEEE Trans. SMC 9, 1979), which would cut off thin and faint parts.

    Parameters
    ----------
    sample
        (n, h, w) uint8: gray thumbnails spread over the recording.
    """
    ranked = np.sort(sample, axis=0)
    last = len(sample) - 1
    low, median, high = (ranked[round(share * last)] for share in (0.15, 0.5, 0.85))
    noise = 1.4826 * float(np.median(np.maximum(sample, median) - np.minimum(sample, median)))
    active = (ranked[-1] - ranked[0]) > max(8 * noise, 24)
    if not active.any():
        return Scene(median, sign=0, threshold=255)
    middle = ranked[0, active] / 2 + ranked[-1, active] / 2
    bright = float((sample[:, active] > middle).mean())
    if bright < 0.35:
        scene = Scene(low, sign=1, threshold=0)
    elif bright > 0.65:
        scene = Scene(high, sign=-1, threshold=0)
    else:
        scene = Scene(median, sign=0, threshold=0)
    differences = np.concatenate([scene.foreground(thumbnail) for thumbnail in sample])
    otsu, _ = cv2.threshold(differences, 0, 255, cv2.THRESH_OTSU)
    return Scene(scene.background, scene.sign, max(0.6 * otsu, 5 * noise, 8))


def find_blobs(foreground: Image, threshold: float) -> list[Blob]:
    """Find connected pixels that stand out from the background, the largest blobs first."""
    mask = (cv2.GaussianBlur(foreground, (0, 0), 1) > threshold).astype(np.uint8)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, components, boxes, _ = cv2.connectedComponentsWithStats(opened)
    # OpenCV's numbering may depend on the number of threads; size and place do not.
    order = sorted(range(1, len(boxes)), key=lambda i: (-boxes[i, 4], boxes[i, 1], boxes[i, 0]))
    blobs = []
    for component in order[:MAX_BLOBS]:
        x, y, width, height, _ = boxes[component]
        rows, columns = np.nonzero(components[y : y + height, x : x + width] == component)
        blobs.append(_measure(np.stack([columns + x, rows + y], axis=1)))
    return blobs


def _measure(pixels: IntArray) -> Blob:
    middle = pixels.mean(axis=0)
    offsets = pixels - middle
    # The eigenvectors of a symmetric 2 x 2 matrix, written out.
    xx, yy = (offsets**2).mean(axis=0)
    xy = float((offsets[:, 0] * offsets[:, 1]).mean())
    larger = (xx + yy) / 2 + np.hypot((xx - yy) / 2, xy)
    angle = float(np.arctan2(2 * xy, xx - yy)) / 2
    return Blob(pixels, (float(middle[0]), float(middle[1])), angle, 4 * float(np.sqrt(larger)))


def typical_size(blobs: Sequence[Blob]) -> tuple[float, float]:
    """Return the median area and length of the blobs that aren't noise."""
    areas = np.array([len(blob.pixels) for blob in blobs])
    # By area: half of all foreground is in blobs at least as large as this one.
    by_size = np.sort(areas)
    large = by_size[np.searchsorted(by_size.cumsum(), by_size.sum() / 2)]
    lengths = np.array([blob.length for blob in blobs])
    is_animal = areas >= MIN_AREA * large
    return float(np.median(areas[is_animal])), float(np.median(lengths[is_animal]))


def single_animals(blobs: Sequence[Blob], area: float) -> list[Blob]:
    """Leave out noise, and cut blobs apart that are several animals touching."""
    animals = []
    for blob in blobs:
        n = round(len(blob.pixels) / area)
        if len(blob.pixels) > MAX_AREA * area:
            animals += _split(blob, min(n, MAX_BLOBS))
        elif len(blob.pixels) >= MIN_AREA * area:
            animals.append(blob)
    return animals


def _split(blob: Blob, n: int) -> list[Blob]:
    """Cut a blob into n parts by k-means of its pixels, started along its long axis."""
    along = blob.pixels @ np.array([np.cos(blob.angle), np.sin(blob.angle)])
    starts = ((np.arange(n) + 0.5) / n * len(along)).astype(np.int64)
    centers = blob.pixels[np.argsort(along, kind="stable")[starts]].astype(np.float64)
    for _ in range(10):
        squared = ((blob.pixels[:, np.newaxis] - centers) ** 2).sum(axis=2)
        labels = squared.argmin(axis=1)
        parts = [blob.pixels[labels == part] for part in np.unique(labels)]
        centers = np.array([part.mean(axis=0) for part in parts])
    return [_measure(part) for part in parts]


def separate(foreground: Image, blobs: Sequence[Blob]) -> Iterator[Image]:
    """Yield for each blob the foreground without the other blobs."""
    if len(blobs) == 1:
        yield foreground
        return
    owners = np.zeros(foreground.shape, np.uint8)
    for number, blob in enumerate(blobs, start=1):
        owners[blob.pixels[:, 1], blob.pixels[:, 0]] = number
    for number in range(1, len(blobs) + 1):
        others = ((owners > 0) & (owners != number)).astype(np.uint8)
        # The threshold cuts inside an animal's blurred outline: that has to go too.
        others = cv2.dilate(others, np.ones((5, 5), np.uint8))
        yield np.where(others, np.uint8(0), foreground)
