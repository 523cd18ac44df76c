"""Rows in blocks: the layout of the data, and the threads that work on it.

Work is cut into blocks of rows that depend on the data's shape alone, and results are
combined in block order, so the outcome is the same to the last bit for any number of
threads. The number of threads is the caller's BLAS setting (``OPENBLAS_NUM_THREADS``,
``OMP_NUM_THREADS``, ``threadpoolctl.threadpool_limits``): while we work, BLAS itself runs
single-threaded and that many Python threads each take blocks; afterwards BLAS is as it was.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from keyframes.errors import SettingsError
from keyframes.kmeans.validation import working_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

Task = TypeVar("Task")
Result = TypeVar("Result")

BLOCK_ROWS = 1024
# Numbers that are taken to float64 in one go: few enough to stay in the processor's cache.
CACHED_NUMBERS = 100_000
# Multiply-adds in one pass over the data below which a second thread costs more than it saves.
SMALL_PASS = 30_000_000
# Two fits in two threads of one process take turns: the BLAS setting is the process's.
_BLAS_LOCK = RLock()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


class Workers:
    """Runs a function over tasks: in the calling thread, or in a pool's where that pays."""

    def __init__(self, pool: ThreadPoolExecutor, n_threads: int) -> None:
        self._pool = pool
        self._n_threads = n_threads

    def map(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], cost: int
    ) -> list[Result]:
        """Return ``[function(task) for task in tasks]``; `cost` is the multiply-adds in all."""
        if self._n_threads == 1 or cost < SMALL_PASS or len(tasks) < 2:
            return [function(task) for task in tasks]
        return list(self._pool.map(function, tasks))


@contextmanager
def workers() -> Iterator[Workers]:
    """Hold BLAS to one thread and lend as many workers as it had threads."""
    with _BLAS_LOCK:
        blas = _controller().select(user_api="blas")
        n_threads = max((lib["num_threads"] for lib in blas.info()), default=os.cpu_count() or 1)
        # The pool starts a thread when it is first given work, so small data never pays for it.
        with blas.limit(limits=1), ThreadPoolExecutor(n_threads) as pool:
            yield Workers(pool, n_threads)


def row_blocks(n_rows: int, size: int | None = None) -> list[slice]:
    """Cut ``range(n_rows)`` into slices of `size`, BLOCK_ROWS unless told."""
    size = size or BLOCK_ROWS
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def cached_blocks(shape: tuple[int, ...]) -> list[slice]:
    """Cut the rows of an (n, d) array into slices of CACHED_NUMBERS numbers."""
    n_rows, n_features = shape
    return row_blocks(n_rows, max(CACHED_NUMBERS // n_features, 1))


def squared_norms(rows: FloatArray) -> FloatArray:
    """Return the squared length of each row, in float64."""
    exact = rows.astype(np.float64, copy=False)
    norms: FloatArray = np.einsum("ij,ij->i", exact, exact)
    return norms


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The coordinates to compute in: ``x * scale - origin``, near 0 and at most about 1.

    Distances come from ``|c|^2 - 2 x.c``, which cancels badly far from the origin and
    overflows float32 from 1e19 on. A power of two as scale is exact, and an origin of 16
    binary places keeps whole numbers exact, so ties stay ties.
    """

    origin: FloatArray
    scale: float

    @classmethod
    def at(cls, mean: FloatArray, scale: float) -> Frame:
        """Return a frame whose origin is near `mean`, which is scaled already."""
        return cls(np.rint(mean * 2.0**16) / 2.0**16, scale)

    def widened(self, scale: float) -> Frame:
        """Return the same coordinates, scaled down where `scale` is smaller."""
        scale = min(scale, self.scale)
        return Frame(self.origin * (scale / self.scale), scale)

    def enter(self, data: npt.NDArray[Any]) -> FloatArray:
        """Return rows in these coordinates: float32 in float32, anything else in float64."""
        dtype = working_dtype(data)
        values: FloatArray = np.multiply(data, dtype.type(self.scale), dtype=dtype)
        values -= self.origin.astype(dtype)
        return values

    def leave(self, values: FloatArray) -> FloatArray:
        """Return rows in these coordinates to those they came from."""
        left: FloatArray = values + self.origin.astype(values.dtype)
        left /= values.dtype.type(self.scale)
        return left


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The data as the algorithm sees it.

    Attributes
    ----------
    values
        (n, d) float32 or float64: the rows, in the coordinates of `frame`.
    weights
        (n,) float64: how much each row counts, scaled to less than 1.
    squared_norms
        (n,): squared length of each row of `values`, in their precision.
    total
        Weighted sum of the squared lengths, taken in float64.
    mean_variance
        Variance of a feature, averaged over the features; every row counts the same.
    weight_scale
        The power of two by which the weights are scaled.
    """

    values: FloatArray
    weights: FloatArray
    squared_norms: FloatArray
    total: float
    mean_variance: float
    frame: Frame
    weight_scale: float


def power_of_two_scale(data: npt.NDArray[Any]) -> float:
    """Return the power of two that brings the largest magnitude into [0.5, 1).

    Raises
    ------
    SettingsError
        The data holds NaN or infinity.
    """
    extremes = [(data[rows].max(), data[rows].min()) for rows in cached_blocks(data.shape)]
    with np.errstate(over="ignore"):  # what float64 can't hold is infinite here
        peak = float(np.abs(np.array(extremes, dtype=np.float64)).max())
        if not np.isfinite(peak):
            is_good = np.isfinite(data.astype(np.float64)).all(axis=1)
            raise SettingsError(
                f"X holds NaN or infinity in row {is_good.argmin()}; k-means needs finite numbers"
            )
    limit = np.finfo(working_dtype(data)).maxexp - 2
    exponent = int(np.clip(np.frexp(peak)[1], -limit, limit))
    return float(np.ldexp(1.0, -exponent))


def lay_out(data: npt.NDArray[Any], weights: FloatArray, team: Workers) -> Points:
    """Copy the rows (n, d) into a frame of their own."""
    scale = power_of_two_scale(data)
    weight_scale = power_of_two_scale(weights[:, np.newaxis])
    weights = weights * weight_scale
    blocks = cached_blocks(data.shape)
    dtype = working_dtype(data)
    values = np.empty(data.shape, dtype)
    norms = np.empty(len(data), dtype)

    def scale_block(rows: slice) -> FloatArray:
        np.multiply(data[rows], dtype.type(scale), out=values[rows], dtype=dtype)
        total: FloatArray = values[rows].sum(axis=0, dtype=np.float64)
        return total

    mean = sum(team.map(scale_block, blocks, data.size), np.zeros(data.shape[1])) / len(data)
    frame = Frame.at(mean, scale)

    def centre_block(rows: slice) -> tuple[float, float]:
        values[rows] -= frame.origin.astype(dtype)
        exact = squared_norms(values[rows])
        norms[rows] = exact
        return float(exact.sum()), float(weights[rows] @ exact)

    totals = team.map(centre_block, blocks, data.size)
    total = sum(weighted for _, weighted in totals)
    off_centre = mean - frame.origin
    variance = sum(plain for plain, _ in totals) / len(data) - float(off_centre @ off_centre)
    mean_variance = max(variance, 0.0) / data.shape[1]
    return Points(values, weights, norms, total, mean_variance, frame, weight_scale)
