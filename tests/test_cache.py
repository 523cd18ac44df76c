"""Features and packets on disk: the same ones, for the same question, within a bound."""

import os
import sys
import tempfile
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from factories import make_features
from keyframes.cache import FeatureCache, default_folder
from keyframes.video import index_video

KEY = {"video": {"bytes": 10}, "features": "hog"}


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return make_features(rng.random((30, 5)), sharpness=rng.random(30), blank=rng.random(30) > 0.9)


def test_features_come_back_as_they_were(tmp_path, features):
    cache = FeatureCache(str(tmp_path / "cache"))
    assert cache.load(KEY, Path("v.mp4")) is None
    cache.save(KEY, features)
    loaded = cache.load(KEY, Path("moved/v.mp4"))
    for name in ("values", "mean", "sharpness", "blank"):
        assert np.array_equal(getattr(loaded, name), getattr(features, name))
        assert getattr(loaded, name).dtype == getattr(features, name).dtype
    for name in ("frame_indices", "times_s", "checksums"):
        assert np.array_equal(getattr(loaded.reading, name), getattr(features.reading, name))
    assert loaded.reading.video.path == Path("moved/v.mp4")
    assert loaded.reading.video.n_frames == features.reading.video.n_frames


def test_another_question_has_another_answer(tmp_path, features):
    cache = FeatureCache(tmp_path)
    cache.save(KEY, features)
    assert cache.load({**KEY, "features": "gray"}, Path("v.mp4")) is None


@pytest.mark.parametrize("package", [av, cv2, np], ids=lambda package: package.__name__)
def test_other_versions_have_another_answer(package, tmp_path, features, monkeypatch):
    cache = FeatureCache(tmp_path)
    cache.save(KEY, features)
    with monkeypatch.context() as patch:
        patch.setattr(package, "__version__", "another")
        assert cache.load(KEY, Path("v.mp4")) is None
    assert cache.load(KEY, Path("v.mp4")) is not None


@pytest.mark.parametrize("what", ["features", "packets"])
def test_damaged_entry_is_made_anew(what, tmp_path, features, make_video, caplog):
    caplog.set_level("INFO")
    cache = FeatureCache(tmp_path / "cache")
    if what == "features":
        load, save, entry = cache.load, cache.save, features
    else:
        load, save = cache.load_index, cache.save_index
        entry = index_video(make_video(tmp_path / "v.mp4", n_frames=3))
    save(KEY, entry)
    (file,) = cache.folder.iterdir()
    whole, other = file.read_bytes(), BytesIO()
    np.savez(other, header=np.array("{}"), video=np.array("{}"))
    for damaged in (whole[:100], b"", whole[:-30], other.getvalue()):
        file.write_bytes(damaged)
        assert load(KEY, Path("v.mp4")) is None
        assert "made anew" in caplog.text
        caplog.clear()
    save(KEY, entry)
    assert load(KEY, Path("v.mp4")) is not None


def test_oldest_entries_make_room(tmp_path, features):
    cache = FeatureCache(tmp_path)
    cache.save({"n": 0}, features)
    size = next(tmp_path.iterdir()).stat().st_size
    cache = FeatureCache(tmp_path, max_bytes=2 * size)
    cache.save({"n": 1}, features)
    for age, path in enumerate(sorted(tmp_path.iterdir())):
        os.utime(path, (1000 + age, 1000 + age))
    assert cache.load({"n": 0}, Path("v.mp4")) is not None  # used just now
    cache.save({"n": 2}, features)
    assert cache.load({"n": 0}, Path("v.mp4")) is not None
    assert cache.load({"n": 1}, Path("v.mp4")) is None


def test_what_killed_runs_left_makes_room(tmp_path, features):
    old, new = (tmp_path / f".keyframes-0123abcd-{name}" for name in ("00000000", "11111111"))
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    FeatureCache(tmp_path).save(KEY, features)
    assert (old.exists(), new.exists()) == (False, True)


def test_entry_of_somebody_else_is_used(tmp_path, features, monkeypatch, caplog):
    cache = FeatureCache(tmp_path)
    cache.save(KEY, features)

    def refuse(*_, **__):
        raise PermissionError

    for change in ("utime", "open"):  # which reading doesn't take
        monkeypatch.setattr(os, change, refuse)
    assert cache.load(KEY, Path("v.mp4")) is not None
    assert not caplog.text


def test_unwritable_cache_is_no_failure(tmp_path, features, caplog):
    caplog.set_level("INFO")
    (tmp_path / "file").write_text("x")
    FeatureCache(tmp_path / "file" / "cache").save(KEY, features)
    assert "may not be kept" in caplog.text
    assert "KEYFRAMES_CACHE names another folder" in caplog.text
    assert "choose another" not in caplog.text, "of an output folder"


def test_what_cannot_be_removed_is_no_failure(tmp_path, features, caplog):
    caplog.set_level("INFO")
    (tmp_path / "features-of-others.npz").mkdir()
    FeatureCache(tmp_path, max_bytes=0).save(KEY, features)
    assert not caplog.text


@pytest.mark.usefixtures("on_windows")
def test_an_entry_that_another_run_reads_stays_and_others_make_room(tmp_path, features):
    cache = FeatureCache(tmp_path)
    for n in range(2):
        cache.save({"n": n}, features)
    older, newer = sorted(tmp_path.iterdir())
    os.utime(older, (1000, 1000))
    with newer.open("rb"):
        FeatureCache(tmp_path, max_bytes=0).save({"n": 2}, features)
        assert list(tmp_path.iterdir()) == [newer]


def test_folder_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KEYFRAMES_CACHE", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv("KEYFRAMES_CACHE")
    assert default_folder().name == "keyframes"


@pytest.mark.skipif(sys.platform == "win32", reason="homes are kept elsewhere")
def test_where_no_home_is_known_the_cache_is_temporary(monkeypatch):
    for name in ("KEYFRAMES_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)
    assert default_folder() == Path(tempfile.gettempdir()) / "keyframes"
