"""What the task files of image-annotation platforms have in common.

Exported to a folder, the pictures are copied to ``images/<stem>/`` beside the task file, as the
platform lays out its own data sets: the folder can be moved, zipped or mounted as it is.
Exported to a file, nothing is copied: it names the pictures relative to where it lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keyframes.errors import OutputError
from keyframes.export.delivery import Delivery, read_task
from keyframes.export.frame_folder import check_folder, check_recording, find_pictures, withdraw
from keyframes.images import is_ours
from keyframes.names import is_of_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from keyframes.export.delivery import Exported
    from keyframes.export.history import PastExport
    from keyframes.export.results import Result
    from keyframes.export.sources import Source
    from keyframes.records import Keyframe

# What there is to mark when no keypoints are named.
DEFAULT_LABEL = "animal"
# Why a picture stays though no task file names it any more.
SERVED = "it may be labelled there"


@dataclass(frozen=True, slots=True)
class TaskPicture:
    """A keyframe as a task file names it.

    Attributes
    ----------
    path
        As the task file names it, with forward slashes.
    width, height
        Pixels.
    video
        File name of the video.
    keyframe
        The keyframe.
    """

    path: str
    width: int
    height: int
    video: str
    keyframe: Keyframe

    @property
    def details(self) -> dict[str, str | int | float]:
        """What is known of the frame, for formats that have room for it."""
        return {
            "video": self.video,
            "frame_index": self.keyframe.frame_index,
            "time_s": round(self.keyframe.time_s, 6),
            "cluster": self.keyframe.cluster,
            "cluster_size": self.keyframe.cluster_size,
            "distance": float(f"{self.keyframe.distance:.6g}"),
        }


@dataclass(frozen=True, slots=True)
class TaskFormat:
    """How a platform lays out a data set.

    Attributes
    ----------
    files
        The task file, and what belongs beside it; relative to the data set's folder. The others
        have the name of the first, but for the suffix.
    base
        What the paths of the pictures are relative to.
    compose
        Called with the pictures, the keypoints and what a task file of ours there holds, if any;
        returns what each of the files is to hold.
    advise
        Called with the layout and the pictures, returns what a person has to do besides.
    is_served
        The platform shows the pictures from where they are, and keeps the labels to itself: none
        is ever removed.
    """

    files: tuple[str, ...]
    base: str
    compose: Callable[[list[TaskPicture], Sequence[str], bytes], tuple[bytes, ...]]
    advise: Callable[[TaskLayout, list[TaskPicture]], Iterable[str]] | None = None
    is_served: bool = False

    def at(self, destination: Path) -> TaskLayout:
        """Return where everything lies: in a folder, or where a file of the right suffix says.

        OutputError where it can be neither.
        """
        files = [destination / file for file in self.files]
        if destination.suffix.lower() == files[0].suffix and not destination.is_dir():
            beside = [destination.with_suffix(file.suffix) for file in files[1:]]
            return TaskLayout((destination, *beside), destination.parent, None, self.is_served)
        check_folder(destination)
        images = destination / "images"
        return TaskLayout(tuple(files), destination / self.base, images, self.is_served)

    def check(
        self,
        sources: Iterable[Source],
        destination: Path,
        *,
        overwrite: bool = False,
        **_: Any,  # noqa: ANN401 - what the exporters take besides can't be wrong
    ) -> None:
        """Refuse what the exporter would refuse, before there are keyframes."""
        layout, delivery = self.at(destination), Delivery(overwrite=overwrite)
        for source in sources:
            layout.check_place(source)
        for file in layout.files:
            delivery.check(file)

    def export(
        self,
        results: Iterable[Result],
        destination: Path,
        *,
        keypoints: Sequence[str] = (),
        overwrite: bool = False,
    ) -> Exported:
        """Write the task file, and what belongs beside it.

        Parameters
        ----------
        results
            The keyframes.
        destination
            A folder, which gets the files and ``images/``; or the task file, above the pictures.
        keypoints
            Names of the body points; without, there is one label for the whole animal.
        overwrite
            Replace files that keyframes wrote with other content.

        Raises
        ------
        OutputError
            Something at the destination isn't ours to replace, or the pictures lie elsewhere.
        """
        delivery = Delivery(overwrite=overwrite)
        layout = self.at(destination)
        pictures = list(layout.place(delivery, results))
        contents = self.compose(pictures, keypoints, read_task(layout.files[0]))
        for file, content in zip(reversed(layout.files), reversed(contents), strict=True):
            delivery.add_task(file, content)  # the task file last
        if left_out := layout.find_left_out(pictures):
            delivery.note(
                f"{layout.files[0].name} names what was exported now, and {', '.join(left_out)} no "
                "more, whose pictures are there still; `keyframes export` with the whole output "
                "folder and --overwrite names all"
            )
        for note in self.advise(layout, pictures) if self.advise else ():
            delivery.note(note)
        return delivery.carry_out()

    def withdraw(self, past: PastExport, _video: Path, gone: Mapping[int, Path]) -> dict[int, str]:
        """Take back the copies beside a task file, unless one may be labelled; see `Exporter`."""
        layout = self.at(past.destination)
        folder = past.destination / "images" / past.place
        if why := layout.why_all_stay():
            return {frame: why for frame in find_pictures(folder) if frame in gone}
        return withdraw(folder, gone)


@dataclass(frozen=True, slots=True)
class TaskLayout:
    """Where the files of a task and its pictures lie.

    Attributes
    ----------
    files
        The task file, and those beside it.
    base
        What the paths of the pictures are relative to.
    images
        Folder that the pictures are copied to; None where they stay.
    is_served
        See `TaskFormat`.
    """

    files: tuple[Path, ...]
    base: Path
    images: Path | None
    is_served: bool

    def place(self, delivery: Delivery, results: Iterable[Result]) -> Iterator[TaskPicture]:
        """Plan the copies, in place of an earlier selection's; yield every picture.

        Raises
        ------
        OutputError
            A picture that stays doesn't lie below the task file, or one of another recording does.
        """
        for result in results:
            self.check_place(result)
            folder = self._clear(delivery, result)
            for keyframe, picture in result.items():
                if folder is None:
                    path = picture.resolve().relative_to(self.base.resolve())
                else:
                    delivery.add(folder / picture.name, picture)
                    path = (folder / picture.name).relative_to(self.base)
                yield TaskPicture(path.as_posix(), *result.size, result.video.name, keyframe)

    def _clear(self, delivery: Delivery, result: Result) -> Path | None:
        """Return the folder of a result's copies, None for no copies; plan to clear it."""
        if self.images is None:
            return None
        folder, stay = self.images / result.place, self.why_all_stay()
        if stay:
            check_recording(folder, result)
        delivery.clear(folder, {picture.name for picture in result.pictures}, stay=stay)
        return folder

    def why_all_stay(self) -> str:
        """Return why no picture is removed, named by the task file or not; empty for no reason.

        What a labelling tool saved lies beside the task file, and goes by the same pictures.
        """
        if self.is_served:
            return SERVED
        folder = self.files[0].parent
        others = {*folder.iterdir()} - {*self.files} if folder.is_dir() else ()
        names = (path.name for path in others if path.is_file())
        saved = [name for name in names if not (name.startswith(".") or is_of_system(name))]
        return f"it may be labelled in {min(saved)}" if saved else ""

    def find_left_out(self, pictures: Iterable[TaskPicture]) -> list[str]:
        """Return the results, by place, whose copies are there though these pictures are others."""
        if self.images is None:
            return []
        there = {path.parent: path for path in self.images.rglob("*.png")}
        others = there.keys() - {(self.base / picture.path).parent for picture in pictures}
        ours = (folder for folder in others if is_ours(there[folder]))
        return sorted(folder.relative_to(self.images).as_posix() for folder in ours)

    def check_place(self, source: Source) -> None:
        """Raise OutputError where pictures that stay don't lie below the task file."""
        folder = source.folder.images
        if self.images is None and not folder.resolve().is_relative_to(self.base.resolve()):
            raise OutputError(
                f"{self.files[0]}: the pictures in {folder} don't lie below it; name a "
                "folder to copy them to, or a file beside labeled-data"
            )
