"""Opening the video stream of a recording."""

from __future__ import annotations

import struct
from contextlib import ExitStack, contextmanager
from io import SEEK_END, FileIO
from typing import TYPE_CHECKING, Literal

import av
from av import VideoStream
from av.stream import Disposition

from keyframes.ahead import count_threads
from keyframes.errors import VideoError
from keyframes.files import refuse_pipe
from keyframes.video.decode import Decoder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av import VideoCodecContext
    from av.container import InputContainer

# What to do about damage that a codec hides.
HiddenDamage = Literal["refuse", "count", "ignore"]

# Their slices are decoded side by side, and then nobody tells what was wrong with one.
_MUTE_CODECS = ("mpeg1video", "mpeg2video")
_MAX_CODECS = 8  # that decode side by side; each has a frame or two in hand


@contextmanager
def open_decoder(
    path: Path, threads: int | None = None, *, hidden_damage: HiddenDamage = "ignore"
) -> Iterator[Decoder]:
    """Open the video stream of a recording.

    Parameters
    ----------
    path
        The file.
    threads
        Threads of the decoder; None for one a processor core.
    hidden_damage
        Codecs go on where they can, with what lay in the memory, and don't always say so: Motion
        JPEG never, others not while several threads are at work. 'refuse': a damaged picture
        counts as an error, and may not come out. 'count': a damaged JPEG counts as an error, and
        comes out. 'ignore': as FFmpeg does.

        FFmpeg decodes Motion JPEG in one thread. Where damage is refused, and also a JPEG that
        needs the tables of another, several are decoded at a time.

    Yields
    ------
    Decoder

    Raises
    ------
    VideoError
        When the file can't be opened or has no video stream that can be decoded.
    """
    threads = count_threads(threads)
    with ExitStack() as stack:

        def open_codec() -> VideoCodecContext:
            _, stream = stack.enter_context(_open_stream(path, 1))
            return _wary(stream.codec_context)

        container, stream = stack.enter_context(_open_stream(path, threads))
        if hidden_damage == "refuse":
            _wary(stream.codec_context)
            if stream.codec_context.name in _MUTE_CODECS:
                stream.codec_context.thread_count = 1
        if stream.codec_context.name != "mjpeg" or hidden_damage == "ignore":
            yield Decoder(container, stream)
        elif hidden_damage == "count":
            yield Decoder(container, stream, witness=open_codec())
        else:
            n_codecs = min(threads, _MAX_CODECS) if threads > 1 else 0
            team = [open_codec() for _ in range(n_codecs)]
            yield Decoder(container, stream, team=team, is_apart=True)


def _wary(codec: VideoCodecContext) -> VideoCodecContext:
    """Make a codec fail where it would hide damage."""
    codec.options = {"err_detect": "explode"}
    return codec


@contextmanager
def _open_stream(path: Path, threads: int) -> Iterator[tuple[InputContainer, VideoStream]]:
    try:
        refuse_pipe(path)
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
            stream.codec_context.thread_count = threads
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
    if name == "webp_pipe":
        raise VideoError(
            f"{path} is a WebP, a still image or an animation that this build of FFmpeg can't "
            "decode: give a recording, or convert the animation to a video"
        )
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
