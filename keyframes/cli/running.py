"""Running many videos from the command line: bars while it lasts, a word at the end."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from keyframes.cli.parameters import EXIT_FAILED, complain, complaint, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from keyframes.batch import Outcome, Work
    from keyframes.forecast import Forecast
    from keyframes.jobs import Job
    from keyframes.progress import ProgressBars
    from keyframes.projects import Target

# Memory is what many cores run short of: a job needs up to 300 MB.
MOST_JOBS = 8
# More processes than this can't be waited for at a time on Windows.
MOST_JOBS_ON_WINDOWS = 61


@dataclass(frozen=True, slots=True)
class Runner:
    """Where videos are worked on, and how much is said about it.

    Attributes
    ----------
    n_jobs
        Videos at a time; None for one a core, within reason.
    scheduler
        Address of a Dask scheduler; None for this machine.
    quiet
        Say nothing but what went wrong.
    """

    n_jobs: int | None
    scheduler: str | None
    quiet: bool

    def run(self, jobs: Sequence[Job], work: Work) -> list[Outcome]:
        """Show how the outcomes come in; return them in the order of the jobs."""
        from keyframes.batch import run_jobs
        from keyframes.progress import say
        from keyframes.terminal import describe_outcome

        outcomes = {}
        alone = len(jobs) == 1
        with self._show_bars(jobs) as bars:
            for outcome in run_jobs(jobs, work, **self._place(len(jobs)), progress=bars):
                bars.finish(outcome.job.video, was_work=outcome.is_new and not outcome.error)
                outcomes[outcome.job.video] = outcome
                if outcome.error:
                    say(complaint(_explain(outcome.job, outcome.error)))
                elif not self.quiet and (alone or outcome.is_news):
                    say(describe_outcome(outcome, at_length=alone))
        return [outcomes[job.video] for job in jobs]

    def forecast(
        self,
        jobs: Sequence[Job],
        **options: Any,  # noqa: ANN401 - those of forecast_jobs
    ) -> list[tuple[Job, Forecast | Exception]]:
        """Look ahead at every job; return what is found in the order of the jobs."""
        from keyframes.forecast import forecast_jobs

        found = {}
        with self._show_bars(jobs) as bars:
            for job, forecast in forecast_jobs(
                jobs, **options, **self._place(len(jobs)), progress=bars
            ):
                bars.finish(job.video, was_work=True)
                found[job.video] = forecast
        return [(job, found[job.video]) for job in jobs]

    def count_workers(self, n_videos: int) -> int:
        """Return how many videos are worked on at a time on this machine."""
        from keyframes.ahead import count_cores

        n_jobs = self.n_jobs or min(count_cores(), MOST_JOBS)
        if sys.platform == "win32":
            n_jobs = min(n_jobs, MOST_JOBS_ON_WINDOWS)
        return min(n_jobs, max(1, n_videos))

    def _show_bars(self, jobs: Sequence[Job]) -> ProgressBars:
        from keyframes.progress import ProgressBars

        shown = not self.quiet and sys.stderr.isatty()
        return ProgressBars([job.video for job in jobs], shown=shown)

    def _place(self, n_videos: int) -> dict[str, Any]:
        return {"n_workers": self.count_workers(n_videos), "scheduler": self.scheduler}


def select_from_pool(
    runner: Runner,
    summarised: Sequence[Outcome],
    check: Callable[[Sequence[Job]], None],
    extraction: Work,
    n_points: int,
    per_video_min: int,
    *,
    overwrite: bool,
) -> list[Outcome]:
    """Choose from all videos that were summarised; return what became of every video.

    ``check`` refuses what can't be done with the shares, before anything is written.
    """
    from keyframes.pool import find_lost, make_room, plan_shares
    from keyframes.terminal import describe_pool

    lost = find_lost([outcome.job for outcome in summarised if outcome.error], n_points)
    members = [each.job for each in summarised if not each.error or each.job in lost]
    shares = plan_shares(members, n_points, per_video_min, lost)
    check(shares)
    make_room([job for job in members if job not in lost], shares, overwrite=overwrite)
    outcomes = runner.run(shares, extraction)
    if outcomes and not runner.quiet:
        click.echo(describe_pool(outcomes, len(members), lost), err=True)
    chosen = {outcome.job.video: outcome for outcome in outcomes}
    return [chosen.get(outcome.job.video, outcome) for outcome in summarised]


def _write_overview(root: Path, outcomes: Sequence[Outcome]) -> Path | None:
    """Write the page of an output folder where keyframes have come, and say where it is.

    It names the videos without any, since the folder holds nothing of them.
    """
    from keyframes.report.index import OTHERS_STAND, write_index

    if not any(outcome.selection for outcome in outcomes):
        return None
    absent = {
        str(outcome.job.video.absolute()): _reason(outcome.job, outcome.error)
        if outcome.error
        else OTHERS_STAND
        for outcome in outcomes
        if not outcome.selection
    }
    return write_index(root, absent)


def conclude(
    outcomes: Sequence[Outcome],
    root: Path | None,
    exports: Sequence[dict[str, Any]],
    *,
    quiet: bool,
    as_json: bool,
) -> int:
    """Sum several videos up, print what --json asks for, name what failed; return the exit code.

    ``root`` is the folder that gets an overview; None for none.
    """
    from keyframes.errors import OutputError
    from keyframes.files import read_json
    from keyframes.terminal import describe_batch

    failed, index = any("error" in document for document in exports), None
    try:
        index = _write_overview(root, outcomes) if root else None
    except OutputError as error:
        complain(str(error))
        failed = True
    if len(outcomes) > 1 and not quiet:
        click.echo(describe_batch(outcomes, index), err=True)
    if as_json:
        print_json(
            {
                "videos": [
                    {**read_json(outcome.record), "warnings": outcome.selection.warnings}
                    for outcome in outcomes
                    if outcome.selection
                ],
                "failed": _failures(
                    [(outcome.job, outcome.error) for outcome in outcomes if outcome.error]
                ),
                "exports": list(exports),
            }
        )
    code = _name_failed([o.job for o in outcomes if o.error], len(outcomes))
    return max(code, EXIT_FAILED if failed else 0)


def conclude_forecast(
    runner: Runner,
    found: Sequence[tuple[Job, Forecast | Exception]],
    missing: Sequence[Outcome],
    targets: Sequence[Target],
    *,
    as_json: bool,
) -> int:
    """Print what would be done, and what can't be; return the exit code."""
    from dataclasses import asdict

    from keyframes.terminal import describe_forecast, describe_forecasts

    found = [*found, *((outcome.job, outcome.error) for outcome in missing if outcome.error)]
    failed = [(job, result) for job, result in found if isinstance(result, Exception)]
    good = [(job, result) for job, result in found if not isinstance(result, Exception)]
    if as_json:
        videos = [
            {"video": str(job.video), "output": str(job.output), **asdict(forecast)}
            for job, forecast in good
        ]
        exports = [{"format": to.tool, "destination": str(to.destination)} for to in targets]
        print_json(
            {"dry_run": True, "videos": videos, "failed": _failures(failed), "exports": exports}
        )
    elif not runner.quiet:
        for job, forecast in good:
            click.echo(describe_forecast(job, forecast))
        if len(found) > 1:
            forecasts = [forecast for _, forecast in good]
            n_workers = runner.count_workers(len(good))
            click.echo(describe_forecasts(forecasts, len(found), n_workers))
        for target in targets:
            click.echo(f"{target.tool}: would be exported to {target.destination}")
    for job, error in failed:
        complain(_explain(job, error))
    return _name_failed([job for job, _ in failed], len(found))


def _failures(failed: Sequence[tuple[Job, Exception]]) -> list[dict[str, str]]:
    return [{"video": str(job.video), "error": str(error)} for job, error in failed]


def _explain(job: Job, error: Exception) -> str:
    """Say what is wrong, and with which video."""
    names = job.video.name, str(job.output / job.video.stem), str(job.folder.images)
    named = any(name in str(error) for name in names)
    return str(error) if named else f"{job.video}: {error}"


def _reason(job: Job, error: Exception) -> str:
    """Say what is wrong where the video is named already."""
    return str(error).removeprefix(str(job.video)).lstrip(": ")


def _name_failed(failed: Sequence[Job], n_videos: int) -> int:
    if failed and n_videos > 1:
        names = ", ".join(str(job.video) for job in failed)
        complain(f"{len(failed)} of {n_videos} videos failed: {names}")
    return EXIT_FAILED if failed else 0
