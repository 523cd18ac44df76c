"""What stands on the command line of ``keyframes extract``, and whether it makes sense together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_plan() -> None:
    """Refuse options that make no sense together, or that would be passed over."""
    context = click.get_current_context()
    for is_wrong, said in _rules(context):
        if is_wrong:
            raise click.UsageError(said, context)


def given(*names: str) -> set[str]:
    """Return those of the parameters that stand on the command line."""
    source = click.get_current_context().get_parameter_source
    return {name for name in names if source(name) is click.core.ParameterSource.COMMANDLINE}


def given_settings() -> set[str]:
    """Return the settings that stand on the command line, by their names in `Settings`."""
    names = given("count", "start", "end", "crop")
    return {"span" if name in ("start", "end") else name for name in names}


def _rules(context: click.Context) -> Iterator[tuple[object, str]]:
    """Yield whether each rule is broken, and what is said then."""
    from keyframes.settings import CHOOSING

    asked = context.params
    yield (
        asked["per_video_min"] and not asked["pool"],
        "--per-video-min goes with --pool.",
    )
    yield (
        asked["pool"] and asked["grow"],
        "--pool starts from nothing: leave out --grow.",
    )
    yield (
        asked["scheduler"] and asked["n_jobs"],
        "Each worker of a scheduler takes one video at a time: leave out --jobs.",
    )
    yield (
        asked["dlc"] and asked["tree"],
        "A project's reports lie in one folder: leave out --tree.",
    )
    yield (
        asked["dlc"] and asked["recursive"] and not asked["paths"],
        "A project lists its videos: leave out --recursive, or name a folder to look into.",
    )
    yield (
        asked["dlc"] and asked["pool"] and not given("count"),
        "A project says how many keyframes each video gets, not how many in all: add -k N.",
    )
    yield (
        asked["dlc"] and asked["crop_output"] and not asked["crop"],
        "With --dlc the pictures are cut as the project's are: leave out --crop-output.",
    )
    yield (
        asked["crop_output"] and not asked["crop"],
        "--crop-output cuts the pictures to --crop: add that, or leave it out.",
    )
    wrong = next((f"{dest}" for _, dest in asked["targets"] if f"{dest}".startswith("-")), None)
    yield (
        wrong,
        f"--export takes FORMAT DEST, as in --export sleap labels.slp: {wrong} is no DEST.",
    )
    choosing = given("count", "grow", *CHOOSING)
    extra = " and ".join(each.opts[0] for each in context.command.params if each.name in choosing)
    yield (
        asked["frames"] and extra,
        f"--frames lists all the keyframes: leave out {extra}.",
    )
    yield (
        asked["grow"] and asked["count"] == "auto",
        "--grow needs a number of keyframes: -k N.",
    )
