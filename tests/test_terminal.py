"""What a person sees."""

from dataclasses import replace
from pathlib import Path

import pytest

from factories import VIDEO
from keyframes.batch import Outcome
from keyframes.errors import VideoError
from keyframes.files import write_json
from keyframes.forecast import Forecast
from keyframes.jobs import Job
from keyframes.records import Reach
from keyframes.settings import Settings
from keyframes.terminal import (
    _gain,
    _pace,
    describe_batch,
    describe_forecast,
    describe_forecasts,
    describe_outcome,
    describe_pool,
    describe_probe,
)
from keyframes.video import Gap, Probe
from pages import make_scene

SOUND = Probe(
    video=replace(VIDEO, path=Path("day 1/v.mp4"), container="mov,mp4,m4a,3gp,3g2,mj2"),
    claimed_frames=1000,
    lost_frames=0,
    rate="constant",
    n_gaps=0,
    gaps=(),
    n_key_frames=5,
    longest_group=250,
    doubt=None,
    verdict="sound",
    advice=(),
)


def test_batch_is_summed_up_in_a_line():
    job, selection = Job(Path("v.mp4"), Path("out"), Settings()), object()
    bad = Outcome(job, error=VideoError("bad"))
    done = [Outcome(job, selection), Outcome(job, selection, is_new=False), bad]
    page = Path("out/index.html")
    assert describe_batch(done[:1], None) == "1 of 1 videos done now"
    assert describe_batch(done, page) == f"1 of 3 videos done now, 1 before; overview: {page}"


def test_one_of_a_kind_is_singular(tmp_path):
    job = Job(Path("v.mp4"), tmp_path, Settings())
    write_json(tmp_path / "v.json", make_scene().record)
    selection = replace(make_scene().selection, keyframes=make_scene().selection.keyframes[:1])
    one = [Outcome(job, selection), Outcome(job, error=VideoError("bad"))]
    assert describe_pool(one, 2) == "pool: 1 keyframe in 1 of 2 videos"
    assert describe_pool(one * 2, 3) == "pool: 2 keyframes in 2 of 3 videos"
    video = replace(selection.video, n_frames=1)
    alone = replace(one[0], selection=replace(selection, video=video))
    assert describe_outcome(alone, at_length=False) == "v.mp4: 1 keyframe of 1 frame"
    assert "  read      1 frame, " in describe_outcome(alone, at_length=True)
    forecast = Forecast(False, n_frames=1, n_candidates=1, n_keyframes=1)
    assert describe_forecast(job, forecast).startswith("v.mp4: 1 frame, 1 candidate, 1 keyframe, ")
    assert "to do: 1 frame, " in describe_forecasts([forecast], 1, 1)


def test_probe_of_a_sound_recording_says_nothing_of_trouble():
    path, *lines = describe_probe(SOUND).splitlines()
    assert path == str(SOUND.video.path)
    assert [line.split("  ", 2)[1] for line in lines] == [
        "container",
        "codec",
        "size",
        "frames",
        "duration",
        "rate",
        "key frames",
        "verdict",
    ]


def test_probe_of_a_damaged_recording_says_what_is_wrong_and_what_to_do():
    text = describe_probe(
        replace(
            SOUND,
            video=replace(SOUND.video, damaged_frames=2400),
            n_gaps=1,
            gaps=(Gap(61.0, 2.5),),
            verdict="damaged",
            advice=("re-encode it",),
        )
    )
    assert "errors      damaged frames: 2,400\n" in text
    assert "gaps        2.5 s at 1:01.0\n" in text
    assert text.endswith("verdict     damaged\n  → re-encode it")


@pytest.mark.parametrize(
    ("family", "name", "shown"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", "a.MP4", "mp4"),
        ("mov,mp4,m4a,3gp,3g2,mj2", "a", "mov"),
        ("matroska,webm", "a.mkv", "matroska"),
        ("avi", "a.mp4", "avi"),
    ],
)
def test_container_goes_by_one_name(family, name, shown):
    video = replace(SOUND.video, path=Path(name), container=family)
    assert f"container   {shown}\n" in describe_probe(replace(SOUND, video=video))


@pytest.mark.parametrize(
    ("timings", "asked", "text"),
    [
        ({"reading": 3.0, "writing": 1.0}, {}, "4.0 s to read, choose and write: 25× real time"),
        ({"reading": 30.0}, {}, "30.0 s to read, choose and write: 3.3× real time"),
        ({"reading": 200.0}, {}, "3:20.0 to read, choose and write: 0.5× real time"),
        (
            {"reading": 3.0},
            {"start": "10s"},
            "3.0 s to read, choose and write",
        ),  # not all of it was read
    ],
)
def test_pace_is_that_of_all_stages_and_of_the_whole_video(timings, asked, text):
    record = {
        "timings_s": timings,
        "identity": {"settings": {"start": None, "end": None, **asked}},
    }
    assert _pace(VIDEO, record) == text  # it lasts 100 s


def test_time_is_not_said_to_be_that_of_reading(tmp_path):
    write_json(tmp_path / "v.json", make_scene().record)
    outcome = Outcome(Job(Path("v.mp4"), tmp_path, Settings()), make_scene().selection)
    _, read, *_, took = describe_outcome(outcome, at_length=True).splitlines()
    assert read.endswith(" fps")
    assert " to read, choose and write: " in took


@pytest.mark.parametrize(
    ("keyframes", "text"),
    [
        (8.0, "20% nearer to a keyframe than with evenly spaced ones"),
        (11.4, "14% farther from a keyframe than with evenly spaced ones; a larger -k may help"),
    ],
)
def test_what_to_do_is_said_only_where_evenly_spaced_frames_are_nearer(keyframes, text):
    reaches = {"keyframes": Reach(keyframes, 20.0), "evenly_spaced": Reach(10.0, 20.0)}
    selection = make_scene().selection
    coverage = replace(selection.coverage, **reaches)
    assert _gain(replace(selection, coverage=coverage)).endswith(text)
