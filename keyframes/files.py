"""Write files so that nobody ever sees half of one, whenever a run is stopped or killed.

Everything that keyframes leaves on disk goes through :func:`write_atomically`: the bytes go
to a temporary name in the same folder, and only a whole file gets its final name. When the
power fails, it is up to the file system what remains of the files written last.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import logging
import os
import secrets
import stat
import sys
import time
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from keyframes.errors import OutputError, VideoError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        """Lock an open file for this process; OSError where another one has locked it."""
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        """Lock an open file for this process; OSError where another one has locked it."""
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


logger = logging.getLogger(__name__)

_SAMPLE_BYTES = 2**16
_ROOM_BYTES = 2**20
_TEMPORARY = f".keyframes-{'[0-9a-f]' * 8}-{'[0-9a-f]' * 8}"  # any temporary name, as a glob
_PREFIX_LENGTH = len(".keyframes-01234567-")
# Between two tries to hold or to replace a file, and how often the latter is tried.
_PATIENCE_S = 0.05
_N_TRIES = 20
_DAY_S = 24 * 60 * 60
# No room is left: on the disk, or for this user.
_FULL = (errno.ENOSPC, errno.EDQUOT)


def make_folder(path: Path) -> None:
    """Make the folder and its parents; OutputError where it can't be made or written to."""
    probe = path / f"{_temporary_prefix(path)}{secrets.token_hex(4)}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink(missing_ok=True)  # another run clears it away as we do those of killed ones
        for file in path.glob(f"{_temporary_prefix(path)}*"):
            with suppress(OSError):  # its run is alive
                file.unlink()
    except OSError as error:
        raise _cannot_write(path, error) from error


def make_folders(paths: Collection[Path]) -> list[Path]:
    """Make several folders; return those that weren't there before, inner ones first."""
    new = {each for path in paths for each in (path, *path.parents) if not each.exists()}
    for path in paths:
        if path in new or os.access(path, os.W_OK):  # all in it may be finished
            make_folder(path)
    return sorted(new, reverse=True)


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those of the folders that hold nothing."""
    for folder in folders:
        with suppress(OSError):  # it holds something
            folder.rmdir()


def check_writable(path: Path) -> None:
    """Raise OutputError where it can be told beforehand that nothing can be written to a path."""
    folder = path.parent if path.is_file() else path.absolute()
    places = folder, *folder.parents
    there = next((each for each in places if each.exists()), places[-1])  # a drive may be missing
    if not (there.is_dir() and os.access(there, os.W_OK)):
        reason = "can't be written to" if there.is_dir() else "is no folder"
        made = "" if there == path.absolute() else f"can't be made, since {there} "
        raise OutputError(f"{path}: {made}{reason}; choose another place")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Hand out a place for a file that gets the name ``path`` once it is whole, or not at all.

    Raises
    ------
    OutputError
        The disk is full, the folder is gone or not writable; ``path`` is as it was before.
    """
    temporary = path.with_name(f"{_temporary_prefix(path)}{secrets.token_hex(4)}")
    try:
        try:
            yield temporary
            _replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that gets the name ``path`` once it is written; OutputError as `atomic_path`."""
    with atomic_path(path) as temporary, temporary.open("xb") as file:
        yield file


def check_room(path: Path, n_bytes: int) -> None:
    """Write so many bytes to a file that is to be replaced; OSError where there is no room.

    For what is written by libraries that crash on a full disk.
    """
    noise = os.urandom(_ROOM_BYTES)  # which no disk makes smaller
    with path.open("wb") as file:
        for written in range(0, n_bytes, _ROOM_BYTES):
            file.write(noise[: n_bytes - written])


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, whole or not at all; OutputError as `atomic_file`."""
    with atomic_file(path) as file:
        file.write(content)


def check_replaceable(paths: Iterable[Path]) -> None:
    """Raise OutputError where another program has one of the files open, so that it must stay."""
    for path in paths:
        try:
            _replace(path, path)
        except PermissionError as error:
            raise _cannot_write(path, error) from error
        except OSError:
            pass  # it isn't there, or is refused for what it is when it is written


def _replace(path: Path, target: Path) -> None:
    """Give a file the name of another, once no virus scanner has one of them open any more."""
    for _ in range(_N_TRIES):
        with suppress(PermissionError):
            path.replace(target)
            return
        time.sleep(_PATIENCE_S)
    path.replace(target)


def refuse_pipe(path: Path) -> None:
    """Raise OSError for a pipe or a device, for whose end a reader might wait for ever."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file")


@contextmanager
def hold(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the file while nobody else does: one at a time comes in here.

    It is there only meanwhile; so is its folder, where that is made for it and nothing else came.
    Whoever is killed holds it no more. On a disk that knows no locks nobody waits. ``on_wait`` is
    called where another one holds it.
    """
    new = make_folders([path.parent])
    handle = _try_to_hold(path)
    if handle is None:
        on_wait()
    while handle is None:
        time.sleep(_PATIENCE_S)
        if not path.parent.exists():  # whoever held it took it along
            new = make_folders([path.parent])
        handle = _try_to_hold(path)
    try:
        yield
    finally:
        _let_go(path, handle)
        remove_empty(new)


def _try_to_hold(path: Path) -> int | None:
    """Return a handle to the file, which only this process holds; None where another does."""
    if sys.platform == "win32":
        return _try_to_hold_on_windows(path)
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
    except FileNotFoundError:  # its folder is being removed
        return None
    except PermissionError:
        if not path.exists():
            raise
        handle = os.open(path, os.O_RDONLY)  # another user's
    try:
        _lock(handle)
        if os.path.samestat(os.fstat(handle), path.stat()):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass  # another's, or removed by the one who held it
    except OSError as error:
        logger.info("%s: isn't locked (%s)", path, error)
        return handle
    os.close(handle)
    return None


def _try_to_hold_on_windows(path: Path) -> int | None:
    """Do what `_try_to_hold` does where a file that is open can't be removed."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR)
    except (PermissionError, FileNotFoundError):  # it is being removed, or its folder is
        return None
    try:
        _lock(handle)
    except OSError:
        os.close(handle)
        return None
    return handle


def _let_go(path: Path, handle: int) -> None:
    """Hold the file no more, and remove it."""
    if sys.platform == "win32":
        os.close(handle)
        with suppress(OSError):  # another one holds it by now
            path.unlink()
    else:
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def identify(path: Path) -> dict[str, Any]:
    """Return what tells a large file's content from another's, in milliseconds.

    Its size, and the SHA-256 of its first, middle and last 64 KiB: a moved or copied file stays
    itself, an edited or longer one doesn't. VideoError where it can't be read, or where its name
    is one that no table can hold.
    """
    digest = hashlib.sha256()
    try:
        str(path.absolute()).encode()
        refuse_pipe(path)
        size = path.stat().st_size
        with path.open("rb") as file:
            for offset in (0, size // 2, max(0, size - _SAMPLE_BYTES)):
                file.seek(offset)
                digest.update(file.read(_SAMPLE_BYTES))
    except OSError as error:
        raise VideoError(f"{path}: can't be read ({error.strerror}); check the path") from error
    except UnicodeEncodeError as error:
        raise VideoError(f"{path}: its name holds bytes that are no UTF-8; rename it") from error
    return {"name": path.name, "bytes": size, "sha256_of_samples": digest.hexdigest()}


def remove_leftovers(*paths: Path) -> None:
    """Remove the temporary files that a killed run left behind for these final paths.

    For files that only one run at a time writes: of others, see `remove_old_leftovers`.
    """
    left = {path.with_name(_temporary_prefix(path)) for path in paths}
    for folder in {path.parent for path in paths}:
        for file in folder.glob(_TEMPORARY):
            if file.with_name(file.name[:_PREFIX_LENGTH]) in left:
                file.unlink(missing_ok=True)


def remove_old_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed runs left in a folder that several runs write to.

    Those of the last day stay: another run may be writing them just now.
    """
    for file in folder.glob(_TEMPORARY):
        with suppress(OSError):  # somebody else's, or removed by another run meanwhile
            if time.time() - file.stat().st_mtime > _DAY_S:
                file.unlink()


def to_json(document: Any) -> bytes:  # noqa: ANN401 - whatever JSON can hold
    """Return ``document`` as indented JSON."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write ``document`` as indented JSON, atomically."""
    write_atomically(path, to_json(document))


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    """Write rows as CSV with one header line, the same on every platform, atomically."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that keyframes wrote; OutputError when it is something else."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: can't be read as a run record ({error})") from error
    if not isinstance(document, dict):
        raise OutputError(f"{path}: is no run record; move it away or choose another -o")
    return document


def not_ours(path: Path) -> OutputError:
    """Return what is raised where somebody else's file has the name that ours is to get."""
    return OutputError(
        f"{path}: exists and was not written by keyframes; move it away or choose another -o"
    )


def explain(error: OSError) -> str:
    """Return in a line what the system refused, with which file, and what to do."""
    named = "" if error.filename is None else f"{error.filename}: "
    return f"{named}{error.strerror or error}; check the path, its permissions and the disk"


def _temporary_prefix(path: Path) -> str:
    """Return how temporary names for ``path`` begin; of fixed length, as stems can be long."""
    return f".keyframes-{zlib.crc32(path.name.encode(errors='surrogateescape')):08x}-"


def _cannot_write(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    first = "free the disk or " if error.errno in _FULL else ""
    if isinstance(error, PermissionError) and path.is_file() and os.access(path.parent, os.W_OK):
        first = "close it in other programs and try again, or "
    return OutputError(f"{path}: can't be written ({reason}); {first}choose another place")
