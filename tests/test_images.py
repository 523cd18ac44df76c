"""PNGs that say what they are."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from keyframes.errors import OutputError
from keyframes.images import (
    encode_png,
    is_ours,
    is_there,
    label_keyframe,
    png_size,
    read_label,
    read_picture,
    remove_ours,
    write_images,
)
from keyframes.records import Keyframe

KEYFRAME = Keyframe(
    frame_index=42,
    time_s=1.4,
    cluster=3,
    cluster_size=17,
    distance=0.25,
    covers=9,
    covers_mean=0.5,
    covers_p95=0.75,
)
VIDEO = {"name": "mouse.mp4", "bytes": 9, "sha256_of_samples": "0a1b"}
PICTURE = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)


def test_label_names_the_frame():
    assert label_keyframe(VIDEO, KEYFRAME) == {
        "Software": "keyframes",
        "video": "mouse.mp4",
        "sha256_of_samples": "0a1b",
        "frame_index": "42",
        "time_s": "1.400000",
        "cluster": "3",
        "cluster_size": "17",
        "distance": "0.25",
    }


@pytest.mark.parametrize("name", ["mouse.mp4", "Müller [2].avi", "маус 日本.mkv", "bad\udcff.mp4"])
def test_other_programs_read_pixels_and_label(tmp_path, name):
    path = tmp_path / "a.png"
    label = label_keyframe({**VIDEO, "name": name}, KEYFRAME)
    path.write_bytes(encode_png(PICTURE, label))
    with PillowImage.open(path) as image:
        image.load()
        assert image.mode == "RGB"
        assert np.array_equal(np.asarray(image), PICTURE[:, :, ::-1])
        text = {key: str(value) for key, value in image.text.items()}
    assert np.array_equal(cv2.imread(str(path)), PICTURE)
    assert text == read_label(path)
    assert text["video"] == name.encode(errors="backslashreplace").decode()


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50))
def test_any_text_comes_back(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("png") / "a.png"
    path.write_bytes(encode_png(PICTURE, {"video": text}))
    assert read_label(path) == {"video": text}


def with_chunk(png, body):
    """Put an iTXt chunk in front of the pixels."""
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body
    return png[:33] + chunk + struct.pack(">I", zlib.crc32(b"iTXt" + body)) + png[33:]


def test_label_compressed_by_another_program_is_read(tmp_path):
    body = b"video\0\1\0\0\0" + zlib.compress("Ünï".encode())
    path = tmp_path / "a.png"
    path.write_bytes(with_chunk(encode_png(PICTURE, {}), body))
    assert read_label(path) == {"video": "Ünï"}


@pytest.mark.parametrize(
    ("body", "length"),
    [(b"k\0\0\0\0\0\xff\xfe", None), (b"k\0\1\0\0\0abc", None), (b"keyword\0\0\0\0\0", 46)],
    ids=["no UTF-8", "not compressed", "cut off"],
)
def test_damaged_text_is_no_label(tmp_path, body, length):
    path = tmp_path / "a.png"
    path.write_bytes(with_chunk(encode_png(PICTURE, {}), body)[:length])
    assert read_label(path) == {}
    assert not is_ours(path)


def test_only_our_pngs_are_ours(tmp_path):
    ours, theirs, text = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"
    ours.write_bytes(encode_png(PICTURE, label_keyframe(VIDEO, KEYFRAME)))
    cv2.imwrite(str(theirs), PICTURE)
    text.write_bytes(b"no picture")
    others = theirs, text, tmp_path, tmp_path / "missing.png"
    assert [is_ours(path) for path in (ours, *others)] == [True, False, False, False, False]


def test_an_empty_picture_is_what_is_left_of_ours(tmp_path):
    path = tmp_path / "a.png"
    assert not is_there(path)
    path.touch()
    assert not is_there(path)
    assert is_ours(path)


@pytest.mark.usefixtures("on_windows")
def test_ours_are_removed_but_those_that_another_program_shows(tmp_path):
    ours, shown, theirs, absent = (tmp_path / f"{n}.png" for n in range(4))
    for path in (ours, shown):
        path.write_bytes(encode_png(PICTURE, {"Software": "keyframes"}))
    theirs.write_bytes(encode_png(PICTURE, {}))
    with shown.open("rb"):
        assert remove_ours([ours, shown, theirs, absent]) == [shown]
    assert sorted(tmp_path.iterdir()) == [shown, theirs]


def test_the_size_of_a_png_is_told_from_its_header(tmp_path):
    png, text = tmp_path / "a.png", tmp_path / "b.png"
    png.write_bytes(encode_png(PICTURE, label_keyframe(VIDEO, KEYFRAME)))
    assert png_size(png) == (20, 12)
    for content in (
        b"",
        b"no picture, but as long as the header of a PNG is",
        png.read_bytes()[:20],
    ):
        text.write_bytes(content)
        with pytest.raises(OutputError, match=r"b\.png: is no PNG"):
            png_size(text)


def test_write_images_keeps_order(tmp_path):
    pictures = [np.full((10, 10, 3), value, np.uint8) for value in range(9)]
    items = [(tmp_path / f"{i}.png", picture, {}) for i, picture in enumerate(pictures)]
    done = list(write_images(iter(items), threads=3))
    assert done == [path for path, _, _ in items]
    for i, path in enumerate(done):
        written = cv2.imread(str(path))
        assert written.shape == (10, 10, 3)
        assert (written == i).all()


def test_failing_write_is_raised_and_nothing_half_written_stays(tmp_path):
    missing = tmp_path / "gone" / "a.png"
    with pytest.raises(Exception, match="can't be written"):
        list(write_images([(missing, PICTURE, {})]))
    assert not list(tmp_path.rglob("*"))


def test_what_is_no_whole_picture_is_none(tmp_path):
    path = tmp_path / "a.png"
    assert read_picture(path) is None
    for length in (0, 3, 60):
        path.write_bytes(encode_png(PICTURE, {})[:length])
        assert read_picture(path) is None
