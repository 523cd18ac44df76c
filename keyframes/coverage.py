"""Choose frames so that every posture and place in the recording has one like it near by.

K-means makes the sum of *squared* distances to *means* small. What matters for labelling is
how far, on average, each animal is from the nearest animal in a chosen *frame*. That is the
k-medoids objective, and here it is minimised itself.

Where the animals of a recording can be told from the background, it is minimised for several
costs at once: how differently two animals are bent (posture), how far apart and how
differently turned they are (placement), and how different the whole frames are. Where they
can't, the whole frames' features have to do alone.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from keyframes.animals import N_SAMPLE, describe_animals, learn_animals
from keyframes.describe import COVERAGE_THUMBNAIL, MAX_COVERAGE_CANDIDATES
from keyframes.features import even_out, median_background, shrink_block, to_gray
from keyframes.medoids import choose_medoids
from keyframes.records import Clustering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from keyframes.animals import Animals
    from keyframes.records import Features, Image, IntArray
    from keyframes.thumbnails import ThumbnailStore

    Float32Array = npt.NDArray[np.float32]

logger = logging.getLogger(__name__)

#: Samples that have to be covered.
MAX_SAMPLES = 3000
#: Numbers in the cost matrix, 48 MB; where it would be larger, fewer candidates are compared.
#: Fewer samples would cost more coverage than fewer candidates do.
MAX_COSTS = 12_000_000
#: Share of the posture in the placement cost, so that of two frames with an animal in the
#: same place the one with the same posture is nearer.
POSTURE_IN_PLACEMENT = 0.3
#: Weight of the whole frame beside posture and placement, 1 each. It catches what the animals'
#: outlines miss, such as a tail or a leg.
FRAME_WEIGHT = 0.5
#: Draws from which the cost left by random frames is taken.
N_DRAWS = 20
# How much longer the whole choice takes than looking at the frames alone, for progress bars.
_LONGER = 1.3
# Frames that are compared or described at a time, to keep what is in use small.
_BLOCK_FRAMES = 64


class _FrameCosts:
    """How much a frame lacks of being like samples of what has to be covered.

    Here the samples are frames, and the only cost is the distance between their features.

    Attributes
    ----------
    names, weights
        What each cost compares, and how much it counts.
    frames
        (n_samples,) int64, ascending: the frame that a sample is from.
    """

    names: tuple[str, ...] = ("whole frame",)
    weights: tuple[float, ...] = (1.0,)

    def __init__(self, values: Float32Array, frames: IntArray) -> None:
        self.frames = frames
        self._values = values

    def between(self, frames: IntArray, samples: IntArray) -> Float32Array:
        """Return the costs of frames (ascending) for samples, (frames, costs, samples)."""
        demands = self._values[self.frames[samples]]
        costs = np.empty((len(frames), len(self.names), len(samples)), np.float32)
        for rows in _blocks(len(frames)):
            costs[rows, -1] = _distances(self._values[frames[rows]], demands)
        return costs


class _AnimalCosts(_FrameCosts):
    """The samples are animals; a frame is as near to one as the nearest of its own animals.

    Besides, the frame as a whole is compared with the one that the sample is from.
    """

    names: tuple[str, ...] = ("posture", "placement", "whole frame")
    weights: tuple[float, ...] = (1.0, 1.0, FRAME_WEIGHT)

    def __init__(self, animals: Animals, values: Float32Array) -> None:
        super().__init__(values, animals.frames)
        # Products of numbers around zero lose less to rounding.
        self._postures = animals.postures - animals.postures.mean(axis=0)
        self._places = animals.places - animals.places.mean(axis=0)
        some = _spread_out(np.arange(len(self.frames)), 500)
        typical = np.median(_distances(self._postures[some], self._postures[some]))
        self._posture_weight = np.float32(POSTURE_IN_PLACEMENT / typical if typical else 0)

    def between(self, frames: IntArray, samples: IntArray) -> Float32Array:
        costs = super().between(frames, samples)
        for rows in _blocks(len(frames)):
            animals = np.flatnonzero(np.isin(self.frames, frames[rows]))
            first = np.searchsorted(self.frames[animals], frames[rows])
            posture = _distances(self._postures[animals], self._postures[samples])
            place = _distances(self._places[animals], self._places[samples])
            placement = np.hypot(place, posture * self._posture_weight)
            np.minimum.reduceat(posture, first, axis=0, out=costs[rows, 0])
            np.minimum.reduceat(placement, first, axis=0, out=costs[rows, 1])
        return costs


def choose_for_coverage(
    store: ThumbnailStore,
    features: Features,
    n_clusters: int,
    rng: np.random.Generator,
    *,
    held: IntArray,
    progress: Callable[[int, int], None] | None = None,
) -> Clustering:
    """Choose frames that minimise the mean distance of what is seen to the nearest choice.

    Parameters
    ----------
    store
        One thumbnail a candidate, in the features' order.
    features
        The candidates. Blank ones are not chosen unless all are blank.
    n_clusters
        How many frames to choose, the held ones included.
    held
        (h,) int64, distinct: candidates that are chosen already. The others are chosen around
        them.
    rng
        Draws what has to be covered, and the random choices that the costs are compared with.
    progress
        Called now and then with how much is done and how much it is in all.

    Returns
    -------
    Clustering
        A cluster holds the candidates that have no nearer chosen frame; the chosen frame is
        its member at distance 0. The unit of the distances is the mean that as many random
        frames leave; they are infinite where there is nothing to compare. Where fewer
        frames can be compared than are asked for, some clusters are empty. `explanation`
        says which costs were used and why.
    """
    usable = np.flatnonzero(~features.blank)
    if len(usable) == 0:
        usable = np.arange(len(features.blank))
    # The outcome of a matrix product may depend on the number of BLAS threads.
    with threadpool_limits(limits=1, user_api="blas"):
        costs, explanation = _find_costs(store, features, usable, progress)
        comparable = np.unique(costs.frames)
        # Held frames in which there is nothing to compare cover nothing but themselves.
        fixed, alone = np.intersect1d(held, comparable), np.setdiff1d(held, comparable)
        samples = _stratified(len(costs.frames), MAX_SAMPLES, rng)
        most = max(MAX_COSTS // (len(costs.names) * len(samples)), n_clusters)
        candidates = np.union1d(_spread_out(comparable, most), fixed)
        n_frames = max(n_clusters - len(alone), len(fixed), 1)
        chosen, units = _choose(costs, candidates, samples, n_frames, fixed, rng)
        nearest, distances = _label(costs, units, chosen, len(features.blank))
    logger.info(
        "%s: compared by %s (%s)",
        features.reading.video.path,
        ", ".join(costs.names),
        explanation["gate"]["reason"],
    )
    everything = np.union1d(chosen, alone)
    labels = np.searchsorted(everything, chosen)[nearest]
    labels[alone] = np.searchsorted(everything, alone)
    distances[alone] = 0
    return Clustering(
        max(n_clusters, len(everything)),
        labels.astype(np.int32),
        distances,
        explanation=explanation,
    )


def _find_costs(
    store: ThumbnailStore,
    features: Features,
    usable: IntArray,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[_FrameCosts, dict[str, Any]]:
    """Compare by animals if the recording allows it, otherwise by whole frames; say why."""
    sample = _look(store, _spread_out(usable, N_SAMPLE))
    background = median_background(sample)
    model, gate = learn_animals(even_out(sample, background))
    costs = _FrameCosts(features.values, usable)
    if model is not None:
        rows = _spread_out(usable, MAX_COVERAGE_CANDIDATES)
        blocks = _look_at_all(store, rows, progress)
        animals = describe_animals((even_out(block, background) for block in blocks), model)
        costs = _AnimalCosts(replace(animals, frames=rows[animals.frames]), features.values)
    return costs, {
        "costs": dict(zip(costs.names, costs.weights, strict=True)),
        "gate": gate.as_record(),
    }


def _choose(
    costs: _FrameCosts,
    candidates: IntArray,
    samples: IntArray,
    n_frames: int,
    fixed: IntArray,
    rng: np.random.Generator,
) -> tuple[IntArray, Float32Array]:
    """Return the chosen frames, ascending, and the unit of each cost.

    The unit is the mean cost that random choices leave, divided by the cost's weight.
    """
    n_frames = min(n_frames, len(candidates))
    matrix = costs.between(candidates, samples)
    left = [
        matrix[rng.choice(len(matrix), n_frames, replace=False)].min(axis=0).mean(axis=1)
        for _ in range(N_DRAWS)
    ]
    units = np.mean(left, axis=0)
    units[units == 0] = 1
    units /= np.array(costs.weights, np.float32)
    matrix /= units[:, np.newaxis]
    # One demand for each cost of a sample: another frame may cover its posture than its place.
    fixed_rows = np.searchsorted(candidates, fixed)
    rows = choose_medoids(matrix.reshape(len(matrix), -1), n_frames, fixed=fixed_rows)
    return candidates[np.sort(rows)], units


def _label(
    costs: _FrameCosts, units: Float32Array, chosen: IntArray, n_candidates: int
) -> tuple[IntArray, Float32Array]:
    """Find the position of the chosen frame that each candidate is nearest to, and how near.

    Candidates without samples (blank, no animal) go with the nearest in time that has some.
    """
    labels = np.empty(n_candidates, np.int64)
    distances = np.full(n_candidates, np.inf, np.float32)
    compared = np.unique(costs.frames)
    for block in _blocks(len(compared)):
        frames = compared[block]
        samples = np.flatnonzero(np.isin(costs.frames, frames))
        lacking = (costs.between(chosen, samples) / units[:, np.newaxis]).sum(axis=1)
        lacking /= sum(costs.weights)
        first = np.searchsorted(costs.frames[samples], frames)
        # A frame with several animals: their sum, then their mean.
        sums = np.add.reduceat(lacking, first, axis=1)
        labels[frames] = sums.argmin(axis=0)
        distances[frames] = sums.min(axis=0) / np.diff(first, append=len(samples))
    labels[chosen] = np.arange(len(chosen))
    distances[chosen] = 0
    rows = np.arange(n_candidates)
    middles = (compared[1:] + compared[:-1]) / 2
    return labels[compared[np.searchsorted(middles, rows)]], distances


def _look(store: ThumbnailStore, rows: IntArray) -> Image:
    return to_gray(shrink_block(store.take(rows), COVERAGE_THUMBNAIL))


def _look_at_all(
    store: ThumbnailStore, rows: IntArray, progress: Callable[[int, int], None] | None
) -> Iterator[Image]:
    for block in _blocks(len(rows)):
        if progress:
            progress(block.start, round(_LONGER * len(rows)))
        yield _look(store, rows[block])


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK_FRAMES, n)) for start in range(0, n, _BLOCK_FRAMES))


def _spread_out(rows: IntArray, most: int) -> IntArray:
    """Return the rows, or `most` of them evenly spaced."""
    at = np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(np.int64)
    spread: IntArray = rows[at]
    return spread


def _stratified(n: int, most: int, rng: np.random.Generator) -> IntArray:
    """Return all of n numbers, or a random one of each of `most` equal shares; ascending."""
    if n <= most:
        return np.arange(n)
    drawn: IntArray = np.floor((np.arange(most) + rng.random(most)) * (n / most)).astype(np.int64)
    return drawn


def _distances(a: Float32Array, b: Float32Array) -> Float32Array:
    """Return the Euclidean distances between the rows of two matrices, (len(a), len(b))."""
    squared = np.einsum("ij,ij->i", a, a)[:, np.newaxis] + np.einsum("ij,ij->i", b, b)
    with np.errstate(all="ignore"):  # Apple's BLAS warns of sound numbers
        products = a @ b.T
    squared -= 2 * products
    distances: Float32Array = np.sqrt(np.maximum(squared, 0))
    return distances
