"""Every frame of every odd file is the one that a plain sequential decode gives."""

import itertools
import logging

import av
import numpy as np
import pytest

from footage import read_number, rewrite_packets
from keyframes.records import ThumbnailSpec
from keyframes.video import Span, fetch_frames, index_video, parse_position, read_thumbnails
from keyframes.video.opening import open_decoder
from keyframes.video.read import _Plan

SPEC = ThumbnailSpec(size=24)
X265 = {"x265-params": "log-level=none:open-gop=1:bframes=3:b-adapt=0"}

# name -> arguments of make_video. The suffix chooses the container.
ODD_FILES = {
    "constant.mp4": {"options": {"x264-params": "scenecut=0"}},
    "b-frames.mp4": {"b_frames": 3},
    "b-pyramid.mkv": {"b_frames": 7, "options": {"b-pyramid": "normal", "b-adapt": "0"}},
    "open-gop.mp4": {"b_frames": 3, "options": {"x264-params": "open-gop=1:b-adapt=0"}},
    "open-gop.ts": {"b_frames": 3, "options": {"x264-params": "open-gop=1:b-adapt=0"}},
    "intra-refresh.mp4": {"options": {"intra-refresh": "1"}},
    "intra-refresh.ts": {"options": {"intra-refresh": "1"}},
    "all-intra.mp4": {"gop": 1},
    "variable-rate.mp4": {"pts": [i * 40 + (i % 3) * 5 + (i > 20) * 700 for i in range(40)]},
    "uneven.mp4": {"pts": [i * 40 + (i % 3) * 11 for i in range(40)], "b_frames": 2},
    "late-start.mkv": {"pts": [5000 + i * 40 for i in range(40)], "b_frames": 2},
    "late-start.ts": {"pts": [5000 + i * 40 for i in range(40)], "b_frames": 2},
    "mpeg-ts.ts": {"b_frames": 2, "options": {"x264-params": "scenecut=0"}},
    "raw.h264": {"b_frames": 2},
    "raw.hevc": {"codec": "libx265"},
    "h264.avi": {"b_frames": 2},
    "mpeg4.avi": {"codec": "mpeg4", "b_frames": 2},
    "mpeg4.mp4": {"codec": "mpeg4", "b_frames": 2},
    "mpeg2.mpg": {"codec": "mpeg2video", "b_frames": 2},
    "mjpeg.avi": {"codec": "mjpeg"},
    "mjpeg.mov": {"codec": "mjpeg"},
    "raw.mjpeg": {"codec": "mjpeg"},
    "hevc.mp4": {"codec": "libx265", "options": X265},
    "hevc.ts": {"codec": "libx265", "options": X265},
    "hevc.mkv": {"codec": "libx265"},
    "temporal-layers.mp4": {
        "codec": "libx265",
        "options": {"x265-params": "log-level=none:temporal-layers=3:bframes=7:b-pyramid=1"},
    },
    "vp8.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "12"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"auto-alt-ref": "1", "lag-in-frames": "12"}},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "12"}},
    "prores.mov": {"codec": "prores_ks", "pixel_format": "yuv422p10le"},
    "ffv1.mkv": {"codec": "ffv1", "pixel_format": "yuv420p", "gop": 1},
    "ffv1-gop.mkv": {"codec": "ffv1", "pixel_format": "yuv420p", "options": {"level": "3"}},
    "4-2-2.mp4": {"pixel_format": "yuv422p"},
    "4-4-4.mp4": {"pixel_format": "yuv444p", "b_frames": 2},
    "10-bit.mp4": {"pixel_format": "yuv420p10le"},
    "full-range.mp4": {"pixel_format": "yuvj420p"},
    "gray.mp4": {"pixel_format": "gray"},
    "rgb.mp4": {"codec": "libx264rgb", "pixel_format": "rgb24"},
    "bgr24.avi": {"codec": "rawvideo", "pixel_format": "bgr24"},
    "palette.avi": {"codec": "png", "pixel_format": "rgb24"},
    "quicktime.mov": {"codec": "qtrle", "pixel_format": "rgb24"},
    "odd-size.mkv": {"codec": "libx264", "size": (101, 67), "pixel_format": "yuv444p"},
    "odd-size-420.mkv": {"codec": "ffv1", "size": (101, 67), "pixel_format": "yuv420p"},
    "interlaced.ts": {"options": {"flags": "+ilme+ildct"}, "b_frames": 2},
    "interlaced.mpg": {"codec": "mpeg2video", "options": {"flags": "+ilme+ildct"}},
    "animated.gif": {"codec": "gif", "pixel_format": "rgb8"},
    "animated.apng": {"codec": "apng", "pixel_format": "rgb24"},
    "flash.flv": {"codec": "flv"},
    "windows.wmv": {"codec": "wmv2"},
    "huffyuv.avi": {"codec": "ffvhuff", "pixel_format": "yuv422p"},
    "one-frame.mp4": {"n_frames": 1},
    "two-frames.mkv": {"n_frames": 2, "b_frames": 2},
    "fragmented.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
}

# Where frames can't be told apart by their packets: these are read from the beginning.
IN_DOUBT = {
    "uneven.mp4",
    "raw.h264",
    "raw.hevc",
    "h264.avi",
    "mpeg4.avi",
    "mpeg4.mp4",
    "vp8.webm",
    "animated.gif",
    "animated.apng",
    "quicktime.mov",
    "flash.flv",
    "windows.wmv",
}


def decode_plainly(path):
    """Decode sequentially with PyAV alone."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def read(index, **options):
    thumbnails = []
    reading = read_thumbnails(index, SPEC, thumbnails.append, **options)
    assert len(thumbnails) == len(reading)
    return reading


def same_rows(part, whole):
    """Whether the rows of a reading are rows of another."""
    rows = np.searchsorted(whole.frame_indices, part.frame_indices)
    return (
        np.array_equal(part.frame_indices, whole.frame_indices[rows])
        and np.array_equal(part.checksums, whole.checksums[rows])
        and np.allclose(part.times_s, whole.times_s[rows])
    )


@pytest.fixture(scope="module")
def odd_file(make_video, tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")

    def make(name):
        path = folder / name
        if not path.exists():
            try:
                make_video(path, **ODD_FILES[name])
            except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
                pytest.skip(f"this build of FFmpeg can't make it: {error}")
        return path

    return make


@pytest.mark.parametrize("name", ODD_FILES)
class TestOddFile:
    def test_every_fetched_frame_is_that_of_a_sequential_decode(self, name, odd_file):
        path = odd_file(name)
        truth = decode_plainly(path)
        index = index_video(path)
        reading = read(index)
        assert reading.frame_indices.tolist() == list(range(len(truth)))
        assert reading.video.n_frames == len(truth) == ODD_FILES[name].get("n_frames", 40)
        fetched = dict(fetch_frames(index, reading, range(len(truth)), SPEC))
        assert list(fetched) == list(range(len(truth)))
        for row, image in fetched.items():
            np.testing.assert_array_equal(image, truth[row])

    def test_single_frames_are_found_by_jumping(self, name, odd_file, caplog):
        path = odd_file(name)
        truth = decode_plainly(path)
        index = index_video(path)
        reading = read(index)
        with caplog.at_level(logging.INFO, "keyframes.video"):
            for row in range(len(truth) - 1, -1, -5):
                ((found, image),) = fetch_frames(index, reading, [row], SPEC)
                assert found == row
                np.testing.assert_array_equal(image, truth[row])
        assert (index.doubt is not None) == (name in IN_DOUBT)
        if not name.startswith("intra-refresh"):
            assert not caplog.records, "decoded from the beginning where a jump should do"

    def test_sparse_reading_gives_the_same_frames(self, name, odd_file):
        index = index_video(odd_file(name))
        whole = read(index)
        for step in (2, 7, 30):
            sparse = read(index, step=step)
            assert sparse.frame_indices.tolist() == list(range(0, len(whole), step))
            assert same_rows(sparse, whole)
            assert sparse.video.n_frames == whole.video.n_frames
            assert sparse.video.duration_s == pytest.approx(whole.video.duration_s)

    def test_key_frames_are_frames_of_the_video(self, name, odd_file):
        index = index_video(odd_file(name))
        whole, keys = read(index), read(index, step="keyframes")
        assert keys.frame_indices[0] == 0
        assert same_rows(keys, whole)

    def test_a_range_gives_the_same_frames(self, name, odd_file):
        index = index_video(odd_file(name))
        whole = read(index)
        if len(whole) < 40:
            pytest.skip("too short for a range")
        part = read(index, span=Span(parse_position("17f"), parse_position("33f")))
        assert part.frame_indices.tolist() == list(range(17, 33))
        assert part.video.n_frames == 40
        assert same_rows(part, whole)
        start_s, end_s = whole.times_s[9], whole.times_s[30]
        span = Span(
            parse_position(f"{start_s - 0.002:.6f}"), parse_position(f"{end_s - 0.002:.6f}")
        )
        part = read(index, span=span, step=3)
        assert part.frame_indices.tolist() == list(range(9, 30, 3))
        assert same_rows(part, whole)


def test_the_numbers_in_the_pixels_are_the_indices(odd_file):
    path = odd_file("b-frames.mp4")
    index = index_video(path)
    reading = read(index, span=Span(parse_position("10f")), step=3)
    for row, image in fetch_frames(index, reading, range(len(reading)), SPEC):
        assert read_number(image) == reading.frame_indices[row]


def test_key_frames_are_those_that_were_asked_of_the_encoder(odd_file):
    for name in ("constant.mp4", "mpeg-ts.ts"):
        reading = read(index_video(odd_file(name)), step="keyframes")
        assert reading.frame_indices.tolist() == [0, 12, 24, 36]


@pytest.mark.parametrize("name", ["b-pyramid.mkv", "mjpeg.avi", "raw.mjpeg", "bgr24.avi"])
def test_results_do_not_depend_on_the_number_of_threads(name, odd_file):
    index = index_video(odd_file(name))
    for step in (1, 3, 30):
        one, four = (read(index, step=step, threads=threads) for threads in (1, 4))
        assert one.checksums.tolist() == four.checksums.tolist()
        assert one.frame_indices.tolist() == four.frame_indices.tolist()
        np.testing.assert_array_equal(one.times_s, four.times_s)


def keep_tables_of(numbers):
    """Take the quantization and Huffman tables out of all other JPEGs."""

    def rewrite(number, data):
        if number in numbers:
            return data
        place, kept = 2, data[:2]
        while data[place + 1] != 0xDA:  # start of scan
            end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
            kept += b"" if data[place + 1] in (0xDB, 0xC4) else data[place:end]
            place = end
        return kept + data[place:]

    return rewrite


@pytest.mark.parametrize("numbers", [{0}, {0, 20}, {0, 20, 21, 22}])
def test_a_motion_jpeg_that_sends_its_tables_seldom(numbers, make_video, tmp_path):
    """Where it sends them again, at frame 20, they are others."""
    halves = [
        make_video(
            tmp_path / f"{first}.mov",
            codec="mjpeg",
            n_frames=20,
            first_number=first,
            options={"huffman": "default", "qmin": quantizer, "qmax": quantizer},
        )
        for first, quantizer in ((0, "3"), (20, "3" if numbers == {0} else "9"))
    ]
    path = rewrite_packets(halves, tmp_path / "seldom.mov", keep_tables_of(numbers))
    truth = decode_plainly(path)
    index = index_video(path)
    for step, threads in itertools.product((1, 3), (1, 4)):
        reading = read(index, step=step, threads=threads)
        assert reading.frame_indices.tolist() == list(range(0, len(truth), step))
        assert reading.video.decode_errors == 0
        for row, image in fetch_frames(index, reading, range(len(reading)), SPEC, threads=threads):
            np.testing.assert_array_equal(image, truth[row * step])


def test_threads_count_the_errors_of_a_motion_jpeg(make_video, tmp_path):
    whole = make_video(tmp_path / "whole.mov", codec="mjpeg")
    path = rewrite_packets(
        [whole], tmp_path / "holes.mov", lambda i, data: b"no JPEG" if i % 7 == 3 else data
    )
    numbers = []
    for threads in (1, 4):
        with open_decoder(path, threads, hidden_damage="refuse") as decoder:
            numbers.append([read_number(f.to_ndarray(format="bgr24")) for f in decoder.frames()])
            assert decoder.n_errors == 6
    assert numbers[0] == numbers[1] == [i for i in range(40) if i % 7 != 3]


@pytest.mark.parametrize(
    ("codec", "suffix"), [("qtrle", ".mov"), ("svq1", ".mov"), ("flashsv", ".flv")]
)
def test_packets_tell_the_key_frames_where_the_decoder_never_does(
    codec, suffix, make_video, tmp_path
):
    index = index_video(make_video(tmp_path / f"v{suffix}", codec=codec))
    assert index.doubt is not None
    keys = np.flatnonzero(index.is_key)
    assert 1 < len(keys) < len(index)
    assert read(index, step="keyframes").frame_indices.tolist() == keys.tolist()


def test_times_are_timestamps_counted_from_the_first_frame(odd_file):
    reading = read(index_video(odd_file("variable-rate.mp4")))
    pts = np.array(ODD_FILES["variable-rate.mp4"]["pts"])
    np.testing.assert_allclose(reading.times_s, pts / 1000, atol=1e-3)
    uneven = index_video(odd_file("uneven.mp4"))
    np.testing.assert_array_equal(uneven.times_s, read(uneven).times_s)
    late = read(index_video(odd_file("late-start.mkv")))
    np.testing.assert_allclose(late.times_s, np.arange(40) * 0.04, atol=1e-3)
    assert late.video.start_time_s == pytest.approx(5.0, abs=0.1)


def test_avi_times_are_even_though_its_timestamps_are_not(odd_file):
    for name in ("h264.avi", "mpeg4.avi"):
        reading = read(index_video(odd_file(name)))
        np.testing.assert_allclose(reading.times_s, np.arange(40) / 25)


def test_a_jump_knows_what_only_the_first_packet_says(make_video, tmp_path):
    """Before build 151, x264 wrote 4:4:4 in a way of its own; only the first packet says so."""
    path = make_video(
        tmp_path / "old.mp4",
        size=(320, 240),
        pixel_format="yuv444p",
        options={"x264-params": "scenecut=0:8x8dct=1", "crf": "40"},
    )
    data = path.read_bytes()
    place = data.index(b"x264 - core 1") + len(b"x264 - core ")
    path.write_bytes(data[:place] + b"150" + data[place + 3 :])
    with open_decoder(path, threads=1) as decoder:
        truth = {frame.pts: frame.to_ndarray() for frame in decoder.frames()}
    index = index_video(path)
    with open_decoder(path, threads=1) as decoder:
        packets = decoder.packets_from(int(index.pts[24]), int(index.dts[24]))
        frames = [frame for packet in packets for frame in decoder.decode(packet)]
    assert frames[0].pts == index.pts[24]
    for frame in frames:
        np.testing.assert_array_equal(frame.to_ndarray(), truth[frame.pts])


def check_exact(path, n_frames, step):
    """Whether all frames are whole, and sparse reading gives those of a sequential decode."""
    truth = decode_plainly(path)
    assert len(truth) == n_frames
    index = index_video(path)
    for options in (
        {},
        {"step": step},
        {"span": Span(parse_position("19f"), parse_position("21f"))},
    ):
        reading = read(index, **options)
        assert reading.video.damaged_frames == reading.video.decode_errors == 0
        expected = (
            range(19, 21) if "span" in options else range(0, n_frames, options.get("step", 1))
        )
        assert reading.frame_indices.tolist() == list(expected)
        for row, image in fetch_frames(index, reading, range(len(reading)), SPEC):
            np.testing.assert_array_equal(image, truth[reading.frame_indices[row]])


def test_mpeg4_leaves_frames_out_that_are_like_the_one_before(make_video, tmp_path):
    left_out = b"\x00\x00\x01\xb6\x50\x00\x00"  # a picture that says it isn't coded
    path = rewrite_packets(
        [make_video(tmp_path / "whole.mp4", 48, codec="mpeg4")],
        tmp_path / "left-out.mp4",
        lambda number, data: left_out if number in (20, 30) else data,
    )
    check_exact(path, 46, step=7)


@pytest.mark.parametrize(
    ("codec", "b_frames"), [("mjpeg", None), ("ffv1", None), ("libx264", 0), ("libx264", 2)]
)
def test_a_timestamp_that_steps_back_doesnt_change_the_order(codec, b_frames, make_video, tmp_path):
    path = make_video(tmp_path / "back.mkv", 36, codec=codec, b_frames=b_frames, gop=6)
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0)]
    data = bytearray(path.read_bytes())
    place = data.index(packets[20]) - 3  # a block's timestamp and flags lie before its data
    stamp = int.from_bytes(data[place : place + 2], "big") - 60
    data[place : place + 2] = stamp.to_bytes(2, "big")
    path.write_bytes(data)
    check_exact(path, 36, step=19)


def test_without_timestamps_times_are_ordinals_over_the_rate(odd_file):
    reading = read(index_video(odd_file("raw.h264")))
    np.testing.assert_allclose(reading.times_s, np.arange(40) / 25)


@pytest.mark.parametrize(("size", "most"), [((16, 16), 8), ((640, 480), 6), ((1920, 1088), 1)])
def test_few_frames_are_in_hand_at_a_time(size, most, make_video, tmp_path, monkeypatch):
    groups = []
    shrink_all = _Plan.shrink_all

    def note(plan, group):
        groups.append(len(group))
        return shrink_all(plan, group)

    monkeypatch.setattr(_Plan, "shrink_all", note)
    video = make_video(tmp_path / "plain.mp4", 20, size=size)
    read_thumbnails(index_video(video), ThumbnailSpec(), lambda _: None)
    assert max(groups) == most
    assert sum(groups) == 20
