"""One selection over many videos, against clustering all of their frames at once."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from export_helpers import tree
from keyframes.batch import extracting, run_jobs
from keyframes.describe import describe_video
from keyframes.errors import OutputError, SettingsError, VideoError
from keyframes.jobs import Job
from keyframes.kmeans import KMeans, nearest_centers
from keyframes.pool import (
    _cluster,
    _nearest_summaries,
    check_shapes,
    make_room,
    plan_pool,
    plan_shares,
    summarising,
)
from keyframes.records import Crop
from keyframes.settings import Settings
from keyframes.summaries import Summary, condense
from keyframes.thumbnails import ThumbnailStore


@pytest.fixture(scope="module")
def videos(make_video, tmp_path_factory):
    """Three alike and one unlike them."""
    folder = tmp_path_factory.mktemp("videos")
    for at, name in enumerate("abc"):
        make_video(folder / f"{name}.mp4", n_frames=150, first_number=40 * at)
    make_video(folder / "odd.mp4", n_frames=150, first_number=3000)
    return sorted(folder.iterdir())


def pool(videos, out, count, per_video_min=0, **options):
    """Summarise, share and extract; return the outcomes."""
    jobs = [Job(video, out, Settings(count=count, **options)) for video in videos]
    n_points = plan_pool(jobs, per_video_min)
    assert not [outcome.error for outcome in run_jobs(jobs, summarising(n_points)) if outcome.error]
    return list(run_jobs(plan_shares(jobs, n_points, per_video_min), extracting()))


def test_pictures_that_are_gone_come_back(videos, tmp_path):
    pool(videos, tmp_path, 8)
    whole = tree(tmp_path)
    for path in [*tmp_path.rglob("*.png")][::2]:
        path.unlink()
    assert not any(outcome.error for outcome in pool(videos, tmp_path, 8))
    assert tree(tmp_path) == whole


def all_values(videos, options):
    """Return the features of all candidates of all videos, no mean subtracted."""
    rows = []
    for video in videos:
        with ThumbnailStore() as store:
            _, features = describe_video(video, options, store)
        rows.append(features.values + features.mean)
    return np.concatenate(rows)


def share_of(outcome):
    return outcome.job.settings.share


@pytest.mark.parametrize("features", ["hog", "gray"])
def test_pooled_selection_is_as_good_as_clustering_all_frames(
    videos, tmp_path, monkeypatch, features
):
    monkeypatch.setattr("keyframes.pool.MIN_POINTS", 64)  # a real summary of 150 frames
    options = Settings(count=24, features=features)
    values = all_values(videos, options)
    jobs = [Job(video, tmp_path, options) for video in videos]
    n_points = plan_pool(jobs)
    assert n_points < 150
    list(run_jobs(jobs, summarising(n_points)))
    shares = [job.settings.share for job in plan_shares(jobs, n_points)]
    centers = np.concatenate([share.centers for share in shares])
    assert sorted(c for share in shares for c in share.clusters) == list(range(24))
    pooled = nearest_centers(values, centers)[1].sum()
    assert pooled <= 1.03 * KMeans(24, n_init=3, random_state=0).fit(values).inertia_
    assert dict(shares[0].facts)["pool_inertia"] >= pooled  # what it promised
    assert dict(shares[0].facts)["pool_inertia"] <= 1.1 * pooled


def test_chosen_frames_are_the_nearest_real_ones_and_the_records_say_so(videos, tmp_path):
    outcomes = pool(videos, tmp_path, 20)
    assert sum(len(outcome.selection.keyframes) for outcome in outcomes) == 20
    for outcome in outcomes:
        record = json.loads(outcome.record.read_text("utf-8"))
        found = record["explanation"]
        assert (found["pool_videos"], found["pool_keyframes"]) == (4, 20)
        assert found["pool_candidates"] == 600
        assert record["identity"]["settings"]["pool"] == found["pool"]
        assert record["found"] == record["asked"] == len(found["pool_clusters"])
        values, centers = all_values([outcome.job.video], Settings()), share_of(outcome).centers
        for row in record["keyframes"]:
            _, squared = nearest_centers(values[[row["frame_index"]]], centers)
            assert row["distance"] == pytest.approx(np.sqrt(squared[0]), abs=1e-3)
            picture = cv2.imread(str(tmp_path / row["image"]))
            assert picture.shape == (64, 96, 3)
    again = pool(videos, tmp_path, 20)
    assert not any(outcome.is_new for outcome in again)


def test_similar_videos_share_and_unusual_ones_get_more():
    rng = np.random.default_rng(0)
    dull = [Summary.of(rng.normal(0, 0.1, (40, 3)).astype(np.float32))] * 3
    lively = Summary.of(rng.normal(0, 5, (40, 3)).astype(np.float32))
    found = _cluster([*dull, lively], 12, 0, n_init=3, seed=0)
    shares = np.bincount(found.owners, minlength=4)
    assert shares[3] >= 10
    assert 1 <= shares[:3].sum() <= 2  # for all three together
    least = np.bincount(_cluster([*dull, lively], 12, 2, n_init=3, seed=0).owners)
    assert least.tolist() == [2, 2, 2, 6]


def test_every_video_gets_its_least(videos, tmp_path):
    least = pool(videos, tmp_path / "least", 9, per_video_min=2)
    assert len(least) == 4
    assert all(len(outcome.selection.keyframes) >= 2 for outcome in least)
    assert sum(len(outcome.selection.keyframes) for outcome in least) == 9
    every = pool(videos, tmp_path / "every", 8, per_video_min=2)
    assert [len(outcome.selection.keyframes) for outcome in every] == [2, 2, 2, 2]


def test_still_and_short_videos_get_no_more_than_they_have(videos, make_video, tmp_path):
    short = make_video(tmp_path / "short.mp4", n_frames=2)
    outcomes = pool([short, videos[0]], tmp_path / "out", 40, per_video_min=5)
    found = {o.job.video.stem: len(o.selection.keyframes) for o in outcomes}
    assert found == {"short": 2, "a": 38}
    assert not any("pool" in warning for o in outcomes for warning in o.selection.warnings)


def test_a_pool_that_falls_short_says_so_in_every_record(videos, make_video, tmp_path):
    short = make_video(tmp_path / "short.mp4", n_frames=2)
    for outcome in pool([short, videos[0]], tmp_path / "out", 200):
        record = json.loads(outcome.record.read_text("utf-8"))
        told = "the pool has 152 of 200 keyframes: its videos have no more candidate frames"
        assert told in record["warnings"]
        facts = record["explanation"]
        assert (facts["pool_asked"], facts["pool_keyframes"]) == (200, 152)


def test_no_video_gets_more_than_it_has():
    alike = Summary(np.zeros((1, 2), np.float32), np.array([3.0]), np.zeros(1), 0.0)
    other = Summary.of(np.array([[5, 0], [6, 0], [0, 5]], np.float32))
    owners = _cluster([alike, other], 6, 0, n_init=3, seed=0).owners
    assert np.bincount(owners).tolist() == [3, 3]


def test_centre_goes_to_the_video_with_the_nearest_frame_not_the_nearest_mean():
    around = condense(
        Summary.of(np.array([[-3, 0], [3, 0]], np.float32)), 1, np.random.default_rng(0)
    )
    near = Summary.of(np.array([[0, 2]], np.float32))
    centers = np.zeros((1, 2), np.float32)
    assert around.points.tolist() == centers.tolist()
    assert _nearest_summaries([around, near], centers, {}).tolist() == [1]


def test_union_of_very_many_summaries_is_bounded(videos, tmp_path, monkeypatch):
    sizes = []
    fit = KMeans.fit

    def watch(self, X, *arguments, **options):
        sizes.append((self.n_clusters, len(X)))
        return fit(self, X, *arguments, **options)

    monkeypatch.setattr("keyframes.pool.MAX_POINTS", 80)
    monkeypatch.setattr(KMeans, "fit", watch)
    outcomes = pool(videos, tmp_path, 10)
    assert sum(len(outcome.selection.keyframes) for outcome in outcomes) == 10
    assert max(n for k, n in sizes if k == 10) <= 80


def test_videos_of_other_shapes_are_refused_before_any_is_summarised(videos, make_video, tmp_path):
    other = make_video(tmp_path / "tall.mp4", n_frames=2, size=(64, 96))  # as many pixels
    larger = make_video(tmp_path / "larger.mp4", n_frames=2, size=(192, 128))
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")

    def check(*paths, **options):
        check_shapes([Job(path, tmp_path, Settings(**options)) for path in paths])

    check(bad, *videos, larger)
    check(videos[0], other, crop=Crop(0, 0, 50, 50))
    message = r"a\.mp4 shows 96x64 pixels and .*tall\.mp4 shows 64x96 pixels: .*--crop"
    with pytest.raises(SettingsError, match=message):
        check(bad, *videos, other)
    with pytest.raises(SettingsError, match=r"96x64 .* 192x128"):
        check(videos[0], larger, width=128)  # the small one stays small


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": "auto"}, "not auto"),
        ({"method": "uniform"}, "not by uniform"),
        ({"frames": (1, 2)}, "leave out --frames"),
        ({"count": 7}, "raise -k"),
    ],
)
def test_what_makes_no_sense_is_refused(videos, tmp_path, options, message):
    jobs = [Job(video, tmp_path, Settings(**options)) for video in videos]
    with pytest.raises(SettingsError, match=message):
        plan_pool(jobs, per_video_min=2)


def test_what_a_project_holds_is_no_part_of_a_pool(videos, tmp_path):
    outcomes = pool(videos[:2], tmp_path, 4, per_video_min=1)
    jobs = [
        replace(o.job, settings=Settings(count=4, held=tuple(o.selection.frame_indices)))
        for o in outcomes
    ]
    assert plan_pool(jobs), "what this pool has put there"
    refusal = r"the project holds frames of .*a\.mp4: .* without --dlc and --export"
    with pytest.raises(SettingsError, match=refusal):
        plan_pool(jobs, overwrite=True)
    with pytest.raises(SettingsError, match=refusal):
        plan_pool([replace(job, output=tmp_path / "other") for job in jobs])


def test_bad_video_is_named_and_summaries_are_made_once(videos, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    jobs = [Job(video, tmp_path / "out", Settings()) for video in (bad, *videos[:2])]
    first = {o.job.video.stem: o for o in run_jobs(jobs, summarising(64), n_workers=2)}
    assert isinstance(first["bad"].error, VideoError)
    assert first["a"].is_new
    again = {o.job.video.stem: o for o in run_jobs(jobs, summarising(64))}
    assert not again["a"].is_new
    assert again["bad"].error


def test_video_that_lost_its_share_keeps_no_keyframes_of_another_selection(videos, tmp_path):
    job = Job(videos[0], tmp_path, Settings(count=2))
    list(run_jobs([job], extracting()))
    (tmp_path / "labeled-data" / "a" / "mine.txt").write_text("mine")
    make_room([Job(videos[1], tmp_path, Settings()), job], [job], overwrite=False)
    with pytest.raises(OutputError, match=r"takes none of the video.*--overwrite"):
        make_room([job], [], overwrite=False)
    assert job.folder.record.exists()
    picture = next(job.folder.images.glob("*.png"))
    table = picture.with_name("CollectedData_me.csv")
    table.write_text(f"labeled-data,a,{picture.name},3")
    with pytest.raises(OutputError, match=r"would go \(img.*\); choose another -o, or move"):
        make_room([job], [], overwrite=True)
    table.unlink()
    make_room([job], [], overwrite=True)
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert left == ["mine.txt"]


def test_keyframes_of_another_pool_are_refused_before_any_is_written(videos, tmp_path):
    pool(videos[:3], tmp_path, 6, per_video_min=1)
    jobs = [Job(video, tmp_path, Settings(count=8)) for video in videos]
    shares = [replace(job, settings=replace(job.settings, count=3)) for job in jobs]
    with pytest.raises(OutputError, match="another pool"):
        make_room(jobs, shares, overwrite=False)
    make_room(jobs, shares, overwrite=True)
    assert (tmp_path / "a.json").exists()  # its pictures go when the new ones are there
