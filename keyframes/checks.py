"""What callers pass in, checked where it enters."""

from __future__ import annotations

import math
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from keyframes.errors import RowError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from keyframes.records import IntArray


def check_count(name: str, value: object, *, least: int = 1, otherwise: str = "") -> None:
    """Raise SettingsError unless `value` is a whole number; `otherwise` tells what else may be."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise SettingsError(
            f"{name} must be a whole number of at least {least}{otherwise}, got {value!r}"
        )


def check_seconds(name: str, value: float) -> None:
    """Raise SettingsError unless `value` is a length of time."""
    if not 0 <= value < math.inf:
        raise SettingsError(f"{name} must be seconds, at least 0; got {value}")


def as_rows(name: str, rows: Iterable[int], n_rows: int) -> IntArray:
    """Return numbers of rows as an array (m,); RowError unless each is that of one of `n_rows`."""
    array: npt.NDArray[Any] = np.asarray(rows if isinstance(rows, np.ndarray) else list(rows))
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise RowError(
            f"{name} must be a list of whole numbers, got {array.dtype} of shape {array.shape}"
        )
    outside = array[(array < 0) | (array >= n_rows)]
    if outside.size:
        raise RowError(f"{name} must be from 0 to {n_rows - 1}, got {outside[0]}")
    return array.astype(np.int64)
