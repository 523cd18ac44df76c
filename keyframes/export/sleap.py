"""SLEAP: keyframes as suggestions in a ``.slp`` file, or in a ``.pkg.slp`` with the pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from keyframes.errors import OutputError, SettingsError
from keyframes.export.delivery import Exported
from keyframes.export.extras import import_extra
from keyframes.export.results import is_same_video
from keyframes.files import atomic_file, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keyframes.export.results import Result

_PACKAGE = ".pkg.slp"


def export_sleap(results: list[Result], destination: Path, *, embed: bool = False) -> Exported:
    """Suggest the keyframes in a SLEAP file; each one's group is its cluster.

    A file that is there keeps all it holds; frames that it suggests or has labelled already
    are not suggested again.

    Parameters
    ----------
    results
        The keyframes.
    destination
        The ``.slp`` file, new or existing.
    embed
        Make a ``.pkg.slp`` with the keyframes' pictures inside.

    Raises
    ------
    SettingsError
        The name doesn't fit ``embed``.
    OutputError
        The file there is no SLEAP file, or a package without these frames, or can't be written.
    VideoError
        A video isn't where it was.
    MissingExtraError
        sleap-io isn't installed.
    """
    _check_name(destination, embed=embed)
    sio = import_extra("sleap_io", "sleap")
    labels = _load(sio, destination) if destination.exists() else sio.Labels()
    n_before = len(labels.suggestions)
    datasets = [_suggest(sio, labels, result, embed=embed) for result in results]
    n_new = len(labels.suggestions) - n_before
    if not n_new:
        return Exported((), (destination,))
    if embed and destination.exists():
        raise OutputError(
            f"{destination}: is a package without {n_new} of the keyframes, and packages can't "
            "be added to; choose another -o"
        )
    earlier = labels.provenance.get("keyframes", {})
    asked = {result.stem: result.settings for result in results}
    labels.provenance["keyframes"] = {**earlier, **asked}
    _save(sio, labels, destination, dict(zip(datasets, results, strict=True)) if embed else {})
    return Exported((destination,), notes=(f"{n_new} frames suggested",))


def existing_frames(destination: Path, video: Path) -> list[int]:
    """Return the frame numbers of a video that a SLEAP file suggests or has labelled.

    Raises
    ------
    OutputError
        The file is no SLEAP file.
    MissingExtraError
        sleap-io isn't installed.
    """
    labels = _load(import_extra("sleap_io", "sleap"), destination)
    return sorted(_frames_of(labels, _find_video(labels, video)))


def _check_name(destination: Path, *, embed: bool) -> None:
    is_package = destination.name.lower().endswith(_PACKAGE)
    if embed and not is_package:
        raise SettingsError(f"{destination}: --embed makes a package; name it *{_PACKAGE}")
    if is_package and not embed:
        raise SettingsError(
            f"{destination}: a {_PACKAGE} holds pictures; add --embed or name it *.slp"
        )
    if destination.suffix.lower() != ".slp":
        raise SettingsError(f"{destination}: SLEAP opens only *.slp; name the file so")


def _check_frames(result: Result, *, embed: bool) -> None:
    """Refuse what sleap-io would write without complaint: a missing video, impossible frames."""
    result.check_video()
    if embed and result.crop is not None:
        raise OutputError(
            f"{result.stem}: the pictures were cut with --crop-output, but SLEAP needs whole "
            "frames; extract without it or export without --embed"
        )
    n_frames = result.selection.video.n_frames
    for index in result.selection.frame_indices:
        if not 0 <= index < n_frames:
            raise OutputError(
                f"{result.stem}.json: frame {index} is outside the video's {n_frames} frames; "
                "extract again with --overwrite"
            )


def _suggest(sio: Any, labels: Any, result: Result, *, embed: bool) -> str:  # noqa: ANN401
    """Add the frames that aren't taken yet; return where in the file their pictures belong."""
    _check_frames(result, embed=embed)
    video = _find_video(labels, result.video)
    taken = _frames_of(labels, video)
    dataset = f"video{len(labels.videos)}/video"
    if video is None:
        video = _make_video(sio, result, dataset if embed else None)
        labels.videos.append(video)
    labels.suggestions += [
        sio.SuggestionFrame(video, keyframe.frame_index, {"group": keyframe.cluster})
        for keyframe in result.selection.keyframes
        if keyframe.frame_index not in taken
    ]
    return dataset


def _load(sio: Any, path: Path) -> Any:  # noqa: ANN401 - sleap-io comes without types
    try:
        return sio.load_slp(str(path), open_videos=False)
    except (OSError, KeyError, ValueError) as error:
        raise OutputError(
            f"{path}: is no SLEAP file that sleap-io can read ({' '.join(str(error).split())}); "
            "choose another -o"
        ) from error


def _find_video(labels: Any, video: Path) -> Any:  # noqa: ANN401
    """Return the file's entry for the video; None when it has none."""
    for entry in labels.videos:
        source = entry if entry.source_video is None else entry.source_video
        if isinstance(source.filename, str) and is_same_video(source.filename, video):
            return entry
    return None


def _frames_of(labels: Any, video: Any) -> set[int]:  # noqa: ANN401
    """Return the frames of a video that the file suggests or has labelled."""
    frames: Iterable[Any] = [*labels.suggestions, *labels.labeled_frames]
    return {int(frame.frame_idx) for frame in frames if frame.video is video}


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
    longest = max(picture.stat().st_size for picture in result.pictures)
    with h5py.File(path, "r+") as file:
        pictures = file.create_dataset(dataset, (len(result.pictures), longest), "int8")
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


def _save(sio: Any, labels: Any, destination: Path, embedded: dict[str, Result]) -> None:  # noqa: ANN401
    """Write the file under another name, whole, and only then under its own."""
    make_folder(destination.parent)
    with TemporaryDirectory() as folder:
        scratch = Path(folder) / destination.name
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
        with scratch.open("rb") as saved, atomic_file(destination) as file:
            shutil.copyfileobj(saved, file)
