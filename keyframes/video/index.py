"""The demux index of a recording: what its packets say, without decoding them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keyframes.errors import VideoError
from keyframes.video.clock import Clock
from keyframes.video.opening import open_decoder
from keyframes.video.packets import Proof, find_doubt, read_packets
from keyframes.video.picture import stance

if TYPE_CHECKING:
    import os

    from av import VideoFrame

    from keyframes.records import BoolArray, FloatArray, IntArray

# Frames that are so many times farther apart than usual have lost some between them.
GAP = 1.8
_HALF = 0.5  # of a frame: what is farther away rounds to another number


@dataclass(frozen=True, slots=True, eq=False)
class VideoIndex:
    """The packets of a recording in order of presentation, and what its header says.

    Attributes
    ----------
    path
        The file.
    container, codec, pixel_format
        FFmpeg's names.
    width, height
        Size of the upright frame, pixels.
    rotation
        Degrees by which the stored picture is turned anticlockwise to stand upright.
    mirrored
        It is mirrored, left to right, before that.
    rate
        Frames per second, as the header claims.
    claimed_frames
        Number of frames, as the header claims; 0 when it doesn't.
    tick_s
        Seconds in one unit of `pts`.
    pts, dts
        (p,) int64: when the packets that are shown are to be shown, ascending, and when to be
        decoded; 0, 1, 2, … where the file doesn't say.
    is_key
        (p,) bool: which of them are key frames.
    tells_keys
        The decoder says which frames are key frames.
    times_s
        (p,) float64: seconds after the first frame; in doubt, about those of the frames.
    start_time_s
        The first frame's own timestamp, seconds.
    is_timed
        The packets have timestamps.
    n_missing
        Packets that the file has in a list, but that can't be read: its end is cut off, or what
        stands before them is damaged.
    doubt
        Why the packets don't tell the ordinals of the frames; None where they do.
    """

    path: Path
    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    rotation: int
    mirrored: bool
    rate: Fraction
    claimed_frames: int
    tick_s: float
    pts: IntArray
    dts: IntArray
    is_key: BoolArray
    tells_keys: bool
    times_s: FloatArray
    start_time_s: float
    is_timed: bool
    n_missing: int
    doubt: str | None

    def __len__(self) -> int:
        """Return the number of packets that are shown: the frames, unless there is a doubt."""
        return len(self.pts)

    @property
    def duration_s(self) -> float:
        """From the first frame's timestamp to the end of the last frame, seconds."""
        return float(self.times_s[-1]) + self.frame_s

    @property
    def frame_s(self) -> float:
        """From one frame to the next, as the header claims, seconds."""
        return float(1 / self.rate)

    def position(self, pts: int | None) -> int:
        """Return the ordinal of the frame with a timestamp; -1 if unknown or in doubt."""
        return -1 if self.doubt is not None else self._find(pts)

    def _find(self, pts: int | None) -> int:
        """Return which packet has a timestamp; -1 for none."""
        if pts is None:
            return -1
        place = int(self.pts.searchsorted(pts))
        return place if place < len(self) and self.pts[place] == pts else -1

    def starts_group(self, frame: VideoFrame) -> bool:
        """Whether a frame is a key frame, by the index rather than by the decoder."""
        find = self.position if self.tells_keys else self._find
        position = find(frame.pts)
        return frame.key_frame if position < 0 else bool(self.is_key[position])

    def key_before(self, ordinals: IntArray) -> IntArray:
        """Return the ordinals of the key frames at or before frames."""
        keys = np.flatnonzero(self.is_key)
        return keys[keys.searchsorted(ordinals, side="right") - 1]

    @property
    def usual_s(self) -> float:
        """From one frame to the next where none is lost, on average, seconds."""
        steps = np.diff(self.times_s)
        if not len(steps):
            return self.frame_s
        return float(steps[steps <= GAP * np.median(steps) + self.tick_s].mean())

    @property
    def is_seekable(self) -> bool:
        """Whether programs find the frames that take number and time for the same thing.

        No frame is half a frame or more from where counting by the usual ones ends up.
        """
        strays = np.abs(self.times_s / self.usual_s - np.arange(len(self)))
        return self.doubt is None and bool(strays.max() < _HALF)


def index_video(path: str | os.PathLike[str]) -> VideoIndex:
    """Read the packets of a recording, and decode its first few frames.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    VideoIndex

    Raises
    ------
    VideoError
        When there is no video stream that can be decoded, or no frame in it.
    """
    path = Path(path)
    with open_decoder(path, threads=1) as decoder:
        stream = decoder.stream
        container, codec = decoder.container.format.name, stream.codec_context.codec.canonical_name
        # PyAV 19 has rationals of its own.
        rate = Fraction(str(stream.average_rate or stream.guessed_rate or 25))
        claimed_frames = stream.frames
        proof = Proof(decoder)
        packets = read_packets(decoder, proof)
    if proof.first is None:
        raise _emptiness(path, packets.n_damaged)
    is_timed = packets.n_untimed == 0
    tick_s = decoder.tick_s if is_timed else float(1 / rate)
    order = np.argsort(packets.pts, kind="stable")
    clock = Clock(tick_s, float(1 / rate))
    how = stance(proof.first)
    width, height = how.size(proof.first)
    return VideoIndex(
        path=path,
        container=container,
        codec=codec,
        pixel_format=proof.first.format.name,
        width=width,
        height=height,
        rotation=how.quarter_turns * 90,
        mirrored=how.is_mirrored,
        rate=rate,
        claimed_frames=claimed_frames,
        tick_s=tick_s,
        pts=packets.pts[order],
        dts=packets.dts[order],
        is_key=packets.is_key[order],
        tells_keys=proof.has_keys,
        times_s=np.fromiter(map(clock.tick, packets.shown.data), np.float64),
        start_time_s=float(packets.shown[0]) * tick_s,
        is_timed=is_timed,
        n_missing=max(0, packets.n_listed - packets.n_read),
        doubt=find_doubt(container, codec, packets, proof.pts),
    )


def frame_size(path: Path) -> tuple[int, int]:
    """Return the (width, height) of a recording's upright frames, pixels; decodes only the first.

    Raises
    ------
    VideoError
        When there is no video stream that can be decoded, or no frame in it.
    """
    with open_decoder(path, threads=1) as decoder:
        for frame in decoder.frames():
            return stance(frame).size(frame)
    raise _emptiness(path, decoder.n_errors)


def _emptiness(path: Path, n_damaged: int) -> VideoError:
    return VideoError(
        f"{path} has no frame that can be decoded (damaged packets: {n_damaged}): "
        "copy or record it again"
    )
