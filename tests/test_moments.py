"""Which frames show the moments of another camera's keyframes: laws and refusals."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import VIDEO
from keyframes.errors import VideoError
from keyframes.moments import Timeline, find_moments, read_timeline
from keyframes.records import Coverage, Keyframe, Reach, Selection
from keyframes.video import index_video
from test_video_damage import damage


def pattern(frames, *, fps=25.0, n_frames=100, times_s=None):
    """Keyframes of a camera; at its even times unless told otherwise."""
    times_s = [frame / fps for frame in frames] if times_s is None else times_s
    return Selection(
        video=replace(VIDEO, path=Path("cam1.mp4"), fps=fps, n_frames=n_frames),
        keyframes=tuple(
            Keyframe(frame, time_s, 0, 1, 0.0, 1, 0.0, 0.0)
            for frame, time_s in zip(frames, times_s, strict=True)
        ),
        n_asked=len(frames),
        n_candidates=n_frames,
        step=1,
        coverage=Coverage(0.0, Reach(0.0, 0.0), Reach(0.0, 0.0)),
    )


def timeline(times_s, *, n_frames=None, frame_indices=None):
    """The frames of the other camera."""
    times_s = np.array(times_s, np.float64)
    n_frames = n_frames or len(times_s)
    numbers = np.arange(len(times_s)) if frame_indices is None else np.array(frame_indices)
    fps = numbers[-1] / times_s[-1] if times_s[-1] > 0 else 25.0
    return Timeline(Path("cam2.mp4"), n_frames, fps, numbers, times_s)


def even(fps, n_frames=100):
    return timeline(np.arange(n_frames) / fps)


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=60),
    st.lists(st.integers(0, 2000), min_size=1, max_size=5, unique=True),
)
def test_what_is_found_by_time_is_the_nearest(intervals_ms, moments_ms):
    times_s = np.cumsum([0, *intervals_ms]) / 1000
    moments_s = np.sort(moments_ms) / 1000
    wanted = pattern(range(len(moments_s)), times_s=moments_s.tolist())
    try:
        found = find_moments(wanted, timeline(times_s), "time")
    except VideoError:
        return
    distances = np.abs(moments_s[:, None] - times_s)
    nearest = distances.min(axis=1)
    at_found = distances[np.arange(len(moments_s)), found.frame_indices]
    np.testing.assert_allclose(at_found, nearest, atol=1.1e-6)  # ties
    assert found.difference_s == pytest.approx(nearest.max(), abs=1.1e-6)
    assert (np.diff(found.frame_indices) > 0).all()


@pytest.mark.parametrize(("fps", "n_frames"), [(24, 96), (30, 120), (50, 200), (120, 480)])
def test_even_rates_that_differ_always_match_within_half_a_frame(fps, n_frames):
    found = find_moments(pattern([0, 3, 40, 99]), even(fps, n_frames))
    assert found.by == "time"
    assert found.difference_s <= 0.5 / fps + 1e-9
    expected = [round(Fraction(frame * fps, 25)) for frame in (0, 3, 40, 99)]
    assert found.frame_indices.tolist() == expected
    assert not found.warnings


def test_of_two_that_are_equally_near_it_is_the_earlier():
    found = find_moments(pattern([1, 3, 5, 7], fps=50.0), even(25, 50))
    assert found.frame_indices.tolist() == [0, 1, 2, 3]


def test_cameras_triggered_together_are_compared_by_number():
    clock = np.arange(100) / 25 * (1 + 1e-4)  # another computer's
    found = find_moments(pattern([0, 50, 99]), timeline(clock))
    assert (found.by, found.frame_indices.tolist(), found.warnings) == ("frame", [0, 50, 99], ())
    assert found.difference_s == pytest.approx(99 / 25 * 1e-4)


def test_clocks_may_differ_but_not_rates():
    """An hour, triggered together: clocks a hundredth of a percent apart; and 29.97 against 30."""
    wanted = pattern([0, 100_000], fps=30.0, n_frames=108_000)
    assert find_moments(wanted, even(30.003, 108_000)).by == "frame"
    with pytest.raises(
        VideoError, match=r"within half .*108,000 frames in 3600\.000 s.*--by frame"
    ):
        find_moments(pattern([0, 107_990], fps=29.97, n_frames=108_000), even(30, 108_000))


@pytest.mark.parametrize("other", [even(25, 101), even(24.8), even(50)])
def test_another_length_or_rate_is_compared_by_time(other):
    found = find_moments(pattern([0, 20]), other)
    assert found.by == "time"
    assert find_moments(pattern([0, 20]), other, "frame").frame_indices.tolist() == [0, 20]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (even(25, 101), "101 frames in 4.040 s, cam1.mp4 100 frames in 4.000 s.* 0.040 s .1.0 fra"),
        (even(24), "drifted apart, by up to 0.167 s .4.0 frames.,.*; or match --by frame"),
        (even(50, 190), "0.200 s .10.0 frames"),
    ],
)
def test_lengths_that_suggest_a_drift_get_a_warning_with_the_figures(other, words):
    (warning,) = find_moments(pattern([0, 20]), other).warnings
    assert re.search(words, warning)


def test_numbers_that_may_be_of_other_moments_get_a_warning():
    (warning,) = find_moments(pattern([0, 20]), even(25, 101), "frame").warnings
    assert "it has 101 frames, cam1.mp4 100: right if" in warning
    late = np.arange(100) / 25
    late[40:99] += 0.1  # a pause, and a hurry in the end
    found = find_moments(pattern([0, 50]), timeline(late))
    assert found.by == "frame"
    (warning,) = found.warnings
    assert "up to 0.100 s (2.5 frames) from those of cam1.mp4" in warning
    assert not find_moments(pattern([0, 30]), timeline(late)).warnings


@pytest.mark.parametrize("by", ["auto", "time", "frame"])
def test_moments_behind_the_end_are_named(by):
    with pytest.raises(VideoError, match=r"1 of the 2 moments .*frame 98 at 3.920 s; it has 90 fr"):
        find_moments(pattern([10, 98]), even(25, 90), by)


def test_half_a_frame_behind_the_end_is_near_enough():
    ends = even(25, 50)  # its last frame is at 1.96 s
    near = pattern([10], fps=50.0, times_s=[1.98])
    assert find_moments(near, ends, "time").frame_indices.tolist() == [49]
    with pytest.raises(VideoError, match="within half a frame"):
        find_moments(pattern([10], fps=50.0, times_s=[1.99]), ends, "time")


def test_a_moment_where_frames_are_lost_is_refused():
    times_s = np.delete(np.arange(100) / 25, [50, 51])
    with pytest.raises(VideoError, match=r"frame 50 at 2\.000 s, frame 51 at 2\.040 s; it has 98"):
        find_moments(pattern([10, 50, 51, 52]), timeline(times_s), "time")
    found = find_moments(pattern([49, 52]), timeline(times_s), "time")
    assert found.frame_indices.tolist() == [49, 50]


def test_a_rate_that_wavers_has_no_gaps():
    times_s = np.cumsum(np.tile([0.03, 0.03, 0.05], 30)) - 0.03  # 0, 0.03, 0.08, …
    found = find_moments(pattern([0], times_s=[0.0549]), timeline(times_s), "time")
    assert found.frame_indices.tolist() == [1]
    assert found.difference_s == pytest.approx(0.0249)


def test_frames_known_to_be_damaged_are_refused():
    whole = timeline(np.delete(np.arange(100) / 25, 50), frame_indices=np.delete(range(100), 50))
    whole = replace(whole, n_frames=100)
    for by in ("frame", "time"):
        with pytest.raises(VideoError, match="no whole frame"):
            find_moments(pattern([50]), whole, by)
        assert find_moments(pattern([51]), whole, by).frame_indices.tolist() == [51]


def test_two_moments_on_one_frame_are_refused():
    with pytest.raises(
        VideoError, match=r"as on frame 2: frame 20 at 0\.200 s, frame 22 at 0\.220 s; it has 10 f"
    ):
        find_moments(pattern([0, 20, 22, 40], fps=100.0, n_frames=1000), even(10, 100))


def test_one_frame_is_a_recording_too():
    found = find_moments(pattern([0], n_frames=1), timeline([0.0]))
    assert (found.by, found.frame_indices.tolist(), found.difference_s) == ("frame", [0], 0.0)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sound.mp4", {"b_frames": 2}),
        ("doubtful.avi", {"codec": "mpeg4", "b_frames": 2}),
        ("late.mkv", {"pts": [5000 + 40 * n for n in range(40)]}),
    ],
)
def test_the_timeline_of_a_recording_is_that_of_all_its_frames(name, options, make_video, tmp_path):
    video = make_video(tmp_path / name, 40, **options)
    read = read_timeline(index_video(video))
    assert (read.path, read.n_frames) == (video, 40)
    assert read.fps == pytest.approx(25)
    assert read.frame_indices.tolist() == list(range(40))
    np.testing.assert_allclose(read.times_s, np.arange(40) / 25, atol=1e-3)


def test_packets_that_tell_nothing_are_not_gone_by(make_video, tmp_path):
    video = make_video(tmp_path / "torn.ts", 40)
    damage(video, [20])
    index = index_video(video)
    assert index.doubt is not None
    read = read_timeline(index)
    assert 20 <= len(read.frame_indices) < len(index)
    assert len(read.frame_indices) == len(read.times_s)
