"""Line charts: where the lines and their ticks go, in percent of the plot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight axis from ``low`` to ``high``.

    Attributes
    ----------
    low, high
        What its ends stand for; ``high`` is above ``low``.
    """

    low: float
    high: float

    @classmethod
    def around(cls, values: Sequence[float], margin: float = 0.0) -> Scale:
        """Make the scale that holds all values, and ``margin`` of their range at either end."""
        low, high = min(values), max(values)
        spare = margin * (high - low)
        return cls(low - spare, high + spare) if high > low else cls(low - 0.5, high + 0.5)

    def __call__(self, value: float) -> float:
        """Return where the value lies, in percent of the axis."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    def ticks(self, n: int = 5, *, whole: bool = False) -> list[float]:
        """Return about ``n`` round values on the axis: 1, 2 or 5 times a power of ten apart."""
        rough = (self.high - self.low) / n
        power = 10.0 ** math.floor(math.log10(rough))
        step = min((power * m for m in (1, 2, 5, 10)), key=lambda s: abs(math.log(s / rough)))
        step = max(step, 1.0) if whole else step
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart.

    Attributes
    ----------
    points
        (x, y) in the data's units.
    title
        What it shows, for pointers and screen readers.
    strong
        The line that counts among the others.
    """

    points: Sequence[tuple[float, float]]
    title: str
    strong: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """A line chart, ready to be drawn.

    Attributes
    ----------
    label
        One sentence that says what is seen, for those who can't see it.
    x_label, y_label
        Names of the axes.
    x_ticks, y_ticks
        (place in percent, text).
    lines
        (points of an SVG polyline in a box of 100 x 100, line); strong ones last.
    marks
        (left, top, text): points to be pointed out, places in percent.
    """

    label: str
    x_label: str
    y_label: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    lines: list[tuple[str, Line]]
    marks: list[tuple[float, float, str]]


def make_chart(
    lines: Sequence[Line],
    *,
    label: str,
    x_label: str,
    y_label: str,
    y_text: Callable[[float], str],
    marks: Sequence[tuple[float, float, str]] = (),
) -> Chart:
    """Lay out a chart of lines over whole numbers; ``marks`` are (x, y, text)."""
    x = Scale.around([x for line in lines for x, _ in line.points])
    heights = [y for line in lines for _, y in line.points]
    y = Scale.around(heights, margin=0.06)
    lowest = min(0.0, *heights)  # what can't be below 0 has no tick there
    return Chart(
        label=label,
        x_label=x_label,
        y_label=y_label,
        x_ticks=[(x(tick), f"{tick:g}") for tick in x.ticks(6, whole=True)],
        y_ticks=[(100 - y(tick), y_text(tick)) for tick in y.ticks(4) if tick >= lowest],
        lines=[
            (" ".join(f"{x(px)},{round(100 - y(py), 2)}" for px, py in line.points), line)
            for line in sorted(lines, key=lambda line: line.strong)
        ],
        marks=[(x(mx), round(100 - y(my), 2), text) for mx, my, text in marks],
    )
