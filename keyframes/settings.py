"""What is asked of one video."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, field, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from keyframes.checks import check_seconds
from keyframes.errors import SettingsError
from keyframes.records import Crop, FeatureName, MatchBy, Method, PoolShare
from keyframes.video import Span, parse_position

if TYPE_CHECKING:
    from keyframes.records import Selection

# What says how to choose, as `Settings.to_json` calls it: nothing that a list of frames is asked.
CHOOSING = ("method", "n_init", "seed", "min_gap_s", "start", "end", "step")
_LEAST = {"count": 1, "step": 1, "width": 8, "n_init": 1, "seed": 0}
_WORDS = {"count": ("auto",), "step": ("auto", "keyframes")}


@dataclass(frozen=True, slots=True)
class Match:
    """Whose moments are wanted: those of another camera's keyframes.

    Attributes
    ----------
    pattern
        The keyframes, and the recording that they are from.
    sha256_of_samples
        What tells the content of that recording from another's.
    by
        What the frames are to be found by.
    times_s
        Where they are found: when each is, seconds after the first frame.
    facts
        What was found, for the run record.
    warnings
        What a person should know of it, one sentence each.
    """

    pattern: Selection
    sha256_of_samples: str
    by: MatchBy = "auto"
    times_s: tuple[float, ...] = ()
    facts: tuple[tuple[str, str | float], ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what was asked as plain values; the rest follows from it and the video."""
        return {
            "to": self.pattern.video.path.name,
            "sha256_of_samples": self.sha256_of_samples,
            "frames": self.pattern.frame_indices,
            "by": self.by,
        }


_KINDS: dict[str, tuple[Any, str]] = {
    "held": (Iterable, "numbers of frames"),
    "frames": (Iterable, "numbers of frames"),
    "span": (Span, "a Span"),
    "crop_output": (bool, "True or False"),
    "crop": (Crop | None, "a Crop or None"),
    "min_gap_s": (Real, "seconds, at least 0"),
    "share": (PoolShare | None, "a PoolShare or None"),
    "match": (Match | None, "a Match or None"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is asked of one video; the defaults are the command line's.

    Attributes
    ----------
    count
        Keyframes to choose, those in ``held`` included; "auto": as many as pay, by the elbow.
    held
        Frames that are keyframes already, by number; the others are chosen to be unlike them.
    frames
        Exactly these frames, by number, instead of any choice; ``count`` then doesn't matter.
    span
        The part of the video to consider.
    crop
        The part of the picture that the features see; None for all of it.
    crop_output
        Cut the PNGs to the crop, too.
    step
        Consider every Nth frame; "auto": every frame, thinned above a stated number of
        candidates; "keyframes": the stream's own key frames.
    features, method
        How frames are described, and how they are chosen.
    width
        Longest side of the thumbnail that the features see, pixels.
    n_init
        Restarts of k-means.
    seed
        The same video, settings and seed give the same frames.
    min_gap_s
        Smallest time between two keyframes, seconds.
    share
        The video's share of a selection over many videos, ``count`` keyframes; None where it
        stands alone.
    match
        Whose moments ``frames`` are, once they are found; None for a list of its own, or a choice.
    """

    count: int | Literal["auto"] = 20
    held: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()
    span: Span = field(default_factory=Span)
    crop: Crop | None = None
    crop_output: bool = False
    step: int | Literal["auto", "keyframes"] = "auto"
    features: FeatureName = "hog"
    method: Method = "kmeans"
    width: int = 64
    n_init: int = 1
    seed: int = 0
    min_gap_s: float = 0.0
    share: PoolShare | None = None
    match: Match | None = None

    def __post_init__(self) -> None:
        self._check_kinds()
        self._make_plain()
        self._check_values()
        self._check_ranges()

    def _check_kinds(self) -> None:
        for name, (kind, words) in _KINDS.items():
            if not isinstance(value := getattr(self, name), kind):
                raise SettingsError(f"{name} must be {words}, got {value!r}")

    def _make_plain(self) -> None:
        """Turn NumPy's numbers into Python's, which the run record can hold."""
        plain: dict[str, Any] = {"min_gap_s": float(self.min_gap_s)}
        for name in _LEAST:
            plain[name] = _to_whole(name, getattr(self, name), _WORDS.get(name, ()))
        for name in ("held", "frames"):
            plain[name] = tuple(_to_whole(name, number) for number in getattr(self, name))
        if self.crop:
            plain["crop"] = Crop(*(_to_whole("crop", number) for number in astuple(self.crop)))
        for name, value in plain.items():
            object.__setattr__(self, name, value)  # frozen from now on

    def _check_values(self) -> None:
        for name, smallest in _LEAST.items():
            value = getattr(self, name)
            if value not in _WORDS.get(name, ()) and value < smallest:
                raise SettingsError(f"{name} must be at least {smallest}, got {value}")
        for name, literal in (("features", FeatureName), ("method", Method)):
            if getattr(self, name) not in get_args(literal):
                allowed = ", ".join(get_args(literal))
                raise SettingsError(f"{name} must be one of {allowed}; got {getattr(self, name)!r}")
        check_seconds("min_gap_s", self.min_gap_s)

    def _check_ranges(self) -> None:
        if (first := min((*self.held, *self.frames), default=0)) < 0:
            raise SettingsError(f"frame numbers count from 0, got {first}")
        start, end = self.span.start, self.span.end
        if start and end and start.unit == end.unit and start.value >= end.value:
            raise SettingsError(
                f"the range ends at {end.value:g}{end.unit}, before it starts at "
                f"{start.value:g}{start.unit}; give an end after the start"
            )
        crop = self.crop
        if crop and not (0 <= crop.x1 < crop.x2 and 0 <= crop.y1 < crop.y2):
            raise SettingsError(
                "the crop must be X1,Y1,X2,Y2 with 0 ≤ X1 < X2 and 0 ≤ Y1 < Y2, got "
                f"{crop.x1},{crop.y1},{crop.x2},{crop.y2}"
            )
        if self.crop_output and crop is None:
            raise SettingsError("crop_output needs a crop to cut to; give one or leave it out")

    @property
    def output_crop(self) -> Crop | None:
        """What the PNGs are cut to; None for whole frames."""
        return self.crop if self.crop_output else None

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain values, as the run record holds them.

        Beside a list of frames, what says how to choose is as if it hadn't been asked.
        """
        document = asdict(replace(self, match=None))
        span, share = document.pop("span"), document.pop("share")
        for name in ("held", "frames"):
            document[name] = sorted(set(document[name]))
        document |= {
            "start": _to_text(span["start"]),
            "end": _to_text(span["end"]),
            "pool": share and share["pool"],
            "match": self.match and self.match.to_json(),
        }
        if self.frames:
            default = Settings().to_json()
            document |= {name: default[name] for name in CHOOSING}
            document["count"] = len(document["frames"])
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Settings:
        """Return the settings that `to_json` wrote, but for the share of a pool and the match."""
        others = ("start", "end", "pool", "match")
        plain = {name: value for name, value in document.items() if name not in others}
        start, end = (
            None if document[name] is None else parse_position(document[name])
            for name in ("start", "end")
        )
        return cls(
            **{
                **plain,
                "held": tuple(document["held"]),
                "frames": tuple(document["frames"]),
                "crop": None if document["crop"] is None else Crop(**document["crop"]),
                "span": Span(start, end),
            }
        )


def _to_whole(name: str, value: Any, words: tuple[str, ...] = ()) -> Any:  # noqa: ANN401
    """Return a whole number as Python's own, or one of the words; SettingsError for all else."""
    if isinstance(value, str) and value in words:
        return value
    if isinstance(value, bool | np.ndarray) or not hasattr(value, "__index__"):
        allowed = " or ".join(["a whole number", *words])
        raise SettingsError(f"{name} must be {allowed}, got {value!r}")
    return operator.index(value)


def _to_text(position: dict[str, Any] | None) -> str | None:
    """Write a position as on the command line, which knows no 1e-05."""
    if position is None:
        return None
    value = position["value"]
    if isinstance(value, float):
        value = np.format_float_positional(value, trim="0")
    return f"{value}{position['unit']}"
