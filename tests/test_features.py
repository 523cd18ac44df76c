import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from factories import VIDEO
from keyframes import features
from keyframes.errors import SettingsError
from keyframes.features import (
    FEATURES,
    LIGHT_LEVELS,
    Hog,
    colour_pixels,
    compute_features,
    even_out,
    find_blank,
    gray_pixels,
    measure_sharpness,
    median_background,
    shrink_block,
)
from keyframes.records import Reading
from keyframes.thumbnails import ThumbnailStore

# The square root magnifies float32 rounding of shares near zero: 40 * 2**-24 becomes 0.002.
HOG_TOLERANCE = 0.01


def reading_of(n):
    rows = np.arange(n)
    return Reading(VIDEO, rows, rows / 30, np.zeros(n, np.uint32))


def compute(name, thumbnails, **settings):
    with ThumbnailStore() as store:
        for thumbnail in thumbnails:
            store.append(thumbnail)
        return compute_features(name, store, reading_of(len(thumbnails)), **settings)


def describe_hog(frames, background):
    return Hog(background)(frames)


def centred(values):
    return values - values.mean(axis=0)


def scene(n, shape=(48, 64), seed=0):
    """Return n noisy pictures of a still scene with a bright animal that moves about."""
    rng = np.random.default_rng(seed)
    still = cv2.GaussianBlur(rng.integers(0, 200, shape, np.uint8), (7, 7), 2)
    frames = still[np.newaxis].repeat(n, axis=0)
    for frame in frames:
        centre = (int(rng.integers(shape[1])), int(rng.integers(shape[0])))
        cv2.ellipse(frame, centre, (9, 4), rng.uniform(0, 180), 0, 360, 240, -1)
    return frames + rng.integers(0, 3, frames.shape, np.uint8)


def reference_hog(frame, background):
    """Return what describe_hog says of one frame, pixel by pixel, with angles."""
    height, width = frame.shape
    pixels, step = frame.astype(int), math.pi / 8
    sums = np.zeros((8, math.ceil(height / 8), math.ceil(width / 8)))
    for y in range(height):
        for x in range(width):
            across = pixels[y, min(x + 1, width - 1)] - pixels[y, max(x - 1, 0)]
            down = pixels[min(y + 1, height - 1), x] - pixels[max(y - 1, 0), x]
            difference = abs(pixels[y, x] - int(background[y, x]))
            weight = min(max(difference - 4, 0) / 12, 1)
            angle = math.atan2(down, across) % math.pi
            nearest = int(angle / step)
            beyond = angle - nearest * step
            for k, away in ((nearest, beyond), (nearest + 1, step - beyond)):
                share = math.sin(step - away) / math.sin(step)
                sums[k % 8, y // 8, x // 8] += weight * math.hypot(across, down) * share
    return np.sqrt(sums / 64).ravel()


pictures = arrays.arrays(np.uint8, st.tuples(st.just(2), st.integers(1, 19), st.integers(1, 19)))


@settings(max_examples=40, deadline=None)
@given(pictures)
def test_hog_is_what_the_slow_reference_says(pair):
    frame, background = pair
    np.testing.assert_allclose(
        describe_hog(frame[np.newaxis], background)[0],
        reference_hog(frame, background),
        atol=HOG_TOLERANCE,
    )


@pytest.mark.parametrize("shape", [(36, 64), (64, 36), (4, 64), (1, 64), (64, 1), (1, 1), (9, 7)])
def test_hog_of_a_scene_is_what_the_slow_reference_says_in_every_shape(shape):
    frames = scene(3, shape)
    background = median_background(scene(9, shape))
    expected = [reference_hog(frame, background) for frame in frames]
    np.testing.assert_allclose(describe_hog(frames, background), expected, atol=HOG_TOLERANCE)


@pytest.mark.parametrize("orientation", range(8))
def test_an_edge_at_each_of_the_orientations_counts_for_it_alone(orientation):
    angle = orientation * np.pi / 8
    y, x = np.mgrid[:24, :24] - 11.5
    ramp = (128 + 7 * (x * np.cos(angle) + y * np.sin(angle))).round().astype(np.uint8)
    middle = describe_hog(ramp[np.newaxis], np.zeros_like(ramp)).reshape(8, 3, 3)[:, 1, 1] ** 2
    # A pixel's neighbours lie 2 apart; rounding to gray levels turns the gradient a little.
    assert middle[orientation] == pytest.approx(14, rel=0.1)
    assert np.delete(middle, orientation).max() < 1


def test_the_weight_grows_with_the_difference_from_the_background_beyond_noise_up_to_a_limit():
    frame = np.tile(np.arange(100, 132, 4, dtype=np.uint8), (8, 1))
    energy = [
        (describe_hog(frame[np.newaxis], frame - np.uint8(difference)) ** 2).sum()
        for difference in (0, 4, 7, 10, 16, 60)
    ]
    np.testing.assert_allclose(np.array(energy) / energy[4], [0, 0, 0.25, 0.5, 1, 1], rtol=1e-5)


def test_only_what_differs_from_the_background_is_seen():
    frames = scene(20)
    background = median_background(frames)
    frame = background.copy()
    frame[16:24, 32:40] = 255
    described = describe_hog(np.stack([background, frame]), background).reshape(2, 8, 6, 8)
    assert not described[0].any()
    assert set(zip(*np.nonzero(described[1].max(axis=0)), strict=True)) == {(2, 4)}


@pytest.mark.parametrize("change", [lambda x: x + np.uint8(40), lambda x: 255 - x])
def test_hog_ignores_a_brightness_offset_and_a_negative_of_the_whole_video(change):
    frames = scene(5) // np.uint8(2)
    background = median_background(frames)
    np.testing.assert_array_equal(
        describe_hog(change(frames), change(background)), describe_hog(frames, background)
    )


def test_a_still_scene_looks_the_same_whatever_its_noise():
    rng = np.random.default_rng(4)
    still = scene(1)[0].clip(4, 251)
    frames = still + rng.integers(-4, 5, (30, *still.shape)).astype(np.uint8)  # wraps round
    assert not describe_hog(frames, still).any()


def in_light(frames, times):
    """Return frames as a lamp lights them that is so many times as bright."""
    return np.clip(np.rint(frames * np.reshape(times, (-1, 1, 1))), 0, 255).astype(np.uint8)


class TestEvenOut:
    def test_pictures_get_the_light_of_the_background(self):
        frames = scene(20) // np.uint8(2)
        background = median_background(frames)
        even = even_out(in_light(frames, np.linspace(0.7, 1.4, 20)), background)
        assert np.abs(even.astype(int) - frames).mean() < 1
        # By so little, or but for rounding, the light is the same.
        assert np.abs(even.mean(axis=(1, 2)) - frames.mean(axis=(1, 2))).max() < LIGHT_LEVELS + 0.5

    def test_light_is_counted_from_black_which_is_16_in_most_video(self):
        frames = scene(20) // np.uint8(4)
        frames[:, :, 24:] = 0
        background = median_background(frames) + np.uint8(16)
        even = even_out(in_light(frames, np.linspace(0.7, 1.4, 20)) + np.uint8(16), background)
        assert np.abs(even.astype(int) - 16 - frames).mean() < 1

    def test_in_the_same_light_all_stays_though_large_animals_come(self):
        frames = scene(20)
        frames[10:, :, :20] = 250
        assert np.ptp(frames.mean(axis=(1, 2))) > 10
        assert even_out(frames, median_background(frames[:10])).tobytes() == frames.tobytes()

    def test_what_is_black_in_the_background_tells_nothing(self):
        frames = scene(9)
        frames[:, :, 24:] = 0
        even = even_out(in_light(frames, np.full(9, 0.9)), median_background(frames))
        assert np.abs(even.astype(int) - frames).mean() < 1

    def test_a_lamp_in_the_dark_tells_nothing(self):
        rng = np.random.default_rng(0)
        frames = rng.integers(4, 9, (9, 48, 64)).astype(np.uint8)
        frames[:, 2:12, 2:12] = 200
        background = median_background(frames)
        frames[4:, 2:12, 2:12] = 6
        assert even_out(frames, background) is frames

    def test_night_and_glare_are_not_made_up_for(self):
        background = np.full((8, 8), 116, np.uint8)  # 100 above black
        values = [20, 16, 0, 250]
        even = [even_out(np.full((1, 8, 8), value, np.uint8), background) for value in values]
        assert [np.unique(each).tolist() for each in even] == [[24], [16], [0], [133]]

    def test_given_pictures_stay_as_they_are(self):
        frames = in_light(scene(3), 0.5)
        before = frames.copy()
        assert even_out(frames, median_background(scene(9))) is not frames
        np.testing.assert_array_equal(frames, before)


def test_a_flickering_lamp_hardly_changes_what_is_seen():
    steady = scene(60) // np.uint8(2)
    flickering = in_light(steady, 1 + 0.2 * np.sin(np.arange(60)))
    computed = compute("hog", steady).values
    apart = np.linalg.norm(compute("hog", flickering).values - computed, axis=1)
    assert np.median(apart) < 0.25 * np.median(np.linalg.norm(computed, axis=1))


def test_mirroring_the_picture_mirrors_cells_and_orientations():
    frames = scene(4)
    background = median_background(frames)
    described = describe_hog(frames, background).reshape(4, 8, 6, 8)
    mirrored = describe_hog(frames[:, :, ::-1], background[:, ::-1]).reshape(4, 8, 6, 8)
    opposite = (8 - np.arange(8)) % 8
    np.testing.assert_allclose(mirrored, described[:, opposite, :, ::-1], atol=HOG_TOLERANCE)


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("cut", [1, 2, 7])
def test_a_row_does_not_depend_on_the_block_it_came_in(name, cut):
    frames = scene(9)
    if name == "colour":
        frames = np.stack([frames, frames // 2, 255 - frames], axis=-1)
    describe = FEATURES[name](median_background(frames))
    parts = [describe(frames[start : start + cut]) for start in range(0, len(frames), cut)]
    # Not to the last bit everywhere: the ends of a long run may be rounded otherwise.
    np.testing.assert_allclose(np.concatenate(parts), describe(frames), atol=HOG_TOLERANCE)


def test_the_result_does_not_depend_on_the_number_of_threads():
    frames = scene(60)
    n_threads = cv2.getNumThreads()
    results = []
    try:
        for n in (1, 4):
            cv2.setNumThreads(n)
            results.append(compute("hog", frames, size=40))
    finally:
        cv2.setNumThreads(n_threads)
    np.testing.assert_array_equal(results[0].values, results[1].values)
    np.testing.assert_array_equal(results[0].sharpness, results[1].sharpness)


def test_compute_features_puts_every_block_in_its_place():
    frames = scene(100)
    background = median_background(frames)
    computed = compute("hog", frames)
    assert computed.values.dtype == np.float32
    assert computed.values.shape == (100, 8 * 6 * 8)
    np.testing.assert_allclose(
        computed.values, centred(describe_hog(frames, background)), atol=1e-5
    )
    np.testing.assert_allclose(computed.values.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_array_equal(computed.sharpness, measure_sharpness(frames))


def test_gray_and_colour_are_the_pixels_without_their_mean():
    frames = scene(3)
    colours = np.stack([frames, frames // 2, frames // 3], axis=-1)
    for name, thumbnails in (("gray", frames), ("colour", colours)):
        values = compute(name, thumbnails).values
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, centred(thumbnails.reshape(3, -1)), atol=1e-4)


def test_gray_features_of_colour_thumbnails_see_their_luma():
    frames = scene(40)
    colours = np.repeat(frames[..., np.newaxis], 3, axis=-1)
    for name in ("hog", "gray"):
        np.testing.assert_array_equal(compute(name, colours).values, compute(name, frames).values)
    blue = np.zeros((1, 2, 2, 3), np.uint8)
    blue[..., 0] = 255
    np.testing.assert_array_equal(gray_pixels(blue[0])(blue), [[29] * 4])


def test_colour_of_gray_thumbnails_is_refused():
    with pytest.raises(SettingsError, match="colour"):
        compute("colour", scene(2))


@pytest.mark.parametrize("size", [0, -1, 2.5])
def test_a_size_of_no_pixels_is_refused(size):
    with pytest.raises(SettingsError, match="size must be a whole number of at least 1"):
        compute("gray", scene(3), size=size)


def test_a_feature_that_there_is_not_is_refused():
    with (
        ThumbnailStore() as store,
        pytest.raises(SettingsError, match="one of hog, gray, colour; got 'hogg'"),
    ):
        compute_features("hogg", store, None)


@pytest.mark.parametrize("n", [0, 3])
def test_as_many_thumbnails_as_candidates_are_needed(n):
    with ThumbnailStore() as store:
        for thumbnail in scene(n):
            store.append(thumbnail)
        with pytest.raises(ValueError, match=f"{n} thumbnails"):
            compute_features("hog", store, reading_of(n and n + 1))


def test_larger_thumbnails_are_area_averaged_to_the_size():
    small = scene(3, (24, 32))
    large = small.repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_array_equal(shrink_block(large, 32), small)
    np.testing.assert_array_equal(
        compute("gray", large, size=32).values, compute("gray", small).values
    )
    assert compute("hog", large).values.shape == (3, 8 * 6 * 8)


def test_the_background_is_the_median_of_thumbnails_spread_over_the_video(monkeypatch):
    monkeypatch.setattr(features, "N_BACKGROUND", 5)
    seen = []
    monkeypatch.setitem(
        FEATURES, "gray", lambda scene: seen.append(scene) or (lambda b: b[:, 0] * 1.0)
    )
    compute("gray", np.arange(41, dtype=np.uint8)[:, np.newaxis, np.newaxis].repeat(2, axis=2))
    np.testing.assert_array_equal(seen[0], [[20, 20]])
    frames = scene(41)
    compute("gray", frames)
    np.testing.assert_array_equal(seen[-1], np.median(frames[[0, 10, 20, 30, 40]], axis=0))


def test_a_picture_is_blank_if_it_is_constant_but_for_noise():
    frames = scene(4)
    frames[1] = 0
    frames[2] = 128 + np.random.default_rng(0).integers(0, 5, frames[2].shape, np.uint8)
    frames[3] = 90
    frames[3, 10, 10] = 95
    np.testing.assert_array_equal(find_blank(frames), [False, True, True, False])
    np.testing.assert_array_equal(compute("hog", frames).blank, [False, True, True, False])


def test_sharpness_falls_as_the_animal_blurs():
    frames = scene(5)
    kernel = np.full((1, 5), 1 / 5)
    blurred = np.stack([cv2.filter2D(frame, -1, kernel) for frame in frames])
    assert (measure_sharpness(blurred) < 0.5 * measure_sharpness(frames)).all()


def test_sharpness_is_the_energy_of_the_laplacian():
    frame = np.zeros((1, 5, 5), np.uint8)
    frame[0, 2, 2] = 10
    np.testing.assert_array_equal(measure_sharpness(frame), [40**2 + 4 * 10**2])
    assert measure_sharpness(np.full((1, 5, 5), 7, np.uint8)) == 0


def test_describe_colour_lists_channels_last():
    block = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    np.testing.assert_array_equal(colour_pixels(block[0])(block), [range(12)])
