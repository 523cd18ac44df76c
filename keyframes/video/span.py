"""Positions in a recording and the range between two of them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from keyframes.errors import SettingsError

if TYPE_CHECKING:
    from keyframes.records import IntArray
    from keyframes.video.index import VideoIndex

# Ordinals from here on are all the same: no recording has so many frames, and up to here floats
# hold whole numbers.
_NO_FRAME = 2**53
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_SECONDS = re.compile(rf"{_NUMBER}s?", re.ASCII)
_PERCENT = re.compile(rf"{_NUMBER}%", re.ASCII)
_FRAME = re.compile(r"(\d+)f", re.ASCII)
_TIMECODE = re.compile(rf"(?:(\d+):)?(\d{{1,2}}):{_NUMBER}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a recording.

    Attributes
    ----------
    value
        Seconds after the first frame, percent of the duration, or a frame's ordinal.
    unit
        Which of the three.
    """

    value: float
    unit: Literal["s", "%", "f"]


def parse_position(text: str) -> Position:
    """Read a position as people write it.

    Parameters
    ----------
    text
        ``90`` or ``90.5`` (seconds), ``00:01:30.5`` or ``1:30`` (time code), ``25%`` (of the
        duration) or ``2700f`` (frame number, from 0).

    Returns
    -------
    Position

    Raises
    ------
    SettingsError
        When the text is none of these, a percentage is above 100, or the minutes or seconds
        of a time code are above 59.

    Examples
    --------
    >>> parse_position("00:01:30.5")
    Position(value=90.5, unit='s')
    """
    text = str(text).strip()
    if match := _SECONDS.fullmatch(text):
        return Position(float(match[1]), "s")
    if (match := _PERCENT.fullmatch(text)) and float(match[1]) <= 100:
        return Position(float(match[1]), "%")
    if match := _FRAME.fullmatch(text):
        return Position(int(min(float(match[1]), _NO_FRAME)), "f")
    if match := _TIMECODE.fullmatch(text):
        hours, minutes, seconds = float(match[1] or 0), int(match[2]), float(match[3])
        if seconds < 60 and (minutes < 60 or match[1] is None):
            return Position(3600 * hours + 60 * minutes + seconds, "s")
    raise SettingsError(
        f"{text!r} is no position in a video: write seconds (90.5), a time code (00:01:30.5), "
        "a percentage (25%) or a frame number (2700f)"
    )


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a recording.

    Attributes
    ----------
    start
        The first frame is the first at or after this position; None for the beginning.
    end
        The last frame is the last before this position; None for the end.
    """

    start: Position | None = None
    end: Position | None = None

    def __post_init__(self) -> None:
        for name, value in (("start", self.start), ("end", self.end)):
            if not isinstance(value, Position | None):
                raise SettingsError(
                    f"{name} must be None or what parse_position makes of a text, got {value!r}"
                )


@dataclass(frozen=True, slots=True)
class Window:
    """A span in terms of one recording: bounds on the ordinal and on the time at once.

    Attributes
    ----------
    first, end
        Ordinals; `end` is exclusive.
    start_s, end_s
        Seconds after the first frame; `end_s` is exclusive.
    """

    first: int
    end: float
    start_s: float
    end_s: float

    @classmethod
    def of(cls, span: Span, index: VideoIndex) -> Window:
        """Express a span in the ordinals and times of a recording."""
        start, end = span.start or Position(0, "f"), span.end or Position(math.inf, "f")
        if end == Position(100, "%"):  # whatever the duration is
            end = Position(math.inf, "f")
        return cls(
            first=int(start.value) if start.unit == "f" else 0,
            end=end.value if end.unit == "f" else math.inf,
            start_s=-math.inf if start.unit == "f" else _seconds(start, index),
            end_s=math.inf if end.unit == "f" else _seconds(end, index),
        )

    def contains(self, ordinal: int, time_s: float) -> bool:
        """Whether a frame lies in the window."""
        return self.first <= ordinal < self.end and self.start_s <= time_s < self.end_s

    def is_past(self, ordinal: int, time_s: float) -> bool:
        """Whether a frame, and so every later one, lies behind the window."""
        return ordinal >= self.end or time_s >= self.end_s

    def ordinals(self, index: VideoIndex) -> IntArray:
        """Return the ordinals inside, going by the index: exact where the index is."""
        first, last = np.searchsorted(index.times_s, [self.start_s, self.end_s]).tolist()
        return np.arange(max(first, self.first), min(last, self.end), dtype=np.int64)


def _seconds(position: Position, index: VideoIndex) -> float:
    """Return a position in seconds, less a microsecond.

    So the frame whose timestamp was meant is the first at or after it, however both are rounded.
    """
    if position.unit == "%":
        return position.value / 100 * index.duration_s - 1e-6
    return position.value - 1e-6
