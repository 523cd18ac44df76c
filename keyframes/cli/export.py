"""``keyframes export``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from keyframes.cli.parameters import (
    EXIT_FAILED,
    PATH,
    Parsed,
    choice,
    complain,
    print_json,
    start_logging,
)
from keyframes.errors import VideoError
from keyframes.records import ExportFormat

if TYPE_CHECKING:
    from pathlib import Path


def _parse_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise ValueError(f"{text!r} is no list of different names: write A,B,C")
    return names


_NAMES = Parsed("A,B,…", _parse_names)


@click.command()
@click.argument("format_", metavar="FORMAT", type=choice(ExportFormat))
@click.argument("out", metavar="OUT", type=PATH)
@click.option(
    "-o",
    "--output",
    "destination",
    metavar="DEST",
    required=True,
    type=PATH,
    help="Where to: a project, file or folder, as said above.",
)
@click.option(
    "--no-add-videos",
    "add_videos",
    flag_value=False,
    default=None,
    help="deeplabcut: refuse videos that config.yaml doesn't list, instead of adding them.",
)
@click.option(
    "--embed",
    flag_value=True,
    default=None,
    help="sleap: make a .pkg.slp with the pictures inside.",
)
@click.option(
    "--context",
    metavar="N",
    type=click.IntRange(min=0),
    help="lightning-pose: write N neighbours on either side of each frame, too (its app: 2).",
)
@click.option(
    "--views",
    type=_NAMES,
    help="lightning-pose: names of the cameras, with which the videos' names end.",
)
@click.option(
    "--keypoints",
    type=_NAMES,
    help="lightning-pose, coco, cvat, label-studio: names of the body points.",
)
@click.option(
    "--overwrite",
    flag_value=True,
    default=None,
    help="coco, cvat, label-studio: replace what keyframes wrote with other content.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say what is going on.")
def export(
    *,
    format_: ExportFormat,
    out: Path,
    destination: Path,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,  # noqa: ANN401 - the formats' own options, by name
) -> int:
    """Put finished keyframes where a labelling tool looks for them.

    OUT is a folder that `keyframes extract` wrote; all its videos are exported. FORMAT says for
    which tool, and DEST is

    \b
      deeplabcut      the project's folder or its config.yaml
      sleap           a .slp file, new or to be added to (with --embed: a new .pkg.slp)
      lightning-pose  the project's data folder, new or to be added to
      coco, cvat,     a folder for the task file and copies of the pictures; or the task file
      label-studio    (.json, .xml) alone, somewhere above the pictures

    What is there already is kept, what keyframes did not write is never replaced, and the same
    command again changes nothing. deeplabcut and sleap need an extra:
    pip install "pose-keyframes[dlc]" or "pose-keyframes[sleap]" (in a checkout: ".[dlc]").

    \b
    Examples:
      keyframes export deeplabcut keyframes-out -o reaching-task-2025-01-31
      keyframes export sleap keyframes-out -o labels.slp
      keyframes export sleap keyframes-out -o labels.pkg.slp --embed
      keyframes export lightning-pose keyframes-out -o data --context 2 --keypoints nose,tail
      keyframes export coco keyframes-out -o dataset
      keyframes export label-studio keyframes-out -o keyframes-out/tasks.json
    """
    from keyframes.export import export as export_results
    from keyframes.terminal import summarise_export

    start_logging(verbose=verbose)
    given = {name: value for name, value in options.items() if value is not None}
    _check_options(format_, given)
    try:
        exported = export_results(format_, out, destination, **given)
    except VideoError as error:
        complain(str(error))
        return EXIT_FAILED
    if as_json:
        print_json(
            {
                "format": format_,
                "written": [str(path) for path in exported.written],
                "kept": [str(path) for path in exported.kept],
                "notes": list(exported.notes),
            }
        )
    elif not quiet:
        click.echo(summarise_export(format_, exported), err=True)
    return 0


def _check_options(format_: ExportFormat, given: dict[str, Any]) -> None:
    """Refuse an option that belongs to another format."""
    import inspect

    from keyframes.export import EXPORTERS

    for name in given.keys() - inspect.signature(EXPORTERS[format_]).parameters.keys():
        option = "--no-add-videos" if name == "add_videos" else f"--{name}"
        raise click.UsageError(f"{option} means nothing to {format_}; leave it out")
