"""Figures and findings in words, for the terminal and the pages alike."""

from __future__ import annotations

from typing import Any

# What adding up single-precision numbers may lose, as a share.
_ROUNDING = 1e-6


def to_count(number: int, noun: str) -> str:
    """Write a number with its noun: 1 frame, 2,330 frames."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def to_clock(seconds: float, digits: int = 1) -> str:
    """Write seconds as on a clock: 1:05.2, 2:00:00.0."""
    unit = 10**digits
    total = round(seconds * unit)
    minutes, rest = divmod(total, 60 * unit)
    hours, minutes = divmod(minutes, 60)
    width = 3 + digits if digits else 2
    text = f"{rest / unit:0{width}.{digits}f}"
    return f"{hours}:{minutes:02d}:{text}" if hours else f"{minutes}:{text}"


def to_duration(seconds: float) -> str:
    """Write 0.4 s, and from a minute on as on a clock: 1:17.7."""
    return to_clock(seconds) if round(seconds, 1) >= 60 else f"{seconds:.1f} s"


def to_percent(share: float, digits: int = 0) -> str:
    """Write a share in percent; but neither 0 % nor 100 % of what is not, but for rounding."""
    percent, least = f"{100 * share:.{digits}f}", 10.0**-digits
    if float(percent) == 100 and share < 1 - _ROUNDING:
        percent = f"> {100 - least:.{digits}f}"
    elif float(percent) == 0 and share > _ROUNDING:
        percent = f"< {least:.{digits}f}"
    return f"{percent}\N{NO-BREAK SPACE}%"


def describe_match(record: dict[str, Any]) -> str:
    """Say which camera's moments the keyframes are of, and how that was found; else nothing."""
    why = record["explanation"]
    if "matched_to" not in why:
        return ""
    apart = f"at most {why['greatest_difference_s']:.3f} s apart"
    return f"to {why['matched_to']} by {why['matched_by']}, {apart}"
