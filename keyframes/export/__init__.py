"""Finished keyframes, put where a labelling tool looks for them.

:func:`export` reads an output folder and hands its results to one exporter. How to add a format:

1. Write ``keyframes/export/<tool>.py`` with one function ``export_<tool>(results, destination,
   *, …) -> Exported``. Put files down through a :class:`~keyframes.export.delivery.Delivery`:
   it checks everything before it writes anything, and never replaces what isn't ours. Import
   optional packages with :func:`~keyframes.export.extras.import_extra`. Exporters don't import
   each other.
2. Name the format in ``records.ExportFormat`` and the function in ``EXPORTERS`` below.
3. Give each keyword of the function an option in ``keyframes/cli/export.py``.
4. Test it in ``tests/export/test_<tool>.py``: the tool's own reader opens what was written, and
   a second run changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyframes.export.coco import export_coco
from keyframes.export.cvat import export_cvat
from keyframes.export.deeplabcut import export_deeplabcut
from keyframes.export.label_studio import export_label_studio
from keyframes.export.lightning_pose import export_lightning_pose
from keyframes.export.results import read_results
from keyframes.export.sleap import export_sleap

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from keyframes.export.delivery import Exported
    from keyframes.records import ExportFormat

EXPORTERS: dict[ExportFormat, Callable[..., Exported]] = {
    "deeplabcut": export_deeplabcut,
    "sleap": export_sleap,
    "lightning-pose": export_lightning_pose,
    "coco": export_coco,
    "cvat": export_cvat,
    "label-studio": export_label_studio,
}


def export(
    format_: ExportFormat,
    output: Path,
    destination: Path,
    *,
    stems: Collection[str] | None = None,
    **options: Any,  # noqa: ANN401 - each exporter names its own
) -> Exported:
    """Export the finished videos of an output folder.

    Parameters
    ----------
    format_
        The labelling tool.
    output
        Folder that :func:`keyframes.extract` wrote.
    destination
        Where to: a project, a folder or a file, as the tool has it.
    stems
        Of which videos; None for all.
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
    MissingExtraError
        A package that the format needs isn't installed.
    """
    return EXPORTERS[format_](read_results(output, stems), destination, **options)
