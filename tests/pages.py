"""A small finished output folder with its page, made by hand."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from factories import VIDEO, make_features
from keyframes import run_record
from keyframes.files import write_json
from keyframes.records import Clustering, Coverage, Keyframe, Reach, Selection
from keyframes.report import render_report, report_content
from keyframes.settings import Settings

# Where a page would run or break, were it not escaped.
HOSTILE = """<img src=x onerror=hacked()>"'&amp;</script><script>hacked()</script>{{7*7}}"""


@dataclass
class Scene:
    """What `report_content` takes: frames that go round four places, five at a time."""

    selection: Selection
    clustering: Clustering
    features: Any
    rows: np.ndarray
    pictures: list[np.ndarray]
    record: dict[str, Any]
    output: Path = Path("keyframes-out")

    def render(self, **changes):
        return render_report(report_content(**{**vars(self), **changes}))


def make_scene(name="v.mp4", *, n=60, k=4, warnings=(), histories=((9.0, 5.0, 4.0), (8.0, 3.5))):
    """Return a scene of `n` candidates in `k` clusters, with one keyframe each."""
    labels = (np.arange(n) // 5 % k).astype(np.int32)
    angle = 2 * np.pi * labels / k
    spread = np.random.default_rng(0).normal(size=(n, 3)) * 0.05
    values = np.stack([3 * np.cos(angle), 2 * np.sin(angle), 0 * angle], axis=1) + spread
    features = make_features(values)
    distances = np.linalg.norm(spread, axis=1).astype(np.float32)
    rows = np.minimum(5 * np.arange(k) + 2, n - 1)
    keyframes = tuple(
        Keyframe(
            frame_index=int(features.reading.frame_indices[row]),
            time_s=float(features.reading.times_s[row]),
            cluster=int(labels[row]),
            cluster_size=int(np.sum(labels == labels[row])),
            distance=float(distances[row]),
            covers=16 if row == 12 else 14,  # more or fewer than the cluster has
            covers_mean=0.1,
            covers_p95=0.2,
        )
        for row in rows
    )
    selection = Selection(
        video=replace(VIDEO, path=Path(name), duration_s=n / 10),
        keyframes=keyframes,
        n_asked=k,
        n_candidates=n,
        step=1,
        coverage=Coverage(0.875, Reach(0.1, 0.2), Reach(0.4, 0.25)),
        warnings=tuple(warnings),
    )
    pictures = [np.full((48, 64, 3), 40 * number % 256, np.uint8) for number in range(k)]
    clustering = Clustering(k, labels, distances, inertia_histories=histories)
    record = make_record(selection, clustering, name)
    return Scene(selection, clustering, features, rows, pictures, record)


def make_record(selection, clustering, name):
    settings = Settings(count=selection.n_asked, seed=7).to_json()
    identity = {
        "video": {"name": name, "bytes": 1, "sha256_of_samples": "5a"},
        "settings": settings,
    }
    images = f"labeled-data/{Path(name).stem}"
    record = run_record.make_record(selection, clustering, identity, images, {"reading": 12.3456})
    return {
        **record,
        "video": {**record["video"], "path": f"/recordings/{name}"},
        "inertia": 3.5,
        "explanation": {"k": f"{len(selection.keyframes)}, the elbow of 2 to 9"},
        "versions": {"numpy": "1.2.3"},
        "timings_s": {"reading": 12.3456},
    }


def write_folder(root, scene, stem, size=(640, 480)):
    """Write PNGs, record and page as they lie after a run; return the page's path."""
    for keyframe, picture in zip(scene.record["keyframes"], scene.pictures, strict=True):
        path = root / keyframe["image"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", cv2.resize(picture, size))[1].tobytes())
    write_json(root / f"{stem}.json", scene.record)
    page = root / f"{stem}.html"
    page.write_text(scene.render(), encoding="utf-8")
    return page
