"""Labelling projects as where videos come from and where keyframes go.

Frames that a project holds of a video, extracted or labelled, are held: new ones are chosen to be
unlike them. What a project would refuse is refused before frames are read.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keyframes.batch import Outcome
from keyframes.errors import KeyframesError, OutputError, SettingsError, VideoError
from keyframes.export import EXPORTERS, hand_over
from keyframes.export.dlc_project import DlcVideo, read_project
from keyframes.export.history import PastExport, read_history
from keyframes.export.results import read_result
from keyframes.export.sources import Source
from keyframes.files import check_writable, identify
from keyframes.jobs import Job, refuse_shared_outputs
from keyframes.records import Crop
from keyframes.video import frame_size

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from keyframes.export.delivery import Exported
    from keyframes.records import ExportFormat, Selection
    from keyframes.settings import Settings


@dataclass(frozen=True, slots=True)
class Target:
    """Where keyframes go.

    Attributes
    ----------
    tool
        The labelling tool.
    destination
        A project, file or folder, as the tool has it.
    options
        Keywords of the tool's exporter.
    """

    tool: ExportFormat
    destination: Path
    options: dict[str, Any] = field(default_factory=dict)


def plan_project_jobs(
    config: Path,
    output: Path,
    settings: Settings,
    given: Collection[str],
    videos: Iterable[Path] = (),
) -> tuple[list[Job], tuple[Outcome, ...]]:
    """Return a job for each video of a DeepLabCut project, with what its ``config.yaml`` asks for.

    Besides, what becomes of the videos that aren't there, or don't have what is to be cut out.

    Parameters
    ----------
    config
        The project's ``config.yaml``.
    output
        The output folder.
    settings
        What is asked besides.
    given
        Names of the settings that stay as they are, whatever the project says: ``count``,
        ``span``, ``crop``.
    videos
        Only these, whether the project has them yet or not; none for all that it has.

    Raises
    ------
    SettingsError
        The project has no video that is there.
    OutputError, MissingExtraError
        The project can't be read.
    """
    project = read_project(config)
    if not (videos or project.videos):
        raise SettingsError(
            f"{config}: none of its {len(project.missing)} videos is there; put them into the "
            "project's videos folder, or mend the paths in video_sets"
            if project.missing
            else f"{config}: has no videos yet; name some, and they will be added"
        )
    asked = settings
    if "count" not in given:
        asked = replace(asked, count=project.count)
    if "span" not in given:
        asked = replace(asked, span=project.span)
    jobs, wrong = [], []
    for video in map(project.find, videos) if videos else project.videos:
        if "crop" not in given:
            try:
                crop = _crop_of(video, config)
            except SettingsError as error:
                wrong.append(Outcome(Job(video.path, output, settings), error=error))
                continue
            asked = replace(asked, crop=crop, crop_output=bool(crop) and video.crop_output)
        jobs.append(Job(video.path, output, asked))
    refuse_shared_outputs(jobs, config)
    for path in () if videos else project.missing:
        absence = VideoError(f"{path}: is in {config}, but not there; mend the path")
        wrong.append(Outcome(Job(Path(path), output, settings), error=absence))
    return jobs, tuple(wrong)


def _crop_of(video: DlcVideo, config: Path) -> Crop | None:
    """Return a video's crop; None where it cuts nothing off, since nobody has cropped it."""
    crop = video.crop
    if crop is None:
        return None
    try:
        width, height = frame_size(video.path)
    except VideoError:
        return crop  # said when its turn comes
    if crop.x2 > width or crop.y2 > height:
        raise SettingsError(
            f"{config}: the crop of {video.path} is '{crop.x1}, {crop.x2}, {crop.y1}, {crop.y2}' "
            f"(x1, x2, y1, y2), no part of its {width}×{height} pixels; correct it, or give --crop"
        )
    return None if crop == Crop(0, 0, width, height) else crop


def hold_frames(jobs: Sequence[Job], targets: Iterable[Target], *, anew: bool) -> list[Job]:
    """Return the jobs with the frames held that the targets hold of their videos.

    Where frames are listed, nothing is chosen, and nothing needs to be held. The same goes for
    finished keyframes that a target has got already, unless ``anew`` something is to be chosen:
    what it holds besides came later, or didn't matter then.
    """
    held: list[set[int]] = [set() for _ in jobs]
    for target in targets:
        find = EXPORTERS[target.tool].existing_frames
        if find and target.destination.exists():
            found = find(target.destination, [job.video for job in jobs])
            held = [
                frames if not anew and _has_got(target, job) else frames | more
                for job, frames, more in zip(jobs, held, found, strict=True)
            ]
    return [
        replace(job, settings=replace(job.settings, held=tuple(sorted(frames))))
        if frames and not job.settings.frames
        else job
        for job, frames in zip(jobs, held, strict=True)
    ]


def _has_got(target: Target, job: Job) -> bool:
    """Say whether a job's finished keyframes were exported to the target."""
    now = PastExport.of(target.tool, target.destination, {})
    with suppress(OutputError):  # said when its turn comes
        return job.folder.record.exists() and any(
            map(now.goes_where, read_history(job.folder.record))
        )
    return False


def check_targets(
    targets: Sequence[Target],
    jobs: Iterable[Job],
    output: Path,
    find: Callable[[Job], Outcome | None],
) -> None:
    """Refuse what the exporters would refuse, before frames are read.

    Parameters
    ----------
    targets
        Where the keyframes are to go.
    jobs
        The videos.
    output
        The output folder, or the one in which those of all the jobs are.
    find
        Returns what is known of a job, or None if it is to be done. Where nothing is to be done,
        the exporters' own checks will do.

    Raises
    ------
    OutputError, SettingsError, MissingExtraError
        As the exporters.
    """
    sources, is_new = [], False
    for job in jobs if targets else ():
        try:
            outcome = find(job)
            sources.append(_source_of(job, output, outcome.selection if outcome else None))
        except KeyframesError:
            continue  # said when its turn comes
        is_new |= outcome is None
    if is_new:
        for target in targets:
            check_writable(target.destination)
            EXPORTERS[target.tool].check(sources, target.destination, **target.options)


def export_outcomes(target: Target, outcomes: Iterable[Outcome], output: Path) -> Exported:
    """Hand the keyframes of these videos to a labelling tool; errors as `export`."""
    results = [
        read_result(output, outcome.job.folder, outcome.job.video)
        for outcome in outcomes
        if outcome.selection
    ]
    results.sort(key=lambda result: result.place)
    return hand_over(results, target.tool, target.destination, **target.options)


def _source_of(job: Job, output: Path, selection: Selection | None) -> Source:
    """Return what is known of a job's video; VideoError where it can't be opened."""
    settings = job.settings
    crop = settings.output_crop
    if crop:
        size = crop.size
    elif selection:
        size = selection.video.width, selection.video.height
    else:
        size = frame_size(job.video)
    frames = selection.frame_indices if selection else sorted(set(settings.frames))
    return Source(
        video=job.video.absolute(),
        place=job.folder.place(output),
        folder=job.folder,
        size=size,
        crop=crop,
        identity=identify(job.video),
        frames=tuple(frames) or None,
    )
