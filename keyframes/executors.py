"""Where jobs run: in this process, in processes of this machine, or on a Dask cluster.

All three do the same: call a function for each job, give it its share of the cores, and hand
back what it returns or the `KeyframesError` that stopped it, as soon as it is there. A worker
that is lost costs time, not the batch: its job is done again.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
import traceback
from concurrent.futures import CancelledError, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits

from keyframes import __version__
from keyframes.ahead import count_cores
from keyframes.errors import KeyframesError, OutputError, SettingsError, VideoError
from keyframes.extras import import_extra
from keyframes.files import explain
from keyframes.resizing import opencv_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor, Future
    from multiprocessing.queues import SimpleQueue
    from pathlib import Path

    from keyframes.jobs import Job
    from keyframes.stages import Progress, Stage

    # Called with the video, the stage it is in, how much of that is done and how much it is.
    BatchProgress = Callable[[Path, Stage, int, int], None]

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

# A cluster's worker may be lost with the machine it runs on; its job is tried again this often.
RETRIES = 2
# How long a scheduler may take to answer, seconds.
CONNECT_S = 10
# Between two looks at the progress that the workers report, seconds.
_POLL_S = 0.1
_TELLS_MEMORY = "--dry-run tells how much memory it takes"
# The logger above all others of keyframes.
_LIBRARY = "keyframes"


class Task(Protocol[Result_co]):
    """What is done for each job; it has to be picklable."""

    def __call__(self, job: Job, *, threads: int, progress: Progress | None) -> Result_co:
        """Do the job with so many threads; a KeyframesError says why it can't be done."""


def run_task(
    task: Task[Result],
    jobs: Sequence[Job],
    *,
    n_workers: int = 1,
    scheduler: str | None = None,
    progress: BatchProgress | None = None,
) -> Iterator[tuple[Job, Result | KeyframesError]]:
    """Do a task for every job; yield each job with its result when that is there.

    Parameters
    ----------
    task, jobs
        What is to be done.
    n_workers
        Processes on this machine, which share its cores evenly; 1 works in this process.
    scheduler
        Address of a Dask scheduler that sends the jobs to its workers instead, one core for
        each. They must see the same files under the same paths.
    progress
        Told how far each video is; on a Dask cluster only whole videos show.

    Raises
    ------
    SettingsError
        No scheduler answers, it is lost on the way, or a worker has no or another keyframes.
    MissingExtraError
        Dask isn't installed.
    """
    if not jobs:
        return  # nobody need answer, and no process start
    if scheduler is not None:
        attempt = partial(_attempt, task, threads=1)
        with _dask_executor(scheduler) as executor:
            # A worker's own folder may be any.
            yield from _collect(
                lambda job: executor.submit(attempt, job.absolute()), jobs, _dask_result
            )
    elif n_workers == 1:
        for job in jobs:
            yield job, _attempt(task, job, threads=count_cores(), progress=progress)
    else:
        attempt = partial(_attempt, task, threads=max(1, count_cores() // n_workers))
        yield from _run_in_processes(attempt, jobs, n_workers, progress)


def _attempt(
    task: Task[Result], job: Job, *, threads: int, progress: BatchProgress | None = None
) -> Result | KeyframesError:
    """Do one job within its share of the cores; what stops it is a result, too."""
    try:
        with limited_threads(threads):
            report = partial(progress, job.video) if progress else None
            return task(job, threads=threads, progress=report)
    except KeyframesError as error:
        return error
    except MemoryError:
        return VideoError(f"{job.video}: there is not enough memory; {_TELLS_MEMORY}")
    except Exception as error:  # noqa: BLE001 - it must not cost the other videos
        shown = traceback.format_exc()  # as text it can travel
        if isinstance(error, OSError) and error.errno is not None:  # the system's own word
            logger.info("%s", shown)
            return OutputError(explain(error))
        logger.error("%s", shown)  # noqa: TRY400
        reason = f"{type(error).__name__}: {error}"
        return KeyframesError(f"{job.video}: {reason}; this is a bug, please report it")


@contextmanager
def limited_threads(n: int) -> Iterator[None]:
    """Hold BLAS and OpenCV to ``n`` threads each."""
    with opencv_threads(n), threadpool_limits(n):
        yield


def _collect(
    submit: Callable[[Job], Future[Any]],
    jobs: Sequence[Job],
    get: Callable[[Job, Future[Any]], Result],
    idle: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Job, Result]]:
    """Submit the jobs and yield the results as they come; ``idle`` is called in between."""
    done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
    left = {}
    for job in jobs:
        future = submit(job)
        left[future] = job
        future.add_done_callback(done.put)
    while left:
        try:
            finished = done.get(timeout=_POLL_S)
        except queue.Empty:
            idle()
        else:
            job = left.pop(finished)
            yield job, get(job, finished)
    idle()


def _run_in_processes(
    attempt: Callable[..., Result | KeyframesError],
    jobs: Sequence[Job],
    n_workers: int,
    progress: BatchProgress | None,
) -> Iterator[tuple[Job, Result | KeyframesError]]:
    """Run the jobs in processes of this machine."""
    left = list(jobs)
    while left:
        try:
            for job, result in _run_in_pool(attempt, tuple(left), n_workers, progress):
                left.remove(job)
                yield job, result
        except BrokenProcessPool:
            # Which job brought its worker down isn't known, but it is one of those that were
            # running: the first, as they are begun in order. Each gets a process of its own.
            suspects, left = left[:n_workers], left[n_workers:]
            for job in suspects:
                yield from _run_alone(attempt, job, progress)


def _run_alone(
    attempt: Callable[..., Result | KeyframesError], job: Job, progress: BatchProgress | None
) -> Iterator[tuple[Job, Result | KeyframesError]]:
    """Run a job in a new process, which it may bring down."""
    try:
        yield from _run_in_pool(attempt, [job], 1, progress)
    except BrokenProcessPool:
        yield job, VideoError(f"{job.video}: its process was killed; {_TELLS_MEMORY}")


def _run_in_pool(
    attempt: Callable[..., Result | KeyframesError],
    jobs: Sequence[Job],
    n_workers: int,
    progress: BatchProgress | None,
) -> Iterator[tuple[Job, Result | KeyframesError]]:
    """Run the jobs in new processes; BrokenProcessPool when one of these is killed."""
    context = multiprocessing.get_context("spawn")
    events = context.SimpleQueue()

    def show_events() -> None:
        while not events.empty():
            first, *rest = events.get()
            if isinstance(first, logging.LogRecord):
                logging.getLogger(first.name).handle(first)
            elif progress:
                progress(first, *rest)

    def submit(job: Job) -> Future[Any]:
        with _interrupts_held():
            return executor.submit(attempt, job, progress=_report)

    others = set(multiprocessing.active_children())
    start = partial(_start_worker, events, logging.getLogger(_LIBRARY).getEffectiveLevel())
    with ProcessPoolExecutor(n_workers, context, start) as executor:
        try:
            yield from _collect(submit, jobs, _result, show_events)
        except BaseException:
            # As safe as kill -9: files are whole or absent. And nobody waits for what is running.
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            raise


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait; processes started meanwhile never hear of it, as the parent stops them.

    On Windows, which knows no such thing, they pass it over once they are ready.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _result(_: Job, future: Future[Any]) -> Any:  # noqa: ANN401 - whatever the task returns
    return future.result()


# In a worker process: where it reports its progress to.
_events: SimpleQueue[Any] | None = None


def _start_worker(events: SimpleQueue[Any], log_level: int) -> None:
    """Make a new worker process ready: it reports to its parent and ends with it."""
    global _events  # noqa: PLW0603 - a worker process has one life and one queue
    _events = events
    library = logging.getLogger(_LIBRARY)
    library.setLevel(log_level)
    library.addHandler(_LogToParent())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for Windows, see `_interrupts_held`
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent is gone, even if that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _report(*event: Any) -> None:  # noqa: ANN401 - progress, or a log record
    """Send something from a worker process to its parent."""
    if _events is not None:
        _events.put(event)


class _LogToParent(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args = record.getMessage(), None  # what it names may not travel
        _report(record)


@contextmanager
def _dask_executor(scheduler: str) -> Iterator[Executor]:
    distributed = import_extra("distributed", "dask")
    # What it has to say is said here, in a line.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        asyncio.run(_knock(distributed, scheduler))
    except TypeError as error:
        raise SettingsError(
            f"{scheduler}: Dask has no TLS settings here; give it those of the cluster "
            "(distributed.comm.tls in its configuration)"
        ) from error
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"no Dask scheduler answers at {scheduler!r} ({error}); is it running?"
        ) from error
    try:
        with distributed.Client(scheduler, timeout=CONNECT_S, set_as_default=False) as client:
            _check_workers(client, scheduler)
            yield client.get_executor(retries=RETRIES, pure=False)
    except CancelledError as error:
        raise SettingsError("the Dask scheduler is gone; the same command goes on") from error


async def _knock(distributed: Any, scheduler: str) -> None:  # noqa: ANN401 - a module
    """Connect to a scheduler, without a client: one in vain takes long to end, and complains."""
    security = distributed.Security().get_connection_args("client")
    comm = await distributed.comm.connect(scheduler, timeout=CONNECT_S, **security)
    await comm.close()


def _check_workers(client: Any, scheduler: str) -> None:  # noqa: ANN401 - of an extra
    """Wait for a first worker, and refuse those that don't have this very keyframes.

    Dask itself says nothing of a task that a worker can't unpack, and never ends.
    """
    ask = resolve_name, "keyframes:__version__"  # every Python can unpack this
    first = client.submit(*ask, pure=False)  # for a task, clusters that grow start their workers
    if not client.nthreads():
        logger.warning("%s: has no workers yet; waiting for them", scheduler)
    first.exception()
    for worker, found in client.run(*ask, on_error="return").items():
        if found != __version__:
            there = f"keyframes {found}" if isinstance(found, str) else f"no keyframes ({found})"
            raise SettingsError(
                f"the Dask worker {worker} has {there}; install keyframes {__version__} there"
            )


def _dask_result(job: Job, future: Future[Result | KeyframesError]) -> Result | KeyframesError:
    from distributed import KilledWorker  # noqa: PLC0415 - an extra

    try:
        return future.result()
    except KilledWorker:
        return VideoError(f"{job.video}: the workers that tried it were killed; {_TELLS_MEMORY}")
