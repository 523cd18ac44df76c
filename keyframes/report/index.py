"""The page of an output folder and the folders in it: one row a video."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from keyframes.errors import OutputError
from keyframes.files import remove_old_leftovers, write_atomically
from keyframes.images import read_picture
from keyframes.output import INDEX, OutputFolder
from keyframes.report.pictures import to_data_uris
from keyframes.report.templating import check_page, is_page, render
from keyframes.resizing import shrink
from keyframes.results import find_results_below, require_results

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from keyframes.records import Image
    from keyframes.run_record import Record

STRIP_HEIGHT = 96
# PNGs that are read again for the strips of all videos together; it bounds the time and the
# page's size, but every strip has a few.
MAX_PICTURES = 400
FEWEST, MOST = 3, 12
# Of more videos than this the strips are left out: the page would take minutes, and be too large.
MAX_STRIPS = 1000
# Why a video has no keyframes in a selection over many.
OTHERS_STAND = "none: others stand for it"


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
    pictures
        The PNGs of some of its keyframes, in frame order.
    missing
        Pictures that the record names but the folder doesn't hold any more.
    """

    name: str
    record: Record
    link: str | None
    pictures: list[Path]
    missing: int


def check_index(root: Path, coming: Iterable[OutputFolder]) -> None:
    """Raise OutputError where `write_index` would, once there are the results that are coming."""
    try:
        check_page(root / INDEX)
    except OutputError:
        if len({*find_results_below(root), *coming}) > 1:
            raise


def write_index(root: Path, absent: Mapping[str, str] | None = None) -> Path | None:
    """Write ``index.html`` where a folder, with those in it, holds several videos; say where.

    Where it is there, it is kept true: of a single video that is left, too.

    Parameters
    ----------
    root
        The output folder.
    absent
        The videos of the run that got no keyframes, by their absolute paths, each with the reason:
        what failed, or `OTHERS_STAND`. They count as the folder's, too. Others that the page names
        stay on it until they have a result, or are gone.

    Raises
    ------
    OutputError
        A file of that name is there that keyframes did not write; it can't be written.
    """
    results, absent, page = find_results_below(root), absent or {}, root / INDEX
    if len(results) + len(absent) < 2 and not is_page(page):
        return None
    check_page(page)
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    absent = {**_read_absent(text, results), **absent}
    rows = _list_rows(root, results, None)
    digest = _digest(rows, absent)
    if digest not in text:  # all its pictures would be read again
        remove_old_leftovers(root)
        write_atomically(page, _render(rows, absent, digest).encode())
    return page


def render_index(root: Path, links: Mapping[OutputFolder, str] | None = None) -> str:
    """Return the page of an output folder, made from the run records and PNGs there alone.

    Parameters
    ----------
    root
        The output folder.
    links
        Address of the page of each result that is to be listed; None to list all that are there
        and in the folders in it, with the reports beside their records.

    Raises
    ------
    OutputError
        The folder holds no finished keyframes.
    """
    results = require_results(root)
    if links is not None:
        results = {folder: results[folder] for folder in links if folder in results}
    rows = _list_rows(root, results, links)
    return _render(rows, {}, _digest(rows, {}))


def _read_absent(text: str, results: Mapping[OutputFolder, Record]) -> dict[str, str]:
    """Return the videos without a result that a page names and that could still get one."""
    pairs = re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", text, re.DOTALL)
    absent = {unescape(name): unescape(reason) for name, reason in pairs}
    done = {record["video"]["path"] for record in results.values()}
    return {name: absent[name] for name in absent if name not in done and Path(name).exists()}


def _digest(rows: list[Row], absent: Mapping[str, str]) -> str:
    """Return what tells a page from one of other rows; how long they took is no matter."""
    said = [(row.name, {**row.record, "timings_s": {}}, row.link, row.missing) for row in rows]
    return hashlib.sha256(ascii((said, absent)).encode()).hexdigest()


def _list_rows(
    root: Path, results: Mapping[OutputFolder, Record], links: Mapping[OutputFolder, str] | None
) -> list[Row]:
    n_pictures = max(FEWEST, min(MOST, MAX_PICTURES // max(1, len(results))))
    if len(results) > MAX_STRIPS:
        n_pictures = 0
    return [
        _make_row(
            folder.root.relative_to(root),
            folder,
            record,
            _report_of(folder, root) if links is None else links[folder],
            n_pictures,
        )
        for folder, record in results.items()
    ]


def _render(rows: list[Row], absent: Mapping[str, str], digest: str) -> str:
    return render(
        "index.html",
        rows=rows,
        strip=_strip,
        unused={name: why for name, why in absent.items() if why == OTHERS_STAND},
        failed={name: why for name, why in absent.items() if why != OTHERS_STAND},
        digest=digest,
        n_keyframes=sum(row.record["found"] for row in rows),
        n_frames=sum(row.record["video"]["n_frames"] for row in rows),
        n_warned=sum(bool(row.record["warnings"]) for row in rows),
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
        pictures=[files[i] for i in spread],
        missing=sum(not file.exists() for file in files),
    )


def _strip(row: Row) -> list[str]:
    """Return the pictures of a row as data URIs."""
    return to_data_uris(list(_thumbnails(row.pictures)))


def _thumbnails(files: Iterable[Path]) -> Iterator[Image]:
    """Read PNGs one after the other and yield them small; those that are gone are left out."""
    for file in files:
        picture = read_picture(file)
        if picture is not None:
            height, width = picture.shape[:2]
            longest = round(2 * STRIP_HEIGHT * max(1.0, width / height))  # sharp on dense screens
            yield shrink(picture, longest)
