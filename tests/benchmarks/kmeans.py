"""Compare keyframes.KMeans with scikit-learn, faiss and OpenCV; print a Markdown table.

``python tests/benchmarks/kmeans.py [WORKLOAD...] [--data DIR] [--rounds N] [--threads N]``

Workloads: A, B, C, D (made up; B and D take minutes) and, with ``--data`` naming a folder that
holds openfield.mp4, gray64, gray32 and hog (its thumbnails and their gradient histograms).

*fit*: the whole of ``KMeans(k, n_init=1).fit(X)``, each library with a start of its own.
*lloyd*: the same start and ``tol=0``. The libraries take turns, and the medians are compared:
a ratio below 1 means that keyframes is faster. ``--threads 1`` holds every library to one
thread, which is the fairer comparison on a machine that has other work to do.
"""

import argparse
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans as SklearnKMeans
from threadpoolctl import threadpool_limits

from keyframes.kmeans import KMeans

try:
    import faiss
except ImportError:
    faiss = None


def video_like(n, d, *, seed=0):
    """Smooth random walks of eight hidden variables, seen through d pixels with noise."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 8)).cumsum(axis=0)
    hidden = np.sin(hidden / 40).astype(np.float32)
    view = rng.normal(size=(8, d)).astype(np.float32)
    return np.tanh(hidden @ view) + 0.3 * rng.standard_normal((n, d), dtype=np.float32)


def blobs(n, d, k, spread, *, seed=0):
    rng = np.random.default_rng(seed)
    means = spread * rng.standard_normal((k, d), dtype=np.float32)
    return means[rng.integers(k, size=n)] + rng.standard_normal((n, d), dtype=np.float32)


def thumbnails(video, size):
    import av  # noqa: PLC0415 - only these workloads need it
    import cv2  # noqa: PLC0415

    frames = []
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            gray = frame.to_ndarray(format="gray")
            scale = size / max(gray.shape)
            shape = (round(gray.shape[1] * scale), round(gray.shape[0] * scale))
            frames.append(cv2.resize(gray, shape, interpolation=cv2.INTER_AREA))
    return np.stack(frames).astype(np.float32)


def hog(frames):
    """Gradient histograms of 8-pixel cells, foreground first: what the features room makes."""
    background = np.median(frames[:: max(len(frames) // 150, 1)], axis=0)
    dy, dx = np.gradient(frames, axis=(1, 2))
    strength = np.hypot(dx, dy) * np.clip((np.abs(frames - background) - 4) / 12, 0, 1)
    angle = np.arctan2(dy, dx) % np.pi / np.pi * 8
    low = np.floor(angle)
    bins = []
    for orientation in range(8):
        below, above = low % 8 == orientation, (low + 1) % 8 == orientation
        share = below * (1 - (angle - low)) + above * (angle - low)
        rows, columns = frames.shape[1] // 8, frames.shape[2] // 8
        weighted = (strength * share)[:, : rows * 8, : columns * 8]
        bins.append(weighted.reshape(len(frames), rows, 8, columns, 8).mean(axis=(2, 4)))
    values = np.sqrt(np.stack(bins, axis=-1)).reshape(len(frames), -1)
    return (values - values.mean(axis=0)).astype(np.float32)


def flat(frames):
    return frames.reshape(len(frames), -1)


def workloads(data):
    """Name to (make X, list of k, most iterations)."""
    table = {
        "A": (lambda: blobs(10_000, 768, 20, 0.2), [20], 300),
        "B": (lambda: video_like(108_000, 768), [150], 25),
        "C": (lambda: blobs(20_000, 50, 150, 0.7), [150], 300),
        "D": (lambda: blobs(1_000_000, 32, 150, 0.7), [150], 15),
    }
    video = None if data is None else data / "openfield.mp4"
    if video is not None and video.exists():
        table["gray64"] = (lambda: flat(thumbnails(video, 64)), [20, 150], 300)
        table["gray32"] = (lambda: flat(thumbnails(video, 32)), [20, 150], 300)
        table["hog"] = (lambda: hog(thumbnails(video, 64)), [20, 150], 300)
    return table


def measure(contestants, rounds):
    """Let the contestants take turns; return medians of (wall, CPU) and all results by name."""
    times = {name: [] for name in contestants}
    results = {name: [] for name in contestants}
    for turn in range(rounds):
        for name, fit in contestants.items():
            wall, cpu = time.perf_counter(), time.process_time()
            results[name].append(fit(turn))
            times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    medians = {
        name: tuple(statistics.median(column) for column in zip(*rows, strict=True))
        for name, rows in times.items()
    }
    return medians, results


def whole_fit(X, k, rounds):
    def fit_with(estimator):
        return lambda seed: estimator(k, n_init=1, random_state=seed).fit(X).inertia_

    def fit_faiss(seed):
        kmeans = faiss.Kmeans(X.shape[1], k, niter=25, seed=seed, max_points_per_centroid=len(X))
        kmeans.train(X)
        return float(kmeans.obj[-1])

    contestants = {"ours": fit_with(KMeans), "scikit-learn": fit_with(SklearnKMeans)}
    if faiss is not None:
        contestants["faiss"] = fit_faiss
    medians, results = measure(contestants, rounds)
    quality = np.mean(results["ours"]) / np.mean(results["scikit-learn"])
    return medians, f"mean J {quality:.4f}"


def lloyd_alone(X, k, max_iter, rounds):
    start = X[np.random.default_rng(1).choice(len(X), k, replace=False)]
    options = {"n_clusters": k, "init": start, "n_init": 1, "tol": 0, "max_iter": max_iter}

    def fit_with(estimator, **extra):
        return lambda _: estimator(**options, **extra).fit(X)

    contestants = {"ours": fit_with(KMeans), "scikit-learn": fit_with(SklearnKMeans)}
    if k * len(X) <= 10_000_000:
        contestants["elkan"] = fit_with(SklearnKMeans, algorithm="elkan")
    contestants["opencv"] = lambda _: opencv_lloyd(X, k, max_iter, start)
    medians, results = measure(contestants, rounds)
    ours, theirs = results["ours"][0], results["scikit-learn"][0]
    equal = np.mean(ours.labels_ == theirs.labels_)
    gap = ours.inertia_ / theirs.inertia_ - 1
    return medians, f"{ours.n_iter_} iterations, labels equal {equal:.5f}, J {gap:+.0e}"


def opencv_lloyd(X, k, max_iter, start):
    import cv2  # noqa: PLC0415 - optional here

    distances = (X**2).sum(axis=1)[:, None] - 2 * (X @ start.T) + (start**2).sum(axis=1)
    labels = distances.argmin(axis=1).astype(np.int32)
    criteria = (cv2.TERM_CRITERIA_MAX_ITER, max_iter, 0)
    return cv2.kmeans(X, k, labels, criteria, 1, cv2.KMEANS_USE_INITIAL_LABELS)


def row(name, X, k, what, medians, note):
    ours = medians["ours"]
    ratios = [
        f"{other} {ours[0] / wall:.2f}, {ours[1] / cpu:.2f}"
        for other, (wall, cpu) in medians.items()
        if other != "ours"
    ]
    shape = f"{len(X):,}×{X.shape[1]}"
    return f"| {name} {shape}, k={k} | {what} | {ours[0]:.3f} s | {'; '.join(ratios)} | {note} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    table = workloads(arguments.data)
    names = arguments.workloads or [name for name in table if name not in {"B", "D"}]
    warnings.simplefilter("ignore")
    print("| workload | what | ours, wall | ours / theirs: wall, CPU | result |")
    print("|---|---|---|---|---|")
    with threadpool_limits(arguments.threads):
        for name in names:
            make, counts, max_iter = table[name]
            X = np.ascontiguousarray(make())
            for k in counts:
                print(row(name, X, k, "fit", *whole_fit(X, k, arguments.rounds)), flush=True)
                alone = lloyd_alone(X, k, max_iter, arguments.rounds)
                print(row(name, X, k, "lloyd", *alone), flush=True)


if __name__ == "__main__":
    main()
