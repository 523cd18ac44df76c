import logging
import pickle
import subprocess
import sys
import threading
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone, is_clusterer
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.exceptions import NotFittedError as SklearnNotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_info, threadpool_limits

from keyframes.errors import KeyframesError, SettingsError
from keyframes.kmeans import (
    ConvergenceWarning,
    KMeans,
    NotFittedError,
    kmeans_plusplus,
    nearest_centers,
)
from keyframes.kmeans.blocks import lay_out, workers
from keyframes.kmeans.nearest import Assignment, Centers, nearest

sys.path.insert(0, str(Path(__file__).parent / "oracles"))
from textbook_kmeans import squared_distances, textbook_kmeans

# Three pairs on a line, by hand: centres 1, 11, 31; J = 3 * (1 + 1) = 6.
PAIRS = np.array([[0.0], [2.0], [10.0], [12.0], [30.0], [32.0]])


def blobs(n, d, k, *, seed=0, spread=3.0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(k, d)) * spread
    return (means[rng.integers(k, size=n)] + rng.normal(size=(n, d))).astype(dtype)


def first_rows(X, k):
    return X[:k].astype(np.float64)


# ---- by hand -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_three_pairs_by_hand(dtype):
    start = np.array([[0.0], [10.0], [30.0]])
    model = KMeans(3, init=start).fit(PAIRS.astype(dtype))
    assert model.cluster_centers_.tolist() == [[1.0], [11.0], [31.0]]
    assert model.cluster_centers_.dtype == dtype
    assert model.labels_.tolist() == [0, 0, 1, 1, 2, 2]
    assert model.labels_.dtype == np.int32
    assert model.inertia_ == 6.0
    assert model.n_iter_ == 2
    assert model.inertia_history_ == (6.0, 6.0)
    assert model.n_features_in_ == 1


def test_between_and_within_add_up_to_the_total_by_hand():
    model = KMeans(3, init=[[0], [10], [30]]).fit(PAIRS)
    # Mean 86/6; sum of squares 2172; total 2172 - 86**2 / 6.
    total = 2172 - 86**2 / 6
    assert model.inertia_ + model.between_inertia_ == pytest.approx(total, rel=1e-12)
    assert model.explained_variance_ratio_ == pytest.approx(1 - 6 / total, rel=1e-12)


def test_one_cluster_explains_nothing():
    model = KMeans(1, random_state=0).fit(PAIRS)
    assert model.cluster_centers_[0, 0] == pytest.approx(86 / 6, rel=1e-15)
    assert model.between_inertia_ == pytest.approx(0, abs=1e-9)
    assert model.labels_.tolist() == [0] * 6


def test_as_many_clusters_as_rows():
    model = KMeans(6, random_state=0).fit(PAIRS)
    assert sorted(model.cluster_centers_.ravel()) == PAIRS.ravel().tolist()
    assert model.inertia_ == 0
    assert model.explained_variance_ratio_ == 1


def test_weights_move_the_mean_by_hand():
    model = KMeans(1, random_state=0).fit([[0.0], [10.0]], sample_weight=[3, 1])
    assert model.cluster_centers_.tolist() == [[2.5]]
    assert model.inertia_ == 3 * 2.5**2 + 7.5**2


def test_a_fixed_centre_keeps_its_rows_by_hand():
    model = KMeans(1, init=[[5.0]]).fit(PAIRS, fixed_centers=[[31.5]])
    # 0, 2, 10, 12 go to the moving centre, 30 and 32 to the fixed one.
    assert model.cluster_centers_.tolist() == [[6.0], [31.5]]
    assert model.labels_.tolist() == [0, 0, 0, 0, 1, 1]
    assert model.inertia_ == 36 + 16 + 16 + 36 + 1.5**2 + 0.5**2


def test_ties_go_to_the_lowest_index():
    model = KMeans(2, init=[[0.0], [2.0]], max_iter=1).fit([[0.0], [1.0], [2.0]])
    assert model.cluster_centers_.tolist() == [[0.5], [2.0]]
    assert nearest_centers([[1.0], [3.0]], [[0.0], [2.0], [4.0], [2.0]])[0].tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ties_of_whole_numbers_survive_the_centring(dtype):
    X = np.array([[0], [1], [2], [200], [201], [253]], dtype=dtype)  # mean 109.5, not dyadic / 6
    labels, squared = nearest_centers(X, X[[0, 2, 3]])
    assert labels.tolist() == [0, 0, 1, 2, 2, 2]
    assert squared.tolist() == [0, 1, 0, 0, 1, 53**2]


def test_equal_centres_part_when_one_of_them_is_moved():
    # The second takes the farthest row, 1.2, and then 1, which seemed safe with the first.
    X = np.array([[-1.0], [-0.8], [1.0], [1.2], [99.5], [100.5]])
    model = KMeans(3, init=[[0.0], [0.0], [100.0]]).fit(X)
    assert model.labels_.tolist() == [0, 0, 1, 1, 2, 2]
    assert_equals_textbook(X, [[0.0], [0.0], [100.0]])


def test_equal_centres_are_compared_once():
    centers = Centers(np.array([[5.0], [1.0], [5.0], [5.0]]), np.dtype(float))
    assert centers.exact.tolist() == [[5.0], [1.0]]
    rows = np.array([[4.0], [0.0]])
    labels, upper, lower = nearest(rows, rows[:, 0] ** 2, centers)
    assert labels.tolist() == [0, 1]
    # Another centre is as near as 5 itself; 1 has none nearer than 5.
    assert lower[0] <= upper[0]
    assert upper[1] < lower[1] <= 5


def test_once_every_row_is_a_seed_the_others_are_drawn_by_weight():
    X = np.repeat(np.eye(6), 50, axis=0)
    weights = np.repeat([1.0, 0, 1, 1, 0, 1], 50)
    _, rows = kmeans_plusplus(X, 30, sample_weight=weights, random_state=0)
    assert sorted(rows[:4] // 50) == [0, 2, 3, 5]
    assert set(rows[4:] // 50) == {0, 2, 3, 5}


def test_an_empty_cluster_takes_the_farthest_row_by_hand():
    # The centre at 1000 starts without rows; 32 is farthest from its centre (0).
    model = KMeans(2, init=[[0.0], [1000.0]], max_iter=1).fit(PAIRS)
    assert model.cluster_centers_.tolist() == [[54 / 5], [32.0]]


def test_nearest_centers_by_hand():
    labels, squared = nearest_centers([[0, 0], [3, 4], [9, 9]], [[0, 0], [9, 8]])
    assert labels.tolist() == [0, 0, 1]
    assert squared.tolist() == [0, 25, 1]


# ---- equal to the textbook ---------------------------------------------------------------------


def assert_equals_textbook(X, start, **options):
    weights, fixed = options.pop("weights", None), options.pop("fixed", None)
    n_fixed = 0 if fixed is None else len(fixed)
    everything = start if fixed is None else np.concatenate([start, fixed])
    centers, labels, inertia, history = textbook_kmeans(
        X, everything, weights=weights, n_moving=len(everything) - n_fixed, **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(len(start), init=start, **({"tol": 0.0} | options))
        model.fit(X, sample_weight=weights, fixed_centers=fixed)
    precision = 1e-5 if np.asarray(X).dtype == np.float32 else 1e-9
    size = np.abs(np.asarray(X, dtype=np.float64)).max()
    np.testing.assert_array_equal(model.labels_, labels)
    np.testing.assert_allclose(model.cluster_centers_, centers, rtol=0, atol=precision * size)
    assert model.n_iter_ == len(history)
    np.testing.assert_allclose(model.inertia_history_, history, rtol=precision, atol=1e-9)
    assert model.inertia_ == pytest.approx(inertia, rel=precision, abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "d", "k", "spread"),
    [(300, 2, 8, 0.5), (1500, 5, 12, 1.0), (2600, 40, 30, 0.4), (1100, 130, 4, 0.2)],
)
def test_equals_the_textbook(n, d, k, spread, dtype):
    X = blobs(n, d, k, spread=spread, dtype=dtype, seed=n)
    assert_equals_textbook(X, first_rows(X, k))


def test_equals_the_textbook_with_weights_and_fixed_centres():
    X = blobs(1300, 4, 6, spread=1.0)
    weights = np.random.default_rng(1).choice([0, 0.3, 1, 2.7], size=len(X))
    assert_equals_textbook(X, X[:5], weights=weights)
    assert_equals_textbook(X, X[:5], weights=weights, fixed=X[5:9])


@pytest.mark.parametrize("max_iter", [1, 2, 5])
def test_equals_the_textbook_when_stopped_early(max_iter):
    X = blobs(800, 3, 9, spread=0.5)
    assert_equals_textbook(X, first_rows(X, 9), max_iter=max_iter)


@pytest.mark.parametrize("tol", [1e-1, 1e-2, 1e-4])
def test_equals_the_textbook_at_any_tolerance(tol):
    X = blobs(800, 3, 9, spread=0.5)
    assert_equals_textbook(X, first_rows(X, 9), tol=tol)


grids = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 40), st.integers(1, 3)),
    elements=st.integers(-8, 8).map(float),
)


@settings(max_examples=60, deadline=None)
@given(X=grids, data=st.data())
def test_equals_the_textbook_on_small_grids_full_of_ties(X, data):
    # Dyadic steps keep both exact, so even ties, duplicates and empty clusters must agree; one
    # iteration, because means of thirds are no longer exact.
    k = data.draw(st.integers(1, len(X)))
    start = X[data.draw(st.permutations(range(len(X))))[:k]]
    labels, squared = nearest_centers(X, start)
    distances = squared_distances(X, start)
    np.testing.assert_array_equal(labels, distances.argmin(axis=1))
    np.testing.assert_array_equal(squared, distances.min(axis=1))
    assert_equals_textbook(X, start, max_iter=1)


# ---- the bounds ---------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0, 30, 1000])
def test_bounds_hold_whatever_the_rounding(offset):
    rows = (blobs(800, 30, 8, spread=0.3) + offset).astype(np.float32)
    exact = blobs(8, 30, 8, seed=1, spread=0.3) + offset
    labels, upper, lower = nearest(
        rows,
        (rows.astype(np.float64) ** 2).sum(axis=1).astype(np.float32),
        Centers(exact, rows.dtype),
    )
    distances = np.sqrt(squared_distances(rows.astype(np.float64), exact))
    np.testing.assert_array_equal(labels, distances.argmin(axis=1))
    own = distances[np.arange(len(rows)), labels]
    distances[np.arange(len(rows)), labels] = np.inf
    assert (own <= upper).all()
    assert (lower <= distances.min(axis=1)).all()


def test_a_row_that_was_relabelled_is_looked_at_again():
    X = blobs(500, 4, 3)
    with workers() as team:
        points = lay_out(X, np.ones(500), team)
        assignment = Assignment(points)
        centers = points.values[:3].copy()
        assignment.follow(centers, team)
        expected = assignment.labels.copy()
        rows = np.array([5, 77, 400])
        assignment.relabel(rows, (expected[rows] + 1) % 3)
        assert (assignment.labels[rows] != expected[rows]).all()
        assignment.follow(centers, team)
    np.testing.assert_array_equal(assignment.labels, expected)


# ---- laws --------------------------------------------------------------------------------------

datasets = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    st.tuples(st.integers(2, 60), st.integers(1, 5)),
    # Centres are given back in the precision of X, of which subnormal numbers have little left.
    elements=st.floats(-1000, 1000, width=32, allow_subnormal=False),
)


@settings(max_examples=60, deadline=None)
@given(X=datasets, k=st.integers(1, 8), seed=st.integers(0, 99), weighted=st.booleans())
@pytest.mark.filterwarnings("ignore::keyframes.kmeans.ConvergenceWarning")
def test_the_objective_never_rises(X, k, seed, weighted):
    k = min(k, len(X))
    weights = np.random.default_rng(seed).integers(1, 9, size=len(X)) / 3 if weighted else None
    model = KMeans(k, random_state=seed, init="random", n_init=2, tol=0)
    model.fit(X, sample_weight=weights)
    for history in model.inertia_histories_:
        assert (np.diff(history) <= 0).all()
    precision = 1e-6 if X.dtype == np.float32 else 1e-12
    total = model.inertia_ + model.between_inertia_
    assert model.inertia_ <= model.inertia_history_[-1] + precision * total


@settings(max_examples=60, deadline=None)
@given(exponent=st.floats(3, 9), n_blobs=st.integers(1, 8), seed=st.integers(0, 999))
def test_the_objective_of_tight_clusters_never_rises_and_is_the_inertia(exponent, n_blobs, seed):
    rng = np.random.default_rng(seed)
    X = np.repeat(rng.normal(size=(n_blobs, 3)), 50, axis=0)
    X += 10**-exponent * rng.normal(size=X.shape)
    model = KMeans(2 * n_blobs, random_state=seed, n_init=2, tol=0).fit(X)
    for history in model.inertia_histories_:
        assert (np.diff(history) <= 0).all()
    assert model.inertia_history_[-1] == pytest.approx(model.inertia_, rel=1e-8)


@settings(max_examples=60, deadline=None)
@given(X=datasets, k=st.integers(1, 8), seed=st.integers(0, 99))
@pytest.mark.filterwarnings("ignore::keyframes.kmeans.ConvergenceWarning")
def test_labels_are_the_nearest_of_the_centres_given_back(X, k, seed):
    model = KMeans(min(k, len(X)), random_state=seed).fit(X)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    distances = squared_distances(X.astype(np.float64), model.cluster_centers_)
    own = distances[np.arange(len(X)), model.labels_]
    # Rows are held in their own precision around the mean, which may move them by a rounding.
    rounding = float(np.finfo(X.dtype).eps) * np.abs(X).max() * np.sqrt(X.shape[1])
    assert (np.sqrt(own) <= np.sqrt(distances.min(axis=1)) + 4 * rounding).all()
    assert model.score(X) == pytest.approx(-model.inertia_, rel=1e-9)


def test_whole_weights_equal_repeated_rows():
    X = blobs(400, 3, 5)
    counts = np.random.default_rng(2).integers(0, 4, size=len(X))
    start = X[counts > 0][:5]
    weighted = KMeans(5, init=start).fit(X, sample_weight=counts)
    repeated = KMeans(5, init=start).fit(np.repeat(X, counts, axis=0))
    np.testing.assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, rtol=1e-12)
    np.testing.assert_array_equal(np.repeat(weighted.labels_, counts), repeated.labels_)
    assert weighted.inertia_ == pytest.approx(repeated.inertia_, rel=1e-12)


def test_restarts_keep_the_lowest_objective():
    X = blobs(300, 2, 10, spread=4)
    model = KMeans(10, n_init=5, init="random", random_state=3).fit(X)
    finals = [history[-1] for history in model.inertia_histories_]
    assert len(finals) == 5
    assert len(set(finals)) > 1
    assert model.inertia_history_[-1] == min(finals)
    assert model.n_iter_ == len(model.inertia_history_)


def test_on_restart_counts_the_runs():
    done = []
    KMeans(3, n_init=4, random_state=0).fit(PAIRS, on_restart=done.append)
    assert done == [1, 2, 3, 4]


# ---- as scikit-learn ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("tol", [1e-2, 1e-4, 0])
@pytest.mark.parametrize("shape", [(500, 3, 6), (1500, 60, 20), (2100, 20, 40)])
def test_runs_as_scikit_learn_does_from_the_same_start(dtype, tol, shape):
    X = blobs(*shape, spread=0.8, dtype=dtype)
    options = {"n_clusters": shape[2], "init": X[: shape[2]], "n_init": 1, "tol": tol}
    weights = np.random.default_rng(0).uniform(0.5, 2, size=len(X))
    for sample_weight in (None, weights):
        ours = KMeans(**options).fit(X, sample_weight=sample_weight)
        theirs = SklearnKMeans(**options).fit(X, sample_weight=sample_weight)
        assert ours.n_iter_ == theirs.n_iter_
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-5)
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-4)
        new = blobs(100, shape[1], 3, seed=9, dtype=dtype)
        np.testing.assert_array_equal(ours.predict(new), theirs.predict(new))
        np.testing.assert_allclose(ours.transform(new), theirs.transform(new), rtol=1e-4)
        assert ours.transform(new).dtype == dtype
        assert ours.score(new, sample_weight=np.ones(100)) == pytest.approx(
            theirs.score(new), rel=1e-4
        )


def test_seeds_as_well_as_scikit_learn():
    X = blobs(1500, 10, 30, spread=2)
    seeds = range(40)
    ours = [KMeans(30, random_state=s).fit(X).inertia_ for s in seeds]
    theirs = [SklearnKMeans(30, random_state=s, n_init=1).fit(X).inertia_ for s in seeds]
    assert np.mean(ours) <= 1.02 * np.mean(theirs)


def nine_spots(seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(300, 2)) * 0.05 + rng.integers(0, 3, (300, 2))


@pytest.mark.parametrize(
    ("far", "dtype"), [(1e3, np.float32), (1e6, np.float32), (3e7, float), (1e12, float)]
)
def test_one_far_row_leaves_the_others_well_seeded(far, dtype):
    def inertia(seed):
        X = nine_spots(seed).astype(dtype)
        X[0] = far
        return KMeans(10, random_state=0).fit(X).inertia_

    assert np.median([inertia(seed) for seed in range(8)]) < 1.7


def test_spots_far_from_the_origin_for_their_size_are_well_seeded():
    X = 1.7e9 + 1e-4 * nine_spots(1)
    assert KMeans(9, n_init=5, random_state=0).fit(X).inertia_ < 1.7e-8


def test_spots_far_from_each_other_for_their_size_are_well_seeded():
    X = np.concatenate([nine_spots(0), nine_spots(1) + 2000]).astype(np.float32)
    assert KMeans(18, n_init=5, random_state=0).fit(X).inertia_ < 3.4


def test_parameters_have_scikit_learn_names_and_defaults():
    assert KMeans().get_params() == SklearnKMeans().get_params()
    copy = clone(KMeans(4, tol=0.5))
    assert (copy.n_clusters, copy.tol) == (4, 0.5)
    assert copy.set_params(max_iter=7, n_init=2) is copy
    assert repr(copy) == "KMeans(n_clusters=4, n_init=2, max_iter=7, tol=0.5)"
    with pytest.raises(SettingsError, match="no parameter 'clusters'"):
        copy.set_params(clusters=3)


def test_a_copy_and_a_subclass_say_what_they_are():
    again = pickle.loads(pickle.dumps(KMeans(3, tol=0.5)))  # noqa: S301
    assert repr(again) == "KMeans(n_clusters=3, tol=0.5)"

    class Kinder(KMeans):
        pass

    assert repr(Kinder()) == "Kinder()"


def test_works_where_scikit_learn_wants_one_of_its_own():
    X = blobs(200, 3, 4)
    kmeans = KMeans(4, random_state=0)
    with pytest.raises(SklearnNotFittedError):
        check_is_fitted(kmeans)
    pipeline = make_pipeline(StandardScaler(), kmeans).fit(X)
    check_is_fitted(kmeans)
    assert is_clusterer(kmeans)
    assert is_clusterer(pipeline)
    np.testing.assert_array_equal(pipeline.predict(X), kmeans.labels_)
    assert pipeline.score(X) == pytest.approx(-kmeans.inertia_)
    assert make_pipeline(kmeans, StandardScaler()).fit_transform(X).shape == (200, 4)
    assert (cross_val_score(kmeans, X, cv=3) < 0).all()
    search = GridSearchCV(clone(pipeline), {"kmeans__n_clusters": [2, 4]}, cv=3).fit(X)
    assert search.best_params_ == {"kmeans__n_clusters": 4}
    assert len(search.predict(X)) == 200


@pytest.mark.parametrize(
    ("init", "runs"),
    [("k-means++", 1), ("random", 10), (PAIRS[:2], 1), (lambda X, k, **_: X[:k], 10)],
)
def test_n_init_auto(init, runs):
    assert len(KMeans(2, init=init, random_state=0).fit(PAIRS).inertia_histories_) == runs


def test_a_callable_gets_what_scikit_learn_gives_it():
    def init(X, n_clusters, random_state):
        return X[random_state.randint(len(X), size=n_clusters)]

    first = KMeans(2, init=init, n_init=3, random_state=1).fit(PAIRS)
    again = KMeans(2, init=init, n_init=3, random_state=1).fit(PAIRS)
    assert first.inertia_histories_ == again.inertia_histories_


def test_a_callable_may_not_write_to_the_data():
    def init(X, n_clusters, random_state):
        X -= X.mean(axis=0)
        return X[:n_clusters]

    with pytest.raises(ValueError, match="read-only"):
        KMeans(2, init=init).fit(PAIRS.copy())


def test_an_array_with_several_runs_warns():
    with pytest.warns(RuntimeWarning, match="only one init in KMeans instead of n_init=3"):
        KMeans(2, init=PAIRS[:2], n_init=3).fit(PAIRS)


def test_verbose_is_logged_and_nothing_printed(caplog, capsys):
    with caplog.at_level(logging.INFO, logger="keyframes.kmeans"):
        KMeans(3, init=PAIRS[::2], verbose=1).fit(PAIRS)
    assert "Iteration 0, inertia 6.0." in caplog.messages
    assert "Converged at iteration 1: the centers stand still." in caplog.messages
    assert capsys.readouterr() == ("", "")


def test_fit_predict_and_fit_transform_agree_with_fit():
    X = blobs(200, 3, 4)
    model = KMeans(4, random_state=0).fit(X)
    np.testing.assert_array_equal(KMeans(4, random_state=0).fit_predict(X), model.labels_)
    np.testing.assert_array_equal(KMeans(4, random_state=0).fit_transform(X), model.transform(X))


# ---- the traps ---------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1e3, 1e4, 1e5])
def test_data_far_from_the_origin(offset):
    X = (blobs(1200, 20, 8, spread=0.5) + offset).astype(np.float32)
    assert_equals_textbook(X, first_rows(X, 8))


def test_one_far_blob_does_not_blur_the_others():
    # No single origin suits both blobs: float32 products alone can't tell the near rows apart.
    near, far = blobs(600, 20, 4, spread=0.5), blobs(600, 20, 4, spread=0.5) + 1e5
    X = (np.rint(np.concatenate([near, far]) * 64) / 64).astype(np.float32)
    assert_equals_textbook(X, first_rows(X[::100], 8))


@pytest.mark.parametrize(
    ("dtype", "factor"),
    [
        (np.float32, 2.0**100),
        (np.float32, 2.0**-100),
        (np.float64, 2.0**900),
        (np.float64, 2.0**-900),
        (np.float32, 2.0**126),
        (np.float32, 2.0**-110),
    ],
)
def test_huge_and_tiny_data_are_the_same_data(dtype, factor):
    X = np.rint(blobs(500, 4, 5, spread=1)).astype(dtype) / 16
    plain = KMeans(5, random_state=0).fit(X)
    scaled = KMeans(5, random_state=0).fit(X * dtype(factor))
    np.testing.assert_array_equal(scaled.labels_, plain.labels_)
    np.testing.assert_array_equal(scaled.predict(X * dtype(factor)), plain.labels_)
    np.testing.assert_allclose(
        scaled.cluster_centers_.astype(np.float64) / factor, plain.cluster_centers_, rtol=1e-4
    )
    assert scaled.n_iter_ == plain.n_iter_


@pytest.mark.parametrize("factor", [1e-300, 1e160, 1e300])
def test_the_share_explained_holds_where_squares_do_not(factor):
    share = KMeans(3, random_state=0).fit(PAIRS).explained_variance_ratio_
    model = KMeans(3, random_state=0).fit(PAIRS * factor)
    assert model.explained_variance_ratio_ == pytest.approx(share)
    assert not np.isnan(model.between_inertia_)


def test_predict_on_data_far_larger_than_the_fitted():
    model = KMeans(3, init=PAIRS[::2].astype(np.float32)).fit(PAIRS.astype(np.float32))
    assert model.predict(np.array([[1e12], [-1e12], [11]], np.float32)).tolist() == [2, 0, 1]


def test_empty_clusters_take_the_farthest_rows():
    X = blobs(300, 3, 4)
    start = np.concatenate([X[:2], X[:2] + 1e6, X[:1] - 1e6])
    assert_equals_textbook(X, start)
    assert len(np.unique(KMeans(5, init=start).fit(X).labels_)) == 5


def test_relocation_never_takes_a_row_of_no_weight():
    X = np.array([[0.0], [1.0], [2.0], [500.0]])
    model = KMeans(2, init=[[0.0], [-900.0]]).fit(X, sample_weight=[1, 1, 1, 0])
    assert sorted(model.cluster_centers_.ravel()) == [0.5, 2.0]


def test_a_cluster_of_fractional_weights_that_empties_is_seen_to_be_empty():
    # 0.1 + 0.2 - 0.1 - 0.2 is not 0 in floating point.
    X = np.array([[0.0], [1.0], [10.0], [10.5], [11.0], [20.0], [21.0]])
    assert_equals_textbook(X, [[0.0], [9.0], [12.0]], weights=[0.1, 0.2, 0.3, 0.7, 0.1, 0.2, 0.9])
    assert_equals_textbook(X, [[-50.0], [1.0], [90.0]], weights=[0.1, 0.2, 0.3, 0.7, 0.1, 0.2, 0.9])


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_fewer_distinct_rows_than_clusters_warns_and_stops(init):
    X = np.repeat([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]], 10, axis=0)
    with pytest.warns(ConvergenceWarning, match=r"distinct clusters \([123]\) found smaller"):
        model = KMeans(7, init=init, n_init=1, random_state=0).fit(X)
    assert model.n_iter_ < 10
    if init == "k-means++":
        assert model.inertia_ == 0
        assert len(np.unique(model.labels_)) == 3


@pytest.mark.parametrize("value", [0.0, 7.25, -1e20])
def test_constant_data(value):
    X = np.full((50, 3), value)
    with pytest.warns(ConvergenceWarning, match=r"clusters \(1\) found smaller"):
        model = KMeans(4, random_state=0).fit(X)
    assert model.inertia_ == 0
    assert model.explained_variance_ratio_ == 1
    assert model.labels_.tolist() == [0] * 50
    np.testing.assert_array_equal(model.cluster_centers_, np.full((4, 3), value))


def test_relocation_stops_where_only_rounding_is_left():
    # The weighted mean of two equal rows is off by a last bit: no reason to move a centre there.
    X = np.full((2, 1), 1.9870868, dtype=np.float32)
    model = KMeans(2, init="random", n_init=1, random_state=0, tol=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, sample_weight=np.random.default_rng(0).integers(1, 9, size=2) / 3)
    assert model.n_iter_ <= 3


def test_rows_of_no_weight_are_never_seeds_but_get_labels():
    X = np.concatenate([blobs(60, 2, 3), np.full((40, 2), 1e4)])
    weights = np.repeat([1.0, 0.0], [60, 40])
    for seed in range(20):
        _, rows = kmeans_plusplus(X, 5, sample_weight=weights, random_state=seed)
        assert rows.max() < 60
    for init in ("k-means++", "random"):
        model = KMeans(3, init=init, random_state=0).fit(X, sample_weight=weights)
        assert np.abs(model.cluster_centers_).max() < 100
        assert len(set(model.labels_[60:].tolist())) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("factor", [2.0**1000, 2.0**130, 2.0**-170, 2.0**-1021])
def test_huge_and_tiny_weights_are_the_same_weights(factor, init, dtype):
    X, weights = blobs(200, 3, 4, dtype=dtype), np.random.default_rng(0).integers(1, 8, 200) / 4
    plain = KMeans(4, init=init, random_state=0).fit(X, sample_weight=weights)
    scaled = KMeans(4, init=init, random_state=0).fit(X, sample_weight=weights * factor)
    np.testing.assert_array_equal(scaled.cluster_centers_, plain.cluster_centers_)
    assert scaled.inertia_ == plain.inertia_ * factor
    seeds = [
        kmeans_plusplus(X, 4, sample_weight=each, random_state=0)[1]
        for each in (weights, weights * factor)
    ]
    np.testing.assert_array_equal(*seeds)


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_weights_of_many_sizes_leave_the_light_rows_without_a_say(init):
    X = blobs(30, 3, 4, dtype=np.float32)
    weights = np.repeat([1.0, 1e-30, 1e-300], 10)
    model = KMeans(4, init=init, random_state=0).fit(X, sample_weight=weights)
    alone = KMeans(4, init=init, random_state=0).fit(X, sample_weight=weights == 1)
    np.testing.assert_array_equal(model.cluster_centers_, alone.cluster_centers_)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 1500, 1999])
def test_values_that_are_not_finite_are_refused(bad, row):
    X = blobs(2000, 2, 2)
    X[row, 1] = bad
    model = KMeans(2, random_state=0).fit(blobs(50, 2, 2))
    for refuse in (KMeans(2).fit, model.predict, lambda X: kmeans_plusplus(X, 2)):
        with pytest.raises(SettingsError, match=f"NaN or infinity in row {row};"):
            refuse(X)


@pytest.mark.skipif(np.finfo(np.longdouble).maxexp == 1024, reason="as long as a double here")
def test_numbers_that_only_a_long_double_holds_are_refused():
    X = PAIRS.astype(np.longdouble)
    X[4] *= np.longdouble("1e400")
    with pytest.raises(SettingsError, match="NaN or infinity in row 4;"):
        KMeans(2).fit(X)


@pytest.mark.parametrize(
    ("settings", "X", "arguments", "message"),
    [
        ({"n_clusters": 7}, PAIRS, {}, r"n_samples=6 should be >= n_clusters=7"),
        ({"n_clusters": 0}, PAIRS, {}, "n_clusters must be a whole number of at least 1, got 0"),
        ({"n_clusters": 2.5}, PAIRS, {}, "n_clusters must be a whole number"),
        ({"n_init": "always"}, PAIRS, {}, "n_init must be a whole number"),
        ({"max_iter": 0}, PAIRS, {}, "max_iter must be"),
        ({"tol": -1}, PAIRS, {}, "tol must be a finite number of at least 0, got -1"),
        ({"tol": np.nan}, PAIRS, {}, "tol must be"),
        ({"tol": np.inf}, PAIRS, {}, "tol must be .* got inf"),
        ({"tol": True}, PAIRS, {}, "tol must be .* got True"),
        ({"init": "kmeans"}, PAIRS, {}, "init must be .* got 'kmeans'"),
        ({"init": PAIRS[:3]}, PAIRS, {}, r"init has shape \(3, 1\); it must be \(2, 1\)"),
        ({"init": [[np.nan], [1]]}, PAIRS, {}, "init holds NaN"),
        ({"algorithm": "auto"}, PAIRS, {}, "algorithm must be 'lloyd' or 'elkan'"),
        ({"random_state": "x"}, PAIRS, {}, "random_state must be"),
        ({"algorithm": ["lloyd"]}, PAIRS, {}, "algorithm must be 'lloyd' or 'elkan'"),
        ({"random_state": -3}, PAIRS, {}, "random_state must be .* at least 0, .* got -3"),
        ({"random_state": [-1]}, PAIRS, {}, r"random_state must be .* got \[-1\]"),
        ({}, PAIRS.ravel(), {}, r"X has shape \(6,\)"),
        ({}, np.empty((0, 3)), {}, r"X has shape \(0, 3\)"),
        ({}, PAIRS + 1j, {}, "complex"),
        ({}, [["a"], ["b"]], {}, "X must hold numbers"),
        ({}, [[1], [2, 3]], {}, "X must hold numbers"),
        ({}, PAIRS, {"sample_weight": "a"}, "sample_weight must hold numbers"),
        ({}, PAIRS, {"sample_weight": [1e308, 1e-30, 0, 0, 0, 0]}, "n_samples=1 should be >="),
        ({}, PAIRS, {"sample_weight": [1, 2]}, r"sample_weight has shape \(2,\)"),
        ({}, PAIRS, {"sample_weight": [1, 1, 1, 1, 1, -1]}, "at least 0"),
        ({}, PAIRS, {"sample_weight": [1, 0, 0, 0, 0, 0]}, "n_samples=1 should be >="),
        ({}, np.float32(PAIRS), {"fixed_centers": [[1e39]]}, "fixed_centers .* beyond .* float32"),
        ({"init": [[0], [-1e39]]}, np.float32(PAIRS), {}, "init .* beyond .* float32"),
        ({}, PAIRS, {"fixed_centers": [[1, 2]]}, r"fixed_centers has shape \(1, 2\)"),
    ],
)
def test_what_can_not_work_is_refused_in_one_line(settings, X, arguments, message):
    with pytest.raises(SettingsError, match=message) as refusal:
        KMeans(**({"n_clusters": 2} | settings)).fit(X, **arguments)
    assert "\n" not in str(refusal.value)


def test_sparse_data_is_refused_with_the_way_out():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(SettingsError, match=r"pass X\.toarray"):
        KMeans(2).fit(sparse.csr_matrix(PAIRS))
    with pytest.raises(SettingsError, match=r"pass X\.toarray"):
        KMeans(2, random_state=0).fit(PAIRS).score(sparse.csr_matrix(PAIRS))


def test_use_before_fit_and_other_width_are_refused():
    with pytest.raises(NotFittedError, match="call fit first") as refusal:
        KMeans(2).predict(PAIRS)
    assert isinstance(refusal.value, (KeyframesError, ValueError, AttributeError))
    model = KMeans(2, random_state=0).fit(PAIRS)
    with pytest.raises(SettingsError, match=r"X has 3 features, but KMeans is expecting 1"):
        model.transform(np.ones((2, 3)))
    with pytest.raises(SettingsError, match=r"X has shape \(\)"):
        model.score(3.0)


def test_columns_of_other_names_are_refused():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(blobs(40, 3, 2), columns=["x", "y", "speed"])
    model = KMeans(2, random_state=0).fit(table)
    assert model.feature_names_in_.tolist() == ["x", "y", "speed"]
    assert model.predict(table).tolist() == model.labels_.tolist()
    assert model.predict(table.to_numpy()).tolist() == model.labels_.tolist()
    for ask in (model.predict, model.transform, model.score):
        with pytest.raises(SettingsError, match=r"'speed' as column 0, where KMeans was .* 'x'"):
            ask(table[["speed", "y", "x"]])
    with pytest.raises(SettingsError, match="'v' as column 2"):
        model.predict(table.rename(columns={"speed": "v"}))
    assert not hasattr(model.fit(table.to_numpy()), "feature_names_in_")
    assert not hasattr(model.fit(table.rename(columns={"x": 0})), "feature_names_in_")


def test_names_of_the_distances_are_scikit_learns():
    model = KMeans(3, random_state=0).fit(PAIRS)
    assert model.get_feature_names_out().tolist() == ["kmeans0", "kmeans1", "kmeans2"]
    pipeline = make_pipeline(StandardScaler(), KMeans(2, random_state=0)).fit(PAIRS)
    assert pipeline.get_feature_names_out().tolist() == ["kmeans0", "kmeans1"]
    with pytest.raises(NotFittedError, match="call fit first"):
        KMeans(2).get_feature_names_out()


# ---- the data is left alone --------------------------------------------------------------------


def test_any_layout_and_number_type_gives_the_same_answer():
    X = np.rint(blobs(400, 6, 4) * 10)
    expected = KMeans(4, random_state=0).fit(X)
    wide = np.zeros((800, 12))
    wide[::2, ::2] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    variants = [
        np.asfortranarray(X),
        wide[::2, ::2],
        read_only,
        X.astype(np.int64),
        X.tolist(),
        X.astype(np.int16),
        X.astype(object),
        X.astype(np.float16),
    ]
    for variant in variants:
        model = KMeans(4, random_state=0).fit(variant)
        np.testing.assert_array_equal(model.labels_, expected.labels_)
        np.testing.assert_array_equal(model.cluster_centers_, expected.cluster_centers_)
        np.testing.assert_array_equal(model.predict(variant), expected.labels_)
    np.testing.assert_array_equal(wide[::2, ::2], X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("copy_x", [True, False])
def test_nothing_that_is_passed_in_is_written_to(dtype, copy_x):
    X, start = blobs(300, 5, 3, dtype=dtype), blobs(3, 5, 3, seed=1, dtype=dtype)
    fixed, weights = start + 1, np.linspace(0.5, 1, 300)
    given = X, start, fixed, weights
    before = [array.copy() for array in given]

    def compare(_):  # while it works, when others may look, and it may be interrupted
        for array, copy in zip(given, before, strict=True):
            np.testing.assert_array_equal(array, copy)

    model = KMeans(3, init=start, copy_x=copy_x)
    model.fit(X, sample_weight=weights, fixed_centers=fixed, on_restart=compare)
    model.predict(X), model.transform(X), model.score(X)
    compare(None)


def test_memory_stays_within_a_share_of_the_data():
    X = blobs(30_000, 256, 10, dtype=np.float32)
    with threadpool_limits(2, user_api="blas"):
        KMeans(2, random_state=0, max_iter=2).fit(X[:100])
        tracemalloc.start()
        KMeans(20, random_state=0, max_iter=5).fit(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak <= 1.3 * X.nbytes


# ---- fixed centres -----------------------------------------------------------------------------


def test_fixed_centres_come_back_to_the_last_bit_and_seeds_avoid_them():
    X = blobs(600, 8, 6, spread=20, seed=4)
    centers = KMeans(6, n_init=5, random_state=0).fit(X).cluster_centers_
    fixed = centers[:4]
    for seed in range(5):
        model = KMeans(2, random_state=seed).fit(X, fixed_centers=fixed)
        assert model.cluster_centers_.shape == (6, 8)
        np.testing.assert_array_equal(model.cluster_centers_[2:], fixed)
        # With four blobs taken, the seeds land in the two that are left.
        found = model.cluster_centers_[:2]
        gaps = np.sqrt(squared_distances(centers[4:], found).min(axis=1))
        assert (gaps < 1e-6).all()


def test_fixed_centres_of_another_size_than_the_data_keep_their_bits():
    X = blobs(300, 4, 3) + 5
    fixed = np.random.default_rng(0).normal(size=(6, 4)) * 10.0 ** np.arange(-10, 2, 2)[:, None]
    model = KMeans(2, random_state=0).fit(X, fixed_centers=fixed)
    np.testing.assert_array_equal(model.cluster_centers_[2:], fixed)


def test_fixed_centres_without_rows_are_neither_moved_nor_missed():
    model = KMeans(2, random_state=0).fit(PAIRS, fixed_centers=[[1e4], [-1e4]])
    np.testing.assert_array_equal(model.cluster_centers_[2:], [[1e4], [-1e4]])
    assert set(model.labels_.tolist()) == {0, 1}


# ---- k-means++ ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kmeans_plusplus_gives_rows_of_the_data(dtype):
    X = blobs(500, 4, 3, dtype=dtype)
    centers, rows = kmeans_plusplus(X, 20, random_state=0)
    np.testing.assert_array_equal(centers, X[rows])
    assert centers.dtype == dtype
    assert len(set(rows.tolist())) == 20


def test_kmeans_plusplus_finds_every_far_blob():
    noise = np.random.default_rng(0).normal(size=(450, 2))
    X = noise + 1000 * (np.arange(450) // 50)[:, None]
    for seed in range(10):
        _, rows = kmeans_plusplus(X, 9, random_state=seed)
        assert sorted((rows // 50).tolist()) == list(range(9))


def test_kmeans_plusplus_draws_by_weighted_squared_distance():
    # First centre surely row 0; then 1 : 4 : 9 by squared distance, times the weights 4 : 1 : 1.
    X, weights = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([1e9, 4, 1, 1])
    rng = np.random.default_rng(0)
    second = [
        kmeans_plusplus(X, 2, sample_weight=weights, random_state=rng, n_local_trials=1)[1][1]
        for _ in range(3000)
    ]
    shares = np.bincount(second, minlength=4) / 3000
    np.testing.assert_allclose(shares, [0, 4 / 17, 4 / 17, 9 / 17], atol=0.04)


def test_kmeans_plusplus_draws_ahead_as_if_one_by_one():
    X = np.array([[0.0], [1.0], [2.5], [4.0], [4.5], [9.0]])
    squares = (X - X.T) ** 2

    def chances(chosen, chance):
        if len(chosen) == 4:
            return chance * np.eye(6)[chosen[-1]]
        potential = squares[chosen].min(axis=0)
        shares = potential / potential.sum()
        return sum(chances([*chosen, x], chance * shares[x]) for x in np.flatnonzero(shares))

    expected = sum(chances([first], 1 / 6) for first in range(6))
    rng = np.random.default_rng(0)
    fourth = [kmeans_plusplus(X, 4, random_state=rng, n_local_trials=1)[1][3] for _ in range(3000)]
    np.testing.assert_allclose(np.bincount(fourth, minlength=6) / 3000, expected, atol=0.03)


def test_kmeans_plusplus_samples_long_data_and_still_finds_every_blob():
    X = np.random.default_rng(0).normal(size=(5000, 2)) + 1000 * (np.arange(5000) % 4)[:, None]
    _, rows = kmeans_plusplus(X, 4, random_state=0)
    assert sorted((rows % 4).tolist()) == [0, 1, 2, 3]


def test_kmeans_plusplus_finds_the_few_rows_that_have_weight():
    X, weights = blobs(6000, 2, 3), np.zeros(6000)
    weights[[7, 1000, 1001, 5999]] = 1
    _, rows = kmeans_plusplus(X, 4, sample_weight=weights, random_state=0)
    assert sorted(rows.tolist()) == [7, 1000, 1001, 5999]


def test_kmeans_plusplus_among_equal_rows_keeps_to_those_with_weight():
    for seed in range(5):
        _, rows = kmeans_plusplus(
            np.ones((8, 2)), 4, sample_weight=[0, 1, 1, 1, 1, 1, 0, 0], random_state=seed
        )
        assert set(rows.tolist()) <= {1, 2, 3, 4, 5}


@pytest.mark.parametrize("arguments", [{"n_clusters": 0}, {"n_clusters": 2, "n_local_trials": 0}])
def test_kmeans_plusplus_refuses_what_can_not_work(arguments):
    with pytest.raises(SettingsError, match="must be a whole number of at least 1, got 0"):
        kmeans_plusplus(PAIRS, **arguments)


# ---- repeatable, whatever the threads ----------------------------------------------------------


@pytest.mark.parametrize("make", [int, np.random.default_rng, np.random.RandomState])
def test_the_same_seed_gives_the_same_bits(make):
    X = blobs(400, 3, 5, dtype=np.float32)
    fits = [KMeans(5, random_state=make(7), n_init=2).fit(X) for _ in range(2)]
    assert fits[0].inertia_histories_ == fits[1].inertia_histories_
    np.testing.assert_array_equal(fits[0].cluster_centers_, fits[1].cluster_centers_)


def test_a_generator_goes_on_from_fit_to_fit():
    X = blobs(300, 3, 20)
    for rng in (np.random.default_rng(0), np.random.RandomState(0)):
        first, second = (KMeans(20, random_state=rng, max_iter=1).fit(X) for _ in range(2))
        assert first.inertia_ != second.inertia_


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_do_not_depend_on_the_number_of_threads(dtype, monkeypatch):
    monkeypatch.setattr("keyframes.kmeans.blocks.SMALL_PASS", 0)
    X = blobs(9000, 48, 30, spread=0.4, dtype=dtype)
    weights = np.random.default_rng(1).uniform(size=len(X))
    results = []
    for n_threads in (1, 2, 4):
        with threadpool_limits(n_threads, user_api="blas"):
            model = KMeans(30, random_state=5).fit(X, sample_weight=weights)
            found = (model.predict(X), model.transform(X), nearest_centers(X, X[:50])[1])
        results.append(
            [model.labels_, model.cluster_centers_, np.array(model.inertia_history_), *found]
        )
    for other in results[1:]:
        for ours, theirs in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def blas_threads():
    return [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]


def test_blas_settings_are_left_as_they_were():
    X = blobs(3000, 64, 10, dtype=np.float32)
    with threadpool_limits(3, user_api="blas"):
        before = blas_threads()
        seen = []
        model = KMeans(10, random_state=0)
        model.fit(X, on_restart=lambda _: seen.append(blas_threads()))
        model.predict(X)
        with pytest.raises(SettingsError):
            model.fit(np.full((20, 2), np.nan))
        assert blas_threads() == before
    assert set(seen[0]) == {1}
    assert set(before) == {3}


def test_fits_in_several_threads_leave_blas_as_it_was():
    X = blobs(2000, 32, 10, dtype=np.float32)
    expected = KMeans(10, random_state=0).fit(X)
    models = [KMeans(10, random_state=0) for _ in range(4)]
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        threads = [threading.Thread(target=model.fit, args=(X,)) for model in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert blas_threads() == before
    for model in models:
        np.testing.assert_array_equal(model.labels_, expected.labels_)


def test_nothing_but_numpy_and_threadpoolctl_is_imported():
    code = (
        "import sys, keyframes.kmeans; "
        "print([m for m in ('sklearn', 'scipy', 'numba', 'cv2', 'av') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert output.stdout.strip() == b"[]"
