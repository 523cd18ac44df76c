"""Describe thumbnails by vectors whose distance says how differently two frames look.

To add a feature, write a class, or a function that returns a function, that is called first
with the background and then with one block of thumbnails after the other; enter it in
`FEATURES` and its name in `keyframes.records.FeatureName`. ::

    describe = FEATURES[name](background)
    values = describe(block)

``background``
    uint8 (h, w) or (h, w, 3): the scene without what moves in it.
``block``
    uint8 (b, h, w) gray or (b, h, w, 3) BGR: thumbnails, no side longer than asked for.
``values``
    float32 (b, d). Row i depends on frame i and the background alone, so that the frames
    may be cut into blocks anywhere; d depends on the thumbnails' shape alone.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

import cv2
import numpy as np

from keyframes.ahead import count_threads, map_ahead
from keyframes.checks import check_count
from keyframes.errors import SettingsError
from keyframes.records import Features
from keyframes.resizing import shrink

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from keyframes.records import BoolArray, FeatureName, Image, Reading
    from keyframes.thumbnails import ThumbnailStore

    Float32Array = npt.NDArray[np.float32]
    Describe = Callable[[Image], Float32Array]

CELL = 8
N_ORIENTATIONS = 8
# A codec's and a camera's noise, in gray levels of a thumbnail: what differs from the background
# by no more is background. Otherwise the square root would lift the noise of a still scene, and
# its frames would look different from one another.
NOISE_LEVELS = 4
# Gray levels beyond the noise at which a pixel counts in full.
FOREGROUND_LEVELS = 12
# Odd, so that the median is a value the pixel really had.
N_BACKGROUND = 151
# By how many gray levels what is lit may be brighter or darker than the background before it
# counts as taken in other light, and how many times at most the light is made up for: beyond that
# it is not flicker or dusk, but night.
LIGHT_LEVELS = 2
MAX_LIGHT = 2
# The black of most video; of the few whose range is full, it is 0.
_BLACK = 16
# What tells the light: pixels that are so much brighter than black, if they are such a share of the
# background (a lamp in the dark tells nothing); each of so many is looked at.
_LIT_LEVELS = 16
_LIT_SHARE = 0.25
_LIT_STEP = 5  # which no usual width of a thumbnail is a multiple of
# A black picture comes out of a lossy codec with a few levels of noise.
BLANK_LEVELS = 4
# A float32 array of a block takes 1 MiB, and the ten in use of each thread 10 MiB. Over smaller
# blocks the threads would spend more time waiting for one another than computing.
_BLOCK_PIXELS = 2**18
_MOST_THREADS = 4


def compute_features(
    name: FeatureName,
    store: ThumbnailStore,
    reading: Reading,
    *,
    size: int = 64,
    threads: int | None = None,
) -> Features:
    """Describe every candidate of a reading; the mean of all is subtracted.

    Parameters
    ----------
    name
        A key of `FEATURES`.
    store
        One thumbnail a candidate, in the reading's order.
    reading
        The candidates.
    size
        Longest side that the features see, pixels; larger thumbnails are made smaller.
    threads
        Threads to compute in, four at most; None for one a processor core.

    Raises
    ------
    SettingsError
        There is no such feature, it needs colour and the thumbnails are gray, or `size` or
        `threads` is no whole number of at least 1.
    ValueError
        There are no thumbnails, or another number of them than candidates.
    """
    if name not in FEATURES:
        raise SettingsError(f"features must be one of {', '.join(FEATURES)}; got {name!r}")
    check_count("size", size)
    n = len(store)
    if n == 0 or n != len(reading):
        raise ValueError(f"{n} thumbnails for {len(reading)} candidates")
    spread = np.linspace(0, n - 1, min(N_BACKGROUND, n)).round().astype(np.int64)
    background = median_background(shrink_block(store.take(spread), size))

    local = threading.local()

    def describe(stored: Image) -> tuple[Float32Array, Float32Array, BoolArray]:
        if not hasattr(local, "describe"):  # may work in arrays of its own
            local.describe = FEATURES[name](background)
        block = shrink_block(stored, size)
        return local.describe(block), measure_sharpness(block), find_blank(block)

    values = np.empty((n, describe(background[np.newaxis])[0].shape[1]), np.float32)
    sharpness = np.empty(n, np.float32)
    blank = np.empty(n, np.bool_)
    threads = min(_MOST_THREADS, count_threads(threads))
    blocks = store.blocks(max(1, _BLOCK_PIXELS // background.size))
    start = 0
    for block, described in map_ahead(describe, blocks, threads=threads, waiting=2 * threads):
        rows = slice(start, start + len(block))
        values[rows], sharpness[rows], blank[rows] = described
        start = rows.stop
    mean = values.mean(axis=0, dtype=np.float64).astype(np.float32)
    values -= mean
    return Features(reading, values=values, mean=mean, sharpness=sharpness, blank=blank)


def count_features(name: FeatureName, height: int, width: int, *, size: int = 64) -> int:
    """Return how many values describe a picture of ``height`` x ``width`` pixels."""
    shape = (height, width, 3) if name == "colour" else (height, width)
    blank = shrink(np.zeros(shape, np.uint8), size)
    return int(FEATURES[name](blank)(blank[np.newaxis]).shape[1])


def shrink_block(block: Image, size: int) -> Image:
    """Make thumbnails (b, h, w[, 3]) smaller until no side is longer than `size` pixels."""
    if max(block.shape[1:3]) <= size:
        return block
    return np.stack([shrink(thumbnail, size) for thumbnail in block])


def median_background(sample: Image) -> Image:
    """Per-pixel median of thumbnails; of an even number of them the upper one of two."""
    middle = len(sample) // 2
    median: Image = np.partition(sample, middle, axis=0)[middle]
    return median


def even_out(pictures: Image, background: Image) -> Image:
    """Give pictures the light of the background, where theirs is another.

    Otherwise the whole scene would be foreground when a lamp flickers or the sun goes down. The
    light is the median ratio of a picture's pixels to the background's, counted from black, where
    the background is lit. No animal changes it that covers less than half of that.

    Parameters
    ----------
    pictures
        (b, h, w) uint8, gray. They stay as they are; what is returned may be the same array.
    background
        (h, w) uint8.
    """
    black = min(_BLACK, int(background.min()))
    lit = np.flatnonzero(background >= black + _LIT_LEVELS)
    if len(lit) < _LIT_SHARE * background.size:
        return pictures
    lit = lit[::_LIT_STEP]
    scene = background.ravel()[lit].astype(np.float32) - black
    seen = pictures.reshape(len(pictures), -1)[:, lit]
    others = np.flatnonzero(np.abs(seen.mean(axis=1) - black - scene.mean()) > LIGHT_LEVELS)
    light = np.median((seen[others] - np.float32(black)) / scene, axis=1)
    is_other = np.abs(light - 1) * scene.mean() > LIGHT_LEVELS
    even: Image = pictures.copy() if is_other.any() else pictures
    for row, times in zip(others[is_other], light[is_other], strict=True):
        levels = (np.arange(256) - black) / np.clip(times, 1 / MAX_LIGHT, MAX_LIGHT) + black
        cv2.LUT(pictures[row], levels.round().clip(0, 255).astype(np.uint8), even[row])
    return even


def hog(background: Image) -> Describe:
    """HOG of what differs from the background, once pictures are in the same light."""
    scene = to_gray(background[np.newaxis])[0]
    describe = Hog(scene)
    return lambda block: describe(even_out(to_gray(block), scene))


class Hog:
    """Histograms of oriented gradients (HOG) of what differs from the background.

    Each pixel's gradient, weighted by how clearly the pixel differs from the background, is
    written as a sum of two vectors along the two nearest of 8 orientations; opposite
    directions are one orientation. The lengths of these are averaged over cells of 8 x 8
    pixels (after Dalal & Triggs, CVPR 2005). There is no normalisation over neighbouring
    cells, because how much of an animal is in a cell has to count; but a square root, so
    that strong edges don't drown the others.

    A cell that the border of the picture cuts counts as if its missing pixels had no
    gradient, so it weighs as its area does.

    The values are (b, 8 * cells): the orientations one after the other, each with its cells
    in reading order. The first orientation is that of a gradient to the right, a vertical
    edge; the next is turned by 22.5 degrees clockwise.

    The arrays inside have the frames last: the pixels of all frames at one place lie side by
    side, and the neighbours of a whole row of them in one run without borders. They are made
    once, because the operating system takes longer to hand out memory than NumPy to fill it.
    """

    def __init__(self, background: Image) -> None:
        self._scene = background
        self._make_arrays(1)

    def __call__(self, block: Image) -> Float32Array:
        """Describe a block of gray thumbnails."""
        if len(block) != self._padded.shape[-1]:
            self._make_arrays(len(block))
        self._find_gradient(block)

        # The shares come from the gradients' parts at right angles to each orientation. For
        # one gradient at an angle a to it that part is |sin a|, and with the orientations d
        # apart, |sin(a - d)| + |sin(a + d)| - 2 cos d |sin a| is 2 sin(d - |a|) where |a| < d,
        # which is the orientation's share times 2 sin d, and 0 elsewhere. So neither an angle
        # nor an index has to be computed for any pixel.
        step = math.pi / N_ORIENTATIONS
        part = self._spare
        for k, sums in enumerate(self._part_sums):
            sine, cosine = math.sin(k * step), math.cos(k * step)
            cv2.addWeighted(self._across, sine, self._down, -cosine, 0, dst=part)
            np.abs(part, out=part)
            _sum_runs(part.reshape(len(part), *sums.shape[1:]), out=sums)
        cells = _sum_runs(self._part_sums.transpose(2, 0, 1, 3), out=self._cell_sums)
        parts = cells.transpose(3, 1, 2, 0) / CELL**2
        shares: Float32Array = (
            np.roll(parts, 1, axis=1) + np.roll(parts, -1, axis=1) - 2 * math.cos(step) * parts
        )
        shares /= 2 * math.sin(step)
        # Rounding can leave a share of nothing a little below 0.
        np.maximum(shares, 0, out=shares)
        np.sqrt(shares, out=shares)
        return shares.reshape(len(block), -1)

    def _make_arrays(self, b: int) -> None:
        """Make room for blocks of b thumbnails."""
        height, width = self._scene.shape
        rows, columns = -(-height // CELL), -(-width // CELL)
        self._scenes = np.repeat(self._scene, b, axis=1)
        self._padded = np.empty((height + 2, width + 2, b), np.float32)
        self._across, self._down, self._spare = np.empty((3, height, width * b), np.float32)
        self._part_sums = np.empty((N_ORIENTATIONS, rows, width, b), np.float32)
        self._cell_sums = np.empty((columns, N_ORIENTATIONS, rows, b), np.float32)

    def _find_gradient(self, gray: Image) -> None:
        """Fill `_across` and `_down`: the gradient to the right and downwards.

        It is the difference of the two neighbours; beyond the border the picture goes on as
        its last pixel. It is weighted from 0, where a pixel is the background's but for noise,
        to 1.
        """
        b, height, width = gray.shape
        pixels = cv2.transpose(gray.reshape(b, height * width)).reshape(height, width * b)
        padded = self._padded
        padded[1:-1, 1:-1] = pixels.reshape(height, width, b)
        padded[0], padded[-1] = padded[1], padded[-2]
        padded[:, 0], padded[:, -1] = padded[:, 1], padded[:, -2]
        rows = padded.reshape(height + 2, (width + 2) * b)
        np.subtract(rows[1:-1, 2 * b :], rows[1:-1, : -2 * b], out=self._across)
        np.subtract(rows[2:, b:-b], rows[:-2, b:-b], out=self._down)

        difference = cv2.absdiff(pixels, self._scenes)
        np.clip(difference, NOISE_LEVELS, NOISE_LEVELS + FOREGROUND_LEVELS, out=difference)
        difference -= NOISE_LEVELS
        weight = np.multiply(difference, np.float32(1 / FOREGROUND_LEVELS), out=self._spare)
        self._across *= weight
        self._down *= weight


def gray_pixels(background: Image) -> Describe:  # noqa: ARG001 - they don't need it
    """Gray pixels in reading order."""
    return lambda block: to_gray(block).reshape(len(block), -1).astype(np.float32)


def colour_pixels(background: Image) -> Describe:
    """Blue, green and red pixels in reading order."""
    if background.ndim == 2:
        raise SettingsError("the colour features need colour thumbnails, but these are gray")
    return lambda block: block.reshape(len(block), -1).astype(np.float32)


FEATURES: dict[FeatureName, Callable[[Image], Describe]] = {
    "hog": hog,
    "gray": gray_pixels,
    "colour": colour_pixels,
}


def measure_sharpness(block: Image) -> Float32Array:
    """Energy of the Laplacian of each thumbnail, (b,).

    It falls as the subject blurs. A background that stays adds the same to every frame.
    """
    laplacians = (
        cv2.Laplacian(frame, cv2.CV_16S, borderType=cv2.BORDER_REPLICATE)
        for frame in to_gray(block)
    )
    return np.array([cv2.norm(each, cv2.NORM_L2SQR) for each in laplacians], np.float32)


def find_blank(block: Image) -> BoolArray:
    """Which thumbnails are constant, but for a codec's noise, (b,)."""
    pixels = block.reshape(len(block), -1)
    blank: BoolArray = pixels.max(axis=1) - pixels.min(axis=1) <= BLANK_LEVELS
    return blank


def to_gray(block: Image) -> Image:
    """Luma of BGR thumbnails (b, h, w, 3); gray ones (b, h, w) as they are."""
    if block.ndim == 3:
        return block
    b, height, width, _ = block.shape
    gray = np.empty((b * height, width), np.uint8)
    cv2.cvtColor(block.reshape(b * height, width, 3), cv2.COLOR_BGR2GRAY, dst=gray)
    return gray.reshape(b, height, width)


def _sum_runs(values: Float32Array, out: Float32Array) -> Float32Array:
    """Sum runs of `CELL` along the first axis into `out`; the last run may be shorter."""
    out[...] = values[::CELL]
    for offset in range(1, CELL):
        part = values[offset::CELL]
        out[: len(part)] += part
    return out
