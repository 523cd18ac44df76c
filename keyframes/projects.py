"""Labelling projects as where videos come from and where keyframes go.

Frames that a project holds of a video, extracted or labelled, are held: new ones are chosen to be
unlike them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keyframes.errors import SettingsError, VideoError
from keyframes.export import deeplabcut, sleap
from keyframes.export.extras import import_extra
from keyframes.jobs import Job, refuse_shared_outputs
from keyframes.records import Crop
from keyframes.video import frame_size

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from keyframes.records import ExportFormat
    from keyframes.settings import Settings

# Of the labelling tools, those whose projects tell which frames they hold.
_NEEDS = {"deeplabcut": ("ruamel.yaml", "dlc"), "sleap": ("sleap_io", "sleap")}
_HOLDERS = {"deeplabcut": deeplabcut.existing_frames, "sleap": sleap.existing_frames}


def plan_project_jobs(
    config: Path, output: Path, settings: Settings, given: Collection[str]
) -> tuple[list[Job], tuple[str, ...]]:
    """Return a job for each video of a DeepLabCut project, with what its ``config.yaml`` asks for.

    Besides, the paths in it that lead nowhere.

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

    Raises
    ------
    SettingsError
        The project has no video that is there.
    OutputError, MissingExtraError
        The project can't be read.
    """
    project = deeplabcut.read_project(config)
    if not project.videos:
        raise SettingsError(
            f"{config}: none of its {len(project.missing)} videos is there; put them into the "
            "project's videos folder, or mend the paths in video_sets"
        )
    asked = settings
    if "count" not in given:
        asked = replace(asked, count=project.count)
    if "span" not in given:
        asked = replace(asked, span=project.span)
    jobs = []
    for video in project.videos:
        if "crop" not in given:
            crop = None if _is_whole_picture(video) else video.crop
            asked = replace(asked, crop=crop, crop_output=bool(crop) and video.crop_output)
        jobs.append(Job(video.path, output, asked))
    refuse_shared_outputs(jobs)
    return jobs, project.missing


def _is_whole_picture(video: deeplabcut.DlcVideo) -> bool:
    """Say whether the crop cuts nothing off, as that of a video which nobody has cropped."""
    try:
        width, height = frame_size(video.path)
    except VideoError:
        return False  # said when its turn comes
    return video.crop == Crop(0, 0, width, height)


def hold_frames(jobs: Iterable[Job], targets: Sequence[tuple[ExportFormat, Path]]) -> list[Job]:
    """Return the jobs with the frames held that the targets hold of their videos."""
    for format_, _ in targets:
        if format_ in _NEEDS:  # rather now than when all is done
            import_extra(*_NEEDS[format_])
    readers = [
        (_HOLDERS[format_], target)
        for format_, target in targets
        if format_ in _HOLDERS and target.exists()
    ]
    return [
        replace(
            job,
            settings=replace(
                job.settings,
                held=tuple(
                    sorted({frame for read, target in readers for frame in read(target, job.video)})
                ),
            ),
        )
        for job in jobs
    ]
