"""The number of clusters: known ones are found, curves and silhouettes are checked by hand."""

import json
import re
import warnings

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from factories import make_features
from keyframes.choose_k import choose_k, elbow, find_knee, silhouette
from keyframes.choosing import choose
from keyframes.cli import cli
from keyframes.errors import SettingsError
from keyframes.settings import Settings
from keyframes.thumbnails import ThumbnailStore


def make_blobs(n_clusters, seed=0, n=600):
    """Points of `n_clusters` clusters that are well apart."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(n_clusters, 12)) * 10
    labels = np.arange(n) % n_clusters
    return (centers[labels] + rng.normal(size=(n, 12))).astype(np.float32)


def distances_between(points):
    return np.linalg.norm(points[:, np.newaxis] - points, axis=2)


class TestChooseK:
    @pytest.mark.parametrize("n_clusters", [6, 11, 24])
    def test_finds_the_number_of_clusters(self, n_clusters):
        found = choose_k(make_blobs(n_clusters), np.random.default_rng(0), largest=100)
        assert found.elbow == n_clusters
        assert found.most_silhouetted.k == n_clusters

    def test_elbow_alone_is_the_same(self):
        values = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
        found = choose_k(values, np.random.default_rng(5), largest=50)
        assert elbow(values, np.random.default_rng(5), largest=50) == found.elbow

    def test_the_same_seed_gives_the_same_answer(self):
        values = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
        first, second = (
            choose_k(values, np.random.default_rng(5), largest=50).to_json() for _ in range(2)
        )
        assert first == second

    def test_scores_ascend_and_keep_to_the_range(self):
        found = choose_k(make_blobs(6), np.random.default_rng(0), smallest=3, largest=40)
        ks = [score.k for score in found.scores]
        assert ks == sorted(set(ks))
        assert (ks[0], ks[-1]) == (3, 40)
        explained = [score.variance_explained for score in found.scores]
        total = make_blobs(6) - make_blobs(6).mean(axis=0)
        assert found.scores[0].inertia == pytest.approx(
            (1 - explained[0]) * np.sum(total**2, dtype=np.float64), rel=1e-4
        )

    def test_one_cluster_explains_nothing(self):
        values = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
        values -= values.mean(axis=0)
        found = choose_k(values, np.random.default_rng(0), smallest=1, largest=2)
        assert found.scores[0].variance_explained == 0

    @effort(deadline=None, max_examples=15)
    @given(st.integers(0, 10_000))
    def test_more_clusters_never_explain_less(self, seed):
        values = np.random.default_rng(seed).uniform(size=(60, 2)).astype(np.float32)
        found = choose_k(values, np.random.default_rng(seed), smallest=2, largest=60)
        explained = [score.variance_explained for score in found.scores]
        assert explained == sorted(explained)

    def test_the_silhouette_is_that_of_a_bounded_sample(self, monkeypatch):
        monkeypatch.setattr("keyframes.choose_k.MAX_SAMPLE", 100)
        found = choose_k(make_blobs(6), np.random.default_rng(0), largest=12)
        assert (found.n_candidates, found.n_sampled) == (600, 100)
        assert found.most_silhouetted.k == 6

    def test_k_is_never_more_than_the_candidates(self):
        found = choose_k(make_blobs(3, n=9), np.random.default_rng(0), smallest=2)
        assert found.scores[-1].k == 9
        assert found.scores[-1].inertia == pytest.approx(0, abs=1e-3)
        assert found.elbow == 3

    def test_duplicates_are_no_trouble(self):
        values = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = choose_k(values, np.random.default_rng(0), smallest=2)
        assert found.elbow == 3

    def test_a_still_video_has_no_elbow_and_gets_the_smallest_k(self):
        assert elbow(np.ones((20, 4), np.float32), np.random.default_rng(0)) == 5

    def test_says_how_far_it_is(self):
        calls = []
        choose_k(
            make_blobs(6),
            np.random.default_rng(0),
            largest=30,
            on_fit=lambda done, total: calls.append((done, total)),
        )
        assert [done for done, _ in calls] == list(range(1, len(calls) + 1))
        assert len({total for _, total in calls}) == 1
        assert calls[-1][0] <= calls[-1][1]

    def test_more_clusters_than_candidates_are_refused(self):
        with pytest.raises(SettingsError, match="20 candidate frames can't make 30"):
            choose_k(make_blobs(2, n=20), np.random.default_rng(0), smallest=30, largest=40)


class TestKnee:
    def test_is_where_the_curve_lies_deepest_below_its_chord(self):
        # The chord from (1, 10) to (5, 0) lies at 7.5, 5 and 2.5: 3.5, 4 and 2 above the curve.
        assert find_knee([1, 2, 3, 4, 5], [10, 4, 1, 0.5, 0]) == 3

    def test_is_measured_in_k_not_in_steps(self):
        assert find_knee([1, 2, 100], [10, 5, 0]) == 2
        assert find_knee([1, 99, 100], [10, 1, 0]) == 1

    def test_a_rise_by_chance_counts_for_nothing(self):
        assert (
            find_knee([1, 2, 3, 4], [10, 3.9, 1, 3])
            == find_knee([1, 2, 3, 4], [10, 3.9, 1, 1])
            == 2
        )

    def test_a_straight_or_level_curve_has_its_knee_at_the_start(self):
        assert find_knee([2, 4, 6], [3, 2, 1]) == 2
        assert find_knee([2, 4, 6], [3, 3, 3]) == 2
        assert find_knee([7], [1]) == 7

    @given(
        st.lists(st.floats(1, 1e3), min_size=2, max_size=20),
        st.floats(1e-3, 1e3),
        st.floats(-1e3, 1e3),
    )
    def test_does_not_depend_on_the_unit_of_j(self, falls, factor, offset):
        inertia = np.cumsum(falls)[::-1]
        k = np.arange(1, len(falls) + 1).tolist()
        assert find_knee(k, (inertia * 2.0).tolist()) == find_knee(k, inertia.tolist())
        across = (np.array(k) - 1) / (len(k) - 1)

        def depth(curve):
            return (curve[0] - curve) / (curve[0] - curve[-1]) - across

        moved = depth(inertia * factor + offset)
        assert moved[find_knee(k, inertia.tolist()) - 1] == pytest.approx(moved.max(), abs=1e-6)


class TestSilhouette:
    def test_by_hand(self):
        # Points 0, 1 | 4: of 0: a = 1, b = 4; of 1: a = 1, b = 3; 4 is alone.
        distances = distances_between(np.array([[0.0], [1.0], [4.0]]))
        expected = (3 / 4 + 2 / 3 + 0) / 3
        assert silhouette(distances, np.array([0, 0, 1])) == pytest.approx(expected)

    @effort(deadline=None, max_examples=30)
    @given(st.integers(0, 10_000), st.integers(5, 40), st.integers(2, 4))
    def test_agrees_with_scikit_learn(self, seed, n, k):
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(n, 3))
        labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
        distances = distances_between(points)
        np.fill_diagonal(distances, 0)
        expected = silhouette_score(distances, labels, metric="precomputed")
        assert silhouette(distances, labels) == pytest.approx(expected)
        assert silhouette(distances, 7 * labels + 3) == pytest.approx(expected)  # names don't count

    def test_where_nothing_can_be_compared_it_is_0(self):
        distances = distances_between(np.arange(3.0)[:, np.newaxis])
        assert silhouette(distances, np.zeros(3, int)) == 0
        assert silhouette(np.zeros((4, 4)), np.array([0, 0, 1, 1])) == 0


def ignore(done, total):
    """Take no notice of progress."""


class TestAuto:
    @pytest.mark.parametrize("n_clusters", [6, 11])
    def test_takes_as_many_as_there_are_clusters(self, n_clusters):
        features = make_features(make_blobs(n_clusters, n=120))
        with ThumbnailStore() as store:
            choice = choose(features, store, Settings(count="auto"), ignore)
        assert choice.n_asked == len(choice.rows) == n_clusters
        assert sorted(choice.clustering.labels[choice.rows]) == list(range(n_clusters))

    def test_takes_all_of_a_handful(self):
        features = make_features([0, 5, 9])
        with ThumbnailStore() as store:
            choice = choose(features, store, Settings(count="auto"), ignore)
        assert choice.rows.tolist() == [0, 1, 2]


class TestCommand:
    @pytest.fixture
    def video(self, make_video, tmp_path):
        return make_video(tmp_path / "v.mp4", 30)

    def test_finds_the_elbow_that_auto_takes(self, video, tmp_path):
        options = ["--no-cache", "--json", "--features", "gray", "--seed", "2"]
        found = CliRunner().invoke(cli, ["choose-k", str(video), *options])
        out = ["-o", str(tmp_path / "out"), "-k", "auto"]
        taken = CliRunner().invoke(cli, ["extract", str(video), *out, *options])
        (record,) = json.loads(taken.stdout)["videos"]
        k = json.loads(found.stdout)["elbow"]
        assert record["asked"] == k == len(record["keyframes"])
        why = f"{k}, the elbow of 5 to 30 (Kneedle)"
        assert re.search(rf"(?m)^  k +{re.escape(why)}$", taken.stderr)
        assert f"<td>{why}</td>" in (tmp_path / "out" / "v.html").read_text(encoding="utf-8")

    def test_an_impossible_range_is_said_in_the_words_of_the_options(self, video):
        result = CliRunner().invoke(cli, ["choose-k", str(video), "--min", "50", "--max", "10"])
        assert result.exit_code == 2
        assert "--min 50 is above --max 10; give 2 ≤ --min ≤ --max" in result.stderr

    def run(self, *arguments):
        options = ["--no-cache", "--features", "gray", "--max", "20"]
        return CliRunner().invoke(cli, ["choose-k", *map(str, arguments), *options])

    @pytest.mark.parametrize(("columns", "has_plot"), [(120, True), (51, True), (50, False)])
    def test_fits_the_terminal(self, video, monkeypatch, columns, has_plot):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = self.run(video).stdout.splitlines()
        plots = [line for line in lines if "|" in line]
        assert bool(plots) == ("• variance explained" in " ".join(lines)) == has_plot
        assert all(len(line) < columns for line in lines)
        assert max(map(len, plots), default=columns - 1) == columns - 1
        assert " ".join(" ".join(lines).split()).count("more clusters stop paying") == 1

    def test_of_a_single_frame_there_is_no_k(self, make_video, tmp_path):
        error = self.run(make_video(tmp_path / "one.mp4", 1)).exception
        assert str(error).endswith(
            "one.mp4: 1 candidate frame makes 1 cluster: there is no k to choose"
        )

    def test_prints_a_table_with_a_plot(self, video, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        result = self.run(video)
        assert result.exception is None, result.output
        lines = result.stdout.splitlines()
        assert re.match(r"v.mp4: k = \d+ is where, from 5 to 20, more clusters", lines[0])
        said = "(the knee, by Kneedle, of J: the summed squared distances to the clusters)"
        assert lines[1] == said
        assert all(len(line) <= 80 for line in lines)
        rows = [line for line in lines if "|" in line]
        assert [line.endswith("elbow") for line in rows].count(True) == 1
        assert {row.index("|") for row in rows} == {lines[3].index("silhouette") + 12}
        assert all("•" in line for line in rows)
        assert int(rows[0].split()[0]) == 5
        assert "30 frames clustered" in result.stdout

    def test_json_is_one_document_and_agrees_with_the_library(self, video):
        result = self.run(video, "--json", "--seed", "3")
        document = json.loads(result.stdout)
        assert document["seed"] == 3
        assert document["knee"] == "kneedle"
        assert document["elbow"] in [score["k"] for score in document["scores"]]
        assert document["n_candidates"] == 30

    def test_writes_a_page_but_never_over_another_file(self, video, tmp_path):
        page = tmp_path / "new" / "k.html"
        assert self.run(video, "-o", page).stderr == f"page: {page}\n"
        assert self.run(video, "-o", page, "-q").stderr == ""
        assert "elbow: k = " in page.read_text(encoding="utf-8")
        assert "the range that was tried, from 5 to 20" in page.read_text(encoding="utf-8")
        assert self.run(video, "-o", page).exception is None
        page.write_text("mine")
        assert "was not written by keyframes" in str(self.run(video, "-o", page).exception)
        assert page.read_text() == "mine"

    def test_a_folder_is_refused(self, tmp_path):
        result = self.run(tmp_path)
        assert result.exit_code == 2
        assert f"{tmp_path} is a folder: give one video" in result.stderr


def test_a_video_that_cannot_be_read_is_a_failure(run, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    code, _, errors = run("choose-k", "broken.mp4")
    assert code == 1
    assert "broken.mp4" in errors
    assert errors.count("\n") == 1
