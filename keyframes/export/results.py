"""What exporters start from: the finished results of an output folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keyframes.commands import join_words
from keyframes.errors import VideoError
from keyframes.export.sources import Source
from keyframes.files import identify, read_json
from keyframes.images import check_picture, png_size
from keyframes.names import to_absolute
from keyframes.results import require_results
from keyframes.run_record import selection_from_record
from keyframes.settings import Settings

if TYPE_CHECKING:
    from keyframes.output import OutputFolder
    from keyframes.records import Keyframe, Selection
    from keyframes.run_record import Record


@dataclass(frozen=True, slots=True, eq=False)
class Result(Source):
    """The keyframes of one video.

    Attributes
    ----------
    selection
        The keyframes, in frame order, and the video they are from.
    pictures
        The PNG of each keyframe.
    settings
        What was asked, as the run record has it.
    """

    selection: Selection
    pictures: tuple[Path, ...]
    settings: Record

    def items(self) -> list[tuple[Keyframe, Path]]:
        """Each keyframe with its picture, in frame order."""
        return list(zip(self.selection.keyframes, self.pictures, strict=True))

    @property
    def _command(self) -> str:
        """What finds it again where the recording was moved, and chooses nothing anew."""
        if self.settings.get("match"):
            return join_words(["keyframes", "match", self.folder.root.as_posix()])
        return "keyframes extract --pool" if self.settings.get("pool") else "keyframes extract"

    def check_video(self) -> None:
        """Raise VideoError unless the recording still lies where it was read, unchanged."""
        if not self.video.is_file():
            raise VideoError(
                f"{self.video}: the video that {self.stem} was extracted from isn't there any "
                f"more; put it back, or name where it is now in the same `{self._command}` again"
            )
        if identify(self.video) != self.identity:
            raise VideoError(
                f"{self.video}: isn't the video that {self.stem} was extracted from; put that "
                "back, or extract again with --overwrite"
            )


def read_results(output: Path) -> list[Result]:
    """Return the finished results of an output folder and the folders in it, by place.

    Raises
    ------
    OutputError
        There are none, or a picture is missing or isn't the one that the record names.
    """
    return [read_result(output, folder) for folder in require_results(output)]


def read_result(output: Path, folder: OutputFolder, video: Path | None = None) -> Result:
    """Return the finished result of one video.

    Parameters
    ----------
    output
        The output folder.
    folder
        The files of the result, in the output folder or below it.
    video
        Where the recording lies; None for where it lay when it was read.

    Raises
    ------
    OutputError
        A picture is missing or isn't the one that the record names.
    """
    record = read_json(folder.record)
    video = to_absolute(video or Path(record["video"]["path"]))
    selection = selection_from_record(video, record)
    pictures = tuple(folder.root / row["image"] for row in record["keyframes"])
    for keyframe, picture in zip(selection.keyframes, pictures, strict=True):
        check_picture(picture, keyframe.frame_index)
    settings = record["identity"]["settings"]
    return Result(
        video=video,
        place=folder.place(output),
        folder=folder,
        size=png_size(pictures[0]),
        crop=Settings.from_json(settings).output_crop,
        identity=record["identity"]["video"],
        frames=tuple(selection.frame_indices),
        selection=selection,
        pictures=pictures,
        settings=settings,
    )
