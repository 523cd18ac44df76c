"""Lloyd's algorithm (Lloyd 1982), the textbook's loop.

Assign every row to its nearest centre, move every centre to the mean of its rows, and repeat
until the centres stand still. Two steps are quicker than they read, with the same result: the
assignment skips rows that can't have changed (`nearest.Assignment`), and the sums behind the
means are kept from one iteration to the next (`Sums`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keyframes.kmeans.blocks import Points, Workers, cached_blocks, row_blocks, squared_norms
from keyframes.kmeans.nearest import Assignment

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]
    IntArray = npt.NDArray[np.int64]
    LabelArray = npt.NDArray[np.int32]

# Share of the total below which J, as the rest of a subtraction, would be short of digits.
CANCELLING = 1e-4
# Rows that are sorted by cluster in one go: bounds the memory for it.
SORTED_ROWS = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Where Lloyd's algorithm came to rest.

    Attributes
    ----------
    centers
        (k, d) in the precision and coordinates of X.
    labels
        (n,) int32: the nearest of `centers` for every row.
    inertia
        The objective J: weighted sum of squared distances to the nearest centre.
    between_inertia
        J of a single cluster, less `inertia`: what the clusters account for.
    explained
        The same as a share of J of a single cluster; 1 where that is 0.
    history
        J after each iteration.
    """

    centers: FloatArray
    labels: LabelArray
    inertia: float
    between_inertia: float
    explained: float
    history: tuple[float, ...]


def lloyd(
    points: Points,
    start: FloatArray,
    n_moving: int,
    *,
    max_iter: int,
    tol: float,
    team: Workers,
    report: Callable[..., None],
) -> Solution:
    """Move the first `n_moving` of the centres `start` (k, d) until they settle.

    It ends when the squared steps of all centres add up to `tol` or less: once no label
    changes, no centre moves.
    """
    centers = start
    assignment = Assignment(points)
    sums = Sums(points, len(centers))
    history: list[float] = []
    for iteration in range(max_iter):
        assignment.follow(centers, team)
        sums.follow(assignment.labels, team)
        empty = np.flatnonzero(sums.weights[:n_moving] <= 0)
        if len(empty):
            _relocate(empty, points, centers, assignment)
            sums.follow(assignment.labels, team)
        moved = sums.means(centers, n_moving)
        step = float(squared_norms(moved - centers).sum())
        centers = moved
        objective = sums.objective(centers)
        if objective < CANCELLING * points.total:
            objective = _inertia(points, centers, assignment.labels, team)
        history.append(min([_unscaled(objective, points), *history[-1:]]))  # rounding is no rise
        report("Iteration %d, inertia %s.", iteration, history[-1])
        if step <= tol:
            report("Converged at iteration %d: the centers stand still.", iteration)
            break
    # The centres are given back in X's precision, and the labels are those of what is given.
    given = points.frame.leave(centers).astype(points.values.dtype)
    final = points.frame.enter(given.astype(np.float64))
    assignment.follow(final, team)
    inertia = _inertia(points, final, assignment.labels, team)
    total = sums.single_cluster_objective()
    return Solution(
        centers=given,
        labels=assignment.labels,
        inertia=_unscaled(inertia, points),
        between_inertia=_unscaled(total - inertia, points),
        explained=(total - inertia) / total if total > 0 else 1.0,
        history=tuple(history),
    )


class Sums:
    """For each cluster the sum of its weighted rows (k, d) and of its weights (k,), in float64.

    Kept up to date by the rows that changed cluster, which soon are few.
    """

    def __init__(self, points: Points, k: int) -> None:
        self._points = points
        self._counted_in = np.full(len(points.values), -1, dtype=np.int32)
        self._rows = np.zeros((k, points.values.shape[1]))
        self.weights: FloatArray = np.zeros(k)

    def follow(self, labels: LabelArray, team: Workers) -> None:
        """Take account of every row whose label is not the one it was last counted in."""
        if 2 * np.count_nonzero(labels != self._counted_in) > len(labels):  # cheaper from nothing
            self._rows[:] = 0
            self._counted_in[:] = -1
        for block in row_blocks(len(labels), SORTED_ROWS):
            now, before = labels[block], self._counted_in[block]
            changed = np.flatnonzero(now != before)
            left = changed[before[changed] >= 0]
            weights = self._points.weights[block]
            self._add(
                np.concatenate([left, changed]) + block.start,
                np.concatenate([before[left], now[changed]]),
                np.concatenate([-weights[left], weights[changed]]),
                team,
            )
            before[:] = now
        # Afresh: what is left of a weight that was added and subtracted need not be 0.
        counts = np.bincount(labels, self._points.weights, minlength=len(self.weights))
        self.weights = counts.astype(np.float64)

    def _add(self, rows: IntArray, labels: LabelArray, weights: FloatArray, team: Workers) -> None:
        """Add weighted rows to the clusters of their labels; each cluster is one task."""
        order = np.argsort(labels, kind="stable")
        rows, weights = rows[order], weights[order]
        ends = np.searchsorted(labels[order], np.arange(len(self.weights) + 1))
        n_features = self._rows.shape[1]

        def add_cluster(j: int) -> None:
            members, member_weights = rows[ends[j] : ends[j + 1]], weights[ends[j] : ends[j + 1]]
            for part in cached_blocks((len(members), n_features)):
                values = self._points.values[members[part]].astype(np.float64, copy=False)
                self._rows[j] += member_weights[part] @ values

        touched = np.flatnonzero(np.diff(ends)).tolist()
        team.map(add_cluster, touched, 4 * len(rows) * n_features)

    def means(self, centers: FloatArray, n_moving: int) -> FloatArray:
        """Return `centers` with the moving ones at their rows' mean; one without rows stays."""
        moved: FloatArray = centers.copy()
        weights = self.weights[:n_moving, None]
        np.divide(self._rows[:n_moving], weights, out=moved[:n_moving], where=weights > 0)
        return moved

    def objective(self, centers: FloatArray) -> float:
        """Return J without a look at the rows: sum of w |x|^2 - 2 s.c + w |c|^2."""
        inner = 2 * np.vdot(self._rows, centers) - self.weights @ squared_norms(centers)
        return max(self._points.total - float(inner), 0.0)

    def single_cluster_objective(self) -> float:
        """Return J of one cluster that holds all rows."""
        total = self._rows.sum(axis=0)
        return max(self._points.total - float(total @ total) / float(self.weights.sum()), 0.0)


def _unscaled(objective: float, points: Points) -> float:
    """Return J in the units of X and of the weights."""
    return objective / points.frame.scale / points.frame.scale / points.weight_scale


def _own_distances(
    points: Points, centers: FloatArray, labels: LabelArray, rows: slice
) -> FloatArray:
    """Return the squared distances of some rows to their own centres, term by term in float64."""
    return squared_norms(points.values[rows] - centers[labels[rows]])


def _inertia(points: Points, centers: FloatArray, labels: LabelArray, team: Workers) -> float:
    """Return J, in the units of the frame."""

    def part(rows: slice) -> float:
        return float(points.weights[rows] @ _own_distances(points, centers, labels, rows))

    blocks = cached_blocks(points.values.shape)
    return sum(team.map(part, blocks, 4 * points.values.size))


def _relocate(empty: IntArray, points: Points, centers: FloatArray, assignment: Assignment) -> None:
    """Give each empty cluster the row that is farthest from its centre, as its only one.

    Rows that are no farther than a mean's rounding are left: then there are more clusters than
    distinct rows, and relocation would never end.
    """
    labels = assignment.labels
    blocks = cached_blocks(points.values.shape)
    distances = np.concatenate([_own_distances(points, centers, labels, rows) for rows in blocks])
    distances[points.weights <= 0] = 0
    farthest = np.argsort(-distances, kind="stable")[: len(empty)]
    rounding = 2.0**-48 * np.sqrt(points.squared_norms.max(), dtype=np.float64)
    farthest = farthest[distances[farthest] > rounding**2]
    assignment.relabel(farthest, empty[: len(farthest)])
