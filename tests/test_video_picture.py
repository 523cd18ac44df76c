"""Thumbnails and full images: colours, sizes, crops."""

import sys

import av
import cv2
import numpy as np
import pytest
from av.sidedata.sidedata import Type
from hypothesis import given, settings
from hypothesis import strategies as st

from footage import numbered_picture
from keyframes.errors import SettingsError
from keyframes.records import Crop, ThumbnailSpec
from keyframes.video import index_video, read_thumbnails
from keyframes.video.picture import Stance, checksum, full_image, thumbnail


def frame_of(picture, pixel_format="yuv420p"):
    return av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=pixel_format)


def photo(width, height):
    """A picture with coarse and fine structure."""
    random = np.random.default_rng(3)
    coarse = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.add(picture, random.integers(0, 40, picture.shape, dtype=np.uint8))


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (722, 406), (406, 720), (100, 30)])
def test_thumbnails_are_within_a_percent_of_area_averaging(size):
    frame = frame_of(photo(*size))
    small = thumbnail(frame, ThumbnailSpec(size=64))
    assert max(small.shape) == 64
    luma = frame.to_ndarray()[: size[1]]
    expected = cv2.resize(luma, small.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected).mean() < 2.55


@pytest.mark.parametrize(
    "pixel_format",
    ["yuv420p", "yuv422p", "yuv444p", "yuvj420p", "gray", "nv12", "yuv420p10le", "bgr24", "rgb24"],
)
def test_every_pixel_format_gives_the_same_gray_picture(pixel_format):
    picture = photo(320, 240)
    small = thumbnail(frame_of(picture, pixel_format), ThumbnailSpec(size=32)).astype(int)
    expected = thumbnail(frame_of(picture, "gray"), ThumbnailSpec(size=32)).astype(int)
    # Limited and full range differ by a straight line.
    assert np.corrcoef(small.ravel(), expected.ravel())[0, 1] > 0.995


def test_the_luma_beside_the_visible_picture_is_never_seen():
    frame = av.VideoFrame(101, 67, "yuv420p")
    plane = frame.planes[0]
    padded = np.full((67, plane.line_size), 255, np.uint8)
    padded[:, :101] = 50
    plane.update(padded.tobytes())
    assert (thumbnail(frame, ThumbnailSpec(size=16)) == 50).all()


def test_colour_thumbnails_are_bgr():
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[:, 80:] = (200, 30, 40)
    small = thumbnail(frame_of(picture, "yuv444p"), ThumbnailSpec(size=16, colour=True))
    assert small.shape == (12, 16, 3)
    np.testing.assert_allclose(small[6, 14], (200, 30, 40), atol=5)
    np.testing.assert_allclose(small[6, 1], (0, 0, 0), atol=5)


def test_a_small_frame_stays_as_it_is():
    frame = frame_of(numbered_picture(5), "gray")
    np.testing.assert_array_equal(thumbnail(frame, ThumbnailSpec(size=96)), frame.to_ndarray())


@given(
    x=st.tuples(st.integers(0, 95), st.integers(1, 96)).filter(lambda pair: pair[0] < pair[1]),
    y=st.tuples(st.integers(0, 63), st.integers(1, 64)).filter(lambda pair: pair[0] < pair[1]),
)
@settings(max_examples=40)
def test_a_crop_is_that_part_of_the_frame(x, y):
    frame = frame_of(photo(96, 64), "gray")
    spec = ThumbnailSpec(size=96, crop=Crop(x[0], y[0], x[1], y[1]))
    expected = frame.to_ndarray()[y[0] : y[1], x[0] : x[1]]
    np.testing.assert_array_equal(thumbnail(frame, spec), expected)


@pytest.mark.parametrize(
    "crop",
    [Crop(0, 0, 97, 64), Crop(-1, 0, 50, 50), Crop(50, 0, 50, 64), Crop(0, 60, 96, 30)],
)
def test_a_crop_outside_the_frame_is_refused(crop, make_video, tmp_path):
    index = index_video(make_video(tmp_path / "v.mp4", n_frames=2))
    with pytest.raises(SettingsError, match="96x64 pixels"):
        read_thumbnails(index, ThumbnailSpec(crop=crop), lambda _: None)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("colour", [False, True])
def test_a_crop_of_a_turned_frame_is_given_in_upright_pixels(colour, mirrored, monkeypatch):
    frame = frame_of(photo(96, 64), "yuv444p")
    monkeypatch.setattr("keyframes.video.picture.stance", lambda _: Stance(mirrored, 1))
    whole = thumbnail(frame, ThumbnailSpec(size=96, colour=colour))
    part = thumbnail(frame, ThumbnailSpec(size=96, colour=colour, crop=Crop(3, 20, 40, 90)))
    assert whole.shape[:2] == (96, 64)
    np.testing.assert_array_equal(part, whole[20:90, 3:40])


@pytest.mark.parametrize(
    ("name", "matrix", "full_range"),
    [("bt709", 1, False), ("bt601", 5, False), ("bt709 full", 1, True), ("bt601 full", 5, True)],
)
def test_full_images_have_the_colours_that_the_file_declares(name, matrix, full_range):
    red, green, blue = 200, 60, 30
    weight_red, weight_blue = {1: (0.2126, 0.0722), 5: (0.299, 0.114)}[matrix]
    luma = weight_red * red + (1 - weight_red - weight_blue) * green + weight_blue * blue
    chroma_blue = (blue - luma) / (2 * (1 - weight_blue))
    chroma_red = (red - luma) / (2 * (1 - weight_red))
    scale = (1, 1) if full_range else (219 / 255, 224 / 255)
    planes = (
        luma * scale[0] + (0 if full_range else 16),
        chroma_blue * scale[1] + 128,
        chroma_red * scale[1] + 128,
    )
    frame = av.VideoFrame(64, 48, "yuv444p")
    for plane, value in zip(frame.planes, planes, strict=True):
        plane.update(bytes([round(value)]) * plane.buffer_size)
    frame.colorspace, frame.color_range = matrix, 2 if full_range else 1
    np.testing.assert_allclose(full_image(frame)[20, 20], (blue, green, red), atol=3, err_msg=name)


def test_images_are_contiguous_and_checksums_tell_them_apart():
    frame = frame_of(photo(96, 64))
    image = full_image(frame)
    assert image.flags.c_contiguous
    assert image.dtype == np.uint8
    changed = image.copy()
    changed[3, 4, 1] ^= 1
    assert checksum(image) != checksum(changed)


def test_a_frame_is_gone_as_soon_as_its_pictures_are_made():
    frame = frame_of(photo(96, 64))
    n_references = sys.getrefcount(frame)
    full_image(frame)
    thumbnail(frame, ThumbnailSpec())
    assert sys.getrefcount(frame) == n_references


def test_side_data_without_a_name_is_one_kind_and_what_is_no_number_none():
    assert Type(1234) is Type(1234)
    assert Type(1234) != Type(1235)
    with pytest.raises(ValueError, match="foo"):
        Type("foo")
