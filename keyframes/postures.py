"""Describe the picture of one animal so that two postures can be compared.

The animal is cut out along its long axis. That leaves open which end is the head; what the
animals of a recording have in common decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from keyframes.blobs import Blob
    from keyframes.records import BoolArray, Image

    Float32Array = npt.NDArray[np.float32]

#: Side of the picture of one animal, pixels.
CROP_PIXELS = 32
CELL = 8
N_CELLS = CROP_PIXELS // CELL
N_ORIENTATIONS = 8


def crop_blob(picture: Image, blob: Blob, side: float) -> Image:
    """Cut out a square around a blob, turned so that the blob's long axis lies along x."""
    scale = CROP_PIXELS / side
    (x, y), centre = blob.middle, (CROP_PIXELS - 1) / 2
    cosine, sine = scale * np.cos(blob.angle), scale * np.sin(blob.angle)
    turn = np.array(
        [
            [cosine, sine, centre - cosine * x - sine * y],
            [-sine, cosine, centre + sine * x - cosine * y],
        ]
    )
    return np.asarray(cv2.warpAffine(picture, turn, (CROP_PIXELS, CROP_PIXELS)), np.uint8)


def describe_crops(crops: Sequence[Image]) -> Float32Array:
    """Describe crops by histograms of oriented gradients, (n, cells, cells, orientations).

    As in :mod:`keyframes.features`, but a pixel is shared between the nearest cells, since
    an animal is never cut out exactly at the same place.
    """
    pictures = np.array(crops, np.float32).reshape(-1, CROP_PIXELS, CROP_PIXELS)
    across, down = np.zeros_like(pictures), np.zeros_like(pictures)
    across[:, :, 1:-1] = pictures[:, :, 2:] - pictures[:, :, :-2]
    down[:, 1:-1] = pictures[:, 2:] - pictures[:, :-2]
    magnitude = np.hypot(across, down)
    # Opposite directions are one orientation.
    orientation = np.arctan2(down, across) * np.float32(N_ORIENTATIONS / np.pi) % N_ORIENTATIONS
    histograms = np.empty((len(crops), N_CELLS, N_CELLS, N_ORIENTATIONS), np.float32)
    for number in range(N_ORIENTATIONS):
        gap = np.abs(orientation - number)
        share = np.maximum(1 - np.minimum(gap, N_ORIENTATIONS - gap), 0)
        histograms[..., number] = _POOL @ (magnitude * share) @ _POOL.T
    return np.sqrt(histograms)


def _pooling() -> Float32Array:
    """Return the weight of each pixel in the mean of each cell along one axis."""
    cells = np.arange(N_CELLS)[:, np.newaxis]
    position = (np.arange(CROP_PIXELS) + 0.5) / CELL - 0.5
    weights = np.maximum(1 - np.abs(position - cells), 0)
    pooling: Float32Array = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return pooling


_POOL = _pooling()


def compare_ends(histograms: Float32Array) -> Float32Array:
    """Describe how one end of the animal differs from the other, (n, d).

    What a half turn changes is kept, apart from what is due to one side differing from the
    other: a bent body must not pass for a head. The half turn changes the sign of the result.
    """
    symmetric = histograms + histograms[:, ::-1, :, -np.arange(N_ORIENTATIONS)]
    change = symmetric - symmetric[:, ::-1, ::-1]
    return change.reshape(len(histograms), N_CELLS**2 * N_ORIENTATIONS)


def common_heading(ends: Float32Array) -> Float32Array:
    """Turn all animals towards their mean, which depends on how they are turned, and so on."""
    heading: Float32Array = ends[np.square(ends).sum(axis=1).argmax()]
    for _ in range(20):
        sign = np.where(is_turned(ends, heading), -1, 1).astype(np.float32)
        before, heading = heading, (sign[:, np.newaxis] * ends).mean(axis=0)
        if (heading == before).all():
            break
    return heading


def is_turned(ends: Float32Array, heading: Float32Array) -> BoolArray:
    """Tell which animals have their head where most have their tail, (n,)."""
    return np.asarray(np.einsum("ij,j->i", ends, heading) < 0)


def turn_heads(histograms: Float32Array, turned: BoolArray) -> Float32Array:
    """Give those that are turned a half turn; the histograms become rows, (n, d)."""
    half_turn = histograms[:, ::-1, ::-1]
    heads = np.where(turned[:, np.newaxis, np.newaxis, np.newaxis], half_turn, histograms)
    return heads.reshape(len(histograms), N_CELLS**2 * N_ORIENTATIONS)
