"""Keep what was read of a video, so that asking again with another k doesn't read it again.

One file for each video's packets, and one for each way of describing its frames, in the user's
cache folder, or in the one that ``KEYFRAMES_CACHE`` names. What was used longest ago goes first
when the cache outgrows its bound.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import asdict, fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from keyframes.errors import OutputError
from keyframes.files import atomic_file, make_folder, remove_old_leftovers
from keyframes.records import Features, Reading, VideoInfo
from keyframes.video import VideoIndex, pixel_versions

if TYPE_CHECKING:
    from collections.abc import Callable

    Arrays = dict[str, Any]

logger = logging.getLogger(__name__)

MAX_BYTES = 2 * 2**30
# Part of every key: an entry of another format is never found, and goes when it is the oldest.
FORMAT = 7
_INDEX_ARRAYS = ("pts", "dts", "is_key", "times_s")
_READING_ARRAYS = ("frame_indices", "times_s", "checksums")
_FEATURE_ARRAYS = ("values", "mean", "sharpness", "blank")

Entry = TypeVar("Entry")


class FeatureCache:
    """Features on disk, and the packets of their videos, by what they depend on.

    Parameters
    ----------
    folder
        Where the entries lie; None for the user's cache folder.
    max_bytes
        How much they may take together.
    """

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, max_bytes: int = MAX_BYTES
    ) -> None:
        self.folder = Path(folder) if folder else default_folder()
        self._max_bytes = max_bytes

    def load(self, key: dict[str, Any], video: Path) -> Features | None:
        """Return the features that were saved under ``key``, or None.

        Parameters
        ----------
        key
            All that the features depend on, as plain values: the video's content and settings.
        video
            Where the video lies now.
        """
        return self._load("features", key, video, _to_features)

    def save(self, key: dict[str, Any], features: Features) -> None:
        """Save the features under ``key``; a cache that can't be written is only logged."""
        self._save("features", key, _from_features(features))

    def load_index(self, key: dict[str, Any], video: Path) -> VideoIndex | None:
        """Return the index that was saved under ``key``, as `load` does features."""
        return self._load("packets", key, video, _to_index)

    def save_index(self, key: dict[str, Any], index: VideoIndex) -> None:
        """Save the index under ``key``, as `save` does features."""
        self._save("packets", key, _from_index(index))

    def _load(
        self,
        what: str,
        key: dict[str, Any],
        video: Path,
        revive: Callable[[Arrays, Path], Entry],
    ) -> Entry | None:
        path = self._path(what, key)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                entry = revive(arrays, video)
        except FileNotFoundError:
            logger.info("%s: its %s aren't in the cache, %s", video, what, self.folder)
            return None
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            logger.info("%s can't be used and will be made anew (%s)", path, error)
            return None
        with suppress(OSError):  # somebody else's, or removed by another run meanwhile
            os.utime(path)  # used just now
        logger.info("%s: its %s come from the cache, %s", video, what, path)
        return entry

    def _save(self, what: str, key: dict[str, Any], arrays: Arrays) -> None:
        try:
            make_folder(self.folder)
            with atomic_file(self._path(what, key)) as file:
                np.savez(file, **arrays)
            self._trim()
        except (OSError, OutputError) as error:  # other runs may be making room, too
            logger.info(
                "the %s may not be kept (%s); KEYFRAMES_CACHE names another folder",
                what,
                error.__cause__ or error,
            )

    def _path(self, what: str, key: dict[str, Any]) -> Path:
        # Where pixels come out otherwise, no frame would be recognised by its checksum.
        whole_key = {"format": FORMAT, "versions": pixel_versions(), **key}
        text = json.dumps(whole_key, sort_keys=True)
        return self.folder / f"{what}-{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"

    def _trim(self) -> None:
        """Remove the entries used longest ago until the rest is within the bound."""
        remove_old_leftovers(self.folder)
        entries = [(path.stat(), path) for path in self.folder.glob("*.npz")]
        entries.sort(key=lambda entry: entry[0].st_mtime_ns, reverse=True)
        total = 0
        for status, path in entries:
            total += status.st_size
            if total > self._max_bytes:
                with suppress(OSError):  # somebody else's, or another run reads it just now
                    path.unlink()


def default_folder() -> Path:
    """Return the folder where this platform's programs keep caches."""
    if named := os.environ.get("KEYFRAMES_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(base).expanduser() / "keyframes"
    except RuntimeError:  # nobody's home is known, as in some containers
        return Path(tempfile.gettempdir()) / "keyframes"


def _from_features(features: Features) -> Arrays:
    reading = features.reading
    return {
        "video": np.array(json.dumps({**asdict(reading.video), "path": ""})),
        **{name: getattr(reading, name) for name in _READING_ARRAYS},
        **{name: getattr(features, name) for name in _FEATURE_ARRAYS},
    }


def _to_features(arrays: Arrays, video: Path) -> Features:
    info = VideoInfo(**{**json.loads(str(arrays["video"])), "path": video})
    reading = Reading(info, **{name: arrays[name] for name in _READING_ARRAYS})
    return Features(reading, **{name: arrays[name] for name in _FEATURE_ARRAYS})


def _from_index(index: VideoIndex) -> Arrays:
    values = {field.name: getattr(index, field.name) for field in fields(index)}
    arrays = {name: values.pop(name) for name in _INDEX_ARRAYS}
    header = {**values, "path": "", "rate": str(index.rate)}
    return {"header": np.array(json.dumps(header)), **arrays}


def _to_index(arrays: Arrays, video: Path) -> VideoIndex:
    header = json.loads(str(arrays["header"]))
    return VideoIndex(
        **{**header, "path": video, "rate": Fraction(header["rate"])},
        **{name: arrays[name] for name in _INDEX_ARRAYS},
    )
