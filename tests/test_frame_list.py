"""Lists of frames: what can be read, and whose they are."""

import json
from pathlib import Path

import pytest

from keyframes import Settings, SettingsError
from keyframes.cli.frame_list import assign_frames, parse_frames
from keyframes.jobs import Job


@pytest.fixture
def write(tmp_path):
    def write(name, content, encoding="utf-8"):
        (tmp_path / name).write_text(content, encoding=encoding)
        return str(tmp_path / name)

    return write


def jobs(*videos):
    return [Job(Path(video), Path("out"), Settings(count=3)) for video in videos]


def assigned(videos, listed):
    return {str(job.video): job.settings.frames for job in assign_frames(jobs(*videos), listed)}


@pytest.mark.parametrize("text", ["12,55,300", " 12, 55,300 ", "12 55\n300"])
def test_numbers_are_read(text):
    assert parse_frames(text) == {"": (12, 55, 300)}


def test_no_list_is_no_list():
    assert assigned(["a.mp4", "b.mp4"], None) == {"a.mp4": (), "b.mp4": ()}
    with pytest.raises(ValueError, match="'' lists no frames"):
        parse_frames("")


@pytest.mark.parametrize(
    "content",
    [
        "12\n55\n\n300\n",
        "12,55,300",
        "frame_index\n12\n55\n300\n",
        "time_s,frame_index\n0.4,12\n1,55\n2,300\n",
        "time_s;Frame\n0,4;12\n1,0;55\n2,0;300\n",
        "frame\ttime_s\r\n12\t0.4\r\n55\t1\r\n300\t2\r\n",
        # Where both are, frame_index counts: it says what it means.
        'frame,frame_index,note\n1,12,"a, b"\n2, 55 ,\n3,300\n,,\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_files_that_list_numbers(write, content, encoding):
    assert parse_frames(write("list.csv", content, encoding)) == {"": (12, 55, 300)}


def test_a_run_record_lists_its_keyframes(write):
    record = {"keyframes": [{"frame_index": 12}, {"frame_index": 55}]}
    assert parse_frames(write("mouse.json", json.dumps(record))) == {"": (12, 55)}


def test_rows_of_several_videos(write):
    listed = parse_frames(write("l.csv", "video,frame\nmouse,5\nrat.mp4,1\nmouse,2\n"))
    assert listed == {"mouse": (5, 2), "rat.mp4": (1,)}
    videos = ["in/mouse.mp4", "in/rat.mp4", "in/fly.mp4"]
    assert assigned(videos, listed) == {"in/mouse.mp4": (2, 5), "in/rat.mp4": (1,)}


def test_videos_of_one_name_are_told_apart_by_their_folders():
    videos = ["in/day1/video.mp4", "in/day2/video.mp4"]
    listed = {"day2/video": (2,), r"D:\in\day1\video.mp4": (1,), "in/day2/video.mp4": (3,)}
    assert assigned(videos, listed) == {videos[0]: (1,), videos[1]: (2, 3)}
    with pytest.raises(SettingsError, match=r"could be .*day1.* or .*day2"):
        assigned(videos, {"video.mp4": (2,)})


def test_a_video_is_found_by_what_is_its_name_on_some_system():
    for name in ("mu\u0308ller", "MU\u0308LLER.mp4", r"C:\A\müller.MP4"):
        assert assigned(["a/Müller.mp4", "a/rat.mp4"], {name: (3,)}) == {"a/Müller.mp4": (3,)}


def test_a_video_that_is_not_there_is_named():
    with pytest.raises(SettingsError, match=r"names the video rat\.mp4, which isn't among"):
        assigned(["mouse.mp4"], {"mouse": (1,), "rat.mp4": (1,)})


def test_numbers_alone_are_one_videos():
    assert assigned(["mouse.mp4"], {"": (3, 1)}) == {"mouse.mp4": (1, 3)}
    with pytest.raises(SettingsError, match="add a column video"):
        assigned(["mouse.mp4", "rat.mp4"], {"": (1,)})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x,y\n1,2\n", "no column frame_index or frame .*'x,y'"),
        ("my notes\n", "no column"),
        ("frame\n12\n-5\n", "line 3: '-5' is no frame number"),
        ("frame\n12.5\n", "line 2: '12.5' is no frame number"),
        ("video,frame\nmouse,1\n,2\n", "line 3: names no video"),
        ("video,frame\n", "lists no frames"),
        ("", "lists no frames"),
        (" \n", "lists no frames"),
        (f"frame,note\n1,{'x' * 200_000}\n", "is no table .*limit.*; save it as CSV again"),
    ],
)
def test_what_is_no_list_is_refused(write, content, message):
    with pytest.raises(ValueError, match=message):
        parse_frames(write("list.csv", content))


def test_files_that_cannot_be_read_are_refused(write, tmp_path):
    with pytest.raises(ValueError, match="nor a file that is there"):
        parse_frames(str(tmp_path / "none.csv"))
    with pytest.raises(ValueError, match="nor a file that is there"):
        parse_frames("12,-5")
    with pytest.raises(ValueError, match="nor a file that is there"):
        parse_frames("1;2;" * 1000)
    with pytest.raises(ValueError, match="is no text"):
        parse_frames(write("utf16.csv", "frame\n1\n", "utf-16"))
    for content in ("notes", "[]", '{"keyframes": [{}]}'):
        with pytest.raises(ValueError, match="is no run record"):
            parse_frames(write("list.json", content))
