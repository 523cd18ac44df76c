"""What is asked, checked where it is said."""

import json
import pickle

import numpy as np
import pytest

from keyframes.errors import SettingsError
from keyframes.records import Crop
from keyframes.settings import Settings
from keyframes.video import Span, parse_position


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": 0}, "count must be at least 1, got 0"),
        ({"count": -3}, "got -3"),
        ({"width": 4}, "width must be at least 8"),
        ({"n_init": 0}, "n_init"),
        ({"seed": -1}, "seed"),
        ({"min_gap_s": -0.5}, "min_gap_s"),
        ({"min_gap_s": float("inf")}, "min_gap_s must be seconds, at least 0; got inf"),
        ({"min_gap_s": float("nan")}, "got nan"),
        ({"step": 0}, "step must be at least 1"),
        ({"crop_output": True}, "needs a crop"),
        ({"crop_output": "no"}, "crop_output must be True or False, got 'no'"),
        (
            {"crop_output": np.bool_(1), "crop": Crop(0, 0, 8, 8)},
            "crop_output must be .* got .*True",
        ),
        ({"frames": 5}, "frames must be numbers of frames, got 5"),
        ({"span": None}, "span must be a Span, got None"),
        ({"span": "3s"}, "span must be a Span, got '3s'"),
        ({"crop": (0, 0, 5, 5)}, r"crop must be a Crop or None, got \(0, 0, 5, 5\)"),
        ({"share": 3}, "share must be a PoolShare or None, got 3"),
        ({"match": 3}, "match must be a Match or None, got 3"),
        ({"min_gap_s": "a"}, "min_gap_s must be seconds, at least 0, got 'a'"),
        ({"count": np.array([3])}, r"count must be a whole number or auto, got array\(\[3\]\)"),
    ],
)
def test_impossible_settings_are_refused(wrong, message):
    with pytest.raises(SettingsError, match=message):
        Settings(**wrong)


def test_settings_become_plain_values():
    settings = Settings(
        count=5,
        span=Span(parse_position("00:01:30.5"), parse_position("2700f")),
        crop=Crop(1, 2, 30, 40),
    )
    document = settings.to_json()
    assert json.loads(json.dumps(document)) == document
    assert (document["start"], document["end"]) == ("90.5s", "2700f")
    assert document["crop"] == {"x1": 1, "y1": 2, "x2": 30, "y2": 40}
    assert Settings().to_json()["start"] is None


def test_a_list_of_frames_is_the_same_however_it_would_have_been_chosen():
    chooses = {"method": "coverage", "seed": 4, "n_init": 9, "step": 2, "min_gap_s": 1.0}
    span = Span(parse_position("1"))
    listed = Settings(frames=(5, 1))
    assert Settings(frames=(1, 5), span=span, **chooses).to_json() == listed.to_json()
    assert Settings(frames=(1, 5), width=32).to_json() != listed.to_json()


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("0.00001", "0.00001s"),
        ("0.00001%", "0.00001%"),
        ("12345678901234567890", "12345678901234567000.0s"),
        ("90", "90.0s"),
        ("0.1", "0.1s"),
        ("2700f", "2700f"),
    ],
)
def test_positions_are_stored_as_they_can_be_read(said, stored):
    document = Settings(span=Span(parse_position(said))).to_json()
    assert document["start"] == stored
    assert Settings.from_json(document).span.start == parse_position(said)


def test_numbers_of_numpy_become_pythons():
    plain = Settings(
        count=3, held=(1,), frames=(4, 9), seed=7, min_gap_s=0.5, crop=Crop(0, 0, 8, 8)
    )
    settings = Settings(
        count=np.int64(3),
        held=np.array([1]),
        frames=np.array([4, 9]),
        seed=np.uint8(7),
        min_gap_s=np.float32(0.5),
        crop=Crop(*np.array([0, 0, 8, 8])),
    )
    assert settings == plain
    assert json.dumps(settings.to_json()) == json.dumps(plain.to_json())


def test_settings_travel_to_other_processes():
    settings = Settings(count=7, span=Span(parse_position("25%")))
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": 1.5}, "count must be a whole number or auto, got 1.5"),
        ({"count": "x"}, "got 'x'"),
        ({"count": True}, "got True"),
        ({"count": None}, "got None"),
        ({"frames": (3, 1.5)}, "frames must be a whole number, got 1.5"),
        ({"crop": Crop(0, 0, 9.5, 8)}, "crop must be a whole number, got 9.5"),
        ({"step": "often"}, "a whole number or auto or keyframes"),
        ({"features": "xyz"}, "features must be one of hog, gray, colour; got 'xyz'"),
        ({"method": "zzz"}, "method must be one of"),
        ({"crop": Crop(10, 10, 5, 20)}, "0 ≤ X1 < X2 and 0 ≤ Y1 < Y2, got 10,10,5,20"),
        ({"crop": Crop(-1, 0, 5, 5)}, "0 ≤ X1 < X2 and 0 ≤ Y1 < Y2, got -1,0,5,5"),
        ({"span": Span(parse_position("20"), parse_position("10"))}, "ends at 10s, before"),
    ],
)
def test_nonsense_is_refused(wrong, message):
    with pytest.raises(SettingsError, match=message):
        Settings(**wrong)
