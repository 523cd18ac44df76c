"""What a batch would do, found out without decoding: frames, candidates, memory and disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from keyframes.batch import find_outcome
from keyframes.describe import plan_sampling
from keyframes.errors import KeyframesError
from keyframes.executors import run_task
from keyframes.pool import find_lost, find_summary_outcome, plan_shares
from keyframes.video import index_video

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keyframes.describe import Sampling
    from keyframes.executors import BatchProgress
    from keyframes.jobs import Job
    from keyframes.records import Selection
    from keyframes.stages import Progress

# Python, the libraries and their buffers; measured.
_BASE_BYTES = 150 * 2**20
# What clustering works on at a time, for each thread: rows in double precision, three times.
_SCRATCH_ROWS = 3 * 1024
# Frames that a decoder and those who wait for it hold, besides one for each thread.
_FRAMES_HELD = 20
_YUV_BYTES = 1.5
# A PNG of a recording takes 0.5 to 1 bytes a pixel; of a noisy one more.
_PNG_BYTES = 1.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to be expected of one job.

    Attributes
    ----------
    is_finished
        There is nothing left to do.
    n_frames, n_candidates
        Frames of the video, by its packets, and how many of them will be considered.
    n_keyframes
        How many will be written; None where that is found out on the way.
    memory_bytes
        Most memory that the job will take, about.
    disk_bytes
        What will be written, about; None where that depends on how many there will be.
    """

    is_finished: bool
    n_frames: int
    n_candidates: int
    n_keyframes: int | None
    memory_bytes: int = 0
    disk_bytes: int | None = 0


def forecast_jobs(
    jobs: Sequence[Job],
    *,
    n_points: int = 0,
    per_video_min: int = 0,
    chooses: bool = True,
    overwrite: bool = False,
    grow: bool = False,
    n_workers: int = 1,
    scheduler: str | None = None,
    progress: BatchProgress | None = None,
) -> Iterator[tuple[Job, Forecast | KeyframesError]]:
    """Say what would be done; nothing is written.

    Parameters
    ----------
    jobs, overwrite, grow
        As for `run_jobs` and `extracting`.
    n_points
        Points of each summary, where the jobs make a pool; else 0.
    per_video_min
        Keyframes that the pool takes of every video at least.
    chooses
        Whether the pool's keyframes are written, too, or only its summaries.
    n_workers, scheduler, progress
        As for `run_task`. The memory that is forecast is that of a job among as many workers.
    """
    even_share = 0.0
    if n_points and chooses:
        shares = _choose_shares(jobs, n_points, per_video_min)
        even_share = 0.0 if shares else int(jobs[0].settings.count) / len(jobs)
        jobs = shares or jobs
    task = partial(
        _forecast, n_points=n_points, even_share=even_share, overwrite=overwrite, grow=grow
    )
    yield from run_task(task, jobs, n_workers=n_workers, scheduler=scheduler, progress=progress)


def _choose_shares(jobs: Sequence[Job], n_points: int, per_video_min: int) -> list[Job]:
    """Return the jobs with their shares of the pool; none while a summary is to be made."""
    failed = []
    for job in jobs:
        try:
            if find_summary_outcome(job, n_points) is None:
                index_video(job.video)  # one that can't be read is not waited for
                return []
        except KeyframesError:  # said when its turn comes
            failed.append(job)
    lost = find_lost(failed, n_points)
    members = [job for job in jobs if job not in failed or job in lost]
    shares = plan_shares(members, n_points, per_video_min, lost)
    with_share = {job.video: job for job in shares}
    return [with_share.get(job.video, job) for job in jobs]


def _forecast(
    job: Job,
    *,
    n_points: int,
    even_share: float,
    overwrite: bool,
    grow: bool,
    threads: int,
    progress: Progress | None,
) -> Forecast:
    if progress:
        progress("reading", 0, 0)
    if job.settings.share:
        n_points = 0  # from now on it is a video like any other
    if n_points:
        outcome = find_summary_outcome(job, n_points)
    else:
        outcome = find_outcome(job, overwrite=overwrite, grow=grow)
    if outcome and outcome.selection:
        return _of_finished(outcome.selection)
    sampling = plan_sampling(index_video(job.video), job.settings)
    n_keyframes = None if n_points else _count_keyframes(sampling)
    return Forecast(
        is_finished=outcome is not None and not even_share,
        n_frames=len(sampling.index),
        n_candidates=sampling.n_expected,
        n_keyframes=n_keyframes,
        memory_bytes=_memory(sampling, threads),
        disk_bytes=_disk(sampling, n_points, even_share if n_points else n_keyframes),
    )


def _of_finished(selection: Selection) -> Forecast:
    return Forecast(
        is_finished=True,
        n_frames=selection.video.n_frames,
        n_candidates=selection.n_candidates,
        n_keyframes=len(selection.keyframes),
    )


def _count_keyframes(sampling: Sampling) -> int | None:
    settings = sampling.settings
    if settings.frames:
        return len(settings.frames)
    if settings.count == "auto":
        return None
    return min(max(settings.count, len(settings.held)), sampling.n_expected)


def _disk(sampling: Sampling, n_points: int, n_pictures: float | None) -> int | None:
    if n_pictures is None:
        return None
    # Of each point its features, and two numbers in double precision.
    summary = min(n_points, sampling.n_expected) * (4 * sampling.n_features + 16)
    pictures = n_pictures * sampling.index.width * sampling.index.height * _PNG_BYTES
    return round(summary + pictures)


def _memory(sampling: Sampling, threads: int) -> int:
    index, n_features = sampling.index, sampling.n_features
    features = 2 * 4 * sampling.n_expected * n_features  # and the copy that is clustered
    scratch = 8 * n_features * _SCRATCH_ROWS * threads
    frames = _YUV_BYTES * index.width * index.height * (_FRAMES_HELD + threads)
    return round(_BASE_BYTES + features + scratch + frames)
