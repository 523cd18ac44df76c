"""Many videos: found in a stable order, shared out evenly, none lost."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyframes.batch import Job, find_videos, plan_jobs, run_jobs, take_shard
from keyframes.errors import SettingsError, VideoError
from keyframes.settings import Settings


def make_tree(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(videos, folder):
    return [str(video.relative_to(folder)).replace("\\", "/") for video in videos]


def test_folders_are_looked_into_in_a_stable_order(tmp_path):
    make_tree(tmp_path, "b.mp4", "a.AVI", "notes.txt", "deep/c.mkv", "deep/deeper/d.mov", ".e.csv")
    assert names(find_videos([tmp_path]), tmp_path) == ["a.AVI", "b.mp4"]
    assert names(find_videos([tmp_path], recursive=True), tmp_path) == [
        "a.AVI",
        "b.mp4",
        "deep/c.mkv",
        "deep/deeper/d.mov",
    ]


def test_named_files_may_end_in_anything_and_count_once(tmp_path):
    make_tree(tmp_path, "a.mp4", "b.seq")
    found = find_videos([tmp_path / "b.seq", tmp_path, tmp_path / "a.mp4"])
    assert names(found, tmp_path) == ["b.seq", "a.mp4"]


@pytest.mark.parametrize(("name", "message"), [("absent", "no such file"), ("", "--recursive")])
def test_nothing_there_is_said(tmp_path, name, message):
    make_tree(tmp_path, "deep/a.mp4")
    with pytest.raises(SettingsError, match=message):
        find_videos([tmp_path / name])


def test_one_name_for_two_videos_is_refused_with_a_way_out(tmp_path):
    make_tree(tmp_path, "s1/cam.mp4", "s2/Cam.avi")
    videos = find_videos([tmp_path], recursive=True)
    with pytest.raises(SettingsError, match=r"s1.cam\.mp4 and .*s2.Cam\.avi.*--tree"):
        plan_jobs(videos, tmp_path / "out", Settings())
    jobs = plan_jobs(videos, tmp_path / "out", Settings(), tree=True)
    assert names([job.output for job in jobs], tmp_path) == ["out/s1", "out/s2"]


@given(sizes=st.lists(st.integers(0, 1000), max_size=30), n_shards=st.integers(1, 6))
def test_shards_share_all_videos_evenly(tmp_path_factory, sizes, n_shards):
    folder = tmp_path_factory.mktemp("videos")
    jobs = []
    for i, size in enumerate(sizes):
        path = folder / f"{i}.mp4"
        path.write_bytes(b"x" * size)
        jobs.append(Job(path, folder, Settings()))
    shards = [take_shard(jobs, index, n_shards) for index in range(n_shards)]
    assert sorted(jobs.index(job) for shard in shards for job in shard) == list(range(len(jobs)))
    loads = [sum(job.video.stat().st_size + 1 for job in shard) for shard in shards]
    assert max(loads) - min(loads) <= max(sizes, default=0) + 1
    assert all(shard == sorted(shard, key=jobs.index) for shard in shards)


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


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a Unix thing")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_stopping_a_batch_leaves_no_process_and_no_half_file(make_video, tmp_path, signum):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abcd":
        make_video(folder / f"{name}.mp4", n_frames=3000)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "keyframes", "extract", tmp_path / "in", "--jobs", "2"]
    process = subprocess.Popen(
        [*map(str, command), "-o", str(out), "--no-cache"], stderr=subprocess.PIPE, text=True
    )
    while not out.exists():
        assert process.poll() is None
    time.sleep(1.5)  # the workers are up and reading
    start = time.monotonic()
    process.send_signal(signum)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - start < 10
    assert process.returncode == 130
    assert "Traceback" not in errors
    for record in out.glob("*.json"):
        assert json.loads(record.read_text("utf-8"))["found"] == 20
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
