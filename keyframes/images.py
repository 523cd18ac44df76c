"""Keyframes as PNG files that say what they are.

Each picture carries its label inside, as PNG text, so that a frame that is moved, renamed or
mailed can still be traced: ``video``, ``sha256_of_samples``, ``frame_index``, ``time_s``,
``cluster``, ``cluster_size`` and ``distance``.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import cv2
import numpy as np

from keyframes.ahead import count_threads, map_ahead
from keyframes.errors import OutputError
from keyframes.files import refuse_pipe, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from keyframes.records import Image, Keyframe

SOFTWARE = "keyframes"
# More would wait for the next frame.
_MOST_THREADS = 2
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = len(_SIGNATURE) + 8 + 13 + 4  # IHDR comes first: length and type, 13 bytes, CRC


def label_frame(identity: dict[str, Any], frame: int) -> dict[str, str]:
    """Return the text that any frame's PNG carries, given what `identify` says of its video."""
    return {
        "Software": SOFTWARE,
        "video": identity["name"],
        "sha256_of_samples": identity["sha256_of_samples"],
        "frame_index": str(frame),
    }


def label_keyframe(identity: dict[str, Any], keyframe: Keyframe) -> dict[str, str]:
    """Return the text that the keyframe's PNG carries, by keyword."""
    return {
        **label_frame(identity, keyframe.frame_index),
        "time_s": f"{keyframe.time_s:.6f}",
        "cluster": str(keyframe.cluster),
        "cluster_size": str(keyframe.cluster_size),
        "distance": f"{keyframe.distance:.6g}",
    }


def encode_png(image: Image, label: dict[str, str]) -> bytes:
    """Encode a (height, width, 3) uint8 BGR image as PNG with ``label`` inside.

    The text is placed before the pixels, where even programs that stop reading early see it:
    Latin-1 as ``tEXt``, anything else as UTF-8 in ``iTXt`` (PNG specification, 11.3.3).
    """
    # Video frames come out a quarter smaller than with OpenCV's own choice, and no later.
    done, encoded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP])
    if not done:
        raise OutputError(f"an image of shape {image.shape} can't be encoded as PNG")
    png = encoded.tobytes()
    chunks = b"".join(_text_chunk(keyword, text) for keyword, text in label.items())
    return png[:_HEADER_END] + chunks + png[_HEADER_END:]


def read_label(path: Path) -> dict[str, str]:
    """Return the label inside a PNG; empty when it isn't one, or its text is missing or damaged."""
    refuse_pipe(path)
    with path.open("rb") as file:
        try:
            return dict(_read_texts(file))
        except (IndexError, UnicodeDecodeError, zlib.error):
            return {}


def png_size(path: Path) -> tuple[int, int]:
    """Return (width, height) of a PNG, pixels; OutputError when it is none."""
    with path.open("rb") as file:
        head = file.read(_HEADER_END)
    if len(head) < _HEADER_END or not head.startswith(_SIGNATURE):
        raise OutputError(f"{path}: is no PNG; move it out of the folder of the frames")
    width, height = struct.unpack_from(">II", head, len(_SIGNATURE) + 8)
    return int(width), int(height)


def read_picture(path: Path) -> Image | None:
    """Return the pixels of a PNG, (height, width, 3) uint8 BGR; None for none that is whole."""
    # Not imread: it can't open every file name on Windows.
    try:
        content = np.fromfile(path, np.uint8)
    except OSError:
        return None
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    return cast("Image | None", image)


def is_there(path: Path) -> bool:
    """Say whether there is a picture, and not only an empty file, as is left by a power cut."""
    return path.is_file() and path.stat().st_size > 0


def is_ours(path: Path) -> bool:
    """Say whether the file is a PNG that keyframes wrote, or what is left of one."""
    return path.is_file() and (
        path.stat().st_size == 0 or read_label(path).get("Software") == SOFTWARE
    )


def remove_ours(images: Iterable[Path]) -> list[Path]:
    """Remove those of the pictures that are ours: somebody may have put another in its place.

    Returns those that can't be removed, as where another program shows them.
    """
    left = []
    for path in images:
        try:
            if is_ours(path):
                path.unlink()
        except PermissionError:
            left.append(path)
    return left


def check_picture(path: Path, frame_index: int) -> None:
    """Raise OutputError unless the file is the PNG that keyframes wrote of this frame."""
    if not is_there(path):
        raise OutputError(f"{path}: is missing or empty; the command that made it writes it again")
    if read_label(path).get("frame_index") != str(frame_index):
        raise OutputError(
            f"{path}: isn't the picture that keyframes wrote; move it away, and the command that "
            "made that writes it again"
        )


def write_images(
    images: Iterable[tuple[Path, Image, dict[str, str]]],
    *,
    threads: int | None = None,
) -> Iterator[Path]:
    """Encode and write each (path, image, label); yield the paths as they are done.

    Encoding runs in ``threads`` threads (None: one a core), two at most, beside whatever produces
    the images; one more than that waits in memory at most.
    """
    n_threads = min(_MOST_THREADS, count_threads(threads))

    def write(item: tuple[Path, Image, dict[str, str]]) -> Path:
        path, image, label = item
        write_atomically(path, encode_png(image, label))
        return path

    return (path for _, path in map_ahead(write, images, threads=n_threads, waiting=n_threads + 1))


def _text_chunk(keyword: str, text: str) -> bytes:
    try:
        kind, body = b"tEXt", keyword.encode("latin-1") + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        # keyword, no compression, no language, no translated keyword, text
        kind, body = (
            b"iTXt",
            keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode(errors="backslashreplace"),
        )
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _read_texts(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield keyword and text of each text chunk before the pixels."""
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        return
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"IDAT", b"IEND"):
            return
        if kind in (b"tEXt", b"iTXt"):
            yield _parse_text(kind, file.read(length))
            length = 0
        file.seek(length + 4, 1)


def _parse_text(kind: bytes, body: bytes) -> tuple[str, str]:
    keyword, _, text = body.partition(b"\0")
    if kind == b"tEXt":
        return keyword.decode("latin-1"), text.decode("latin-1")
    compressed, text = text[0], text[2:].split(b"\0", 2)[2]
    return keyword.decode("latin-1"), (zlib.decompress(text) if compressed else text).decode()
