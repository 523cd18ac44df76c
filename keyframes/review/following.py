"""What was exported of a selection follows its changes, as far as it is ours.

A new frame is exported as the others were. One that is no keyframe any more is taken back, but
what a person has labelled, what was there before, and what was changed since stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyframes.errors import KeyframesError, OutputError
from keyframes.export import EXPORTERS, hand_over
from keyframes.export.delivery import take_turns
from keyframes.export.history import forget, read_history
from keyframes.export.results import read_result, read_results
from keyframes.images import read_label

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from keyframes.export.history import PastExport
    from keyframes.export.results import Result
    from keyframes.output import OutputFolder

# Each video has its own part of these, so that one alone can be exported anew.
_BY_VIDEO = ("deeplabcut", "sleap")


def say_what_follows(folder: OutputFolder) -> str:
    """Say where a change will be saved, and what of that which was exported before won't follow."""
    follows, said = [], []
    for past in read_history(folder.record):
        try:
            _check(past)
        except (KeyframesError, OSError) as error:
            said.append(_refusal(past, error))
        else:
            follows.append(past.destination.name)
    also = f", also in {', '.join(follows)}" if follows else ""
    return " ".join([f"Every change is saved at once{also}.", *said])


def follow_exports(folder: OutputFolder, video: Path) -> list[str]:
    """Export anew what was exported before; return what a person should know, a sentence each.

    Parameters
    ----------
    folder
        Where the selection lies; pictures that are keyframes no more are there still.
    video
        Where its video lies.
    """
    gone = {int(read_label(path)["frame_index"]): path for path in folder.outdated_images()}
    said = []
    for past in read_history(folder.record):
        try:
            stays = _follow(folder, video, past, gone)
        except (KeyframesError, OSError) as error:
            said.append(_refusal(past, error))
        else:
            said += [
                f"Frame {frame} stays in {past.destination.name}: {why}."
                for frame, why in stays.items()
            ]
            if past.is_elsewhere:
                said.append(f"{past.destination} is what follows: no copy of it lies as it did.")
    return said


def _follow(
    folder: OutputFolder, video: Path, past: PastExport, gone: Mapping[int, Path]
) -> dict[int, str]:
    """Bring one destination up to date; return why a frame stays there, by its number."""
    is_gone = not (past.copied_from or past.destination.exists())
    if is_gone and past.destination.is_absolute():  # else it may be there on another system
        forget(folder.record, past)
    _check(past)
    options = {**past.options, **({"overwrite": True} if past.files else {})}
    hand_over(_results(folder, video, past), past.tool, past.destination, **options)
    with take_turns(past.destination):
        return EXPORTERS[past.tool].withdraw(past, video, gone)


def _check(past: PastExport) -> None:
    """Raise OutputError where a destination can't follow."""
    if past.copied_from:
        raise OutputError(
            f"it goes with {past.copied_from}, of which this is a copy; export to another place"
        )
    if not past.destination.exists():
        raise OutputError(f"{past.destination} isn't there any more")
    if not past.is_untouched():
        raise OutputError("it was changed since; export to another place")
    EXPORTERS[past.tool].check_changeable(past.destination)


def _refusal(past: PastExport, error: Exception) -> str:
    return f"{past.destination.name} doesn't follow: {error}."


def _results(folder: OutputFolder, video: Path, past: PastExport) -> list[Result]:
    """Return what was exported together with the folder's video, or it alone where that will do."""
    output = folder.root
    for _ in past.place.split("/")[1:]:
        output = output.parent
    if past.tool in _BY_VIDEO:
        return [read_result(output, folder, video)]
    return [
        result
        for result in read_results(output)
        if any(map(past.goes_where, read_history(result.folder.record)))
    ]
