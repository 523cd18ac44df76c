"""Damaged files: what is whole is read, repeatably; what isn't is never handed out."""

import av
import cv2
import numpy as np
import pytest

from footage import N_BITS, encode_video, numbered_picture, read_number, rewrite_packets
from keyframes.errors import SettingsError, VideoError
from keyframes.records import ThumbnailSpec
from keyframes.video import (
    Span,
    fetch_frames,
    index_video,
    parse_position,
    probe,
    read_thumbnails,
)

SPEC = ThumbnailSpec(size=48)
N_FRAMES = 96
GROUP = 12


@pytest.fixture
def video(make_video, tmp_path):
    """Eight groups of twelve frames with B-frames."""
    return make_video(tmp_path / "sound.mp4", N_FRAMES, b_frames=2, gop=GROUP)


def read(path, **options):
    thumbnails = []
    index = index_video(path)
    reading = read_thumbnails(index, SPEC, thumbnails.append, **options)
    assert len(thumbnails) == len(reading)
    return index, reading


def fetched(path, **options):
    """Yield the frame number and the picture of every candidate."""
    index, reading = read(path, **options)
    for row, image in fetch_frames(index, reading, range(len(reading)), SPEC):
        yield int(reading.frame_indices[row]), image


def packets_of(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [(packet.pos, packet.size) for packet in container.demux(stream) if packet.size]


def damage(path, packet_numbers, offset=12):
    """Overwrite the inside of packets with noise; of a transport stream, drop their beginning."""
    data = bytearray(path.read_bytes())
    packets = packets_of(path)
    noise = np.random.default_rng(5)
    for number in sorted(packet_numbers, reverse=True):
        start, size = packets[number]
        if path.suffix == ".ts":
            del data[start : start + 188]
        else:
            length = size - offset
            data[start + offset : start + size] = noise.bytes(length)
    path.write_bytes(data)


def decode_plainly(path):
    """Decode sequentially, packet by packet, with one thread, going on after errors."""
    images = []
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        context.thread_count = 1
        packets = [packet for packet in container.demux(video=0) if packet.size]
        for packet in [*packets, None]:
            try:
                images += [f.to_ndarray(format="bgr24") for f in context.decode(packet)]
            except av.FFmpegError:
                continue
    return images


def read_exactly(path, **options):
    """Read; each candidate has to be the frame of a plain decode, which is returned, too."""
    index, reading = read(path, **options)
    truth = decode_plainly(path)
    rows, threads = range(len(reading)), options.get("threads")
    for row, image in fetch_frames(index, reading, rows, SPEC, threads=threads):
        np.testing.assert_array_equal(image, truth[reading.frame_indices[row]])
    return index, reading, truth


def assert_real(reading, images):
    """The candidates have to be, up to compression, pictures that were encoded."""
    for number in reading.frame_indices:
        encoded = numbered_picture(read_number(images[number]))
        difference = cv2.absdiff(images[number], encoded)[: 2 * 16, : N_BITS // 2 * 16]
        assert np.median(difference) < 30
        assert difference.mean() < 30


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_a_truncated_file_is_read_up_to_the_cut(suffix, make_video, tmp_path):
    path = make_video(
        tmp_path / f"cut.{suffix}",
        N_FRAMES,
        b_frames=2,
        container_options={"movflags": "faststart"} if suffix == "mp4" else {},
    )
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.7)])
    _, reading, truth = read_exactly(path)
    assert 40 < len(reading) < N_FRAMES
    assert_real(reading, truth)
    again = read(path, threads=3)[1]
    assert again.checksums.tolist() == reading.checksums.tolist()
    if suffix == "mp4":
        report = probe(path)
        assert report.damaged
        assert report.lost_frames > 0
        assert any("ffmpeg -i" in line for line in report.advice)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mpeg2video", "libx265"])
@pytest.mark.parametrize("container", ["mkv", "ts"])
def test_frames_near_noise_are_not_handed_out(codec, container, make_video, tmp_path):
    path = make_video(tmp_path / f"noise.{container}", N_FRAMES, codec=codec, gop=GROUP, b_frames=2)
    damage(path, [30], offset=6)
    _, reading, truth = read_exactly(path)
    video = reading.video
    assert video.decode_errors + video.damaged_frames > 0
    assert N_FRAMES - 4 * GROUP <= len(reading) < N_FRAMES
    assert video.n_frames == len(truth)
    assert_real(reading, truth)
    for threads in (1, 2, 4):
        again = read(path, threads=threads)[1]
        assert again.frame_indices.tolist() == reading.frame_indices.tolist()
        assert again.checksums.tolist() == reading.checksums.tolist()
    assert probe(path).damaged


def test_intra_frames_are_lost_one_by_one(make_video, tmp_path):
    path = make_video(tmp_path / "photo.avi", N_FRAMES, codec="mjpeg")
    damage(path, [20, 21, 50], offset=0)
    index, reading = read(path)
    assert reading.video.decode_errors == 3
    assert len(reading) == N_FRAMES - 3
    numbers = [read_number(i) for _, i in fetch_frames(index, reading, range(len(reading)), SPEC)]
    assert numbers == [n for n in range(N_FRAMES) if n not in (20, 21, 50)]


def test_steps_are_counted_from_the_first_frame_of_a_range_though_it_is_lost(make_video, tmp_path):
    path = rewrite_packets(
        [make_video(tmp_path / "whole.avi", N_FRAMES, codec="mjpeg", size=(320, 240))],
        tmp_path / "cut.avi",
        lambda number, data: data[: len(data) * 3 // 4] if number == 20 else data,
    )
    _, reading = read(path, span=Span(parse_position("20f"), parse_position("50f")), step=7)
    assert reading.video.damaged_frames
    assert reading.frame_indices.tolist() == [27, 34, 41, 48]


CUT = {5, 21, 22, 60}


@pytest.mark.parametrize("step", [1, 3, "keyframes"])
@pytest.mark.parametrize("threads", [1, 4])
def test_pictures_that_are_cut_short_are_no_candidates(threads, step, make_video, tmp_path):
    """Cameras send such pictures, and FFmpeg fills them with what lay in the memory."""
    whole = make_video(tmp_path / "whole.avi", N_FRAMES, codec="mjpeg", size=(320, 240))
    path = rewrite_packets(
        [whole],
        tmp_path / "cut.avi",
        lambda number, data: data[: len(data) * 3 // 4] if number in CUT else data,
    )
    numbers = [n for n in range(0, N_FRAMES, step if step == 3 else 1) if n not in CUT]
    _, reading, truth = read_exactly(path, step=step, threads=threads)
    assert reading.frame_indices.tolist() == numbers
    assert [read_number(truth[number]) for number in numbers] == numbers
    assert reading.video.n_frames == N_FRAMES
    assert reading.video.decode_errors == reading.video.damaged_frames == len(CUT)
    assert probe(path).damaged


@pytest.mark.parametrize(
    "damage_jpeg",
    [
        lambda _: b"no JPEG",
        lambda data: data[:100],
        lambda data: data[:120] + b"\xee" * 60 + data[180:],
        # Among the pixels, what looks like the beginning of a Huffman table.
        lambda data: data[:-500] + b"\xff\xc4\x00\x20" + b"\xee" * 496,
    ],
    ids=["nothing", "cut short", "garbage in the header", "garbage among the pixels"],
)
@pytest.mark.parametrize("huffman", ["default", "optimal"])
def test_pictures_that_cant_be_decoded_count_for_nothing_though_nobody_looks_at_them(
    damage_jpeg, huffman, make_video, tmp_path
):
    path = rewrite_packets(
        [
            make_video(
                tmp_path / "whole.mov",
                48,
                codec="mjpeg",
                size=(320, 240),
                options={"huffman": huffman},
            )
        ],
        tmp_path / "damaged.mov",
        lambda number, data: damage_jpeg(data) if number in (24, 25, 32) else data,
    )
    _, reading, truth = read_exactly(path, step=7)
    assert len(truth) == 45
    assert reading.frame_indices.tolist() == list(range(0, 45, 7))


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("offset", [4, 5, 6])
def test_frames_whose_headers_are_damaged_count_for_nothing_though_they_are_jumped_over(
    codec, offset, make_video, tmp_path
):
    path = make_video(tmp_path / "damaged.mp4", N_FRAMES, codec=codec, gop=GROUP)
    damage(path, [30, 43], offset=offset)
    index, _, truth = read_exactly(path, step=80)
    assert index.doubt is not None or len(truth) == N_FRAMES


DNXHD = {
    "codec": "dnxhd",
    "pixel_format": "yuv422p",
    "size": (256, 128),
    "options": {"profile": "dnxhr_lb"},
}


@pytest.mark.parametrize(
    ("suffix", "made", "ruin"),
    [
        ("mov", DNXHD, lambda data: bytes(len(data))),
        ("mov", {"codec": "prores_ks"}, lambda data: bytes(len(data))),
        ("mov", {"codec": "png"}, lambda data: bytes(len(data))),
        ("mov", {"codec": "png"}, lambda data: data[: len(data) // 2]),
        ("avi", {"codec": "ffv1", "options": {"level": "3"}}, lambda data: data[:-100]),
    ],
    ids=["dnxhd", "prores", "png", "png cut short", "ffv1 cut short"],
)
def test_pictures_by_themselves_that_are_damaged_count_for_nothing_though_nobody_looks_at_them(
    suffix, made, ruin, make_video, tmp_path
):
    whole = make_video(tmp_path / f"whole.{suffix}", 48, gop=1, **made)
    path = rewrite_packets(
        [whole],
        tmp_path / f"damaged.{suffix}",
        lambda number, data: ruin(data) if number == 20 else data,
    )
    assert index_video(whole).doubt is None
    _, reading, truth = read_exactly(path, span=Span(parse_position("40f")), step=2)
    assert reading.video.n_frames == len(truth) == 47
    assert reading.frame_indices.tolist() == [40, 42, 44, 46]


@pytest.mark.parametrize("made", [{"codec": "png"}, {"codec": "mjpeg"}, DNXHD])
def test_each_damaged_packet_counts_once(made, make_video, tmp_path):
    whole = make_video(tmp_path / "whole.mov", 10, **made)
    path = rewrite_packets([whole], tmp_path / "garbage.mov", lambda _, data: bytes(len(data)))
    with pytest.raises(VideoError, match=r"no frame that can be decoded \(damaged packets: 10\)"):
        index_video(path)


def test_bytes_behind_the_end_of_a_png_are_no_damage(make_video, tmp_path):
    whole = make_video(tmp_path / "whole.mov", 20, codec="png")
    path = rewrite_packets([whole], tmp_path / "padded.mov", lambda _, data: data + bytes(3))
    index, _, truth = read_exactly(path, step=7)
    assert index.doubt is None
    assert len(truth) == 20


def test_a_png_without_its_end_is_damaged(make_video, tmp_path):
    whole = make_video(tmp_path / "whole.mov", 20, codec="png")
    path = rewrite_packets([whole], tmp_path / "open.mov", lambda _, data: data[:-12])
    assert index_video(path).doubt == "there are damaged packets"


@pytest.mark.parametrize("codec", ["mjpeg", "huffyuv"])
@pytest.mark.parametrize(("offset", "noise"), [(0, b"\0\0\0\0"), (6, b"\1")], ids=["name", "size"])
@pytest.mark.parametrize(
    "options",
    [{"step": 20}, {"span": Span(parse_position("60f"), parse_position("80f"))}],
    ids=["step", "range"],
)
def test_what_an_avi_lists_but_doesnt_hold_counts_for_nothing(
    options, offset, noise, codec, make_video, tmp_path
):
    path = make_video(tmp_path / "damaged.avi", N_FRAMES, codec=codec)
    data = bytearray(path.read_bytes())
    header = data.rindex(b"00d", 0, packets_of(path)[20][0] + 4)
    data[header + offset : header + offset + len(noise)] = noise
    path.write_bytes(data)
    _, reading, truth = read_exactly(path, **options)
    assert len(reading) >= 4
    report = probe(path)
    assert report.damaged
    assert report.lost_frames == N_FRAMES - len(truth) > 0


def test_frames_that_a_camera_left_out_of_an_avi_are_not_lost(tmp_path):
    path = encode_video(
        tmp_path / "gaps.avi", codec="mjpeg", pts=[40 * (n + n // 9) for n in range(40)]
    )
    report = probe(path)
    assert (report.lost_frames, report.doubt, report.verdict) == (0, None, "sound")


def test_damaged_pixels_are_no_reason_to_doubt_the_packets(make_video, tmp_path):
    path = make_video(tmp_path / "torn.mov", 40, codec="mjpeg", size=(320, 240))
    damage(path, [20], offset=400)
    assert index_video(path).doubt is None
    assert len(decode_plainly(path)) == 40


@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_a_file_may_grow_while_it_is_read(suffix, make_video, tmp_path):
    path = make_video(tmp_path / f"growing.{suffix}", N_FRAMES, codec="mpeg2video", gop=GROUP)
    truth, data = decode_plainly(path), path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    index = index_video(path)
    assert len(index) < N_FRAMES
    path.write_bytes(data)
    reading = read_thumbnails(index, SPEC, lambda _: None)
    assert reading.frame_indices.tolist() == list(range(N_FRAMES))
    for row, image in fetch_frames(index, reading, range(0, N_FRAMES, 5), SPEC):
        np.testing.assert_array_equal(image, truth[row])


def test_damage_is_seen_though_threads_are_still_at_work(make_video, tmp_path):
    """FFmpeg marks a frame as corrupt when its thread is done, and may have given it out before."""
    path = make_video(tmp_path / "end.mkv", n_frames=20, size=(640, 480), gop=60, b_frames=2)
    start, size = packets_of(path)[17]
    data = path.read_bytes()
    path.write_bytes(data[: start + size // 2] + bytes(size - size // 2) + data[start + size :])
    alone = read(path, threads=1)[1]
    assert alone.video.damaged_frames
    for _ in range(30):
        assert read(path, threads=3)[1].video == alone.video


def test_threads_that_share_a_picture_hide_no_damage(make_video, tmp_path):
    whole = make_video(tmp_path / "whole.mkv", 30, codec="mpeg2video", gop=GROUP, b_frames=2)
    data = whole.read_bytes()
    path, n_damaged = tmp_path / "broken.mkv", 0
    for place in np.random.default_rng(7).integers(len(data) // 4, len(data), 12).tolist():
        broken = bytearray(data)
        broken[place] ^= 16
        path.write_bytes(broken)
        alone, together = read(path, threads=1)[1].video, read(path, threads=4)[1].video
        assert alone == together
        n_damaged += alone.is_damaged
    assert n_damaged


def test_what_comes_after_the_joint_of_two_recordings_is_read(make_video, tmp_path):
    parts = [
        make_video(tmp_path / f"{first}.ts", 60, b_frames=2, gop=GROUP, first_number=first)
        for first in (0, 60)
    ]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    damage(joined, [58])  # in the first part's last group: its key frame has a late timestamp
    numbers = [read_number(image) for _, image in fetched(joined)]
    assert numbers[:47] == list(range(47))
    assert numbers[-48:] == list(range(72, 120))


@pytest.mark.parametrize("step", [5, "keyframes"])
def test_sparse_reading_of_damage_gives_frames_of_the_sequential_decode(step, video):
    damage(video, [30, 60])
    _, sparse, truth = read_exactly(video, step=step)
    assert len(sparse) >= 4
    assert_real(sparse, truth)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("offset", [5, 6, 9])
@pytest.mark.parametrize("options", [{"step": 5}, {"step": None, "listed": (0, 7, 20, 39)}])
def test_a_lost_frame_that_others_refer_to_is_missed_though_others_are_left_out(
    codec, offset, options, make_video, tmp_path
):
    path = make_video(tmp_path / "lost.mp4", 40, codec=codec, gop=GROUP)
    damage(path, [14], offset=offset)
    whole = dict(fetched(path))
    for index, image in fetched(path, **options):
        # Where nobody looks at a lost frame, it counts.
        assert read_number(image) == index or np.array_equal(image, whole.get(index))


def test_the_numbers_of_a_list_are_those_of_a_full_decode(make_video, tmp_path):
    path = make_video(tmp_path / "lost.mp4", 40, codec="libx265", gop=GROUP)
    damage(path, [3], offset=6)
    whole = dict(fetched(path))
    listed = dict(fetched(path, step=None, listed=sorted(whole)[::4]))
    assert len(listed) >= 5
    for index, image in listed.items():
        np.testing.assert_array_equal(image, whole[index])


def test_every_thumbnail_is_handed_on_once_though_the_reading_is_repeated(video):
    damage(video, [60])
    index, thumbnails = index_video(video), []
    reading = read_thumbnails(index, ThumbnailSpec(size=96), thumbnails.append)
    numbers = [read_number(thumbnail) for thumbnail in thumbnails]
    assert len(numbers) == len(reading) == len(set(numbers))
    assert numbers == sorted(numbers)


def test_a_transport_stream_marks_the_packet_before_the_one_that_lost_something(
    make_video, tmp_path
):
    even = {"sc_threshold": "0", "crf": "2"}
    path = make_video(tmp_path / "v.ts", 48, size=(320, 240), gop=GROUP, options=even)
    data = path.read_bytes()
    first = packets_of(path)[GROUP][0]  # of a key frame
    track = data[first + 1 : first + 3]
    of_track = [at for at in range(first, len(data), 188) if data[at + 1] & 31 == track[0] & 31]
    inner = of_track[4]
    path.write_bytes(data[:inner] + data[inner + 188 :])
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert packets[GROUP - 1].is_corrupt
    assert packets[GROUP].is_keyframe
    assert not packets[GROUP].is_corrupt
    numbers = [read_number(image) for _, image in fetched(path)]
    assert not {*range(GROUP, 2 * GROUP)} & {*numbers}
    assert numbers[-2 * GROUP :] == [*range(2 * GROUP, 4 * GROUP)]


def test_garbage_behind_the_end_changes_nothing(video):
    before = read(video)[1]
    with video.open("ab") as file:
        file.write(bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)))
    after = read(video)[1]
    assert after.checksums.tolist() == before.checksums.tolist()
    assert after.video.decode_errors == 0


def test_a_file_cut_before_its_index_says_so(video):
    data = video.read_bytes()
    video.write_bytes(data[: data.rindex(b"moov") - 4])
    with pytest.raises(VideoError, match="cut off before"):
        index_video(video)


def test_a_video_without_any_frame_is_refused(video):
    damage(video, range(N_FRAMES), offset=0)
    with pytest.raises(VideoError, match="no frame that can be decoded"):
        index_video(video)


def test_a_range_that_holds_only_damage_is_refused(make_video, tmp_path):
    path = make_video(tmp_path / "photo.avi", N_FRAMES, codec="mjpeg")
    damage(path, range(1, N_FRAMES), offset=0)
    with pytest.raises((VideoError, SettingsError), match="range asked for"):
        read(path, span=Span(parse_position("50f")))


def test_a_file_that_changes_between_the_passes_is_noticed(video, make_video):
    index, reading = read(video)
    make_video(video, N_FRAMES, b_frames=2, gop=GROUP, first_number=500)
    with pytest.raises(VideoError, match="isn't the one that was read"):
        list(fetch_frames(index, reading, [10], SPEC))


def test_a_wrong_checksum_leads_to_a_sequential_decode_and_then_to_an_error(video, caplog):
    index, reading = read(video)
    reading.checksums[50] ^= 1
    frames = fetch_frames(index, reading, [3, 50, 90], SPEC)
    assert next(frames)[0] == 3
    with caplog.at_level("INFO"), pytest.raises(VideoError, match="frame 50"):
        next(frames)
    assert "differently" in caplog.text
