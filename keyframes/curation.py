"""What a person made of a selection: which frames are chosen now, and how it came about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from keyframes.errors import OutputError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

Action = Literal["reject", "swap", "add"]


@dataclass(frozen=True, slots=True)
class Change:
    """One decision.

    Attributes
    ----------
    action
        Reject a frame, swap it for another, or add one.
    removed, added
        Number of the frame that went, and of the one that came; None for neither.
    """

    action: Action
    removed: int | None
    added: int | None


@dataclass(frozen=True, slots=True)
class Curation:
    """The chosen frames and the changes that led to them.

    Attributes
    ----------
    frames
        Frame numbers, ascending.
    changes
        From the first to the last.
    """

    frames: tuple[int, ...]
    changes: tuple[Change, ...] = ()

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """Return the state that a run record tells of."""
        return cls(
            tuple(row["frame_index"] for row in record["keyframes"]),
            tuple(Change(**change) for change in record.get("curation", [])),
        )

    def to_json(self) -> list[dict[str, Any]]:
        """Return the changes as plain values, as the run record holds them."""
        return [asdict(change) for change in self.changes]

    @property
    def rejected(self) -> tuple[int, ...]:
        """Frames that a person has rejected, ascending."""
        return self._not_chosen(
            change.removed for change in self.changes if change.action == "reject"
        )

    @property
    def given_up(self) -> tuple[int, ...]:
        """Frames that were chosen once, rejected or swapped for another, ascending."""
        return self._not_chosen(change.removed for change in self.changes)

    @property
    def by_hand(self) -> tuple[set[int], set[int]]:
        """Frames that came and those that went by all changes taken together."""
        before = self.frames
        for change in reversed(self.changes):
            before = _exchange(before, change.added, change.removed)
        return {*self.frames} - {*before}, {*before} - {*self.frames}

    def check_chosen(self, frame: int) -> None:
        """Raise SettingsError unless the frame is a keyframe."""
        if frame not in self.frames:
            raise SettingsError(f"frame {frame} is no keyframe any more")

    def apply(self, change: Change) -> Self:
        """Return the state after a change; SettingsError where it can't be made."""
        if change.removed is not None:
            self.check_chosen(change.removed)
        if change.added in self.frames:
            raise SettingsError(f"frame {change.added} is a keyframe already")
        frames = _exchange(self.frames, change.removed, change.added)
        if not frames:
            raise SettingsError(
                f"frame {change.removed} is the last keyframe, and no new one can take its place"
            )
        return type(self)(frames, (*self.changes, change))

    def undo(self) -> Self:
        """Return the state before the last change.

        Raises
        ------
        SettingsError
            There is none.
        OutputError
            The changes don't lead to these frames: somebody has edited the record.
        """
        if not self.changes:
            raise SettingsError("nothing is left to undo")
        *changes, last = self.changes
        if (last.added is not None and last.added not in self.frames) or (
            last.removed in self.frames
        ):
            raise OutputError(
                f"the record's curation ({last.action} {last.removed}) doesn't fit its "
                "keyframes; extract again with --overwrite"
            )
        return type(self)(_exchange(self.frames, last.added, last.removed), tuple(changes))

    def _not_chosen(self, frames: Iterable[int | None]) -> tuple[int, ...]:
        return tuple(sorted({frame for frame in frames if frame is not None} - {*self.frames}))


def _exchange(frames: tuple[int, ...], removed: int | None, added: int | None) -> tuple[int, ...]:
    left = [frame for frame in frames if frame != removed]
    return tuple(sorted(left if added is None else [*left, added]))
