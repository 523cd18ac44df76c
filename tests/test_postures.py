import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn_animals import draw_animal
from keyframes.blobs import find_blobs
from keyframes.postures import (
    CROP_PIXELS,
    common_heading,
    compare_ends,
    crop_blob,
    describe_crops,
    is_turned,
)

N_CELLS, N_ORIENTATIONS = 4, 8


def crop_of(angle, bend=0.0, middle=(64.0, 64.0), side=60):
    picture = np.zeros((128, 128), np.uint8)
    draw_animal(picture, middle, angle, bend, value=200)
    (blob,) = find_blobs(picture, 60)
    return crop_blob(picture, blob, side), blob.angle


def noise_crops(n=6, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (n, 32, 32), dtype=np.uint8))


@given(angle=st.floats(-3.1, 3.1), x=st.floats(40, 88), y=st.floats(40, 88))
def test_a_crop_is_the_same_wherever_the_animal_is_but_for_a_half_turn(angle, x, y):
    standard, long_axis = crop_of(0.0)
    crop, found = crop_of(angle, middle=(x, y))
    assert crop.shape == (CROP_PIXELS, CROP_PIXELS)
    head_first = np.cos(found - long_axis - angle) > 0
    if not head_first:
        crop = crop[::-1, ::-1]
    assert np.abs(crop.astype(int) - standard).mean() < 8


def test_a_step_falls_into_its_cells_and_its_orientation():
    crop = np.zeros((32, 32), np.uint8)
    crop[:, 12:] = 100  # the gradient lies along x, in the second column of cells
    (histogram,) = describe_crops([crop])
    assert histogram.shape == (N_CELLS, N_CELLS, N_ORIENTATIONS)
    assert (histogram[..., 1:] == 0).all()
    assert (histogram[:, 1, 0] > histogram[:, [0, 2], 0].max(axis=1)).all()
    assert (histogram[:, 3] == 0).all()
    assert histogram[1, 1, 0] == pytest.approx(np.sqrt(2 * 100 / 8), rel=0.1)


def test_an_orientation_between_two_is_shared_and_opposite_ones_are_one():
    ramp = np.add.outer(np.tan(np.pi / 16) * np.arange(32), np.arange(32))
    crops = [np.round(4 * ramp), np.round(4 * ramp[::-1, ::-1])]
    first, second = describe_crops([crop.astype(np.uint8) for crop in crops])
    inner = first[1:3, 1:3]
    np.testing.assert_allclose(inner[..., 0] / inner[..., 1], 1, atol=0.1)
    np.testing.assert_allclose(first[1:3, 1:3], second[1:3, 1:3], rtol=0.05, atol=0.2)


def test_the_histograms_of_a_half_turn_are_the_half_turn_of_the_histograms():
    crops = noise_crops()
    turned = describe_crops([crop[::-1, ::-1] for crop in crops])
    np.testing.assert_allclose(turned, describe_crops(crops)[:, ::-1, ::-1], rtol=1e-3, atol=1e-3)


def test_ends_change_their_sign_with_a_half_turn_and_ignore_a_mirror():
    crops = noise_crops()
    ends = compare_ends(describe_crops(crops))
    turned = compare_ends(describe_crops([crop[::-1, ::-1] for crop in crops]))
    mirrored = compare_ends(describe_crops([crop[::-1] for crop in crops]))
    assert np.abs(ends).max() > 1
    np.testing.assert_allclose(turned, -ends, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(mirrored, ends, rtol=1e-3, atol=1e-3)


def test_heads_are_found_whatever_the_bend():
    rng = np.random.default_rng(3)
    crops, head_is_right = [], []
    for angle, bend in zip(rng.uniform(-3, 3, 40), rng.uniform(-2, 2, 40), strict=True):
        crop, found = crop_of(angle, bend, side=75)
        crops.append(crop)
        head_is_right.append(np.cos(found - angle) > 0)
    ends = compare_ends(describe_crops(crops))
    turned = is_turned(ends, common_heading(ends))
    assert 5 < np.sum(head_is_right) < 35
    # Which way all of them lie in the end is arbitrary.
    assert (turned == head_is_right).all() or (turned != head_is_right).all()


def test_no_crops_have_no_descriptions():
    assert compare_ends(describe_crops([])).shape == (0, N_CELLS * N_CELLS * N_ORIENTATIONS)
