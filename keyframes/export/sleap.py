"""SLEAP: keyframes as suggestions in a ``.slp`` file, or in a ``.pkg.slp`` with the pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keyframes.errors import OutputError, SettingsError
from keyframes.export.delivery import Exported
from keyframes.export.history import LABELLED, NOT_OURS
from keyframes.export.sleap_videos import (
    BROUGHT,
    DIGESTS,
    find_videos,
    frames_of,
    labelled_frames,
    read_noted,
    source_of,
)
from keyframes.export.sources import describe_guess
from keyframes.extras import import_extra
from keyframes.files import atomic_path, check_room, identify, make_folder, remove_old_leftovers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from keyframes.export.history import PastExport
    from keyframes.export.results import Result
    from keyframes.export.sources import Source

_PACKAGE = ".pkg.slp"
# What an HDF5 file takes besides the pictures, at most.
_OVERHEAD_BYTES = 2**20
_SUGGESTION_BYTES = 2**10


def check_sleap(sources: Sequence[Source], destination: Path, *, embed: bool = False) -> None:
    """Refuse what `export_sleap` would refuse, before there are keyframes."""
    embed = _is_package(destination, embed=embed)
    sio = import_extra("sleap_io", "sleap")
    for source in sources:
        _check_crop(source, embed=embed)
    if destination.exists():
        labels = _load(sio, destination)
        find_videos(labels, [source.video for source in sources])
        if embed:
            raise _no_adding(destination)


def export_sleap(results: Sequence[Result], destination: Path, *, embed: bool = False) -> Exported:
    """Suggest the keyframes in a SLEAP file; each one's group is its cluster.

    A file that is there keeps all it holds; frames that it suggests or has labelled already
    are not suggested again.

    Parameters
    ----------
    results
        The keyframes.
    destination
        The ``.slp`` file, new or existing; a new ``.pkg.slp`` gets the keyframes' pictures, too.
    embed
        Refuse any other name than ``*.pkg.slp``.

    Raises
    ------
    SettingsError
        The name doesn't fit.
    OutputError
        The file there is no SLEAP file, or a package without these frames, or can't be written.
    VideoError
        A video isn't where it was.
    MissingExtraError
        sleap-io isn't installed.
    """
    embed = _is_package(destination, embed=embed)
    sio = import_extra("sleap_io", "sleap")
    labels = _load(sio, destination) if destination.exists() else sio.Labels()
    digests, brought = read_noted(labels, DIGESTS), read_noted(labels, BROUGHT)
    entries = find_videos(labels, [result.video for result in results])
    notes, datasets, n_new = [], [], 0
    for result in results:
        n_before = len(labels.suggestions)
        dataset, path = _suggest(sio, labels, entries, result, embed=embed)
        datasets.append(dataset)
        new = [each.frame_idx for each in labels.suggestions[n_before:]]
        n_new += len(new)
        if path not in digests and not Path(path).is_file():
            notes.append(describe_guess(path, result.video))
        digest = result.identity["sha256_of_samples"]
        digests = {**digests, path: digest}
        brought = {**brought, digest: sorted({*brought.get(digest, ()), *new})}
    doubtful = [r.video.name for r in results if not (embed or r.selection.video.is_seekable)]
    if doubtful:
        notes.append(
            f"SLEAP seeks, and may show others than these frames of {', '.join(doubtful)}: export "
            f"to *{_PACKAGE}, which holds them, or do as `keyframes probe` says"
        )
    if not n_new:
        return Exported((), (destination,), tuple(notes))
    if embed and destination.exists():
        raise _no_adding(destination)
    earlier = labels.provenance.get("keyframes", {})
    asked = {str(result.place): result.settings for result in results}
    noted = {"keyframes": {**earlier, **asked}, DIGESTS: digests, BROUGHT: brought}
    labels.provenance |= noted
    _save(sio, labels, destination, dict(zip(datasets, results, strict=True)) if embed else {})
    notes.append(f"{n_new} frame{'s' * (n_new != 1)} suggested")
    return Exported((destination,), notes=tuple(notes))


def withdraw_from_sleap(past: PastExport, video: Path, gone: Mapping[int, Path]) -> dict[int, str]:
    """Take back suggestions that our exports brought and nobody has labelled; see `Exporter`.

    Raises
    ------
    OutputError
        The file can't be read or written.
    """
    sio = import_extra("sleap_io", "sleap")
    labels = _load(sio, past.destination)
    entry = find_videos(labels, [video]).get(video)
    there = gone.keys() & frames_of(labels, entry)
    labelled = labelled_frames(labels, entry)
    brought, digest = read_noted(labels, BROUGHT), identify(video)["sha256_of_samples"]
    ours = {*brought.get(digest, ())}
    stays = {
        frame: LABELLED if frame in labelled else NOT_OURS
        for frame in sorted(there)
        if frame in labelled or frame not in ours
    }
    leaving = there - stays.keys()
    if leaving:
        labels.suggestions = [
            suggestion
            for suggestion in labels.suggestions
            if suggestion.video is not entry or int(suggestion.frame_idx) not in leaving
        ]
        labels.provenance[BROUGHT] = {**brought, digest: sorted(ours - leaving)}
        _save(sio, labels, past.destination, {})
    return stays


def check_changeable(destination: Path) -> None:
    """Refuse a package, which holds the pictures as they were written."""
    if _is_package(destination, embed=False):
        raise OutputError(
            "nothing can be added to a package, or taken out of it; export to a new one"
        )


def existing_frames(destination: Path, videos: Collection[Path]) -> list[set[int]]:
    """Return the frame numbers of each video that a SLEAP file suggests or has labelled.

    Raises
    ------
    OutputError
        The file is no SLEAP file.
    MissingExtraError
        sleap-io isn't installed.
    """
    labels = _load(import_extra("sleap_io", "sleap"), destination)
    entries = find_videos(labels, videos)
    return [frames_of(labels, entries.get(video)) for video in videos]


def _is_package(destination: Path, *, embed: bool) -> bool:
    """Say whether the file gets pictures; SettingsError when its name doesn't fit."""
    name = destination.name.lower()
    if embed and not name.endswith(_PACKAGE):
        raise SettingsError(f"{destination}: --embed makes a package; name it *{_PACKAGE}")
    if not name.endswith(".slp"):
        raise SettingsError(f"{destination}: SLEAP opens only *.slp; name the file so")
    return name.endswith(_PACKAGE)


def _no_adding(package: Path) -> OutputError:
    return OutputError(
        f"{package}: is a package without some of the keyframes, and packages can't be added to; "
        "name a new one"
    )


def _check_crop(source: Source, *, embed: bool) -> None:
    if embed and source.crop is not None:
        raise OutputError(
            f"{source.stem}: the pictures were cut with --crop-output, but SLEAP needs whole "
            f"frames; extract without it or export to a file that is no {_PACKAGE}"
        )


def _suggest(
    sio: Any,  # noqa: ANN401
    labels: Any,  # noqa: ANN401
    entries: dict[Path, Any],
    result: Result,
    *,
    embed: bool,
) -> tuple[str, str]:
    """Add the frames that aren't taken yet, to the video's entry or to a new one.

    Return where in the file their pictures belong, and the path that it has for the video.
    """
    result.check_video()
    _check_crop(result, embed=embed)
    video = entries.get(result.video)
    taken = frames_of(labels, video)
    groups = _groups(result, labels, video)
    dataset = f"video{len(labels.videos)}/video"
    path = result.video.as_posix() if video is None else source_of(video).filename
    if video is None:
        video = entries[result.video] = _make_video(sio, result, dataset if embed else None)
        labels.videos.append(video)
    labels.suggestions += [
        sio.SuggestionFrame(video, keyframe.frame_index, {"group": groups[keyframe.cluster]})
        for keyframe in result.selection.keyframes
        if keyframe.frame_index not in taken
    ]
    return dataset, path


def _groups(result: Result, labels: Any, video: Any) -> dict[int, int]:  # noqa: ANN401
    """Return the group of each cluster: its number, unless the file says otherwise.

    A cluster with a frame that is suggested already has the group of that one; where a file has
    been added to, a new cluster gets a number that no group has.
    """
    suggested = {
        int(frame.frame_idx): frame.metadata["group"]
        for frame in labels.suggestions
        if frame.video is video and isinstance(frame.metadata.get("group"), int)
    }
    groups = {
        keyframe.cluster: suggested[keyframe.frame_index]
        for keyframe in result.selection.keyframes
        if keyframe.frame_index in suggested
    }
    taken = set(suggested.values())
    for cluster in sorted({keyframe.cluster for keyframe in result.selection.keyframes}):
        if cluster not in groups:
            groups[cluster] = max(taken) + 1 if cluster in taken else cluster
            taken.add(groups[cluster])
    return groups


def _load(sio: Any, path: Path) -> Any:  # noqa: ANN401 - sleap-io comes without types
    try:
        return sio.load_slp(str(path), open_videos=False)
    except (OSError, KeyError, ValueError) as error:
        raise OutputError(
            f"{path}: is no SLEAP file that sleap-io can read; choose another place"
        ) from error


def _make_video(sio: Any, result: Result, dataset: str | None) -> Any:  # noqa: ANN401
    """Return the entry of a video; given a dataset, of its pictures in the file itself.

    The video isn't opened: its size and length are known.
    """
    source = _describe_source(result)
    if dataset is None:
        return sio.Video(str(result.video), open_backend=False, backend_metadata=source)
    inside = {
        **source,
        "type": "HDF5Video",
        "shape": [len(result.pictures), *source["shape"][1:]],
        "filename": ".",
        "dataset": dataset,
        "input_format": "channels_last",
        "convert_range": False,
        "has_embedded_images": True,
    }
    return sio.Video(".", open_backend=False, backend_metadata=inside)


def _describe_source(result: Result) -> dict[str, Any]:
    info = result.selection.video
    return {
        "type": "MediaVideo",
        "shape": [info.n_frames, info.height, info.width, 3],
        "filename": str(result.video),
        "grayscale": False,
        "fps": info.fps,
    }


def _embed(path: Path, dataset: str, result: Result) -> None:
    """Put a video's pictures into the file, as sleap-io's own packages hold them.

    They are our exact pictures: sleap-io would decode the video again, and go by seeking.
    """
    h5py = import_extra("h5py", "sleap")
    info = result.selection.video
    source = {"filename": str(result.video), "backend": _describe_source(result)}
    with h5py.File(path, "r+") as file:
        pictures = file.create_dataset(dataset, (len(result.pictures), _longest(result)), "int8")
        for row, picture in enumerate(result.pictures):
            encoded = np.fromfile(picture, np.int8)
            pictures[row, : len(encoded)] = encoded
        pictures.attrs.update(
            format="png",
            channel_order="RGB",
            frames=info.n_frames,
            height=info.height,
            width=info.width,
            channels=3,
            fps=info.fps,
        )
        pictures.parent["frame_numbers"] = np.array(result.selection.frame_indices)
        pictures.parent.create_group("source_video").attrs["json"] = json.dumps(source)


def _longest(result: Result) -> int:
    """Return the size of the largest picture, bytes: in the file each takes as much."""
    return max(picture.stat().st_size for picture in result.pictures)


def _save(sio: Any, labels: Any, destination: Path, embedded: dict[str, Result]) -> None:  # noqa: ANN401
    """Write the file under another name, whole, and only then under its own."""
    make_folder(destination.parent)
    remove_old_leftovers(destination.parent)
    n_bytes = _OVERHEAD_BYTES + len(labels.suggestions) * _SUGGESTION_BYTES
    n_bytes += destination.stat().st_size if destination.exists() else 0
    n_bytes += sum(len(result.pictures) * _longest(result) for result in embedded.values())
    with atomic_path(destination) as scratch:
        check_room(scratch, n_bytes)  # HDF5 crashes without
        sio.save_slp(
            labels,
            str(scratch),
            restore_original_videos=False,  # what refers to a package goes on doing so
            verbose=False,
            preserve_unknown=True,
            save_embedding_vectors=True,
        )
        for dataset, result in embedded.items():
            _embed(scratch, dataset, result)
