"""Opening a recording and decoding it packet by packet."""

from __future__ import annotations

import logging
import struct
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from io import SEEK_END, FileIO
from itertools import chain, dropwhile, islice
from queue import SimpleQueue
from typing import TYPE_CHECKING

import av
from av import Packet, VideoStream
from av.bitstream import BitStreamFilterContext
from av.codec import Capabilities
from av.stream import Disposition

from keyframes.ahead import count_cores, map_ahead
from keyframes.errors import VideoError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from av import VideoCodecContext, VideoFrame
    from av.container import InputContainer

_RUN_UP_S = 2  # before a key frame, in containers that can only nearly be positioned
# Of these, packets say whether other frames refer to theirs.
_TELLING_CODECS = ("h264", "hevc")
_MAX_CODECS = 8  # that decode side by side; each has a frame or two in hand

_log = logging.getLogger(__name__)


class Decoder:
    """The video stream of an open recording.

    Errors of single packets are counted, not raised: what can be read is read.

    Parameters
    ----------
    container, stream
        The open file and its video stream.
    twins
        Codecs that are set up for the stream, too, to decode its packets side by side. So each
        of these has to make a frame by itself.

    Attributes
    ----------
    container, stream
        The same.
    n_errors
        Packets so far that are damaged or could not be read or decoded.
    stale_key
        Timestamp of the newest key frame that went in before the last error; None for none.
    tick_s
        Seconds in one unit of the stream's timestamps.
    tells_references
        `is_needed` knows which packets matter; else the decoder leaves some out by itself.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        twins: Sequence[VideoCodecContext] = (),
    ) -> None:
        self.container = container
        self.stream = stream
        self._twins = twins
        self.n_errors = 0
        self.stale_key: int | None = None
        self._newest_key: int | None = None
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
            self._count(error)

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
        if not self._has_begun:  # what is said in the first packet, all have to know
            for codec in self._twins:
                _decode(codec, packet)
        return self._take(packet, _decode(self.stream.codec_context, packet))

    def frames(self, packets: Iterable[Packet[VideoStream]] | None = None) -> Iterator[VideoFrame]:
        """Decode packets, or on to the end of the file, and what is left in the decoder."""
        packets = iter(self.packets() if packets is None else packets)
        if self._twins:
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
            self._count(error)
            return True

    def _frames_side_by_side(self, packets: Iterator[Packet[VideoStream]]) -> Iterator[VideoFrame]:
        if not self._has_begun:
            for packet in islice(packets, 1):
                yield from self.decode(packet)
        # The stream's own codec stays out of it: a jump, which may come meanwhile, empties it.
        idle: SimpleQueue[VideoCodecContext] = SimpleQueue()
        for codec in self._twins:
            idle.put(codec)

        def decode(packet: Packet[VideoStream]) -> list[VideoFrame] | av.FFmpegError:
            codec = idle.get()
            try:
                return _decode(codec, packet)
            finally:
                idle.put(codec)

        n_codecs = len(self._twins)
        for packet, outcome in map_ahead(decode, packets, threads=n_codecs, waiting=n_codecs + 1):
            yield from self._take(packet, outcome)

    def _take(
        self, packet: Packet[VideoStream] | None, outcome: list[VideoFrame] | av.FFmpegError
    ) -> list[VideoFrame]:
        """Return the frames that came of a packet; note what there is to note."""
        self._has_begun = True
        if packet is not None and packet.is_keyframe:
            self._newest_key = packet.pts
        if packet is not None and packet.is_corrupt:
            self._count("damaged packet")
        if isinstance(outcome, av.FFmpegError):
            self._count(outcome)
            return []
        return outcome

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

    def _count(self, error: av.FFmpegError | str) -> None:
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


@contextmanager
def open_decoder(path: Path, threads: int | None = None) -> Iterator[Decoder]:
    """Open the video stream of a recording.

    Parameters
    ----------
    path
        The file.
    threads
        Threads of the decoder; None for one a processor core.

    Yields
    ------
    Decoder

    Raises
    ------
    VideoError
        When the file can't be opened or has no video stream that can be decoded.
    """
    with ExitStack() as stack:
        container, stream = stack.enter_context(_open_stream(path, threads))
        n_codecs = min(threads or count_cores(), _MAX_CODECS)
        twins = []
        if n_codecs > 1 and _is_for_one_thread(stream.codec_context):
            twins = [stack.enter_context(_open_stream(path, 1))[1] for _ in range(n_codecs)]
        yield Decoder(container, stream, [twin.codec_context for twin in twins])


def _is_for_one_thread(context: VideoCodecContext) -> bool:
    """Whether FFmpeg decodes each frame by itself and one after the other (Motion JPEG)."""
    capabilities = context.codec.capabilities
    return context.codec.intra_only and not capabilities & (
        Capabilities.frame_threads | Capabilities.slice_threads
    )


@contextmanager
def _open_stream(path: Path, threads: int | None) -> Iterator[tuple[InputContainer, VideoStream]]:
    try:
        file = FileIO(path)
    except OSError as error:
        raise VideoError(f"{path} can't be opened: {error.strerror}") from error
    with file:
        # FFmpeg reads meaning into names (protocols, image sequences), so it isn't told any;
        # and a playlist isn't to make it open something else.
        file.name = "recording"
        try:
            container = av.open(file, mode="r", options={"protocol_whitelist": "none"})
        except (av.FFmpegError, ValueError) as error:
            raise VideoError(f"{path} {_why_unreadable(file)}") from error
        with container:
            stream = _video_stream(path, container)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads or 0
            yield container, stream


def _why_unreadable(file: FileIO) -> str:
    """Say what is wrong with a file that can't be opened as a video, and what to do."""
    size = file.seek(0, SEEK_END)
    if size == 0:
        return "is empty: copy or record it again"
    boxes = _box_types(file, size)
    if "ftyp" in boxes and "moov" not in boxes:
        return (
            "was cut off before its index was written (no moov box): a repair program such as "
            "untrunc can restore it with the help of a sound recording from the same camera"
        )
    return (
        "is no video that FFmpeg can read: give a recording; if it is one, it is damaged: copy it "
        "again"
    )


def _box_types(file: FileIO, size: int) -> set[str]:
    """Return the types of the outermost boxes of an MP4 or MOV file (ISO/IEC 14496-12)."""
    types, position = set(), 0
    while position + 16 <= size:
        file.seek(position)
        length, kind, long_length = struct.unpack(">I4sQ", file.read(16))
        types.add(kind.decode("latin-1"))
        length = long_length if length == 1 else length
        if length < 8:  # reaches to the end of the file, or is no box
            break
        position += length
    return types


def _video_stream(path: Path, container: InputContainer) -> VideoStream:
    name = container.format.name
    if name == "image2" or name.endswith("_pipe"):
        raise VideoError(f"{path} is a still image, not a video: give a recording")
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        raise VideoError(f"{path} has no video in it, only sound or other data: give a recording")
    if stream.codec_context is None:
        raise VideoError(
            f"{path} is encoded in a way that this build of FFmpeg can't decode: re-encode it "
            "with the program that made it, for example to H.264"
        )
    return stream
