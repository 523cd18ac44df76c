"""A video as a few weighted points: what they promise about the objective J."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyframes.errors import OutputError
from keyframes.jobs import Job
from keyframes.kmeans import nearest_centers
from keyframes.settings import Settings
from keyframes.summaries import Summary, condense, find_summary, summarise


def whole(values):
    return Summary.of(np.array(values, np.float32))


def objective(summary, centers):
    return float(summary.weights @ nearest_centers(summary.points, centers)[1]) + summary.inertia


def test_two_heaps_become_their_means():
    small = condense(
        whole([[0, 0], [0, 2], [10, 0], [10, 1], [10, 2]]), 2, np.random.default_rng(0)
    )
    order = np.argsort(small.points[:, 0])
    assert small.points[order].tolist() == [[0, 1], [10, 1]]
    assert small.weights[order].tolist() == [2, 3]
    assert small.gaps[order].tolist() == [1, 0]
    assert small.inertia == 2 + 2
    assert small.n_candidates == 5


def test_few_points_stay_as_they_are_and_equal_ones_become_one():
    few = whole([[1.0], [2.0]])
    assert condense(few, 2, np.random.default_rng(0)) is few
    one = condense(whole([[3.0]] * 9), 4, np.random.default_rng(0))
    assert (one.points.tolist(), one.weights.tolist(), one.inertia) == ([[3.0]], [9.0], 0.0)
    assert one.gaps.tolist() == [0.0]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 80),
    n_points=st.integers(1, 20),
    k=st.integers(1, 5),
)
def test_points_never_promise_too_much(seed, n, n_points, k):
    """J of the points plus what they leave out bounds J of the candidates, for any centres."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 3)).astype(np.float32)
    centers = rng.normal(size=(k, 3))
    once = condense(whole(values), n_points, rng)
    twice = condense(once, max(1, n_points // 2), rng)
    true = nearest_centers(values, centers)[1].sum()
    for summary in (once, twice):
        assert summary.weights.sum() == n
        assert objective(summary, centers) >= true * (1 - 1e-5)
        mean = values.mean(axis=0, keepdims=True, dtype=np.float64)
        single = np.square(values - mean).sum()  # of the mean alone it is no bound but equal
        assert objective(summary, mean) == pytest.approx(single, rel=1e-4)


@pytest.fixture
def job(make_video, tmp_path):
    return Job(make_video(tmp_path / "v.mp4", n_frames=20), tmp_path / "out", Settings())


def make_summary(job, n_points=6):
    summarise(job, n_points=n_points, cache=None, threads=1, progress=None)


def test_summary_is_found_again_for_the_same_question_only(job, make_video):
    assert find_summary(job, 6) is None
    make_summary(job)
    _, summary = find_summary(job, 6)
    assert summary.n_candidates == 20
    assert len(summary.points) <= 6
    assert summary.points.min() >= 0  # outlines, no mean subtracted
    assert find_summary(job, 7) is None
    assert find_summary(Job(job.video, job.output, Settings(step=2)), 6) is None
    assert find_summary(Job(job.video, job.output, Settings(count=99)), 6) is not None
    make_video(job.video, n_frames=21)
    assert find_summary(job, 6) is None


def test_summary_of_another_format_is_none(job, monkeypatch):
    make_summary(job)
    asked, _ = find_summary(job, 6)
    monkeypatch.setattr("keyframes.summaries._FORMAT", 0)
    assert find_summary(job, 6) is None
    make_summary(job)
    assert find_summary(job, 6)[0] == asked, "the pool's keyframes stay what was asked for"


@pytest.mark.parametrize("content", [b"no video any more", None])
def test_a_video_that_is_lost_is_known_by_what_it_was(job, content):
    assert find_summary(job, 6, is_lost=True) is None
    make_summary(job)
    asked, _ = find_summary(job, 6)
    job.video.unlink()
    if content:
        job.video.write_bytes(content)
    assert find_summary(job, 6, is_lost=True)[0] == asked
    assert find_summary(job, 7, is_lost=True) is None


def test_same_video_gives_the_same_bytes(job):
    make_summary(job)
    first = job.folder.summary.read_bytes()
    make_summary(job)
    assert job.folder.summary.read_bytes() == first
    assert [path.name for path in job.output.iterdir()] == ["v.summary.npz"]


@pytest.mark.parametrize("kept", [0, 100, 1000])
def test_a_summary_that_was_cut_short_is_made_anew(job, kept):
    make_summary(job)
    whole_one = job.folder.summary.read_bytes()
    job.folder.summary.write_bytes(whole_one[:kept])
    assert find_summary(job, 6) is None
    make_summary(job)
    assert job.folder.summary.read_bytes() == whole_one


@pytest.mark.parametrize("content", [b"mine", None])
def test_other_peoples_files_are_left_alone(job, content):
    job.output.mkdir()
    if content is None:
        np.savez(job.folder.summary, identity=np.array('{"program": "other"}'), a=np.ones(3))
        content = job.folder.summary.read_bytes()
    job.folder.summary.write_bytes(content)
    for refused in (make_summary, lambda job: find_summary(job, 6)):
        with pytest.raises(OutputError, match=r"v\.summary\.npz.*another -o"):
            refused(job)
    assert job.folder.summary.read_bytes() == content
