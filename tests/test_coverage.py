import json
from contextlib import ExitStack

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from drawn_animals import draw_recording, wander
from factories import make_features
from keyframes import coverage
from keyframes.coverage import choose_for_coverage
from keyframes.features import compute_features
from keyframes.selection import pick_members
from keyframes.thumbnails import ThumbnailStore

N = 90

ANIMAL_COSTS = {"posture": 1.0, "placement": 1.0, "whole frame": 0.5}


@pytest.fixture(scope="module")
def poses():
    """An animal that stays in one corner for most of the time, then wanders."""
    rng = np.random.default_rng(0)
    resting = [
        [(50 + rng.normal(0, 2), 50 + rng.normal(0, 2), rng.normal(0.5, 0.05), 0.2)]
        for _ in range(40)
    ]
    return resting + wander(N - 40, seed=7)


@pytest.fixture(scope="module")
def as_candidates():
    """A function that makes a store of frames, and their features."""
    with ExitStack() as stores:

        def fill(frames):
            store = stores.enter_context(ThumbnailStore())
            for frame in frames:
                store.append(frame)
            reading = make_features(np.zeros(len(frames))).reading
            return store, compute_features("hog", store, reading)

        yield fill


@pytest.fixture(scope="module")
def recording(as_candidates, poses):
    return as_candidates(draw_recording(poses))


NONE = np.array([], np.int64)


def choose(recording, k, seed=0, held=NONE):
    store, features = recording
    rng = np.random.default_rng(seed)
    clustering = choose_for_coverage(store, features, k, rng, held=held)
    return clustering, np.flatnonzero(clustering.distances == 0)


@pytest.mark.parametrize("k", [1, 5, 30, N])
def test_a_cluster_is_what_has_no_nearer_chosen_frame(recording, k):
    clustering, rows = choose(recording, k)
    assert len(rows) == k == clustering.n_clusters
    # Clusters are numbered in the order of their chosen frames.
    assert clustering.labels[rows].tolist() == list(range(k))
    assert clustering.labels.dtype == np.int32
    assert np.isfinite(clustering.distances).all()
    assert pick_members(recording[1], clustering, k, held=NONE).tolist() == rows.tolist()


def place_reach(poses, rows):
    """Mean distance, in pixels, of the animal to where it is in the nearest chosen frame."""
    middles = np.array([animals[0][:2] for animals in poses])
    gaps = np.linalg.norm(middles[:, np.newaxis] - middles[rows], axis=2)
    return gaps.min(axis=1).mean()


def test_the_animals_are_covered_better_than_by_other_choices(recording, poses):
    clustering, rows = choose(recording, 8)
    assert clustering.explanation["costs"] == ANIMAL_COSTS
    evenly = ((np.arange(8) + 0.5) * N / 8).astype(int)
    rng = np.random.default_rng(1)
    random = [place_reach(poses, rng.choice(N, 8, replace=False)) for _ in range(50)]
    assert place_reach(poses, rows) < place_reach(poses, evenly)
    assert place_reach(poses, rows) < np.percentile(random, 5)
    # A rest that takes up nearly half of the time is worth few frames.
    assert 1 <= (rows < 40).sum() <= 3


def test_animals_are_seen_in_light_that_changes(as_candidates, poses):
    brightness = 1 + 0.25 * np.sin(np.arange(N))
    flickering = [
        np.clip(frame * times, 0, 255).astype(np.uint8)
        for frame, times in zip(draw_recording(poses), brightness, strict=True)
    ]
    clustering, rows = choose(as_candidates(flickering), 12)
    assert clustering.explanation["gate"]["open"]
    assert clustering.explanation["gate"]["usual_count"] == 1
    assert place_reach(poses, rows) < 0.8 * place_reach(poses, np.arange(0, N, N // 12)[:12])


def test_distances_are_in_units_of_what_random_frames_leave(recording):
    store, features = recording
    rng = np.random.default_rng(0)
    costs, _ = coverage._find_costs(store, features, np.arange(N))
    _, scales = coverage._choose(costs, np.arange(N), np.arange(N), 8, NONE, rng)
    draws = [np.sort(rng.choice(N, 8, replace=False)) for _ in range(10)]
    random = np.mean([coverage._label(costs, scales, rows, N)[1].mean() for rows in draws])
    # More than 1: here one and the same frame has to do for posture and place.
    assert 1.0 < random < 1.5
    assert choose(recording, 8)[0].distances.mean() < 0.9 * random


def test_two_animals_need_not_be_covered_by_the_same_frame(as_candidates):
    store, features = as_candidates(draw_recording(wander(60, n_animals=2, seed=8)))
    costs, explanation = coverage._find_costs(store, features, np.arange(60))
    assert explanation["gate"]["usual_count"] == 2
    assert len(costs.frames) == 120
    matrix = costs.between(np.arange(60), np.arange(120))
    assert matrix.shape == (60, 3, 120)
    own = matrix[costs.frames, :, np.arange(120)]
    # Single precision: a distance of nothing comes out as a little.
    assert own.max() < 0.05 * np.median(matrix)
    animals = costs._postures
    expected = min(np.linalg.norm(animals[10] - animals[row]) for row in (40, 41))
    assert matrix[20, 0, 10] == pytest.approx(expected, rel=1e-3)
    # The third cost is that of the frames, whichever of its animals a sample is.
    apart = np.linalg.norm(features.values[20] - features.values[costs.frames[10]])
    assert matrix[20, 2, 10] == pytest.approx(apart, rel=1e-3)


def test_the_same_seed_gives_the_same_choice_with_any_number_of_threads(recording):
    before = cv2.getNumThreads()
    outcomes = []
    try:
        for n_threads in (1, 4):
            cv2.setNumThreads(n_threads)
            with threadpool_limits(n_threads):
                outcomes.append(choose(recording, 10)[0])
    finally:
        cv2.setNumThreads(before)
    assert (outcomes[0].labels == outcomes[1].labels).all()
    assert (outcomes[0].distances == outcomes[1].distances).all()


def test_where_no_animals_are_seen_whole_frames_are_compared(as_candidates):
    rng = np.random.default_rng(2)
    frames = draw_recording(wander(40))
    frames = np.stack([np.roll(frame, rng.integers(-15, 16, 2), (0, 1)) for frame in frames])
    store, features = as_candidates(frames)
    clustering, rows = choose((store, features), 5)
    assert clustering.explanation["costs"] == {"whole frame": 1.0}
    assert clustering.explanation["gate"]["open"] is False
    assert "animals seen whole" in clustering.explanation["gate"]["reason"]
    gaps = np.linalg.norm(features.values[:, np.newaxis] - features.values[rows], axis=2)
    np.testing.assert_array_equal(clustering.labels, gaps.argmin(axis=1))


def test_the_explanation_can_be_written_as_json(recording, as_candidates):
    shut = choose(as_candidates(np.zeros((3, 32, 32), np.uint8)), 2)[0].explanation
    for explanation in (choose(recording, 3)[0].explanation, shut):
        text = json.dumps(explanation, allow_nan=False)
        assert json.loads(text) == explanation


def test_blank_frames_are_not_chosen_while_there_are_others(as_candidates, poses):
    frames = draw_recording(poses)
    frames[::3] = 0
    store, features = as_candidates(frames)
    clustering, rows = choose((store, features), 40)
    assert len(rows) == 40
    assert not features.blank[rows].any()
    assert features.blank.sum() == N // 3
    # Blank candidates go with their neighbours in time.
    assert set(clustering.labels[::3]) <= set(clustering.labels[rows])
    assert np.isinf(clustering.distances[::3]).all()
    clustering, rows = choose((store, features), N)
    assert len(rows) == N - N // 3
    assert len(pick_members(features, clustering, N, held=NONE)) == N


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(np.zeros((5, 48, 64), np.uint8), id="black"),
        pytest.param(draw_recording([[(90, 70, 0.5, 0.3)]] * 30, noise=0), id="still"),
        pytest.param(draw_recording([[(90, 70, 0.5, 0.3)]]), id="one frame"),
    ],
)
@pytest.mark.parametrize("k", [1, 4, 30])
def test_recordings_with_little_to_choose_from(as_candidates, frames, k):
    store, features = as_candidates(frames)
    k = min(k, len(frames))
    clustering, _ = choose((store, features), k)
    rows = pick_members(features, clustering, k, held=NONE)
    assert len(set(rows.tolist())) == k
    assert ((clustering.labels >= 0) & (clustering.labels < k)).all()


def test_long_recordings_are_thinned(recording, monkeypatch):
    monkeypatch.setattr(coverage, "MAX_COVERAGE_CANDIDATES", 45)
    monkeypatch.setattr(coverage, "MAX_SAMPLES", 20)
    monkeypatch.setattr(coverage, "MAX_COSTS", 3 * 20 * 30)
    seen = []

    def record_shape(costs, *args, **kwargs):
        seen.append(costs.shape)
        return choose_medoids(costs, *args, **kwargs)

    choose_medoids = coverage.choose_medoids
    monkeypatch.setattr(coverage, "choose_medoids", record_shape)
    clustering, rows = choose(recording, 6)
    assert seen == [(30, 60)]
    assert len(rows) == 6
    assert np.isfinite(clustering.distances).sum() == 45
    # What was left out goes with a neighbour in time.
    left_out = np.flatnonzero(np.isinf(clustering.distances))
    neighbours = clustering.labels[np.clip([left_out - 1, left_out + 1], 0, N - 1)]
    assert (neighbours == clustering.labels[left_out]).any(axis=0).all()


def test_large_colour_thumbnails_serve_as_well(as_candidates, poses):
    frames = draw_recording(poses[30:60])
    large = [cv2.cvtColor(cv2.resize(f, (384, 288)), cv2.COLOR_GRAY2BGR) for f in frames]
    clustering, rows = choose(as_candidates(large), 4)
    assert clustering.explanation["costs"] == ANIMAL_COSTS
    assert len(rows) == 4


def test_held_frames_stay_and_the_others_are_chosen_around_them(recording, poses):
    held = np.array([3, 60, 61])
    clustering, rows = choose(recording, 8, held=held)
    assert len(rows) == 8
    assert set(held) <= set(rows)
    assert clustering.labels[rows].tolist() == list(range(8))
    assert set(choose(recording, 3, held=held)[1]) == set(held)
    rng = np.random.default_rng(1)
    others = np.setdiff1d(np.arange(N), held)
    random = [
        place_reach(poses, np.append(held, rng.choice(others, 5, replace=False))) for _ in range(50)
    ]
    assert place_reach(poses, rows) < np.percentile(random, 5)


def test_held_frames_that_show_nothing_stand_for_themselves(as_candidates, poses):
    frames = draw_recording(poses)
    frames[[10, 70]] = 0
    candidates = as_candidates(frames)
    for k in (2, 6):
        clustering, rows = choose(candidates, k, held=np.array([10, 70]))
        assert {10, 70} <= set(rows)
        # Something has to be there to compare with, even when only blank frames are wanted.
        assert len(rows) == max(k, 3) == clustering.n_clusters
        assert (np.bincount(clustering.labels)[clustering.labels[[10, 70]]] == 1).all()


def test_progress_rises_towards_its_total(recording):
    store, features = recording
    told = []
    rng = np.random.default_rng(0)
    choose_for_coverage(
        store, features, 5, rng, held=NONE, progress=lambda *event: told.append(event)
    )
    done, totals = zip(*told, strict=True)
    assert done == tuple(range(0, N, 64))
    assert len(set(totals)) == 1
    assert totals[0] > N


def test_what_the_matrix_product_warns_of_is_not_said():
    """Some BLAS raise flags for sound numbers; here, a square is too small."""
    values = np.array([[1e-30, 1]], np.float32)
    with np.errstate(all="raise"):
        assert coverage._distances(values, values) == 0
