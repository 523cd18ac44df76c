"""Positions and ranges."""

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage import read_number
from keyframes.errors import SettingsError
from keyframes.records import ThumbnailSpec
from keyframes.video import (
    Position,
    Span,
    auto_step,
    index_video,
    n_candidates,
    parse_position,
    read_thumbnails,
)

FULL_SIZE = ThumbnailSpec(size=96)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("90", 90, "s"),
        ("90.5", 90.5, "s"),
        (".5", 0.5, "s"),
        ("90s", 90, "s"),
        (" 7 ", 7, "s"),
        ("00:01:30.5", 90.5, "s"),
        ("1:30", 90, "s"),
        ("90:00", 5400, "s"),
        ("12:00:00", 43200, "s"),
        ("25%", 25, "%"),
        ("0.5%", 0.5, "%"),
        ("100%", 100, "%"),
        ("2700f", 2700, "f"),
        ("0f", 0, "f"),
        (5, 5, "s"),
    ],
)
def test_positions_as_people_write_them(text, value, unit):
    assert parse_position(text) == Position(value, unit)


@pytest.mark.parametrize(
    "text",
    ["", "abc", "-5", "101%", "1.5f", "1:2:3:4", "1:75", "0:75:00", "5 f", "nan", "inf", "%", "٣"],
)
def test_anything_else_is_refused_with_what_would_do(text):
    with pytest.raises(SettingsError, match="write seconds"):
        parse_position(text)


@pytest.mark.parametrize("ends", [("3s",), (None, "5s"), (0, 9)])
def test_a_span_is_between_positions(ends):
    with pytest.raises(SettingsError, match=r"(start|end) must be .* what parse_position makes"):
        Span(*ends)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_time_code_is_its_sum(hours, minutes, seconds, millis):
    position = parse_position(f"{hours:02}:{minutes:02}:{seconds:02}.{millis:03}")
    assert position.value == pytest.approx(3600 * hours + 60 * minutes + seconds + millis / 1000)


@pytest.fixture(scope="module")
def index(make_video, tmp_path_factory):
    """Four seconds at 25 fps."""
    return index_video(make_video(tmp_path_factory.mktemp("span") / "four.mp4", 100, b_frames=2))


def shown(index, start=None, end=None, step=1):
    """Return the numbers that the thumbnails of a range show, and the reading."""
    span = Span(*(None if text is None else parse_position(text) for text in (start, end)))
    numbers = []
    reading = read_thumbnails(
        index, FULL_SIZE, lambda image: numbers.append(read_number(image)), span=span, step=step
    )
    assert numbers == reading.frame_indices.tolist()
    assert n_candidates(index, span, step) == len(reading)
    return numbers


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, range(100)),
        ("10f", "20f", range(10, 20)),
        ("1", "2", range(25, 50)),
        ("0:01.99", None, range(50, 100)),
        ("2.01", "2.05", range(51, 52)),
        ("25%", "50%", range(25, 50)),
        ("90%", None, range(90, 100)),
        (None, "3f", range(3)),
        ("50%", "60f", range(50, 60)),
        ("99f", "1000f", range(99, 100)),
    ],
)
def test_the_frames_of_a_range_are_those_and_no_others(index, start, end, expected):
    assert shown(index, start, end) == list(expected)


@pytest.mark.parametrize("digits", [20, 5000])
def test_a_frame_that_no_recording_has_lies_in_no_range(index, digits):
    span = Span(parse_position("9" * digits + "f"))
    assert n_candidates(index, span, 1) == auto_step(index, span, 10) - 1 == 0
    with pytest.raises(SettingsError, match=r"no frame of .* lies in the range asked for"):
        read_thumbnails(index, FULL_SIZE, lambda _: None, span=span)
    assert shown(index, "98f", "9" * digits + "f") == [98, 99]


@pytest.mark.parametrize("digits", [400, 5000])
def test_hours_may_be_any(index, digits):
    assert shown(index, "3.95", "9" * digits + ":00:00") == [99]


def test_steps_count_from_the_start_of_the_range(index):
    assert shown(index, "11f", "40f", step=10) == [11, 21, 31]


@pytest.mark.parametrize(
    ("start", "end"), [("50f", "50f"), ("100f", None), ("3", "2"), ("1:00", None)]
)
def test_an_empty_range_is_refused(index, start, end):
    with pytest.raises(SettingsError, match=r"100 frames and lasts 4\.000 s"):
        shown(index, start, end)


def test_on_variable_rate_a_range_goes_by_timestamps(make_video, tmp_path):
    pts = np.concatenate([np.arange(30) * 100, 3000 + np.arange(30) * 20])
    index = index_video(make_video(tmp_path / "slow-fast.mkv", 60, pts=pts.tolist()))
    assert shown(index, "2", "3.1") == list(range(20, 35))
    assert shown(index, "2", "3.1", step=4) == list(range(20, 35, 4))


def test_in_doubt_a_range_goes_by_the_counter(make_video, tmp_path):
    index = index_video(make_video(tmp_path / "raw.h264", 60, b_frames=2))
    assert index.doubt is not None
    assert shown(index, "1", "2") == list(range(25, 50))
    assert shown(index, "31f", None, step=7) == list(range(31, 60, 7))


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "libx264"), ("webm", "libvpx")])
def test_percentages_of_joined_recordings_whose_clock_starts_anew(
    suffix, codec, make_video, tmp_path
):
    parts = [
        make_video(tmp_path / f"{first}.{suffix}", 20, codec=codec, first_number=first)
        for first in (0, 20)
    ]
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    index = index_video(joined)
    assert index.duration_s == pytest.approx(1.6)
    assert shown(index, None, "100%") == list(range(40))
    assert shown(index, "50%") == list(range(20, 40))
    assert shown(index, "25%", "75%", step=3) == list(range(10, 30, 3))


@given(st.integers(1, 300))
def test_the_automatic_step_is_the_smallest_that_fits(index, max_candidates):
    step = auto_step(index, Span(), max_candidates)
    assert n_candidates(index, Span(), step) <= max_candidates
    assert step == 1 or n_candidates(index, Span(), step - 1) > max_candidates


def test_a_step_below_one_is_refused(index):
    with pytest.raises(SettingsError, match=r"step must be .* got 0"):
        shown(index, step=0)


def test_seconds_hold_where_some_packets_have_no_timestamp(make_video, tmp_path):
    """As in a Matroska file that was cut without being encoded anew."""
    source, path = make_video(tmp_path / "whole.mp4", n_frames=30), tmp_path / "cut.mkv"
    options = {"avoid_negative_ts": "disabled"}
    with av.open(str(path), "w", options=options) as output, av.open(str(source)) as container:
        template = container.streams.video[0]
        stream = output.add_stream_from_template(template)
        shift = int(0.1 / template.time_base)  # what is negative then gets lost
        for packet in container.demux(template):
            if packet.size:
                packet.pts, packet.dts, packet.stream = (
                    packet.pts - shift,
                    packet.dts - shift,
                    stream,
                )
                output.mux(packet)
    index = index_video(path)
    assert index.doubt == "there are packets without a timestamp"
    span = Span(Position(0.2, "s"), Position(0.8, "s"))
    reading = read_thumbnails(index, FULL_SIZE, lambda _: None, span=span)
    assert reading.frame_indices.tolist() == list(range(5, 20))
    np.testing.assert_allclose(reading.times_s, np.arange(5, 20) / 25, atol=1e-9)
    assert reading.video.fps == pytest.approx(25)
