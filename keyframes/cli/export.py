"""``keyframes export``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from keyframes.cli import shared
from keyframes.cli.parameters import PATH, GroupedCommand, choice, print_json
from keyframes.cli.targets import describe_export, plan_targets, tool_options
from keyframes.records import ExportFormat

if TYPE_CHECKING:
    from pathlib import Path

_HEADINGS = {
    "Every format": "--output --json --quiet --verbose --help",
    "Some formats": "--no-add-videos --embed --context --views --keypoints --overwrite",
}


@click.command(cls=GroupedCommand, headings=_HEADINGS)
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
@tool_options
@click.option(
    "--embed",
    flag_value=True,
    default=None,
    help="sleap: put the pictures inside; DEST must end with .pkg.slp, which asks for it as well.",
)
@click.option(
    "--overwrite",
    flag_value=True,
    default=None,
    help="coco, cvat, label-studio: replace what keyframes wrote with other content, unless "
    "somebody has edited it since.",
)
@shared.as_json
@shared.quiet
@shared.verbose
def export(
    *,
    format_: ExportFormat,
    out: Path,
    destination: Path,
    as_json: bool,
    quiet: bool,
    **options: Any,  # noqa: ANN401 - the formats' own options, by name
) -> int:
    """Put finished keyframes where a labelling tool looks for them.

    OUT is a folder that `keyframes extract` wrote; all its videos are exported, those in folders
    within it, too. FORMAT says for which tool, and DEST is

    \b
      deeplabcut      the project's folder or its config.yaml
      sleap           a .slp file, new or to be added to; or a new .pkg.slp
                      with the pictures
      lightning-pose  the project's data folder, new or to be added to
      coco, cvat,     a folder for the task file and copies of the pictures; or
      label-studio    the task file (.json, .xml) alone, above the pictures

    What is there already is kept, what keyframes did not write is never replaced, and the same
    command again changes nothing. lightning-pose needs an extra only for a project.yaml that
    keyframes did not write; deeplabcut and sleap need theirs (in a checkout: ".[dlc]"):

    \b
      pip install "pose-keyframes[dlc]"
      pip install "pose-keyframes[sleap]"

    \b
    Examples:
      keyframes export deeplabcut keyframes-out -o reaching-task-2025-01-31
      keyframes export sleap keyframes-out -o labels.slp
      keyframes export sleap keyframes-out -o labels.pkg.slp
      keyframes export lightning-pose keyframes-out -o data --context 2
      keyframes export coco keyframes-out -o dataset --keypoints "nose,tail"
      keyframes export label-studio keyframes-out -o keyframes-out/tasks.json
    """
    from keyframes.export import export as export_results
    from keyframes.terminal import summarise_export

    (target,) = plan_targets([(format_, destination)], options)
    exported = export_results(format_, out, destination, **target.options)
    if as_json:
        print_json({"format": format_, **describe_export(exported)})
    elif not quiet:
        click.echo(summarise_export(format_, destination, exported), err=True)
    return 0
