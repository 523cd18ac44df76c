"""Chosen frames again: several decoders take turns, and nobody can tell by the frames."""

import threading
import time
from concurrent.futures import CancelledError
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from footage import read_number
from keyframes.errors import SettingsError, VideoError
from keyframes.records import ThumbnailSpec
from keyframes.video import fetch, fetch_frames, index_video, read_thumbnails
from keyframes.video.opening import open_decoder
from keyframes.video.picture import checksum

SPEC = ThumbnailSpec(size=24)
N_FRAMES, GROUP = 240, 30
# Between two of the four runs a jump pays; the last goes through three groups.
ROWS = [3, 50, 55, 95, 119, 121, 170, 171, 179, 208, 239]
RUNS = [[3], [50, 55], [95, 119, 121], [170, 171, 179, 208, 239]]


@pytest.fixture(scope="module")
def video(make_video, tmp_path_factory):
    path = tmp_path_factory.mktemp("fetch") / "video.mp4"
    return make_video(path, N_FRAMES, gop=GROUP, b_frames=2, options={"x264-params": "scenecut=0"})


@pytest.fixture(scope="module")
def known(video):
    """The index and a reading."""
    index = index_video(video)
    return index, read_thumbnails(index, SPEC, lambda _: None)


@pytest.fixture
def opened(monkeypatch):
    """Take down with how many threads each decoder is opened."""
    opened = []

    def open_and_tell(path, threads):
        opened.append(threads)
        return open_decoder(path, threads)

    monkeypatch.setattr(fetch, "open_decoder", open_and_tell)
    return opened


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def numbers(frames):
    return [(row, read_number(image)) for row, image in frames]


def test_the_runs_are_as_they_are_meant(known):
    runs = fetch.split_runs(known[0], np.array(ROWS))
    assert [run.tolist() for run in runs] == RUNS


@pytest.mark.parametrize(
    ("threads", "shares"),
    [(1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (8, [2, 2, 2, 2]), (16, [4, 4, 4, 4])],
)
def test_each_number_of_threads_gives_the_same_frames_in_order(known, opened, threads, shares):
    assert numbers(fetch_frames(*known, ROWS[::-1], SPEC, threads=threads)) == [
        (row, row) for row in ROWS
    ]
    assert opened == shares


@pytest.mark.parametrize("rows", [[0, -1], [N_FRAMES]])
def test_a_row_outside_the_reading_is_refused(known, rows):
    with pytest.raises(IndexError, match=f"rows must be from 0 to 239, got {rows[-1]}"):
        next(fetch_frames(*known, rows, SPEC))


@pytest.mark.parametrize("rows", [np.arange(N_FRAMES) < 9, [0.5], ["1"]])
def test_what_is_no_number_of_a_row_is_refused(known, rows):
    with pytest.raises(SettingsError, match="rows must be a list of whole numbers"):
        next(fetch_frames(*known, rows, SPEC))


def test_one_run_has_one_decoder_with_all_threads(known, opened):
    rows = range(31, 59, 3)
    assert numbers(fetch_frames(*known, rows, SPEC, threads=3)) == [(row, row) for row in rows]
    assert opened == [3]


def test_large_frames_have_fewer_decoders(known, opened, monkeypatch):
    monkeypatch.setattr(fetch, "_MAX_PIXELS", 2 * 96 * 64)
    assert numbers(fetch_frames(*known, ROWS, SPEC, threads=4)) == [(row, row) for row in ROWS]
    assert opened == [2, 2]
    monkeypatch.setattr(fetch, "_MAX_PIXELS", 1)
    assert numbers(fetch_frames(*known, ROWS, SPEC, threads=4)) == [(row, row) for row in ROWS]
    assert opened == [2, 2, 4]


def test_few_frames_are_held(known, monkeypatch):
    decoded = []

    def decode_and_tell(*arguments):
        for each in decode_some(*arguments):
            decoded.append(each.ordinal)
            yield each

    decode_some = fetch.decode_some
    monkeypatch.setattr(fetch, "decode_some", decode_and_tell)
    for n_used, _ in enumerate(fetch_frames(*known, ROWS, SPEC, threads=2), start=1):
        time.sleep(0.02)
        assert len(decoded) - n_used <= 2 * fetch._WAITING
    assert sorted(decoded) == ROWS


def test_from_the_first_frame_that_differs_on_the_recording_is_decoded_in_full(
    known, opened, monkeypatch, caplog
):
    seen = []

    def err_once(image):
        seen.append(image)
        return checksum(image) ^ (len(seen) == 3)  # of 55, the second of the second run

    def decode_alone(*arguments):
        n_threads.append(threading.active_count())
        return decode_all(*arguments)

    decode_all, n_threads = fetch.decode_all, [threading.active_count()]
    monkeypatch.setattr(fetch, "decode_all", decode_alone)
    monkeypatch.setattr(fetch, "checksum", err_once)
    with caplog.at_level("INFO"):
        found = numbers(fetch_frames(*known, ROWS, SPEC, threads=2))
    assert found == [(row, row) for row in ROWS]
    assert opened == [1, 1, 2]
    assert n_threads[1] == n_threads[0]  # those that jumped have ended
    assert "frame 55 decodes differently after a jump" in caplog.text


def test_what_is_not_the_same_frame_is_not_handed_out(known):
    index, reading = known
    changed = reading.checksums.copy()
    changed[55] ^= 1
    frames = fetch_frames(index, replace(reading, checksums=changed), ROWS, SPEC, threads=4)
    assert numbers(islice(frames, 2)) == [(3, 3), (50, 50)]
    with pytest.raises(VideoError, match="frame 55 of"):
        next(frames)


def test_an_error_in_a_decoder_comes_out(known, monkeypatch):
    def fail_in_the_second(decoder, index, wanted):
        for each in decode_some(decoder, index, wanted):
            if each.ordinal == 55:
                raise MemoryError
            yield each

    decode_some = fetch.decode_some
    monkeypatch.setattr(fetch, "decode_some", fail_in_the_second)
    frames = fetch_frames(*known, ROWS, SPEC, threads=2)
    assert numbers(islice(frames, 2)) == [(3, 3), (50, 50)]
    with pytest.raises(MemoryError):
        next(frames)


def test_whoever_has_seen_enough_can_stop(known):
    frames = fetch_frames(*known, ROWS, SPEC, threads=4)
    assert next(frames)[0] == 3
    frames.close()


def test_an_interrupt_does_not_wait_for_what_is_long_to_come(known, monkeypatch):
    has_begun, ended = threading.Event(), []

    def take_long(decoder, index, wanted):
        yield from islice(decode_some(decoder, index, wanted), 1)
        deadline = time.monotonic() + 20
        try:
            while time.monotonic() < deadline:
                for _ in decoder.packets_from(0, 0):
                    has_begun.set()
        except CancelledError:
            ended.append("early")
            raise

    decode_some = fetch.decode_some
    monkeypatch.setattr(fetch, "decode_some", take_long)
    frames = fetch_frames(*known, ROWS, SPEC, threads=2)
    assert next(frames)[0] == 3
    assert has_begun.wait(timeout=10)
    with pytest.raises(KeyboardInterrupt):
        frames.throw(KeyboardInterrupt)
    assert ended == ["early"]
