"""Putting files down at a destination that others write to as well."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keyframes.errors import OutputError
from keyframes.export.frame_folder import is_called_a_file
from keyframes.files import hold, make_folder, remove_leftovers, write_atomically
from keyframes.images import is_ours

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractContextManager

# Stands near the beginning of each task file; a file without it is never replaced.
MARK = "Written by keyframes"
_MARK_WITHIN = 400  # bytes
# The mark with the SHA-256 of the file as it is without that: whoever edits it breaks the seal.
_SEAL = re.compile(rf"({MARK}) ([0-9a-f]{{64}})".encode())


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
    n_keyframes, n_videos
        Keyframes that are at the destination now, whether they were before or not, and the videos
        they are from.
    """

    written: tuple[Path, ...]
    kept: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    n_keyframes: int = 0
    n_videos: int = 0


def take_turns(destination: Path) -> AbstractContextManager[None]:
    """Wait while another export goes to the destination: both may add to what a file holds.

    The lock lies in the same place whether the destination is there yet or not.
    """
    if is_called_a_file(destination):
        lock = destination.with_name(f".{destination.name}.lock")
    else:
        lock = destination / ".keyframes.lock"
    is_fixed = lock.parent.is_dir() and not os.access(lock.parent, os.W_OK)
    return nullcontext() if is_fixed else hold(lock)


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
        self._outdated: list[Path] = []
        self._notes: list[str] = []

    def check(self, target: Path) -> None:
        """Raise OutputError where something stands that isn't ours to replace."""
        if not target.exists():
            return
        is_picture = is_ours(target)
        task = target.read_bytes() if target.is_file() and not is_picture else b""
        if not is_picture and MARK.encode() not in task[:_MARK_WITHIN]:
            raise OutputError(
                f"{target}: exists and was not written by keyframes; export to another place"
            )
        if not is_picture and not _is_sealed(task):
            raise OutputError(
                f"{target}: has been edited since keyframes wrote it; move it away or export to "
                "another place"
            )
        if not self._overwrite:
            raise OutputError(
                f"{target}: keyframes wrote it with other content; export to another place, or "
                "replace it with `keyframes export --overwrite`, after extracting without --export"
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

    def add_task(self, target: Path, content: bytes) -> None:
        """Plan to write a task file that holds the mark; errors as `add`."""
        self.add(target, _seal(content))

    def clear(self, folder: Path, keep: Collection[str], *, stay: str = "") -> None:
        """Plan to remove our pictures of an earlier selection, where it is to be replaced.

        Parameters
        ----------
        folder
            Where they are.
        keep
            Names of those that are not of an earlier selection.
        stay
            Why they stay nevertheless, which is noted; empty where they go.
        """
        if not (self._overwrite and folder.is_dir()):
            return
        others = (path for path in sorted(folder.iterdir()) if path.name not in keep)
        outdated = [path for path in others if is_ours(path)]
        if not stay:
            self._outdated += outdated
        elif outdated:
            names = ", ".join(path.name for path in outdated)
            self.note(f"{names} of an earlier selection: stays in {folder}, since {stay}")

    def keep(self, path: Path) -> None:
        """Note that what ``path`` should hold is there already."""
        self._kept.append(path)

    def note(self, sentence: str) -> None:
        """Add what a person should know."""
        self._notes.append(sentence)

    def carry_out(self) -> Exported:
        """Write what was planned, in the order of planning; then remove what it replaces.

        Raises
        ------
        OutputError
            The destination can't be written.
        """
        for folder in dict.fromkeys(target.parent for target in self._pending):
            make_folder(folder)
        remove_leftovers(*self._pending)
        for target, content in self._pending.items():
            write_atomically(target, _read(content))
        for path in self._outdated:
            path.unlink()
        return Exported(tuple(self._pending), tuple(self._kept), tuple(self._notes))


def read_task(path: Path) -> bytes:
    """Return what a task file holds; nothing unless it is as keyframes wrote it."""
    content = path.read_bytes() if path.is_file() else b""
    return content if _is_sealed(content) else b""


def _read(content: bytes | Path) -> bytes:
    return content.read_bytes() if isinstance(content, Path) else content


def _seal(content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    return content.replace(MARK.encode(), f"{MARK} {digest}".encode(), 1)


def _is_sealed(content: bytes) -> bool:
    """Say whether a task file is as keyframes wrote it, to the byte."""
    return bool(_SEAL.search(content)) and _seal(_SEAL.sub(rb"\1", content, 1)) == content
