"""Where to start: greedy k-means++ (Arthur & Vassilvitskii 2007)."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from keyframes.kmeans.blocks import (
    Points,
    Workers,
    lay_out,
    row_blocks,
    workers,
)
from keyframes.kmeans.nearest import nearest_squared
from keyframes.kmeans.validation import (
    as_centers,
    as_generator,
    as_matrix,
    as_weights,
    check_count,
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
        points = lay_out(data, weights, team, in_place=False)
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

    A row's probability grows with its weight and its squared distance to the nearest of the
    `fixed` centres (f, d) and of the rows chosen before. Of the few drawn at each step, the one
    is kept that lowers J most.
    """
    rows = _sample(points.weights, n_clusters, rng)
    sample = replace(
        points,
        values=points.values[rows],
        weights=np.ascontiguousarray(points.weights[rows], dtype=points.values.dtype),
        squared_norms=points.squared_norms[rows],
    )
    trials = n_local_trials or 2 + int(np.log(n_clusters))
    closest = np.full(len(sample.values), np.inf, sample.values.dtype)
    if fixed is not None and len(fixed):
        for block in row_blocks(len(closest)):
            closest[block] = nearest_squared(sample.values[block], fixed)
    chosen = np.empty(n_clusters, dtype=np.int64)
    for i in range(n_clusters):
        if np.isinf(closest[0]):
            candidates = _draw(sample.weights, 1, rng)
        else:
            candidates = _draw(sample.weights * closest, trials, rng, otherwise=sample.weights)
        distances, objectives = _try_out(candidates, sample, closest, team)
        best = int(objectives.argmin())
        closest, chosen[i] = distances[best], candidates[best]
    return chosen if isinstance(rows, slice) else rows[chosen]


def _sample(weights: FloatArray, n_clusters: int, rng: np.random.Generator) -> slice | IntArray:
    """Return one random row of every few in turn, or all rows where they aren't many."""
    step = len(weights) // (ROWS_PER_SEED * n_clusters)
    if step >= 4:
        starts = np.arange(0, len(weights) - step + 1, step)
        rows = starts + rng.integers(step, size=len(starts))
        if np.count_nonzero(weights[rows]) >= n_clusters:
            return rows
    return slice(None)


def _draw(
    potential: FloatArray,
    size: int,
    rng: np.random.Generator,
    *,
    otherwise: FloatArray | None = None,
) -> IntArray:
    """Draw rows with probability proportional to `potential`; to `otherwise` if all that is 0."""
    cumulative = np.cumsum(potential, dtype=np.float64)
    if cumulative[-1] <= 0 and otherwise is not None:
        cumulative = np.cumsum(otherwise, dtype=np.float64)
    drawn = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")
    rows: IntArray = np.minimum(drawn, len(potential) - 1)
    return rows


def _try_out(
    candidates: IntArray, sample: Points, closest: FloatArray, team: Workers
) -> tuple[FloatArray, FloatArray]:
    """Return, for each candidate, what `closest` (n,) and J would be with it as a centre."""
    values, norms = sample.values, sample.squared_norms
    distances = np.empty((len(candidates), len(values)), values.dtype)
    minus_two = -2 * values[candidates]
    own_norms = norms[candidates, None]

    def fill(rows: slice) -> FloatArray:
        # Tall times slim is the quicker way round for BLAS; candidates by rows is for the rest.
        part = (values[rows] @ minus_two.T).T + norms[rows]
        part += own_norms
        np.maximum(part, 0, out=part)
        np.minimum(part, closest[rows], out=distances[:, rows])
        objectives: FloatArray = distances[:, rows] @ sample.weights[rows]
        return objectives

    parts = team.map(fill, row_blocks(len(values)), values.size * len(candidates))
    distances[np.arange(len(candidates)), candidates] = 0
    return distances, np.sum(parts, axis=0, dtype=np.float64)


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
        drawn = [init(data, n_clusters, random_state=random_state) for _ in range(n_init)]
        return [as_centers(start, data, n_clusters, "init") for start in drawn]
    if n_init != 1:
        warnings.warn(
            "Explicit initial center position passed: performing only one init in KMeans"
            f" instead of n_init={n_init}.",
            RuntimeWarning,
            stacklevel=4,
        )
    return [as_centers(init, data, n_clusters, "init")]
