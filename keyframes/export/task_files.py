"""What the task files of image-annotation platforms have in common.

Exported to a folder, the pictures are copied to ``images/<stem>/`` beside the task file, as the
platform lays out its own data sets: the folder can be moved, zipped or mounted as it is.
Exported to a file, nothing is copied: it names the pictures relative to where it lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keyframes.errors import OutputError
from keyframes.export.delivery import Delivery
from keyframes.export.frame_folder import find_kept, remove_pictures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from keyframes.export.history import PastExport
    from keyframes.export.results import Result
    from keyframes.export.sources import Source
    from keyframes.records import Keyframe

# What there is to mark when no keypoints are named.
DEFAULT_LABEL = "animal"


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


def withdraw_from_task(past: PastExport, _video: Path, gone: Mapping[int, Path]) -> dict[int, str]:
    """Take back the copies beside a task file; see `Exporter`."""
    folder = past.destination / "images" / past.place
    kept = find_kept(folder, gone)
    remove_pictures(folder, gone.keys() - kept.keys())
    return kept


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
    """

    files: tuple[str, ...]
    base: str

    def at(self, destination: Path) -> TaskLayout:
        """Return where everything lies: in a folder, or where a file of the right suffix says."""
        files = [destination / file for file in self.files]
        if destination.suffix.lower() == files[0].suffix and not destination.is_dir():
            beside = [destination.with_suffix(file.suffix) for file in files[1:]]
            return TaskLayout((destination, *beside), destination.parent, None)
        return TaskLayout(tuple(files), destination / self.base, destination / "images")

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
    """

    files: tuple[Path, ...]
    base: Path
    images: Path | None

    def place(self, delivery: Delivery, results: Iterable[Result]) -> Iterator[TaskPicture]:
        """Plan the copies, in place of an earlier selection's; yield every picture.

        Raises
        ------
        OutputError
            A picture that stays doesn't lie below the task file.
        """
        for result in results:
            self.check_place(result)
            if self.images is not None:
                names = {picture.name for picture in result.pictures}
                delivery.clear(self.images / result.place, names)
            for keyframe, picture in result.items():
                target = picture
                if self.images is not None:
                    target = self.images / result.place / picture.name
                    delivery.add(target, picture)
                path = target.resolve().relative_to(self.base.resolve()).as_posix()
                yield TaskPicture(path, *result.size, result.video.name, keyframe)

    def check_place(self, source: Source) -> None:
        """Raise OutputError where pictures that stay don't lie below the task file."""
        if self.images is None and not source.folder.resolve().is_relative_to(self.base.resolve()):
            raise OutputError(
                f"{self.files[0]}: the pictures in {source.folder} don't lie below it; name a "
                "folder to copy them to, or a file beside labeled-data"
            )
