"""The page of an output folder: one row a video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import cv2
import numpy as np

from keyframes.output import find_results
from keyframes.report.pictures import to_data_uris
from keyframes.report.templating import render
from keyframes.resizing import shrink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from keyframes.records import Image

STRIP_HEIGHT = 96
# PNGs that are read again for the strips of all videos together; it bounds the time and the
# page's size, but every strip has a few.
MAX_PICTURES = 400
FEWEST, MOST = 3, 12


@dataclass(frozen=True, slots=True)
class Row:
    """One video of the folder.

    Attributes
    ----------
    record
        Its run record.
    link
        Address of its page, relative to this one; None where it has none.
    strip
        Data URIs of some of its keyframes, in frame order.
    missing
        Pictures that the record names but the folder doesn't hold any more.
    """

    name: str
    record: dict[str, Any]
    link: str | None
    strip: list[str]
    missing: int


def render_index(root: Path, links: Mapping[str, str] | None = None) -> str:
    """Return the page of an output folder, made from the run records and PNGs in it alone.

    Parameters
    ----------
    root
        The output folder.
    links
        Address of each video's page, by stem; None for the reports that lie beside the index.

    Raises
    ------
    OutputError
        The folder holds no finished keyframes.
    """
    records = find_results(root)
    n_pictures = max(FEWEST, min(MOST, MAX_PICTURES // len(records)))
    if links is None:
        links = _reports_in(root, records)
    rows = [
        _make_row(root, record, links.get(stem), n_pictures) for stem, record in records.items()
    ]
    return render(
        "index.html",
        rows=rows,
        n_keyframes=sum(record["found"] for record in records.values()),
        n_frames=sum(record["video"]["n_frames"] for record in records.values()),
        n_warned=sum(bool(record["warnings"]) for record in records.values()),
    )


def _reports_in(root: Path, stems: Iterable[str]) -> dict[str, str]:
    return {
        stem: quote(f"{stem}.html", errors="surrogateescape")
        for stem in stems
        if (root / f"{stem}.html").exists()
    }


def _make_row(root: Path, record: dict[str, Any], link: str | None, n_pictures: int) -> Row:
    files = [root / keyframe["image"] for keyframe in record["keyframes"]]
    spread = np.linspace(0, len(files) - 1, min(n_pictures, len(files))).round().astype(int)
    return Row(
        name=record["identity"]["video"]["name"],
        record=record,
        link=link,
        strip=to_data_uris(list(_thumbnails(files[i] for i in spread))),
        missing=sum(not file.exists() for file in files),
    )


def _thumbnails(files: Iterator[Path]) -> Iterator[Image]:
    """Read PNGs one after the other and yield them small; those that are gone are left out."""
    for file in files:
        if not file.exists():
            continue
        # Not imread: it can't open every file name on Windows.
        picture = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
        if picture is not None:
            height, width = picture.shape[:2]
            longest = round(2 * STRIP_HEIGHT * max(1.0, width / height))  # sharp on dense screens
            yield shrink(picture, longest)  # type: ignore[arg-type]
