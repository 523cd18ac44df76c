"""The same moments from other cameras, by the command: which selection, which frames, what else."""

import json
import re
import shlex
import shutil
from html import unescape
from pathlib import Path

import cv2
import pytest

from export_helpers import snapshot, tree
from footage import encode_video, read_number
from keyframes import KeyframesError, Settings, extract
from keyframes.batch import run_jobs
from keyframes.export import export
from keyframes.files import read_json
from keyframes.matching import matching, plan_matches
from keyframes.video import index_video
from reviewing import open_stem
from test_video_damage import damage

FRAMES = (0, 7, 8, 20, 39)  # of the first camera, of forty at 25 a second


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """The recordings of two cameras, and the second one's again in other ways."""
    folder = tmp_path_factory.mktemp("recordings")
    encode_video(folder / "day1_top.mp4", 40)
    encode_video(
        folder / "day1_side.mkv", 40, first_number=1000, pts=[5000 + 40 * n for n in range(40)]
    )
    encode_video(folder / "day1_fast.mp4", 80, fps=50)
    encode_video(folder / "day1_doubtful.avi", 80, fps=50, codec="mpeg4", b_frames=2)
    encode_video(folder / "day1_short.mp4", 36)
    encode_video(folder / "day1_long.mp4", 43)
    encode_video(folder / "day1_slow.mp4", 17, fps=10)
    return folder


@pytest.fixture(scope="module")
def chosen(recordings, tmp_path_factory):
    out = tmp_path_factory.mktemp("chosen")
    extract(recordings / "day1_top.mp4", out, Settings(frames=FRAMES))
    return out


@pytest.fixture
def out(chosen, tmp_path):
    """An output folder with the first camera's keyframes."""
    return shutil.copytree(chosen, tmp_path / "out")


@pytest.fixture(autouse=True)
def one_core(monkeypatch):
    """Start no other processes, which takes long."""
    monkeypatch.setattr("keyframes.executors.count_cores", lambda: 1)


def follow(out, *videos, overwrite=False, **options):
    """Match videos in this process; return what became of them by name."""
    jobs, failed = plan_matches(out, videos, **options)
    outcomes = [*run_jobs(jobs, matching(overwrite=overwrite)), *failed]
    return {outcome.job.video.name: outcome for outcome in outcomes}


def refusal(out, video, **options):
    """Match one video that is to fail; return why it did."""
    (outcome,) = follow(out, video, **options).values()
    assert outcome.error is not None
    return str(outcome.error)


def shown(out, stem):
    """The numbers that the pictures in a folder show, by their names."""
    return {
        int(path.stem.removeprefix("img")): read_number(cv2.imread(str(path)))
        for path in sorted((out / "labeled-data" / stem).iterdir())
    }


def choose(out, *videos):
    for video in videos:
        extract(video, out, Settings(frames=FRAMES[:2]))


def test_cameras_that_are_triggered_together(run, recordings, out):
    before = snapshot(out)
    code, output, errors = run("match", out, recordings / "day1_side.mkv")
    assert (code, output) == (0, "")
    assert "matched     to day1_top.mp4 by frame number, at most 0.000 s apart" in errors
    assert shown(out, "day1_side") == {frame: 1000 + frame for frame in FRAMES}
    record = read_json(out / "day1_side.json")
    assert [row["time_s"] for row in record["keyframes"]] == pytest.approx(
        [frame / 25 for frame in FRAMES]
    )
    assert record["explanation"] == {
        "matched_to": "day1_top.mp4",
        "matched_by": "frame number",
        "greatest_difference_s": 0.0,
    }
    assert record["identity"]["settings"]["match"]["frames"] == list(FRAMES)
    assert record["warnings"] == []
    assert "5 frames of 40, at the moments of day1_top.mp4." in (
        (out / "day1_side.html").read_text("utf-8")
    )
    after = snapshot(out)
    assert {name: after[name] for name in before} == before, "the first camera's are left alone"
    assert (out / "index.html").exists()


def test_the_page_tells_the_command_that_matches_again(run, recordings, out):
    run("match", out, recordings / "day1_fast.mp4", "--by", "time")
    page = (out / "day1_fast.html").read_text("utf-8")
    command = shlex.split(unescape(re.search('<code id="command">(.*?)</code>', page)[1]))
    code, _, errors = run(*command[1:])
    assert code == 0
    assert "finished before" in errors
    (out / "day1_fast.json").unlink()
    run(*command[1:])
    assert (out / "day1_fast.html").read_text("utf-8") == page


@pytest.mark.parametrize("name", ["day1_fast.mp4", "day1_doubtful.avi"])
def test_cameras_of_other_rates_are_compared_by_time(name, recordings, out):
    (outcome,) = follow(out, recordings / name).values()
    assert outcome.error is None
    assert shown(out, Path(name).stem) == {2 * frame: 2 * frame for frame in FRAMES}
    record = read_json(outcome.record)
    assert record["explanation"]["matched_by"] == "time"
    assert record["explanation"]["greatest_difference_s"] == 0.0
    assert record["warnings"] == []


def test_the_greatest_difference_is_on_record(recordings, tmp_path):
    extract(recordings / "day1_fast.mp4", tmp_path, Settings(frames=(2, 31, 60)))
    (outcome,) = follow(tmp_path, recordings / "day1_top.mp4").values()
    assert shown(tmp_path, "day1_top") == {1: 1, 15: 15, 30: 30}
    record = read_json(outcome.record)
    assert record["explanation"]["greatest_difference_s"] == pytest.approx(0.02)


def test_one_that_fails_does_not_stop_the_rest(run, recordings, out):
    videos = [
        recordings / name
        for name in ("day1_short.mp4", "day1_long.mp4", "day1_slow.mp4", "day1_fast.mp4")
    ]
    code, output, errors = run("match", out, *videos, "--json")
    assert code == 1
    document = json.loads(output)
    assert [Path(video["video"]["path"]).name for video in document["videos"]] == [
        "day1_long.mp4",
        "day1_fast.mp4",
    ]
    short, slow = (failure["error"] for failure in document["failed"])
    assert (
        "day1_short.mp4: has no whole frame within half a frame's time for 1 of the 5 moments"
        in short
    )
    assert "frame 39 at 1.560 s; it has 36 frames in 1.440 s" in short
    assert (
        "day1_slow.mp4: shows several moments of day1_top.mp4 on one frame, as on frame 3" in slow
    )
    assert "frame 7 at 0.280 s, frame 8 at 0.320 s" in slow
    assert "2 of 4 videos done now" in errors
    assert (
        "  warning: it has 43 frames in 1.720 s, day1_top.mp4 40 frames in 1.600 s: right if one "
        "camera merely stopped later; if one started later or they drifted apart, by up to 0.120 s "
        "(3.0 frames), these aren't the same moments\n"
    ) in errors
    assert shown(out, "day1_long") == {frame: frame for frame in FRAMES}
    assert {path.name for path in (out / "labeled-data").iterdir()} == {
        "day1_top",
        "day1_long",
        "day1_fast",
    }


def test_either_way_can_be_forced(run, recordings, out):
    (outcome,) = follow(out, recordings / "day1_fast.mp4", by="frame").values()
    assert shown(out, "day1_fast") == {frame: frame for frame in FRAMES}
    record = read_json(outcome.record)
    assert record["explanation"]["greatest_difference_s"] == pytest.approx(39 / 50)
    assert [warning[:6] for warning in record["warnings"]] == ["it has", "by the"]
    code, output, errors = run(
        "match", out, recordings / "day1_side.mkv", *("--by", "time", "--json")
    )
    assert code == 0, errors
    assert json.loads(output)["videos"][0]["explanation"]["matched_by"] == "time"


def test_a_second_time_nothing_is_done(run, recordings, out):
    videos = [recordings / "day1_side.mkv", recordings / "day1_long.mp4"]
    assert run("match", out, *videos, "-q") == (0, "", "")
    before = snapshot(out)
    code, _, errors = run("match", out, *videos)
    assert code == 0
    assert "0 of 2 videos done now, 2 before" in errors
    assert "day1_long.mp4: finished before, 5 keyframes\n  warning: it has 43 frames" in errors
    assert snapshot(out) == before


def test_what_is_finished_is_not_even_looked_into(recordings, out, monkeypatch):
    follow(out, recordings / "day1_doubtful.avi")
    monkeypatch.setattr("keyframes.matching.find_index", None)
    (outcome,) = follow(out, recordings / "day1_doubtful.avi").values()
    assert (outcome.error, outcome.is_new) == (None, False)


def test_pictures_that_are_gone_come_back(recordings, out):
    follow(out, recordings / "day1_side.mkv")
    before = tree(out)
    next(out.glob("labeled-data/day1_side/*.png")).unlink()
    (outcome,) = follow(out, recordings / "day1_side.mkv").values()
    assert outcome.error is None
    assert outcome.selection.warnings[-1].startswith("1 of 5 pictures were gone from ")
    assert tree(out) == before


def test_a_follower_that_was_moved_is_found_by_what_the_refusal_names(
    run, recordings, out, tmp_path
):
    pytest.importorskip("sleap_io", reason="needs the extra sleap")
    place = shutil.copy(recordings / "day1_side.mkv", tmp_path)
    run("match", out, place, "-q")
    (tmp_path / "moved").mkdir()
    moved = shutil.move(place, tmp_path / "moved")
    code, _, errors = run("export", "sleap", out, "-o", "a.slp")
    assert code == 1
    (command,) = re.findall("`keyframes (.*)`", errors)
    assert run(*shlex.split(command), moved, "-q") == (0, "", "")
    assert run("export", "sleap", out, "-o", "a.slp")[0] == 0


def test_packets_are_read_once(run, recordings, out, monkeypatch):
    monkeypatch.setenv("KEYFRAMES_CACHE", str(out.parent / "cache"))
    read = []
    monkeypatch.setattr(
        "keyframes.describe.index_video", lambda path: read.append(path) or index_video(path)
    )
    side = recordings / "day1_side.mkv"
    assert run("match", out, side, "-q") == (0, "", "")
    assert read == [side]
    assert run("match", out, side, "-q", "--overwrite") == (0, "", "")
    assert read == [side]
    assert run("match", out, side, "-q", "--overwrite", "--no-cache") == (0, "", "")
    assert len(read) > 1


def test_pictures_that_are_labelled_stay(recordings, out):
    side = recordings / "day1_side.mkv"
    follow(out, side)
    picture = next(out.glob("labeled-data/day1_side/*.png"))
    picture.with_name("CollectedData_me.csv").write_text(f"labeled-data,day1_side,{picture.name},3")
    extract(recordings / "day1_top.mp4", out, Settings(frames=(5, 6)), overwrite=True)
    refused = refusal(out, side, overwrite=True)
    assert f"labels 1 picture that would go ({picture.name}); move the table away" in refused
    assert "--grow" not in refused
    assert picture.exists()


def test_other_keyframes_are_replaced_only_when_asked(recordings, out):
    side = recordings / "day1_side.mkv"
    extract(side, out, Settings(frames=(3,)))
    assert "holds keyframes of its own, not those at" in refusal(out, side, to="day1_top")
    follow(out, side, to="day1_top", overwrite=True)
    assert list(shown(out, "day1_side")) == list(FRAMES)
    assert "matched --by auto, now --by time; replace" in refusal(out, side, by="time")
    extract(recordings / "day1_top.mp4", out, Settings(frames=(5, 6)), overwrite=True)
    assert "matched to day1_top.mp4 when that had others" in refusal(out, side)
    follow(out, side, overwrite=True)
    assert list(shown(out, "day1_side")) == [5, 6]
    extract(recordings / "day1_long.mp4", out, Settings(frames=(9,)))
    assert "to day1_top.mp4, not to day1_long.mp4" in refusal(out, side, to="day1_long")
    with pytest.raises(KeyframesError, match=r"another list of frames, other moments\)"):
        extract(side, out, Settings(frames=(5,)))


def test_each_video_follows_its_own_session(make_video, tmp_path):
    for day, frames in (("day 1", (1, 2)), ("day2.b", (3, 4))):
        extract(
            make_video(tmp_path / f"{day}_top.mp4", 8), tmp_path / "out", Settings(frames=frames)
        )
    sides = [make_video(tmp_path / f"{day}_side.mp4", 8) for day in ("day 1", "day2.b", "day3")]
    everything = sorted(tmp_path.glob("*.mp4"))  # those that are followed have nothing to do
    outcomes = follow(tmp_path / "out", *everything)
    assert outcomes.keys() == {side.name for side in sides}
    assert list(shown(tmp_path / "out", "day 1_side")) == [1, 2]
    assert list(shown(tmp_path / "out", "day2.b_side")) == [3, 4]
    assert "of the session of none of the selections" in str(outcomes["day3_side.mp4"].error)
    # Those that follow aren't followed.
    again = follow(tmp_path / "out", make_video(tmp_path / "day2.b_front.mp4", 8))
    assert again["day2.b_front.mp4"].selection.frame_indices == [3, 4]


def test_the_only_selection_is_followed_whatever_the_names_and_that_is_said(make_video, tmp_path):
    out = tmp_path / "out"
    choose(out, make_video(tmp_path / "day1_top.mp4", 8))
    videos = [make_video(tmp_path / f"day{day}_side.mp4", 8) for day in (1, 2)]
    for wanted in (videos, videos[1:]):
        outcomes = follow(out, *wanted)
        assert {outcome.error for outcome in outcomes.values()} == {None}
        (warning,) = outcomes["day2_side.mp4"].selection.warnings
        assert warning.startswith("by its name it is of session day2, and day1_top.mp4 of day1:")
    assert not follow(out, videos[0])["day1_side.mp4"].selection.warnings


def test_names_without_a_session_are_told_apart_by_their_folders(make_video, tmp_path):
    for number, day in enumerate(("day1", "day2")):
        (tmp_path / day).mkdir()
        top = make_video(tmp_path / day / "top.mp4", 8)
        extract(top, tmp_path / "out" / day, Settings(frames=(number, 5)))
        make_video(tmp_path / day / "side.mp4", 8)
    for number, day in enumerate(("day1", "day2")):
        (outcome,) = follow(tmp_path / "out", tmp_path / day / "side.mp4").values()
        assert outcome.record == tmp_path / "out" / day / "side.json"
        assert outcome.selection.frame_indices == [number, 5]
    elsewhere = make_video(tmp_path / "side.mp4", 8)
    assert "none of the selections" in refusal(tmp_path / "out", elsewhere)
    named = follow(tmp_path / "out", elsewhere, to="day2/top", overwrite=True)["side.mp4"]
    assert named.job.output == tmp_path / "out" / "day2"
    with pytest.raises(KeyframesError, match="could be day1/top, day2/top; write more"):
        follow(tmp_path / "out", elsewhere, to="top")


def test_names_without_a_session_mean_nothing_elsewhere(recordings, out, make_video, tmp_path):
    (tmp_path / "here").mkdir()
    choose(out, make_video(tmp_path / "here" / "top.mp4", 8))
    elsewhere = make_video(tmp_path / "side.mp4", 8)
    assert "none of the selections" in refusal(out, elsewhere)
    beside = shutil.copyfile(elsewhere, tmp_path / "here" / "side.mp4")
    assert follow(out, beside)["side.mp4"].error is None


def test_selections_of_one_session_are_not_guessed_between(recordings, out):
    side = recordings / "day1_side.mkv"
    choose(out, recordings / "day1_long.mp4")
    assert "could follow day1_long, day1_top; say which with --to" in refusal(out, side)
    follow(out, side, to="day1_top")
    assert list(shown(out, "day1_side")) == list(FRAMES)


def test_another_recording_of_the_same_name_never_replaces_what_it_follows(
    make_video, recordings, out, tmp_path
):
    other = make_video(tmp_path / "day1_top.mp4", 40, first_number=9)
    before = snapshot(out)
    assert "would be written as 'day1_top'" in refusal(out, other, overwrite=True)
    assert snapshot(out) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "day1_side.mkv"], "none: holds no finished keyframes"),
        (["out", "absent.mp4"], "absent.mp4: no such file"),
        (["out", "day1_top.mp4"], "name those of the other cameras"),
        (["out", "day1_side.mkv", "--to", "top"], "--to top is none of the selections in"),
        (["out", "day1_side.mkv", "--by", "magic"], "magic"),
        (["out"], "Missing argument 'VIDEO...'"),
        (["out", "day1_long.mp4", "copy/day1_long.mp4"], "would both be written as 'day1_long'"),
    ],
)
def test_wrong_commands(run, recordings, out, tmp_path, arguments, message):
    (tmp_path / "copy").mkdir()
    shutil.copyfile(recordings / "day1_long.mp4", tmp_path / "copy" / "day1_long.mp4")
    for path in recordings.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
    before = snapshot(tmp_path)
    code, output, errors = run("match", *arguments)
    assert (code, output) == (2, "")
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert snapshot(tmp_path) == before


def test_a_frame_that_is_damaged_is_refused(make_video, out, tmp_path):
    photos = make_video(tmp_path / "day1_photo.avi", 40, codec="mjpeg")
    damage(photos, [20], offset=0)
    copied = make_video(tmp_path / "day1_cut.mp4", 40, container_options={"movflags": "faststart"})
    copied.write_bytes(copied.read_bytes()[:-500])
    noisy = make_video(tmp_path / "day1_noisy.avi", 40, codec="utvideo")
    damage(noisy, [20], offset=60)
    # Where the decoder alone knows that a picture is lost, those behind it move up.
    reason = "2 of the moments of day1_top.mp4 can't be told in it (at its frames 20, 39)"
    assert reason in refusal(out, noisy)
    for video in (photos, copied):
        assert "has no whole frame within half a frame's time for 1 of the 5" in refusal(out, video)
    assert not [*out.rglob("*photo*"), *out.rglob("*cut*"), *out.rglob("*noisy*")]


def test_damage_behind_the_moments_does_no_harm(make_video, tmp_path):
    out, video = tmp_path / "out", make_video(tmp_path / "photo.avi", 40, codec="mjpeg")
    choose(out, make_video(tmp_path / "top.mp4", 40))
    damage(video, [30], offset=0)
    (outcome,) = follow(out, video).values()
    assert outcome.error is None
    assert sorted(shown(out, "photo").values()) == list(FRAMES[:2])


def test_two_at_a_time(run, recordings, out, monkeypatch):
    monkeypatch.setattr("keyframes.executors.count_cores", lambda: 2)
    code, _, errors = run("match", out, recordings / "day1_side.mkv", recordings / "day1_fast.mp4")
    assert code == 0, errors
    assert "by frame number" in errors
    assert "by time" in errors
    assert list(shown(out, "day1_fast")) == [2 * frame for frame in FRAMES]


def test_views_for_lightning_pose(run, make_video, tmp_path):
    videos = [make_video(tmp_path / f"day1_{view}.mp4", 40) for view in ("top", "side", "front")]
    run("extract", videos[0], "-k", 4, "-q")
    assert run("match", "keyframes-out", *videos[1:], "-q") == (0, "", "")
    views = ["top", "side", "front"]
    export("lightning-pose", Path("keyframes-out"), Path("lp"), views=views, context=1)
    pictures = {
        view: sorted(path.name for path in Path(f"lp/labeled-data/day1_{view}").iterdir())
        for view in views
    }
    assert pictures["top"] == pictures["side"] == pictures["front"]
    for view in views:
        for path in Path(f"lp/labeled-data/day1_{view}").iterdir():
            assert read_number(cv2.imread(str(path))) == int(path.stem.removeprefix("img"))


def test_a_match_can_be_reviewed_and_stays_one(recordings, out):
    follow(out, recordings / "day1_side.mkv")
    session = open_stem(out, "day1_side")
    session.reject(8)
    session.wait_until_saved()
    assert list(shown(out, "day1_side")) == [0, 7, 20, 39]
    assert read_json(out / "day1_side.json")["explanation"]["matched_to"] == "day1_top.mp4"
    (outcome,) = follow(out, recordings / "day1_side.mkv").values()
    assert (outcome.error, outcome.is_new) == (None, False)
