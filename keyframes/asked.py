"""What was asked of a video, in the words of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keyframes.commands import join_words
from keyframes.settings import Settings

# What growing asks for anew, whatever the earlier run was asked.
GROWING = ("count", "held", "frames")
_DEFAULT_OUTPUT = Path("keyframes-out")  # of `extract`
# The command line's name for each setting.
_OPTIONS = {
    "count": "-k",
    "frames": "--frames",
    "start": "--start",
    "end": "--end",
    "crop": "--crop",
    "crop_output": "--crop-output",
    "step": "--step",
    "features": "--features",
    "width": "--width",
    "method": "--method",
    "min_gap_s": "--min-gap",
    "n_init": "--n-init",
    "seed": "--seed",
}
# What differs, where the values themselves say nothing to a person or are too many.
_IN_WORDS = {
    "pool": "another pool",
    "sha256_of_samples": "other content",
    "held": "other frames in the project",
    "frames": "another list of frames",
    "match": "other moments",
}


def repeat_command(record: dict[str, Any], output: Path) -> str:
    """Return the command line that gives this result again, from whatever folder.

    ``output`` is where it goes, as it was named, so that nothing depends on where that lies; what
    a list has to say it goes beside that, since what is there was asked in another way.
    """
    asked, default = record["identity"]["settings"], Settings().to_json()
    # With slashes on Windows, too: what shells make of a backslash differs.
    video = Path(record["video"]["path"]).as_posix()
    if (match := asked.get("match")) and not record.get("curation"):
        words = [output.as_posix(), video, "--to", Path(match["to"]).stem, "--by", match["by"]]
        return join_words(["keyframes", "match", *words])
    # Where other frames or videos took part, or a person had a hand in it, the list says it.
    if asked["held"] or asked.get("pool") or record.get("curation"):
        asked = {**asked, "frames": [row["frame_index"] for row in record["keyframes"]]}
        output = output.parent / f"{output.name or 'keyframes'}-again"
    if asked["frames"]:  # a list has a length of its own
        asked = {**Settings.from_json(asked).to_json(), "count": default["count"]}
    words = [video] if output == _DEFAULT_OUTPUT else [video, "-o", output.as_posix()]
    return join_words(["keyframes", "extract", *words, *_to_options(asked)])


def choose_k_command(
    settings: dict[str, Any], video: Path, smallest: int, largest: int, page: Path
) -> str:
    """Return the command line that tries the same range of k again, and writes the same page."""
    words = [video.as_posix(), "--min", str(smallest), "--max", str(largest)]
    words += _to_options(settings)
    return join_words(["keyframes", "choose-k", *words, "-o", page.as_posix()])


def differences(there: dict[str, Any], asked: dict[str, Any]) -> dict[str, str]:
    """Name what differs, by its key and for a person: ``-k 20, now 30``."""
    return {
        key: _IN_WORDS.get(key)
        or f"{_OPTIONS.get(key, key)} {_to_word(there.get(key))}, now {_to_word(value)}"
        for key, value in asked.items()
        if there.get(key) != value
    }


def has_goal(asked: dict[str, Any]) -> bool:
    """Say whether a number is asked for, to which the keyframes of one video can grow."""
    return not (asked.get("frames") or asked.get("pool") or asked.get("count") == "auto")


def may_grow(there: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Say whether keyframes that were asked for in one way can grow to what is asked now."""
    return has_goal(asked) and differences(there, asked).keys() <= {*GROWING}


def _to_options(asked: dict[str, Any]) -> list[str]:
    """Return the options that ask for what differs from the default."""
    words, default = [], Settings().to_json()
    for setting, option in _OPTIONS.items():
        if (value := asked[setting]) != default[setting]:
            words += [option] if value is True else [option, _to_word(value)]
    return words


def _to_word(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        value = list(value.values())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
