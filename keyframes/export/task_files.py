"""What the task files of image-annotation platforms have in common.

Exported to a folder, the pictures are copied to ``images/<stem>/`` beside the task file, as the
platform lays out its own data sets: the folder can be moved, zipped or mounted as it is.
Exported to a file, nothing is copied: it names the pictures relative to where it lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from keyframes.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from keyframes.export.delivery import Delivery
    from keyframes.export.results import Result
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


@dataclass(frozen=True, slots=True)
class TaskLayout:
    """Where a task file and its pictures lie.

    Attributes
    ----------
    file
        The task file.
    base
        What the paths of the pictures are relative to.
    images
        Folder that the pictures are copied to; None where they stay.
    """

    file: Path
    base: Path
    images: Path | None

    @classmethod
    def at(cls, destination: Path, *, file: str, base: str) -> TaskLayout:
        """Return the layout of a destination.

        Parameters
        ----------
        destination
            A folder, or a file with the suffix of ``file``.
        file, base
            The platform's own layout, relative to a folder.
        """
        is_file = destination.suffix.lower() == PurePath(file).suffix and not destination.is_dir()
        if is_file:
            return cls(destination, destination.parent, None)
        return cls(destination / file, destination / base, destination / "images")

    def place(self, delivery: Delivery, results: Iterable[Result]) -> Iterator[TaskPicture]:
        """Plan the copies; yield every picture, by video and frame.

        Raises
        ------
        OutputError
            A picture that stays doesn't lie below the task file.
        """
        for result in results:
            for keyframe, picture in result.items():
                path, base = picture.resolve(), self.base.resolve()
                if self.images is not None:
                    copy = self.images / result.stem / picture.name
                    delivery.add(copy, picture)
                    path = copy.resolve()
                elif not path.is_relative_to(base):
                    raise OutputError(
                        f"{self.file}: the pictures in {picture.parent} don't lie below it; name "
                        "a folder to copy them to, or a file beside labeled-data"
                    )
                relative = path.relative_to(base).as_posix()
                yield TaskPicture(relative, *result.size, result.video.name, keyframe)
