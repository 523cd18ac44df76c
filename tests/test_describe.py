"""What the cache knows of a video is what the video itself says."""

import shutil
from dataclasses import fields, replace

import av
import numpy as np
import pytest

from keyframes import Settings, extract
from keyframes.cache import FeatureCache
from keyframes.describe import find_index, plan_sampling
from keyframes.files import identify, read_json
from keyframes.video import Span, VideoIndex, index_video, parse_position

VIDEOS = {
    "b-frames.mp4": {"b_frames": 3},
    "variable-rate.mkv": {"pts": [5000 + i * 40 + (i % 3) * 11 for i in range(40)], "b_frames": 2},
    "open-gop.ts": {"b_frames": 3, "options": {"x264-params": "open-gop=1:b-adapt=0"}},
    "without-times.h264": {"b_frames": 2},
    "in-doubt.avi": {"codec": "mpeg4", "b_frames": 2},
    "hidden.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "12"}},
}


@pytest.fixture(scope="module", params=VIDEOS)
def any_video(request, make_video, tmp_path_factory):
    path = tmp_path_factory.mktemp("videos") / request.param
    try:
        return make_video(path, **VIDEOS[request.param])
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        pytest.skip(f"this build of FFmpeg can't make it: {error}")


def test_index_from_the_cache_is_the_same(any_video, tmp_path):
    cache = FeatureCache(tmp_path)
    read, fresh = find_index(any_video, cache), index_video(any_video)
    known = find_index(any_video, cache)
    assert read is not known
    for name in (field.name for field in fields(VideoIndex)):
        one, other = getattr(fresh, name), getattr(known, name)
        assert type(one) is type(other), name
        assert np.array_equal(one, other), name
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype


def test_what_is_chosen_is_the_same_with_the_cache(any_video, tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path / "cache")
    extract(any_video, tmp_path / "first", Settings(count=3), cache=cache)
    for out, known in (("fresh", None), ("known", cache)):
        (tmp_path / out).mkdir()
        monkeypatch.chdir(tmp_path / out)
        extract(any_video, settings=Settings(count=5), cache=known)
    fresh, known = (
        {
            path.relative_to(tmp_path / out): path.read_bytes()
            for path in (tmp_path / out).rglob("*.*")
            if path.suffix != ".json"  # its timings
        }
        for out in ("fresh", "known")
    )
    assert len(fresh) == 5 + 2
    assert known == fresh


@pytest.mark.parametrize(("step", "held", "listed"), [(1, (), ()), (5, (7,), (7,)), (5, (), ())])
def test_what_grows_from_candidates_is_known(any_video, tmp_path, step, held, listed):
    cache, out = FeatureCache(tmp_path / "cache"), tmp_path / "out"
    index = find_index(any_video, cache)
    asked = Settings(count=3, step=step, held=held)
    first = extract(any_video, out, asked, cache=cache)
    entries = set(cache.folder.iterdir())
    grown = Settings(count=6, step=step, held=(*held, *first.frame_indices))
    assert plan_sampling(index, grown).listed == listed
    known = extract(any_video, out, Settings(count=6, step=step, held=held), grow=True, cache=cache)
    assert set(cache.folder.iterdir()) == entries
    assert set(first.frame_indices) < set(known.frame_indices)
    assert known.frame_indices == extract(any_video, tmp_path / "fresh", grown).frame_indices


def test_in_a_part_of_a_video_what_is_held_is_listed(make_video, tmp_path):
    index = find_index(make_video(tmp_path / "v.mp4", 20), None)
    settings = Settings(span=Span(start=parse_position("3f")), step=2, held=(3, 4))
    assert plan_sampling(index, settings).listed == (3, 4)


def test_index_is_found_by_the_content_of_the_video(make_video, tmp_path):
    video, cache = make_video(tmp_path / "v.mp4", n_frames=3), FeatureCache(tmp_path / "cache")
    told = replace(index_video(video), doubt="told by the cache")
    key = {name: value for name, value in identify(video).items() if name != "name"}
    key["modified_ns"] = video.stat().st_mtime_ns
    cache.save_index({"video": key}, told)
    moved = tmp_path / "moved" / "v.mp4"
    moved.parent.mkdir()
    shutil.copy2(video, moved)
    index = find_index(moved, cache)
    assert (index.path, index.doubt) == (moved, "told by the cache")
    assert find_index(video, None).doubt is None
    make_video(video, n_frames=4)
    assert len(find_index(video, cache)) == 4


def test_renamed_recording_is_known_and_called_by_its_new_name(make_video, tmp_path):
    video, cache = make_video(tmp_path / "v.mp4", n_frames=8), FeatureCache(tmp_path / "cache")
    extract(video, tmp_path / "out", Settings(count=2), cache=cache)
    entries = set(cache.folder.iterdir())
    renamed = video.rename(tmp_path / "w.mkv")
    selection = extract(renamed, tmp_path / "out", Settings(count=2), cache=cache)
    assert set(cache.folder.iterdir()) == entries
    assert selection.video.path == renamed
    assert read_json(tmp_path / "out" / "w.json")["identity"]["video"]["name"] == "w.mkv"
