"""Finished keyframes, put where a labelling tool looks for them.

:func:`export` reads an output folder and hands its results to one exporter. How to add a format:

1. Write ``keyframes/export/<tool>.py`` with three functions: ``export_<tool>(results,
   destination, *, …) -> Exported``; ``check_<tool>(sources, destination, *, …)``, which refuses
   the same before there are keyframes; and ``withdraw_from_<tool>``, which takes back frames that
   are keyframes no more. Put files down through a
   :class:`~keyframes.export.delivery.Delivery`: it checks everything before it writes anything,
   and never replaces what isn't ours. Import optional packages with
   :func:`~keyframes.extras.import_extra`. Exporters don't import each other. A file that
   lists pictures for an annotation platform takes a
   :class:`~keyframes.export.task_files.TaskFormat` instead.
2. Name the format in ``records.ExportFormat`` and the functions in ``EXPORTERS`` below.
3. Give each keyword of the exporter an option in ``keyframes/cli/targets.py``.
4. Test it in ``tests/test_export_<tool>.py``: the tool's own reader opens what was written, and
   a second run changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from inspect import signature
from typing import TYPE_CHECKING, Any

from keyframes.errors import OutputError
from keyframes.export.coco import COCO
from keyframes.export.cvat import CVAT
from keyframes.export.deeplabcut import (
    check_deeplabcut,
    export_deeplabcut,
    withdraw_from_deeplabcut,
)
from keyframes.export.deeplabcut import existing_frames as frames_in_deeplabcut
from keyframes.export.delivery import take_turns
from keyframes.export.history import PastExport, remember
from keyframes.export.label_studio import LABEL_STUDIO
from keyframes.export.lightning_pose import (
    check_lightning_pose,
    export_lightning_pose,
    withdraw_from_lightning_pose,
)
from keyframes.export.results import read_results
from keyframes.export.sleap import (
    check_changeable,
    check_sleap,
    export_sleap,
    withdraw_from_sleap,
)
from keyframes.export.sleap import existing_frames as frames_in_sleap
from keyframes.followers import describe_strays

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from keyframes.export.delivery import Exported
    from keyframes.export.results import Result
    from keyframes.records import ExportFormat


@dataclass(frozen=True, slots=True)
class Exporter:
    """How keyframes get into one labelling tool.

    Attributes
    ----------
    check
        Refuses what ``export`` would refuse, before there are keyframes; called with a list of
        `Source`, the destination and the same keywords.
    export
        Called with a list of `Result`, the destination and keywords.
    withdraw
        Called with a `PastExport`, the path of its video and the pictures of frames that are
        keyframes no more, by number. Takes back what is surely ours and what nobody has labelled;
        returns why a frame stays, by number.
    existing_frames
        Called with an existing destination and videos, returns the frames that it holds of each;
        None where a destination doesn't tell.
    check_changeable
        Called with an existing destination of ours, refuses what can't follow a change.
    """

    check: Callable[..., None]
    export: Callable[..., Exported]
    withdraw: Callable[[PastExport, Path, Mapping[int, Path]], dict[int, str]]
    existing_frames: Callable[[Path, list[Path]], list[set[int]]] | None = None
    check_changeable: Callable[[Path], None] = lambda _: None

    @property
    def options(self) -> list[str]:
        """Names of the keywords of ``export``."""
        parameters = signature(self.export).parameters.values()
        return [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]


EXPORTERS: dict[ExportFormat, Exporter] = {
    "deeplabcut": Exporter(
        check_deeplabcut, export_deeplabcut, withdraw_from_deeplabcut, frames_in_deeplabcut
    ),
    "sleap": Exporter(
        check_sleap, export_sleap, withdraw_from_sleap, frames_in_sleap, check_changeable
    ),
    "lightning-pose": Exporter(
        check_lightning_pose, export_lightning_pose, withdraw_from_lightning_pose
    ),
    "coco": Exporter(COCO.check, COCO.export, COCO.withdraw),
    "cvat": Exporter(CVAT.check, CVAT.export, CVAT.withdraw),
    "label-studio": Exporter(LABEL_STUDIO.check, LABEL_STUDIO.export, LABEL_STUDIO.withdraw),
}


def export(
    format_: ExportFormat,
    output: Path,
    destination: Path,
    **options: Any,  # noqa: ANN401 - each exporter names its own
) -> Exported:
    """Export the finished videos of an output folder.

    Parameters
    ----------
    format_
        The labelling tool.
    output
        Folder that :func:`keyframes.extract` wrote; the folders in it are looked through, too.
    destination
        Where to: a project, a folder or a file, as the tool has it.
    **options
        Keywords of the tool's exporter.

    Returns
    -------
    Exported
        What was written and what was there already.

    Raises
    ------
    OutputError
        There are no results, or something at the destination isn't ours to replace.
    SettingsError
        An option doesn't fit.
    VideoError
        A recording that is needed again isn't where it was.
    MissingExtraError
        A package that the format needs isn't installed.
    """
    return hand_over(read_results(output), format_, destination, **options)


def hand_over(
    results: Sequence[Result],
    format_: ExportFormat,
    destination: Path,
    **options: Any,  # noqa: ANN401 - as above
) -> Exported:
    """Export results, and note in their run records where they went; errors as `export`.

    The notes warn of followers among them, or of theirs, that show other moments than their leader.
    """
    past = PastExport.of(format_, destination, options)
    with take_turns(past.destination):
        exported = EXPORTERS[format_].export(results, destination, **options)
    notes = [*exported.notes, *(f"warning: {stray}" for stray in _describe_strays(results))]
    try:
        remember(results, past, exported)
    except OutputError as error:
        notes.append(f"what a review changes won't be changed here, too: {error}")
    return replace(
        exported,
        notes=tuple(notes),
        n_keyframes=sum(len(result.pictures) for result in results),
        n_videos=len(results),
    )


def _describe_strays(results: Sequence[Result]) -> Iterator[str]:
    # A follower lies beside its leader, even where only one of them is exported.
    stems: dict[Path, set[str]] = {}
    for result in results:
        stems.setdefault(result.folder.root, set()).add(result.stem)
    for root, about in stems.items():
        yield from describe_strays(root, about)
