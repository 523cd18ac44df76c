"""The report on one recording."""

import json
import shlex
import shutil
import subprocess

import av
import cv2
import pytest

from footage import read_number
from keyframes.commands import join_words
from keyframes.video import index_video, probe
from keyframes.video.read import count_frames


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


@pytest.mark.parametrize(
    ("lost", "stretch", "is_seekable"),
    [((), 0, True), ((20, 21), 0, False), ((39,), 0, False), ((), 0.08, False)],
    ids=["whole", "a gap", "a frame lost near the end", "ever longer frames"],
)
def test_what_other_programs_seek_wrongly_is_told(make_video, tmp_path, lost, stretch, is_seekable):
    times = [i * (1 + stretch * i / 42) for i in range(42) if i not in lost]
    path = make_video(tmp_path / "v.mkv", len(times), pts=[round(40 * time) for time in times])
    advice = " ".join(probe(path).advice)
    assert ("space the frames evenly" in advice) is not is_seekable
    assert count_frames(index_video(path)).is_seekable is is_seekable
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 37)
    # OpenCV goes by the header's rate, and so may be right by chance.
    assert not is_seekable or read_number(capture.read()[1]) == 37


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg")
def test_evenly_spaced_frames_keep_their_numbers(make_video, tmp_path):
    pts = [40 * i for i in range(42) if i not in (20, 21)]
    (advice,) = probe(make_video(tmp_path / "v.mkv", 40, pts=pts)).advice
    subprocess.run([*shlex.split(advice.partition(": ")[2]), "-loglevel", "error"], check=True)
    assert probe(tmp_path / "v-fixed.mp4").advice == ()
    with av.open(str(tmp_path / "v-fixed.mp4")) as even:
        numbers = [read_number(frame.to_ndarray(format="bgr24")) for frame in even.decode(video=0)]
    assert numbers == list(range(40))


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
