"""Pass two: chosen frames again, at full resolution, each checked against pass one."""

from __future__ import annotations

import logging
from contextlib import ExitStack, closing
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from keyframes.ahead import count_threads, run_ahead
from keyframes.checks import as_rows
from keyframes.errors import UnrepeatableError
from keyframes.video.frames import Disagreement, decode_all, decode_some, split_runs
from keyframes.video.opening import open_decoder
from keyframes.video.picture import checksum, full_image, thumbnail

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from keyframes.records import Image, IntArray, Reading, ThumbnailSpec
    from keyframes.video.frames import Decoded
    from keyframes.video.index import VideoIndex

# Each decoder holds a dozen frames. So there are at most as many decoders, and of large frames
# only so many that one frame of each makes as many pixels.
_MAX_DECODERS = 4
_MAX_PIXELS = 2**21
_WAITING = 1  # frames of each decoder that wait to be looked at

_log = logging.getLogger(__name__)


def fetch_frames(
    index: VideoIndex,
    reading: Reading,
    rows: Iterable[int],
    spec: ThumbnailSpec,
    *,
    threads: int | None = None,
) -> Generator[tuple[int, Image], None, None]:
    """Decode chosen frames again, whole and upright.

    Decoders jump to the key frame before each of them, several at a time. Each frame's thumbnail
    has to be the one of pass one, bit for bit; from the first that isn't, the recording is decoded
    from its beginning with a counter instead.

    Parameters
    ----------
    index
        The recording.
    reading
        What pass one found.
    rows
        Rows of the reading, in any order.
    spec
        How pass one made thumbnails; made otherwise, no frame is found again.
    threads
        Threads of the decoders together; None for one a processor core.

    Yields
    ------
    row : int
        In frame order, each once.
    image : Image
        (height, width, 3) uint8 BGR.

    Raises
    ------
    UnrepeatableError
        When a frame can't be found again.
    RowError
        The reading has no such row; also an IndexError.
    """
    left = np.unique(as_rows("rows", rows, len(reading)))
    is_damaged = reading.video.is_damaged
    if index.doubt is None and not is_damaged:
        frames = _decode_runs(index, reading.frame_indices[left], count_threads(threads))
        with closing(frames):
            for row, image in _matches(frames, reading, left, spec):
                yield row, image
                left = left[1:]
    if len(left):
        # Damage may decode differently with several threads; pass one had one there, too.
        with open_decoder(index.path, 1 if is_damaged else threads) as decoder:
            for row, image in _matches(decode_all(decoder, index), reading, left, spec):
                yield row, image
                left = left[1:]
    if len(left):
        frame = int(reading.frame_indices[left[0]])
        raise UnrepeatableError(
            f"frame {frame} of {index.path} isn't the one that was read before: if the file has "
            "changed, run again; if not, repair it by re-encoding it",
            frame,
        )


def _decode_runs(
    index: VideoIndex, wanted: IntArray, threads: int
) -> Generator[Decoded, None, None]:
    """Decode some frames as `decode_some` does, with several decoders that take turns at the runs.

    They share the threads out: a decoder with many can't keep them busy over the few frames that
    there are between two jumps.
    """
    runs = split_runs(index, wanted)
    affordable = max(1, _MAX_PIXELS // (index.width * index.height))
    n_decoders = min(threads, len(runs), _MAX_DECODERS, affordable)
    with ExitStack() as stack:
        parts = []
        for number in range(n_decoders):
            decoder = stack.enter_context(open_decoder(index.path, threads // n_decoders))
            part = decode_some(decoder, index, np.concatenate(runs[number::n_decoders]))
            parts.append(stack.enter_context(run_ahead(part, waiting=_WAITING)))
            stack.callback(decoder.cancel)
        for number, run in enumerate(runs):
            yield from islice(parts[number % n_decoders], len(run))


def _matches(
    frames: Iterator[Decoded], reading: Reading, rows: IntArray, spec: ThumbnailSpec
) -> Iterator[tuple[int, Image]]:
    """Yield the images of rows among the frames, up to the first that isn't the same."""
    wanted = iter(rows.tolist())
    row = next(wanted, None)
    try:
        for decoded in frames:
            if row is None:
                return
            if decoded.ordinal == reading.frame_indices[row]:
                if checksum(thumbnail(decoded.frame, spec)) != reading.checksums[row]:
                    _log.info(
                        "%s: frame %d decodes differently after a jump",
                        reading.video.path,
                        decoded.ordinal,
                    )
                    return
                yield row, full_image(decoded.frame)
                row = next(wanted, None)
    except Disagreement as disagreement:
        _log.info("%s: %s", reading.video.path, disagreement)
