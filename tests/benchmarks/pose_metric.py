"""How well a choice of frames covers the poses of a recording.

Every animal in every frame is one pose. What counts is how far a pose is from the nearest one
in a chosen frame, in body sizes: the root of the mean squared distance of the nodes seen in
both. A mean over all poses is divided by the same mean for frames drawn at random, so random is
1.0 and 0.8 is a fifth nearer. Twice:

- **ego**: posture alone. Place, direction and size are removed by aligning all poses with a
  median pose (generalised Procrustes analysis: Gower, Psychometrika 1975);
- **abs**: as the camera sees it, so where the animal is counts too.

A pose is an array of complex numbers here, x + iy for each node, NaN for a node that is hidden:
then turning and scaling are one multiplication.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Poses = npt.NDArray[np.complex128]
    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

N_DRAWS = 200
# Two frames are near-duplicates if each animal of either is this near to one of the other.
NEAR_DUPLICATE = 0.15
_ALIGNMENTS = 8
_BLOCK = 512


@dataclass(frozen=True)
class Score:
    """Distances of all poses to the nearest chosen one; and how much labelling was wasted.

    `near_duplicates` is the share of the chosen frames that have a near-duplicate among them.
    """

    ego_mean: float
    ego_p95: float
    abs_mean: float
    abs_p95: float
    near_duplicates: float


class PoseMetric:
    """The poses of one recording, and how far each is from every frame.

    Parameters
    ----------
    keypoints
        (frames, animals, nodes, 2) pixels; NaN where a node is hidden.
    """

    def __init__(self, keypoints: FloatArray) -> None:
        self.n_frames = len(keypoints)
        poses, self._frame_of = find_poses(keypoints)
        # Both are (poses, frames): the distance to the frame's nearest animal.
        self._ego = self._distances_to_frames(align(poses))
        self._abs = self._distances_to_frames(poses / np.median(body_sizes(poses)))
        self._random_means = cache(self._draw_at_random)

    def score(self, frames: IntArray, k: int) -> Score:
        """Score distinct frames, of which `k` were asked; distances are ratios to k at random."""
        score = self._measure(frames)
        ratios = np.array(astuple(score)[:4]) / self._random_means(k)
        return Score(*ratios.tolist(), near_duplicates=score.near_duplicates)

    def _draw_at_random(self, k: int) -> FloatArray:
        """Mean of the four distances over random draws of k frames."""
        rng = np.random.default_rng(12345)
        draws = [rng.choice(self.n_frames, k, replace=False) for _ in range(N_DRAWS)]
        return np.mean([astuple(self._measure(draw))[:4] for draw in draws], axis=0)

    def _measure(self, frames: IntArray) -> Score:
        ego, absolute = (_nearest(space[:, frames]) for space in (self._ego, self._abs))
        return Score(
            ego_mean=float(ego.mean()),
            ego_p95=float(np.percentile(ego, 95)),
            abs_mean=float(absolute.mean()),
            abs_p95=float(np.percentile(absolute, 95)),
            near_duplicates=self._near_duplicates(frames),
        )

    def _near_duplicates(self, frames: IntArray) -> float:
        farthest = np.full((len(frames), len(frames)), np.inf)
        for row, frame in zip(farthest, frames, strict=True):
            animals = self._abs[self._frame_of == frame]
            if len(animals):
                row[:] = animals[:, frames].max(axis=0)
        farthest = np.maximum(farthest, farthest.T)
        np.fill_diagonal(farthest, np.inf)
        return float((farthest.min(axis=1) < NEAR_DUPLICATE).mean())

    def _distances_to_frames(self, poses: Poses) -> FloatArray:
        distances = np.full((len(poses), self.n_frames), np.inf)
        occupied, starts = np.unique(self._frame_of, return_index=True)
        for first in range(0, len(poses), _BLOCK):
            rows = slice(first, first + _BLOCK)
            pairs = pairwise_distances(poses[rows], poses)
            distances[rows, occupied] = np.minimum.reduceat(pairs, starts, axis=1)
        return distances


def find_poses(keypoints: FloatArray) -> tuple[Poses, IntArray]:
    """Return all well seen animals (poses, nodes), and the frame of each, ascending.

    An animal counts if half of its nodes, and at least four, are seen, and its size is no
    tracking error.
    """
    poses = keypoints[..., 0] + 1j * keypoints[..., 1]
    n_nodes = poses.shape[-1]
    needed = min(n_nodes, max(4, -(-n_nodes // 2)))
    frames, animals = np.nonzero(np.isfinite(poses).sum(axis=-1) >= needed)
    poses = poses[frames, animals]
    sizes = body_sizes(poses) / np.median(body_sizes(poses))
    plausible = (sizes > 0.4) & (sizes < 2.5)
    return poses[plausible], frames[plausible]


def body_sizes(poses: Poses) -> FloatArray:
    """Root mean squared distance of each pose's nodes from their middle, pixels."""
    return np.sqrt(
        np.nanmean(np.abs(poses - np.nanmean(poses, axis=1, keepdims=True)) ** 2, axis=1)
    )


def align(poses: Poses) -> Poses:
    """Move, turn and scale every pose to fit the median pose, whose size is 1."""
    best_seen = poses[np.isfinite(poses).sum(axis=1).argmax()]
    template = _normalise(np.where(np.isfinite(best_seen), best_seen, np.nanmean(best_seen)))
    for _ in range(_ALIGNMENTS):
        aligned = _align_with(template, poses)
        template = _normalise(
            np.nanmedian(aligned.real, axis=0) + 1j * np.nanmedian(aligned.imag, axis=0)
        )
    return _align_with(template, poses)


def _normalise(pose: Poses) -> Poses:
    """Centre a whole pose and make its size 1."""
    pose = pose - pose.mean()
    return pose / np.sqrt((np.abs(pose) ** 2).mean())


def _align_with(template: Poses, poses: Poses) -> Poses:
    """Fit each pose to the template by least squares over the nodes that are seen in it."""
    seen = np.isfinite(poses)
    targets = np.where(seen, template, np.nan)
    middles = np.nanmean(poses, axis=1, keepdims=True)
    target_middles = np.nanmean(targets, axis=1, keepdims=True)
    centred = poses - middles
    projections = np.nansum(centred.conj() * (targets - target_middles), axis=1, keepdims=True)
    energies = np.nansum(np.abs(centred) ** 2, axis=1, keepdims=True)
    return projections / energies * centred + target_middles


def pairwise_distances(poses: Poses, others: Poses) -> FloatArray:
    """Root mean squared distance over the nodes seen in both; infinite if these are too few."""
    seen, seen_other = np.isfinite(poses), np.isfinite(others)
    poses, others = np.where(seen, poses, 0), np.where(seen_other, others, 0)
    n_shared = seen.astype(float) @ seen_other.T.astype(float)
    squares = (
        np.abs(poses) ** 2 @ seen_other.T
        + seen @ (np.abs(others) ** 2).T
        - 2 * (poses.conj() @ others.T).real
    )
    enough = n_shared >= max(2, poses.shape[1] // 3)
    mean_squares = np.maximum(squares, 0) / np.maximum(n_shared, 1)
    return np.where(enough, np.sqrt(mean_squares), np.inf)


def _nearest(distances: FloatArray) -> FloatArray:
    """Smallest of each row; a pose that compares with none counts as the worst that does."""
    nearest = distances.min(axis=1)
    finite = np.isfinite(nearest)
    return np.where(finite, nearest, nearest[finite].max() if finite.any() else 1.0)
