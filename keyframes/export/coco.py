"""COCO: a JSON file that lists the pictures and what is to be annotated."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

from keyframes.export.delivery import MARK
from keyframes.export.task_files import DEFAULT_LABEL, TaskFormat
from keyframes.files import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyframes.export.task_files import TaskPicture


def _compose(pictures: list[TaskPicture], keypoints: Sequence[str], earlier: bytes) -> tuple[bytes]:
    """Write images, one category and no annotations yet.

    Each image has the fields of COCO and, beside them, ``video``, ``frame_index``, ``time_s``,
    ``cluster``, ``cluster_size`` and ``distance``. One that the earlier file lists keeps its id, by
    which annotations that were made since name it.
    """
    there = json.loads(earlier)["images"] if earlier else []
    ids = {image["file_name"]: image["id"] for image in there}
    free = count(max(ids.values(), default=0) + 1)
    category: dict[str, Any] = {"id": 1, "name": DEFAULT_LABEL, "supercategory": ""}
    if keypoints:
        category |= {"keypoints": list(keypoints), "skeleton": []}
    document = {
        "info": {"description": MARK},
        "licenses": [],
        "images": [
            {
                "id": ids.get(picture.path) or next(free),
                "file_name": picture.path,
                "width": picture.width,
                "height": picture.height,
                **picture.details,
            }
            for picture in pictures
        ],
        "annotations": [],
        "categories": [category],
    }
    return (to_json(document),)


COCO = TaskFormat(files=("annotations/instances_default.json",), base="images", compose=_compose)
