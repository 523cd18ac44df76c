"""The command line: what scripts rely on."""

import csv
import io
import json
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import keyframes
from export_helpers import tree
from keyframes import Settings
from keyframes.batch import extracting, run_jobs
from keyframes.cli import cli, main
from keyframes.cli.running import Runner, conclude
from keyframes.errors import VideoError
from keyframes.jobs import find_videos, plan_jobs
from keyframes.output import OutputFolder


def run(*arguments, cwd=None):
    """Run the command in this process; what it changes there is put back."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["keyframes", *map(str, arguments)])
        patch.setattr(signal, "signal", lambda *_: None)
        patch.chdir(cwd or Path.cwd())
        with pytest.raises(SystemExit) as ended:
            main()
    return subprocess.CompletedProcess(arguments, ended.value.code, out.getvalue(), err.getvalue())


def run_process(*arguments, **options):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "keyframes", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        **options,
    )


@pytest.fixture
def video(make_video, tmp_path):
    return make_video(tmp_path / "mouse.mp4", n_frames=40)


def test_extract_writes_pictures_table_and_record(video, tmp_path):
    out = tmp_path / "out"
    done = run_process("extract", video, "-k", 5, "-o", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    pictures = sorted((out / "labeled-data" / "mouse").iterdir())
    assert len(pictures) == 5
    with (out / "mouse.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [
        f"labeled-data/mouse/{path.name}" for path in pictures
    ]
    assert [int(re.search(r"\d+", path.name)[0]) for path in pictures] == [
        int(row["frame_index"]) for row in rows
    ]
    record = json.loads((out / "mouse.json").read_text(encoding="utf-8"))
    assert record["video"]["n_frames"] == 40
    assert record["found"] == record["asked"] == 5
    assert record["shortfall"] == 0
    assert record["identity"]["settings"]["seed"] == 0
    assert "mouse.mp4: 5 keyframes" in done.stderr
    assert "\r" not in done.stderr, "no bars where stderr is no terminal"


def test_same_command_gives_the_same_bytes(video, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        command = ["extract", video, "-k", 5, "-o", "out", "-q", "--no-cache"]
        done = run_process(*command, cwd=tmp_path / name)
        assert done.returncode == 0
    one, two = tree(tmp_path / "one"), tree(tmp_path / "two")
    assert one.keys() == two.keys()
    assert {name for name in one if one[name] != two[name]} <= {"out/mouse.json"}  # its timings


def test_growing_what_has_lost_its_record_keeps_the_keyframes(video, tmp_path):
    asked = ["extract", video, "-o", tmp_path / "out", "-q"]
    run(*asked, "-k", 3)
    before = sorted(tmp_path.rglob("*.png"))
    (tmp_path / "out" / "mouse.json").unlink()
    refused = run(*asked, "-k", 5, "--grow")
    assert refused.returncode == 1
    assert sorted(tmp_path.rglob("*.png")) == before
    assert run(*asked, *refused.stderr.split(", with ")[1].split()).returncode == 0
    assert run(*asked, "-k", 5, "--grow").returncode == 0
    assert len({*tmp_path.rglob("*.png")} - {*before}) == 2


def test_json_tells_of_pictures_that_are_gone(video, tmp_path):
    command = ["extract", video, "-k", 3, "-o", tmp_path / "out", "--json", "-q"]
    run(*command)
    next(tmp_path.rglob("*.png")).unlink()
    (record,) = json.loads(run(*command).stdout)["videos"]
    assert "1 of 3 pictures were gone" in record["warnings"][0]


@pytest.mark.skipif(sys.platform == "win32", reason="for a shell of Unix")
def test_works_where_nobody_listens(video, tmp_path):
    command = [sys.executable, "-m", "keyframes", "extract", str(video), "-k", "3"]
    script = shlex.join([*command, "-o", str(tmp_path / "out")]) + " 2>&-"
    assert subprocess.run(["/bin/sh", "-c", script], check=False).returncode == 0
    assert (tmp_path / "out" / "mouse.json").exists()


def test_help_names_the_columns_of_the_table(video, tmp_path):
    run("extract", video, "-k", 1, "-o", tmp_path, "-q")
    columns = (tmp_path / "mouse.csv").read_text("utf-8").splitlines()[0].split(",")
    told = run("extract", "--help").stdout.partition("columns: ")[2].partition("\n\n")[0]
    assert [word for word in dict.fromkeys(re.findall(r"\w+", told)) if word in columns] == columns


def test_json_is_one_document(video, tmp_path):
    done = run("extract", video, "-k", 3, "-o", tmp_path / "out", "--json", "-q")
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["failed"] == []
    assert [record["found"] for record in document["videos"]] == [3]
    assert json.loads((tmp_path / "out" / "mouse.json").read_text("utf-8")) == document["videos"][0]


def test_finished_videos_are_skipped_and_other_settings_refused(video, tmp_path):
    out = tmp_path / "out"
    run("extract", video, "-k", 3, "-o", out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    assert run("extract", video, "-k", 3, "-o", out).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.*")} == before
    refused = run("extract", video, "-k", 4, "-o", out)
    assert refused.returncode == 1
    assert "-k 3, now 4" in refused.stderr
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.*")} == before
    assert run("extract", video, "-k", 4, "-o", out, "--overwrite").returncode == 0
    assert len(list((out / "labeled-data" / "mouse").iterdir())) == 4


def test_more_keyframes_than_frames(video, tmp_path):
    done = run("extract", video, "-k", 100, "-o", tmp_path / "out", "--json")
    assert done.returncode == 0
    assert "40 of 100 keyframes: there are no more" in done.stderr
    record = json.loads(done.stdout)["videos"][0]
    assert (record["found"], record["shortfall"]) == (40, 60)
    assert [row["frame_index"] for row in record["keyframes"]] == list(range(40))
    again = run("extract", video, "-k", 100, "-o", tmp_path / "out")
    assert again.stderr.splitlines() == [
        f"{video}: finished before, 40 keyframes",
        f"  warning: {record['warnings'][0]}",
    ]


def test_tree_has_one_index_over_all_folders(make_video, tmp_path):
    for name in "ab":
        (tmp_path / "in" / name).mkdir(parents=True)
        make_video(tmp_path / "in" / name / "cam.mp4", n_frames=4)
    out = tmp_path / "out"
    command = ["extract", tmp_path / "in", "--recursive", "--tree", "--jobs", 1, "-k", 2, "-o", out]
    done = run(*command)
    assert done.returncode == 0
    assert f"2 of 2 videos done now; overview: {out / 'index.html'}" in done.stderr
    assert list(out.rglob("index.html")) == [out / "index.html"]


def test_every_video_of_a_pool_counts_and_another_pool_is_refused_once(make_video, tmp_path):
    for name in "abc":
        make_video(tmp_path / f"{name}.mp4", n_frames=8)  # all alike
    (tmp_path / "bad.mp4").write_text("no video")
    command = ["extract", tmp_path, "--pool", "-o", tmp_path / "out", "--jobs", 1, "-k"]
    done = run(*command, 2)
    assert done.returncode == 1
    assert re.search("^pool: 2 keyframes in [12] of 3 videos$", done.stderr, re.MULTILINE)
    index = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert index.count("<h2><a") + index.count("<dd>none: others stand for it</dd>") == 3
    assert "\n3 of 4 videos done now" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("keyframes: 1 of 4 videos failed: ")
    assert "\n0 of 4 videos done now, 3 before" in run(*command, 2).stderr
    (tmp_path / "bad.mp4").unlink()
    before = tree(tmp_path / "out")
    refused = run(*command, 3)
    assert refused.returncode == 2
    assert refused.stderr.count("keyframes: ") == 1
    assert "another pool" in refused.stderr
    assert refused.stderr.splitlines()[-1].endswith("--overwrite")
    assert tree(tmp_path / "out").keys() == before.keys()


def test_a_pool_stays_when_one_of_its_videos_goes_bad(make_video, tmp_path):
    videos, out = tmp_path / "in", tmp_path / "out"
    videos.mkdir()
    for number, name in enumerate("abc"):
        make_video(videos / f"{name}.mp4", n_frames=20, first_number=1000 * number)
    options = ["-o", out, "--jobs", 1, "--pool", "-k", 6, "--per-video-min", 1]
    assert run("extract", videos, *options).returncode == 0
    before = tree(out)
    (videos / "c.mp4").write_text("no video")
    done = run("extract", videos, *options)
    assert done.returncode == 1
    lost = f"in 2 of 3 videos; part of it, but not readable any more: {videos / 'c.mp4'}\n"
    assert lost in done.stderr
    assert done.stderr.splitlines()[-1].startswith("keyframes: 1 of 3 videos failed: ")
    after = tree(out)
    assert after.pop("index.html") != before.pop("index.html"), "it tells of the lost one"
    assert after == before
    forecast = run("extract", videos, *options, "--dry-run")
    assert forecast.returncode == 1
    assert forecast.stdout.count(": finished") == 2


@pytest.mark.parametrize("option", [["--dry-run"], ["--shard", "0/1"], []])
def test_pool_of_other_shapes_is_refused_at_once(video, make_video, tmp_path, option):
    other, out = make_video(tmp_path / "tall.mp4", n_frames=2, size=(64, 96)), tmp_path / "out"
    done = run("extract", video, other, "--pool", "-o", out, *option)
    assert done.returncode == 2
    assert re.search(r"mouse.mp4 shows 96x64 pixels and .*tall.mp4 shows 64x96", done.stderr)
    assert len(done.stderr.splitlines()) == 1
    assert not out.exists()


def test_pool_whose_export_would_be_refused_writes_no_picture(make_video, tmp_path):
    for name in "ab":
        make_video(tmp_path / f"{name}.mp4", n_frames=8)
    command = ["extract", tmp_path, "--pool", "-k", 2, "-o", tmp_path / "out", "--jobs", 1]
    assert run(*command, "--shard", "0/1").returncode == 0
    done = run(*command, "--export", "coco", tmp_path / "elsewhere" / "mine.json")
    assert done.returncode == 2
    assert "don't lie below it" in done.stderr.splitlines()[-1]
    assert not list(tmp_path.rglob("*.png"))
    fine = [*command, "--export", "coco", tmp_path / "to"]
    assert [run(*fine).returncode for _ in range(2)] == [0, 0]


def test_dry_run_that_is_quiet_names_only_what_would_fail(video, tmp_path):
    done = run("extract", video, "-o", tmp_path / "out", "--dry-run", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (tmp_path / "bad.mp4").write_text("no video")
    done = run("extract", tmp_path, "-o", tmp_path / "out", "--dry-run", "-q", "--jobs", 1)
    assert (done.returncode, done.stdout) == (1, "")
    assert "bad.mp4 is no video" in done.stderr


@pytest.mark.parametrize("name", ["a.mp4", "bug.mp4"])
def test_every_error_names_its_video(name, tmp_path, make_video, monkeypatch):
    def stumble(*_, **__):
        raise VideoError("such a bug is in nobody's way")

    video = make_video(tmp_path / name, n_frames=3)
    monkeypatch.setattr("keyframes.pipeline.describe_video", stumble)
    done = run("extract", video, "-o", tmp_path / "out")
    assert f"keyframes: {video}: such a bug" in done.stderr


def test_one_bad_video_does_not_stop_the_others(video, tmp_path, make_video):
    bad = tmp_path / "bad.mp4"
    bad.write_text("this is no video")
    make_video(tmp_path / "rat.mp4", n_frames=12)
    done = run("extract", tmp_path, "-k", 3, "-o", tmp_path / "out", "--json", "-v", "--jobs", 2)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert [Path(failure["video"]).name for failure in document["failed"]] == ["bad.mp4"]
    assert [Path(record["video"]["path"]).name for record in document["videos"]] == [
        "mouse.mp4",
        "rat.mp4",
    ]
    assert not (tmp_path / "out" / "bad.csv").exists()
    for told in ("40 of 40 frames are candidates", "its features .* the cache", "reading took"):
        line = f"^{re.escape(str(video))}: .*{told}"  # by its process
        assert re.search(line, done.stderr, re.MULTILINE)
    assert "2 of 3 videos done now; overview: " in done.stderr
    assert done.stderr.splitlines()[-1].startswith("keyframes: 1 of 3 videos failed: ")
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert re.search(rf"<dt>{re.escape(str(bad))}</dt><dd>is no video [^<]*</dd>", index)


def test_another_page_in_place_of_the_index_is_refused_at_once(video, make_video, tmp_path):
    other, out = make_video(tmp_path / "rat.mp4", n_frames=4), tmp_path / "out"
    out.mkdir()
    page = out / "index.html"
    page.write_text("mine")
    command = ["extract", video, other, "-k", 2, "-o", out, "--jobs", 1]
    done = run(*command)
    assert done.returncode == 2
    assert "index.html: exists and was not written by keyframes" in done.stderr
    assert list(out.iterdir()) == [page]
    assert run(*command, "--no-report").returncode == 0
    matched = run("match", out, make_video(tmp_path / "cam.mp4", n_frames=4), "--to", "rat")
    assert matched.returncode == 2
    assert "index.html: exists and was not written by keyframes" in matched.stderr
    assert page.read_text() == "mine"


def test_an_index_that_cannot_be_written_in_the_end_keeps_nothing_else_back(
    make_video, tmp_path, capsys
):
    for name in "ab":
        make_video(tmp_path / f"{name}.mp4", n_frames=4)
    jobs = plan_jobs(find_videos([tmp_path]), tmp_path / "out", Settings(count=2))
    outcomes = list(run_jobs(jobs, extracting()))
    (tmp_path / "out" / "index.html").write_text("somebody's, meanwhile")
    assert conclude(outcomes, tmp_path / "out", [], quiet=True, as_json=True) == 1
    said = capsys.readouterr()
    assert len(json.loads(said.out)["videos"]) == 2
    assert "index.html: exists and was not written by keyframes" in said.err


def test_what_is_finished_need_not_be_writable(video, tmp_path, monkeypatch):
    asked = ["extract", video, "-o", tmp_path / "out", "-k"]
    assert run(*asked, 2).returncode == 0
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)  # as a disk kept whole
    assert "finished before" in run(*asked, 2).stderr
    refused = run(*asked, 3, "--overwrite")
    assert refused.returncode == 2
    assert "can't be written to; choose another place" in refused.stderr


def test_what_fails_leaves_no_folder(tmp_path):
    bad = tmp_path / "in" / "day1" / "bad.mp4"
    bad.parent.mkdir(parents=True)
    bad.write_text("no video")
    done = run("extract", tmp_path / "in", "--recursive", "--tree", "-o", tmp_path / "new" / "out")
    assert done.returncode == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["extract"], "Missing argument"),
        (["extract", "absent.mp4"], "absent.mp4: no such file"),
        (["extract", "https://a.b/c.mp4"], "https://a.b/c.mp4: addresses aren't read; download"),
        (["extract", "empty"], "a folder of recordings, or look deeper with --rec"),
        (["probe", "empty"], "empty: holds no video; name a folder of recordings\n"),
        (["extract", "mouse.mp4", "-k", "0"], "-k"),
        (["extract", "mouse.mp4", "-k", "-3"], "-k"),
        (["extract", "mouse.mp4", "-k", "many"], "many"),
        (["extract", "mouse.mp4", "--frobnicate"], "--frobnicate"),
        (["extract", "mouse.mp4", "--start", "soon"], "soon"),
        (["extract", "mouse.mp4", "--crop", "1,2,3"], "1,2,3"),
        (["extract", "mouse.mp4", "--step", "0"], "'0'"),
        (["extract", "mouse.mp4", "--features", "magic"], "magic"),
        (["extract", "mouse.mp4", "--method", "magic"], "magic"),
        (["extract", "mouse.mp4", "--crop-output"], "--crop-output cuts the pictures to --crop"),
        (["extract", "--dlc", "file", "--tree"], "leave out --tree"),
        (["extract", "--dlc", "file", "--recursive"], "leave out --recursive"),
        (["extract", "--dlc", "file", "--pool"], "add -k N"),
        (["extract", "mouse.mp4", "--scheduler", "tcp://a:1", "--jobs", "2"], "leave out --jobs"),
        (["choose-k", "mouse.mp4", "-o", "file/k.html"], "file/k.html: can't be made"),
        (["choose-k", "absent.mp4"], "absent.mp4: no such file"),
        (["choose-k", "sub/mouse.mp4"], "sub/mouse.mp4: 3 candidate frames can't make 5 clusters"),
        (["choose-k", "sub/mouse.mp4", "--seed", "x"], "'x' is not a valid whole number."),
        (["extract", "mouse.mp4", "--min-gap", "x"], "'x' is not a valid number."),
        (["extract", "mouse.mp4", "--export", "coco", "-o", "new"], "-o is no DEST."),
        (["extract", "mouse.mp4", "--dry-run", "-o", "file"], "file is no folder"),
        (["extract", "mouse.mp4", "-o", "file/out"], "file/out"),
        (["extract", "mouse.mp4", "sub/mouse.mp4"], "different -o"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_wrong_commands_get_one_line_and_exit_code_2(
    arguments, message, video, make_video, tmp_path
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "sub").mkdir()
    make_video(tmp_path / "sub" / "mouse.mp4", n_frames=3)
    done = run(*arguments, cwd=video.parent)
    assert done.returncode == 2
    assert message in done.stderr.replace("\\", "/")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert not (tmp_path / "keyframes-out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["extract", "LONG.mp4"],
        ["extract", "mouse.mp4", "-o", "LONG/out"],
        ["extract", "mouse.mp4", "--export", "coco", "LONG/to"],
        ["extract", "mouse.mp4", "--frames", "LONG.txt"],
        ["choose-k", "mouse.mp4", "-o", "LONG/page.html"],
        ["review", "LONG"],
    ],
    ids=" ".join,
)
def test_what_the_system_refuses_gets_one_line(arguments, video):
    name = 300 * "x"  # no system takes it; most of them refuse even to look for it
    arguments = [argument.replace("LONG", name) for argument in arguments]
    done = run(*arguments, cwd=video.parent)
    assert done.returncode == 2
    assert name in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("bug", [OSError("of no number"), ValueError("odd")])
def test_a_bug_shows_where_it_is(bug, video, monkeypatch):
    def stumble(*_):
        raise bug

    monkeypatch.setattr("keyframes.jobs.find_videos", stumble)
    with pytest.raises(type(bug), match=str(bug)):
        run("probe", video)


def test_text_named_as_a_video(tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("this is no video")
    done = run("extract", path, "-o", tmp_path / "out")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert str(path) in done.stderr
    assert not list((tmp_path / "out").rglob("*.*"))


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        (["--start", "10f", "--end", "30f"], range(10, 30)),
        (["--start", "25%", "--end", "75%"], range(10, 30)),
        (["--step", "7"], range(0, 40, 7)),
        (["--step", "7", "--start", "3f"], range(3, 40, 7)),
    ],
)
def test_range_and_step_apply(options, allowed, video, tmp_path):
    done = run("extract", video, "-k", 6, "-o", tmp_path / "out", "--json", *options)
    record = json.loads(done.stdout)["videos"][0]
    assert {row["frame_index"] for row in record["keyframes"]} <= set(allowed)
    assert record["candidates"] == len(allowed)
    assert record["video"]["n_frames"] == 40


def test_crop_output_cuts_the_pictures(video, tmp_path):
    options = ["--crop", "8,4,40,28", "--crop-output"]
    assert run("extract", video, "-k", 2, "-o", tmp_path / "out", *options).returncode == 0
    for path in (tmp_path / "out" / "labeled-data" / "mouse").iterdir():
        assert cv2.imread(str(path)).shape == (24, 32, 3)


@pytest.mark.parametrize("method", ["kmeans", "coverage", "uniform"])
@pytest.mark.parametrize("features", ["hog", "gray", "colour"])
def test_every_method_with_every_feature(method, features, video, tmp_path):
    options = ["--method", method, "--features", features]
    done = run("extract", video, "-k", 6, "-o", tmp_path / "out", "--json", *options)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)["videos"][0]
    assert len({row["frame_index"] for row in record["keyframes"]}) == 6


def test_min_gap(video, tmp_path):
    done = run("extract", video, "-k", 10, "-o", tmp_path / "out", "--json", "--min-gap", "0.25")
    times = [row["time_s"] for row in json.loads(done.stdout)["videos"][0]["keyframes"]]
    assert np.diff(times).min() >= 0.25


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a Unix thing")
def test_ctrl_c_stops_with_a_word_and_whole_files(make_video, tmp_path):
    video = make_video(tmp_path / "long.h264", n_frames=100)
    video.write_bytes(100 * video.read_bytes())
    process = subprocess.Popen(
        [sys.executable, "-m", "keyframes", "extract", str(video), "-o", str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    while not (tmp_path / "out").exists():
        assert process.poll() is None
    process.send_signal(2)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("keyframes: stopped")
    assert "Traceback" not in errors
    assert not (tmp_path / "out" / "long.json").exists()


def test_probe_tells_of_a_video_and_of_a_keyframe(video, tmp_path):
    done = run("probe", video)
    assert done.returncode == 0
    assert "40" in done.stdout
    assert json.loads(run("probe", video, "--json").stdout)["files"][0]["n_frames"] == 40
    run("extract", video, "-k", 1, "-o", tmp_path / "out", "-q")
    (picture,) = (tmp_path / "out" / "labeled-data" / "mouse").iterdir()
    label = json.loads(run("probe", picture, "--json").stdout)["files"][0]["label"]
    assert label["video"] == "mouse.mp4"
    assert f"img{int(label['frame_index']):06d}.png" == picture.name
    assert "mouse.mp4" in run("probe", picture).stdout


def test_probe_of_a_damaged_video_fails(video):
    video.write_bytes(video.read_bytes()[:-200])
    text = video.with_name("text.mp4")
    text.write_text("no video")
    assert run("probe", text).returncode == 1


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that can't be read")
def test_probe_goes_on_after_a_file_that_cannot_be_read(video):
    video.with_name("bad.mp4").symlink_to("/proc/self/mem")
    done = run("probe", video.parent, "--json")
    assert done.returncode == 1
    assert "bad.mp4: can't be read" in done.stderr
    bad, good = json.loads(done.stdout)["files"]
    assert bad["error"].startswith(bad["path"])
    assert good["n_frames"] == 40


def test_terminal_without_the_letters_is_no_failure(video):
    environment = {**os.environ, "PYTHONIOENCODING": "cp437"}  # as on old Windows: no ×
    done = run_process("probe", video, env=environment)
    assert done.returncode == 0, done.stderr
    assert r"96\xd764" in done.stdout


@pytest.mark.parametrize(("platform", "expected"), [("linux", 64), ("win32", 61)])
def test_windows_has_no_more_workers_than_it_can_wait_for(platform, expected, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    runner = Runner(64, None, quiet=True)
    assert [runner.count_workers(n) for n in (0, 3, 100)] == [1, 3, expected]


def test_version_and_help():
    assert run("--version").stdout.strip().endswith(keyframes.__version__)
    assert "extract" in run("--help").stdout
    assert run().stdout == run("--help").stdout


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_and_option_has_help(name):
    command = cli.commands[name]
    assert command.help
    help_text = command.get_help(click.Context(command))
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"
            assert re.search(rf"^  (-\w, )?{parameter.opts[-1]}\b", help_text, re.MULTILINE)


@pytest.mark.parametrize("command", [[], *([name] for name in sorted(cli.commands))])
def test_help_fits_a_terminal_of_80_columns(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = CliRunner().invoke(cli, [*command, "--help"]).stdout.splitlines()
    assert [line for line in lines if len(line) > 80] == []


def test_commands_in_the_help_stand_whole_in_their_lines(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("export", "--help").stdout.splitlines()
    assert {'    pip install "pose-keyframes[dlc]"', '    pip install "pose-keyframes[sleap]"'} <= {
        *lines
    }


def test_help_comes_without_heavy_imports():
    code = "import sys; from keyframes.cli import cli; print(sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    for heavy in ("'numpy'", "'cv2'", "'av'", "'tqdm'"):
        assert heavy not in modules


def test_threads_of_blas_sleep_unless_told_otherwise(monkeypatch):
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", "20")
    run("--version")
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == "20"
    monkeypatch.delenv("OPENBLAS_THREAD_TIMEOUT")
    run("--version")
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == "4"


def test_record_table_or_list_gives_the_same_frames_again(video, tmp_path):
    run("extract", video, "-k", 4, "-o", tmp_path / "first", "-q")
    record = json.loads((tmp_path / "first" / "mouse.json").read_text("utf-8"))
    frames = [row["frame_index"] for row in record["keyframes"]]
    (tmp_path / "list.txt").write_text("\n".join(map(str, frames)))
    lists = ["first/mouse.json", "first/mouse.csv", "list.txt", ",".join(map(str, frames))]
    for number, listed in enumerate(lists):
        out = tmp_path / f"again{number}"
        done = run("extract", video, "--frames", listed, "-o", out, "--json", cwd=tmp_path)
        again = json.loads(done.stdout)["videos"][0]
        assert [row["frame_index"] for row in again["keyframes"]] == frames
    assert run("extract", video, "--frames", "soon").returncode == 2
    assert run("extract", video, "--frames", "").returncode == 2
    said = "-k 3,--grow,--start 1,--method uniform,--min-gap 1,--seed 4,--n-init 9"
    for extra in map(str.split, said.split(",")):
        refused = run("extract", video, "--frames", "5,6", *extra)
        assert f"--frames lists all the keyframes: leave out {extra[0]}." in refused.stderr


def test_a_run_that_waits_for_another_says_so(video, tmp_path):
    command = [sys.executable, "-m", "keyframes", "extract", video, "-k", "2", "-o", tmp_path]
    with OutputFolder(tmp_path, "mouse").alone():
        waiting = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8")
        said = waiting.stderr.readline()
    assert said == f"{video}: another run is at work on it; this one waits\n"
    assert "2 keyframes" in waiting.communicate(timeout=120)[1]
    run("extract", video, "-k", 2, "-o", tmp_path, "-q")
    assert not logging.getLogger("keyframes").isEnabledFor(logging.WARNING)
