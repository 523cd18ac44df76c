"""Where jobs run: everywhere the same results, and none is lost with its worker."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest

from keyframes.errors import MissingExtraError, OutputError, SettingsError, VideoError
from keyframes.executors import run_task
from keyframes.jobs import Job
from keyframes.settings import Settings

# Tasks that a worker process imports by this module's name.
IN_WORKERS = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}


def make_jobs(folder, *names):
    return [Job(folder / name, folder, Settings()) for name in names]


def tell_threads(job, *, threads, progress):
    """Return what this job may use of the machine."""
    import cv2  # noqa: PLC0415
    from threadpoolctl import threadpool_info  # noqa: PLC0415

    blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    if progress:
        progress("reading", threads, 7)
    return {
        "threads": threads,
        "opencv": cv2.getNumThreads(),
        "blas": max(blas),
        "pid": os.getpid(),
    }


def do_as_named(job, *, threads, progress):
    """Return the job's name, unless that asks for an error."""
    if job.video.stem == "bad":
        raise VideoError(f"{job.video}: is bad")
    if job.video.stem == "bug":
        raise ZeroDivisionError("here")
    if job.video.stem == "refused":
        (job.output / "none" / "a.csv").open()
    return job.video.stem


def tell_place(job, *, threads, progress):
    return job.video, job.output


def tell_process(job, *, threads, progress):
    """Return which process does this job; d's is killed at every try, as if memory had run out."""
    if job.video.stem == "d":
        psutil.Process().kill()
    time.sleep(0.1)  # else all are done before the other's end is noticed
    return os.getpid()


def wait_for_go(job, *, threads, progress):
    """Say that work has begun, and go on when the folder holds a file ``go``."""
    (job.output / f"{job.video.stem}-{os.getpid()}").touch()
    while not (job.output / "go").exists():
        time.sleep(0.01)
    if job.video.stem == "b":
        raise VideoError("bad")
    return job.video.stem


def tell_blocked_signals(job, *, threads, progress):
    return signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.parametrize("n_workers", [1, 2])
def test_results_and_errors_come_back(tmp_path, n_workers, caplog):
    jobs = make_jobs(tmp_path, "a.x", "bad.x", "bug.x", "refused.x", "c.x")
    by_name = {j.video.stem: r for j, r in run_task(do_as_named, jobs, n_workers=n_workers)}
    bad, bug, refused = (by_name.pop(name) for name in ("bad", "bug", "refused"))
    assert by_name == {"a": "a", "c": "c"}
    assert isinstance(bad, VideoError)
    assert "is bad" in str(bad)
    assert "bug.x: ZeroDivisionError: here; this is a bug" in str(bug)
    assert isinstance(refused, OutputError)
    assert str(refused).startswith(f"{tmp_path / 'none' / 'a.csv'}: No such file or directory;")
    (shown,) = caplog.messages  # of the bug: what the system refuses is none
    assert "in do_as_named" in shown
    assert "ZeroDivisionError" in shown


def test_cores_are_shared_out_not_multiplied(tmp_path, monkeypatch):
    monkeypatch.setattr("keyframes.executors.count_cores", lambda: 2)
    reports = []
    jobs = make_jobs(tmp_path, *(f"{n}.x" for n in range(4)))
    results = [
        result
        for _, result in run_task(
            tell_threads, jobs, n_workers=2, progress=lambda *event: reports.append(event)
        )
    ]
    for result in results:
        assert result["threads"] == result["opencv"] == result["blas"] == 1
        assert result["pid"] != os.getpid()
    assert sorted(reports) == sorted((job.video, "reading", 1, 7) for job in jobs)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a Unix thing")
def test_interrupts_are_for_the_parent_alone(tmp_path):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    results = dict(run_task(tell_blocked_signals, make_jobs(tmp_path, "a.x", "b.x"), n_workers=2))
    assert all(signal.SIGINT in blocked for blocked in results.values())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_killed_process_costs_its_own_job_only_and_leaves_the_others_to_a_pool(tmp_path):
    jobs = make_jobs(tmp_path, "a.x", "d.x", *(f"{n}.x" for n in range(5)))
    results = dict(run_task(tell_process, jobs, n_workers=2))
    assert isinstance(results.pop(jobs[1]), VideoError)
    assert results.keys() == {*jobs} - {jobs[1]}
    assert len({*results.values()}) < 6, "each had a process of its own"
    assert not multiprocessing.active_children()


def test_missing_dask_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pose-keyframes\[dask\]"):
        list(run_task(do_as_named, make_jobs(tmp_path, "a.x"), scheduler="tcp://127.0.0.1:1"))


@contextmanager
def dask_scheduler(folder):
    """Start a scheduler; yield its address, and a function that starts a worker."""
    pytest.importorskip("distributed")
    processes = []

    def start(program, *options, search=IN_WORKERS):
        file = folder / "scheduler.json"
        local = ["--no-dashboard", "--scheduler-file", str(file)]
        command = [sys.executable, "-m", f"distributed.cli.{program}", *options, *local]
        with (folder / f"{len(processes)}.log").open("w") as log:
            processes.append(
                subprocess.Popen(
                    command, stdout=log, stderr=log, env={**os.environ, **search}, cwd=folder
                )
            )
        return processes[-1]

    start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    deadline = time.monotonic() + 60
    file = folder / "scheduler.json"
    while not (file.exists() and file.stat().st_size):  # it is there before it is written
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield (
        json.loads(file.read_text("utf-8"))["address"],
        partial(start, "dask_worker", "--nthreads", "1", "--no-nanny"),
    )
    for process in processes:
        process.kill()  # asked to end, a worker waits for a scheduler that may be gone already
        process.wait()


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    """A scheduler and two workers, each a process of its own: (address, workers)."""
    with dask_scheduler(tmp_path_factory.mktemp("dask")) as (address, start_worker):
        yield address, [start_worker() for _ in range(2)]


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("raise ModuleNotFoundError('none')", r"no keyframes \(none\)"),
        ("__version__ = '0.0.1'", "keyframes 0.0.1"),
    ],
)
def test_dask_workers_are_waited_for_and_need_the_same_keyframes(tmp_path, caplog, there, said):
    (tmp_path / "other" / "keyframes").mkdir(parents=True)
    (tmp_path / "other" / "keyframes" / "__init__.py").write_text(there)
    with dask_scheduler(tmp_path) as (address, start_worker):

        def send_worker():
            while "has no workers yet; waiting for them" not in caplog.text:
                time.sleep(0.05)
            start_worker(search={"PYTHONPATH": str(tmp_path / "other")})

        threading.Thread(target=send_worker, daemon=True).start()
        with pytest.raises(SettingsError, match=rf"worker tcp://.* has {said}; install keyframes"):
            list(run_task(do_as_named, make_jobs(tmp_path, "a.x"), scheduler=address))


def test_dask_brings_back_results_and_errors_and_does_lost_jobs_again(dask, tmp_path):
    address, workers = dask
    jobs = make_jobs(tmp_path, "a.x", "b.x", "c.x", "d.x")
    results = run_task(wait_for_go, jobs, scheduler=address)
    begun = []

    def begin():
        """Wait until both workers are at work, kill one, and let the other go on."""
        while len(begun) < 2:
            begun[:] = [path for path in tmp_path.iterdir() if "-" in path.name]
            time.sleep(0.01)
        workers[0].kill()
        workers[0].wait()
        (tmp_path / "go").touch()

    threading.Thread(target=begin).start()
    by_name = {job.video.stem: result for job, result in results}
    assert isinstance(by_name.pop("b"), VideoError)
    assert by_name == {name: name for name in "acd"}
    assert str(workers[0].pid) in {path.name.split("-")[1] for path in begun}


def test_dask_workers_need_not_be_where_the_command_is(dask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (result,) = run_task(tell_place, make_jobs(Path(), "a.x"), scheduler=dask[0])
    assert result == (make_jobs(Path(), "a.x")[0], (tmp_path / "a.x", tmp_path))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("head", r"no Dask scheduler answers at 'head' \(.*port"),
        ("tcp://127.0.0.1:1", "no Dask scheduler answers at 'tcp://127.0.0.1:1'"),
        ("tcp://127.0.0.1:87860", "no Dask scheduler answers at 'tcp://127.0.0.1:87860'"),
        ("tls://127.0.0.1:1", "tls://127.0.0.1:1: Dask has no TLS settings"),
    ],
)
def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch, address, said):
    """Without a client, which would try to end for twenty seconds, and complain of that."""
    pytest.importorskip("distributed")
    monkeypatch.setattr("keyframes.executors.CONNECT_S", 0.2)
    monkeypatch.setattr("distributed.Client", None)
    with pytest.raises(SettingsError, match=said):
        list(run_task(do_as_named, make_jobs(tmp_path, "a.x"), scheduler=address))
