"""Streams of decoded frames with their ordinals, and which of the frames are whole."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from av.video.frame import PictureType

from keyframes.video.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from av import Packet, VideoFrame, VideoStream

    from keyframes.records import IntArray
    from keyframes.video.decode import Decoder
    from keyframes.video.index import VideoIndex

_WORTH_A_JUMP = 16  # unwanted frames before a key frame; fewer are cheaper to decode
_MAX_REORDER = 16  # frames; no codec goes further


class Disagreement(Exception):  # noqa: N818  a signal between the readers, never shown
    """The decoder's output isn't clean, or isn't what the index says."""


class Decoded(NamedTuple):
    """A frame that came out of the decoder.

    Attributes
    ----------
    ordinal
        Its place in a full sequential decode, from 0.
    time_s
        Seconds after the first frame.
    frame
        The picture.
    after_fault
        A frame between the one before and this one is missing or corrupt.
    is_torn
        It is known to come out differently each time.
    """

    ordinal: int
    time_s: float
    frame: VideoFrame
    after_fault: bool
    is_torn: bool = False

    @property
    def is_corrupt(self) -> bool:
        """Whether the picture is damaged."""
        return self.is_torn or bool(self.frame.is_corrupt)


def decode_all(
    decoder: Decoder, index: VideoIndex, torn: Collection[int] = ()
) -> Iterator[Decoded]:
    """Decode every frame with a counter: exact, whatever the packets say; mark those torn."""
    clock = Clock(decoder.tick_s, index.frame_s)
    expected = 0  # position in the index
    for ordinal, frame in enumerate(decoder.frames()):
        position = index.position(frame.pts)
        time_s = clock.tick(frame.dts if index.container == "avi" else frame.pts)
        yield Decoded(ordinal, time_s, frame, position > expected, ordinal in torn)
        expected = max(expected, position) + 1


def decode_some(decoder: Decoder, index: VideoIndex, wanted: IntArray) -> Iterator[Decoded]:
    """Decode the frames of some ordinals, and of the others only what that needs.

    Frames to which no other refers are skipped, and so are all that lie between the last
    wanted frame of a group of pictures and the next key frame before a wanted one. Where all
    are key frames, only the wanted ones are decoded.

    Parameters
    ----------
    decoder
        Newly opened.
    index
        Without a doubt.
    wanted
        (n,) ordinals, ascending.

    Yields
    ------
    Decoded
        The wanted frames.

    Raises
    ------
    Disagreement
        When a wanted frame doesn't come out.
    """
    if len(wanted) and wanted[-1] >= len(index):
        raise Disagreement(f"frame {wanted[-1]} has come since the packets were read")
    n_yielded, is_faulty = 0, False
    for frame, is_after_loss in _needed(decoder, index, wanted):
        position = index.position(frame.pts)
        is_faulty |= is_after_loss or frame.is_corrupt or position < 0
        if n_yielded < len(wanted) and position >= wanted[n_yielded]:
            is_faulty |= position > wanted[n_yielded]
            yield Decoded(position, float(index.times_s[position]), frame, is_faulty)
            n_yielded += 1
    if n_yielded < len(wanted):
        raise Disagreement(f"frame {wanted[n_yielded]} doesn't come out")


def _needed(
    decoder: Decoder, index: VideoIndex, wanted: IntArray
) -> Iterator[tuple[VideoFrame, bool]]:
    """Yield the wanted frames and those that are decoded on the way; after each if one is lost."""
    only_keys = bool(index.is_key.all())
    ordinals = frozenset(wanted.tolist())
    for run in split_runs(index, wanted):
        key = index.key_before(run[:1])[0]
        packets = decoder.packets_from(int(index.pts[key]), int(index.dts[key]))
        marked = ((packet, index.position(packet.pts) in ordinals) for packet in packets)
        if only_keys:
            wanted_packets = (packet for packet, is_wanted in marked if is_wanted)
            for frame in decoder.frames(islice(wanted_packets, len(run))):
                yield frame, False
        else:
            yield from _needed_of_run(decoder, marked, len(run), int(index.pts[key]))


def _needed_of_run(
    decoder: Decoder,
    packets: Iterator[tuple[Packet[VideoStream], bool]],
    n_wanted: int,
    key_pts: int,
) -> Iterator[tuple[VideoFrame, bool]]:
    """Do the same from one key frame on, given the packets and if they are wanted."""
    due: list[int] = []  # timestamps of frames that have to come out, the earliest first
    for packet, is_wanted in packets:
        if decoder.is_needed(packet, is_wanted=is_wanted):
            # What is shown before the key frame may refer to what lies before the jump.
            is_due = decoder.tells_references and not packet.is_discard
            if is_due and packet.pts is not None and packet.pts >= key_pts:
                heappush(due, packet.pts)
            for frame in decoder.decode(packet):
                yield frame, _is_after_loss(frame, due)
        n_wanted -= is_wanted
        if n_wanted == 0:
            break
    for frame in decoder.decode(None):
        yield frame, _is_after_loss(frame, due)
    if due:
        raise Disagreement("a frame that others refer to doesn't come out")


def _is_after_loss(frame: VideoFrame, due: list[int]) -> bool:
    """Say whether a frame should have come out before this one; take this one off the heap."""
    is_lost = False
    while due and frame.pts is not None and due[0] <= frame.pts:
        is_lost |= heappop(due) < frame.pts
    return is_lost


def split_runs(index: VideoIndex, wanted: IntArray) -> list[IntArray]:
    """Split ascending ordinals where a jump to the key frame before the next one pays."""
    if not len(wanted):
        return []
    cuts = np.flatnonzero(index.key_before(wanted[1:]) - wanted[:-1] > _WORTH_A_JUMP) + 1
    return np.split(wanted, cuts)


class Sieve:
    """Lets whole frames through and counts the others.

    A frame is taken for damaged when the decoder marks it as corrupt or it is torn, and so is what
    may refer to it: everything up to the next key frame, and the bidirectional frames directly
    before. The same goes for a packet that can't be decoded and for a frame that is lost.

    Parameters
    ----------
    decoder, index
        Where the frames come from.
    is_strict
        Raise Disagreement at the first sign of damage instead.

    Attributes
    ----------
    n_frames, n_damaged
        Frames seen, and frames of them kept back, so far.
    end_s
        Time of the last frame seen, seconds.
    has_ended
        There are no more frames to come.
    """

    def __init__(self, decoder: Decoder, index: VideoIndex, *, is_strict: bool) -> None:
        self.n_frames = self.n_damaged = 0
        self.end_s = 0.0
        self.has_ended = False
        self._decoder = decoder
        self._index = index
        self._is_strict = is_strict
        self._n_errors = 0

    def sift(self, frames: Iterable[Decoded]) -> Iterator[Decoded]:
        """Yield the whole frames."""
        held: list[Decoded] = []  # bidirectional frames, until what they may refer to is seen
        is_whole = True
        for decoded in frames:
            self.n_frames += 1
            self.end_s = decoded.time_s
            if self._is_faulty(decoded):
                self.n_damaged += len(held)
                held.clear()
                is_whole = False
            is_whole = is_whole or self._is_fresh_key(decoded)
            if not is_whole:
                self.n_damaged += 1
                continue
            held.append(decoded)
            if decoded.frame.pict_type != PictureType.B or len(held) > _MAX_REORDER:
                yield from held
                held.clear()
        self.has_ended = True
        if self._has_failed():
            self.n_damaged += len(held)
        else:
            yield from held

    def _is_faulty(self, decoded: Decoded) -> bool:
        fault = self._has_failed() or decoded.is_corrupt or decoded.after_fault
        if fault and self._is_strict:
            raise Disagreement(f"damage at frame {decoded.ordinal}")
        return fault

    def _has_failed(self) -> bool:
        """Whether the decoder has met an error since the last time this was asked."""
        if self._decoder.n_errors == self._n_errors:
            return False
        if self._is_strict:
            raise Disagreement("a packet that can't be decoded")
        self._n_errors = self._decoder.n_errors
        return True

    def _is_fresh_key(self, decoded: Decoded) -> bool:
        frame = decoded.frame
        if decoded.is_corrupt or not self._index.starts_group(frame):
            return False
        # A key frame that was on its way through the decoder when it failed may come out before
        # the frames that the error has spoilt.
        stale = self._decoder.stale_key
        return frame.pts is None or stale is None or frame.pts > stale
