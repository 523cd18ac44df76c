"""One video, end to end: video → thumbnails → features → clusters → selection → images."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from keyframes.choosing import choose, describe_choice
from keyframes.describe import describe_video, plan_sampling
from keyframes.errors import SettingsError
from keyframes.files import identify
from keyframes.images import make_label
from keyframes.output import OutputFolder
from keyframes.report import check_page, picture_size, render_report
from keyframes.resizing import shrink
from keyframes.run_record import (
    make_record,
    make_table,
    repeat_command,
    selection_from_record,
)
from keyframes.settings import Settings
from keyframes.thumbnails import ThumbnailStore
from keyframes.video import fetch_frames, index_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from keyframes.cache import FeatureCache
    from keyframes.records import Image, Selection

    Stage = Literal["reading", "clustering", "writing"]
    # Called with the stage, how much of it is done, and how much it is in all.
    Progress = Callable[[Stage, int, int], None]


def extract(
    video: str | Path,
    output: str | Path = "keyframes-out",
    settings: Settings | None = None,
    *,
    overwrite: bool = False,
    grow: bool = False,
    with_page: bool = True,
    cache: FeatureCache | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Selection:
    """Choose the keyframes of one video and write them.

    Parameters
    ----------
    video
        The recording.
    output
        Folder for ``labeled-data/<stem>/*.png``, ``<stem>.csv``, ``.html`` and ``.json``.
    settings
        What is asked; None for the defaults.
    overwrite
        Replace what an earlier run with other settings wrote.
    grow
        Keep the keyframes that are there and add to them, until there are ``count``.
    with_page
        Write the report ``<stem>.html``, too.
    cache
        Where the features may be known from, and are kept; None to decode in any case.
    threads
        Threads for decoding and writing; None for one per core. The result doesn't depend on it.
    progress
        Called now and then with (stage, done, total).

    Returns
    -------
    The selection; where a finished run with these settings is there already, its selection.

    Raises
    ------
    SettingsError
        The settings don't fit the video.
    VideoError
        The video can't be read.
    OutputError
        The folder can't be written, or holds what isn't ours or was asked for differently.
    """
    video, settings = Path(video), settings or Settings()
    if grow and (settings.count == "auto" or settings.frames):
        raise SettingsError("growing needs a number of keyframes to grow to, not auto or a list")
    report = progress or _ignore
    folder = OutputFolder(Path(output), video.stem)
    content = identify(video)
    if not overwrite and (there := find_earlier(video, folder.root, settings, grow=grow)):
        folder.tidy()
        if is_enough(there, settings, grow=grow):
            return there
        settings = replace(settings, held=(*settings.held, *there.frame_indices))
    folder.check_ownership()
    check_page(folder.page)
    index = index_video(video)
    sampling = plan_sampling(index, settings)
    clock = _Clock()
    with ThumbnailStore() as store:
        with clock.time("reading"):
            features = describe_video(
                index,
                sampling,
                settings,
                store,
                cache=cache,
                threads=threads,
                progress=partial(report, "reading"),
            )
        with clock.time("clustering"):
            choice = choose(features, store, settings, partial(report, "clustering"))
    selection = describe_choice(features, choice, settings.min_gap_s, sampling.step)
    rows, names = choice.rows, selection.image_names
    pictures: list[Image] = []
    with clock.time("writing"):
        report("writing", 0, len(rows))
        images = fetch_frames(index, features.reading, rows, sampling.spec, threads=threads)
        folder.write_images(
            names,
            [make_label(video.name, keyframe) for keyframe in selection.keyframes],
            _keep_small(enumerate(image for _, image in images), pictures, picture_size(len(rows))),
            crop=settings.crop if settings.crop_output else None,
            on_image=lambda done: report("writing", done, len(rows)),
        )
    paths = [f"{folder.images_path}/{name}" for name in names]
    identity = {"video": content, "settings": settings.to_json()}
    record = make_record(selection, choice.clustering, identity, paths, clock.seconds)
    page = None
    if with_page:
        page = render_report(
            selection,
            choice.clustering,
            features,
            rows,
            pictures,
            record=record,
            command=repeat_command(record),
        )
    folder.finish(make_table(selection, paths), page, record)
    return selection


def find_earlier(
    video: Path, output: Path, settings: Settings, *, grow: bool = False
) -> Selection | None:
    """Return the selection that a finished run left in the output folder; None for none.

    OutputError where it is of another video or was asked for differently; but for the count with
    ``grow``, and for held frames that it has. VideoError where the video can't be opened.
    """
    folder = OutputFolder(output, video.stem)
    record = folder.find_finished(identify(video), {})
    if record is None:
        return None
    there, asked = selection_from_record(video, record), settings.to_json()
    if grow:
        del asked["count"]
    if grow or set(settings.held) <= set(there.frame_indices):
        del asked["held"]
    folder.check_settings(record, asked)
    return there


def is_enough(selection: Selection, settings: Settings, *, grow: bool = False) -> bool:
    """Say whether an earlier selection leaves nothing to do."""
    return not grow or (
        len(selection.keyframes) >= int(settings.count)
        and set(settings.held) <= set(selection.frame_indices)
    )


def _keep_small(
    images: Iterable[tuple[int, Image]], pictures: list[Image], longest: int
) -> Iterator[tuple[int, Image]]:
    """Pass the images on, and keep a small copy of each for the page."""
    for at, image in images:
        pictures.append(shrink(image, longest))
        yield at, image


class _Clock:
    """Seconds that each stage took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, stage: Stage) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - start


def _ignore(stage: Stage, done: int, total: int) -> None:
    """Report progress to nobody."""
