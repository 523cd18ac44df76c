"""What a person sees in the terminal: progress bars and summaries."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from keyframes.batch import Outcome
    from keyframes.export.delivery import Exported
    from keyframes.forecast import Forecast
    from keyframes.jobs import Job
    from keyframes.pipeline import Stage
    from keyframes.records import ExportFormat, Selection, VideoInfo
    from keyframes.video import Probe

_OVERALL_BAR = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"
_BAR = _OVERALL_BAR.replace("[", "{n_fmt}/{total_fmt} [")
# Drawn when something has moved, but at most ten times a second; wiped out at the end.
_start_bar = partial(tqdm, leave=False, dynamic_ncols=True, miniters=1)


class ProgressBars:
    """A bar for each running video, and one over all videos where there are several.

    Called with (video, stage, done, total). A finished video's bar leaves the screen. The bar over
    all goes by the size of the files that are read, since videos differ in length.
    """

    def __init__(self, videos: Sequence[Path], *, shown: bool) -> None:
        self._shown = shown
        self._bars: dict[Path, tqdm[Any]] = {}
        self._overall = _Overall(videos) if shown and len(videos) > 1 else None
        self._stems = Counter(video.stem for video in videos)
        self._finished: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for bar in self._bars.values():
            bar.close()
        if self._overall is not None:
            self._overall.bar.close()

    def __call__(self, video: Path, stage: Stage, done: int, total: int) -> None:
        """Move the video's bar; a new stage starts it afresh."""
        if not self._shown or video in self._finished:
            return
        label = f"{self._name(video)}: {stage}"
        bar = self._bars.get(video)
        if bar is None:
            bar = self._bars[video] = _start_bar(bar_format=_BAR)
        bar.total = total or None
        if bar.desc != label:
            bar.set_description_str(label, refresh=False)
            bar.reset()
        bar.update(done - bar.n)
        if self._overall is not None and stage == "reading" and total:
            self._overall.move(video, done / total)

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
    """The bar over all videos: how many are done, and how much of their bytes.

    Videos that cost no work, being finished or not readable, count; the time that is left is
    reckoned without them.
    """

    def __init__(self, videos: Sequence[Path]) -> None:
        self._sizes = {video: _size(video) for video in videos}
        self._read = dict.fromkeys(videos, 0)
        self._n_done = 0
        self.bar = _start_bar(total=sum(self._sizes.values()), bar_format=_OVERALL_BAR, smoothing=0)
        self._count()

    def move(self, video: Path, share: float) -> None:
        """Go to where so much of a video is read."""
        self.bar.update(self._step(video, share))

    def finish(self, video: Path, *, was_work: bool) -> None:
        """Count a video."""
        step = self._step(video, 1.0)
        if not was_work:
            self.bar.initial += step
        self.bar.update(step)
        self._n_done += 1
        self._count()

    def _step(self, video: Path, share: float) -> int:
        before, self._read[video] = self._read[video], round(share * self._sizes[video])
        return self._read[video] - before

    def _count(self) -> None:
        self.bar.set_description_str(f"{self._n_done} of {len(self._sizes)} videos")


def _size(video: Path) -> int:
    """Return a file's size, bytes; at least 1, so that every video moves the bar."""
    return max(1, video.stat().st_size) if video.exists() else 1


def say(text: str, file: TextIO | None = None) -> None:
    """Print above the bars, to stderr unless told otherwise."""
    tqdm.write(text, file=file or sys.stderr)


def describe_outcome(outcome: Outcome, *, at_length: bool) -> str:
    """Say what became of a video, in a line or ``at_length``; what it warns of in any case."""
    video, selection = outcome.job.video, outcome.selection
    if selection is None:
        return f"{video}: summarised" if outcome.is_new else f"{video}: summarised before"
    if outcome.is_new and at_length:
        return summarise(selection, outcome.job.output)
    n_keyframes = f"{len(selection.keyframes)} keyframes"
    done = f"{n_keyframes} of {selection.video.n_frames:,} frames"
    line = f"{video}: {done if outcome.is_new else f'finished before, {n_keyframes}'}"
    return "\n".join([line, *_warnings(selection)])


def describe_batch(outcomes: Sequence[Outcome], indexes: Sequence[Path]) -> str:
    """Say what became of several videos, and where all of them can be seen."""
    done = [outcome for outcome in outcomes if not outcome.error]
    n_new = sum(outcome.is_new for outcome in done)
    text = f"{n_new} of {len(outcomes)} videos done now"
    if n_before := len(done) - n_new:
        text += f", {n_before} before"
    if len(indexes) == 1:
        text += f"; overview: {indexes[0]}"
    elif indexes:
        text += f"; overviews: index.html in {len(indexes)} folders"
    return text


def describe_forecast(job: Job, forecast: Forecast) -> str:
    """Say in a line what would be done with a video."""
    if forecast.is_finished:
        return f"{job.video}: finished"
    memory = f"{forecast.memory_bytes / 1e6:,.0f} MB of memory"
    parts = [
        f"{forecast.n_frames:,} frames, {forecast.n_candidates:,} candidates",
        *([] if forecast.n_keyframes is None else [f"{forecast.n_keyframes} keyframes"]),
        memory,
        *([] if forecast.disk_bytes is None else [f"{forecast.disk_bytes / 1e6:,.1f} MB on disk"]),
    ]
    return f"{job.video}: {', '.join(parts)}"


def describe_forecasts(forecasts: Sequence[Forecast], n_videos: int, n_workers: int) -> str:
    """Say what would be done in all; the memory is that of the videos worked on at a time."""
    todo = [forecast for forecast in forecasts if not forecast.is_finished]
    text = f"{len(todo)} of {n_videos} videos to do"
    if todo:
        memory = sum(sorted((forecast.memory_bytes for forecast in todo), reverse=True)[:n_workers])
        n_frames = sum(forecast.n_frames for forecast in todo)
        text += f": {n_frames:,} frames, up to {memory / 1e6:,.0f} MB of memory with {n_workers} "
        text += "at a time"
    if disk := sum(forecast.disk_bytes or 0 for forecast in todo):
        text += f", about {disk / 1e6:,.1f} MB on disk"
    return text


def summarise(selection: Selection, output: Path) -> str:
    """Say in a few lines what was read, what was chosen, what it bought and where it is."""
    video, coverage = selection.video, selection.coverage
    lines = [f"{video.path.name}: {len(selection.keyframes)} keyframes"]
    facts = {
        "read": f"{video.n_frames:,} frames, {video.width}×{video.height}, "
        f"{_duration(video.duration_s)} at {video.fps:.4g} fps",
    }
    if selection.n_candidates < video.n_frames:
        facts["considered"] = f"{selection.n_candidates:,} of them"
    if selection.step is not None:  # a list leaves nothing to compare with
        facts["clusters"] = f"explain {coverage.variance_explained:.0%} of the variance"
        facts["coverage"] = _gain(selection)
    facts["written"] = str(output / "labeled-data" / video.path.stem)
    page = output / f"{video.path.stem}.html"
    if page.exists():
        facts["report"] = str(page)
    lines += _aligned(facts)
    return "\n".join([*lines, *_warnings(selection)])


def summarise_export(format_: ExportFormat, exported: Exported) -> str:
    """Say what an export wrote."""
    counts = f"{len(exported.written)} files written, {len(exported.kept)} there already"
    return "\n".join([f"{format_}: {counts}", *(f"  {note}" for note in exported.notes)])


def describe_label(path: Path, label: dict[str, str]) -> str:
    """Print the label inside a PNG, one line a keyword."""
    return "\n".join([f"{path}: a keyframe", *_aligned(label)])


def describe_probe(probe: Probe) -> str:
    """Print what a recording holds, whether it is whole, and what to do about it."""
    video = probe.video
    claim = "no claim" if probe.claimed_frames is None else f"{probe.claimed_frames:,}"
    spacing = f"{probe.n_key_frames:,}, at most {probe.longest_group:,} frames apart"
    errors = {
        "bad packets": video.decode_errors,
        "damaged frames": video.damaged_frames,
        "lost frames": probe.lost_frames,
    }
    items = {
        "container": _container(video),
        "codec": f"{video.codec}, {video.pixel_format}",
        "size": f"{video.width}×{video.height}"
        + (f", turned by {video.rotation}°" if video.rotation else ""),
        "frames": f"{video.n_frames:,} counted (header: {claim})",
        "duration": _duration(video.duration_s),
        "rate": f"{video.fps:.6g} fps, {probe.rate}",
        "key frames": "all" if probe.longest_group == 1 else spacing,
        "gaps": _list_gaps(probe),
        "errors": ", ".join(f"{what}: {n:,}" for what, n in errors.items() if n),
        "verdict": probe.verdict,
    }
    told = _aligned({name: text for name, text in items.items() if text})
    advice = [f"  → {sentence}" for sentence in probe.advice]
    return "\n".join([str(video.path), *told, *advice])


def _container(video: VideoInfo) -> str:
    """Return the container's name: of its family's names the file's own, or the first."""
    names, suffix = video.container.split(","), video.path.suffix[1:].lower()
    return suffix if suffix in names else names[0]


def _list_gaps(probe: Probe) -> str:
    shown = ", ".join(f"{gap.duration_s:.3g} s at {_duration(gap.time_s)}" for gap in probe.gaps)
    return shown + (f", … ({probe.n_gaps:,} in all)" if probe.n_gaps > len(probe.gaps) else "")


def _warnings(selection: Selection) -> list[str]:
    return [f"  warning: {warning}" for warning in selection.warnings]


def _gain(selection: Selection) -> str:
    """Say what the choice bought against evenly spaced frames."""
    coverage = selection.coverage
    if len(selection.keyframes) == selection.n_candidates:
        return "every frame considered is a keyframe"
    if coverage.evenly_spaced.mean == 0.0:
        return "all frames look the same"
    gain = 1 - coverage.keyframes.mean / coverage.evenly_spaced.mean
    if abs(gain) < 0.005:
        return "frames are as near to a keyframe as with evenly spaced ones"
    direction = "nearer to" if gain >= 0 else "farther from"
    return f"frames are {abs(gain):.0%} {direction} a keyframe than with evenly spaced ones"


def _aligned(items: dict[str, str]) -> list[str]:
    width = max(map(len, items))
    return [f"  {key:<{width}}  {value}" for key, value in items.items()]


def _duration(seconds: float) -> str:
    """Write 0.4 s, 1:17.7 or 1:59:59.9; rounded first, so that there is no 60th second."""
    minutes, tenths = divmod(round(10 * seconds), 600)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{tenths / 10:04.1f}"
    return f"{minutes}:{tenths / 10:04.1f}" if minutes else f"{tenths / 10:.1f} s"
