"""Keep every candidate's thumbnail between decoding and description, in bounded memory."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from keyframes.checks import as_rows, check_count
from keyframes.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from keyframes.records import Image, IntArray

MEMORY_BYTES = 16 * 2**20
# Large enough for a write of many thumbnails, small enough that a single one read back
# from a far place doesn't drag much along.
_BUFFER_BYTES = 2**16


class ThumbnailStore:
    """A growing row of thumbnails of one shape.

    Thumbnails lie in memory up to `memory_bytes`; beyond it all of them move to a nameless
    temporary file, which vanishes with the store whatever happens. The file is read, not
    mapped: mapped pages would count as the process's own memory.

    Parameters
    ----------
    memory_bytes
        What may be held in memory, bytes; twice as much for the moment of moving out.

    Examples
    --------
    >>> with ThumbnailStore() as store:
    ...     for brightness in range(5):
    ...         store.append(np.full((2, 3), brightness, np.uint8))
    ...     [len(block) for block in store.blocks(2)]
    [2, 2, 1]
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        # Closed by __exit__.
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            max_size=max(1, memory_bytes),  # 0 would mean: no bound
            buffering=_BUFFER_BYTES,
        )
        self._shape: tuple[int, ...] | None = None
        self._length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Closing flushes, which fails on a full disk; append or a reader has said so already.
        with suppress(OSError):
            self._file.close()

    def __len__(self) -> int:
        return self._length

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of each thumbnail, (h, w) or (h, w, 3); ValueError while there is none."""
        if self._shape is None:
            raise ValueError("the store is empty: append a thumbnail before asking for its shape")
        return self._shape

    def append(self, thumbnail: Image) -> None:
        """Add one thumbnail at the end.

        Parameters
        ----------
        thumbnail
            uint8 (h, w) or (h, w, 3); copied.

        Raises
        ------
        ValueError
            It is not uint8, or not of the first thumbnail's shape.
        OutputError
            The disk that holds temporary files is full.
        """
        if thumbnail.shape != self._shape:
            self._check_shape(thumbnail)
        if thumbnail.dtype != np.uint8:
            raise ValueError(f"a thumbnail must be uint8, got {thumbnail.dtype}")
        try:
            self._file.write(np.ascontiguousarray(thumbnail).data)
        except OSError as error:
            raise self._disk_error(error) from error
        self._shape = thumbnail.shape
        self._length += 1

    def blocks(self, n_rows: int) -> Iterator[Image]:
        """All thumbnails in order, `n_rows` at a time.

        Yields
        ------
        uint8 (b, h, w) or (b, h, w, 3), read-only; b = n_rows but for the last block.
        """
        check_count("n_rows", n_rows)
        for start in range(0, self._length, n_rows):
            yield self._read(start, min(n_rows, self._length - start))

    def take(self, rows: IntArray) -> Image:
        """Return the thumbnails numbered `rows`, in the order asked for.

        Parameters
        ----------
        rows
            (m,) integers in 0 .. len - 1; repeats are allowed.

        Returns
        -------
        uint8 (m, h, w) or (m, h, w, 3)

        Raises
        ------
        RowError
            The store has no such row; also an IndexError.
        """
        numbers = as_rows("rows", rows, self._length).tolist()
        taken = np.empty((len(numbers), *self.shape), np.uint8)
        for place, number in zip(taken, numbers, strict=True):
            place[...] = self._read(number, 1)[0]
        return taken

    def _check_shape(self, thumbnail: Image) -> None:
        """Raise ValueError for another shape than the first thumbnail's, or that of no picture."""
        if self._shape is not None:
            raise ValueError(
                f"all thumbnails must be of one shape, got {thumbnail.shape} after {self._shape}"
            )
        if (thumbnail.ndim != 2 and thumbnail.shape[2:] != (3,)) or thumbnail.size == 0:
            raise ValueError(f"a thumbnail must be (h, w) or (h, w, 3), got {thumbnail.shape}")

    def _read(self, start: int, n_rows: int) -> Image:
        """Thumbnails start .. start + n_rows - 1; leaves the file where append goes on."""
        n_bytes = int(np.prod(self.shape))
        try:
            self._file.seek(start * n_bytes)
            data = self._file.read(n_rows * n_bytes)
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise self._disk_error(error) from error
        return np.frombuffer(data, np.uint8).reshape(n_rows, *self.shape)

    def _disk_error(self, error: OSError) -> OutputError:
        """Say which folder the operating system had trouble with, and the way out."""
        return OutputError(
            f"cannot keep {self._length} thumbnails in the temporary folder "
            f"{tempfile.gettempdir()} ({error.strerror}); free space there or set TMPDIR to a "
            f"folder with more"
        )
