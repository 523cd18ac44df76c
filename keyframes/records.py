"""The data that passes between the stages, and the closed choices of the interface.

Each record is frozen. Those that hold arrays check the arrays' shapes against each other when they
are made, and compare by identity (``eq=False``): equality of arrays has no single truth value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    # Not needed to run, and the command line starts faster without.
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    BoolArray = npt.NDArray[np.bool_]
    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]
    Image = npt.NDArray[np.uint8]

FeatureName = Literal["hog", "gray", "colour"]
Method = Literal["kmeans", "coverage", "uniform"]
MatchBy = Literal["auto", "frame", "time"]
ExportFormat = Literal["deeplabcut", "sleap", "lightning-pose", "coco", "cvat", "label-studio"]


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of the upright frame, in pixels; the right and lower edges are exclusive."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of what is cut out, pixels."""
        return self.x2 - self.x1, self.y2 - self.y1


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
    checksums
        (n,) uint32: CRC-32 of its thumbnail, to recognise it when it is fetched.
    """

    video: VideoInfo
    frame_indices: IntArray
    times_s: FloatArray
    checksums: npt.NDArray[np.uint32]

    def __post_init__(self) -> None:
        _check_lengths(
            frame_indices=self.frame_indices,
            times_s=self.times_s,
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
        Frames counted: by decoding where all were decoded, else by their packets.
    fps
        Mean frame rate, from the timestamps.
    duration_s
        From the first frame's timestamp to the end of the last frame, seconds.
    start_time_s
        The first frame's own timestamp, seconds; ``time_s`` is counted from there.
    decode_errors
        Packets that are damaged or could not be decoded.
    damaged_frames
        Decoded frames that are marked as corrupt, or may refer to such or lost ones; no candidates.
    mirrored
        Whether the stored picture was mirrored, left to right, before it was turned.
    is_seekable
        Whether programs find a frame that jump to it by its number or time: see `VideoIndex`.
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
    mirrored: bool = False
    is_seekable: bool = True

    @property
    def is_damaged(self) -> bool:
        """Whether any of it is."""
        return self.decode_errors > 0 or self.damaged_frames > 0


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """One row a candidate frame.

    Attributes
    ----------
    reading
        The candidates.
    values
        (n, d) float32: the feature vectors, with their mean subtracted.
    mean
        (d,) float32: that mean; with it added, vectors of several videos can be compared.
    sharpness
        (n,) float32: how much fine detail the thumbnail shows; compares frames of one video.
    blank
        (n,) bool: the thumbnail is constant (black, or a lost signal).
    """

    reading: Reading
    values: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]
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
    """A partition of the candidates, one cluster for each keyframe wanted.

    Attributes
    ----------
    n_clusters
        Clusters asked for; some may be empty where candidates are duplicates.
    labels
        (n,) int32: the cluster of each candidate.
    distances
        (n,) float32: how far the candidate is from what its cluster stands for (the centroid,
        the chosen frame, the middle of the share), in the method's own unit.
    inertia_histories
        One tuple a restart of k-means: the objective J after each iteration; it never rises.
    explanation
        What the method measured and decided, for the run record.
    """

    n_clusters: int
    labels: npt.NDArray[np.int32]
    distances: npt.NDArray[np.float32]
    inertia_histories: tuple[tuple[float, ...], ...] = ()
    explanation: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_lengths(labels=self.labels, distances=self.distances)


@dataclass(frozen=True, slots=True)
class PoolShare:
    """What one video contributes to a selection over many.

    Attributes
    ----------
    pool
        What tells this selection from others: a digest of all that it depends on.
    facts
        What a person should know about it, for the run record.
    clusters
        Numbers of the pool's clusters that the video represents.
    centers
        (k, d) float32: their centres, no mean subtracted. They follow from the rest, and are no
        part of equality.
    """

    pool: str
    facts: tuple[tuple[str, int | float], ...]
    clusters: tuple[int, ...]
    centers: npt.NDArray[np.float32] = field(compare=False, repr=False)


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
        How far it is from what the cluster stands for; for k-means from the centroid, in the
        space of the features.
    covers
        Candidates that have no nearer keyframe.
    covers_mean, covers_p95
        Distance from those to this keyframe in the space of the features: mean and 95th
        percentile.
    """

    frame_index: int
    time_s: float
    cluster: int
    cluster_size: int
    distance: float
    covers: int
    covers_mean: float
    covers_p95: float


@dataclass(frozen=True, slots=True)
class Reach:
    """How near a set of keyframes is to every candidate, in the space of the features.

    Attributes
    ----------
    mean, p95
        Distance of a candidate to its nearest keyframe: mean and 95th percentile.
    """

    mean: float
    p95: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """How well the keyframes cover the video, as the features see it.

    Attributes
    ----------
    variance_explained
        1 - J / J of a single cluster, in [0, 1]; the clusters' share of the variance.
    keyframes
        Reach of the chosen frames.
    evenly_spaced
        Reach of as many frames evenly spaced in time, to compare with.
    """

    variance_explained: float
    keyframes: Reach
    evenly_spaced: Reach


@dataclass(frozen=True, slots=True)
class Selection:
    """The keyframes of one video.

    Attributes
    ----------
    video
        The recording.
    keyframes
        The chosen frames, in frame order.
    n_asked
        Keyframes asked for; fewer are chosen only where the video has fewer.
    n_candidates
        Frames that were considered.
    step
        Every how many frames a candidate was taken; "keyframes": the stream's own key frames;
        None: only listed frames were.
    coverage
        What the choice bought.
    warnings
        What a person should know, one sentence each.
    """

    video: VideoInfo
    keyframes: tuple[Keyframe, ...]
    n_asked: int
    n_candidates: int
    step: int | str | None
    coverage: Coverage
    warnings: tuple[str, ...] = ()

    @property
    def image_names(self) -> list[str]:
        """File names of the pictures: ``img`` and the frame number, all equally long."""
        digits = max(6, len(str(self.video.n_frames - 1)))
        return [f"img{keyframe.frame_index:0{digits}d}.png" for keyframe in self.keyframes]

    @property
    def frame_indices(self) -> list[int]:
        """The chosen frame numbers, ascending."""
        return [keyframe.frame_index for keyframe in self.keyframes]


def _check_lengths(**columns: npt.NDArray[Any]) -> None:
    """Raise ValueError, naming all lengths, unless the columns are equally long."""
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {column.shape}" for name, column in columns.items())
        raise ValueError(f"columns of one table must be equally long, got {lengths}")
