"""How well the chosen frames cover the poses, beside other ways to choose.

    python tests/benchmarks/coverage.py [--data DIR] [--seeds 10] [-k 10 20 50 150]

DIR holds recordings and the true or predicted keypoints of every frame: ``NAME.mp4`` beside
``NAME.csv`` (a row a frame; columns ``NODE_x``, ``NODE_y``, empty where hidden) or ``NAME.npz``
(``keypoints``, an array (frames, animals, nodes, 2), NaN where hidden). See pose_metric.py for
what is measured. A figure is the mean over the seeds, as a ratio to random frames: lower is
better.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import defaultdict
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from sklearn.cluster import MiniBatchKMeans

from keyframes.coverage import choose_for_coverage
from keyframes.describe import COVERAGE_THUMBNAIL
from keyframes.features import compute_features
from keyframes.records import ThumbnailSpec
from keyframes.selection import cluster_by_kmeans, pick_members
from keyframes.thumbnails import ThumbnailStore
from keyframes.video import index_video, read_thumbnails
from pose_metric import PoseMetric

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyframes.records import FeatureName, Features

    Rows = np.ndarray
    Scores = dict[tuple[str, int, str], np.ndarray]

SAMPLES = Path(__file__).parents[2] / "sample_videos"
FULL_SIZE = 2**16


@dataclass(frozen=True)
class Recording:
    """All that the selectors look at, one row a frame."""

    n_frames: int
    deeplabcut: np.ndarray
    features: dict[FeatureName, Features]
    large: ThumbnailStore
    large_features: Features


def load_recording(video: Path, large: ThumbnailStore) -> Recording:
    """Read a recording once for each kind of thumbnail; `large` keeps those of one kind."""
    index = index_video(video)
    small: list[np.ndarray] = []
    reading = read_thumbnails(
        index,
        ThumbnailSpec(size=FULL_SIZE, colour=True),
        lambda frame: small.append(deeplabcut_thumbnail(frame)),
    )
    if not np.array_equal(reading.frame_indices, np.arange(reading.video.n_frames)):
        sys.exit(f"{video} has damaged frames: it is no recording to measure by")
    features: dict[FeatureName, Features] = {}
    for colour, names in ((False, ("hog", "gray")), (True, ("colour",))):
        with ThumbnailStore() as store:
            read_thumbnails(index, ThumbnailSpec(colour=colour), store.append)
            for name in names:
                start = time.process_time()
                features[name] = compute_features(name, store, reading)
                cost_ms = 1e3 * (time.process_time() - start) / len(reading)
                print(f"{video.stem}: describing by {name} took {cost_ms:.3f} ms of CPU a frame")
    read_thumbnails(index, ThumbnailSpec(size=COVERAGE_THUMBNAIL), large.append)
    large_features = compute_features("hog", large, reading)
    return Recording(len(reading), np.array(small), features, large, large_features)


def deeplabcut_thumbnail(frame: np.ndarray) -> np.ndarray:
    """Make a frame 30 pixels wide by nearest neighbour; mean over the channels."""
    height = round(30 * frame.shape[0] / frame.shape[1])
    small = cv2.resize(frame, (30, height), interpolation=cv2.INTER_NEAREST)
    return small.mean(axis=2).ravel()


NONE = np.array([], np.int64)  # no frame is held


def load_keypoints(path: Path) -> np.ndarray:
    """Return (frames, animals, nodes, 2) pixels, NaN where hidden."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["keypoints"].astype(np.float64)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if name.endswith(("_x", "_y"))]
    values = [[float(row[name] or "nan") for name in columns] for row in rows]
    return np.array(values).reshape(len(rows), 1, -1, 2)


def choose_at_random(recording: Recording, k: int, rng: np.random.Generator) -> Rows:
    return rng.choice(recording.n_frames, k, replace=False)


def choose_evenly(recording: Recording, k: int, rng: np.random.Generator) -> Rows:
    return ((np.arange(k) + 0.5) * recording.n_frames / k).astype(np.int64)


def choose_like_deeplabcut(recording: Recording, k: int, rng: np.random.Generator) -> Rows:
    """Cluster by mini-batch k-means; take a random member of each cluster that has any."""
    data = recording.deeplabcut - recording.deeplabcut.mean(axis=0)
    model = MiniBatchKMeans(
        k, tol=1e-3, batch_size=100, max_iter=50, random_state=int(rng.integers(2**31))
    )
    labels = model.fit(data).labels_
    return np.array([rng.choice(np.flatnonzero(labels == label)) for label in np.unique(labels)])


def choose_by_kmeans(name: FeatureName) -> Callable[[Recording, int, np.random.Generator], Rows]:
    def choose(recording: Recording, k: int, rng: np.random.Generator) -> Rows:
        features = recording.features[name]
        return pick_members(features, cluster_by_kmeans(features, k, rng, held=NONE), k, held=NONE)

    return choose


def choose_by_coverage(recording: Recording, k: int, rng: np.random.Generator) -> Rows:
    features = recording.large_features
    clustering = choose_for_coverage(recording.large, features, k, rng, held=NONE)
    return pick_members(features, clustering, k, held=NONE)


SELECTORS: dict[str, Callable[[Recording, int, np.random.Generator], Rows]] = {
    "random": choose_at_random,
    "evenly spaced": choose_evenly,
    "DeepLabCut k-means": choose_like_deeplabcut,
    "keyframes kmeans, colour": choose_by_kmeans("colour"),
    "keyframes kmeans, gray": choose_by_kmeans("gray"),
    "keyframes kmeans, hog": choose_by_kmeans("hog"),
    "keyframes coverage": choose_by_coverage,
}


def measure(video: Path, counts: list[int], n_seeds: int) -> Scores:
    """Score every selector on one recording; the mean over the seeds."""
    metric = PoseMetric(load_keypoints(keypoints_of(video)))
    scores: Scores = {}
    with ThumbnailStore() as large:
        recording = load_recording(video, large)
        if recording.n_frames != metric.n_frames:
            sys.exit(f"{video}: {recording.n_frames} frames, but keypoints of {metric.n_frames}")
        for k in counts:
            for name, choose in SELECTORS.items():
                print(f"{video.stem}, k={k}, {name} …", file=sys.stderr)
                each = [
                    astuple(metric.score(choose(recording, k, np.random.default_rng(seed)), k))
                    for seed in range(n_seeds)
                ]
                scores[video.stem, k, name] = np.mean(each, axis=0)
    return scores


def print_summary(scores: Scores) -> None:
    """Print geometric means over recordings and counts; of the duplicates the plain mean."""
    print("| selector | ego mean | ego p95 | abs mean | abs p95 | near-duplicates |")
    print("|---|---|---|---|---|---|")
    by_selector = defaultdict(list)
    for (_, _, name), score in scores.items():
        by_selector[name].append(score)
    for name, each in by_selector.items():
        ratios = np.exp(np.mean(np.log(np.array(each)[:, :4]), axis=0))
        duplicates = np.mean(each, axis=0)[4]
        print(f"| {name} | {' | '.join(f'{r:.3f}' for r in ratios)} | {duplicates:.0%} |")


def print_cells(scores: Scores) -> None:
    """Print ego and abs means of each recording and count."""
    print(f"| ego / abs | {' | '.join(SELECTORS)} |")
    print("|---" * (len(SELECTORS) + 1) + "|")
    for video, k in dict.fromkeys((video, k) for video, k, _ in scores):
        row = (scores[video, k, name] for name in SELECTORS)
        cells = " | ".join(f"{ego:.3f} / {absolute:.3f}" for ego, _, absolute, _, _ in row)
        print(f"| {video}, k={k} | {cells} |")


def keypoints_of(video: Path) -> Path:
    """Return the table that belongs to a video, there or not."""
    table = video.with_suffix(".npz")
    return table if table.exists() else video.with_suffix(".csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=SAMPLES, help="default: the sample videos")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("-k", type=int, nargs="+", default=[10, 20, 50, 150])
    args = parser.parse_args()
    videos = sorted(v for v in args.data.glob("*.mp4") if keypoints_of(v).exists())
    if not videos:
        parser.error(f"{args.data} holds no NAME.mp4 with NAME.csv or NAME.npz beside it")
    scores: Scores = {}
    for video in videos:
        scores |= measure(video, args.k, args.seeds)
    print_summary(scores)
    print()
    print_cells(scores)


if __name__ == "__main__":
    main()
