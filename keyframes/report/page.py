"""The page of one video, for a person who decides whether these are the frames to label."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from keyframes.asked import repeat_command
from keyframes.curation import Curation
from keyframes.kmeans import nearest_centers
from keyframes.report.charts import Chart, Line, make_chart
from keyframes.report.colours import cluster_colours, time_colours
from keyframes.report.facts import describe_asked, describe_found
from keyframes.report.pictures import to_data_uris
from keyframes.report.projection import Projection, project
from keyframes.report.templating import render
from keyframes.settings import Settings
from keyframes.words import to_count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from keyframes.records import (
        Clustering,
        Coverage,
        Crop,
        Features,
        FloatArray,
        Image,
        IntArray,
        Keyframe,
        Selection,
        VideoInfo,
    )

SCRIPTS = ("data.js", "wall.js", "viewer.js", "timeline.js", "map.js", "page.js")
# More points than pixels make no better picture; longer recordings are thinned evenly.
MAX_POINTS = 20_000
# From what a keyframe's distance is; with the other methods it is 0, as with a list.
_DISTANCES = {
    "kmeans": "away from the centre of its cluster",
    "uniform": "s away from the middle of its share",
}


@dataclass(frozen=True, slots=True)
class Card:
    """One chosen frame on the wall.

    Attributes
    ----------
    number
        Its place in frame order, from 0.
    keyframe
        What is known of it.
    colour
        Its cluster's.
    picture
        Data URI.
    file
        Address of the full-size PNG, relative to the page.
    was_there
        It was kept, not chosen: the folder or the labelling project had it before.
    by_hand
        A person took it, in the review.
    """

    number: int
    keyframe: Keyframe
    colour: str
    picture: str
    file: str
    was_there: bool
    by_hand: bool


def render_report(content: dict[str, Any]) -> str:
    """Return the page of one video, a self-contained HTML document, from its `report_content`.

    The same input gives the same text: neither the time of day nor what took how long is in it.
    """
    return render("page.html", scripts=SCRIPTS, **content)


def report_content(
    selection: Selection,
    clustering: Clustering,
    features: Features,
    rows: IntArray,
    pictures: Sequence[Image],
    *,
    record: dict[str, Any],
    output: Path,
    projection: Projection | None = None,
) -> dict[str, Any]:
    """Gather what the page of one video says, for ``page.html`` or a template that extends it.

    Parameters
    ----------
    selection
        What was chosen.
    clustering, features
        How the candidates lie, n of them.
    rows
        (k,) int64: the rows of the chosen candidates, in frame order.
    pictures
        The chosen frames in that order, uint8 BGR; larger ones than `picture_size` says are made
        smaller.
    record
        The run record, as it is written beside the page.
    output
        The folder that both are written to, as it was named.
    projection
        That of the features, where it is known already.
    """
    shown = _shown_rows(len(features.values), rows)
    projection = projection or project(features.values)
    colours = _colours(projection.points, clustering)
    points = projection.points[shown]
    settings = record["identity"]["settings"]
    is_list = selection.step is None
    came, went = Curation.from_record(record).by_hand
    return {
        "name": selection.video.path.name,
        "selection": selection,
        "cards": _cards(selection, colours, pictures, record, came),
        "data": {
            "duration": selection.video.duration_s,
            "is_list": is_list,
            "distance": None if is_list else _DISTANCES.get(settings["method"]),
            "times": _packed(features.reading.times_s[shown], "<f4"),
            "frames": _packed(features.reading.frame_indices[shown], "<u4"),
            "clusters": _packed(clustering.labels[shown], "<u4"),
            "standing": _packed(_standing(features.values, clustering.labels, shown, rows), "<u4"),
            "x": _packed(_unit(points[:, 0], points), "<u2"),
            "y": _packed(_unit(-points[:, 1], points), "<u2"),
            "keyframes": np.searchsorted(shown, rows).tolist(),
            "colours": colours,
            "ramp": time_colours(),
        },
        "ratio": _ratio(selection.video, Settings.from_json(settings).output_crop),
        "shares": projection.shares,
        "n_drawn": len(shown),
        "map_ratio": _map_ratio(points),
        "reach": _compare_reach(selection.coverage),
        "chart": _chart_of_inertia(clustering.inertia_histories),
        "method": settings["method"],
        "asked": describe_asked(settings),
        "found": describe_found(selection, record),
        "matched_to": record["explanation"].get("matched_to"),
        "n_changed": max(len(came), len(went)),
        "command": repeat_command(record, output),
    }


def _ratio(video: VideoInfo, crop: Crop | None) -> float:
    """Return the width of a picture as a multiple of its height."""
    width, height = crop.size if crop else (video.width, video.height)
    return round(width / height, 4)


def _shown_rows(n: int, rows: IntArray) -> IntArray:
    """Return which candidates are drawn, ascending; the chosen ones always."""
    if n <= MAX_POINTS:
        return np.arange(n)
    spread = np.linspace(0, n - 1, MAX_POINTS).round().astype(np.int64)
    return np.union1d(spread, rows)


def _standing(
    values: npt.NDArray[np.float32], labels: npt.NDArray[np.int32], shown: IntArray, rows: IntArray
) -> npt.NDArray[np.int32]:
    """Return which chosen frame stands for each shown candidate: the one most like it.

    It is one of the candidate's own cluster, where that has any.
    """
    clusters, chosen_clusters = labels[shown], labels[rows]
    standing = np.empty(len(shown), dtype=np.int32)
    without = ~np.isin(clusters, chosen_clusters)
    if without.any():
        standing[without], _ = nearest_centers(values[shown[without]], values[rows])
    for cluster in np.unique(chosen_clusters):
        members, own = clusters == cluster, np.flatnonzero(chosen_clusters == cluster)
        nearest, _ = nearest_centers(values[shown[members]], values[rows[own]])
        standing[members] = own[nearest]
    return standing


def _colours(points: FloatArray, clustering: Clustering) -> list[str]:
    """Return the clusters' colours; an empty cluster counts as lying in the middle."""
    k = clustering.n_clusters
    sizes = np.maximum(np.bincount(clustering.labels, minlength=k), 1)
    sums = [np.bincount(clustering.labels, axis, minlength=k) for axis in points.T]
    return cluster_colours(np.stack(sums, axis=1) / sizes[:, np.newaxis])


def _cards(
    selection: Selection,
    colours: list[str],
    pictures: Sequence[Image],
    record: dict[str, Any],
    came: set[int],
) -> list[Card]:
    files = [quote(row["image"], errors="surrogateescape") for row in record["keyframes"]]
    held = record["identity"]["settings"]["held"]
    return [
        Card(
            number,
            keyframe,
            colours[keyframe.cluster],
            picture,
            file,
            was_there=keyframe.frame_index in held,
            by_hand=keyframe.frame_index in came,
        )
        for number, (keyframe, picture, file) in enumerate(
            zip(selection.keyframes, to_data_uris(pictures), files, strict=True)
        )
    ]


def _packed(values: npt.NDArray[Any], dtype: str) -> str:
    """Pack numbers as little-endian bytes in base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode()


def _unit(values: FloatArray, points: FloatArray) -> FloatArray:
    """Bring one coordinate to whole numbers up to 65,535, in a unit that both axes share."""
    longest = float(np.ptp(points, axis=0).max()) or 1.0
    unit: FloatArray = np.round((values - values.min()) * (65_535 / longest))
    return unit


def _map_ratio(points: FloatArray) -> float:
    """Return the width of the picture of the points as a multiple of its height."""
    width, height = np.ptp(points, axis=0)
    return round(min(max(width / height if height > 0 else 2.0, 0.8), 1.8), 3)


def _gain(ours: float, theirs: float) -> str:
    """Say how much nearer or farther ours is: ``11 % nearer``."""
    if theirs == 0:
        return "as near"
    change = round(100 * (ours / theirs - 1))
    return (
        f"{abs(change)}\N{NO-BREAK SPACE}% {'farther' if change > 0 else 'nearer'}"
        if change
        else "as near"
    )


def _compare_reach(coverage: Coverage) -> list[dict[str, Any]]:
    """Return rows of bars: the typical frame and the hardest ones, ours beside evenly spaced."""
    ours, theirs = coverage.keyframes, coverage.evenly_spaced
    lengths = {
        "On average": (ours.mean, theirs.mean),
        "19 of 20 frames lie within": (ours.p95, theirs.p95),
    }
    longest = max(map(max, lengths.values())) or 1.0
    return [
        {
            "name": name,
            "gain": _gain(*pair),
            "bars": [
                (label, length, 100 * length / longest)
                for label, length in zip(("these frames", "evenly spaced"), pair, strict=True)
            ],
        }
        for name, pair in lengths.items()
    ]


def _chart_of_inertia(histories: Sequence[Sequence[float]]) -> Chart | None:
    """Return J over the iterations of every restart; None where nothing went down."""
    if all(len(history) < 2 for history in histories):
        return None
    best = min(range(len(histories)), key=lambda i: histories[i][-1])
    lowest = histories[best][-1]
    lines = [
        Line(
            list(enumerate(history, start=1)),
            f"run {i + 1}: J = {history[-1]:,.6g} after {to_count(len(history), 'iteration')}",
            strong=i == best,
        )
        for i, history in enumerate(histories)
    ]
    return make_chart(
        lines,
        label="The objective J falls with every iteration. "
        + "; ".join(line.title for line in lines),
        x_label="iteration",
        y_label="J, the sum of squared distances to the centres",
        y_text=lambda value: f"{value:,g}",
        marks=[
            (
                len(histories[best]),
                lowest,
                f"best: run {best + 1}" if len(histories) > 1 else f"J = {lowest:,.6g}",
            )
        ],
    )
