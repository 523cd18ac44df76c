"""What would be done, said without doing it."""

import json
import subprocess
import sys

import psutil
import pytest

from keyframes.batch import extracting, run_jobs
from keyframes.errors import OutputError, VideoError
from keyframes.forecast import Forecast, forecast_jobs
from keyframes.jobs import Job
from keyframes.pool import plan_shares, summarising
from keyframes.settings import Settings


def forecast(*jobs, **options):
    return {job.video.stem: found for job, found in forecast_jobs(jobs, **options)}


@pytest.fixture
def videos(make_video, tmp_path):
    return [make_video(tmp_path / f"{name}.mp4", n_frames=n) for name, n in (("a", 30), ("b", 8))]


def test_forecast_is_what_happens_then(videos, tmp_path):
    jobs = [Job(video, tmp_path / "out", Settings(count=10)) for video in videos]
    expected = forecast(*jobs)
    assert not (tmp_path / "out").exists()
    assert [expected[name].n_keyframes for name in "ab"] == [10, 8]
    for outcome in run_jobs(jobs, extracting()):
        found, selection = expected[outcome.job.video.stem], outcome.selection
        assert not found.is_finished
        assert found.n_frames == selection.video.n_frames
        assert found.n_candidates == selection.n_candidates
        assert found.n_keyframes == len(selection.keyframes)
        pictures = sum(path.stat().st_size for path in outcome.job.folder.images.iterdir())
        assert pictures / 4 < found.disk_bytes < pictures * 40
    assert forecast(*jobs)["a"] == Forecast(True, 30, 30, 10)
    assert not forecast(*jobs, overwrite=True)["a"].is_finished
    assert forecast(jobs[0], n_workers=2)["a"].is_finished


def test_what_would_fail_is_said(videos, tmp_path):
    (tmp_path / "bad.mp4").write_text("no video")
    bad = Job(tmp_path / "bad.mp4", tmp_path, Settings())
    assert isinstance(forecast(bad)["bad"], VideoError)
    list(run_jobs([Job(videos[0], tmp_path, Settings(count=2))], extracting()))
    assert isinstance(forecast(Job(videos[0], tmp_path, Settings(count=3)))["a"], OutputError)


def test_numbers_follow_the_settings(videos, tmp_path):
    plain = forecast(Job(videos[0], tmp_path, Settings()))["a"]
    auto = forecast(Job(videos[0], tmp_path, Settings(count="auto")))["a"]
    listed = forecast(Job(videos[0], tmp_path, Settings(frames=(3, 5, 9))))["a"]
    thinned = forecast(Job(videos[0], tmp_path, Settings(step=3, features="gray")))["a"]
    held = forecast(Job(videos[0], tmp_path, Settings(count=2, held=(3, 5, 9))))["a"]
    assert held.n_keyframes == 3
    assert (auto.n_keyframes, auto.disk_bytes) == (None, None)
    assert (listed.n_keyframes, listed.n_candidates) == (3, 3)
    assert (thinned.n_keyframes, thinned.n_candidates) == (10, 10)
    assert thinned.memory_bytes > plain.memory_bytes  # gray pixels are more than outlines


def test_pool_is_forecast_by_its_summaries(videos, tmp_path):
    jobs = [Job(video, tmp_path, Settings(count=5)) for video in videos]
    assert forecast(*jobs, n_points=64)["a"].n_keyframes is None
    summary_bytes = forecast(*jobs, n_points=64, chooses=False)["a"].disk_bytes
    with_pictures = forecast(*jobs, n_points=64)["a"].disk_bytes
    assert with_pictures - summary_bytes == 2.5 * 96 * 64
    list(run_jobs(jobs[:1], summarising(64)))
    assert summary_bytes < jobs[0].folder.summary.stat().st_size < summary_bytes + 3000
    assert forecast(*jobs, n_points=64, chooses=False)["a"].is_finished
    found = forecast(*jobs, n_points=64)
    assert not any(found[name].is_finished for name in "ab"), "a's keyframes aren't chosen yet"


def test_pool_is_forecast_by_its_shares_once_all_is_summarised(videos, make_video, tmp_path):
    """The third video is the first again, and so gets nothing; the fourth can't be read."""
    twin, bad = make_video(tmp_path / "twin.mp4", n_frames=30), tmp_path / "bad.mp4"
    bad.write_text("no video")
    jobs = [Job(video, tmp_path, Settings(count=2)) for video in (*videos, twin, bad)]
    list(run_jobs(jobs, summarising(64)))
    shares = plan_shares(jobs[:3], 64)
    assert {share.video for share in shares} < {job.video for job in jobs[:3]}

    def todo(**options):
        found = forecast(*jobs, n_points=64, **options)
        assert isinstance(found.pop("bad"), VideoError)
        return {name: each.n_keyframes for name, each in found.items() if not each.is_finished}

    expected = {job.video.stem: job.settings.count for job in shares}
    assert todo() == expected
    list(run_jobs(shares, extracting()))
    assert todo() == {}
    assert todo(overwrite=True) == expected


def test_memory_stays_within_the_forecast(make_video, tmp_path):
    video = make_video(tmp_path / "v.mp4", n_frames=30, size=(960, 544))
    expected = forecast(Job(video, tmp_path, Settings()))["v"].memory_bytes
    command = [sys.executable, "-m", "keyframes", "extract", video, "-o", tmp_path, "-q"]
    peak, process = 0, psutil.Popen([*map(str, command), "--no-cache"])
    while process.poll() is None:
        try:
            peak = max(peak, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
    assert process.wait() == 0
    assert 50e6 < peak < expected


@pytest.mark.usefixtures("videos")
def test_command_line_prints_the_forecast_and_writes_nothing(tmp_path):
    (tmp_path / "bad.mp4").write_text("no video")
    command = [
        sys.executable,
        "-m",
        "keyframes",
        "extract",
        tmp_path,
        "--jobs",
        1,
        "-o",
        tmp_path / "out",
    ]
    done = subprocess.run(
        [*map(str, command), "--dry-run", "-k", "5"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "a.mp4: 30 frames, 30 candidates, 5 keyframes" in done.stdout
    assert "2 of 3 videos to do: 38 frames" in done.stdout
    assert "bad.mp4" in done.stderr
    assert not (tmp_path / "out").exists()
    done = subprocess.run(
        [*map(str, command), "--dry-run", "--json", "-q"],
        capture_output=True,
        text=True,
        check=False,
    )
    document = json.loads(done.stdout)
    assert document["dry_run"] is True
    assert [video["n_frames"] for video in document["videos"]] == [30, 8]
    assert [failure["video"][-7:] for failure in document["failed"]] == ["bad.mp4"]
