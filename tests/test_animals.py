import numpy as np
import pytest

from drawn_animals import LENGTH, draw_arena, draw_recording, wander
from keyframes.animals import (
    MIN_SAMPLE,
    PLACE_UNIT,
    Gate,
    _spread,
    describe_animals,
    learn_animals,
)


@pytest.fixture(scope="module")
def pair():
    """Two animals in 80 frames: (frames, poses)."""
    poses = wander(80, n_animals=2, seed=1)
    return draw_recording(poses), poses


def describe(frames, block=16):
    model, gate = learn_animals(frames)
    assert gate.is_open, gate
    blocks = (frames[start : start + block] for start in range(0, len(frames), block))
    return describe_animals(blocks, model), model


def test_animals_are_found_where_they_are_and_heading_where_they_head(pair):
    frames, poses = pair
    animals, model = describe(frames)
    assert model.count == 2
    # The tail is thin, and weighs little in the measure of length.
    assert 0.6 * LENGTH < model.length < 1.1 * LENGTH
    assert animals.frames.tolist() == [frame for frame in range(80) for _ in range(2)]
    agreement = []
    for frame, (x, y, cosine, sine) in zip(animals.frames, animals.places, strict=True):
        middle = np.array([x, y]) * PLACE_UNIT * model.length
        gaps = [np.hypot(*(middle - pose[:2])) for pose in poses[frame]]
        # The head is thicker, so the middle of the area lies before the middle of the spine.
        assert min(gaps) < 0.2 * LENGTH
        angle = poses[frame][int(np.argmin(gaps))][2]
        agreement.append(cosine * np.cos(angle) + sine * np.sin(angle))
    # Head or tail first, but all the same way.
    agreement = np.array(agreement) * np.sign(np.median(agreement))
    assert np.mean(agreement > 0.8) > 0.97


def test_posture_is_the_bend_and_not_the_place(pair):
    frames, poses = pair
    animals, _ = describe(frames)
    bends = []
    for frame, (x, _, _, _) in zip(animals.frames, animals.places, strict=True):
        left = x == animals.places[animals.frames == frame, 0].min()
        bends.append(poses[frame][0 if left else 1][3])
    bends = np.array(bends)
    nearest = []
    for row, posture in enumerate(animals.postures):
        distances = np.linalg.norm(animals.postures - posture, axis=1)
        distances[row] = np.inf
        nearest.append(abs(bends[distances.argmin()] - bends[row]))
    random = np.abs(np.subtract.outer(bends, bends)).mean()
    assert np.mean(nearest) < 0.2 * random


def test_blocks_may_be_cut_anywhere(pair):
    frames, _ = pair
    one, model = describe(frames)
    other = describe_animals([frames[:1], frames[1:50], frames[50:]], model)
    assert (one.frames == other.frames).all()
    np.testing.assert_array_equal(one.places, other.places)
    np.testing.assert_allclose(one.postures, other.postures, rtol=1e-5, atol=1e-5)


def test_frames_without_animals_and_with_too_many():
    poses = wander(60, n_animals=2, seed=2)
    poses[7] = []
    poses[8] = poses[8][:1]
    poses[9] = wander(1, n_animals=3, seed=3)[0]
    frames = draw_recording(poses)
    animals, model = describe(frames, block=1)
    counts = np.bincount(animals.frames, minlength=60)
    assert counts[7:10].tolist() == [0, 1, 2]
    assert model.count == 2
    assert (counts == 2).sum() >= 56


def test_what_looks_least_like_an_animal_is_left_out():
    poses = wander(60, n_animals=2, seed=4)
    frames = draw_recording([animals[:1] for animals in poses])
    for picture, animals in zip(frames[::6], poses[::6], strict=True):
        x, y = (int(v) for v in animals[1][:2])
        picture[y - 12 : y + 12, x - 12 : x + 12] = 40  # a box where the other animal was
    animals, model = describe(frames)
    assert animals.frames.tolist() == list(range(60))
    assert (animals.places[:, 0] * PLACE_UNIT * model.length < 96).all()


def panned(n, seed=0):
    """Two animals seen by a camera that moves over the arena."""
    rng = np.random.default_rng(seed)
    arena = np.clip(draw_arena(400, 500) + rng.normal(0, 25, (400, 500)), 0, 255)
    frames = draw_recording(wander(n, n_animals=2, seed=seed))
    shown = frames < 90
    places = rng.integers(0, [400 - frames.shape[1], 500 - frames.shape[2]], (n, 2))
    windows = [arena[y : y + frames.shape[1], x : x + frames.shape[2]] for y, x in places]
    return np.where(shown, frames, np.stack(windows)).astype(np.uint8)


def shaken(frames, seed=0):
    shifts = np.random.default_rng(seed).integers(-12, 13, (len(frames), 2))
    return np.stack([np.roll(f, s, axis=(0, 1)) for f, s in zip(frames, shifts, strict=True)])


def striped(n):
    """Blobs of no lasting shape, as parts of a body seen from near by are."""
    rng = np.random.default_rng(5)
    frames = np.full((n, 144, 192), 180, np.uint8)
    for picture in frames:
        x, y = rng.integers(30, 110, 2)
        width, height = rng.integers(8, 60, 2)
        picture[y : y + height, x : x + width] = 40
        picture[y : y + height : 3 + rng.integers(9)] = 90
    return frames


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(panned(60), id="moving camera"),
        pytest.param(shaken(draw_recording([[]] * 60)), id="shaking camera"),
        pytest.param(striped(60), id="no lasting shape"),
        pytest.param(draw_recording([[]] * 40), id="empty arena"),
        pytest.param(draw_recording([[(90, 70, 0.5, 0.3)]] * 40), id="resting animal"),
        pytest.param(np.zeros((40, 64, 64), np.uint8), id="black"),
        pytest.param(draw_recording([[(90, 70, 0.5, 0.3)]]), id="one frame"),
        pytest.param(draw_recording(wander(MIN_SAMPLE - 1)), id="too few frames"),
        pytest.param(np.random.default_rng(0).integers(0, 256, (40, 64, 64), np.uint8), id="snow"),
        pytest.param(np.zeros((40, 1, 1), np.uint8), id="one pixel"),
    ],
)
def test_the_gate_is_shut_where_animals_cannot_be_told_apart(frames):
    model, gate = learn_animals(frames)
    assert model is None
    assert not gate.is_open


@pytest.mark.parametrize("n_animals", [1, 2, 3])
@pytest.mark.parametrize("value", [40, 250])
def test_the_gate_is_open_for_animals_in_a_still_arena(n_animals, value):
    frames = draw_recording(
        wander(50, n_animals=n_animals, seed=6, width=240), value=value, width=240
    )
    model, gate = learn_animals(frames)
    assert gate.is_open, gate
    assert gate.count == model.count == n_animals


UNTESTED = "that the camera stands still is not tested"


def test_the_gate_gives_its_reason():
    good = {"count": 2, "share": 0.9, "spread": 0.25, "n_frames": 150}
    reasons = {
        Gate(**{**good, **figure}).reason
        for figure in ({"n_frames": 3}, {"count": 0}, {"share": 0.5}, {"spread": 0.5}, {})
    }
    assert len(reasons) == 5
    assert Gate(**good).is_open
    assert "as many in 90% of 150 frames" in Gate(**good).reason
    assert not any("stands still" in reason.replace(UNTESTED, "") for reason in reasons)
    assert not Gate(**{**good, "count": 8}).is_open
    record = Gate(0, 1.0, np.inf, 40).as_record()
    assert record["open"] is False
    assert record["posture_spread"] is None
    assert record["reason"].startswith("nothing that moves")


def test_postures_that_have_no_mean_shut_the_gate():
    spread = _spread(np.array([[1, -1], [-1, 1]], np.float32))
    assert spread == np.inf
    assert Gate(2, 1.0, spread, 150).reason.startswith("what moves looks too different")
