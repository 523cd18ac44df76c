"""The report on one recording."""

import json

import pytest

from keyframes.commands import join_words
from keyframes.video import probe


def test_a_sound_video_is_described(make_video, tmp_path):
    path = make_video(tmp_path / "mouse cam.mp4", 50, b_frames=2)
    told = []
    report = probe(path, progress=lambda *event: told.append(event))
    assert told == [(0, 50), (32, 50)]
    video = report.video
    assert (video.codec, video.pixel_format) == ("h264", "yuv420p")
    assert (video.width, video.height, video.rotation) == (96, 64, 0)
    assert video.n_frames == report.claimed_frames == 50
    assert video.fps == pytest.approx(25)
    assert video.duration_s == pytest.approx(2)
    assert (report.verdict, report.damaged, report.advice) == ("sound", False, ())
    assert (report.rate, report.n_gaps, report.doubt) == ("constant", 0, None)
    assert report.longest_group <= 12
    assert report.n_key_frames >= 5


def test_variable_rate_and_gaps_are_told_apart(make_video, tmp_path):
    pts = [i * 40 + 2000 * (i >= 20) for i in range(40)]
    report = probe(make_video(tmp_path / "pause.mkv", pts=pts))
    assert (report.rate, report.n_gaps) == ("constant", 1)
    (gap,) = report.gaps
    assert gap.time_s == pytest.approx(0.76)
    assert gap.duration_s == pytest.approx(2.04)
    pts = [i * 40 + 15 * (i % 2) for i in range(40)]
    report = probe(make_video(tmp_path / "uneven.mkv", pts=pts))
    assert (report.rate, report.n_gaps) == ("variable", 0)
    assert not report.damaged


def test_a_rounded_clock_is_still_constant(make_video, tmp_path):
    pts = [round(i * 1000 / 240) for i in range(60)]  # 4 and 5 ms
    assert probe(make_video(tmp_path / "fast.mkv", 60, pts=pts, fps=240)).rate == "constant"


def test_without_timestamps_the_rate_is_unknown(make_video, tmp_path):
    report = probe(make_video(tmp_path / "raw.h264"))
    assert report.rate == "unknown"
    assert report.claimed_frames is None
    assert "timestamp" in report.doubt
    assert not report.damaged


def test_the_repair_command_quotes_the_name(make_video, tmp_path):
    path = make_video(tmp_path / "it's a %d [mouse].mp4", 60)
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + 2000
    data[middle : middle + 400] = bytes(400)
    path.write_bytes(data)
    report = probe(path)
    assert probe(str(path)) == report
    assert report.damaged
    assert report.video.decode_errors + report.video.damaged_frames > 0
    command = " ".join(report.advice)
    assert f"ffmpeg -i {join_words([f'file:{path}'])} " in command
    assert "-c:v libx264" in command
    assert "-fixed.mp4" in command


def test_the_report_is_plain_values(make_video, tmp_path):
    path = make_video(tmp_path / "v.mp4", 20)
    document = json.loads(json.dumps(probe(path).to_json()))
    assert document["path"] == str(path)
    assert document["n_frames"] == 20
    assert document["verdict"] == "sound"
