"""The data that passes between the stages, and the closed choices of the interface.

Each record is frozen. Records that hold arrays check the arrays' shapes against each
other when they are made, and compare by identity (``eq=False``): equality of arrays has
no single truth value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    BoolArray = npt.NDArray[np.bool_]
    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]
    Image = npt.NDArray[np.uint8]

FeatureName = Literal["hog", "gray", "colour"]
Method = Literal["kmeans", "coverage", "uniform"]


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of the upright frame, in pixels; the right and lower edges are exclusive."""

    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True, slots=True)
class ThumbnailSpec:
    """How a frame is made small.

    Attributes
    ----------
    size
        Longest side of the thumbnail, pixels. A frame that is smaller stays as it is.
    colour
        Three BGR channels instead of one gray (luma) channel.
    crop
        The part of the upright frame that is seen; None for all of it.
    """

    size: int = 64
    colour: bool = False
    crop: Crop | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What one pass over a recording found: one row a candidate frame, in frame order.

    Attributes
    ----------
    video
        The recording, with its frames counted by this pass.
    frame_indices
        (n,) int64: the candidate's ordinal in a full sequential decode, from 0.
    times_s
        (n,) float64: its timestamp, seconds after the first frame's.
    pts
        (n,) int64: its timestamp in the stream's own units, to find it again.
    checksums
        (n,) uint32: CRC-32 of its thumbnail, to recognise it when it is fetched.
    """

    video: VideoInfo
    frame_indices: IntArray
    times_s: FloatArray
    pts: IntArray
    checksums: npt.NDArray[np.uint32]

    def __post_init__(self) -> None:
        _check_lengths(
            frame_indices=self.frame_indices,
            times_s=self.times_s,
            pts=self.pts,
            checksums=self.checksums,
        )

    def __len__(self) -> int:
        return len(self.frame_indices)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A recording, as a pass over it found it; never the header's claim.

    Attributes
    ----------
    path
        The file.
    container, codec, pixel_format
        FFmpeg's names, for example ``mov``, ``h264``, ``yuv420p``.
    width, height
        Size of the upright frame, pixels.
    rotation
        Degrees by which the stored picture was turned anticlockwise to stand upright: 0, 90,
        180 or 270.
    n_frames
        Frames counted.
    fps
        Mean frame rate, from the timestamps.
    duration_s
        From the first frame's timestamp to the end of the last frame, seconds.
    start_time_s
        The first frame's own timestamp, seconds; ``time_s`` is counted from there.
    decode_errors
        Packets that could not be decoded.
    damaged_frames
        Decoded frames that the decoder marked as corrupt; never candidates.
    """

    path: Path
    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    rotation: int
    n_frames: int
    fps: float
    duration_s: float
    start_time_s: float
    decode_errors: int
    damaged_frames: int


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """One row a candidate frame.

    Attributes
    ----------
    reading
        The candidates.
    values
        (n, d) float32: the feature vectors.
    sharpness
        (n,) float32: how much fine detail the thumbnail shows; compares frames of one video.
    blank
        (n,) bool: the thumbnail is constant (black, or a lost signal).
    """

    reading: Reading
    values: npt.NDArray[np.float32]
    sharpness: npt.NDArray[np.float32]
    blank: BoolArray

    def __post_init__(self) -> None:
        _check_lengths(
            frame_indices=self.reading.frame_indices,
            values=self.values,
            sharpness=self.sharpness,
            blank=self.blank,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """A partition of the candidates.

    Attributes
    ----------
    centers
        (k, d) float32.
    labels
        (n,) int32: the cluster of each candidate.
    inertia
        The objective J: sum of squared distances to the nearest centre.
    inertia_histories
        One tuple a restart: J after each iteration; it never rises.
    """

    centers: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32]
    inertia: float
    inertia_histories: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Keyframe:
    """One chosen frame.

    Attributes
    ----------
    frame_index
        Ordinal in a full sequential decode, from 0.
    time_s
        Seconds after the first frame, from the timestamps.
    cluster
        Number of the cluster it stands for.
    cluster_size
        Candidates in that cluster.
    distance
        Distance of its feature vector to the cluster's centre.
    """

    frame_index: int
    time_s: float
    cluster: int
    cluster_size: int
    distance: float


def _check_lengths(**columns: npt.NDArray[Any]) -> None:
    """Raise ValueError, naming all lengths, unless the columns are equally long."""
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {np.shape(column)}" for name, column in columns.items())
        raise ValueError(f"columns of one table must be equally long, got {lengths}")
