"""What `extract` and `export` say about labelling tools in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from keyframes.cli import shared
from keyframes.cli.parameters import Parsed, WholeNumber, complain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keyframes.batch import Outcome
    from keyframes.export.delivery import Exported
    from keyframes.projects import Target
    from keyframes.records import ExportFormat


def _parse_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise ValueError(f"{text!r} is no list of different names: write A,B,C")
    return names


_NAMES = Parsed("A,B,…", _parse_names)

# Those of the labelling tools.
tool_options = shared.together(
    click.option(
        "--no-add-videos",
        "add_videos",
        flag_value=False,
        default=None,
        help="deeplabcut: refuse videos that config.yaml doesn't list, instead of adding them.",
    ),
    click.option(
        "--context",
        metavar="N",
        type=WholeNumber(min=0),
        help="lightning-pose: write N neighbours on either side of each frame, too (its app: 2).",
    ),
    click.option(
        "--views",
        type=_NAMES,
        help="lightning-pose: names of the cameras, with which the videos' names end.",
    ),
    click.option(
        "--keypoints",
        type=_NAMES,
        help="lightning-pose, coco, cvat, label-studio: names of the body points.",
    ),
)


def plan_targets(
    targets: Sequence[tuple[ExportFormat, Path]],
    options: dict[str, Any],
    **common: Any,  # noqa: ANN401
) -> list[Target]:
    """Give every target those of the options that its tool takes.

    Parameters
    ----------
    targets
        Tool and destination of each.
    options
        What may stand on the command line; None where it doesn't. Refused where no tool takes it.
    common
        What is said to other parts of the program, too, so that a tool may take it or not.
    """
    from keyframes.export import EXPORTERS
    from keyframes.projects import Target

    given = {name: value for name, value in options.items() if value is not None}
    taken = {name for tool, _ in targets for name in EXPORTERS[tool].options}
    for name in sorted(given.keys() - taken):
        option = "--no-add-videos" if name == "add_videos" else f"--{name}"
        tools = " or ".join(tool for tool, _ in targets) or "extract without --export"
        raise click.UsageError(
            f"{option} means nothing to {tools}; leave it out", click.get_current_context()
        )
    return [
        Target(
            tool,
            destination,
            {
                name: value
                for name, value in {**common, **given}.items()
                if name in EXPORTERS[tool].options
            },
        )
        for tool, destination in targets
    ]


def export_all(
    targets: Sequence[Target], outcomes: Sequence[Outcome], output: Path, *, quiet: bool
) -> list[dict[str, Any]]:
    """Hand the keyframes of these videos to the labelling tools; return what to say in JSON.

    What can't be exported is said, and doesn't stop the others.
    """
    from keyframes.errors import KeyframesError
    from keyframes.files import explain
    from keyframes.projects import export_outcomes
    from keyframes.terminal import summarise_export

    documents = []
    for target in targets if any(outcome.selection for outcome in outcomes) else ():
        document: dict[str, Any] = {"format": target.tool, "destination": str(target.destination)}
        try:
            exported = export_outcomes(target, outcomes, output)
        except (KeyframesError, OSError) as error:
            reason = explain(error) if isinstance(error, OSError) else str(error)
            complain(reason)
            documents.append({**document, "error": reason})
        else:
            if not quiet:
                click.echo(summarise_export(target.tool, target.destination, exported), err=True)
            documents.append({**document, **describe_export(exported)})
    return documents


def describe_export(exported: Exported) -> dict[str, Any]:
    """Return what was written, for JSON."""
    return {
        "written": [str(path) for path in exported.written],
        "kept": [str(path) for path in exported.kept],
        "notes": list(exported.notes),
    }
