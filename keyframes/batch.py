"""Many videos: what is finished is skipped, and a bad one never stops the rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from keyframes.errors import KeyframesError, OutputError
from keyframes.executors import run_task
from keyframes.files import explain
from keyframes.pipeline import extract, find_done
from keyframes.run_record import note_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from keyframes.cache import FeatureCache
    from keyframes.executors import Task
    from keyframes.jobs import Job
    from keyframes.records import Selection


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job.

    Attributes
    ----------
    job
        What was to be done.
    selection
        The keyframes; None if there are none.
    error
        What stopped it.
    is_new
        It was done now; False where a finished run had left nothing to do.
    """

    job: Job
    selection: Selection | None = None
    error: KeyframesError | None = None
    is_new: bool = True

    @property
    def is_news(self) -> bool:
        """Whether it was done now, or there is something that a person should know about it."""
        return self.is_new or bool(self.selection and self.selection.warnings)

    @property
    def record(self) -> Path:
        """Where the run record is, if there is a selection."""
        return self.job.folder.record


@dataclass(frozen=True, slots=True)
class Work:
    """What is done for each video.

    Attributes
    ----------
    find
        Returns what is known of a job without doing it; None if it is to be done. A
        KeyframesError says why it can't be done.
    task
        Does a job.
    """

    find: Callable[[Job], Outcome | None]
    task: Task[Selection | None]


def extracting(
    *,
    overwrite: bool = False,
    grow: bool = False,
    with_page: bool = True,
    cache: FeatureCache | None = None,
) -> Work:
    """Return the work of extracting; the options as for `extract`."""
    return Work(
        partial(find_outcome, overwrite=overwrite, grow=grow),
        partial(extract_job, overwrite=overwrite, grow=grow, with_page=with_page, cache=cache),
    )


def run_jobs(
    jobs: Iterable[Job],
    work: Work,
    **place: Any,  # noqa: ANN401 - those of run_task
) -> Iterator[Outcome]:
    """Do what is left to do; yield each outcome when it is there.

    Parameters
    ----------
    jobs
        The videos.
    work
        What is done for each.
    **place
        Where it is done, as for `run_task`.
    """
    left = []
    for job in jobs:
        try:
            outcome = work.find(job)
            if outcome and outcome.selection:
                job.folder.tidy()
                note_place(job.folder.record, job.video)
        except KeyframesError as error:
            outcome = Outcome(job, error=error)
        except OSError as error:
            outcome = Outcome(job, error=OutputError(explain(error)))
        if outcome is None:
            left.append(job)
        else:
            yield outcome
    for job, result in run_task(work.task, left, **place):
        if isinstance(result, KeyframesError):
            yield Outcome(job, error=result)
        else:
            yield Outcome(job, result)


def find_outcome(job: Job, *, overwrite: bool = False, grow: bool = False) -> Outcome | None:
    """Return what is known of a job without looking into its video; None if it is to be done.

    It takes milliseconds: the video's size and a few samples are compared with the run record.
    Errors as `find_done`.
    """
    there = find_done(job.video, job.output, job.settings, overwrite=overwrite, grow=grow)
    return Outcome(job, there, is_new=False) if there else None


def extract_job(job: Job, **how: Any) -> Selection:  # noqa: ANN401 - as for extract
    """Extract a job's video; errors as `extract`."""
    return extract(job.video, job.output, job.settings, **how)
