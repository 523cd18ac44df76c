"""``keyframes extract``."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keyframes.cli import shared
from keyframes.cli.frame_list import FRAMES, assign_frames
from keyframes.cli.parameters import (
    COUNT,
    PATH,
    SHARD,
    GroupedCommand,
    Number,
    WholeNumber,
    choice,
    complain,
)
from keyframes.cli.plan import check_plan, given, given_settings
from keyframes.cli.running import Runner, conclude, conclude_forecast, select_from_pool
from keyframes.cli.targets import export_all, plan_targets, tool_options
from keyframes.records import ExportFormat, Method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyframes.batch import Outcome, Work
    from keyframes.jobs import Job
    from keyframes.video import Position


_HEADINGS = {
    "What is chosen": "--count --method --min-gap --frames --grow --n-init --seed",
    "What is looked at": "--start --end --crop --step --features --width",
    "What is written": "--output --crop-output --no-report --overwrite",
    "Labelling projects": "--dlc --export --no-add-videos --context --views --keypoints",
    "Many videos": "--recursive --tree --jobs --scheduler --shard --pool --per-video-min",
    "This run": "--dry-run --json --no-cache --quiet --verbose --help",
}


@click.command(cls=GroupedCommand, headings=_HEADINGS)
@click.argument("paths", metavar="PATH...", nargs=-1, type=PATH)
@click.option(
    "-k",
    "--count",
    default="20",
    show_default=True,
    metavar="N|auto",
    type=COUNT,
    help="Keyframes per video, or in all with --pool; auto: as many as pay, by the elbow.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    default="keyframes-out",
    show_default=True,
    type=PATH,
    help="Output folder.",
)
@shared.looking
@click.option("--crop-output", is_flag=True, help="Cut the PNGs to --crop, too.")
@click.option(
    "--method",
    default="kmeans",
    show_default=True,
    type=choice(Method),
    help="How to choose. kmeans: the most typical frame of each group; coverage: no "
    "posture or place far from a chosen one; uniform: evenly spaced in time.",
)
@click.option(
    "--min-gap",
    "min_gap_s",
    metavar="SECONDS",
    default=0.0,
    show_default=True,
    type=Number(min=0),
    help="Least time between two keyframes.",
)
@click.option(
    "--n-init",
    metavar="N",
    default=1,
    show_default=True,
    type=WholeNumber(min=1),
    help="Runs of k-means; the best one counts.",
)
@click.option("--recursive", is_flag=True, help="Look into folders' folders, too.")
@click.option("--tree", is_flag=True, help="Mirror the folders of the recordings inside DIR.")
@click.option(
    "--jobs",
    "n_jobs",
    metavar="N",
    type=WholeNumber(min=1),
    help="Videos at a time, each with its share of the cores.  [default: one a core, at most 8]",
)
@click.option(
    "--shard",
    type=SHARD,
    help="Do the I-th of N shares of the videos, I from 0; for arrays of cluster jobs. The same "
    "command without --shard then finds all done, exports it and writes the index.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Send the videos to the workers of this Dask scheduler.",
)
@click.option(
    "--pool",
    is_flag=True,
    help="Make one selection over all videos: similar ones share the -k keyframes, unusual ones "
    "get more. With --shard only VIDEO.summary.npz is written; the same command without --shard "
    "chooses from all summaries.",
)
@click.option(
    "--per-video-min",
    metavar="N",
    default=0,
    type=WholeNumber(min=0),
    help="Keyframes that --pool takes of every video at least.",
)
@click.option(
    "--frames",
    default=None,
    type=FRAMES,
    help="Write exactly these frames instead of choosing: 12,55,300, or a file: a table with a "
    "column frame_index or frame (and, for several videos, a column video), a run record, or a "
    "number a line.",
)
@click.option(
    "--grow",
    is_flag=True,
    help="Keep the keyframes that are there and add unlike ones until there are -k of them.",
)
@shared.no_cache
@shared.no_report
@click.option(
    "--export",
    "targets",
    metavar="FORMAT DEST",
    multiple=True,
    type=(choice(ExportFormat), PATH),
    help="Export the result, too: deeplabcut PROJECT, sleap FILE.slp (or .pkg.slp, with the "
    "pictures), lightning-pose DIR, coco DIR, cvat DIR or label-studio DIR, as `keyframes export` "
    "does. Can be repeated. New frames are chosen to be unlike those that a deeplabcut or sleap "
    "DEST holds.",
)
@click.option(
    "--dlc",
    metavar="CONFIG.yaml",
    type=click.Path(path_type=Path, exists=True),
    help="Take videos, count, range and crop from this DeepLabCut project and export into it; the "
    "reports go into its keyframes-out. With PATHs: only those videos; new ones are added to it.",
)
@tool_options
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace keyframes that were made with other settings (with --grow they stay), and the "
    "task files of coco, cvat and label-studio that nobody has edited.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Write nothing; say what would be done: frames, candidates, memory and disk.",
)
@shared.as_json
@shared.quiet
@shared.verbose
def extract(
    *,
    paths: tuple[Path, ...],
    output: Path,
    start: Position | None,
    end: Position | None,
    recursive: bool,
    tree: bool,
    n_jobs: int | None,
    shard: tuple[int, int] | None,
    scheduler: str | None,
    pool: bool,
    per_video_min: int,
    grow: bool,
    frames: dict[str, tuple[int, ...]] | None,
    targets: tuple[tuple[ExportFormat, Path], ...],
    dlc: Path | None,
    add_videos: bool | None,
    context: int | None,
    views: tuple[str, ...] | None,
    keypoints: tuple[str, ...] | None,
    no_cache: bool,
    no_report: bool,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,  # noqa: ANN401 - the other settings, by name
) -> int:
    """Choose the frames worth labelling and write them as PNGs.

    PATH is a video or a folder of videos. The output folder gets

    \b
      labeled-data/VIDEO/img000042.png  a frame at full size; 42 is its number
      VIDEO.csv                         a row for each; its columns are below
      VIDEO.html                        the report: are these the frames to label?
      VIDEO.json                        the run record: settings, seed, warnings

    The table's columns: image, frame_index, time_s; cluster, cluster_size, distance (from what
    the cluster stands for); covers (how many frames are nearest to this keyframe), covers_mean
    (how far these are from it on average), covers_p95 (how far 19 of 20 of them are at most).

    What is finished is skipped when asked for again, and what keyframes did not write is never
    replaced.

    \b
    Examples:
      keyframes extract mouse.mp4
      keyframes extract mouse.mp4 -k 150 -o training-set
      keyframes extract session/ --start 60 --end 90% --crop "100,50,540,430"
      keyframes extract --dlc reaching-task/config.yaml
      keyframes extract session/ -k 100 --export sleap labels.slp
      keyframes extract session/ -k 100 --export lightning-pose data --context 2
      keyframes extract recordings/ --recursive --tree --jobs 4
      keyframes extract recordings/ --pool -k 500 --per-video-min 2
    """
    from keyframes.batch import extracting
    from keyframes.cache import FeatureCache
    from keyframes.files import make_folders, remove_empty
    from keyframes.jobs import plan_jobs, take_shard
    from keyframes.pool import check_shapes, plan_pool, summarising
    from keyframes.projects import check_targets, hold_frames, plan_project_jobs
    from keyframes.report import check_index
    from keyframes.settings import Settings
    from keyframes.video import Span

    check_plan()
    settings = Settings(span=Span(start, end), **options)
    exports = plan_targets(
        [("deeplabcut", dlc), *targets] if dlc else targets,
        {"add_videos": add_videos, "context": context, "views": views, "keypoints": keypoints},
        overwrite=overwrite,
    )
    missing: tuple[Outcome, ...] = ()
    if dlc:
        output = _output_of(dlc, output)
        videos = _find(paths, recursive=recursive) if paths else ()
        jobs, missing = plan_project_jobs(dlc, output, settings, given_settings(), videos)
        missing = missing if not shard or shard[0] == 0 else ()  # one share says it for all
    else:
        jobs = plan_jobs(_find(paths, recursive=recursive), output, settings, tree=tree)
    jobs = hold_frames(assign_frames(jobs, frames), exports, anew=grow or overwrite)
    n_points = plan_pool(jobs, per_video_min, overwrite=overwrite) if pool else 0
    cache = None if no_cache else FeatureCache()
    earlier = {"overwrite": overwrite, "grow": grow}
    extraction = extracting(**earlier, with_page=not no_report, cache=cache)
    work = summarising(n_points, cache=cache) if pool else extraction
    check_targets(exports, jobs, output, work.find)
    overview_root = None if no_report or shard else output
    if overview_root:
        check_index(overview_root, [job.folder for job in jobs])
    todo = take_shard(jobs, *shard) if shard else jobs
    if pool:
        check_shapes(todo)
    runner = Runner(n_jobs, scheduler, quiet)
    _check_place(output, todo, work)
    if dry_run:
        found = runner.forecast(
            todo, n_points=n_points, per_video_min=per_video_min, chooses=not shard, **earlier
        )
        return conclude_forecast(runner, found, missing, () if shard else exports, as_json=as_json)
    new_folders = make_folders({job.output for job in todo} or {output})
    try:
        outcomes = runner.run(todo, work)
        if pool and not shard:
            check = partial(check_targets, exports, output=output, find=extraction.find)
            outcomes = select_from_pool(
                runner, outcomes, check, extraction, n_points, per_video_min, overwrite=overwrite
            )
    finally:
        remove_empty(new_folders)  # where nothing could be written, nothing stays
    exported = [] if shard else export_all(exports, outcomes, output, quiet=quiet)
    for outcome in missing:
        complain(str(outcome.error))
    return conclude([*outcomes, *missing], overview_root, exported, quiet=quiet, as_json=as_json)


def _check_place(output: Path, jobs: Sequence[Job], work: Work) -> None:
    """Raise OutputError where nothing can be written, unless all is finished."""
    from keyframes.errors import KeyframesError, OutputError
    from keyframes.files import check_writable
    from keyframes.output import IMAGES

    try:
        check_writable(output / IMAGES)
    except OutputError:
        with suppress(KeyframesError):
            if all(map(work.find, jobs)):
                return
        raise


def _output_of(config: Path, output: Path) -> Path:
    """Return the output folder for a project: in its own folder, unless another one is named."""
    if "output" in given("output"):
        return output
    return (config if config.is_dir() else config.parent) / output


def _find(paths: tuple[Path, ...], *, recursive: bool) -> dict[Path, Path]:
    from keyframes.jobs import find_videos

    if not paths:
        raise click.UsageError("Missing argument 'PATH...'.", click.get_current_context())
    return find_videos(paths, recursive=recursive)
