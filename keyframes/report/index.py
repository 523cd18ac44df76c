"""The page of an output folder and the folders in it: one row a video."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from keyframes.errors import OutputError
from keyframes.files import remove_old_leftovers, write_atomically
from keyframes.images import read_picture
from keyframes.output import OutputFolder, find_results, find_results_below
from keyframes.report.pictures import to_data_uris
from keyframes.report.templating import check_page, render
from keyframes.resizing import shrink

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from keyframes.records import Image
    from keyframes.run_record import Record

STRIP_HEIGHT = 96
# PNGs that are read again for the strips of all videos together; it bounds the time and the
# page's size, but every strip has a few.
MAX_PICTURES = 400
FEWEST, MOST = 3, 12
# Of more videos than this the strips are left out: the page would take minutes, and be too large.
MAX_STRIPS = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One video of the folder.

    Attributes
    ----------
    name
        The video's, with the folder below the page's that its keyframes are in.
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
    record: Record
    link: str | None
    strip: list[str]
    missing: int


def write_index(root: Path, failed: Mapping[str, str] | None = None) -> Path | None:
    """Write ``index.html`` where a folder, with those in it, holds several videos; say where.

    Parameters
    ----------
    root
        The output folder.
    failed
        The videos that the run couldn't extract, each with the reason; they count as the folder's,
        too. None where nothing was tried: those that the page names stay on it.

    Raises
    ------
    OutputError
        A file of that name is there that keyframes did not write; it can't be written.
    """
    results = find_results_below(root)
    if len(results) + len(failed or ()) < 2:
        return None
    page = root / "index.html"
    check_page(page)
    if failed is None:
        failed = _read_failed(page)
    remove_old_leftovers(root)
    content = _render(root, results, None, failed).encode()
    if not page.exists() or page.read_bytes() != content:  # what is the same keeps its date
        write_atomically(page, content)
    return page


def render_index(root: Path, links: Mapping[str, str] | None = None) -> str:
    """Return the page of an output folder, made from the run records and PNGs there alone.

    Parameters
    ----------
    root
        The output folder.
    links
        Stem and address of the page of each video in the folder that is to be listed; None to
        list all that are there and in the folders in it, with the reports beside their records.

    Raises
    ------
    OutputError
        The folder holds no finished keyframes.
    """
    if links is None:
        results = find_results_below(root)
    else:
        records = find_results(root)
        results = {OutputFolder(root, stem): records[stem] for stem in links}
    if not results:
        raise OutputError(f"{root}: holds no finished keyframes; run keyframes extract first")
    return _render(root, results, links, {})


def _read_failed(page: Path) -> dict[str, str]:
    """Return the failed videos that a page names, each with the reason."""
    if not page.exists():
        return {}
    text = page.read_text(encoding="utf-8")
    pairs = re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", text, re.DOTALL)
    return {unescape(name): unescape(reason) for name, reason in pairs}


def _render(
    root: Path,
    results: Mapping[OutputFolder, Record],
    links: Mapping[str, str] | None,
    failed: Mapping[str, str],
) -> str:
    n_pictures = max(FEWEST, min(MOST, MAX_PICTURES // len(results)))
    if len(results) > MAX_STRIPS:
        n_pictures = 0
    rows = [
        _make_row(
            folder.root.relative_to(root),
            folder,
            record,
            _report_of(folder, root) if links is None else links[folder.stem],
            n_pictures,
        )
        for folder, record in results.items()
    ]
    return render(
        "index.html",
        rows=rows,
        failed=failed,
        n_keyframes=sum(record["found"] for record in results.values()),
        n_frames=sum(record["video"]["n_frames"] for record in results.values()),
        n_warned=sum(bool(record["warnings"]) for record in results.values()),
    )


def _report_of(folder: OutputFolder, root: Path) -> str | None:
    """Return the address of a video's report relative to the output folder, if there is one."""
    if not folder.page.exists():
        return None
    return quote(folder.page.relative_to(root).as_posix(), errors="surrogateescape")


def _make_row(
    place: Path, folder: OutputFolder, record: Record, link: str | None, n_pictures: int
) -> Row:
    files = [folder.root / keyframe["image"] for keyframe in record["keyframes"]]
    spread = np.linspace(0, len(files) - 1, min(n_pictures, len(files))).round().astype(int)
    return Row(
        name=(place / record["identity"]["video"]["name"]).as_posix(),
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
        picture = read_picture(file)
        if picture is not None:
            height, width = picture.shape[:2]
            longest = round(2 * STRIP_HEIGHT * max(1.0, width / height))  # sharp on dense screens
            yield shrink(picture, longest)
