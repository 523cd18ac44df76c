"""From clusters to keyframes, on arrays small enough to check by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from factories import make_features
from keyframes.errors import SettingsError
from keyframes.records import Clustering
from keyframes.selection import (
    cluster_by_kmeans,
    cluster_by_time,
    describe_keyframes,
    pick_members,
)


def by_labels(features, labels):
    """The clustering with these labels, distances taken from the clusters' means."""
    labels = np.array(labels, np.int32)
    n_clusters = int(labels.max()) + 1
    means = np.array([features.values[labels == c].mean(axis=0) for c in range(n_clusters)])
    distances = np.linalg.norm(features.values - means[labels], axis=1).astype(np.float32)
    return Clustering(n_clusters, labels, distances)


def pick(features, clustering, n_keyframes, *, held=(), refused=(), min_gap_s=0.0):
    held, refused = np.array(held, np.int64), np.array(refused, np.int64)
    return pick_members(
        features, clustering, n_keyframes, held=held, refused=refused, min_gap_s=min_gap_s
    )


def test_the_member_nearest_the_centroid_is_taken():
    features = make_features([0, 1, 5, 20, 21.5, 29])
    clustering = by_labels(features, [0, 0, 0, 1, 1, 1])  # means 2 and 23.5
    assert pick(features, clustering, 2).tolist() == [1, 4]


def test_of_nearly_equal_members_the_sharper_is_taken():
    values = [-10.0, -1.0, 1.01, 9.99, 50, 51]
    labels = [0, 0, 0, 0, 1, 1]
    blurred = make_features(values, sharpness=[9, 1, 2, 9, 1, 1])
    assert pick(blurred, by_labels(blurred, labels), 2)[0] == 2
    # Far sharper, but ten times as far from the centroid: not nearly equal.
    sharp_first = make_features(values, sharpness=[9, 2, 1, 9, 1, 1])
    assert pick(sharp_first, by_labels(sharp_first, labels), 2)[0] == 1


def test_blank_frames_are_taken_only_when_nothing_else_is_left():
    features = make_features([0, 1, 10, 11, 12], blank=[True, False, False, True, False])
    clustering = by_labels(features, [0, 0, 1, 1, 1])
    assert pick(features, clustering, 2).tolist() == [1, 2]
    assert pick(features, clustering, 3).tolist() == [1, 2, 4]
    assert pick(features, clustering, 4).tolist() in ([0, 1, 2, 4], [1, 2, 3, 4])
    assert pick(features, clustering, 5).tolist() == [0, 1, 2, 3, 4]


def test_refused_frames_are_never_taken():
    features = make_features([0, 1, 10, 11, 12], blank=[True, False, False, False, False])
    clustering = by_labels(features, [0, 0, 1, 1, 1])
    assert pick(features, clustering, 2, refused=[3]).tolist() == [1, 2]
    assert pick(features, clustering, 5, refused=[3]).tolist() == [0, 1, 2, 4]
    assert pick(features, clustering, 5, refused=[0, 3]).tolist() == [1, 2, 4]


def test_near_identical_frames_are_not_both_taken_while_others_exist():
    # Two clusters meet between 4.99 and 5.01; a third kind of frame is in neither's middle.
    values = [4.99, 5.01, 0, 10, 10.2]
    features = make_features(values)
    distances = np.array([0, 0, 5, 5, 5.2], np.float32)
    clustering = Clustering(2, np.array([0, 1, 0, 1, 1], np.int32), distances)
    rows = pick(features, clustering, 2).tolist()
    assert rows != [0, 1]
    assert len(set(rows) & {0, 1}) == 1


def test_min_gap_holds_and_the_shortfall_shows():
    features = make_features(np.arange(30) % 7, times_s=np.arange(30) / 10)
    clustering = cluster_by_time(features, 10)
    rows = pick(features, clustering, 10, min_gap_s=0.45)
    times = features.reading.times_s[rows]
    assert np.diff(times).min() >= 0.45
    assert 4 <= len(rows) <= 6


@pytest.mark.parametrize(
    ("fps", "count", "min_gap_s", "n_chosen"),
    [(25, 20, 1.5, 14), (25, 20, 2.0, 10), (30, 40, 0.6, 34), (25, 4, 1.5, 4), (25, 3, 60, 1)],
)
def test_evenly_spaced_with_a_gap_is_evenly_spaced(fps, count, min_gap_s, n_chosen):
    """Twenty seconds."""
    times_s = np.arange(20 * fps) / fps
    features = make_features(times_s % 7, times_s=times_s)
    clustering = cluster_by_time(features, count, min_gap_s)
    rows = pick_members(features, clustering, count, held=[], min_gap_s=min_gap_s, distinct=False)
    assert clustering.n_clusters == len(rows) == n_chosen
    assert (clustering.labels[rows] == np.arange(n_chosen)).all()
    gaps = {*np.diff(rows).tolist()}
    assert not gaps or (len(gaps) == 1 and min(gaps) >= min_gap_s * fps)
    assert rows[0] == pytest.approx(20 * fps - 1 - rows[-1], abs=2)


def test_held_frames_stay_and_the_others_are_unlike_them():
    features = make_features([0, 0.1, 0.2, 10, 10.1, 10.2, 20, 20.1, 20.2])
    held = np.array([4])
    clustering = cluster_by_kmeans(features, 3, np.random.default_rng(0), held=held)
    assert clustering.distances[4] == 0
    rows = pick(features, clustering, 3, held=held)
    assert rows.tolist() == [1, 4, 7]


def test_the_features_are_not_written_to_while_they_are_clustered():
    features = make_features(np.random.default_rng(0).exponential(1, (300, 40)))
    before = features.values.copy()
    cluster_by_kmeans(
        features,
        5,
        np.random.default_rng(0),
        held=np.array([], np.int64),
        on_restart=lambda _: np.testing.assert_array_equal(features.values, before),
    )


@pytest.mark.parametrize("n_clusters", [3, 8])
def test_held_frames_are_at_no_distance_from_themselves(n_clusters):
    rng = np.random.default_rng(0)
    features = make_features(rng.exponential(1, (300, 40)))
    held = np.array([3, 70, 200])
    clustering = cluster_by_kmeans(features, n_clusters, rng, held=held)
    assert clustering.distances[held].tolist() == [0, 0, 0]
    assert (clustering.distances > 0).sum() >= 300 - n_clusters


def test_a_cluster_with_a_held_frame_needs_no_other():
    features = make_features(np.arange(12.0))
    rows = pick(features, cluster_by_time(features, 4), 4, held=[0, 5])
    assert rows.tolist() == [0, 5, 7, 10]


def test_still_video_gives_frames_spread_over_time():
    features = make_features(np.zeros((100, 3)))
    clustering = Clustering(4, np.zeros(100, np.int32), np.zeros(100, np.float32))
    rows = pick(features, clustering, 5)
    assert len(set(rows.tolist())) == 5
    assert np.diff(rows).min() >= 20


@settings(deadline=None, max_examples=60)
@given(
    values=hnp.arrays(np.float32, st.tuples(st.integers(1, 25), st.integers(1, 3)),
                      elements=st.integers(-3, 3)),
    n_keyframes=st.integers(1, 30),
    seed=st.integers(0, 3),
)  # fmt: skip
def test_always_as_many_distinct_frames_as_there_can_be(values, n_keyframes, seed):
    features = make_features(values)
    clustering = cluster_by_kmeans(
        features,
        min(n_keyframes, len(values)),
        np.random.default_rng(seed),
        held=np.array([], np.int64),
        n_init=1,
    )
    rows = pick(features, clustering, n_keyframes)
    assert len(rows) == min(n_keyframes, len(values))
    assert (np.diff(rows) > 0).all()


def test_held_rows_count_once_and_must_be_there():
    features = make_features(np.arange(12.0))
    clustering = cluster_by_time(features, 4)
    assert pick_members(features, clustering, 4, held=[5, 0, 5]).tolist() == [0, 5, 7, 10]
    rng = np.random.default_rng(0)
    assert cluster_by_kmeans(features, 2, rng, held=[5, 5]).n_clusters == 2
    for bad in ([-1], [3, 12], np.arange(12) < 2, [0.5], ["1"]):
        for ask in (
            lambda rows: pick_members(features, clustering, 4, held=rows),
            lambda rows: cluster_by_kmeans(features, 2, rng, held=rows),
        ):
            with pytest.raises(SettingsError, match=r"held rows must be"):
                ask(bad)
        with pytest.raises(SettingsError, match=r"refused rows must be"):
            pick_members(features, clustering, 4, held=[], refused=bad)


@pytest.mark.parametrize("n_keyframes", [-1, 2.5])
def test_keyframes_are_counted_in_whole_numbers(n_keyframes):
    features = make_features(np.arange(12.0))
    with pytest.raises(SettingsError, match="n_keyframes must be a whole number of at least 0"):
        pick(features, cluster_by_time(features, 4), n_keyframes)


@pytest.mark.parametrize("min_gap_s", [-1, np.nan])
def test_a_gap_that_is_no_time_is_refused(min_gap_s):
    features = make_features(np.arange(12.0))
    with pytest.raises(SettingsError, match="min_gap_s must be seconds"):
        pick(features, cluster_by_time(features, 4), 4, min_gap_s=min_gap_s)
    with pytest.raises(SettingsError, match="min_gap_s must be seconds"):
        cluster_by_time(features, 4, min_gap_s)


def test_no_cluster_is_refused():
    features = make_features(np.arange(12.0))
    with pytest.raises(SettingsError, match=r"n_clusters must be a whole number .* got 0"):
        cluster_by_kmeans(features, 0, np.random.default_rng(0), held=[])


def test_no_share_of_time_is_refused():
    with pytest.raises(SettingsError, match="n_clusters must be a whole number"):
        cluster_by_time(make_features(np.arange(12.0)), 0)


def test_shares_of_time_are_equal_and_their_middles_are_taken():
    features = make_features(np.arange(12.0))
    clustering = cluster_by_time(features, 4)
    assert clustering.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert pick(features, clustering, 4).tolist() == [1, 4, 7, 10]


def test_keyframes_say_what_they_stand_for():
    features = make_features([0, 1, 5, 20, 21.5, 29])
    clustering = by_labels(features, [0, 0, 0, 1, 1, 1])
    keyframes, coverage = describe_keyframes(features, clustering, np.array([1, 4]))
    first, second = keyframes
    assert (first.frame_index, first.time_s) == (101, 0.1)
    assert (first.cluster, first.cluster_size) == (0, 3)
    assert (second.cluster, second.cluster_size) == (1, 3)
    assert first.distance == pytest.approx(1.0)  # |1 - 2|
    assert (first.covers, second.covers) == (3, 3)
    assert first.covers_mean == pytest.approx((1 + 0 + 4) / 3)
    assert second.covers_p95 == pytest.approx(np.percentile([1.5, 0, 7.5], 95))
    assert coverage.keyframes.mean == pytest.approx((1 + 0 + 4 + 1.5 + 0 + 7.5) / 6)
    # Evenly spaced: rows 1 and 4, the same ones here.
    assert coverage.evenly_spaced == coverage.keyframes
    within = 4 + 1 + 9 + 3.5**2 + 2**2 + 5.5**2
    total = np.var([0, 1, 5, 20, 21.5, 29]) * 6
    assert coverage.variance_explained == pytest.approx(1 - within / total, rel=1e-5)


def test_duplicates_are_covered_by_the_first_of_them():
    features = make_features([3, 3, 8])
    clustering = by_labels(features, [0, 0, 1])
    keyframes, coverage = describe_keyframes(features, clustering, np.array([0, 1, 2]))
    assert [keyframe.covers for keyframe in keyframes] == [2, 0, 1]
    assert keyframes[1].covers_mean == 0.0
    assert coverage.keyframes.p95 == 0.0
