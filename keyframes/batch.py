"""Many videos: find them, share them out, and extract them; a bad one never stops the rest."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from keyframes.errors import KeyframesError, MissingExtraError, SettingsError, VideoError
from keyframes.files import write_atomically
from keyframes.output import OutputFolder, find_results
from keyframes.pipeline import extract
from keyframes.report import check_page, render_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from multiprocessing.context import SpawnContext
    from multiprocessing.queues import SimpleQueue
    from pathlib import Path

    from keyframes.cache import FeatureCache
    from keyframes.pipeline import Stage
    from keyframes.records import Selection
    from keyframes.settings import Settings

    # Called with the video, the stage it is in, how much of that is done and how much it is.
    BatchProgress = Callable[[Path, Stage, int, int], None]

# Only for looking into folders; a file named on the command line may end in anything.
VIDEO_SUFFIXES = frozenset(
    ".264 .265 .3gp .asf .avi .flv .gif .h264 .h265 .hevc .ivf .m2ts .m4v .mjpeg .mjpg .mkv .mov "
    ".mp4 .mpeg .mpg .mts .mxf .nut .ogv .ts .vob .webm .wmv .y4m".split()
)
# A worker process may be lost with the machine it runs on; its video is tried again this often.
RETRIES = 2


@dataclass(frozen=True, slots=True)
class Job:
    """One video, what is asked of it, and the folder its results go to."""

    video: Path
    output: Path
    settings: Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job: a selection, or the error that stopped it."""

    job: Job
    selection: Selection | None = None
    error: KeyframesError | None = None

    @property
    def record(self) -> Path:
        """Where the run record is, if there is a selection."""
        return OutputFolder(self.job.output, self.job.video.stem).record


def find_videos(paths: Iterable[Path], *, recursive: bool = False) -> dict[Path, Path]:
    """Return the videos that the paths name, each with the folder it was looked for in.

    Parameters
    ----------
    paths
        Videos, and folders to look into for videos.
    recursive
        Look into the folders' folders, too.

    Raises
    ------
    SettingsError
        A path isn't there, or a folder holds no video.
    """
    videos: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            for video in _videos_in(path, recursive=recursive):
                videos.setdefault(video, path)
        elif path.exists():
            videos.setdefault(path, path.parent)
        else:
            raise SettingsError(f"{path}: no such file or folder; check the path")
    return videos


def plan_jobs(
    videos: dict[Path, Path], output: Path, settings: Settings, *, tree: bool = False
) -> list[Job]:
    """Return a job for each video that was found, in the same order.

    Parameters
    ----------
    videos
        As from :func:`find_videos`.
    output, settings
        The output folder, and what is asked of every video.
    tree
        Mirror the folders that were looked into inside the output folder.

    Raises
    ------
    SettingsError
        Two videos would be written under one name.
    """
    jobs = [
        Job(video, output / video.parent.relative_to(root) if tree else output, settings)
        for video, root in videos.items()
    ]
    refuse_shared_outputs(jobs)
    return jobs


def refuse_shared_outputs(jobs: Iterable[Job]) -> None:
    """Raise SettingsError where two videos would be written under one name."""
    owners: dict[tuple[Path, str], Path] = {}
    for job in jobs:
        # Folded, since some file systems don't tell a.mp4 from A.mp4.
        owner = owners.setdefault((job.output, job.video.stem.casefold()), job.video)
        if owner != job.video:
            raise SettingsError(
                f"{owner} and {job.video} would both be written as '{job.video.stem}'; mirror "
                "their folders with --tree, or use a different -o for each"
            )


def take_shard(jobs: Sequence[Job], index: int, n_shards: int) -> list[Job]:
    """Return the share of the jobs that shard ``index`` (from 0) of ``n_shards`` has to do.

    Every shard makes the same division on its own: the videos, largest first, each go to the
    shard with the fewest bytes so far (Graham 1969, longest processing time first).
    """
    sizes = {job: job.video.stat().st_size for job in jobs}
    loads = [0] * n_shards
    share = []
    for job in sorted(jobs, key=lambda job: (-sizes[job], str(job.video))):
        lightest = loads.index(min(loads))
        loads[lightest] += sizes[job] + 1
        if lightest == index:
            share.append(job)
    return sorted(share, key=jobs.index)


def run_jobs(
    jobs: Sequence[Job],
    *,
    n_workers: int = 1,
    scheduler: str | None = None,
    overwrite: bool = False,
    grow: bool = False,
    with_page: bool = True,
    cache: FeatureCache | None = None,
    progress: BatchProgress | None = None,
) -> Iterator[Outcome]:
    """Extract every video; yield each outcome when it is there.

    Parameters
    ----------
    jobs, overwrite, grow, with_page, cache
        What is to be done; the options as for `extract`.
    n_workers
        Processes on this machine, which share its cores evenly; 1 works in this process.
    scheduler
        Address of a Dask scheduler that sends the videos to its workers instead. They must see
        the same files under the same paths.
    progress
        Told how far each video is; on a Dask cluster only whole videos show.
    """
    function = partial(_run_job, overwrite=overwrite, grow=grow, with_page=with_page, cache=cache)
    if scheduler is not None:
        with _dask_executor(scheduler) as executor:
            yield from _collect(executor, function, jobs)
    elif n_workers == 1:
        for job in jobs:
            yield function(job, progress=progress)
    else:
        threads = max(1, count_cores() // n_workers)
        function = partial(function, threads=threads, progress=_report)
        yield from _run_in_processes(function, jobs, n_workers, threads, progress)


def write_index(outcomes: Iterable[Outcome]) -> None:
    """Write ``index.html`` in each output folder that now holds several videos."""
    for root in {outcome.job.output for outcome in outcomes if outcome.selection}:
        if len(find_results(root)) > 1:
            check_page(root / "index.html")
            write_atomically(root / "index.html", render_index(root).encode())


def count_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _run_job(
    job: Job,
    *,
    overwrite: bool,
    grow: bool,
    with_page: bool,
    cache: FeatureCache | None,
    threads: int | None = None,
    progress: BatchProgress | None = None,
) -> Outcome:
    """Extract one video; what stops it is part of the outcome."""
    report = partial(progress, job.video) if progress else None
    try:
        selection = extract(
            job.video,
            job.output,
            job.settings,
            overwrite=overwrite,
            grow=grow,
            with_page=with_page,
            cache=cache,
            threads=threads,
            progress=report,
        )
    except KeyframesError as error:
        return Outcome(job, error=error)
    return Outcome(job, selection)


def _collect(
    executor: Executor,
    function: Callable[[Job], Outcome],
    jobs: Sequence[Job],
    idle: Callable[[], None] | None = None,
) -> Iterator[Outcome]:
    """Submit the jobs and yield the outcomes as they come; ``idle`` is called in between."""
    pending = {executor.submit(function, job) for job in jobs}
    while pending:
        done, pending = wait(pending, timeout=0.1 if idle else None, return_when=FIRST_COMPLETED)
        if idle:
            idle()
        for future in done:
            yield future.result()


def _run_in_processes(
    function: Callable[[Job], Outcome],
    jobs: Sequence[Job],
    n_workers: int,
    threads: int,
    progress: BatchProgress | None,
) -> Iterator[Outcome]:
    """Run the jobs in processes of this machine."""
    context = multiprocessing.get_context("spawn")
    events = context.SimpleQueue()

    def show_events() -> None:
        while not events.empty():
            event = events.get()
            if progress:
                progress(*event)

    finished = set()
    try:
        with ProcessPoolExecutor(n_workers, context, _start_worker, (events, threads)) as executor:
            for outcome in _collect(executor, function, jobs, show_events):
                finished.add(outcome.job)
                yield outcome
    except BrokenProcessPool:
        # Which job brought its worker down isn't known: give each a process of its own.
        for job in jobs:
            if job not in finished:
                yield _run_alone(function, job, context, (events, threads))
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.terminate()  # as safe as kill -9: files are whole or absent
        raise


def _run_alone(
    function: Callable[[Job], Outcome], job: Job, context: SpawnContext, arguments: tuple[Any, ...]
) -> Outcome:
    try:
        with ProcessPoolExecutor(1, context, _start_worker, arguments) as executor:
            return executor.submit(function, job).result()
    except BrokenProcessPool:
        message = f"{job.video}: its process was killed; is there enough memory for --jobs?"
        return Outcome(job, error=VideoError(message))


# In a worker process: where it reports its progress to.
_events: SimpleQueue[Any] | None = None


def _start_worker(events: SimpleQueue[Any], threads: int) -> None:
    """Make a new worker process ready: its share of the cores, and the parent stops it."""
    global _events  # noqa: PLW0603 - a worker process has one life and one queue
    _events = events
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(threads)


def _report(video: Path, stage: Stage, done: int, total: int) -> None:
    """Send progress from a worker process to its parent."""
    if _events is not None:
        _events.put((video, stage, done, total))


@contextmanager
def _dask_executor(scheduler: str) -> Iterator[Executor]:
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError(
            "--scheduler needs Dask: pip install 'distributed>=2024.1'"
        ) from error
    try:
        client = Client(scheduler, timeout="10s")
    except OSError as error:
        raise SettingsError(f"no Dask scheduler answers at {scheduler!r} ({error})") from error
    with client:
        yield client.get_executor(retries=RETRIES, pure=False)


def _videos_in(folder: Path, *, recursive: bool) -> list[Path]:
    """Return the videos in a folder, by path; SettingsError when there is none."""
    found = folder.rglob("*") if recursive else folder.iterdir()
    videos = sorted(
        path for path in found if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()
    )
    if not videos:
        deeper = "" if recursive else ", or look deeper with --recursive"
        raise SettingsError(f"{folder}: holds no video; name a folder of recordings{deeper}")
    return videos
