"""From a finished output folder to a session: the video, its candidates and clusters again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from keyframes.choosing import choose, rows_of
from keyframes.describe import describe_video
from keyframes.errors import OutputError, VideoError
from keyframes.files import identify
from keyframes.images import check_picture, read_picture
from keyframes.report import check_page, picture_size
from keyframes.resizing import shrink
from keyframes.review.gallery import Gallery
from keyframes.review.session import Session
from keyframes.run_record import selection_from_record
from keyframes.settings import Settings
from keyframes.stages import Stages
from keyframes.thumbnails import ThumbnailStore

if TYPE_CHECKING:
    from pathlib import Path

    from keyframes.cache import FeatureCache
    from keyframes.output import OutputFolder
    from keyframes.records import Clustering, Features, Image, Keyframe, Selection
    from keyframes.run_record import Record
    from keyframes.stages import Progress


def open_session(
    folder: OutputFolder,
    record: Record,
    video: Path,
    *,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> Session:
    """Make a finished selection ready to be changed.

    Parameters
    ----------
    folder, record
        Where the selection lies, and its run record.
    video
        Where its video lies now.
    cache
        Where the video's features may be known from; None to decode it in any case.
    progress
        Called now and then with (stage, done, total).

    Raises
    ------
    VideoError
        The video can't be read, or isn't the one that the selection is from.
    OutputError
        What lies in the folder isn't what the record tells of, or isn't ours.
    """
    if record["identity"]["settings"].get("pool"):
        raise OutputError(
            f"{folder.record}: is a share of a selection over several videos (--pool), whose "
            "clusters one video can't tell; extract the video alone to review it"
        )
    settings = Settings.from_json(record["identity"]["settings"])
    _check_video(video, record)
    folder.check_ownership()
    check_page(folder.page)
    selection = selection_from_record(video, record)
    stages = Stages(video, progress)
    with ThumbnailStore() as store:
        with stages.enter("reading") as report:
            sampling, features = describe_video(
                video,
                settings,
                store,
                torn=record.get("torn_frames", ()),
                cache=cache,
                progress=report,
            )
        with stages.enter("clustering") as report:
            clustering = choose(features, store, settings, report).clustering
    _check_clusters(folder, selection, features, clustering)
    gallery = Gallery(sampling, features.reading)
    rows = rows_of(selection.frame_indices, features.reading)
    longest = picture_size(len(rows))
    files = [folder.images / name for name in selection.image_names]
    pictures = {
        row: shrink(_read_picture(file, keyframe), longest)
        for row, file, keyframe in zip(rows.tolist(), files, selection.keyframes, strict=True)
    }
    return Session(folder, record, selection, features, clustering, gallery, pictures)


def _check_video(video: Path, record: Record) -> None:
    if not video.is_file():
        raise VideoError(f"{video}: the video isn't there; say where it is now with --video PATH")
    there, recorded = identify(video), record["identity"]["video"]
    if any(there[key] != recorded[key] for key in ("bytes", "sha256_of_samples")):
        raise VideoError(
            f"{video}: isn't the video that the keyframes are from ({recorded['name']}, "
            f"{recorded['bytes']:,} bytes); name that one with --video PATH"
        )
    # Reports, commands and labelling projects know it by its name.
    if there["name"] != recorded["name"]:
        raise VideoError(
            f"{video}: is the video that the keyframes are from, but that was called "
            f"{recorded['name']}; rename it, or name a link of that name with --video PATH"
        )


def _check_clusters(
    folder: OutputFolder, selection: Selection, features: Features, clustering: Clustering
) -> None:
    """Make sure that the clusters are those of the record, to the last keyframe."""
    rows = rows_of(selection.frame_indices, features.reading)
    for row, keyframe in zip(rows, selection.keyframes, strict=True):
        distance = float(clustering.distances[row])
        if clustering.labels[row] != keyframe.cluster or not math.isclose(
            distance, keyframe.distance, rel_tol=1e-3, abs_tol=1e-6
        ):
            raise OutputError(
                f"{folder.record}: the clusters come out differently than recorded (frame "
                f"{keyframe.frame_index}), as with other versions of keyframes or NumPy; extract "
                f"again with --overwrite, and to keep these with --frames {folder.csv.name}, too"
            )


def _read_picture(path: Path, keyframe: Keyframe) -> Image:
    """Read one of our PNGs again; OutputError when it isn't there, isn't ours or isn't whole."""
    check_picture(path, keyframe.frame_index)
    image = read_picture(path)
    if image is None:
        raise OutputError(
            f"{path}: is damaged; remove it, and the command that made it writes it again"
        )
    return image
