"""The plane in which the frames spread most: the first two principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    import numpy.typing as npt

    from keyframes.records import FloatArray

# More directions than wanted, and passes over the data: what makes the first two exact enough
# for a picture even where the variance falls off slowly.
_N_DIRECTIONS = 12
_N_PASSES = 8
# Evenly spaced rows show the plane as well as all.
_N_SAMPLE = 4_000


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Rows of a matrix seen in their principal plane.

    Attributes
    ----------
    points
        (n, 2) float64: coordinates along the first and second principal component.
    shares
        The components' shares of the total variance, in [0, 1].
    """

    points: FloatArray
    shares: tuple[float, float]


def project(values: npt.NDArray[np.float32]) -> Projection:
    """Project rows on their first two principal components.

    The components are found by subspace iteration from random directions (Halko, Martinsson &
    Tropp 2011, algorithm 4.4): a few passes over a sample of the rows, whatever d is. The larger
    coordinate of each component is positive, so that the picture doesn't flip.

    Parameters
    ----------
    values
        (n, d) float32: the rows, with their mean subtracted.
    """
    d = values.shape[1]
    sample = values[:: 1 + (len(values) - 1) // _N_SAMPLE]
    shape = d, min(_N_DIRECTIONS, d)
    directions = np.random.default_rng(0).standard_normal(shape, np.float32)
    with threadpool_limits(1, user_api="blas"):  # the same sums for any number of threads
        for _ in range(_N_PASSES):
            directions, _ = np.linalg.qr(sample.T @ (sample @ directions))
        seen = sample @ directions
        _, vectors = np.linalg.eigh(seen.T @ seen)
        axes = np.zeros((d, 2), np.float32)
        axes[:, : min(2, d)] = directions @ vectors[:, ::-1][:, :2]
        largest = axes[np.abs(axes).argmax(axis=0), [0, 1]]
        axes *= np.where(largest < 0, -1, 1)
        points = (values @ axes).astype(np.float64)
    total = float(np.einsum("ij,ij->i", values, values).sum(dtype=np.float64))
    spread = np.einsum("ij,ij->j", points, points) / total if total > 0 else np.zeros(2)
    return Projection(points, (float(spread[0]), float(spread[1])))
