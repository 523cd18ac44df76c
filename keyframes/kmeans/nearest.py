"""The nearest centre of every row: exactly, and computed as seldom as possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keyframes.kmeans.blocks import (
    Frame,
    Points,
    Workers,
    power_of_two_scale,
    row_blocks,
    squared_norms,
    workers,
)
from keyframes.kmeans.validation import as_centers, as_matrix, working_dtype

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]
    IntArray = npt.NDArray[np.int64]
    LabelArray = npt.NDArray[np.int32]


# Gathering rows takes as long as multiplying them with so many centres.
GATHERING_COLUMNS = 32


class Centers:
    """Centres made ready for matrix products with rows of a given precision.

    Of equal centres only the first is compared: it is the nearest, if any of them is, and to
    find that out row by row takes long.

    Parameters
    ----------
    centers
        (k, d) float64.
    dtype
        The rows' precision, in which products are taken.

    Attributes
    ----------
    exact
        (m, d) float64: those that differ.
    index
        (m,) int64, ascending: which of the k they are.
    has_twins
        (m,) whether others are equal to it.
    """

    def __init__(self, centers: FloatArray, dtype: np.dtype[Any]) -> None:
        norms = squared_norms(centers)
        self.index = np.arange(len(centers))
        self.has_twins = np.zeros(len(centers), np.bool_)
        if len(np.unique(norms)) < len(norms):
            _, firsts, counts = np.unique(centers, axis=0, return_index=True, return_counts=True)
            order = np.argsort(firsts)
            self.index, self.has_twins = firsts[order], counts[order] > 1
            centers, norms = centers[self.index], norms[self.index]
        self.exact = centers
        self.radius = float(np.sqrt(norms.max()))
        self._squared_norms = norms.astype(dtype)
        self._minus_two = (-2 * centers).astype(dtype)
        # Rounding of a sum of d products (Higham 2002, section 3.1) and of the steps around it.
        self._unit_error = (centers.shape[1] + 16) * float(np.finfo(dtype).eps) / 2

    def score(self, rows: FloatArray) -> FloatArray:
        """Return ``|c|^2 - 2 x.c`` (m, k): the squared distances, each row's less its ``|x|^2``."""
        scores: FloatArray = rows @ self._minus_two.T
        scores += self._squared_norms
        return scores

    def score_error(self, norms: FloatArray) -> FloatArray:
        """Return how far rounding can take the scores of rows of these squared norms (m,)."""
        error: FloatArray = self._unit_error * (np.sqrt(norms) + self.radius) ** 2
        return error


def nearest(
    rows: FloatArray, norms: FloatArray, centers: Centers
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return each row's nearest centre, and bounds on its distances.

    Where rounding leaves open which centre is the nearest, the contenders' distances are taken
    again, term by term in float64. So the answer is exact, the lowest index among equals, and
    the same with every BLAS.

    Parameters
    ----------
    rows, norms
        (m, d) float32 or float64, and the rows' squared lengths (m,).

    Returns
    -------
    labels
        (m,) int64.
    upper
        (m,): not less than the distance to the nearest centre.
    lower
        (m,): where above `upper`, not more than the distance to any other centre.
    """
    scores = centers.score(rows)
    every = np.arange(len(rows))
    labels = scores.argmin(axis=1)
    best = scores[every, labels]
    scores[every, labels] = np.inf
    second = scores[every, scores.argmin(axis=1)]
    error = centers.score_error(norms)
    upper = np.sqrt(np.maximum(best + (norms + error), 0))
    lower = np.sqrt(np.maximum(second + (norms - error), 0))
    (close,) = np.nonzero(lower <= upper)
    if len(close):
        labels[close] = _nearest_contender(rows[close], norms[close], upper[close], centers)
    lower[centers.has_twins[labels]] = 0
    return centers.index[labels], upper, lower


def _nearest_contender(
    rows: FloatArray, norms: FloatArray, upper: FloatArray, centers: Centers
) -> IntArray:
    """Return where the nearest centre of rows (m, d) is that have one within `upper` (m,)."""
    least = centers.score(rows) + (norms - 2 * centers.score_error(norms))[:, None]
    row, center = np.nonzero(least <= (upper * upper)[:, None])
    distances = np.full(least.shape, np.inf)
    for part in row_blocks(len(row)):
        difference = rows[row[part]] - centers.exact[center[part]]
        distances[row[part], center[part]] = squared_norms(difference)
    labels: IntArray = distances.argmin(axis=1)
    return labels


def nearest_squared(rows: FloatArray, centers: FloatArray) -> FloatArray:
    """Return each row's squared distance (m,) to the nearest centre, in float64."""
    norms = squared_norms(rows).astype(rows.dtype)
    labels, _, _ = nearest(rows, norms, Centers(centers, rows.dtype))
    return squared_norms(rows - centers[labels])


def nearest_centers(X: npt.ArrayLike, centers: npt.ArrayLike) -> tuple[LabelArray, FloatArray]:
    """Return the nearest centre of each row, and the squared distance to it.

    Parameters
    ----------
    X
        (n, d) data.
    centers
        (k, d) centres.

    Returns
    -------
    labels
        (n,) int32: the lowest index among equals.
    squared_distances
        (n,) float64.

    Raises
    ------
    SettingsError
        The shapes don't fit each other, or there are NaN or infinities.
    """
    data = as_matrix(X)
    targets = as_centers(centers, data, None, "centers")
    scale = power_of_two_scale(targets)
    frame = Frame.at((targets * scale).mean(axis=0), scale).widened(power_of_two_scale(data))
    return nearest_in_frame(data, targets, frame)


def nearest_in_frame(
    data: npt.NDArray[Any], centers: FloatArray, frame: Frame
) -> tuple[LabelArray, FloatArray]:
    """Do the work of `nearest_centers` in given coordinates, on checked arguments."""
    exact = frame.enter(centers.astype(np.float64, copy=False))
    ready = Centers(exact, working_dtype(data))
    labels = np.empty(len(data), dtype=np.int32)
    squared = np.empty(len(data))

    def fill(rows: slice) -> None:
        values = frame.enter(data[rows])
        norms = squared_norms(values).astype(values.dtype)
        labels[rows] = nearest(values, norms, ready)[0]
        squared[rows] = squared_norms(values - exact[labels[rows]])

    with workers() as team:
        team.map(fill, row_blocks(len(data)), data.size * len(exact))
    with np.errstate(over="ignore", under="ignore"):  # squares of huge numbers are infinite
        return labels, squared / frame.scale / frame.scale


def distances_in_frame(data: npt.NDArray[Any], centers: FloatArray, frame: Frame) -> FloatArray:
    """Return the distance of each row to each centre (n, k), computed in given coordinates."""
    exact = frame.enter(centers.astype(np.float64))
    norms = squared_norms(exact)
    distances = np.empty((len(data), len(exact)), dtype=working_dtype(data))

    def fill(rows: slice) -> None:
        values = frame.enter(data[rows]).astype(np.float64, copy=False)
        squares = squared_norms(values)[:, None] + norms - 2 * (values @ exact.T)
        distances[rows] = np.sqrt(np.maximum(squares, 0)) / frame.scale

    with workers() as team:
        team.map(fill, row_blocks(len(data)), 2 * data.size * len(exact))
    return distances


class Assignment:
    """Which centre each row belongs to, and how surely (Hamerly 2010).

    For each row an upper bound on the distance to its own centre and a lower bound on the
    distance to every other. When the centres move, the bounds give way by as much; only rows
    whose bounds then meet are looked at again.
    """

    def __init__(self, points: Points) -> None:
        n, dtype = len(points.values), points.values.dtype
        self._points = points
        self.labels: LabelArray = np.zeros(n, dtype=np.int32)
        self._upper = np.full(n, np.inf, dtype)
        self._lower = np.zeros(n, dtype)
        self._exact: FloatArray | None = None
        self._reach = float(np.sqrt(points.squared_norms.max()))

    def relabel(self, rows: IntArray, labels: IntArray) -> None:
        """Give rows another label than the nearest centre's; they are looked at again next."""
        self.labels[rows] = labels
        self._lower[rows] = 0

    def follow(self, exact: FloatArray, team: Workers) -> None:
        """Assign every row to the nearest of the centres (k, d), wherever they were before."""
        dtype = self._points.values.dtype
        centers = Centers(exact, dtype)
        before = exact if self._exact is None else self._exact
        steps = np.sqrt(squared_norms(exact - before))
        self._exact = exact
        # A little more than the step, for the rounding of bounds that are moved many times.
        slack = 4 * float(np.finfo(dtype).eps)
        steps = ((1 + slack) * steps + slack * (self._reach + centers.radius)).astype(dtype)
        others = _largest_other(steps)

        def follow_block(block: slice) -> None:
            self._follow_block(block, centers, steps, others)

        cost = self._points.values.size * len(steps)
        team.map(follow_block, row_blocks(len(self.labels)), cost)

    def _follow_block(
        self, block: slice, centers: Centers, steps: FloatArray, others: FloatArray
    ) -> None:
        labels, upper, lower = self.labels[block], self._upper[block], self._lower[block]
        values, norms = self._points.values[block], self._points.squared_norms[block]
        upper += steps[labels]
        lower -= others[labels]
        (doubtful,) = np.nonzero(lower <= upper)
        k = len(steps)
        if len(doubtful) > k / (k + GATHERING_COLUMNS) * len(labels):
            labels[:], upper[:], lower[:] = nearest(values, norms, centers)
        elif len(doubtful):
            labels[doubtful], upper[doubtful], lower[doubtful] = nearest(
                values[doubtful], norms[doubtful], centers
            )


def _largest_other(steps: FloatArray) -> FloatArray:
    """Return for each centre the largest step of any other one."""
    largest = int(steps.argmax())
    others = np.full_like(steps, steps[largest])
    others[largest] = np.delete(steps, largest).max(initial=0)
    return others
