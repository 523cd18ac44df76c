"""A full report on one recording: what is in it, whether it is whole, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from keyframes.commands import join_words
from keyframes.video.index import GAP, index_video
from keyframes.video.read import count_frames

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from keyframes.records import VideoInfo
    from keyframes.video.index import VideoIndex

_MAX_GAPS = 20  # that are listed


@dataclass(frozen=True, slots=True)
class Gap:
    """A pause between two frames that is much longer than usual.

    Attributes
    ----------
    time_s
        Time of the frame before it, seconds after the first frame.
    duration_s
        From that frame to the next, seconds.
    """

    time_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Probe:
    """What a full decoding of a recording found.

    Attributes
    ----------
    video
        The recording, counted.
    claimed_frames
        Number of frames, as the header claims; None when it doesn't.
    lost_frames
        Frames that the file should hold, but that are cut off or don't come out.
    rate
        Whether the frames follow each other evenly, gaps apart; "unknown" without timestamps.
    n_gaps
        Pauses of more than 1.8 usual frame intervals.
    gaps
        The first of them.
    n_key_frames
        Key frames among the packets.
    longest_group
        Largest number of frames from one key frame to the next.
    doubt
        Why frames can only be found again by decoding from the beginning; None if they can be
        jumped to.
    verdict
        In one word.
    advice
        What to do, one sentence or command each.
    """

    video: VideoInfo
    claimed_frames: int | None
    lost_frames: int
    rate: Literal["constant", "variable", "unknown"]
    n_gaps: int
    gaps: tuple[Gap, ...]
    n_key_frames: int
    longest_group: int
    doubt: str | None
    verdict: Literal["sound", "damaged"]
    advice: tuple[str, ...]

    @property
    def damaged(self) -> bool:
        """Whether something is missing or can't be decoded."""
        return self.verdict == "damaged"

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values; the recording's own come first."""
        report = asdict(self)
        video = report.pop("video")
        return {**video, "path": str(video["path"]), **report}


def probe(
    path: str | os.PathLike[str], *, progress: Callable[[int, int], None] | None = None
) -> Probe:
    """Decode a recording from beginning to end and report on it.

    Parameters
    ----------
    path
        The file.
    progress
        Called now and then with the number of frames decoded and expected.

    Returns
    -------
    Probe

    Raises
    ------
    VideoError
        When nothing can be read.
    """
    index = index_video(path)
    video = count_frames(
        index, progress=progress and (lambda done: progress(done, max(done, len(index))))
    )
    lost_frames = _lost_frames(index, video)
    is_damaged = video.is_damaged or lost_frames > 0
    rate, gaps = _rhythm(index)
    keys = np.flatnonzero(index.is_key)
    return Probe(
        video=video,
        claimed_frames=index.claimed_frames or None,
        lost_frames=lost_frames,
        rate=rate,
        n_gaps=len(gaps),
        gaps=tuple(gaps[:_MAX_GAPS]),
        n_key_frames=len(keys),
        longest_group=int(np.diff(keys, append=len(index)).max(initial=0)),
        doubt=index.doubt,
        verdict="damaged" if is_damaged else "sound",
        advice=tuple(_advice(index, video, lost_frames, rate, is_damaged)),
    )


def _lost_frames(index: VideoIndex, video: VideoInfo) -> int:
    """Count frames that should be there, as far as that can be known."""
    n_silent = max(0, len(index) - video.n_frames) if index.doubt is None else 0
    return index.n_missing + n_silent


def _rhythm(index: VideoIndex) -> tuple[Literal["constant", "variable", "unknown"], list[Gap]]:
    """Return whether the frames follow each other evenly, and the pauses."""
    intervals = np.diff(index.times_s)
    if not index.is_timed or not len(intervals):
        return "unknown", []
    usual = float(np.median(intervals))
    is_gap = intervals > GAP * usual + index.tick_s
    even = np.abs(intervals[~is_gap] - usual) <= 0.1 * usual + index.tick_s
    gaps = [Gap(float(index.times_s[i]), float(intervals[i])) for i in np.flatnonzero(is_gap)]
    return ("constant" if even.all() else "variable"), gaps


def _advice(
    index: VideoIndex, video: VideoInfo, lost_frames: int, rate: str, is_damaged: bool
) -> list[str]:
    advice = []
    if is_damaged:
        advice.append("copy the file from the camera again, if it is still there")
    if video.is_damaged:
        advice.append("else extract from it as it is: damaged frames are left out")
        advice.append(
            "re-encode it only for programs that refuse it, as torn pictures stay and look sound "
            f"from then on: {_command(index, '-c:v libx264 -crf 17')}"
        )
    elif lost_frames:
        advice.append(f"write its index anew: {_command(index, '-c copy')}")
    if index.claimed_frames and index.claimed_frames != video.n_frames:
        advice.append(
            f"don't rely on the header, which claims {index.claimed_frames} frames: "
            f"there are {video.n_frames}"
        )
    if rate == "variable":
        advice.append("don't compute times from frame numbers: the frame rate varies")
    if index.doubt is None and not index.is_seekable:
        fps = f"{1 / index.usual_s:.6g}"
        advice.append(
            "programs that compute a frame's time from its number, as OpenCV and SLEAP do, may "
            "show others; for those, space the frames evenly, which keeps their numbers: "
            f"{_command(index, f'-vf setpts=N/{fps}/TB -r {fps} -c:v libx264 -crf 17')}"
        )
    if index.doubt is not None:
        advice.append(
            f"other programs may seek to wrong frames ({index.doubt}); if that matters: "
            f"{_command(index, '-c:v libx264 -crf 17')}"
        )
    return advice


def _command(index: VideoIndex, options: str) -> str:
    """Return an ffmpeg command that writes a new file beside the old one."""
    target = index.path.with_name(f"{index.path.stem}-fixed.mp4")
    return join_words(
        ["ffmpeg", "-i", f"file:{index.path}", *options.split(), "-an", f"file:{target}"]
    )
