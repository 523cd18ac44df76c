"""Progress bars in the terminal."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from tqdm import tqdm

from keyframes.jobs import size_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Self

    from keyframes.stages import Stage

_OVERALL_BAR = "{desc}|{bar}| [{elapsed}<{remaining}]"
_WAITING_BAR = "{desc} [{elapsed}]"  # how much there is to do isn't known yet
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]"
# From where to where each stage takes a video in the bar over all: reading takes longest, as a
# rule, and after the pictures come the page and the record.
CHOOSING: dict[Stage, tuple[float, float]] = {
    "waiting": (0.0, 0.0),
    "reading": (0.0, 0.8),
    "clustering": (0.8, 0.9),
    "writing": (0.9, 0.99),
}
READING: dict[Stage, tuple[float, float]] = {"reading": (0.0, 1.0)}
# Drawn when something has moved, but at most ten times a second; wiped out at the end.
_start_bar = partial(tqdm, leave=False, dynamic_ncols=True, miniters=1)


class ProgressBars:
    """A bar for each running video, and one over all videos where there are several.

    Called with (video, stage, done, total). A finished video's bar leaves the screen. The bar over
    all goes by the size of the files that are read, since videos differ in length.

    Parameters
    ----------
    videos
        The files.
    shown
        Draw anything.
    spans
        From where to where each stage takes a video: `CHOOSING` or `READING`.
    """

    def __init__(
        self,
        videos: Sequence[Path],
        *,
        shown: bool,
        spans: Mapping[Stage, tuple[float, float]] = CHOOSING,
    ) -> None:
        self._shown = shown
        self._spans = spans
        self._bars: dict[Path, tqdm[Any]] = {}
        self._overall = _Overall(videos) if shown and len(videos) > 1 else None
        self._stems = Counter(video.stem for video in videos)
        self._finished: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for bar in self._bars.values():
            bar.close()
        if self._overall is not None:
            self._overall.bar.close()

    def __call__(self, video: Path, stage: Stage, done: int, total: int) -> None:
        """Move the video's bar; it starts afresh with a stage, and when its total is known."""
        if not self._shown or video in self._finished:
            return
        label = f"{self._name(video)}: {stage}"
        bar = self._bars.get(video)
        if bar is None:
            bar = self._bars[video] = _start_bar(desc=label, bar_format=_WAITING_BAR)
        bar.total = total or None
        bar_format = _BAR if total else _WAITING_BAR
        if (bar.desc, bar.bar_format) != (label, bar_format):
            bar.set_description_str(label, refresh=False)
            bar.bar_format = bar_format
            bar.reset()
        bar.update(done - bar.n)
        if self._overall is not None:
            first, last = self._spans[stage]
            share = done / total if total else 0.0
            self._overall.move(video, first + share * (last - first))

    def finish(self, video: Path, *, was_work: bool) -> None:
        """Take the video's bar off the screen and count the video."""
        self._finished.add(video)
        bar = self._bars.pop(video, None)
        if bar is not None:
            bar.close()
        if self._overall is not None:
            self._overall.finish(video, was_work=was_work)

    def _name(self, video: Path) -> str:
        """Name the video in short, and so that it is told from the others."""
        name = video.stem if self._stems[video.stem] == 1 else f"{video.parent.name}/{video.stem}"
        return name[-24:]


class _Overall:
    """The bar over all videos: how many are done, and how far all are, by their bytes.

    Videos that cost no work, being finished or not readable, count; the time that is left is
    reckoned without them.
    """

    def __init__(self, videos: Sequence[Path]) -> None:
        self._sizes = {video: max(1, size_of(video)) for video in videos}  # each moves the bar
        self._total = sum(self._sizes.values())
        self._moved = dict.fromkeys(videos, 0)
        self._n_done = 0
        self.bar = _start_bar(
            desc=self._tally(0),
            total=self._total,
            bar_format=_OVERALL_BAR,
            smoothing=0,
        )

    def move(self, video: Path, share: float) -> None:
        """Go to where so much of a video is done."""
        self._draw(self._step(video, share))

    def finish(self, video: Path, *, was_work: bool) -> None:
        """Count a video."""
        step = self._step(video, 1.0)
        if not was_work:
            self.bar.initial += step
        self._n_done += 1
        self._draw(step)
        self.bar.refresh()

    def _step(self, video: Path, share: float) -> int:
        before, self._moved[video] = self._moved[video], int(share * self._sizes[video])
        return self._moved[video] - before

    def _draw(self, step: int) -> None:
        self.bar.set_description_str(self._tally(self.bar.n + step), refresh=False)
        self.bar.update(step)

    def _tally(self, n_bytes: float) -> str:
        """Say how many videos are done, and how much of all: 100% only when that is so."""
        percent = int(100 * n_bytes / self._total)
        return f"{self._n_done} of {len(self._sizes)} videos: {percent:3d}%"


def say(text: str, file: TextIO | None = None) -> None:
    """Print above the bars, to stderr unless told otherwise."""
    tqdm.write(text, file=file or sys.stderr)
