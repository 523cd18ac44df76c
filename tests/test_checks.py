"""What callers pass in."""

import numpy as np
import pytest

from keyframes.checks import as_rows, check_count
from keyframes.errors import RowError, SettingsError


def test_whole_numbers_are_counts():
    for count in (1, np.int64(7), np.uint8(1)):
        check_count("n", count)
    check_count("n", 0, least=0)


@pytest.mark.parametrize("value", [0, -1, True, 2.0, "2", None, float("nan")])
def test_nothing_else_is(value):
    with pytest.raises(SettingsError) as refusal:
        check_count("n", value, otherwise=" or 'auto'")
    assert str(refusal.value) == (
        f"n must be a whole number of at least 1 or 'auto', got {value!r}"
    )


@pytest.mark.parametrize("rows", [(2, 0, 2), range(3), np.array([1], np.uint64), [], iter([1])])
def test_numbers_of_rows_come_as_an_array(rows):
    given = list(rows) if not hasattr(rows, "__next__") else [1]
    taken = as_rows("rows", rows, 3)
    assert taken.dtype == np.int64
    assert taken.tolist() == given


@pytest.mark.parametrize("rows", [[-1], [0, 3], np.array([2**64 - 1], np.uint64)])
def test_a_row_that_is_not_there_is_refused(rows):
    with pytest.raises(RowError, match=f"rows must be from 0 to 2, got {rows[-1]}$") as refusal:
        as_rows("rows", rows, 3)
    assert isinstance(refusal.value, IndexError)


@pytest.mark.parametrize("rows", [[True, False, True], [1.0], "01", [[1]], [2**70]])
def test_what_is_no_list_of_whole_numbers_is_refused(rows):
    with pytest.raises(RowError, match=r"rows must be a list of whole numbers, got .* of shape"):
        as_rows("rows", rows, 3)
