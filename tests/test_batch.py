"""Many videos: none lost, none done twice, whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from keyframes.batch import extracting, run_jobs
from keyframes.errors import VideoError
from keyframes.jobs import Job
from keyframes.pipeline import extract
from keyframes.settings import Settings


@pytest.fixture
def jobs(make_video, tmp_path):
    videos = [make_video(tmp_path / f"{name}.mp4", n_frames=20) for name in "abc"]
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    return [
        Job(video, tmp_path / "out", Settings(count=3)) for video in [videos[0], bad, *videos[1:]]
    ]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_bad_video_does_not_stop_the_rest(jobs, n_workers):
    stages = set()
    outcomes = list(
        run_jobs(
            jobs,
            extracting(),
            n_workers=n_workers,
            progress=lambda video, stage, *_: stages.add((video.name, stage)),
        )
    )
    by_name = {outcome.job.video.name: outcome for outcome in outcomes}
    assert by_name.keys() == {"a.mp4", "b.mp4", "c.mp4", "bad.mp4"}
    assert isinstance(by_name["bad.mp4"].error, VideoError)
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        assert len(by_name[name].selection.keyframes) == 3
        assert json.loads(by_name[name].record.read_text("utf-8"))["found"] == 3
    assert ("a.mp4", "writing") in stages
    if n_workers > 1:  # the number of processes makes no difference
        alone = [replace(job, output=job.output.with_name("alone")) for job in jobs]
        list(run_jobs(alone, extracting()))
        assert tree(jobs[0].output) == tree(alone[0].output)


def test_what_is_finished_is_not_done_again_and_what_differs_is_refused(jobs):
    list(run_jobs(jobs, extracting()))
    before = {path: path.stat().st_mtime_ns for path in jobs[0].output.rglob("*.*")}
    again = {o.job.video.name: o for o in run_jobs(jobs, extracting())}
    assert [again[name].is_new for name in ("a.mp4", "b.mp4", "c.mp4")] == [False] * 3
    assert len(again["a.mp4"].selection.keyframes) == 3
    other = [replace(job, settings=Settings(count=4)) for job in jobs]
    refused = {o.job.video.name: o for o in run_jobs(other, extracting())}
    assert "-k 3, now 4" in str(refused["a.mp4"].error)
    assert {path: path.stat().st_mtime_ns for path in jobs[0].output.rglob("*.*")} == before
    replaced = {o.job.video.name: o for o in run_jobs(other, extracting(overwrite=True))}
    assert len(replaced["a.mp4"].selection.keyframes) == 4


def test_a_damaged_record_stops_its_own_video_alone(jobs):
    list(run_jobs(jobs, extracting()))
    record = json.loads(jobs[0].folder.record.read_text("utf-8"))
    del record["coverage"]
    jobs[0].folder.record.write_text(json.dumps(record), "utf-8")
    jobs[2].folder.record.write_bytes(b"")
    after = {o.job.video.name: o for o in run_jobs(jobs, extracting())}
    for name in ("a.mp4", "b.mp4"):
        assert "this run record is damaged" in str(after[name].error)
    assert not after["c.mp4"].is_new
    repaired = {o.job.video.name: o for o in run_jobs(jobs, extracting(overwrite=True))}
    assert len(repaired["a.mp4"].selection.keyframes) == 3
    assert repaired["b.mp4"].selection.keyframes


@pytest.fixture(scope="module")
def long_videos(make_video, tmp_path_factory):
    """A folder of three recordings that take longer to read than a test has patience for."""
    folder = tmp_path_factory.mktemp("long")
    short = make_video(folder / "a.h264", n_frames=100).read_bytes()
    for name in "abc":
        (folder / f"{name}.h264").write_bytes(100 * short)
    return folder


def start_batch(videos, out):
    """Start a batch of two processes; return it once its workers report."""
    command = [sys.executable, "-m", "keyframes", "extract", videos, "-o", out, "--jobs", "2"]
    process = subprocess.Popen(
        [*map(str, command), "--no-cache"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    parent = psutil.Process(process.pid)
    while sum(child.num_threads() > 3 for child in parent.children()) < 2:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    return process, parent.children()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a Unix thing")
@pytest.mark.parametrize("signum", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_stopping_a_batch_leaves_no_process_and_no_half_file(long_videos, tmp_path, signum):
    process, workers = start_batch(long_videos, tmp_path / "out")
    process.send_signal(signal.Signals[signum])
    _, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors
    if signum != "SIGKILL":
        assert process.returncode == 130
        assert errors.splitlines()[-1].startswith("keyframes: stopped")
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert len(gone) >= 2
    assert not alive
    assert not list(tmp_path.glob("out/[!.]*"))  # it didn't wait until all was done


def tree(root):
    """Return every file's bytes; of records all but their timings, of pages all but their place."""
    files = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".json":
                record = json.loads(content)
                del record["timings_s"]
                content = json.dumps(record).encode()
            elif path.suffix == ".html":
                content = content.replace(root.as_posix().encode(), b"OUT")
            files[str(path.relative_to(root))] = content
    return files


def test_the_record_of_a_moved_recording_says_where_it_is_now(jobs):
    job = jobs[0]
    list(run_jobs([job], extracting()))
    moved = job.video.rename(job.video.parent / "out" / job.video.name)
    (outcome,) = run_jobs([replace(job, video=moved)], extracting())
    assert not outcome.is_new
    record = json.loads(outcome.record.read_text("utf-8"))
    assert record["video"]["path"] == str(moved)


def test_what_cannot_be_kept_in_order_does_not_stop_the_rest(jobs, request):
    untidy, _, moved, good = jobs
    list(run_jobs([untidy, moved, good], extracting()))
    untidy.folder.unfinished.mkdir()
    place = moved.output / moved.video.name
    moved = replace(moved, video=moved.video.rename(place))
    request.getfixturevalue("small_disk")
    untidied, unwritten, done = run_jobs([untidy, moved, good], extracting())
    assert ".a.unfinished.json" in str(untidied.error)
    assert "b.json: can't be written" in str(unwritten.error)
    assert done.selection


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed process is forked")
@pytest.mark.parametrize("grows", [False, True], ids=["new", "growing"])
@pytest.mark.parametrize(("names", "least"), [("abc", 4), ("a", 0)], ids=["random", "every step"])
def test_killed_at_any_moment_it_leaves_whole_files_and_the_next_run_completes(
    make_video, tmp_path, names, least, grows
):
    (tmp_path / "in").mkdir()
    for name in names:
        video = make_video(tmp_path / "in" / f"{name}.mp4", n_frames=12)
        if grows:
            extract(video, tmp_path / "before", Settings(count=1))
    script = Path(__file__).with_name("killing.py")
    arguments = [tmp_path / "in", "-k", "2", "--jobs", "1", "-q", *(["--grow"] if grows else [])]
    command = [sys.executable, "-W", "ignore", script, tmp_path / "out", 1, least, *arguments]
    environment = {
        **os.environ,
        "KEYFRAMES_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [*map(str, command)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kills = json.loads(done.stdout)["kills"]
    assert kills >= (least or 15)
    undisturbed = tree(tmp_path / "out" / "undisturbed")
    assert len(undisturbed) == len(names) * (2 + 3) + (len(names) > 1)
    for folder in (tmp_path / "out").iterdir():
        killed = tree(folder)
        assert killed.keys() == undisturbed.keys(), folder  # no temporary file is left
        assert killed == undisturbed
    # Packets and features of each video.
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 2 * len(names)
