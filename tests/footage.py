"""Tiny videos whose frames say their own number."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

BLOCK = 16  # pixels; a bit of the frame number is a block, black or white
N_BITS = 12
QUIRKS = {
    # x264's macroblock tree gives other bytes each time on some processors.
    "libx264": {"mbtree": "0"},
    "libx265": {"x265-params": "log-level=none"},
}


def numbered_picture(number: int, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    """Return (height, width, 3) BGR: two rows of blocks for the number, below them a moving disc.

    `size` is (width, height), at least 96 x 48.
    """
    width, height = size
    picture = np.full((height, width, 3), 96, np.uint8)
    for bit in range(N_BITS):
        y, x = divmod(bit, N_BITS // 2)
        value = 235 if number >> bit & 1 else 20
        picture[y * BLOCK : (y + 1) * BLOCK, x * BLOCK : (x + 1) * BLOCK] = value
    floor = 2 * BLOCK
    centre = (7 * number) % width, floor + (3 * number) % (height - floor)
    cv2.circle(picture, centre, 9, (40, 200, 250 - number % 200), -1)
    picture[:floor, N_BITS // 2 * BLOCK :] = (200, 60, 30)
    return picture


def read_number(image: np.ndarray) -> int:
    """Return the number that a full-size picture, gray or BGR, shows."""
    gray = image if image.ndim == 2 else image.mean(axis=2)
    bits = 0
    for bit in range(N_BITS):
        y, x = divmod(bit, N_BITS // 2)
        inner = gray[y * BLOCK + 4 : (y + 1) * BLOCK - 4, x * BLOCK + 4 : (x + 1) * BLOCK - 4]
        bits |= int(inner.mean() > 128) << bit
    return bits


def encode_video(
    path: Path,
    n_frames: int = 40,
    *,
    size: tuple[int, int] = (96, 64),
    fps: int = 25,
    codec: str = "libx264",
    pixel_format: str | None = None,
    gop: int = 12,
    b_frames: int | None = None,
    options: dict[str, str] | None = None,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    pts: list[int] | None = None,
    first_number: int = 0,
    hold: int = 1,
    threads: int = 1,
    pictures: Sequence[np.ndarray] | None = None,
) -> Path:
    """Encode frames that show the numbers from `first_number` on; `pts` in 1/1000 s.

    Each number is shown for `hold` frames. `pictures`, (height, width, 3) BGR, are shown instead.
    """
    with av.open(str(path), "w", format=container, options=container_options or {}) as output:
        stream = output.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format or stream.codec_context.codec.video_formats[0].name
        stream.options = QUIRKS.get(codec, {}) | (options or {})
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = threads
        if b_frames is not None:
            stream.codec_context.max_b_frames = b_frames
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(n_frames):
            if pictures is None:
                picture = numbered_picture(first_number + number // hold, size)
            else:
                picture = pictures[number]
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts = number if pts is None else pts[number]
            frame.time_base = Fraction(1, fps) if pts is None else Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def rewrite_packets(
    sources: Sequence[Path], target: Path, rewrite: Callable[[int, bytes], bytes]
) -> Path:
    """Write the packets of videos one after the other, each as `rewrite(number, bytes)`."""
    with av.open(str(target), "w") as output:
        stream, number, shift = None, 0, 0
        for source in sources:
            with av.open(str(source)) as container:
                template = container.streams.video[0]
                stream = stream or output.add_stream_from_template(template)
                for packet in container.demux(template):
                    if packet.size:
                        changed = av.Packet(rewrite(number, bytes(packet)))
                        changed.pts, changed.dts = packet.pts + shift, packet.dts + shift
                        changed.duration, changed.time_base = packet.duration, packet.time_base
                        changed.is_keyframe, changed.stream = packet.is_keyframe, stream
                        output.mux(changed)
                        number += 1
                shift += template.duration
    return target
