"""One video, end to end: video → thumbnails → features → clusters → selection → images."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from keyframes.asked import GROWING, has_goal, may_grow
from keyframes.cache import FeatureCache
from keyframes.choosing import check_unchanged, choose, describe_choice, rows_of
from keyframes.curation import Curation
from keyframes.describe import describe_video, fetch_pictures, identify_content
from keyframes.errors import OutputError, SettingsError, UnrepeatableError
from keyframes.export.frame_folder import refuse_labelled
from keyframes.files import identify, make_folder, remove_leftovers
from keyframes.images import is_there, label_keyframe, write_images
from keyframes.output import OutputFolder
from keyframes.report import check_page, picture_size, render_report, report_content
from keyframes.resizing import shrink
from keyframes.run_record import (
    carry_over,
    make_record,
    may_be_mended,
    selection_from_record,
)
from keyframes.settings import CHOOSING, Settings
from keyframes.stages import Stages
from keyframes.thumbnails import ThumbnailStore
from keyframes.video import find_torn_frames
from keyframes.words import to_count

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable, Iterator

    from keyframes.choosing import Choice
    from keyframes.describe import Sampling
    from keyframes.records import Features, Image, Selection
    from keyframes.run_record import Record
    from keyframes.stages import Progress


_MAX_READINGS = 4

logger = logging.getLogger(__name__)


def extract(
    video: str | os.PathLike[str],
    output: str | os.PathLike[str] = "keyframes-out",
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
        Replace what an earlier run with other settings wrote, unless that is to grow.
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
    The selection; where a finished run with these settings is there already, its selection, and
    only pictures of it that are gone are written. What of an earlier run's is lost by it, such as
    changes by hand, is among the warnings.

    Raises
    ------
    SettingsError
        The settings don't fit the video.
    VideoError
        The video can't be read.
    OutputError
        The folder can't be written, or holds what isn't ours or was asked for differently.
    """
    video, settings = Path(video), Settings() if settings is None else settings
    if not isinstance(settings, Settings):
        raise SettingsError(f"settings must be a Settings or None, got {settings!r}")
    if not isinstance(cache, FeatureCache | None):
        raise SettingsError(f"cache must be a FeatureCache or None, got {cache!r}")
    if grow and not has_goal(settings.to_json()):
        raise SettingsError(
            "growing needs a number of keyframes to grow to, not auto, a list or a pool"
        )
    folder = OutputFolder(Path(output), video.stem)
    if there := find_done(video, folder.root, settings, overwrite=overwrite, grow=grow):
        folder.tidy()
        return there
    stages = Stages(video, progress)
    with folder.alone(stages.wait):
        there = _find_chosen(video, folder, settings, overwrite=overwrite, grow=grow)
        if there and folder.has_all(there.image_names):  # by another run meanwhile
            return there
        earlier = folder.read_record(replaces=overwrite and not grow)
        if grow and earlier is None and folder.csv.exists():
            raise OutputError(
                f"{folder.record}: is gone, and with it what to add to; first extract what "
                f"{folder.csv.name} lists again, with --frames {folder.csv}"
            )
        before = Curation.from_record(earlier) if grow and earlier else Curation(())
        if there and earlier:
            settings = Settings.from_json(earlier["identity"]["settings"])
        else:
            settings = replace(settings, held=(*settings.held, *before.frames))
        folder.check_ownership()
        check_page(folder.page)
        run = _Run(
            video=video,
            content=identify(video),
            folder=folder,
            settings=settings,
            given_up=before.given_up,
            grows=grow,
            cache=cache,
            threads=threads,
            stages=stages,
        )
        if there and earlier:
            return run.restore(there, earlier.get("torn_frames", ()))
        modified_ns = video.stat().st_mtime_ns
        made, torn = _make_without_torn_frames(run.make, video)
        kept, lost = carry_over(earlier, run.content, made.selection.frame_indices)
        kept |= {"torn_frames": torn, "modified_ns": modified_ns}
        run.finish(made, kept, with_page=with_page)
    return replace(made.selection, warnings=(*made.selection.warnings, *lost))


class _Made(NamedTuple):
    """What a run found, and small copies of the pictures that it wrote."""

    features: Features
    choice: Choice
    selection: Selection
    pictures: list[Image]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Run:
    """One way through the house, for one video and one set of settings."""

    video: Path
    content: Record
    folder: OutputFolder
    settings: Settings
    given_up: Collection[int]
    grows: bool
    cache: FeatureCache | None
    threads: int | None
    stages: Stages

    def make(self, torn: Collection[int]) -> _Made:
        """Choose frames, none of them torn, and write their pictures."""
        with ThumbnailStore() as store:
            sampling, features = self._describe(store, torn)
            with self.stages.enter("clustering") as report:
                choice = choose(features, store, self.settings, report, self.given_up)
        selection = describe_choice(features, choice, sampling)
        refuse_labelled(self.folder.images, selection.image_names, self._ways_out())
        with self.stages.enter("writing") as report:
            found = fetch_pictures(sampling, features.reading, choice.rows, threads=self.threads)
            pictures = self._write_images(selection, found, report)
        return _Made(features, choice, selection, pictures)

    def _ways_out(self) -> list[str]:
        """Say what can be done where labelled pictures would go."""
        if self.settings.match:  # it goes where its pattern is
            return []
        earlier = self.folder.read_record(replaces=True)
        can_grow = earlier and may_grow(earlier["identity"]["settings"], self.settings.to_json())
        keep = ["keep what is labelled and add to it with --grow"] if can_grow else []
        return [*keep, "choose another -o"]

    def restore(self, there: Selection, torn: Collection[int]) -> Selection:
        """Write the pictures of a finished selection that are gone, and say so in a warning."""
        gone = {
            keyframe.frame_index: (self.folder.images / name, keyframe)
            for name, keyframe in zip(there.image_names, there.keyframes, strict=True)
            if not is_there(self.folder.images / name)
        }
        with ThumbnailStore() as store:
            sampling, features = self._describe(store, torn)
        reading = features.reading
        check_unchanged(there, reading)
        with self.stages.enter("writing"):
            make_folder(self.folder.images)
            remove_leftovers(*(path for path, _ in gone.values()))
            rows = rows_of(gone, reading)
            found = fetch_pictures(sampling, reading, rows, threads=self.threads)
            pictures = (
                (path, image, label_keyframe(self.content, keyframe))
                for (path, keyframe), (_, image) in zip(gone.values(), found, strict=True)
            )
            for _ in write_images(pictures, threads=self.threads):
                pass  # one after the other is written
        done = (
            f"{len(gone)} of {to_count(len(there.keyframes), 'picture')} were gone from "
            f"{self.folder.images} and are written again"
        )
        return replace(there, warnings=(*there.warnings, done))

    def _describe(self, store: ThumbnailStore, torn: Collection[int]) -> tuple[Sampling, Features]:
        with self.stages.enter("reading") as report:
            return describe_video(
                self.video,
                self.settings,
                store,
                torn=torn,
                cache=self.cache,
                threads=self.threads,
                progress=report,
            )

    def finish(self, made: _Made, more: Record, *, with_page: bool) -> None:
        """Write the table, the page and the record, in which ``more`` stands, too."""
        selection, clustering = made.selection, made.choice.clustering
        identity = {"video": self.content, "settings": self.settings.to_json()}
        images, seconds = self.folder.images_path, self.stages.seconds
        record = make_record(selection, clustering, identity, images, seconds) | more
        page = None
        if with_page:
            content = report_content(
                selection,
                clustering,
                made.features,
                made.choice.rows,
                made.pictures,
                record=record,
                output=self.folder.root,
            )
            page = render_report(content)
        self.folder.finish(page, record)

    def _write_images(
        self,
        selection: Selection,
        found: Iterable[tuple[int, Image]],
        report: Callable[[int, int], None],
    ) -> list[Image]:
        """Write the pictures as they come, in frame order; return a small copy of each."""
        keyframes = selection.keyframes
        longest = picture_size(len(keyframes))
        small: list[Image] = []

        def label() -> Iterator[tuple[Image, dict[str, str]]]:
            for keyframe, (_, image) in zip(keyframes, found, strict=True):
                small.append(shrink(image, longest))
                yield image, label_keyframe(self.content, keyframe)

        report(0, len(keyframes))
        self.folder.write_images(
            selection.image_names,
            label(),
            grows=self.grows,
            threads=self.threads,
            on_image=lambda done: report(done, len(keyframes)),
        )
        return small


def _make_without_torn_frames(
    make: Callable[[Collection[int]], _Made], video: Path
) -> tuple[_Made, list[int]]:
    """Make a choice, and again without the frames that decode differently each time.

    Return it with the numbers of these frames.

    A torn picture may show what lay in the memory, and not every decoder says that it is torn.
    """
    content = identify_content(video)
    torn: set[int] = set()
    for n_left in reversed(range(_MAX_READINGS)):
        try:
            return make(torn), sorted(torn)
        except UnrepeatableError as error:
            if not n_left or identify_content(video) != content:
                raise
            logger.info("%s is read again: %s", video, error)
            torn |= {error.frame, *find_torn_frames(video)}
    raise AssertionError("the last error is raised")


def find_done(
    video: Path, output: Path, settings: Settings, *, overwrite: bool = False, grow: bool = False
) -> Selection | None:
    """Return the selection of an earlier run that leaves nothing to do; None for none.

    One of a recording that was damaged, and has changed since, counts for none unless it is to
    grow. OutputError where it is of another video or was asked for differently; but for the count
    and a list of frames with ``grow``, and for held frames that it has. VideoError where the video
    can't be opened.
    """
    folder = OutputFolder(output, video.stem)
    there = _find_chosen(video, folder, settings, overwrite=overwrite, grow=grow)
    return there if there and folder.has_all(there.image_names) else None


def _find_chosen(
    video: Path, folder: OutputFolder, settings: Settings, *, overwrite: bool, grow: bool
) -> Selection | None:
    """Do as `find_done`, though pictures may be gone: nothing is left to choose."""
    if overwrite and not grow:
        return None
    record = folder.find_finished(identify(video))
    if record is None:
        return None
    there, asked = selection_from_record(video, record), settings.to_json()
    has_held = set(settings.held) <= set(there.frame_indices)
    if has_held:
        del asked["held"]
    if grow:
        free = {*GROWING, *(CHOOSING if there.step is None else ())}
        asked = {name: value for name, value in asked.items() if name not in free}
    folder.check_settings(record, asked)
    if grow:
        is_done = has_held and len(there.keyframes) >= int(settings.count)
    else:
        is_done = not may_be_mended(folder.record, record, video)
    return there if is_done else None
