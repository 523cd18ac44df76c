import errno
import io
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyframes.errors import OutputError, SettingsError
from keyframes.thumbnails import ThumbnailStore


def numbered(n, shape=(3, 4)):
    """Return (n, *shape) thumbnails, no two alike."""
    pixels = np.arange(n * int(np.prod(shape))) * 2654435761 >> 7
    return (pixels % 256).astype(np.uint8).reshape(n, *shape)


def filled(store, thumbnails):
    for thumbnail in thumbnails:
        store.append(thumbnail)
    return store


# 0: all on disk from the first; 100: the move happens in the middle.
@pytest.mark.parametrize("memory_bytes", [0, 100, 10**6])
@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (1, 1)])
def test_blocks_hold_all_thumbnails_in_order(memory_bytes, shape):
    thumbnails = numbered(50, shape)
    with filled(ThumbnailStore(memory_bytes), thumbnails) as store:
        blocks = list(store.blocks(7))
    assert [len(block) for block in blocks] == [7] * 7 + [1]
    np.testing.assert_array_equal(np.concatenate(blocks), thumbnails)


@given(
    rows=st.lists(st.integers(0, 19), max_size=30),
    memory_bytes=st.sampled_from([0, 100, 10**6]),
)
def test_take_gives_any_rows_in_any_order(rows, memory_bytes):
    thumbnails = numbered(20)
    with filled(ThumbnailStore(memory_bytes), thumbnails) as store:
        taken = store.take(np.array(rows, np.int64))
    np.testing.assert_array_equal(taken, thumbnails[rows])


@pytest.mark.parametrize("memory_bytes", [0, 10**6])
def test_reading_and_appending_can_alternate(memory_bytes):
    thumbnails = numbered(9)
    with ThumbnailStore(memory_bytes) as store:
        for n, thumbnail in enumerate(thumbnails, start=1):
            store.append(thumbnail)
            np.testing.assert_array_equal(store.take(np.array([n - 1, 0])), thumbnails[[n - 1, 0]])
            assert len(store) == n
            np.testing.assert_array_equal(next(store.blocks(1)), thumbnails[:1])


def test_a_view_with_gaps_is_stored_as_it_looks():
    wide = numbered(1, (6, 8))[0]
    with filled(ThumbnailStore(), [wide[::2, ::-2]]) as store:
        np.testing.assert_array_equal(store.take(np.array([0]))[0], wide[::2, ::-2])


def test_a_stored_thumbnail_is_a_copy():
    thumbnail = np.zeros((2, 2), np.uint8)
    with filled(ThumbnailStore(), [thumbnail]) as store:
        thumbnail[...] = 9
        assert not store.take(np.array([0])).any()


def test_memory_stays_below_the_bound_and_the_file_takes_the_rest(monkeypatch):
    opened = []
    real = tempfile.TemporaryFile
    monkeypatch.setattr(
        tempfile, "TemporaryFile", lambda *a, **k: opened.append(real(*a, **k)) or opened[-1]
    )
    store = ThumbnailStore(1000)
    with filled(store, numbered(10, (10, 10))):
        assert opened == []
        store.append(numbered(1, (10, 10))[0])
        (file,) = opened
        file.flush()
        assert file.seek(0, io.SEEK_END) == 1100
    assert file.closed


@pytest.mark.parametrize("memory_bytes", [0, 10**6])
def test_the_file_is_gone_after_an_error(memory_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(IndexError), ThumbnailStore(memory_bytes) as store:
        filled(store, numbered(3)).take(np.array([99]))
    assert list(tmp_path.iterdir()) == []


class SmallDisk(io.FileIO):
    """A file on a disk with room for a few bytes."""

    room = 0

    def write(self, data):
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


# 0: the move to the file fails; 100: a later thumbnail, which waits in the file's buffer
# until something is read.
@pytest.mark.parametrize("room", [0, 100])
def test_a_full_disk_is_an_output_error_that_says_what_to_do(room, tmp_path, monkeypatch):
    raw = SmallDisk(tmp_path / "full", "w+b")
    raw.room = room
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda *_, **__: io.BufferedRandom(raw))

    def fill_and_read():
        with ThumbnailStore(0) as store:
            filled(store, numbered(20)).take(np.array([0]))

    with pytest.raises(OutputError, match=r"^[^\n]*No space left[^\n]*TMPDIR[^\n]*$"):
        fill_and_read()
    assert raw.closed


def test_thumbnails_of_another_shape_or_type_are_refused():
    with filled(ThumbnailStore(), numbered(2)) as store:
        with pytest.raises(ValueError, match=r"\(4, 3\) after \(3, 4\)"):
            store.append(np.zeros((4, 3), np.uint8))
        with pytest.raises(ValueError, match="float64"):
            store.append(np.zeros((3, 4)))
        assert len(store) == 2


@pytest.mark.parametrize("shape", [(0, 4), (4,), (2, 3, 1), (2, 3, 4), (1, 2, 3, 4)])
def test_what_is_no_picture_is_refused(shape):
    with ThumbnailStore() as store, pytest.raises(ValueError, match="must be"):
        store.append(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("row", [-1, 2])
def test_a_row_outside_is_an_index_error(row):
    with filled(ThumbnailStore(), numbered(2)) as store, pytest.raises(IndexError, match=str(row)):
        store.take(np.array([row]))


@pytest.mark.parametrize("rows", [[True, False], [1.0], "01"])
def test_what_is_no_number_of_a_row_is_refused(rows):
    with filled(ThumbnailStore(), numbered(2)) as store, pytest.raises(SettingsError):
        store.take(rows)


@pytest.mark.parametrize("n_rows", [0, -1, 1.5])
def test_a_block_of_no_rows_is_refused(n_rows):
    with filled(ThumbnailStore(), numbered(2)) as store, pytest.raises(SettingsError):
        next(store.blocks(n_rows))


def test_a_refused_thumbnail_leaves_no_shape():
    with ThumbnailStore() as store:
        with pytest.raises(ValueError, match="float64"):
            store.append(np.zeros((3, 4)))
        store.append(np.zeros((5, 6), np.uint8))
        assert store.shape == (5, 6)


def test_an_empty_store_has_no_shape_and_no_blocks():
    with ThumbnailStore() as store:
        assert list(store.blocks(5)) == []
        with pytest.raises(ValueError, match="empty"):
            _ = store.shape
