"""Many videos: none lost, none done twice, whatever happens."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from keyframes.batch import run_jobs
from keyframes.errors import VideoError
from keyframes.jobs import Job
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


def test_result_does_not_depend_on_the_number_of_processes(jobs, tmp_path):
    tables = []
    for n_workers in (1, 3):
        output = tmp_path / f"out{n_workers}"
        moved = [Job(job.video, output, Settings(count=4)) for job in jobs]
        list(run_jobs(moved, n_workers=n_workers))
        files = sorted((tmp_path / f"out{n_workers}").rglob("*.[cp][sn][vg]"))
        tables.append([path.read_bytes() for path in files])
    assert len(tables[0]) == 3 + 3 * 4
    assert tables[0] == tables[1]


@pytest.fixture(scope="module")
def long_videos(make_video, tmp_path_factory):
    """A folder of three recordings that take longer to read than a test has patience for."""
    folder = tmp_path_factory.mktemp("long")
    first = make_video(folder / "a.mkv", n_frames=4000, gop=250, options={"preset": "ultrafast"})
    for name in "bc":
        shutil.copy(first, folder / f"{name}.mkv")
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
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopping_a_batch_leaves_no_process_and_no_half_file(long_videos, tmp_path, signum):
    process, workers = start_batch(long_videos, tmp_path / "out")
    process.send_signal(signum)
    _, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors
    if signum != signal.SIGKILL:
        assert process.returncode == 130
        assert errors.splitlines()[-1].startswith("keyframes: stopped")
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert len(gone) >= 2
    assert not alive
    for record in tmp_path.glob("out/*.json"):
        assert json.loads(record.read_text("utf-8"))["found"] == 20


def tree(root):
    """Return every file's bytes; of run records all but what took how long."""
    files = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".json":
                record = json.loads(content)
                del record["timings_s"]
                content = json.dumps(record).encode()
            files[str(path.relative_to(root))] = content
    return files


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed process is forked")
def test_killed_at_any_moment_it_leaves_whole_files_and_the_next_run_completes(
    make_video, tmp_path
):
    (tmp_path / "in").mkdir()
    for name in "abc":
        make_video(tmp_path / "in" / f"{name}.mp4", n_frames=24)
    script = Path(__file__).with_name("killing.py")
    arguments = [tmp_path / "in", "-k", "4", "--jobs", "1"]
    command = [sys.executable, "-W", "ignore", script, tmp_path / "out", 1, 3, *arguments]
    environment = {
        **os.environ,
        "KEYFRAMES_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [*map(str, command)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kills"] >= 6, done.stdout
    undisturbed = tree(tmp_path / "out" / "undisturbed")
    assert len(undisturbed) == 3 * (4 + 3) + 1
    folders = list((tmp_path / "out").iterdir())
    assert len(folders) == 1 + 2 * (1 + 3)
    for folder in folders:
        killed = tree(folder)
        assert killed.keys() == undisturbed.keys()  # no temporary file is left
        assert killed == undisturbed
    assert len(list((tmp_path / "cache").iterdir())) == 3
