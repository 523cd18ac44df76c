"""Videos: found in a stable order, named without clashes, shared out evenly."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyframes.batch import find_outcome
from keyframes.errors import SettingsError, VideoError
from keyframes.jobs import Job, find_videos, plan_jobs, take_shard
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
    make_tree(tmp_path, "._b.mp4", "deep/._c.mkv")  # macOS's notes on files of foreign disks
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


def test_a_video_counts_once_however_its_folder_is_named(tmp_path, monkeypatch):
    make_tree(tmp_path, "rec/a.mp4")
    monkeypatch.chdir(tmp_path)
    relative = Path("rec/a.mp4")
    assert find_videos([relative, relative.absolute(), Path("rec/../rec")]) == {
        relative: Path("rec")
    }


def test_a_video_is_called_as_its_folder_lists_it(tmp_path, monkeypatch):
    """Where the system finds it however its name is typed: here, by a second name."""
    make_tree(tmp_path, "Müller.mp4")
    there, typed = tmp_path / "Müller.mp4", tmp_path / "MU\u0308LLER.mp4"
    if not typed.exists():
        os.link(there, typed)
        monkeypatch.setattr("keyframes.jobs.list_names", lambda _: {"rat.mp4", there.name})
    assert find_videos([typed, there]) == {there: tmp_path}


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_to_folders_are_followed_once(tmp_path):
    make_tree(tmp_path, "disk/day2/c.mp4", "in/z/a.mp4", "in/b.mp4")
    (tmp_path / "in" / "z" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "a link to z").symlink_to("z")
    (tmp_path / "in" / "disk").symlink_to(tmp_path / "disk")
    (tmp_path / "in" / "gone").symlink_to(tmp_path / "nowhere")
    found = find_videos([tmp_path / "in"], recursive=True)
    assert names(found, tmp_path / "in") == ["b.mp4", "disk/day2/c.mp4", "z/a.mp4"]
    assert names(find_videos([tmp_path / "in"]), tmp_path / "in") == ["b.mp4"]


@pytest.mark.parametrize("recursive", [False, True])
def test_what_cannot_be_looked_at_is_not_left_out(tmp_path, no_root, recursive):
    make_tree(tmp_path, "a.mp4", "closed/b.mp4", "listed/c.mp4", "listed/d/e.mp4")
    (tmp_path / "annexed.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (tmp_path / "closed").chmod(0)
    (tmp_path / "listed").chmod(0o444)
    try:
        found = find_videos([tmp_path, tmp_path / "listed"], recursive=recursive)
        below = ["closed", "listed/c.mp4", "listed/d"] if recursive else ["listed/c.mp4"]
        assert names(found, tmp_path) == ["a.mp4", "annexed.mp4", *below]
        jobs = plan_jobs(found, tmp_path / "out", Settings())
        assert sorted(take_shard(jobs, 0, 2) + take_shard(jobs, 1, 2), key=jobs.index) == jobs
        for job in jobs[1:]:
            with pytest.raises(VideoError, match=r"can't be read \((Perm|No such)"):
                find_outcome(job)
    finally:
        (tmp_path / "closed").chmod(0o755)
        (tmp_path / "listed").chmod(0o755)


def test_folders_that_cannot_be_looked_into_take_no_name(tmp_path):
    make_tree(tmp_path, "day1.mp4", "day1/a.mp4", "more/day1/b.mp4")
    videos = [tmp_path / name for name in ("day1.mp4", "day1", "more/day1")]
    jobs = plan_jobs(dict.fromkeys(videos, tmp_path), tmp_path / "out", Settings())
    assert [job.video for job in jobs] == videos


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="such names have no suffix there")
@pytest.mark.parametrize("name", ["..mp4", "...mp4"])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, name):
    make_tree(tmp_path, name)
    with pytest.raises(SettingsError, match=r"can be called '\.+'; rename the recording"):
        plan_jobs(find_videos([tmp_path / name]), tmp_path / "out", Settings())


@pytest.mark.parametrize(("name", "message"), [("absent", "no such file"), ("", "--recursive")])
def test_nothing_there_is_said(tmp_path, name, message):
    make_tree(tmp_path, "deep/a.mp4")
    with pytest.raises(SettingsError, match=message):
        find_videos([tmp_path / name], recursive=False)


def test_one_name_for_two_videos_is_refused_with_a_way_out(tmp_path):
    make_tree(tmp_path, "s1/cam.mp4", "s2/Cam.avi")
    videos = find_videos([tmp_path], recursive=True)
    with pytest.raises(SettingsError, match=r"s1.cam\.mp4 and .*s2.Cam\.avi.*--tree"):
        plan_jobs(videos, tmp_path / "out", Settings())
    jobs = plan_jobs(videos, tmp_path / "out", Settings(), tree=True)
    assert names([job.output for job in jobs], tmp_path) == ["out/s1", "out/s2"]
    apart = find_videos([tmp_path / "s1", tmp_path / "s2"])
    with pytest.raises(SettingsError, match=r"; name a folder above both with --tree, or"):
        plan_jobs(apart, tmp_path / "out", Settings(), tree=True)


@pytest.mark.parametrize("name", ["day1 .mp4", "day1..mp4"])
def test_names_of_which_windows_makes_no_folder(tmp_path, monkeypatch, name):
    videos = {tmp_path / name: tmp_path}
    monkeypatch.setattr("sys.platform", "linux")
    assert plan_jobs(videos, tmp_path / "out", Settings())
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(SettingsError, match=r"makes no folder 'day1[ .]'.*rename the recording"):
        plan_jobs(videos, tmp_path / "out", Settings())


@pytest.mark.parametrize("name", ["index.mp4", "Index.avi"])
def test_a_video_that_is_called_as_the_overview_is_refused(tmp_path, name):
    make_tree(tmp_path, "a.mp4", name)
    with pytest.raises(SettingsError, match=rf"{name}: its report would be index\.html.*rename"):
        plan_jobs(find_videos([tmp_path]), tmp_path / "out", Settings())


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
