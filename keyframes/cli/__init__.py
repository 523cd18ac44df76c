"""The command line: parse, call, print, exit code.

One module a command. Everything heavy is imported inside the command that needs it, so that
``--help`` comes at once.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback

import click

from keyframes import __version__
from keyframes.cli.choose_k import choose_k
from keyframes.cli.export import export
from keyframes.cli.extract import extract
from keyframes.cli.match import match
from keyframes.cli.parameters import (
    EXIT_FAILED,
    EXIT_WRONG_COMMAND,
    complain,
)
from keyframes.cli.probe import probe
from keyframes.cli.review import review
from keyframes.commands import spell_out
from keyframes.errors import MissingExtraError, OutputError, SettingsError, VideoError
from keyframes.files import explain
from keyframes.interrupts import EXIT_INTERRUPTED, STOPPED


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="keyframes")
@click.pass_context
def cli(context: click.Context) -> None:
    """Pick the video frames worth labelling.

    keyframes looks at every frame of a recording, groups frames that look alike, and writes the
    most typical frame of each group as a PNG, ready for DeepLabCut, SLEAP or Lightning Pose.

    \b
    Start here:
      keyframes extract mouse.mp4 -k 20       20 frames into keyframes-out/
      keyframes extract recordings/ -k 150    every video of a folder
      keyframes probe mouse.mp4               is it whole? how many frames has it?
      keyframes choose-k mouse.mp4            how many keyframes is it worth?
      keyframes review keyframes-out          look at the choice, and change it
      keyframes match keyframes-out side.mp4  the same moments, another camera
      keyframes export sleap keyframes-out -o labels.slp
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


cli.add_command(export)
cli.add_command(extract)
cli.add_command(choose_k)
cli.add_command(match)
cli.add_command(probe)
cli.add_command(review)


def main() -> None:
    """Run the command line: one line for a person's mistake, a traceback only for a bug."""
    # OpenBLAS's threads sleep when there is nothing to do; else they spin all through the imports.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    if sys.stderr is None:  # it was closed, and would be whichever file is opened first
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - to the end
    if isinstance(sys.stdout, io.TextIOWrapper):  # which may have no letter for × or →
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(spell_out(sys.argv[1:]), standalone_mode=False)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "keyframes"
        complain(f"{error.format_message()} ({command} --help shows how)")
        code = EXIT_WRONG_COMMAND
    except (SettingsError, OutputError, MissingExtraError) as error:
        complain(str(error))
        code = EXIT_WRONG_COMMAND
    except VideoError as error:
        complain(str(error))
        code = EXIT_FAILED
    except OSError as error:
        if error.errno is None:  # the system has a number for all that it refuses
            raise
        logging.getLogger("keyframes").info("%s", traceback.format_exc())
        complain(explain(error))
        code = EXIT_WRONG_COMMAND
    except (KeyboardInterrupt, click.Abort):
        complain(STOPPED)
        code = EXIT_INTERRUPTED
    sys.exit(code)
