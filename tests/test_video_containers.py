"""Containers that lie, cut, turn or carry more than one picture stream."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from footage import encode_video, numbered_picture, read_number, rewrite_packets
from keyframes.errors import SettingsError, VideoError
from keyframes.records import ThumbnailSpec
from keyframes.video import fetch_frames, frame_size, index_video, probe, read_thumbnails

SPEC = ThumbnailSpec(size=24)


def fetched_numbers(path, **options):
    """Read, fetch everything and return the numbers that the frames show."""
    index = index_video(path)
    reading = read_thumbnails(index, SPEC, lambda _: None, **options)
    frames = fetch_frames(index, reading, range(len(reading)), SPEC)
    return reading, [read_number(image) for _, image in frames]


def replace_after(path, marker, offset, payload):
    """Overwrite bytes at an offset behind every place where a marker stands."""
    data = bytearray(path.read_bytes())
    place = data.find(marker)
    assert place >= 0
    while place >= 0:
        data[place + offset : place + offset + len(payload)] = payload
        place = data.find(marker, place + 1)
    path.write_bytes(data)


def lay_down(path, axes):
    """Write into the track header of an MP4 where on the screen its x and y axes point."""
    (a, b), (c, d) = ((round(right * 65536), round(down * 65536)) for right, down in axes)
    replace_after(path, b"tkhd", 44, struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30))


@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
@pytest.mark.parametrize(
    ("axes", "mirrored", "degrees", "expected"),
    [
        (((0, -1), (1, 0)), False, 90, lambda image: image[:, ::-1].swapaxes(0, 1)),
        (((-1, 0), (0, -1)), False, 180, lambda image: image[::-1, ::-1]),
        (((0, 1), (-1, 0)), False, 270, lambda image: image[::-1].swapaxes(0, 1)),
        (((-1, 0), (0, 1)), True, 0, lambda image: image[:, ::-1]),
        (((1, 0), (0, -1)), True, 180, lambda image: image[::-1]),
        (((0, 1), (1, 0)), True, 90, lambda image: image.swapaxes(0, 1)),
        (((0, -1), (-1, 0)), True, 270, lambda image: image[::-1, ::-1].swapaxes(0, 1)),
        (((0.7, -0.7), (0.7, 0.7)), False, 0, lambda image: image),
    ],
)
def test_turned_and_mirrored_pictures_stand_upright(
    axes, mirrored, degrees, expected, codec, make_video, tmp_path
):
    path = make_video(tmp_path / "phone.mov", n_frames=20, codec=codec)
    index = index_video(path)
    flat = read_thumbnails(index, SPEC, lambda _: None)
    truth = dict(fetch_frames(index, flat, range(20), SPEC))
    lay_down(path, axes)
    index = index_video(path)
    thumbnails = []
    reading = read_thumbnails(index, SPEC, thumbnails.append, threads=4)
    assert index.mirrored == reading.video.mirrored == mirrored
    assert index.rotation == reading.video.rotation == degrees
    is_wide = degrees % 180 == 0
    assert (index.width, index.height) == ((96, 64) if is_wide else (64, 96))
    assert frame_size(path) == (index.width, index.height)
    assert {small.shape for small in thumbnails} == {(16, 24) if is_wide else (24, 16)}
    for row, image in fetch_frames(index, reading, range(20), SPEC):
        np.testing.assert_array_equal(image, expected(truth[row]))


@pytest.mark.parametrize("suffix", ["avi", "mov"])
@pytest.mark.parametrize(
    ("orientation", "mirrored", "degrees", "lie"),
    [
        (1, False, 0, lambda image: image),
        (2, True, 0, lambda image: image[:, ::-1]),
        (3, False, 180, lambda image: image[::-1, ::-1]),
        (6, False, 270, np.rot90),
    ],
)
def test_pictures_with_exif_data_are_read_and_stand_upright(
    orientation, mirrored, degrees, lie, suffix, make_video, tmp_path
):
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<3HI4H", 1, 274, 3, 1, orientation, 0, 0, 0)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path = rewrite_packets(
        [make_video(tmp_path / "whole.avi", 20, codec="mjpeg")],
        tmp_path / f"exif.{suffix}",
        lambda _, data: data[:2] + segment + data[2:],
    )
    index = index_video(path)
    assert (index.mirrored, index.rotation) == (mirrored, degrees)
    reading = read_thumbnails(index, SPEC, lambda _: None)
    frames = fetch_frames(index, reading, range(20), SPEC)
    assert [read_number(lie(image)) for _, image in frames] == list(range(20))
    assert not probe(path).damaged


def test_an_edit_list_cuts_frames_away(make_video, tmp_path):
    path = make_video(tmp_path / "cut.mp4", b_frames=2)
    data = path.read_bytes()
    place = data.find(b"elst")
    (media_time,) = struct.unpack(">i", data[place + 16 : place + 20])
    ticks = 512  # of a frame, at 25 fps in 1/12800 s
    replace_after(path, b"elst", 16, struct.pack(">i", media_time + 9 * ticks))
    reading, numbers = fetched_numbers(path)
    assert numbers == list(range(9, 40))
    assert reading.frame_indices.tolist() == list(range(31))
    assert reading.times_s[0] == 0
    sparse, numbers = fetched_numbers(path, step=7)
    assert numbers == list(range(9, 40, 7))
    assert sparse.frame_indices.tolist() == list(range(0, 31, 7))
    assert not probe(path).damaged


@pytest.mark.parametrize(("first", "n"), [(0, 10), (9, 31), (30, 10), (14, 15)])
def test_what_an_edit_list_cuts_away_is_not_lost(first, n, make_video, tmp_path):
    path = make_video(tmp_path / "cut.mp4", b_frames=2, options={"sc_threshold": "0"})
    data = path.read_bytes()
    place = data.find(b"elst")
    duration, media_time = struct.unpack(">Ii", data[place + 12 : place + 20])
    span = struct.pack(">Ii", duration * n // 40, media_time + first * 512)
    replace_after(path, b"elst", 12, span)
    report = probe(path)
    assert (report.video.n_frames, report.lost_frames, report.verdict) == (n, 0, "sound")
    assert fetched_numbers(path)[1] == list(range(first, first + n))


def test_a_false_count_in_an_avi_header_is_not_believed(make_video, tmp_path):
    path = make_video(tmp_path / "false.avi", codec="mjpeg")
    replace_after(path, b"avih", 8 + 16, struct.pack("<I", 999))
    replace_after(path, b"strh", 8 + 32, struct.pack("<I", 999))
    reading, numbers = fetched_numbers(path)
    assert numbers == list(range(40))
    report = probe(path)
    assert report.claimed_frames == 999
    assert report.video.n_frames == reading.video.n_frames == 40
    assert not report.damaged
    assert any("999" in line for line in report.advice)


def test_packed_b_frames_come_out_in_order(tmp_path):
    """Two frames in one packet and none in the next, as DivX wrote them into AVIs."""
    plain = encode_video(tmp_path / "plain.avi", codec="mpeg4", b_frames=1, gop=300, n_frames=21)
    with av.open(str(plain)) as container:
        stream = container.streams.video[0]
        vops = [bytes(packet) for packet in container.demux(stream) if packet.size]
        header = stream.codec_context.extradata
    seam = b"\x00\x00\x01\xb2DivX503b1393p"
    head = (header or vops[0][: vops[0].index(b"\x00\x00\x01\xb6")]) + seam
    vops[0] = head + vops[0][vops[0].index(b"\x00\x00\x01\xb6") :]
    not_coded = b"\x00\x00\x01\xb6\x50\x00\x00"
    packets = [vops[0]]
    for reference, between in zip(vops[1::2], vops[2::2], strict=True):
        packets += [reference + between, not_coded]
    path = tmp_path / "packed.avi"
    with av.open(str(path), "w") as output, av.open(str(plain)) as container:
        stream = output.add_stream_from_template(container.streams.video[0])
        for number, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            packet.is_keyframe = number == 0
            output.mux(packet)
    with av.open(str(path)) as container:
        truth = [read_number(frame.to_ndarray(format="bgr24")) for frame in container.decode()]
    reading, numbers = fetched_numbers(path)
    assert numbers == truth
    assert len(numbers) >= 20
    assert numbers == sorted(numbers)
    assert fetched_numbers(path, step=4)[1] == truth[::4]
    assert reading.frame_indices.tolist() == list(range(len(truth)))


def add_sound(output):
    stream = output.add_stream("aac", rate=16000)
    stream.layout = "mono"
    return stream


def encode_sound(output, stream, seconds):
    for number in range(int(16000 * seconds) // 1024):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts = 16000, number * 1024
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


def encode_pictures(output, stream, numbers):
    for place, number in enumerate(numbers):
        frame = av.VideoFrame.from_ndarray(numbered_picture(number), format="bgr24")
        frame = frame.reformat(format="yuv420p")
        frame.pts, frame.time_base = place, Fraction(1, 25)
        output.mux(stream.encode(frame))
    output.mux(stream.encode())


def add_pictures(output):
    stream = output.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
    return stream


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_sound_before_the_pictures_changes_nothing(suffix, tmp_path):
    path = tmp_path / f"sound.{suffix}"
    with av.open(str(path), "w") as output:
        sound, pictures = add_sound(output), add_pictures(output)
        encode_sound(output, sound, 1)
        encode_pictures(output, pictures, range(20))
    assert fetched_numbers(path)[1] == list(range(20))
    assert fetched_numbers(path, step=6)[1] == [0, 6, 12, 18]


def test_of_several_video_streams_the_best_is_read_throughout(tmp_path):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as output:
        first, second = add_pictures(output), add_pictures(output)
        encode_pictures(output, first, range(20))
        encode_pictures(output, second, range(100, 120))
    with av.open(str(path)) as container:
        best = container.streams.best("video").index
    expected = list(range(20)) if best == 0 else list(range(100, 120))
    assert fetched_numbers(path)[1] == expected


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as output:
        encode_sound(output, add_sound(output), 0.5)
    with pytest.raises(VideoError, match="no video in it"):
        index_video(path)


def test_sound_with_cover_art_is_refused(tmp_path):
    path = tmp_path / "cover.m4a"
    with av.open(str(path), "w", format="mp4") as output:
        sound = add_sound(output)
        cover = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 96, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic.value
        frame = av.VideoFrame.from_ndarray(numbered_picture(7), format="bgr24")
        output.mux(cover.encode(frame.reformat(format="yuvj420p")))
        output.mux(cover.encode())
        encode_sound(output, sound, 0.5)
    with av.open(str(path)) as container:
        if not container.streams.video or not (
            container.streams.video[0].disposition & av.stream.Disposition.attached_pic
        ):
            pytest.skip("this build of FFmpeg doesn't write cover art this way")
    with pytest.raises(VideoError, match="no video in it"):
        index_video(path)


@pytest.mark.parametrize(
    ("spec", "step", "message"),
    [
        (ThumbnailSpec(size=0), 1, "a thumbnail of 0 pixels is impossible"),
        (SPEC, np.int64(0), "step must be a whole number of at least 1 or 'keyframes'"),
        (SPEC, "auto", "step must be .* got 'auto'"),
        (SPEC, 2.0, "step must be .* got 2.0"),
    ],
)
def test_impossible_readings_are_refused(tmp_path, make_video, spec, step, message):
    index = index_video(make_video(tmp_path / "v.mp4", n_frames=4))
    with pytest.raises(SettingsError, match=message):
        read_thumbnails(index, spec, lambda _: None, step=step)


def test_a_change_of_size_is_refused(tmp_path, make_video):
    small = make_video(tmp_path / "small.h264", n_frames=10)
    large = make_video(tmp_path / "large.h264", n_frames=10, size=(128, 96))
    path = tmp_path / "both.h264"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    with pytest.raises(VideoError, match="96x64 to 128x96"):
        read_thumbnails(index_video(path), SPEC, lambda _: None)
