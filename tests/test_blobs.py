import numpy as np
import pytest

from drawn_animals import draw_recording, wander
from keyframes.blobs import (
    MAX_BLOBS,
    find_blobs,
    learn_scene,
    separate,
    single_animals,
    typical_size,
)


def disc(picture, x, y, radius, value=200):
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    picture[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = value


def bar(picture, x, y, angle, *, length, width, value=200):
    """A rectangle around (x, y), its long side at `angle`."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
    across = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
    picture[(np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)] = value


@pytest.mark.parametrize(("value", "sign"), [(40, -1), (250, 1)])
def test_the_scene_is_learned_without_the_animals(value, sign):
    frames = draw_recording(wander(60), value=value)
    scene = learn_scene(frames)
    empty = draw_recording([[]], noise=0)[0]
    assert scene.sign == sign
    assert np.abs(scene.background.astype(int) - empty).mean() < 4
    assert 8 <= scene.threshold < 100


def test_an_animal_that_rests_for_half_the_time_is_no_background():
    poses = wander(30) + [[(60, 70, 0.3, 0.0)]] * 28
    scene = learn_scene(draw_recording(poses))
    empty = draw_recording([[]], noise=0)[0]
    assert abs(int(scene.background[70, 60]) - int(empty[70, 60])) < 10


@pytest.mark.parametrize("frames", [1, 2, 40])
def test_where_nothing_moves_nothing_stands_out(frames):
    recording = draw_recording([[]] * frames)
    scene = learn_scene(recording)
    assert find_blobs(scene.foreground(recording[0]), scene.threshold) == []


def test_only_the_animals_way_of_differing_counts():
    scene = learn_scene(draw_recording(wander(60)))
    brighter = np.full_like(scene.background, 255)
    assert not scene.foreground(brighter).any()
    assert scene.foreground(np.zeros_like(brighter)).any()


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, np.pi / 2, -0.9])
def test_a_bar_is_measured(angle):
    picture = np.zeros((100, 140), np.uint8)
    bar(picture, 61, 48, angle, length=50, width=12)
    (blob,) = find_blobs(picture, 100)
    assert blob.middle == pytest.approx((61, 48), abs=0.3)
    # Four standard deviations of a uniform distribution; the blur rounds the corners.
    assert blob.length == pytest.approx(4 * 50 / np.sqrt(12), rel=0.05)
    turn = (blob.angle - angle + np.pi / 2) % np.pi - np.pi / 2
    assert abs(turn) < 0.04


def test_the_largest_blobs_come_first_and_specks_are_wiped_away():
    picture = np.zeros((100, 300), np.uint8)
    picture[5, 5] = picture[90, 9] = 255
    for number in range(10):
        disc(picture, 20 + 28 * number, 50, radius=3 + number % 5)
    blobs = find_blobs(picture, 100)
    sizes = [len(blob.pixels) for blob in blobs]
    assert len(blobs) == MAX_BLOBS
    assert sizes == sorted(sizes, reverse=True)
    # Equal ones from left to right.
    assert [round(blob.middle[0]) for blob in blobs[:4]] == [132, 272, 104, 244]


def test_the_typical_size_is_the_animals_not_the_noises():
    picture = np.zeros((100, 300), np.uint8)
    for x in (30, 80, 130):
        disc(picture, x, 50, radius=12)
    for x in range(170, 290, 20):
        disc(picture, x, 50, radius=3)
    area, length = typical_size(find_blobs(picture, 100))
    assert area == pytest.approx(np.pi * 12**2, rel=0.1)
    assert length == pytest.approx(2 * 12, rel=0.1)


def test_touching_animals_are_cut_apart_and_noise_left_out():
    picture = np.zeros((120, 200), np.uint8)
    bar(picture, 60, 60, 0.5, length=40, width=12)
    bar(picture, 60 + 38 * np.cos(0.5), 60 + 38 * np.sin(0.5), 0.5, length=40, width=12)
    disc(picture, 150, 30, radius=4)
    blobs = find_blobs(picture, 100)
    assert len(blobs) == 2
    first, second = single_animals(blobs, area=40 * 12)
    assert first.middle == pytest.approx((60, 60), abs=3)
    assert second.middle == pytest.approx((60 + 33, 60 + 18), abs=3)
    assert len(first.pixels) + len(second.pixels) == len(blobs[0].pixels)


def test_separated_pictures_show_one_animal_each():
    picture = np.zeros((80, 160), np.uint8)
    disc(picture, 40, 40, radius=15, value=200)
    disc(picture, 110, 40, radius=12, value=220)
    blobs = find_blobs(picture, 100)
    left, right = separate(picture, blobs)
    assert left.max() == 200
    assert right.max() == 220
    assert (np.maximum(left, right) == picture).all()
    assert next(iter(separate(picture, blobs[:1]))) is picture
