"""Followers, whose keyframes are at the moments of a leader's: whether they still are.

`keyframes match` makes them; afterwards either may be changed, and nothing else would tell.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from keyframes.commands import join_words
from keyframes.results import find_results

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from keyframes.run_record import Record


def describe_strays(root: Path, about: Collection[str]) -> list[str]:
    """Say which followers show other moments than their leaders, and what to do: a line each.

    Where the leader's record is gone, or is of another recording now, nothing can be said.

    Parameters
    ----------
    root
        The output folder.
    about
        Stems of the videos that matter, as leaders or as followers.
    """
    said, records = [], find_results(root)
    for stem, record in records.items():
        leader = _find_leader(record, records)
        if leader and {stem, leader} & {*about} and not shows_moments(record, records[leader]):
            said.append(_describe(root, stem, leader, records))
    return said


def shows_moments(follower: Record, leader: Record) -> bool:
    """Say whether a follower's keyframes are the moments of its leader's, all and no others.

    A follower has no frames but those that were found when it was matched.
    """
    asked = follower["identity"]["settings"]
    found = dict(zip(asked["match"]["frames"], asked["frames"], strict=True))
    return [found.get(frame) for frame in _frames(leader)] == _frames(follower)


def _find_leader(record: Record, records: Mapping[str, Record]) -> str | None:
    """Return the stem of the selection that a follower was matched to; None for none."""
    match = record["identity"]["settings"].get("match")
    if match is None:
        return None
    stem = Path(match["to"]).stem
    there = records[stem]["identity"]["video"] if stem in records else {}
    return stem if there.get("sha256_of_samples") == match["sha256_of_samples"] else None


def _describe(root: Path, stem: str, leader: str, records: Mapping[str, Record]) -> str:
    record = records[stem]
    asked = record["identity"]["settings"]
    match = asked["match"]
    then = {leader: match["frames"], stem: asked["frames"]}
    changed = " and ".join(name for name in then if _frames(records[name]) != then[name])
    by = [] if match["by"] == "auto" else ["--by", match["by"]]
    video = Path(record["video"]["path"])
    command = ["keyframes", "match", root.as_posix(), video.as_posix(), "--to", leader, *by]
    return (
        f"{stem}: shows other moments than {leader}, which it was matched to, since the keyframes "
        f"of {changed} were changed; make changes in {leader} alone, and let it follow with "
        f"`{join_words([*command, '--overwrite'])}`"
    )


def _frames(record: Record) -> list[int]:
    return [row["frame_index"] for row in record["keyframes"]]
