"""What the page of one video says of its making: what was asked, found, and changed by hand."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from keyframes.settings import Settings
from keyframes.words import describe_match, to_clock, to_count, to_percent

if TYPE_CHECKING:
    from keyframes.records import Selection

# What no option is called like.
_NAMES = {"held": "there before"}
# What a method doesn't go by.
_UNUSED = {"coverage": ("n_init",), "uniform": ("features", "n_init", "seed", "width")}


def describe_asked(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what was asked, in the words of the command line's options; the rest is left out."""
    default, unused = Settings().to_json(), _UNUSED.get(settings["method"], ())
    said = {
        key: value
        for key, value in sorted(settings.items())
        if (value or key == "seed") and not (key in unused and value == default[key])
    }
    if said.get("pool"):
        said["pool"] = True  # what tells it from others says nothing to a person
    if settings["frames"]:  # nothing was chosen
        said = {key: said[key] for key in ("frames", "crop", "crop_output") if key in said}
    return [
        (_NAMES.get(key, key.replace("_", "-")), _to_text(value)) for key, value in said.items()
    ]


def describe_found(selection: Selection, record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what was found, for a person."""
    video = selection.video
    facts = {
        "frames counted": f"{video.n_frames:,}",
        "candidates": f"{selection.n_candidates:,}, {_describe_candidates(selection, record)}",
        "keyframes": f"{len(selection.keyframes)} of {selection.n_asked} asked for",
        **_actions(record),
        "picture": f"{video.width} × {video.height}"
        + (", mirrored" if video.mirrored else "")
        + (f", turned by {video.rotation}°" if video.rotation else ""),
        "length": f"{to_clock(video.duration_s)} at {video.fps:.4g} frames a second",
        "format": f"{video.codec} ({video.pixel_format}) in {video.container}",
        "packets that can't be decoded": f"{video.decode_errors:,}",
        "damaged frames": f"{video.damaged_frames:,}",
    }
    if selection.step is not None:
        facts["variance explained"] = to_percent(selection.coverage.variance_explained, 1)
    if record["inertia"] is not None:
        facts["objective J"] = f"{record['inertia']:,.6g}"
    facts |= _explain(record)
    facts |= record["versions"]
    facts["file, SHA-256 of samples"] = record["identity"]["video"]["sha256_of_samples"]
    return list(facts.items())


def _explain(record: dict[str, Any]) -> dict[str, str]:
    """Say what the method measured and decided; the figures behind it are the record's."""
    why = record["explanation"]
    facts = {}
    if "k" in why:  # it was found, not asked for
        facts["k"] = why["k"]
    if "gate" in why:
        facts["compared by"] = ", ".join(why["costs"])
        facts["animals"] = why["gate"]["reason"]
    if "pool" in why:
        facts["pool"] = ", ".join(
            to_count(why[f"pool_{noun}s"], noun) for noun in ("video", "candidate", "keyframe")
        )
        facts["objective J of the pool"] = f"{why['pool_inertia']:,.6g}"
    if match := describe_match(record):
        facts["matched"] = match
    return facts


def _actions(record: dict[str, Any]) -> dict[str, str]:
    """Say how often a person rejected, swapped or added a frame, where one did."""
    actions = Counter(change["action"] for change in record.get("curation", []))
    text = ", ".join(f"{action} {n}" for action, n in actions.items())
    return {"changed by hand": text} if text else {}


def _describe_candidates(selection: Selection, record: dict[str, Any]) -> str:
    """Say which of the video's frames were looked at."""
    step, settings = selection.step, record["identity"]["settings"]
    if step is None:
        return "only those listed"
    whole = "whole frame" if selection.video.is_damaged else "frame"
    said = f"every {whole}" if step == 1 else f"one {whole} in {step}"
    if step == "keyframes":
        said = "the stream's own key frames"
    return f"{said} in the range" if settings["start"] or settings["end"] else said


def _to_text(value: object) -> str:
    """Write a setting as a person would."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_to_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_to_text, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
