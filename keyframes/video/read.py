"""Pass one: every candidate frame of a recording, made small, in one decoding."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from keyframes.ahead import map_ahead
from keyframes.checks import check_count
from keyframes.errors import SettingsError, VideoError
from keyframes.records import VideoInfo
from keyframes.resizing import opencv_threads
from keyframes.video.frames import Disagreement, Sieve, decode_all, decode_some
from keyframes.video.opening import open_decoder
from keyframes.video.picture import check_spec, stance, thumbnail
from keyframes.video.span import Span, Window
from keyframes.video.table import PROGRESS_EVERY, Table
from keyframes.words import to_count

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from contextlib import AbstractContextManager

    from keyframes.records import Image, IntArray, Reading, ThumbnailSpec
    from keyframes.video.decode import Decoder
    from keyframes.video.frames import Decoded
    from keyframes.video.index import VideoIndex
    from keyframes.video.opening import HiddenDamage

Step = int | Literal["keyframes"]

# Small frames are made smaller in groups: the first of each costs most, because the decoder has
# had the processor's caches to itself.
_GROUP_PIXELS, _MAX_GROUP = 2**21, 8
_WAITING = 2  # groups that are decoded, but not yet small

_log = logging.getLogger(__name__)


def n_candidates(
    index: VideoIndex, span: Span, step: Step | None, listed: Collection[int] = ()
) -> int:
    """Return how many frames a reading will consider; an estimate if the index is in doubt."""
    return len(_wanted(index, Window.of(span, index), step, listed))


def auto_step(index: VideoIndex, span: Span, max_candidates: int) -> int:
    """Return the smallest step that keeps the number of candidates within a bound."""
    return max(1, -(-n_candidates(index, span, 1) // max_candidates))


def read_thumbnails(
    index: VideoIndex,
    spec: ThumbnailSpec,
    consume: Callable[[Image], None],
    *,
    span: Span = Span(),  # noqa: B008  frozen
    step: Step | None = 1,
    listed: Collection[int] = (),
    torn: Collection[int] = (),
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Reading:
    """Decode a recording once and hand on a thumbnail of each candidate frame.

    Frames that the decoder marks as corrupt, and those that may refer to one, count in the
    ordinals but are no candidates. Where there is damage, or the frames come out otherwise than
    the packets say, the recording is decoded again from the beginning: in full, and if it is
    damaged, by one thread, so that the result doesn't depend on the number of threads.

    Parameters
    ----------
    index
        The recording.
    spec
        How a frame is made small.
    consume
        Called with each thumbnail, (h, w) or (h, w, 3) uint8, in frame order.
    span
        The part of the recording to consider.
    step
        Consider every `step`-th frame, from the first of the span; or only key frames; or, with
        None, no frame but those that are listed.
    listed
        Ordinals of frames to consider besides, inside the span or not; those that the recording
        doesn't have are left out.
    torn
        Ordinals of frames that count as damaged. Where there are any, several threads may be why
        they were found, and one decodes.
    threads
        Threads of the decoder; None for one a processor core.
    progress
        Called now and then with the number of candidates done.

    Returns
    -------
    Reading
        One row a candidate.

    Raises
    ------
    SettingsError
        When there is no such step or size, the crop is no part of the frame or no frame is in
        the span.
    VideoError
        When there is no whole frame in the span, or the frame size changes on the way.
    UnrepeatableError
        When the recording is decoded again, and differently.
    """
    if step is not None and step != "keyframes":
        check_count("step", step, otherwise=" or 'keyframes'")
    check_spec(spec, index.width, index.height)
    plan = _Plan(index, spec, Window.of(span, index), step, frozenset(listed), frozenset(torn))
    ways = [_Way(in_full=True, threads=threads), _LENIENT]
    # The numbers in a list come from a full decode, so they are counted in one.
    if index.doubt is None and step is not None and (step != 1 or span != Span()):
        ways.insert(0, _Way(in_full=False, threads=threads))
    if torn:
        ways = [_LENIENT]
    table = Table(index, consume, progress)
    video = _decode(index, ways, partial(_fill, table, plan))
    if not len(table):
        raise _emptiness(video, step)
    return table.reading(video)


def count_frames(index: VideoIndex, progress: Callable[[int], None] | None = None) -> VideoInfo:
    """Decode a recording from beginning to end, and look at nothing but its soundness."""

    def look(_: _Way, decoder: Decoder, sieve: Sieve) -> None:
        for decoded in sieve.sift(decode_all(decoder, index)):
            if progress and decoded.ordinal % PROGRESS_EVERY == 0:
                progress(decoded.ordinal)

    return _decode(index, [_Way(in_full=True, threads=None), _LENIENT], look)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to read."""

    index: VideoIndex
    spec: ThumbnailSpec
    window: Window
    step: Step | None
    listed: frozenset[int]
    torn: frozenset[int]

    def is_regular(self, decoded: Decoded, first: int) -> bool:
        """Say whether a frame of the window, which starts with `first`, is a candidate."""
        if self.step == "keyframes":
            return self.index.starts_group(decoded.frame)
        return self.step is not None and (decoded.ordinal - first) % self.step == 0

    def is_over(self, decoded: Decoded) -> bool:
        """Say whether neither a frame nor any later one can be a candidate."""
        return self.window.is_past(decoded.ordinal, decoded.time_s) and decoded.ordinal > max(
            self.listed, default=-1
        )

    def shrink_all(self, group: Iterable[Decoded]) -> list[Image]:
        """Return the thumbnails of frames."""
        return [self._shrink(decoded) for decoded in group]

    def _shrink(self, decoded: Decoded) -> Image:
        how = stance(decoded.frame)
        size = how.size(decoded.frame)
        expected = self.index.width, self.index.height
        if size != expected:
            raise VideoError(
                f"{self.index.path} changes its frame size at frame {decoded.ordinal}, from "
                f"{expected[0]}x{expected[1]} to {size[0]}x{size[1]}: re-encode it to one size"
            )
        return thumbnail(decoded.frame, self.spec, how)


class _Way(NamedTuple):
    """How to read."""

    in_full: bool
    threads: int | None
    is_strict: bool = True

    def open(self, index: VideoIndex) -> AbstractContextManager[Decoder]:
        """Open the recording."""
        hidden_damage: HiddenDamage = "count"
        if self.is_strict:
            # What is refused may be lost without a word; where there is a doubt, nobody would know.
            is_told = index.doubt is None or index.codec == "mjpeg"
            hidden_damage = "refuse" if is_told else "ignore"
        return open_decoder(index.path, self.threads, hidden_damage=hidden_damage)

    def check_end(self, index: VideoIndex, sieve: Sieve) -> None:
        """Raise Disagreement where frames are lost at the end of a full decode."""
        is_short = sieve.has_ended and sieve.n_frames < len(index)
        if is_short and self.in_full and self.is_strict and index.doubt is None:
            raise Disagreement(f"only {sieve.n_frames} of {len(index)} frames come out")


_LENIENT = _Way(in_full=True, threads=1, is_strict=False)


def _decode(
    index: VideoIndex, ways: Iterable[_Way], look: Callable[[_Way, Decoder, Sieve], None]
) -> VideoInfo:
    """Look at a recording in one way after the other, until nothing disagrees; describe it."""
    for way in ways:
        with way.open(index) as decoder:
            sieve = Sieve(decoder, index, is_strict=way.is_strict)
            try:
                look(way, decoder, sieve)
                way.check_end(index, sieve)
            except Disagreement as disagreement:
                _log.info("%s is decoded again: %s", index.path, disagreement)
            else:
                return _info(index, decoder, sieve, in_full=way.in_full)
    raise AssertionError("the lenient sieve lets every recording through")


def _fill(table: Table, plan: _Plan, way: _Way, decoder: Decoder, sieve: Sieve) -> None:
    """Fill the table in one decoding."""
    index = plan.index
    table.rewind()
    if way.in_full:
        candidates = _choose(decode_all(decoder, index, plan.torn), sieve, plan)
    else:
        wanted = _wanted(index, plan.window, plan.step, plan.listed)
        candidates = sieve.sift(decode_some(decoder, index, wanted))
    n_together = min(_MAX_GROUP, max(1, _GROUP_PIXELS // (index.width * index.height)))
    groups = iter(lambda: list(islice(candidates, n_together)), [])
    with opencv_threads(1):
        for group, smalls in map_ahead(plan.shrink_all, groups, threads=1, waiting=_WAITING):
            for decoded, small in zip(group, smalls, strict=True):
                table.add(decoded, small)


def _choose(frames: Iterable[Decoded], sieve: Sieve, plan: _Plan) -> Iterator[Decoded]:
    """Yield the candidates among all frames."""
    first = -1

    def find_first() -> Iterator[Decoded]:
        # The steps are counted from the first frame of the window, be it whole or not.
        nonlocal first
        for decoded in frames:
            if first < 0 and plan.window.contains(decoded.ordinal, decoded.time_s):
                first = decoded.ordinal
            yield decoded

    for decoded in sieve.sift(find_first()):
        is_candidate = decoded.ordinal in plan.listed
        if plan.window.contains(decoded.ordinal, decoded.time_s):
            is_candidate = is_candidate or plan.is_regular(decoded, first)
        elif plan.is_over(decoded):
            return
        if is_candidate:
            yield decoded


def _wanted(
    index: VideoIndex, window: Window, step: Step | None, listed: Collection[int]
) -> IntArray:
    """Return the ordinals of the candidates, going by the index."""
    inside = window.ordinals(index)
    if step == "keyframes":
        inside = inside[index.is_key[inside]]
    else:
        inside = inside[:0] if step is None else inside[::step]
    there = [ordinal for ordinal in listed if ordinal < len(index)]
    return np.union1d(inside, np.array(there, np.int64)) if there else inside


def _info(index: VideoIndex, decoder: Decoder, sieve: Sieve, *, in_full: bool) -> VideoInfo:
    """Describe the recording, by the frames if all of them were decoded, else by the packets."""
    n_frames, end_s = len(index), float(index.times_s[-1])
    if in_full and sieve.has_ended:
        n_frames, end_s = sieve.n_frames, sieve.end_s
    return VideoInfo(
        path=index.path,
        container=index.container,
        codec=index.codec,
        pixel_format=index.pixel_format,
        width=index.width,
        height=index.height,
        rotation=index.rotation,
        n_frames=n_frames,
        fps=(n_frames - 1) / end_s if end_s > 0 else float(index.rate),
        duration_s=end_s + index.frame_s,
        start_time_s=index.start_time_s,
        decode_errors=decoder.n_errors,
        damaged_frames=sieve.n_damaged,
        mirrored=index.mirrored,
        is_seekable=index.is_seekable,
    )


def _emptiness(video: VideoInfo, step: Step | None) -> SettingsError | VideoError:
    """Say why there is no candidate."""
    if video.damaged_frames:
        return VideoError(
            f"{video.path} has no whole frame in the range asked for "
            f"({video.damaged_frames} damaged frames): choose another range, or repair it"
        )
    kind = "key frame" if step == "keyframes" else "frame"
    return SettingsError(
        f"no {kind} of {video.path} lies in the range asked for: the video has "
        f"{to_count(video.n_frames, 'frame')} and lasts {video.duration_s:.3f} s"
    )
