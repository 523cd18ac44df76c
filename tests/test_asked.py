"""What was asked, in words that the command line takes."""

import shlex
from pathlib import Path

import pytest

from keyframes.asked import choose_k_command, differences, may_grow, repeat_command
from keyframes.cli.choose_k import choose_k
from keyframes.cli.extract import extract as extract_command
from keyframes.records import Crop
from keyframes.settings import Settings
from keyframes.video import Span, parse_position


@pytest.mark.parametrize("name", ["a b.mp4", "-x.mp4", "it's.mp4"])
def test_record_tells_the_command_that_gives_the_same_again(name, tmp_path):
    asked = Settings(count=7, crop=Crop(1, 2, 30, 40), crop_output=True, min_gap_s=0.5).to_json()
    video = tmp_path / "my videos" / name
    record = {"identity": {"settings": asked}, "video": {"path": str(video)}, "keyframes": []}
    _, _, *arguments = shlex.split(repeat_command(record, Path("it's here/out")))
    parsed = extract_command.make_context("extract", arguments).params
    assert (parsed["paths"], parsed["output"]) == ((video,), Path("it's here/out"))
    assert (parsed["count"], parsed["min_gap_s"]) == (7, 0.5)
    assert (parsed["crop"], parsed["crop_output"]) == (Crop(1, 2, 30, 40), True)


@pytest.mark.parametrize(
    ("asked", "curation", "is_beside"),
    [
        ({"held": [5]}, [], True),
        ({"pool": "5a"}, [], True),
        ({}, [{"action": "add", "removed": None, "added": 9}], True),
        ({"frames": [5, 9]}, [], False),
    ],
)
@pytest.mark.parametrize(
    ("output", "beside"), [("keyframes-out", "keyframes-out-again"), (".", "keyframes-again")]
)
def test_what_a_list_gives_again_goes_beside_the_result(output, beside, asked, curation, is_beside):
    """Where that lies it would be refused: other settings are there."""
    record = {
        "identity": {"settings": {**Settings().to_json(), **asked}},
        "video": {"path": "v.mp4"},
        "keyframes": [{"frame_index": 5}, {"frame_index": 9}],
        "curation": curation,
    }
    _, _, *arguments = shlex.split(repeat_command(record, Path(output)))
    parsed = extract_command.make_context("extract", arguments).params
    assert parsed["frames"] == {"": (5, 9)}
    assert parsed["output"] == Path(beside if is_beside else output)


def test_a_choice_of_k_is_made_again_by_its_command(tmp_path):
    asked = Settings(features="gray", crop=Crop(1, 2, 30, 40), seed=3).to_json()
    video = tmp_path / "my video.mp4"
    _, name, *arguments = shlex.split(choose_k_command(asked, video, 2, 30, Path("k.html")))
    parsed = choose_k.make_context(name, arguments).params
    given = {
        "video": video,
        "smallest": 2,
        "largest": 30,
        "output": Path("k.html"),
        "features": "gray",
        "crop": Crop(1, 2, 30, 40),
        "seed": 3,
    }
    assert {key: parsed[key] for key in given} == given


@pytest.mark.parametrize(
    ("there", "asked", "said"),
    [
        (Settings(), Settings(crop=Crop(0, 1, 80, 90)), ["--crop none, now 0,1,80,90"]),
        (Settings(span=Span(parse_position("5"))), Settings(), ["--start 5.0s, now none"]),
        (
            Settings(crop=Crop(0, 1, 8, 9)),
            Settings(crop=Crop(0, 1, 8, 9), crop_output=True, min_gap_s=0.5),
            ["--crop-output no, now yes", "--min-gap 0.0, now 0.5"],
        ),
    ],
)
def test_what_differs_is_said_in_the_words_of_the_options(there, asked, said):
    assert list(differences(there.to_json(), asked.to_json()).values()) == said


@pytest.mark.parametrize(
    ("asked", "is_so"),
    [
        ({"count": 30, "held": [4]}, True),
        ({"count": "auto"}, False),
        ({"frames": [5, 9]}, False),
        ({"pool": "5a"}, False),
        ({"method": "coverage"}, False),
    ],
)
def test_keyframes_grow_to_a_number_that_is_asked_for_in_the_same_way(asked, is_so):
    there = Settings(frames=(1, 2)).to_json()
    assert may_grow(there, {**Settings().to_json(), **asked}) == is_so
