"""What a person is told in the terminal when something is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyframes.files import read_json
from keyframes.words import describe_match, to_count, to_duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keyframes.batch import Outcome
    from keyframes.export.delivery import Exported
    from keyframes.forecast import Forecast
    from keyframes.jobs import Job
    from keyframes.output import OutputFolder
    from keyframes.records import ExportFormat, Selection, VideoInfo
    from keyframes.video import Probe


def describe_outcome(outcome: Outcome, *, at_length: bool) -> str:
    """Say what became of a video, in a line or ``at_length``; what it warns of in any case."""
    video, selection = outcome.job.video, outcome.selection
    if selection is None:
        return f"{video}: summarised" if outcome.is_new else f"{video}: summarised before"
    if outcome.is_new and at_length:
        return describe_selection(selection, outcome.job.folder)
    if outcome.is_new:
        of_all = f" of {to_count(selection.video.n_frames, 'frame')}"
        record = read_json(outcome.record)
        match = describe_match(record)
        line = _count_new(selection, record, of_all) + (f", matched {match}" if match else "")
    else:
        line = f"finished before, {to_count(len(selection.keyframes), 'keyframe')}"
    return "\n".join([f"{video}: {line}", *_warnings(selection)])


def describe_pool(outcomes: Sequence[Outcome], n_videos: int, lost: Sequence[Job] = ()) -> str:
    """Say how many keyframes a pool has, how many of its videos they are from, and what it lacks.

    Videos that are ``lost`` are those that can't be read any more.
    """
    found = [len(outcome.selection.keyframes) for outcome in outcomes if outcome.selection]
    text = f"pool: {to_count(sum(found), 'keyframe')} in {len(found)} of {n_videos} videos"
    names = ", ".join(str(job.video) for job in lost)
    return f"{text}; part of it, but not readable any more: {names}" if lost else text


def describe_batch(outcomes: Sequence[Outcome], index: Path | None) -> str:
    """Say what became of several videos, and where all of them can be seen."""
    done = [outcome for outcome in outcomes if not outcome.error]
    n_new = sum(outcome.is_new for outcome in done)
    text = f"{n_new} of {len(outcomes)} videos done now"
    if n_before := len(done) - n_new:
        text += f", {n_before} before"
    return f"{text}; overview: {index}" if index else text


def describe_forecast(job: Job, forecast: Forecast) -> str:
    """Say in a line what would be done with a video."""
    if forecast.is_finished:
        return f"{job.video}: finished"
    memory = f"{forecast.memory_bytes / 1e6:,.0f} MB of memory"
    parts = [
        to_count(forecast.n_frames, "frame"),
        to_count(forecast.n_candidates, "candidate"),
        *([] if forecast.n_keyframes is None else [to_count(forecast.n_keyframes, "keyframe")]),
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
        frames = to_count(sum(forecast.n_frames for forecast in todo), "frame")
        text += f": {frames}, up to {memory / 1e6:,.0f} MB of memory with {n_workers} "
        text += "at a time"
    if disk := sum(forecast.disk_bytes or 0 for forecast in todo):
        text += f", about {disk / 1e6:,.1f} MB on disk"
    return text


def describe_selection(selection: Selection, folder: OutputFolder) -> str:
    """Say in a few lines what was read, what was chosen, what it bought and where it is."""
    video, coverage = selection.video, selection.coverage
    record = read_json(folder.record)
    lines = [f"{video.path.name}: {_count_new(selection, record)}"]
    facts = {
        "read": f"{to_count(video.n_frames, 'frame')}, {video.width}×{video.height}, "
        f"{to_duration(video.duration_s)} at {video.fps:.4g} fps",
    }
    if selection.n_candidates < video.n_frames:
        facts["considered"] = f"{selection.n_candidates:,} of them"
    if why := record["explanation"].get("k"):  # it was found, not asked for
        facts["k"] = why
    if match := describe_match(record):
        facts["matched"] = match
    if selection.step is not None:  # a list leaves nothing to compare with
        facts["clusters"] = f"explain {coverage.variance_explained:.0%} of the variance"
        facts["coverage"] = _gain(selection)
    facts["written"] = str(folder.images)
    if folder.page.exists():
        facts["report"] = str(folder.page)
    facts["took"] = _pace(video, record)
    lines += _aligned(facts)
    return "\n".join([*lines, *_warnings(selection)])


def summarise_export(format_: ExportFormat, destination: Path, exported: Exported) -> str:
    """Say what is at the destination of an export now, and how much of that is new."""
    place = destination.parent if destination.name == "config.yaml" else destination
    keyframes = to_count(exported.n_keyframes, "keyframe")
    videos = to_count(exported.n_videos, "video")
    are = "is" if exported.n_keyframes == 1 else "are"
    n_files = to_count(len(exported.written), "file")
    change = f"{n_files} new or changed" if exported.written else "nothing had to be changed"
    line = f"{format_}: {keyframes} of {videos} {are} in {place}; {change}"
    return "\n".join([line, *(f"  {note}" for note in exported.notes)])


def _count_new(selection: Selection, record: dict[str, Any], of_all: str = "") -> str:
    """Say how many keyframes there are, and how many of them are new where some were held."""
    held = {*record["identity"]["settings"]["held"]}
    n_new = len({*selection.frame_indices} - held)
    if not n_new and selection.n_asked <= len(held):
        n_held = to_count(len(held), "frame")
        return (
            f"nothing to add: the project has {n_held} of this video already; ask for more with -k"
        )
    n_keyframes = to_count(len(selection.keyframes), "keyframe")
    new = f" ({n_new:,} new)" if held else ""
    return f"{n_keyframes}{new}{of_all}"


def describe_label(path: Path, label: dict[str, str]) -> str:
    """Say what the label inside a PNG says, one line a keyword."""
    return "\n".join([f"{path}: a keyframe", *_aligned(label)])


def describe_probe(probe: Probe) -> str:
    """Say what a recording holds, whether it is whole, and what to do about it."""
    video = probe.video
    claim = "no claim" if probe.claimed_frames is None else f"{probe.claimed_frames:,}"
    spacing = f"{probe.n_key_frames:,}, at most {probe.longest_group:,} frames apart"
    but_for = " but for gaps" if probe.rate == "constant" and probe.n_gaps else ""
    errors = {
        "bad packets": video.decode_errors,
        "damaged frames": video.damaged_frames,
        "lost frames": probe.lost_frames,
    }
    items = {
        "container": _container(video),
        "codec": f"{video.codec}, {video.pixel_format}",
        "size": f"{video.width}×{video.height}"
        + (", mirrored" if video.mirrored else "")
        + (f", turned by {video.rotation}°" if video.rotation else ""),
        "frames": f"{video.n_frames:,} counted (header: {claim})",
        "duration": to_duration(video.duration_s),
        "rate": f"{video.fps:.6g} fps, {probe.rate}{but_for}",
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
    shown = ", ".join(f"{gap.duration_s:.3g} s at {to_duration(gap.time_s)}" for gap in probe.gaps)
    return shown + (f", … ({probe.n_gaps:,} in all)" if probe.n_gaps > len(probe.gaps) else "")


def _warnings(selection: Selection) -> list[str]:
    return [f"  warning: {warning}" for warning in selection.warnings]


def _pace(video: VideoInfo, record: dict[str, Any]) -> str:
    """Say how long the stages took; where all of the video was read, against its length, too."""
    seconds = max(sum(record["timings_s"].values()), 0.001)
    asked, pace = record["identity"]["settings"], video.duration_s / seconds
    took = f"{to_duration(seconds)} to read, choose and write"
    if asked["start"] or asked["end"]:
        return took
    return f"{took}: {pace:,.{0 if pace >= 10 else 1}f}× real time"


def _gain(selection: Selection) -> str:
    """Say what the choice bought against evenly spaced frames, and what to do if it is nothing."""
    coverage = selection.coverage
    if len(selection.keyframes) == selection.n_candidates:
        return "every frame considered is a keyframe"
    if coverage.evenly_spaced.mean == 0.0:
        return "all frames look the same"
    gain = 1 - coverage.keyframes.mean / coverage.evenly_spaced.mean
    if abs(gain) < 0.005:
        return "frames are as near to a keyframe as with evenly spaced ones"
    if gain > 0:
        return f"frames are {gain:.0%} nearer to a keyframe than with evenly spaced ones"
    return (
        f"frames are {-gain:.0%} farther from a keyframe than with evenly spaced ones; a larger -k "
        "may help"
    )


def _aligned(items: dict[str, str]) -> list[str]:
    width = max(map(len, items))
    return [f"  {key:<{width}}  {value}" for key, value in items.items()]
