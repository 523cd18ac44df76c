"""Any path, and files that are no recordings."""

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from keyframes import extract
from keyframes.errors import VideoError
from keyframes.images import read_label
from keyframes.records import ThumbnailSpec
from keyframes.video import fetch_frames, index_video, probe, read_thumbnails

NAMES = [
    "with space.mp4",
    "-leading dash.mp4",
    "dots.in.the.name.mp4",
    "[brackets] {and} (more).mp4",
    "quote's.mp4",
    "Mäuse 鼠 🐭.mp4",
    "100%d.mp4",
    "frame%03d.png",
    "no suffix",
    "trailing.avi",
]
if sys.platform != "win32":
    NAMES += ['double"quote.mp4', "http:colon.mp4", "file:prefix.mp4", "star*?.gif", "back\\slash"]
    NAMES.append("x" * 200 + ".mp4")  # some Windows allow no more for the whole path


@pytest.fixture(scope="module")
def content(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("paths") / "v.mp4", n_frames=6).read_bytes()


def n_fetched(path):
    index = index_video(path)
    reading = read_thumbnails(index, ThumbnailSpec(), lambda _: None)
    return len(list(fetch_frames(index, reading, range(len(reading)), ThumbnailSpec())))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_a_name(name, content, tmp_path, monkeypatch):
    path = tmp_path / name
    path.write_bytes(content)
    assert n_fetched(path) == 6
    monkeypatch.chdir(tmp_path)
    assert n_fetched(type(path)(name)) == 6


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
@pytest.mark.parametrize("look", [index_video, probe, extract])
def test_a_pipe_is_refused_rather_than_waited_for(look, tmp_path):
    path = tmp_path / "pipe.mp4"
    os.mkfifo(path)
    with pytest.raises(VideoError, match=r"pipe\.mp4.*pipe or a device"):
        look(path)
    with pytest.raises(OSError, match="pipe or a device"):
        read_label(path)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_is_followed(content, tmp_path):
    (tmp_path / "v.mp4").write_bytes(content)
    (tmp_path / "link").symlink_to(tmp_path / "v.mp4")
    assert n_fetched(tmp_path / "link") == 6


def picture(suffix):
    """A function that writes a picture of this kind, whatever the name says."""
    content = cv2.imencode(suffix, np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.absolute, "can't be opened"),
        (lambda path: path.mkdir(), "can't be opened"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("the mouse ran. " * 500), "no video"),
        (lambda path: path.write_bytes(np.random.default_rng(0).bytes(9000)), "no video"),
        (picture(".png"), "still image"),
        (picture(".jpg"), "still image"),
        (picture(".webp"), "a still image or an animation"),
        (lambda path: path.write_text("#EXTM3U\n#EXT-X-ENDLIST\nhttp://localhost/x.ts\n"), "video"),
    ],
    ids=["missing", "folder", "empty", "text", "noise", "png", "jpeg", "webp", "playlist"],
)
def test_what_is_no_recording_is_refused_in_one_line(make, message, tmp_path, capfd):
    path = tmp_path / "thing.mp4"
    make(path)
    with pytest.raises(VideoError, match=message) as caught:
        index_video(path)
    assert "thing.mp4" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
