"""FFV1 whose slices have checksums: FFmpeg hands out torn pictures, and says so in its log only."""

import pytest

from footage import read_number, rewrite_packets
from keyframes.records import ThumbnailSpec
from keyframes.video import fetch_frames, index_video, probe, read_thumbnails
from keyframes.video.ffv1 import Slices

SPEC = ThumbnailSpec(size=48)
GROUP, TORN = 6, 20


def flip_a_bit(number, data):
    middle = len(data) // 2
    flipped = bytes([data[middle] ^ 8])
    return data[:middle] + flipped + data[middle + 1 :] if number == TORN else data


@pytest.fixture
def recording(make_video, tmp_path):
    def make(rewrite, **options):
        whole = make_video(
            tmp_path / "whole.avi",
            40,
            codec="ffv1",
            pixel_format="yuv420p",
            gop=GROUP,
            options={"level": "3", **options},
        )
        return rewrite_packets([whole], tmp_path / "v.mkv", rewrite)

    return make


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize("slices", ["4", "9"])
def test_torn_pictures_and_what_refers_to_them_are_no_candidates(slices, step, threads, recording):
    index = index_video(recording(flip_a_bit, slices=slices, slicecrc="1"))
    reading = read_thumbnails(index, SPEC, lambda _: None, step=step, threads=threads)
    damaged = range(TORN, 24)
    whole = [n for n in range(0, 40, step) if n not in damaged]
    assert reading.frame_indices.tolist() == whole
    assert reading.video.damaged_frames == len(damaged)
    assert reading.video.decode_errors == 1
    for row, image in fetch_frames(index, reading, range(len(whole)), SPEC):
        assert read_number(image) == whole[row]


@pytest.mark.parametrize("step", [1, 4])
def test_without_checksums_pictures_that_are_cut_short_are_no_candidates(step, recording):
    def cut(number, data):
        return data[:-50] + bytes(50) if number == TORN else data

    index = index_video(recording(cut, slices="4", slicecrc="0"))
    reading = read_thumbnails(index, SPEC, lambda _: None, step=step)
    assert reading.frame_indices.tolist() == [n for n in range(0, 40, step) if not TORN <= n < 24]


@pytest.mark.parametrize("sums", ["0", "1"])
def test_sound_recordings_are_sound_with_and_without_checksums(sums, recording):
    report = probe(recording(lambda _, data: data, slices="4", slicecrc=sums))
    assert report.verdict == "sound"


def test_versions_without_slices_are_not_taken_for_others():
    looks_sliced, other = bytes(97) + (97).to_bytes(3, "big"), bytes(range(100))
    of_version_1, of_version_3 = Slices(None), Slices(b"header")
    assert [of_version_1.hold(packet) for packet in (looks_sliced, other)] == [True, True]
    assert [of_version_3.hold(packet) for packet in (looks_sliced, other)] == [True, False]


def test_without_checksums_no_packet_is_called_damaged(recording):
    assert probe(recording(flip_a_bit, slices="4", slicecrc="0")).video.decode_errors == 0
