"""The page of the choice of k: both curves and the numbers behind them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from keyframes.report.charts import Line, make_chart
from keyframes.report.facts import describe_asked
from keyframes.report.templating import render
from keyframes.words import to_percent

if TYPE_CHECKING:
    from keyframes.choose_k import ChoiceOfK


# What is said of every video, but doesn't matter here.
_UNUSED = ("count", "method", "n-init")


def render_choice(name: str, found: ChoiceOfK, settings: dict[str, Any], command: str) -> str:
    """Return the page of a choice of k, a self-contained HTML document.

    Parameters
    ----------
    name
        The video's file name.
    found
        What was found.
    settings
        How the video was looked at, as `Settings.to_json` says it.
    command
        The command line that finds it again.
    """
    elbow = next(score for score in found.scores if score.k == found.elbow)
    highest = found.most_silhouetted
    inertia = make_chart(
        [Line([(score.k, score.inertia) for score in found.scores], "J")],
        label=f"The objective J falls as k grows; its elbow is at k = {elbow.k}.",
        x_label="k, the number of clusters",
        y_label="J, the sum of squared distances to the centres",
        y_text=lambda value: f"{value:,g}",
        marks=[(elbow.k, elbow.inertia, f"elbow: k = {elbow.k}")],
    )
    silhouette = make_chart(
        [Line([(score.k, score.silhouette) for score in found.scores], "mean silhouette")],
        label=f"The silhouette over k; it is highest at k = {highest.k}.",
        x_label="k, the number of clusters",
        y_label="mean silhouette",
        y_text=lambda value: f"{value:.2g}",
        marks=[(highest.k, highest.silhouette, f"highest: k = {highest.k}")],
    )
    return render(
        "choice.html",
        name=name,
        found=found,
        charts=[inertia, silhouette],
        asked=[(key, value) for key, value in describe_asked(settings) if key not in _UNUSED],
        command=command,
        explained=to_percent(elbow.variance_explained),
        decimals=_decimals(max(score.inertia for score in found.scores)),
    )


def _decimals(largest: float) -> int:
    """Return how many decimals a column takes whose largest number has five digits."""
    return max(0, 4 - math.floor(math.log10(largest))) if largest > 0 else 0
