"""Where keyframes went: the run records remember their exports, so that changes can follow.

A destination is remembered as seen from the output folder, too: in a copy of both, the copies
belong together.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keyframes.files import read_json, write_json
from keyframes.names import is_same_file, to_absolute

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keyframes.export.delivery import Exported
    from keyframes.export.results import Result
    from keyframes.records import ExportFormat
    from keyframes.run_record import Record

# Why a frame that is no keyframe any more stays at a destination.
LABELLED = "it is labelled there"
NOT_OURS = "nothing says that keyframes put it there"

_TASK_FILES = (".json", ".xml")


@dataclass(frozen=True, slots=True)
class PastExport:
    """What one video's run record remembers of an export.

    Attributes
    ----------
    tool
        The labelling tool.
    destination
        The project, file or folder, as an absolute path.
    options
        Keywords of the tool's exporter.
    place
        What the video's results were called, with forward slashes: see `Source`.
    files
        SHA-256 of each task file as the export left it, by its path beside the destination.
    is_elsewhere
        The output folder was moved or copied since, and the destination wasn't.
    copied_from
        The folder that exported, where this one is a copy of it and the destination is its own.
    """

    tool: ExportFormat
    destination: Path
    options: dict[str, Any] = field(default_factory=dict)
    place: str = ""
    files: dict[str, str] = field(default_factory=dict)
    is_elsewhere: bool = False
    copied_from: Path | None = None

    @classmethod
    def of(cls, tool: ExportFormat, destination: Path, options: dict[str, Any]) -> PastExport:
        """Return what is remembered of an export, whichever way its destination is named."""
        is_config = destination.name == "config.yaml"  # of a project, which a folder is, too
        lasting = {name: value for name, value in options.items() if name != "overwrite"}
        folder = destination.parent if is_config else destination
        return cls(tool, to_absolute(folder), lasting)

    @classmethod
    def from_json(cls, document: dict[str, Any], path: Path) -> PastExport:
        """Return what `to_json` wrote to the record at `path`, wherever that lies now."""
        plain = {k: value for k, value in document.items() if k in cls.__slots__}
        there = to_absolute(Path(document["destination"]))
        here = to_absolute(path.parent / document.get("from_here", there))
        plain["destination"] = here if here.exists() else there
        plain["is_elsewhere"] = plain["destination"] != here
        origin = Path(document.get("origin", path.parent))
        is_copy = (origin / path.name).exists() and not is_same_file(origin / path.name, path)
        plain["copied_from"] = origin if is_copy and plain["destination"] == there else None
        return cls(**plain)

    def to_json(self, folder: Path) -> dict[str, Any]:
        """Return all of it as plain values, as a run record in the folder holds it."""
        lists = {name: list(v) for name, v in self.options.items() if isinstance(v, tuple)}
        plain: dict[str, Any] = {"destination": str(self.destination)}
        with suppress(ValueError):  # another drive
            plain["from_here"] = Path(os.path.relpath(self.destination, folder)).as_posix()
        plain["origin"] = str(to_absolute(folder))
        document = {**asdict(self), **plain, "options": {**self.options, **lists}}
        del document["is_elsewhere"], document["copied_from"]
        return document

    def goes_where(self, other: PastExport) -> bool:
        """Say whether another export went to the same place."""
        return (self.tool, self.destination) == (other.tool, other.destination)

    def is_untouched(self) -> bool:
        """Say whether the task files are as the export left them, to the byte."""
        files = {self.destination.parent / path: digest for path, digest in self.files.items()}
        return all(path.is_file() and _digest(path) == digest for path, digest in files.items())


def read_history(path: Path) -> list[PastExport]:
    """Return what the run record there remembers of exports, in the order of the first of each."""
    return _history(read_json(path), path)


def remember(results: Iterable[Result], now: PastExport, exported: Exported) -> None:
    """Note in the run records of results where their keyframes went.

    Raises
    ------
    OutputError
        A record can't be written.
    """
    files = [path for path in (*exported.written, *exported.kept) if path.suffix in _TASK_FILES]
    beside = now.destination.parent
    digests = {to_absolute(path).relative_to(beside).as_posix(): _digest(path) for path in files}
    now = replace(now, files=dict(sorted(digests.items())))
    for result in results:
        path = result.folder.record
        record = read_json(path)
        history = _history(record, path)
        earlier = next(filter(now.goes_where, history), now)
        new = replace(now, place=str(result.place))
        exports = [*record.get("exports", [])]
        at = history.index(earlier) if earlier in history else len(exports)
        exports[at : at + 1] = [new.to_json(path.parent)]
        _write(path, record, exports)


def forget(path: Path, past: PastExport) -> None:
    """Take an export out of the run record at ``path``."""
    record = read_json(path)
    noted = zip(record.get("exports", []), _history(record, path), strict=True)
    _write(path, record, [document for document, each in noted if not each.goes_where(past)])


def _history(record: Record, path: Path) -> list[PastExport]:
    return [PastExport.from_json(document, path) for document in record.get("exports", [])]


def _write(path: Path, record: Record, exports: list[dict[str, Any]]) -> None:
    if exports != record.get("exports", []):
        write_json(path, {**record, "exports": exports})


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
