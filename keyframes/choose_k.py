"""How many clusters a video has: the elbow of the objective J, and the silhouette.

J falls with every cluster that is added; the elbow is where it stops falling fast. The silhouette
says for each k how much nearer frames are to their own cluster than to the next one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from keyframes.errors import SettingsError
from keyframes.kmeans import KMeans, nearest_centers
from keyframes.kmeans.quiet import fit_quietly
from keyframes.words import to_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from keyframes.records import FloatArray, IntArray

    Values = npt.NDArray[np.float32]

SMALLEST, LARGEST = 5, 200
# Values of k in the first sweep, each larger than the last by the same factor; and more between
# the neighbours of the knee that it finds.
N_COARSE, N_FINE = 12, 6
# With a single start J is often some per cent too high, which would bend the curve.
N_STARTS = 2
# The silhouette takes the distances of all pairs: 2,000 frames are 2 million of them.
MAX_SAMPLE = 2_000


@dataclass(frozen=True, slots=True)
class Score:
    """How well k clusters describe the candidates.

    Attributes
    ----------
    k
        Clusters.
    inertia
        The objective J.
    variance_explained
        1 - J / J of a single cluster, in [0, 1].
    silhouette
        Mean silhouette of a sample, in [-1, 1].
    """

    k: int
    inertia: float
    variance_explained: float
    silhouette: float


@dataclass(frozen=True, slots=True)
class ChoiceOfK:
    """What was found about the number of clusters.

    Attributes
    ----------
    elbow
        The recommended k: the knee of J.
    scores
        One for each k that was tried, ascending.
    n_candidates
        Frames that were clustered.
    n_sampled
        Frames that the silhouette was measured on.
    """

    elbow: int
    scores: tuple[Score, ...]
    n_candidates: int
    n_sampled: int

    @property
    def most_silhouetted(self) -> Score:
        """The score with the highest silhouette; of equal ones the smallest k."""
        return max(self.scores, key=lambda score: score.silhouette)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return {"knee": "kneedle", **asdict(self)}


def choose_k(
    values: Values,
    rng: np.random.Generator,
    *,
    smallest: int = SMALLEST,
    largest: int = LARGEST,
    on_fit: Callable[[int, int], None] | None = None,
) -> ChoiceOfK:
    """Cluster with a range of k, find the elbow, and measure the silhouettes.

    Parameters
    ----------
    values
        (n, d) feature vectors.
    rng
        Where chance comes from.
    smallest, largest
        The range of k, both included, from 1 on; no k is larger than n.
    on_fit
        Called after each clustering with how many are done, and how many there will be at most.

    Raises
    ------
    SettingsError
        There are fewer candidates than the smallest k.
    """
    fits = _fit_range(values, rng, smallest, largest, on_fit)
    n = len(values)
    sample = np.sort(rng.choice(n, min(n, MAX_SAMPLE), replace=False))
    distances = _pairwise_distances(values[sample])
    scores = tuple(
        Score(
            fit.n_clusters,
            fit.inertia_,
            max(0.0, fit.explained_variance_ratio_),  # one cluster: a rounding beside 0
            silhouette(distances, fit.labels_[sample]),
        )
        for fit in fits
    )
    return ChoiceOfK(_knee_of(fits), scores, n, len(sample))


def elbow(
    values: Values,
    rng: np.random.Generator,
    *,
    smallest: int = SMALLEST,
    largest: int = LARGEST,
    on_fit: Callable[[int, int], None] | None = None,
) -> int:
    """Return the elbow alone, the same as :func:`choose_k` with the same generator finds."""
    return _knee_of(_fit_range(values, rng, smallest, largest, on_fit))


def find_knee(k: Sequence[int], inertia: Sequence[float]) -> int:
    """Return the k at the knee of a falling curve, by Kneedle (Satopää et al. 2011).

    Both axes are brought to [0, 1]; the knee is where the curve lies deepest below the straight
    line from its first to its last point. Where it lies nowhere below, that is the first point.

    Parameters
    ----------
    k
        Ascending.
    inertia
        J for each of them; where chance makes it rise, the least so far counts.
    """
    falling = np.minimum.accumulate(np.asarray(inertia, dtype=np.float64))
    x = np.asarray(k, dtype=np.float64)
    if falling[0] == falling[-1]:
        return int(k[0])
    across = (x - x[0]) / (x[-1] - x[0])
    down = (falling[0] - falling) / (falling[0] - falling[-1])
    return int(k[int(np.argmax(down - across))])


def silhouette(distances: FloatArray, labels: IntArray | npt.NDArray[np.int32]) -> float:
    """Return the mean silhouette of points (Rousseeuw 1987).

    A point's silhouette is (b - a) / max(a, b): a, its mean distance to the others of its
    cluster; b, to those of the nearest other cluster. A point alone in its cluster counts 0, and
    so does everything where there is one cluster only.

    Parameters
    ----------
    distances
        (m, m) between the points.
    labels
        (m,) their clusters.
    """
    order = np.argsort(labels, kind="stable")
    _, starts, own = np.unique(labels[order], return_index=True, return_inverse=True)
    if len(starts) == 1:
        return 0.0
    sizes = np.diff(starts, append=len(labels))
    sums = np.add.reduceat(distances[np.ix_(order, order)], starts, axis=1)
    rows = np.arange(len(labels))
    others = sums / sizes
    others[rows, own] = np.inf
    to_own = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    to_next = others.min(axis=1)
    larger = np.maximum(to_own, to_next)
    meaningful = (sizes[own] > 1) & (larger > 0)
    widths = np.divide(to_next - to_own, larger, out=np.zeros(len(labels)), where=meaningful)
    return float(widths.mean())


def _fit_range(
    values: Values,
    rng: np.random.Generator,
    smallest: int,
    largest: int,
    on_fit: Callable[[int, int], None] | None,
) -> list[KMeans]:
    """Cluster with a geometric range of k, and with more values of k around the knee."""
    if len(values) == 1 < smallest:
        raise SettingsError("1 candidate frame makes 1 cluster: there is no k to choose")
    if len(values) < smallest:
        raise SettingsError(
            f"{to_count(len(values), 'candidate frame')} can't make {smallest} clusters; take more "
            "frames, or a smaller --min"
        )
    coarse = np.geomspace(smallest, min(largest, len(values)), N_COARSE).round().astype(int)
    coarse = np.unique(coarse)
    fits: dict[int, KMeans] = {}

    def fit_all(ks: list[int]) -> None:
        for k in ks:
            fits[k] = fit_quietly(KMeans(k, n_init=N_STARTS, random_state=rng), values)
            if on_fit:
                on_fit(len(fits), len(coarse) + N_FINE)

    fit_all(coarse.tolist())
    at = int(np.searchsorted(coarse, _knee_of([fits[k] for k in coarse.tolist()])))
    low, high = coarse[max(at - 1, 0)], coarse[min(at + 1, len(coarse) - 1)]
    between = np.linspace(low, high, N_FINE + 2).round().astype(int)
    fit_all(sorted(set(between.tolist()) - fits.keys()))
    ks = sorted(fits)
    for fewer, k in pairwise(ks):
        if fits[k].inertia_ > fits[fewer].inertia_:
            fits[k] = fit_quietly(KMeans(k, init=_more_centers(values, fits[fewer], k)), values)
    return [fits[k] for k in ks]


def _more_centers(values: Values, fit: KMeans, k: int) -> npt.NDArray[np.floating[Any]]:
    """Return the centres of a fit and, up to k, the frames farthest from them: J can only fall.

    Always to start so would be no faster, and end higher.
    """
    _, squared = nearest_centers(values, fit.cluster_centers_)
    farthest = np.argsort(-squared, kind="stable")[: k - fit.n_clusters]
    return np.concatenate((fit.cluster_centers_, values[farthest]))


def _knee_of(fits: list[KMeans]) -> int:
    return find_knee([fit.n_clusters for fit in fits], [fit.inertia_ for fit in fits])


def _pairwise_distances(points: Values) -> FloatArray:
    """Return the distances (m, m) between points (m, d)."""
    exact = points.astype(np.float64)
    norms = np.einsum("ij,ij->i", exact, exact)
    with threadpool_limits(1, user_api="blas"):  # the same sums for any number of threads
        squared = norms[:, np.newaxis] + norms - 2 * (exact @ exact.T)
    np.fill_diagonal(squared, 0)
    distances: FloatArray = np.sqrt(np.maximum(squared, 0))
    return distances
