"""Pictures made small."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyframes.records import Crop
from keyframes.resizing import cut, opencv_threads, shrink


def test_a_picture_is_cut_to_the_crop():
    picture = np.arange(70).reshape(7, 10)
    assert cut(picture, None) is picture
    assert cut(picture, Crop(2, 1, 5, 3)).tolist() == [[12, 13, 14], [22, 23, 24]]


def test_small_pictures_stay_as_they_are():
    picture = np.zeros((30, 40, 3), np.uint8)
    assert shrink(picture, 40) is picture
    assert shrink(picture, 400) is picture


@pytest.mark.parametrize(
    ("shape", "longest", "expected"),
    [
        ((480, 640), 64, (48, 64)),
        ((720, 406), 64, (64, 36)),
        ((1, 1000), 10, (1, 10)),
        ((1000, 3, 3), 64, (64, 1, 3)),
    ],
)
def test_the_aspect_is_kept(shape, longest, expected):
    assert shrink(np.zeros(shape, np.uint8), longest).shape == expected


def test_all_pixels_are_averaged():
    checkers = (np.indices((64, 64)).sum(axis=0) % 2 * 200).astype(np.uint8)
    assert np.array_equal(shrink(checkers, 16), np.full((16, 16), 100))


def test_of_very_large_pictures_every_second_row_counts():
    stripes = np.tile(np.array([[0], [200]], np.uint8), (64, 128))
    assert np.array_equal(shrink(stripes, 32), np.full((32, 32), 100))
    assert np.array_equal(shrink(stripes, 16), np.zeros((16, 16)))


@settings(deadline=None, max_examples=30)
@given(height=st.integers(70, 900), width=st.integers(70, 900), seed=st.integers(0, 9))
def test_it_is_close_to_averaging_in_one_step(height, width, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (height // 24 + 2, width // 24 + 2))
    picture = cv2.resize(noise.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    small = shrink(picture, 32)
    direct = cv2.resize(picture, small.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(float) - direct).mean() < 0.08 * 256


@pytest.mark.parametrize("size", [(480, 640), (479, 639), (511, 511), (467, 623), (300, 321)])
def test_noise_is_averaged_alike_everywhere(size):
    # Where one pixel in eight is picked instead, its noise stays.
    noise = np.random.default_rng(0).normal(128, 10, (40, *size))
    small = np.array([shrink(picture, 64) for picture in noise.round().astype(np.uint8)])
    assert small.std(axis=0).max() < 4


def test_colours_stay():
    rows, columns = np.indices((480, 640))
    picture = np.stack([rows * 255 // 480, columns * 255 // 640, 0 * rows], axis=2).astype(np.uint8)
    small = shrink(picture, 285)
    direct = cv2.resize(picture, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - direct).max() <= 2


def test_opencvs_threads_are_left_as_they_were():
    before = cv2.getNumThreads()
    with pytest.raises(KeyError), opencv_threads(1):
        assert cv2.getNumThreads() == 1
        raise KeyError
    assert cv2.getNumThreads() == before
