"""Which frames of a recording show the moments of another camera's keyframes.

Cameras that are triggered together make the same frames, so frame 42 of one is frame 42 of the
other. Cameras that only started together are compared by the clock: the frame nearest in time,
each counted from its recording's first frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from keyframes.errors import VideoError
from keyframes.records import ThumbnailSpec
from keyframes.video import read_thumbnails
from keyframes.video.index import GAP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from keyframes.records import BoolArray, FloatArray, IntArray, MatchBy, Selection, VideoInfo
    from keyframes.video import VideoIndex

# Of a frame. Half of one is as far as the nearest can be; the rest is for containers that round
# timestamps, to milliseconds at worst.
_WITHIN = 0.55
# Clocks of cameras differ by less, 29.97 and 30 frames a second by more.
_SAME_RATE = 5e-4
# Times that differ by less are the same, and the earlier frame is taken.
_TIE_S = 1e-6
_SHOWN = 3  # moments that a message names


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """When the frames of a recording are.

    Attributes
    ----------
    path
        The recording.
    n_frames, fps
        How many it has, and how many in a second, from the timestamps.
    frame_indices
        (m,) int64, ascending: its frames that are whole, as far as that is known.
    times_s
        (m,) float64: when these are, seconds after the first frame.
    """

    path: Path
    n_frames: int
    fps: float
    frame_indices: IntArray
    times_s: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The frames that show the moments.

    Attributes
    ----------
    by
        What they were found by.
    frame_indices, times_s
        (k,) int64 and float64, ascending: their numbers and times, in the order of the moments.
    difference_s
        The most that the time of a frame differs from its moment, seconds.
    warnings
        What speaks against them, one sentence each.
    """

    by: Literal["frame", "time"]
    frame_indices: IntArray
    times_s: FloatArray
    difference_s: float
    warnings: tuple[str, ...]


def read_timeline(
    index: VideoIndex,
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Timeline:
    """Return when the frames of a recording are; it is decoded where its packets don't tell."""
    if index.doubt is not None:
        reading = read_thumbnails(
            index,
            ThumbnailSpec(),
            lambda _: None,  # only the times count
            threads=threads,
            progress=progress and (lambda done: progress(done, max(done, len(index)))),
        )
        video = reading.video
        return Timeline(
            index.path, video.n_frames, video.fps, reading.frame_indices, reading.times_s
        )
    n, end_s = len(index), float(index.times_s[-1])
    fps = (n - 1) / end_s if end_s > 0 else float(index.rate)
    return Timeline(index.path, n, fps, np.arange(n), index.times_s)


def find_moments(pattern: Selection, timeline: Timeline, by: MatchBy = "auto") -> Found:
    """Find the frames that show the moments of another camera's keyframes.

    Parameters
    ----------
    pattern
        The keyframes whose moments are wanted, at least one.
    timeline
        The recording to find them in.
    by
        "frame": the frames of the same numbers; "time": those nearest in time, counted from each
        recording's first frame; "auto": by number where both recordings have equally many frames
        at one rate, else by time.

    Raises
    ------
    VideoError
        The recording has no frame of a number, none within half a frame of a moment, or one for
        two moments.
    """
    numbers = np.array(pattern.frame_indices)
    moments_s = np.array([keyframe.time_s for keyframe in pattern.keyframes])
    if by == "auto":
        by = "frame" if _run_alike(pattern, timeline) else "time"
    if by == "frame":
        rows, missing = _find_numbers(numbers, timeline)
    else:
        rows, missing = _find_nearest(moments_s, timeline)
    if missing.any():
        raise _absence(pattern, timeline, missing, by)
    _refuse_shared(pattern, timeline, rows)
    times_s = timeline.times_s[rows]
    difference_s = float(np.abs(times_s - moments_s).max())
    doubts = _doubt_numbers if by == "frame" else _doubt_clocks
    return Found(
        by=by,
        frame_indices=timeline.frame_indices[rows],
        times_s=times_s,
        difference_s=difference_s,
        warnings=tuple(doubts(pattern, timeline, difference_s)),
    )


def _run_alike(pattern: Selection, timeline: Timeline) -> bool:
    """Say whether both have equally many frames, at one rate."""
    n = timeline.n_frames
    return pattern.video.n_frames == n and _gap_s(pattern, timeline) <= max(
        0.5 / timeline.fps, _SAME_RATE * n / timeline.fps
    )


def _find_numbers(numbers: IntArray, timeline: Timeline) -> tuple[IntArray, BoolArray]:
    """Return the rows of frames of these numbers, and which there aren't."""
    last = len(timeline.frame_indices) - 1
    rows = np.minimum(timeline.frame_indices.searchsorted(numbers), last)
    return rows, timeline.frame_indices[rows] != numbers


def _find_nearest(moments_s: FloatArray, timeline: Timeline) -> tuple[IntArray, BoolArray]:
    """Return the rows nearest to the moments, and which are none of theirs.

    In between frames that follow each other as usual the nearest is right. Where frames are lost,
    and before the first and behind the last, it may be half a usual frame away.
    """
    times_s = timeline.times_s
    usual_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1 / timeline.fps
    fenced_s = np.concatenate([[-np.inf], times_s, [np.inf]])
    rows = times_s.searchsorted(moments_s)
    since_s, until_s = moments_s - fenced_s[rows], fenced_s[rows + 1] - moments_s
    in_gap = since_s + until_s > GAP * usual_s
    missing = in_gap & (np.minimum(since_s, until_s) > _WITHIN * usual_s)
    return rows - (since_s <= until_s + _TIE_S), missing


def _absence(
    pattern: Selection, timeline: Timeline, missing: BoolArray, by: Literal["frame", "time"]
) -> VideoError:
    """Say which moments the recording doesn't show, and what to do."""
    name = pattern.video.path.name
    kind = "of this number" if by == "frame" else "within half a frame's time"
    where = f"{_length(timeline)}, against {_length(pattern.video)} of {name}"
    return VideoError(
        f"{timeline.path}: has no whole frame {kind} for {int(missing.sum())} of the "
        f"{len(missing)} moments of {name}: {_name_moments(pattern, missing)}; it has {where}. "
        f"Take them out of {name} (`keyframes review`), or choose that anew with an --end"
        f"{_other_way(pattern, timeline, by)}"
    )


def _refuse_shared(pattern: Selection, timeline: Timeline, rows: IntArray) -> None:
    """Refuse one frame for two moments."""
    shared = np.diff(rows) == 0
    if shared.any():
        both = np.append(shared, False) | np.insert(shared, 0, False)
        frame = timeline.frame_indices[rows[both][0]]
        raise VideoError(
            f"{timeline.path}: shows several moments of {pattern.video.path.name} on one frame, "
            f"as on frame {frame}: {_name_moments(pattern, both)}; it has {timeline.fps:.4g} "
            f"frames a second, against {pattern.video.fps:.4g}. Take one of them out "
            "(`keyframes review`), or choose anew with a --min-gap"
        )


def _doubt_clocks(pattern: Selection, timeline: Timeline, _: float) -> Iterator[str]:
    """Say where recordings are of such different lengths that their clocks may differ."""
    gap_s = _gap_s(pattern, timeline)
    if gap_s > _WITHIN / min(timeline.fps, pattern.video.fps):
        yield (
            f"it has {_length(timeline)}, {pattern.video.path.name} "
            f"{_length(pattern.video)}: right if one camera merely stopped later; if one started "
            f"later or they drifted apart, by up to {gap_s:.3f} s ({gap_s * timeline.fps:.1f} "
            "frames), these aren't the same moments"
            f"{_other_way(pattern, timeline, 'time')}"
        )


def _doubt_numbers(pattern: Selection, timeline: Timeline, difference_s: float) -> Iterator[str]:
    """Say where frames of one number may be of different moments."""
    name, half_s = pattern.video.path.name, _WITHIN / min(timeline.fps, pattern.video.fps)
    if timeline.n_frames != pattern.video.n_frames:
        yield (
            f"it has {timeline.n_frames:,} frames, {name} {pattern.video.n_frames:,}: right if one "
            "camera merely stopped later; if one started later or frames are lost, frames of one "
            "number aren't of one moment"
        )
    if difference_s > half_s:
        yield (
            f"by their timestamps, frames of one number are up to {difference_s:.3f} s "
            f"({difference_s * timeline.fps:.1f} frames) from those of {name}: they are of one "
            "moment only if the cameras were triggered together"
        )


def _other_way(pattern: Selection, timeline: Timeline, by: Literal["frame", "time"]) -> str:
    """Point out that recordings of different rates may still have the same frames."""
    if by == "time" and timeline.n_frames == pattern.video.n_frames:
        return "; or match --by frame if the cameras were triggered together"
    return ""


def _gap_s(pattern: Selection, timeline: Timeline) -> float:
    """Return by how much the recordings differ in length, seconds."""
    return abs(timeline.n_frames / timeline.fps - pattern.video.n_frames / pattern.video.fps)


def _length(recording: Timeline | VideoInfo) -> str:
    n_frames = recording.n_frames
    return f"{n_frames:,} frames in {n_frames / recording.fps:.3f} s"


def _name_moments(pattern: Selection, which: BoolArray) -> str:
    named = [
        f"frame {keyframe.frame_index} at {keyframe.time_s:.3f} s"
        for keyframe, is_one in zip(pattern.keyframes, which, strict=True)
        if is_one
    ]
    return ", ".join([*named[:_SHOWN], *(["…"] if len(named) > _SHOWN else [])])
