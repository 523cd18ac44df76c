"""Putting files down at a destination that others write to as well."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from keyframes.errors import OutputError
from keyframes.files import make_folder, write_atomically
from keyframes.images import is_ours

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Stands near the beginning of each task file; a file without it is never replaced.
MARK = "Written by keyframes"
_MARK_WITHIN = 400  # bytes


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did.

    Attributes
    ----------
    written
        Files that are new or have changed.
    kept
        Files that stay as they were: what they should hold is there already.
    notes
        What a person should know, one sentence each.
    new_frames
        Frames that a SLEAP file did not hold before, by the results' place.
    """

    written: tuple[Path, ...]
    kept: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    new_frames: Mapping[PurePosixPath, Sequence[int]] = field(default_factory=dict)


class Delivery:
    """Files on their way to a destination.

    Everything is checked when it is added; nothing is written before :meth:`carry_out`.

    Parameters
    ----------
    overwrite
        Replace files that keyframes wrote with other content.
    """

    def __init__(self, *, overwrite: bool = False) -> None:
        self._overwrite = overwrite
        self._pending: dict[Path, bytes | Path] = {}
        self._kept: list[Path] = []
        self._notes: list[str] = []

    def check(self, target: Path) -> None:
        """Raise OutputError where something stands that isn't ours to replace."""
        if not target.exists() or (self._overwrite and _is_ours(target)):
            return
        if _is_ours(target):
            raise OutputError(
                f"{target}: keyframes wrote it with other content; export to another place or "
                "replace it with --overwrite"
            )
        raise OutputError(
            f"{target}: exists and was not written by keyframes; export to another place"
        )

    def add(self, target: Path, content: bytes | Path, *, replace: bool = False) -> None:
        """Plan to write ``content``, or a copy of the file that it names.

        Parameters
        ----------
        target
            Where it goes.
        content
            The bytes, or the file to copy.
        replace
            What stands at the target may be replaced, whoever wrote it.

        Raises
        ------
        OutputError
            Something else stands there and isn't ours to replace.
        """
        if target.is_file() and target.read_bytes() == _read(content):
            self._kept.append(target)
            return
        if not replace:
            self.check(target)
        self._pending[target] = content

    def keep(self, path: Path) -> None:
        """Note that what ``path`` should hold is there already."""
        self._kept.append(path)

    def note(self, sentence: str) -> None:
        """Add what a person should know."""
        self._notes.append(sentence)

    def carry_out(self) -> Exported:
        """Write what was planned, in the order of planning.

        Raises
        ------
        OutputError
            The destination can't be written.
        """
        for folder in dict.fromkeys(target.parent for target in self._pending):
            make_folder(folder)
        for target, content in self._pending.items():
            write_atomically(target, _read(content))
        return Exported(tuple(self._pending), tuple(self._kept), tuple(self._notes))


def _read(content: bytes | Path) -> bytes:
    return content.read_bytes() if isinstance(content, Path) else content


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return MARK.encode() in file.read(_MARK_WITHIN) or is_ours(path)
