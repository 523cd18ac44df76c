"""Pictures that show what lay in the memory, of which no decoder says that they are torn."""

import struct
import zlib

import numpy as np
import pytest

from footage import rewrite_packets
from keyframes import extract
from keyframes.cache import FeatureCache
from keyframes.errors import SettingsError, VideoError
from keyframes.files import read_json
from keyframes.output import OutputFolder
from keyframes.records import ThumbnailSpec
from keyframes.review import open_session
from keyframes.settings import Settings
from keyframes.video import find_torn_frames, index_video, read_thumbnails

TORN = [9, 17, 18, 24]
SPEC = ThumbnailSpec(size=48)


def upper_half(png):
    """Return a PNG whose compressed data end, as if all were well, in the middle of the picture."""
    head, data, place = png[:8], b"", 8
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, content = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            head += png[place : place + 12 + length]
        elif kind == b"IDAT":
            data += content
        place += 12 + length
    rows = zlib.decompress(data)
    data = b"IDAT" + zlib.compress(rows[: len(rows) // 2])
    data = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    return head + data + png[-12:]


@pytest.fixture
def torn_video(make_video, tmp_path):
    whole = make_video(tmp_path / "whole.mov", 30, codec="png")
    return rewrite_packets(
        [whole],
        tmp_path / "torn.mov",
        lambda number, png: upper_half(png) if number in TORN else png,
    )


def test_torn_frames_are_found(torn_video, make_video, tmp_path):
    index = index_video(torn_video)
    assert read_thumbnails(index, SPEC, lambda _: None).video.decode_errors == 0
    assert find_torn_frames(torn_video) == {*TORN}
    assert find_torn_frames(make_video(tmp_path / "sound.mp4", 30)) == set()


@pytest.mark.parametrize("step", [1, 5, "keyframes"])
def test_what_refers_to_a_torn_frame_is_damaged_too(step, make_video, tmp_path):
    even = {"sc_threshold": "0"}
    index = index_video(make_video(tmp_path / "v.mp4", 36, gop=12, b_frames=0, options=even))
    reading = read_thumbnails(index, SPEC, lambda _: None, step=step, torn={15})
    expected = {1: range(36), 5: range(0, 36, 5), "keyframes": range(0, 36, 12)}[step]
    assert reading.frame_indices.tolist() == [n for n in expected if not 15 <= n < 24]
    assert reading.video.damaged_frames == 9
    assert reading.video.n_frames == 36


@pytest.mark.parametrize("threads", [1, 2])
def test_a_recording_with_torn_frames_is_extracted_from(threads, torn_video, tmp_path):
    settings = Settings(count=30, method="uniform")
    selection = extract(torn_video, tmp_path / "out", settings, threads=threads)
    whole = np.setdiff1d(np.arange(30), TORN).tolist()
    assert selection.frame_indices == whole
    assert selection.video.damaged_frames == len(TORN)
    assert any("damaged" in warning for warning in selection.warnings)
    pictures = sorted((tmp_path / "out").glob("labeled-data/*/*.png"))
    assert [path.name for path in pictures] == selection.image_names


def test_a_list_with_a_torn_frame_is_refused_as_damaged(torn_video, tmp_path):
    with pytest.raises(SettingsError, match=r"no whole frame .*; leave out the damaged ones"):
        extract(torn_video, tmp_path / "out", Settings(frames=tuple(range(30))))


def test_of_a_damaged_recording_a_frame_beyond_the_end_is_refused_as_that(torn_video, tmp_path):
    garbled = rewrite_packets(
        [torn_video],
        tmp_path / "garbled.mov",
        lambda number, png: bytes(len(png)) if number == 3 else png,
    )
    with pytest.raises(SettingsError, match=r"no frame 5000; its 29 frames .* from 0 to 28; is it"):
        extract(garbled, tmp_path / "out", Settings(frames=(2, 5000)))


def test_a_review_leaves_torn_frames_out_too(torn_video, tmp_path):
    cache = FeatureCache(tmp_path / "cache")
    extract(torn_video, tmp_path, Settings(count=26), cache=cache)
    record = read_json(tmp_path / "torn.json")
    assert record["torn_frames"] == TORN
    open_session(OutputFolder(tmp_path, "torn"), record, torn_video, cache=cache)


def test_a_recording_that_is_replaced_meanwhile_is_not_read_again(make_video, tmp_path):
    path = make_video(tmp_path / "v.mp4", 30)
    other = make_video(tmp_path / "other.mp4", 30, first_number=500)
    stages = []

    def replace(stage, done, total):
        stages.append(stage)
        if stage == "clustering" and other.exists():
            other.replace(path)

    with pytest.raises(VideoError, match="isn't the one that was read before"):
        extract(path, tmp_path / "out", Settings(count=5), progress=replace)
    assert stages == sorted(stages, key=["reading", "clustering", "writing"].index)
