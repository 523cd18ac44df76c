"""Records made by hand, for tests that need no video."""

from pathlib import Path

import numpy as np

from keyframes.records import (
    Clustering,
    Coverage,
    Features,
    Keyframe,
    Reach,
    Reading,
    Selection,
    VideoInfo,
)
from keyframes.settings import Settings

VIDEO = VideoInfo(
    path=Path("v.mp4"),
    container="mov",
    codec="h264",
    pixel_format="yuv420p",
    width=64,
    height=48,
    rotation=0,
    n_frames=1000,
    fps=10.0,
    duration_s=100.0,
    start_time_s=0.0,
    decode_errors=0,
    damaged_frames=0,
)

IDENTITY = {
    "video": {"name": "v.mp4", "bytes": 10, "sha256_of_samples": "5a"},
    "settings": Settings(count=2).to_json(),
}
NO_CLUSTERS = Clustering(0, np.empty(0, np.int32), np.empty(0, np.float32))


def make_selection(frames):
    """The selection of these frames, ten a second."""
    keyframes = tuple(Keyframe(frame, frame / 10, 0, 1, 0.0, 1, 0.0, 0.0) for frame in frames)
    coverage = Coverage(1.0, Reach(0.0, 0.0), Reach(0.0, 0.0))
    return Selection(VIDEO, keyframes, len(frames), len(frames), 1, coverage)


def make_features(values, *, sharpness=None, blank=None, times_s=None):
    """Features of candidates 100, 101, … at ten frames a second."""
    values = np.array(values, np.float32)
    if values.ndim == 1:
        values = values[:, np.newaxis]
    n = len(values)
    reading = Reading(
        video=VIDEO,
        frame_indices=np.arange(100, 100 + n),
        times_s=np.arange(n) / 10 if times_s is None else np.array(times_s, float),
        checksums=np.zeros(n, np.uint32),
    )
    mean = values.mean(axis=0, dtype=np.float32)
    return Features(
        reading=reading,
        values=values - mean,
        mean=mean,
        sharpness=np.array([1.0] * n if sharpness is None else sharpness, np.float32),
        blank=np.array([False] * n if blank is None else blank, bool),
    )
