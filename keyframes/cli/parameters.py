"""How values on the command line are read, and how things are said there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from keyframes.records import Crop

if TYPE_CHECKING:
    from collections.abc import Callable

EXIT_FAILED = 1
EXIT_WRONG_COMMAND = 2


class Parsed(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # newer clicks'
    """A parameter read by a function whose ValueError says what is wrong with the text."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - whatever the function returns
        """Read the text; fail as click does."""
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class WholeNumber(click.IntRange):
    """A whole number within bounds; what is none is told in these words."""

    name = "whole number"


class Number(click.FloatRange):
    """A number within bounds; what is none is told in these words."""

    name = "number"


def _number_or(*words: str, of: str) -> Callable[[str], int | str]:
    """Return what reads a number from 1 on, or one of the words."""

    def parse(text: str) -> int | str:
        if text in words:
            return text
        if not text.isdecimal() or int(text) < 1:
            either = " or ".join(words)
            raise ValueError(f"{text!r} is neither a number of {of} from 1 on, nor {either}")
        return int(text)

    return parse


def _parse_crop(text: str) -> Crop:
    try:
        x1, y1, x2, y2 = (int(number) for number in text.split(","))
    except ValueError:
        raise ValueError(f"{text!r} is no crop: write X1,Y1,X2,Y2 in whole pixels") from None
    return Crop(x1, y1, x2, y2)


def _parse_shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise ValueError(f"{text!r} is no share: write I/N with I from 0 to N - 1, e.g. 0/4")
    return int(index), int(count)


def _parse_position(text: str) -> object:
    from keyframes.video import parse_position

    return parse_position(text)


def choice(literal: object) -> click.Choice[str]:
    """Offer the values of a Literal of the library."""
    return click.Choice(get_args(literal))


PATH = click.Path(path_type=Path)
POSITION = Parsed("T", _parse_position)
COUNT = Parsed("N|auto", _number_or("auto", of="keyframes"))
STEP = Parsed("N|auto|keyframes", _number_or("auto", "keyframes", of="frames"))
SHARD = Parsed("I/N", _parse_shard)
CROP = Parsed("X1,Y1,X2,Y2", _parse_crop)


class GroupedCommand(click.Command):
    """A command whose help lists its options under headings.

    Parameters
    ----------
    headings
        The options that stand under each heading, by their long names.
    """

    def __init__(self, *arguments: Any, headings: dict[str, str], **options: Any) -> None:  # noqa: ANN401 - click's
        super().__init__(*arguments, **options)
        self.headings = headings

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each heading."""
        lines = {}
        for parameter in self.get_params(ctx):
            if line := parameter.get_help_record(ctx):
                lines[parameter.opts[-1]] = line
        for heading, names in self.headings.items():
            with formatter.section(heading):
                formatter.write_dl([lines[name] for name in names.split()])


def complaint(message: str) -> str:
    """Return one line about what went wrong."""
    return f"keyframes: {' '.join(message.split())}"


def complain(message: str) -> None:
    """Print one line about what went wrong."""
    click.echo(complaint(message), err=True)


def print_json(document: dict[str, Any]) -> None:
    """Print the one document that --json asks for."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))  # ASCII survives every pipe
