"""Decoding a recording packet by packet."""

from __future__ import annotations

import logging
from concurrent.futures import CancelledError
from itertools import chain, dropwhile, islice
from queue import SimpleQueue
from typing import TYPE_CHECKING

import av
from av import Packet
from av.bitstream import BitStreamFilterContext

from keyframes.ahead import map_ahead
from keyframes.video import jpeg
from keyframes.video.ffv1 import Slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from av import VideoCodecContext, VideoFrame, VideoStream
    from av.container import InputContainer

_RUN_UP_S = 2  # before a key frame, in containers that can only nearly be positioned
# Of these, packets say whether other frames refer to theirs.
_TELLING_CODECS = ("h264", "hevc")

_log = logging.getLogger(__name__)


class Decoder:
    """The video stream of an open recording.

    Errors of single packets are counted, not raised: what can be read is read.

    Parameters
    ----------
    container, stream
        The open file and its video stream.
    team
        Codecs that decode the packets of Motion JPEG side by side.
    witness
        A codec that fails where that of the stream hides damage.
    is_apart
        Every packet has to be a picture by itself, or it counts as an error.

    Attributes
    ----------
    container, stream
        The same.
    n_errors
        Packets so far that are damaged or could not be read or decoded.
    stale_key
        Timestamp of the newest key frame that went in before the last error, or, in a transport
        stream, directly after: what is missing may belong to the packet behind. None for none.
    tick_s
        Seconds in one unit of the stream's timestamps.
    tells_references
        `is_needed` knows which packets matter; else the decoder leaves some out by itself.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        *,
        team: Sequence[VideoCodecContext] = (),
        witness: VideoCodecContext | None = None,
        is_apart: bool = False,
    ) -> None:
        self.container = container
        self.stream = stream
        self._team = team
        self._witness = witness
        self._is_apart = is_apart
        self._tables: frozenset[int] | None = None  # those of the first picture
        codec = stream.codec_context
        self._slices = Slices(codec.extradata) if codec.name == "ffv1" else None
        self.n_errors = 0
        self.stale_key: int | None = None
        self._newest_key: int | None = None
        self._has_gaps = container.format.name == "mpegts"
        self._is_after_gap = False
        self.tick_s = float(stream.time_base or 1)
        self._has_begun = False
        self._is_cancelled = False
        self.tells_references = stream.codec_context.name in _TELLING_CODECS
        self._filter: BitStreamFilterContext | None = None

    def cancel(self) -> None:
        """End whatever another thread does with it, by a `CancelledError` there."""
        self._is_cancelled = True

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Read on to the end of the file."""
        try:
            for packet in self.container.demux(self.stream):
                if self._is_cancelled:
                    raise CancelledError
                if packet.size:  # the last is empty: a sign to flush the decoder
                    yield packet
        except av.FFmpegError as error:
            self.count(error)

    def packets_from(self, pts: int, dts: int) -> Iterator[Packet[VideoStream]]:
        """Read on from a key frame, given by its two timestamps, or an earlier one."""
        self._begin()
        # Some containers look for the one timestamp, some for the other, some only nearly so.
        for target in (pts, dts, dts - round(_RUN_UP_S / self.tick_s)):
            self._seek(target)
            packets = dropwhile(lambda packet: not packet.is_keyframe, self.packets())
            first = next(packets, None)
            if first is not None and first.pts is not None and first.pts <= pts:
                return chain([first], packets)
        return iter(())

    def decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        """Return the frames that are ready once this packet is decoded; None for the rest."""
        frames = self._take(packet, _decode(self.stream.codec_context, packet))
        if self._witness is not None:
            verdict = _decode(self._witness, packet)
            if frames and isinstance(verdict, av.FFmpegError):
                self.count(verdict)
        return frames

    def frames(self, packets: Iterable[Packet[VideoStream]] | None = None) -> Iterator[VideoFrame]:
        """Decode packets, or on to the end of the file, and what is left in the decoder."""
        packets = iter(self.packets() if packets is None else packets)
        if self._team:
            yield from self._frames_side_by_side(packets)
        for packet in packets:
            yield from self.decode(packet)
        yield from self.decode(None)

    def is_needed(self, packet: Packet[VideoStream], *, is_wanted: bool) -> bool:
        """Say whether a packet's frame is wanted, or other frames may refer to it."""
        if not self.tells_references:
            self.stream.codec_context.skip_frame = "DEFAULT" if is_wanted else "NONREF"
            return True
        if is_wanted and not packet.is_keyframe:  # from those the filter learns
            return True
        try:
            if self._filter is None:
                self._filter = BitStreamFilterContext("filter_units=discard=nonref", self.stream)
            return bool(self._filter.filter(Packet(bytes(packet)))) or is_wanted
        except av.FFmpegError as error:
            self.count(error)
            return True

    def _frames_side_by_side(self, packets: Iterator[Packet[VideoStream]]) -> Iterator[VideoFrame]:
        # The stream's own codec stays out of it: a jump, which may come meanwhile, empties it.
        idle: SimpleQueue[VideoCodecContext] = SimpleQueue()
        for codec in self._team:
            idle.put(codec)

        def decode(packet: Packet[VideoStream]) -> list[VideoFrame] | av.FFmpegError:
            codec = idle.get()
            try:
                return _decode(codec, packet)
            finally:
                idle.put(codec)

        n_codecs = len(self._team)
        for packet, outcome in map_ahead(decode, packets, threads=n_codecs, waiting=n_codecs + 1):
            yield from self._take(packet, outcome)

    def _take(
        self, packet: Packet[VideoStream] | None, outcome: list[VideoFrame] | av.FFmpegError
    ) -> list[VideoFrame]:
        """Return the frames that came of a packet; note what there is to note."""
        self._has_begun = True
        if packet is not None and packet.is_keyframe:
            self._note_key(packet.pts)
            if self._is_after_gap:
                self.stale_key = packet.pts
        self._is_after_gap = self._has_gaps and packet is not None and packet.is_corrupt
        if packet is not None and packet.is_corrupt:
            self.count("damaged packet")
        elif packet is not None and self._slices and not self._slices.hold(bytes(packet)):
            self.count("a slice that isn't as it was written")
        if isinstance(outcome, av.FFmpegError):
            self.count(outcome)
            return []
        if packet is not None and self._is_apart and not self._brings_tables(packet):
            self.count("a picture that needs the tables of another")
        return outcome

    def _note_key(self, pts: int | None) -> None:
        if pts is not None and self._newest_key is not None and pts < self._newest_key:
            self.stale_key = None  # recordings were joined, and time starts anew
        self._newest_key = pts

    def _brings_tables(self, packet: Packet[VideoStream]) -> bool:
        """Say whether a JPEG has all tables in it that the first one had."""
        tables = jpeg.tables(memoryview(packet))
        self._tables = self._tables or tables
        return tables == self._tables and jpeg.QUANTIZATION in tables

    def _begin(self) -> None:
        """Decode the first packet, unless that is done.

        Some streams say there, and nowhere else, by which encoder they were made and so how
        they have to be decoded.
        """
        if not self._has_begun:
            for packet in islice(self.packets(), 1):
                self.decode(packet)

    def _seek(self, timestamp: int) -> None:
        try:
            self.container.seek(timestamp, stream=self.stream)
        except av.FFmpegError as error:  # the packets that come then aren't those that are sought
            _log.debug("%s", error)

    def count(self, error: av.FFmpegError | str) -> None:
        """Note an error."""
        self.n_errors += 1
        self.stale_key = self._newest_key
        _log.debug("%s", error)


def _decode(
    codec: VideoCodecContext, packet: Packet[VideoStream] | None
) -> list[VideoFrame] | av.FFmpegError:
    """Return the frames that are ready once this packet is decoded, or why it can't be."""
    try:
        return codec.decode(packet)
    except av.FFmpegError as error:
        return error
