"""Where to start: greedy k-means++ (Arthur & Vassilvitskii 2007)."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from keyframes.checks import check_count
from keyframes.kmeans.blocks import (
    Points,
    Workers,
    cached_blocks,
    lay_out,
    row_blocks,
    squared_norms,
    workers,
)
from keyframes.kmeans.nearest import nearest_squared
from keyframes.kmeans.validation import (
    as_centers,
    as_generator,
    as_matrix,
    as_weights,
    working_dtype,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from keyframes.kmeans.validation import RandomState

    FloatArray = npt.NDArray[np.floating[Any]]
    IntArray = npt.NDArray[np.int64]
    Init = Literal["k-means++", "random"] | npt.ArrayLike | Callable[..., Any]

# So many rows for each seed serve as well as all rows.
ROWS_PER_SEED = 100
# Candidates are drawn for one more step for every so many seeds: more would mostly fall away.
SEEDS_PER_STEP_AHEAD = 2
# Columns from which on a wider product of matrices is no quicker per column.
WIDE_PRODUCT = 64
# Squared distances up to so many roundings of the squared norms have too few digits left.
CANCELLED = 16
# Distances that may be held even if the data is smaller.
HELD_DISTANCES = 2**20


def kmeans_plusplus(
    X: npt.ArrayLike,
    n_clusters: int,
    *,
    sample_weight: npt.ArrayLike | None = None,
    random_state: RandomState = None,
    n_local_trials: int | None = None,
) -> tuple[npt.NDArray[Any], IntArray]:
    """Choose rows of X that are good centres to start k-means from.

    Parameters
    ----------
    X
        (n, d) data.
    n_clusters
        How many rows to choose.
    sample_weight
        (n,) how much each row counts; rows of weight 0 are never chosen.
    random_state
        Seed or generator.
    n_local_trials
        Candidates tried for each centre but the first; None: 2 + ln k.

    Returns
    -------
    centers
        (n_clusters, d) float32 or float64: the rows.
    indices
        (n_clusters,) int64: where they are in X.

    Raises
    ------
    SettingsError
        An argument can't work: the message says which and why.
    """
    data = as_matrix(X)
    check_count("n_clusters", n_clusters)
    if n_local_trials is not None:
        check_count("n_local_trials", n_local_trials)
    weights = as_weights(sample_weight, data, n_clusters)
    rng = as_generator(random_state)
    with workers() as team:
        points = lay_out(data, weights, team)
        indices = seed_rows(points, n_clusters, rng, team, n_local_trials=n_local_trials)
    return data[indices].astype(working_dtype(data)), indices


def seed_rows(
    points: Points,
    n_clusters: int,
    rng: np.random.Generator,
    team: Workers,
    *,
    fixed: FloatArray | None = None,
    n_local_trials: int | None = None,
) -> IntArray:
    """Choose rows one after the other, each likely to be far from the centres so far.

    A row's potential is its weight times its squared distance to the nearest of the `fixed`
    centres (f, d) and of the rows chosen before, and its probability grows with that. Of the
    few candidates drawn at each step, the one is kept that lowers J most. Once every row equals
    a centre, the rest is drawn by the weights alone.
    """
    rows = _sample(points.weights, n_clusters, rng)
    sample = replace(
        points,
        values=points.values[rows],
        weights=np.ascontiguousarray(points.weights[rows], dtype=points.values.dtype),
        squared_norms=points.squared_norms[rows],
    )
    trials = n_local_trials or 2 + int(np.log(n_clusters))
    candidates = Candidates(sample, rng, team)
    closest = np.full(len(sample.values), np.inf, sample.values.dtype)
    if fixed is not None and len(fixed):
        for block in row_blocks(len(closest)):
            closest[block] = nearest_squared(sample.values[block], fixed)
    chosen = np.empty(n_clusters, dtype=np.int64)
    for i in range(n_clusters):
        if np.isinf(closest[0]):
            tried, distances = candidates.draw(sample.weights, 1)
        elif (potential := sample.weights * closest).any():
            ahead = 1 + i // SEEDS_PER_STEP_AHEAD
            tried, distances = candidates.draw(potential, trials, ahead=ahead)
        else:
            chances = sample.weights.astype(np.float64)
            chosen[i:] = rng.choice(len(chances), n_clusters - i, p=chances / chances.sum())
            break
        distances = np.minimum(distances, closest)
        best = int((distances @ sample.weights).argmin())
        closest, chosen[i] = distances[best], tried[best]
    return chosen if isinstance(rows, slice) else rows[chosen]


class Candidates:
    """Draws rows by their potential: for several steps at once, as a wide product is soon done.

    Potentials fall as seeds are chosen. A row drawn ahead then stays drawn with the probability
    that is the share left of its potential, so that those that stay are drawn by the potentials
    as they are (rejection sampling, von Neumann 1951).
    """

    def __init__(self, sample: Points, rng: np.random.Generator, team: Workers) -> None:
        self._sample = sample
        self._rng = rng
        self._team = team
        self._rows: IntArray = np.empty(0, dtype=np.int64)
        self._distances: FloatArray = np.empty((0, len(sample.values)))
        self._stays_above: FloatArray = np.empty(0)

    def draw(
        self, potential: FloatArray, count: int, *, ahead: int = 1
    ) -> tuple[IntArray, FloatArray]:
        """Draw rows.

        Parameters
        ----------
        potential
            (n,) what the probabilities are proportional to: no higher than at the last call,
            and not 0 everywhere.
        count
            How many rows to draw.
        ahead
            For how many calls to draw, if that has to be done again.

        Returns
        -------
        rows
            (count,)
        distances
            (count, n) their squared distances to all rows that have potential.
        """
        at_hand = np.flatnonzero(potential[self._rows] > self._stays_above)
        if len(at_hand) < count:
            at_hand = self._draw_afresh(potential, count, ahead)
        taken = at_hand[:count]
        self._stays_above[taken] = np.inf
        return self._rows[taken], self._distances[taken]

    def _draw_afresh(self, potential: FloatArray, count: int, ahead: int) -> IntArray:
        n, d = self._sample.values.shape
        most = min(WIDE_PRODUCT, max(n * d // 8, HELD_DISTANCES) // n)
        size = max(count, min(count * ahead, most))
        cumulative = np.cumsum(potential, dtype=np.float64)
        drawn = cumulative.searchsorted(self._rng.random(size) * cumulative[-1], side="right")
        self._rows = np.minimum(drawn, n - 1)
        self._distances = _squared_distances(self._rows, potential > 0, self._sample, self._team)
        self._stays_above = self._rng.random(size) * potential[self._rows]
        return np.arange(size)


def _sample(weights: FloatArray, n_clusters: int, rng: np.random.Generator) -> slice | IntArray:
    """Return one random row of every few in turn, or all rows where they aren't many."""
    step = len(weights) // (ROWS_PER_SEED * n_clusters)
    if step >= 4:
        starts = np.arange(0, len(weights) - step + 1, step)
        rows = starts + rng.integers(step, size=len(starts))
        if np.count_nonzero(weights[rows]) >= n_clusters:
            return rows
    return slice(None)


def _squared_distances(
    rows: IntArray, wanted: npt.NDArray[np.bool_], sample: Points, team: Workers
) -> FloatArray:
    """Return the squared distances (m, n) of m of the rows to all n that are `wanted` (n,)."""
    values, norms = sample.values, sample.squared_norms
    distances = np.empty((len(rows), len(values)), values.dtype)
    tried, own_norms = values[rows], norms[rows, None]
    minus_two = -2 * tried
    rounding = CANCELLED * np.finfo(values.dtype).eps

    def fill(block: slice) -> None:
        # Tall times slim is the quicker way round for BLAS; candidates by rows is for the rest.
        part = np.add((values[block] @ minus_two.T).T, norms[block], out=distances[:, block])
        part += own_norms
        (own,) = np.nonzero((rows >= block.start) & (rows < block.stop))
        part[own, rows[own] - block.start] = np.inf  # known to be 0, and so no reason to look
        (near,) = np.nonzero(part.min(axis=1) <= rounding * (own_norms[:, 0] + norms[block].max()))
        limits = rounding * (own_norms[near] + norms[block])
        part[near] = _taken_again(part[near], limits, tried[near], values[block], wanted[block])

    team.map(fill, row_blocks(len(values)), values.size * len(rows))
    distances[np.arange(len(rows)), rows] = 0
    return distances


def _taken_again(
    distances: FloatArray,
    limits: FloatArray,
    tried: FloatArray,
    values: FloatArray,
    wanted: npt.NDArray[np.bool_],
) -> FloatArray:
    """Return squared distances (m, n); those within `limits` term by term, 0 if not `wanted`."""
    cancelled = distances <= limits
    exact: FloatArray = np.where(cancelled, 0, distances)
    row, column = np.nonzero(cancelled & wanted)
    for few in cached_blocks((len(row), values.shape[1])):
        exact[row[few], column[few]] = squared_norms(tried[row[few]] - values[column[few]])
    return exact


def given_starts(
    init: Init,
    n_init: int | Literal["auto"],
    data: npt.NDArray[Any],
    n_clusters: int,
    rng: np.random.Generator,
) -> list[FloatArray | None]:
    """Return one start for each run, in the coordinates of X; None: still to be drawn."""
    by_name = isinstance(init, str)
    if n_init == "auto":
        n_init = 10 if callable(init) or (by_name and init == "random") else 1
    if by_name:
        return [None] * n_init
    if callable(init):
        random_state = np.random.RandomState(rng.bit_generator)  # what such callables expect
        shown = data.view()
        shown.flags.writeable = False  # it may be the caller's own
        drawn = [init(shown, n_clusters, random_state=random_state) for _ in range(n_init)]
        return [as_centers(start, data, n_clusters, "init") for start in drawn]
    if n_init != 1:
        warnings.warn(
            "Explicit initial center position passed: performing only one init in KMeans"
            f" instead of n_init={n_init}.",
            RuntimeWarning,
            stacklevel=4,
        )
    return [as_centers(init, data, n_clusters, "init")]
