from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyframes.medoids import choose_medoids


def draw_costs(seed, n_candidates=9, n_demands=12):
    """Distances between random points, so that the costs have the structure of real ones."""
    points = np.random.default_rng(seed).normal(size=(n_candidates + n_demands, 3))
    candidates, demands = points[:n_candidates], points[n_candidates:]
    distances = np.linalg.norm(candidates[:, np.newaxis] - demands, axis=2)
    return distances.astype(np.float32)


def cost_of(costs, rows):
    return costs[np.asarray(rows)].min(axis=0).sum(dtype=np.float64)


def best_of_all(costs, n_medoids, fixed=()):
    """The cheapest of all choices."""
    choices = combinations(range(len(costs)), n_medoids)
    return min(cost_of(costs, rows) for rows in choices if set(fixed) <= set(rows))


def test_hand_worked_example():
    # Candidates and demands on a line: 0, 1, 2 and 10, 11. The middles of the two groups are
    # 1 and either of 10 and 11; the lower row wins.
    places = np.array([0, 1, 2, 10, 11], np.float32)
    medoids = choose_medoids(np.abs(places[:, np.newaxis] - places), 2)
    assert sorted(medoids) == [1, 3]


@pytest.mark.parametrize("n_medoids", [1, 2, 3, 8, 9])
def test_close_to_the_best_of_all_choices(n_medoids):
    excess = []
    for seed in range(30):
        costs = draw_costs(seed)
        found = cost_of(costs, choose_medoids(costs, n_medoids))
        best = best_of_all(costs, n_medoids)
        assert found >= best * (1 - 1e-6)
        excess.append(found / best)
    assert np.mean(np.isclose(excess, 1, rtol=1e-5)) >= 0.8
    assert max(excess) < 1.1


def test_one_medoid_is_the_best_of_all_choices():
    for seed in range(10):
        costs = draw_costs(seed)
        assert choose_medoids(costs, 1).tolist() == [costs.sum(axis=1).argmin()]


@given(seed=st.integers(0, 2**32), n_medoids=st.integers(2, 5))
def test_the_greedy_start_saves_what_nemhauser_guarantees(seed, n_medoids):
    # With one medoid given, the saving is a monotone submodular function that starts at 0.
    costs = draw_costs(seed)
    start = cost_of(costs, [0])
    found = cost_of(costs, choose_medoids(costs, n_medoids, fixed=[0], max_passes=0))
    best = best_of_all(costs, n_medoids, fixed=[0])
    assert start - found >= (1 - 1 / np.e) * (start - best) - 1e-5


@given(seed=st.integers(0, 2**32), n_medoids=st.integers(1, 9))
def test_the_lazy_start_is_the_plain_greedy_one(seed, n_medoids):
    # Whole numbers, so that sums are exact and ties are common.
    costs = np.random.default_rng(seed).integers(0, 4, (9, 12)).astype(np.float32)
    rows = []
    while len(rows) < n_medoids:
        others = [row for row in range(9) if row not in rows]
        rows.append(min(others, key=lambda row: (cost_of(costs, [*rows, row]), row)))
    assert choose_medoids(costs, n_medoids, max_passes=0).tolist() == rows


@given(seed=st.integers(0, 2**32), n_medoids=st.integers(1, 20))
def test_swaps_never_raise_the_cost(seed, n_medoids):
    costs = draw_costs(seed, n_candidates=20, n_demands=30)
    passes = [choose_medoids(costs, n_medoids, max_passes=n) for n in range(4)]
    assert all(len(set(rows.tolist())) == n_medoids for rows in passes)
    assert (np.diff([cost_of(costs, rows) for rows in passes]) <= 0).all()


@given(seed=st.integers(0, 2**32), n_medoids=st.integers(1, 6))
def test_no_single_swap_is_left_that_helps(seed, n_medoids):
    costs = draw_costs(seed)
    medoids = choose_medoids(costs, n_medoids, max_passes=100)
    for position in range(n_medoids):
        for row in set(range(len(costs))) - set(medoids.tolist()):
            swapped = medoids.copy()
            swapped[position] = row
            assert cost_of(costs, swapped) >= cost_of(costs, medoids) * (1 - 1e-5)


def test_swaps_better_a_start_that_is_not_the_best():
    # Greedily, the middle of the line comes first; two medoids do better without it.
    places = np.array([-3, -2, 0, 2, 3], np.float32)
    costs = np.abs(places[:, np.newaxis] - np.array([-3, -2, 2, 3], np.float32)).astype(np.float32)
    start = choose_medoids(costs, 2, fixed=[2], max_passes=0)
    medoids = choose_medoids(costs, 2)
    assert cost_of(costs, medoids) == best_of_all(costs, 2) == 2.0
    assert cost_of(costs, medoids) < cost_of(costs, start)
    assert 2 not in medoids


@given(seed=st.integers(0, 2**32), n_medoids=st.integers(2, 6))
def test_fixed_rows_stay_and_the_others_are_chosen_around_them(seed, n_medoids):
    costs = draw_costs(seed)
    fixed = [7, 3]
    medoids = choose_medoids(costs, n_medoids, fixed=fixed)
    assert medoids[:2].tolist() == fixed
    assert len(set(medoids.tolist())) == n_medoids
    assert cost_of(costs, medoids) <= best_of_all(costs, n_medoids, fixed) * 1.5


def test_what_a_fixed_row_covers_is_not_covered_again():
    places = np.array([0, 1, 2, 10, 11, 12], np.float32)
    costs = np.abs(places[:, np.newaxis] - places)
    assert choose_medoids(costs, 2, fixed=np.array([4])).tolist() == [4, 1]


def test_ties_go_to_the_lowest_row():
    zeros = np.zeros((6, 4), np.float32)
    assert choose_medoids(zeros, 4).tolist() == [0, 1, 2, 3]
    assert choose_medoids(zeros, 3, fixed=[5]).tolist() == [5, 0, 1]


def test_all_candidates_can_be_chosen():
    costs = draw_costs(1)
    medoids = choose_medoids(costs, len(costs))
    assert sorted(medoids) == list(range(len(costs)))
    assert cost_of(costs, medoids) == pytest.approx(costs.min(axis=0).sum())


def test_the_costs_are_left_as_they_are():
    costs = draw_costs(2)
    before = costs.copy()
    choose_medoids(costs, 4)
    assert (costs == before).all()
