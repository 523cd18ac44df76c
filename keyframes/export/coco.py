"""COCO: a JSON file that lists the pictures and what is to be annotated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from keyframes.export.delivery import MARK, Delivery
from keyframes.export.task_files import DEFAULT_LABEL, TaskFormat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keyframes.export.delivery import Exported
    from keyframes.export.results import Result

COCO = TaskFormat(files=("annotations/instances_default.json",), base="images")


def export_coco(
    results: Sequence[Result],
    destination: Path,
    *,
    keypoints: Sequence[str] = (),
    overwrite: bool = False,
) -> Exported:
    """Write a COCO file with images, one category and no annotations yet.

    Each image has the fields of COCO and, beside them, ``video``, ``frame_index``, ``time_s``,
    ``cluster``, ``cluster_size`` and ``distance``.

    Parameters
    ----------
    results
        The keyframes.
    destination
        A folder, which gets ``annotations/instances_default.json`` and ``images/``; or a
        ``.json`` file, above the pictures.
    keypoints
        Names of the body points of the category.
    overwrite
        Replace files that keyframes wrote with other content.

    Raises
    ------
    OutputError
        Something at the destination isn't ours to replace, or the pictures lie elsewhere.
    """
    delivery = Delivery(overwrite=overwrite)
    layout = COCO.at(destination)
    category: dict[str, Any] = {"id": 1, "name": DEFAULT_LABEL, "supercategory": ""}
    if keypoints:
        category |= {"keypoints": list(keypoints), "skeleton": []}
    document = {
        "info": {"description": MARK},
        "licenses": [],
        "images": [
            {
                "id": number,
                "file_name": picture.path,
                "width": picture.width,
                "height": picture.height,
                **picture.details,
            }
            for number, picture in enumerate(layout.place(delivery, results), start=1)
        ],
        "annotations": [],
        "categories": [category],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    delivery.add_task(layout.files[0], f"{text}\n".encode())
    return delivery.carry_out()
