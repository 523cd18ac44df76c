"""Label Studio: tasks to import, and a labelling interface for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

from keyframes.export.delivery import MARK, Delivery
from keyframes.export.task_files import DEFAULT_LABEL, TaskFormat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keyframes.export.delivery import Exported
    from keyframes.export.results import Result

LABEL_STUDIO = TaskFormat(files=("tasks.json", "tasks.xml"), base="", is_served=True)


def export_label_studio(
    results: Sequence[Result],
    destination: Path,
    *,
    keypoints: Sequence[str] = (),
    overwrite: bool = False,
) -> Exported:
    """Write a task a keyframe, and beside it the labelling interface as ``.xml``.

    Label Studio serves the pictures from its local files: ``LOCAL_FILES_DOCUMENT_ROOT`` is the
    folder that the file lies in, and the project needs a source storage for each folder in it
    that holds pictures.

    Parameters
    ----------
    results
        The keyframes.
    destination
        A folder, which gets ``tasks.json``, ``tasks.xml`` and ``images/``; or a ``.json`` file,
        above the pictures.
    keypoints
        Labels, one a body point; without, there is one label for the whole animal.
    overwrite
        Replace files that keyframes wrote with other content.

    Raises
    ------
    OutputError
        Something at the destination isn't ours to replace, or the pictures lie elsewhere.
    """
    delivery = Delivery(overwrite=overwrite)
    layout = LABEL_STUDIO.at(destination)
    pictures = list(layout.place(delivery, results))
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
    text = json.dumps(tasks, indent=2, ensure_ascii=False, allow_nan=False)
    task_file, interface_file = layout.files
    delivery.add_task(interface_file, _interface(keypoints or [DEFAULT_LABEL]))
    delivery.add_task(task_file, f"{text}\n".encode())
    root = layout.base.absolute()
    folders = sorted({str(root / picture.path.partition("/")[0]) for picture in pictures})
    delivery.note(
        f"start Label Studio with LOCAL_FILES_SERVING_ENABLED=true LOCAL_FILES_DOCUMENT_ROOT={root}"
    )
    delivery.note(f"in its project, add the source storage Local Files: {', '.join(folders)}")
    if layout.images is None:
        delivery.note(
            "pictures that `keyframes review` rejects go from here, labelled or not; export to a "
            "folder where they are to stay"
        )
    return delivery.carry_out()


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
