"""What a person made of a selection: changes, what they leave, and the way back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyframes.curation import Change, Curation
from keyframes.errors import OutputError, SettingsError


def test_changes_and_what_they_leave():
    state = Curation((3, 8, 20))
    state = state.apply(Change("reject", 8, 9)).apply(Change("swap", 20, 21))
    state = state.apply(Change("add", None, 1))
    assert state.frames == (1, 3, 9, 21)
    assert state.rejected == (8,)
    assert state.given_up == (8, 20)
    state = state.apply(Change("reject", 9, 8))
    assert state.by_hand == ({1, 21}, {20})
    state = state.undo()
    record = {
        "keyframes": [{"frame_index": n} for n in state.frames],
        "curation": json.loads(json.dumps(state.to_json())),
    }
    assert Curation.from_record(record) == state


def test_what_cannot_be_done_is_refused():
    state = Curation((3, 8))
    with pytest.raises(SettingsError, match="frame 4 is no keyframe"):
        state.apply(Change("reject", 4, 5))
    with pytest.raises(SettingsError, match="frame 8 is a keyframe already"):
        state.apply(Change("add", None, 8))
    with pytest.raises(SettingsError, match="frame 8 is the last keyframe, and no new one"):
        Curation((8,)).apply(Change("reject", 8, None))
    with pytest.raises(SettingsError, match="nothing is left to undo"):
        state.undo()
    with pytest.raises(OutputError, match="doesn't fit its keyframes"):
        Curation((3, 8), (Change("swap", 8, 9),)).undo()


@given(
    st.sets(st.integers(0, 20), min_size=2),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 2)), max_size=9),
)
def test_undo_leads_all_the_way_back(frames, wishes):
    start = state = Curation(tuple(sorted(frames)))
    for removed, added, kind in wishes:
        change = [
            Change("reject", removed, None),
            Change("swap", removed, added),
            Change("add", None, added),
        ][kind]
        try:
            state = state.apply(change)
        except SettingsError:
            continue
    while state.changes:
        state = state.undo()
    assert state == start
