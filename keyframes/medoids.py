"""k-medoids: choose the candidates that make the sum of distances to the nearest one small.

The input is a matrix of costs, not of vectors, so any dissimilarity will do, squared or
not, and what has to be covered need not be what can be chosen. Two steps, both
deterministic:

1. a greedy start, each time the candidate that lowers the cost most. The cost that is
   saved is submodular, so a candidate's saving can only shrink as others are chosen, and
   savings from earlier rounds serve as upper bounds: most candidates are never looked at
   twice (Minoux, "Accelerated greedy algorithms for maximizing submodular set functions",
   1978). What the greedy choice saves is at least 1 - 1/e of what the best choice saves
   (Nemhauser, Wolsey and Fisher, 1978);
2. swaps of a medoid for a candidate, taken as soon as one lowers the cost, with the change
   for all medoids found in one look at the candidate (FasterPAM: Schubert and Rousseeuw,
   "Fast and eager k-medoids clustering", Information Systems 101, 2021).
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from keyframes.records import IntArray

    Costs = npt.NDArray[np.float32]

#: A swap has to save this share of the total cost, so that rounding can't make two
#: medoids change places for ever.
MIN_SAVING = 1e-6


def choose_medoids(
    costs: Costs, n_medoids: int, *, fixed: Sequence[int] | IntArray = (), max_passes: int = 5
) -> IntArray:
    """Choose the rows of a cost matrix that cover its columns most cheaply.

    Parameters
    ----------
    costs
        (n_candidates, n_demands) float32, finite: what it costs when a candidate stands
        for a demand. Candidates are rows because a row is read at a time.
    n_medoids
        How many rows to choose, the fixed ones included: at least 1, at most all.
    fixed
        Distinct rows that are chosen already and stay.
    max_passes
        Most passes of swaps over all candidates; the first does nearly all the work, and
        the search ends early when a whole pass finds nothing better. 0 leaves the greedy
        start.

    Returns
    -------
    (n_medoids,) int64: distinct rows, the fixed ones first. Among equally good candidates the
    lowest row wins.
    """
    search = _Search(costs, _greedy(costs, n_medoids, fixed), n_fixed=len(fixed))
    for _ in range(max_passes):
        if not search.swap_pass():
            break
    return search.rows


def _greedy(costs: Costs, n_medoids: int, fixed: Sequence[int] | IntArray) -> list[int]:
    """Return the fixed rows, then the others in the order in which they save most."""
    chosen = [int(row) for row in fixed]
    if not chosen:
        chosen.append(int(costs.sum(axis=1, dtype=np.float64).argmin()))
    covered = costs[chosen].min(axis=0)

    def saving(row: int) -> float:
        return float(np.maximum(covered - costs[row], 0).sum(dtype=np.float64))

    bounds = [(-saving(row), row) for row in sorted(set(range(len(costs))) - set(chosen))]
    heapq.heapify(bounds)
    while len(chosen) < n_medoids:
        row = heapq.heappop(bounds)[1]
        updated = (-saving(row), row)
        if bounds and updated > bounds[0]:
            heapq.heappush(bounds, updated)  # the bound was stale: the row sinks to its place
            continue
        chosen.append(row)
        covered = np.minimum(covered, costs[row])
    return chosen


class _Search:
    """Medoids, and for every demand its two cheapest: what a swap has to know."""

    def __init__(self, costs: Costs, rows: list[int], n_fixed: int) -> None:
        n_demands = costs.shape[1]
        self.costs = costs
        self.rows = np.array(rows, dtype=np.int64)
        self.n_fixed = n_fixed
        self.nearest = np.empty(n_demands, dtype=np.int64)
        self.first = np.empty(n_demands, dtype=np.float32)
        self.second = np.empty(n_demands, dtype=np.float32)
        self._rank(np.arange(n_demands))

    def total_cost(self) -> float:
        return float(self.first.sum(dtype=np.float64))

    def swap_pass(self) -> bool:
        """Offer every candidate one swap; return whether any was taken."""
        if self.n_fixed == len(self.rows):
            return False
        least = MIN_SAVING * self.total_cost()
        medoids = set(self.rows.tolist())
        swapped = False
        for row in range(len(self.costs)):
            if row in medoids:
                continue
            changes = self._changes(self.costs[row])
            position = self.n_fixed + int(changes[self.n_fixed :].argmin())
            if changes[position] < -least:
                medoids.remove(int(self.rows[position]))
                medoids.add(row)
                self._swap(position, row)
                swapped = True
        return swapped

    def _changes(self, candidate: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the change of the total cost, for each medoid that the candidate may replace.

        What the candidate covers better, it does whichever medoid goes. Beyond that, only
        the demands of the medoid that goes pay: the candidate's cost or that of their second
        medoid, whichever is less.
        """
        gain = np.minimum(candidate - self.first, 0).sum(dtype=np.float64)
        loss = np.clip(candidate, self.first, self.second) - self.first
        changes = np.full(len(self.rows), gain)
        changes += np.bincount(self.nearest, weights=loss, minlength=len(self.rows))
        return changes

    def _swap(self, position: int, row: int) -> None:
        out = self.costs[self.rows[position]]
        self.rows[position] = row
        # Elsewhere, neither the medoid that went nor the one that came is among the two.
        self._rank(np.flatnonzero((out <= self.second) | (self.costs[row] <= self.second)))

    def _rank(self, demands: IntArray) -> None:
        """Find the two cheapest medoids of some demands."""
        costs = self.costs[np.ix_(self.rows, demands)]
        nearest = costs.argmin(axis=0)
        at_nearest = (nearest, np.arange(len(demands)))
        self.nearest[demands] = nearest
        self.first[demands] = costs[at_nearest]
        costs[at_nearest] = np.inf
        self.second[demands] = costs.min(axis=0)
