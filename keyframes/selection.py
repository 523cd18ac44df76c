"""From clusters to keyframes: pure functions on arrays.

Every way to choose divides the candidates into as many clusters as keyframes are wanted and
says how far each candidate is from what its cluster stands for. :func:`pick_members` then takes
one member of each cluster, the same way for all of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from keyframes.checks import as_rows, check_count, check_seconds
from keyframes.kmeans import KMeans, nearest_centers
from keyframes.kmeans.quiet import fit_quietly
from keyframes.records import Clustering, Coverage, Keyframe, Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from keyframes.records import BoolArray, Features, FloatArray, IntArray

# Members whose distance to the centroid is within this factor of the nearest one's are as good;
# the sharpest of them is taken.
NEARLY_EQUAL = 1.05
# Two frames are near-identical when their squared distance is below this share of the mean
# squared distance between two candidates.
NEAR_IDENTICAL = 0.005
# Times that differ by less are the same.
_SAME_S = 1e-6


def cluster_by_kmeans(
    features: Features,
    n_clusters: int,
    rng: np.random.Generator,
    *,
    held: Sequence[int] | IntArray,
    n_init: int = 1,
    on_restart: Callable[[int], None] | None = None,
) -> Clustering:
    """Cluster the feature vectors by k-means.

    Parameters
    ----------
    features, n_clusters, rng, n_init
        As for `KMeans`.
    held
        Rows that are keyframes already: each is the centre of one of the clusters and stays it.
    on_restart
        Called after each run with the number of runs done.

    Raises
    ------
    SettingsError
        One of the ``held`` isn't the number of a row, ``n_clusters`` is below 1, or KMeans can't
        work with the others.
    """
    check_count("n_clusters", n_clusters)
    held = _distinct_rows("held", held, features)
    centers: npt.NDArray[np.float32] = features.values[held]
    histories: tuple[tuple[float, ...], ...] = ()
    if len(held) < n_clusters:  # else nothing moves
        model = KMeans(n_clusters - len(held), n_init=n_init, random_state=rng)
        fixed = centers if len(held) else None
        # Too few distinct candidates are pick_members' business.
        fit_quietly(model, features.values, fixed_centers=fixed, on_restart=on_restart)
        centers, histories = model.cluster_centers_, model.inertia_histories_
    labels, squared = nearest_centers(features.values, centers)
    squared[held] = 0.0  # they are centres; the sums come out a rounding beside
    return Clustering(
        len(centers),
        labels,
        np.sqrt(squared).astype(np.float32),
        inertia_histories=histories,
    )


def cluster_by_time(features: Features, n_clusters: int, min_gap_s: float = 0.0) -> Clustering:
    """Divide the candidates into equal shares of time; distances are seconds from the middle.

    There are no more of them than candidates that are ``min_gap_s`` seconds apart; where shares are
    shorter than that, the candidates that count as their middles are farther from each other.
    """
    check_count("n_clusters", n_clusters)
    check_seconds("min_gap_s", min_gap_s)
    n, times = len(features.values), features.reading.times_s
    step_s = (times[-1] - times[0]) / max(1, n - 1) or math.inf
    n_in_gap = max(1, math.ceil((min_gap_s - _SAME_S) / step_s))
    n_clusters = min(n_clusters, 1 + (n - 1) // n_in_gap)
    labels = np.arange(n) * n_clusters // n
    return Clustering(
        n_clusters,
        labels.astype(np.int32),
        np.abs(times - times[_middles(n, n_clusters, n_in_gap)][labels]).astype(np.float32),
    )


def _middles(n: int, n_shares: int, apart: int = 1) -> IntArray:
    """Return the candidate in the middle of each share, or a neighbour: they are so far apart."""
    from_center = 2 * np.arange(n_shares) + 1 - n_shares  # half shares
    return (n * n_shares + from_center * max(n, apart * n_shares)) // (2 * n_shares)


def pick_members(
    features: Features,
    clustering: Clustering,
    n_keyframes: int,
    *,
    held: Sequence[int] | IntArray,
    refused: Sequence[int] | IntArray = (),
    min_gap_s: float = 0.0,
    distinct: bool = True,
) -> IntArray:
    """Choose one candidate of each cluster: the nearest, or a nearly as near but sharper one.

    The rows ``held`` are chosen already; a cluster with one of them needs no other. The rows
    ``refused`` are never chosen.

    A candidate is passed over while it is blank, if ``distinct`` near-identical to a chosen one,
    or less than ``min_gap_s`` seconds from one. Where a cluster has no other, the place goes to the
    candidate that is farthest from all chosen ones; and only when the video has nothing else left
    are near-identical frames and, last, blank ones taken.

    SettingsError where one of the ``held`` or ``refused`` isn't the number of a row,
    ``n_keyframes`` no whole number or ``min_gap_s`` no time.

    Returns
    -------
    (k,) int64, ascending: rows of distinct candidates. k is less than ``n_keyframes`` only where
    there are fewer candidates, or too few that are ``min_gap_s`` apart.
    """
    check_count("n_keyframes", n_keyframes, least=0)
    check_seconds("min_gap_s", min_gap_s)
    is_open = np.ones(len(features.blank), dtype=np.bool_)
    is_open[_distinct_rows("refused", refused, features)] = False
    is_seen = is_open & ~features.blank
    held = _distinct_rows("held", held, features)
    chosen = _Chosen(features, held.tolist(), min_gap_s, distinct=distinct)
    served = set(clustering.labels[chosen.rows].tolist())
    sizes = np.bincount(clustering.labels, minlength=clustering.n_clusters)
    for cluster in np.argsort(-sizes, kind="stable"):
        if cluster in served or len(chosen.rows) >= n_keyframes:
            continue
        members = np.flatnonzero((clustering.labels == cluster) & is_seen)
        chosen.take_first(_by_nearness(members, clustering.distances, features.sharpness))
    for allowed, apart in ((is_seen, True), (is_seen, False), (is_open, False)):
        chosen.fill(n_keyframes, allowed, distinct=apart)
    return np.sort(np.array(chosen.rows, dtype=np.int64))


def _distinct_rows(name: str, rows: Sequence[int] | IntArray, features: Features) -> IntArray:
    """Return the numbers of rows, ascending, each once; SettingsError where one isn't there."""
    return np.unique(as_rows(f"{name} rows", rows, len(features.values)))


def count_alike(features: Features, rows: IntArray, *, held: IntArray) -> int:
    """Return how many of the chosen rows but the held ones are blank or near-identical to others.

    They were taken because there was nothing else left.
    """
    chosen = _Chosen(features, held.tolist(), 0.0)
    others = np.setdiff1d(rows, held)
    for row in others[~features.blank[others]]:
        chosen.take_first(row[np.newaxis])
    return len(held) + len(others) - len(chosen.rows)


def _by_nearness(
    members: IntArray, distances: npt.NDArray[np.float32], sharpness: npt.NDArray[np.float32]
) -> IntArray:
    """Order the members by distance, the sharpest of the nearly nearest first."""
    members = members[np.argsort(distances[members], kind="stable")]
    if len(members) > 1:
        near = distances[members] <= NEARLY_EQUAL * distances[members[0]]
        sharpest = int(np.argmax(np.where(near, sharpness[members], -np.inf)))
        members = np.concatenate(([members[sharpest]], np.delete(members, sharpest)))
    return members


class _Chosen:
    """The rows chosen so far, and what may still join them."""

    def __init__(
        self, features: Features, rows: list[int], min_gap_s: float, *, distinct: bool = True
    ) -> None:
        self.rows = rows
        self._values = features.values
        self._times = features.reading.times_s
        self._min_gap_s = min_gap_s - _SAME_S
        # The mean squared distance between two points is twice the total variance.
        variance = _total_variance(self._values)
        self._near_identical = NEAR_IDENTICAL * 2.0 * variance if distinct else -1.0

    def take_first(self, rows: IntArray) -> None:
        """Take the first of ``rows`` that is far enough from all chosen ones, if any is."""
        for row in rows:
            if self._fits(row):
                self.rows.append(int(row))
                return

    def fill(self, n: int, allowed: BoolArray, *, distinct: bool) -> None:
        """Take the candidate farthest from all chosen ones until there are ``n`` or none fits.

        Among equally far ones (a still video) the farthest in time is taken.
        """
        if len(self.rows) >= n:
            return
        squared, gap = self._distances_to_chosen()
        while len(self.rows) < n:
            open_rows = allowed & (gap >= self._min_gap_s)
            open_rows[self.rows] = False
            if distinct and self.rows:
                open_rows &= squared > self._near_identical
            if not open_rows.any():
                return
            far = np.where(open_rows, squared, -np.inf)
            row = int(np.argmax(np.where(far == far.max(), gap, -np.inf)))
            self.rows.append(row)
            squared = np.minimum(squared, _squared_distances(self._values, self._values[row]))
            gap = np.minimum(gap, np.abs(self._times - self._times[row]))

    def _fits(self, row: int) -> bool:
        if not self.rows:
            return True
        if np.abs(self._times[self.rows] - self._times[row]).min() < self._min_gap_s:
            return False
        nearest = _squared_distances(self._values[self.rows], self._values[row]).min()
        return bool(nearest > self._near_identical)

    def _distances_to_chosen(self) -> tuple[FloatArray, FloatArray]:
        """Return each candidate's squared distance to the nearest chosen one, and its gap in s."""
        squared = gap = np.full(len(self._values), np.inf)
        if self.rows:
            _, squared = nearest_centers(self._values, self._values[self.rows])
        for row in self.rows:
            gap = np.minimum(gap, np.abs(self._times - self._times[row]))
        return squared, gap


def describe_keyframes(
    features: Features, clustering: Clustering, rows: IntArray
) -> tuple[list[Keyframe], Coverage]:
    """Describe the chosen rows, and how well they cover all candidates.

    Returns
    -------
    The keyframes in the order of ``rows``, and their coverage beside that of as many evenly
    spaced frames.
    """
    sizes = np.bincount(clustering.labels, minlength=clustering.n_clusters)
    nearest, distances = _nearest_rows(features.values, rows)
    keyframes = []
    for at, row in enumerate(rows):
        covered = distances[nearest == at]
        reach = _reach(covered)
        keyframes.append(
            Keyframe(
                frame_index=int(features.reading.frame_indices[row]),
                time_s=float(features.reading.times_s[row]),
                cluster=int(clustering.labels[row]),
                cluster_size=int(sizes[clustering.labels[row]]),
                # What the method could not compare stands for itself.
                distance=float(np.nan_to_num(clustering.distances[row], posinf=0.0)),
                covers=len(covered),
                covers_mean=reach.mean,
                covers_p95=reach.p95,
            )
        )
    evenly = _middles(len(features.values), len(rows))
    coverage = Coverage(
        variance_explained=_variance_explained(features.values, clustering),
        keyframes=_reach(distances),
        evenly_spaced=_reach(_nearest_rows(features.values, evenly)[1]),
    )
    return keyframes, coverage


def _nearest_rows(
    values: npt.NDArray[np.float32], rows: IntArray
) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """Return which of ``rows`` is nearest to each candidate, and how far it is."""
    nearest, squared = nearest_centers(values, values[rows])
    return nearest, np.sqrt(squared, dtype=np.float64)


def _reach(distances: FloatArray) -> Reach:
    if len(distances) == 0:  # a chosen duplicate: the other one covers them all
        return Reach(mean=0.0, p95=0.0)
    return Reach(mean=float(distances.mean()), p95=float(np.percentile(distances, 95)))


def _variance_explained(values: npt.NDArray[np.float32], clustering: Clustering) -> float:
    """Return the variance between the clusters' means as a share of the variance of all."""
    total = _total_variance(values)
    if total == 0.0:
        return 1.0
    between = 0.0
    for cluster in range(clustering.n_clusters):
        members = values[clustering.labels == cluster]
        if len(members):
            mean = members.mean(axis=0, dtype=np.float64)
            between += len(members) * float(mean @ mean)
    return min(1.0, between / (total * len(values)))


def _squared_distances(
    values: npt.NDArray[np.float32], to: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    difference = values - to
    squares: npt.NDArray[np.float32] = np.einsum("ij,ij->i", difference, difference)
    return squares


def _total_variance(values: npt.NDArray[np.float32]) -> float:
    """Return the mean squared distance from the mean; the values are centred already."""
    squares = np.einsum("ij,ij->i", values, values)
    return float(squares.mean(dtype=np.float64))
