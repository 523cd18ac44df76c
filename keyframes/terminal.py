"""What a person sees in the terminal: progress bars and summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tqdm import tqdm

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from keyframes.pipeline import Stage
    from keyframes.records import Coverage, Selection

_UNITS = {"reading": " frames", "describing": " steps", "clustering": " runs", "writing": " PNGs"}


class ProgressBars:
    """One bar a stage, one after the other; called with (stage, done, total)."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._stage: Stage | None = None
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __call__(self, stage: Stage, done: int, total: int) -> None:
        """Move the stage's bar; the first call of a stage ends the bar of the one before."""
        if not self._shown:
            return
        if stage != self._stage or self._bar is None:
            self.close()
            self._stage = stage
            self._bar = tqdm(total=total, desc=f"{stage:>10}", unit=_UNITS[stage], leave=False)
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.close()
        self._bar = self._stage = None


def summarise(selection: Selection, output: Path) -> str:
    """Say in a few lines what was read, what was chosen, what it bought and where it is."""
    video, coverage = selection.video, selection.coverage
    lines = [f"{video.path.name}: {len(selection.keyframes)} keyframes"]
    lines += _aligned(
        {
            "read": f"{video.n_frames:,} frames, {video.width}×{video.height}, "
            f"{_duration(video.duration_s)} at {video.fps:.4g} fps",
            "considered": f"{selection.n_candidates:,} of them",
            "clusters": f"explain {coverage.variance_explained:.0%} of the variance",
            "coverage": _gain(coverage),
            "written": str(output / "labeled-data" / video.path.stem),
        }
    )
    lines += [f"  warning: {warning}" for warning in selection.warnings]
    return "\n".join(lines)


def describe_label(path: Path, label: dict[str, str]) -> str:
    """Print the label inside a PNG, one line a keyword."""
    return "\n".join([f"{path}: a keyframe", *_aligned(label)])


def _gain(coverage: Coverage) -> str:
    """Say what the choice bought against evenly spaced frames."""
    if coverage.evenly_spaced.mean == 0.0:
        return "all frames look the same"
    gain = 1 - coverage.keyframes.mean / coverage.evenly_spaced.mean
    direction = "nearer to" if gain >= 0 else "farther from"
    return f"frames are {abs(gain):.0%} {direction} a keyframe than with evenly spaced ones"


def _aligned(items: dict[str, str]) -> list[str]:
    width = max(map(len, items))
    return [f"  {key:<{width}}  {value}" for key, value in items.items()]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02.0f} h"
    return f"{minutes}:{rest:04.1f} min" if minutes else f"{rest:.1f} s"
