"""Find the moving animals in small gray frames, and say how and where each of them is.

For recordings that a fixed camera took of a few animals of one kind. What an animal is gets
learned from a sample of the frames: what moves against a background that stands still, how
large one of it is, how many there usually are. :class:`Gate` tells whether the recording is
of that kind at all; where it is shut, what the other functions would find is not to be used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keyframes.blobs import find_blobs, learn_scene, separate, single_animals, typical_size
from keyframes.postures import (
    common_heading,
    compare_ends,
    crop_blob,
    describe_crops,
    is_turned,
    turn_heads,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from keyframes.blobs import Scene
    from keyframes.records import FloatArray, Image, IntArray

    Float32Array = npt.NDArray[np.float32]

#: Frames from which the background and the animals are learned, and on which the gate rests.
N_SAMPLE = 150
#: Side of an animal's picture, in lengths of an animal: for its posture; and the wider one,
#: which also shows, say, a tail, to tell its head.
CROP_LENGTHS, WIDE_LENGTHS = 1.1, 1.5
#: How many lengths of an animal count as much as turning by one radian.
PLACE_UNIT = 0.42
#: The gate: animals in a frame, share of the frames that must show the usual number, and how
#: much the postures may vary. The spread is 0.2 to 0.33 where animals are seen whole and 0.4
#: or more where the blobs are parts of bodies or of a moving scene.
MAX_ANIMALS, MIN_SHARE, MAX_SPREAD = 7, 0.7, 0.36
#: Fewer frames are not enough to tell.
MIN_SAMPLE = 20


@dataclass(frozen=True, slots=True, eq=False)
class Animals:
    """One row an animal seen, in frame order.

    Attributes
    ----------
    frames
        (a,) int64: number of the frame, ascending.
    postures
        (a, d) float32: the animal's picture, turned to lie along the x axis, as histograms of
        its gradients.
    places
        (a, 4) float32: its middle, x and y, in units of `PLACE_UNIT` lengths of an animal;
        cosine and sine of its direction.
    """

    frames: IntArray
    postures: Float32Array
    places: Float32Array


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the animals of a recording can be told apart from the rest, and why (not).

    Attributes
    ----------
    count
        The usual number of animals in a frame.
    share
        Share of the frames that show as many.
    spread
        How much the postures vary; infinite where there is no animal.
    n_frames
        Frames that were looked at.
    """

    count: int
    share: float
    spread: float
    n_frames: int

    @property
    def is_open(self) -> bool:
        """Whether the figures are as they are where animals are seen whole."""
        return (
            self.n_frames >= MIN_SAMPLE
            and 1 <= self.count <= MAX_ANIMALS
            and self.share >= MIN_SHARE
            and self.spread < MAX_SPREAD
        )

    @property
    def reason(self) -> str:
        """The first figure that shuts the gate, in words."""
        if self.n_frames < MIN_SAMPLE:
            return f"only {self.n_frames} frames, too few to tell animals from the background"
        if self.count == 0:
            return "nothing that moves stands out from the background in most frames"
        if self.count > MAX_ANIMALS or self.share < MIN_SHARE:
            return "the number of things that move changes too much to be animals seen whole"
        if self.spread >= MAX_SPREAD:
            return "what moves looks too different from frame to frame to be animals seen whole"
        return (
            f"usually {self.count} seen whole: what stands out from the background comes to as "
            f"many in {self.share:.0%} of {self.n_frames} frames, and varies little in shape; "
            "that the camera stands still is not tested"
        )

    def as_record(self) -> dict[str, Any]:
        """Return the figures beside what they are held against."""
        return {
            "open": self.is_open,
            "reason": self.reason,
            "usual_count": self.count,
            "share_with_usual_count": self.share,
            "posture_spread": self.spread if np.isfinite(self.spread) else None,
            "n_frames": self.n_frames,
            "limits": {
                "max_count": MAX_ANIMALS,
                "min_share": MIN_SHARE,
                "max_spread": MAX_SPREAD,
                "min_frames": MIN_SAMPLE,
            },
        }


@dataclass(frozen=True, slots=True, eq=False)
class AnimalModel:
    """What the animals of a recording look like, learned from a sample of its frames.

    Attributes
    ----------
    scene
        The background and what stands out from it.
    area, length
        Pixels of one animal in the thumbnail, and four standard deviations along its
        long axis: the median animal's.
    heading
        (d,) float32: how head and tail differ, see :func:`~keyframes.postures.compare_ends`.
    posture
        (d,) float32: the median posture.
    count
        The usual number of animals in a frame.
    """

    scene: Scene
    area: float
    length: float
    heading: Float32Array
    posture: Float32Array
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class _Sightings:
    """Whatever may be an animal, in frame order; which end is the head is not yet known."""

    frames: IntArray
    middles: FloatArray
    angles: FloatArray
    postures: Float32Array
    ends: Float32Array


def learn_animals(sample: Image) -> tuple[AnimalModel | None, Gate]:
    """Learn from frames spread over a recording what its animals look like.

    Parameters
    ----------
    sample
        (n, h, w) uint8, about `N_SAMPLE` gray thumbnails.

    Returns
    -------
    What was learned, None where the gate is shut; and the gate.
    """
    scene = learn_scene(sample)
    foregrounds = (scene.foreground(thumbnail) for thumbnail in sample)
    blobs = [blob for fg in foregrounds for blob in find_blobs(fg, scene.threshold)]
    if not blobs:
        return None, Gate(count=0, share=1.0, spread=np.inf, n_frames=len(sample))
    area, length = typical_size(blobs)
    sightings = _sight(sample, scene, area, length)
    heading = common_heading(sightings.ends)
    turned = is_turned(sightings.ends, heading)
    posture = np.median(turn_heads(sightings.postures, turned), axis=0)
    counts = np.bincount(sightings.frames, minlength=len(sample))
    count = int(np.bincount(counts).argmax())
    model = AnimalModel(scene, area, length, heading, posture, count)
    animals = _recognise(sightings, model)
    spread = _spread(animals.postures) if count else np.inf
    gate = Gate(count, float((counts == count).mean()), spread, len(sample))
    return (model if gate.is_open else None), gate


def describe_animals(blocks: Iterable[Image], model: AnimalModel) -> Animals:
    """Describe the animals in every frame.

    Of the blobs in a frame, the usual number is kept: those that look most like an animal.
    A frame may show fewer, or none.

    Parameters
    ----------
    blocks
        uint8 (b, h, w) gray thumbnails, in frame order.
    model
        What :func:`learn_animals` has learned from a sample of them.
    """
    found, n_frames = [], 0
    for block in blocks:
        sightings = _sight(block, model.scene, model.area, model.length)
        animals = _recognise(sightings, model)
        found.append((animals.frames + n_frames, animals.postures, animals.places))
        n_frames += len(block)
    return Animals(*map(np.concatenate, zip(*found, strict=True)))


def _sight(thumbnails: Image, scene: Scene, area: float, length: float) -> _Sightings:
    """Find whatever may be an animal in some frames, and describe it."""
    frames, blobs = [], []
    close, wide = [], []
    for frame, thumbnail in enumerate(thumbnails):
        foreground = scene.foreground(thumbnail)
        seen = single_animals(find_blobs(foreground, scene.threshold), area)
        frames += [frame] * len(seen)
        blobs += seen
        for blob, picture in zip(seen, separate(foreground, seen), strict=True):
            close.append(crop_blob(picture, blob, CROP_LENGTHS * length))
            wide.append(crop_blob(picture, blob, WIDE_LENGTHS * length))
    return _Sightings(
        np.array(frames, np.int64),
        np.array([blob.middle for blob in blobs]).reshape(-1, 2) / (PLACE_UNIT * length),
        np.array([blob.angle for blob in blobs]),
        describe_crops(close),
        compare_ends(describe_crops(wide)),
    )


def _recognise(sightings: _Sightings, model: AnimalModel) -> Animals:
    """Turn the animals head to head; keep the usual number in a frame, the likeliest ones."""
    turned = is_turned(sightings.ends, model.heading)
    postures = turn_heads(sightings.postures, turned)
    misfit = np.square(postures - model.posture).sum(axis=1)
    order = np.lexsort((misfit, sightings.frames))
    frames = sightings.frames[order]
    rank = np.arange(len(order)) - np.searchsorted(frames, frames)
    kept = np.sort(order[rank < model.count])
    angles = sightings.angles + np.pi * turned
    places = np.column_stack((sightings.middles, np.cos(angles), np.sin(angles)))
    return Animals(sightings.frames[kept], postures[kept], places[kept].astype(np.float32))


def _spread(postures: Float32Array) -> float:
    """Return the mean distance from the mean posture, as a share of its norm; inf without one."""
    mean = postures.mean(axis=0)
    if not mean.any():
        return np.inf
    distances = np.linalg.norm(postures - mean, axis=1)
    return float(distances.mean() / np.linalg.norm(mean))
