"""Label Studio: tasks to import, and a labelling interface for them.

It serves the pictures from its local files: ``LOCAL_FILES_DOCUMENT_ROOT`` is the folder that the
tasks lie in, and the project needs a source storage for each folder in it that holds pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

from keyframes.export.delivery import MARK
from keyframes.export.task_files import DEFAULT_LABEL, TaskFormat
from keyframes.files import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keyframes.export.task_files import TaskLayout, TaskPicture


def _compose(
    pictures: list[TaskPicture], keypoints: Sequence[str], _earlier: bytes
) -> tuple[bytes, bytes]:
    """Write a task a keyframe, and the labelling interface."""
    tasks = [
        {
            "meta": {"origin": MARK},
            "data": {
                "image": f"/data/local-files/?d={quote(picture.path)}",
                "width": picture.width,
                "height": picture.height,
                "frame": picture.keyframe.frame_index,
                **picture.details,
            },
        }
        for picture in pictures
    ]
    return to_json(tasks), _interface(keypoints or [DEFAULT_LABEL])


def _interface(labels: Sequence[str]) -> bytes:
    """Return the labelling interface: points on the picture."""
    view = ET.Element("View")
    view.append(ET.Comment(f" {MARK} "))
    ET.SubElement(view, "Image", name="image", value="$image", zoom="true")
    points = ET.SubElement(view, "KeyPointLabels", name="keypoints", toName="image")
    for label in labels:
        ET.SubElement(points, "Label", value=label)
    ET.indent(view)
    return ET.tostring(view, encoding="unicode").encode() + b"\n"


def _advise(layout: TaskLayout, pictures: list[TaskPicture]) -> Iterator[str]:
    """Yield what a person has to set up, so that the pictures are shown."""
    root = layout.base.absolute()
    folders = sorted({str(root / picture.path.partition("/")[0]) for picture in pictures})
    yield (
        f"start Label Studio with LOCAL_FILES_SERVING_ENABLED=true LOCAL_FILES_DOCUMENT_ROOT={root}"
    )
    yield f"in its project, add the source storage Local Files: {', '.join(folders)}"
    if layout.images is None:
        yield (
            "pictures that `keyframes review` rejects go from here, labelled or not; export to a "
            "folder where they are to stay"
        )


LABEL_STUDIO = TaskFormat(
    files=("tasks.json", "tasks.xml"), base="", compose=_compose, advise=_advise, is_served=True
)
