"""CVAT for images 1.1: an XML file that lists the pictures and the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from keyframes.export.delivery import MARK
from keyframes.export.task_files import DEFAULT_LABEL, TaskFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyframes.export.task_files import TaskPicture


def _compose(
    pictures: list[TaskPicture], keypoints: Sequence[str], _earlier: bytes
) -> tuple[bytes]:
    """Write the pictures, their sizes and the labels.

    The cluster and the time are left out: an image has room for them only in a tag, an annotation
    whose label the project must have. CVAT refuses the file where it doesn't, and where it does,
    frames that nobody has looked at would count as annotated.
    """
    root = ET.Element("annotations")
    root.append(ET.Comment(f" {MARK} "))
    ET.SubElement(root, "version").text = "1.1"
    task = ET.SubElement(ET.SubElement(root, "meta"), "task")
    ET.SubElement(task, "name").text = "keyframes"
    ET.SubElement(task, "size").text = str(len(pictures))
    ET.SubElement(task, "mode").text = "annotation"
    labels = ET.SubElement(task, "labels")
    for name in keypoints or [DEFAULT_LABEL]:
        label = ET.SubElement(labels, "label")
        ET.SubElement(label, "name").text = name
        ET.SubElement(label, "type").text = "points" if keypoints else "any"
        ET.SubElement(label, "attributes")
    for number, picture in enumerate(pictures):
        ET.SubElement(
            root,
            "image",
            id=str(number),
            name=picture.path,
            width=str(picture.width),
            height=str(picture.height),
        )
    ET.indent(root)
    return (ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n",)


CVAT = TaskFormat(files=("annotations.xml",), base="images", compose=_compose)
