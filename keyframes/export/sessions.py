"""Sessions and views: what Lightning Pose reads out of the names of videos."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, TypeVar

from keyframes.errors import OutputError, SettingsError
from keyframes.export.sources import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

SomeSource = TypeVar("SomeSource", bound=Source)

_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
_SEPARATORS = "_-. "


def group_sessions(
    sources: Sequence[SomeSource], views: Sequence[str]
) -> dict[str, dict[str, SomeSource]]:
    """Return the videos by view and folder name; the one view of a single camera is ``""``.

    The folders of each view are in the same order, and hold the same frames.

    Raises
    ------
    SettingsError
        A video's name ends with none of the views, or there is only one.
    OutputError
        Two videos would get one name, or the views of a session aren't all there or differ in
        their frames.
    """
    if len(views) == 1:
        raise SettingsError(
            f"{views[0]}: is the only view; a project of one camera has none, leave --views out"
        )
    if not views:
        return {"": {name: source for (name, _), source in _name_all(sources, views).items()}}
    named = _name_all(sources, views)
    sessions = dict.fromkeys(session for session, _ in named)
    for session in sessions:
        _check_views(session, {view: named.get((session, view)) for view in views})
    return {
        view: {f"{session}_{view}": named[session, view] for session in sessions} for view in views
    }


def place_of(stem: str, views: Sequence[str]) -> tuple[str, str]:
    """Return the folder name and the view of a video, as `group_sessions` has them.

    >>> place_of("day 1_top", ["top", "side"]), place_of("day 1", [])
    (('day-1_top', 'top'), ('day-1', ''))
    """
    session, view = _split(stem, views)
    return fit(session) + (f"_{view}" if view else ""), view


def fit(name: str) -> str:
    """Return a name made of ``A-Z a-z 0-9 _ . -`` alone; accents are dropped.

    >>> fit("Mäuse [day 2]")
    'Mause-day-2'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    # What isn't ASCII goes; what else doesn't fit becomes one dash.
    return _UNFIT.sub("-", plain).strip("-")


def session_of(stem: str) -> str:
    """Return the session in a video's name: all but its last part, which is the view.

    >>> session_of("day1_top"), session_of("top")
    ('day1', '')
    """
    return stem[: max(stem.rfind(each) for each in _SEPARATORS) + 1].rstrip(_SEPARATORS)


def _name_all(
    sources: Sequence[SomeSource], views: Sequence[str]
) -> dict[tuple[str, str], SomeSource]:
    """Return the videos by (session, view)."""
    named: dict[tuple[str, str], SomeSource] = {}
    folded: dict[tuple[str, str], SomeSource] = {}
    for source in sources:
        session, view = _split(source.stem, views)
        name = fit(session)
        if not name:
            raise OutputError(
                f"{source.stem}: has no letter or digit that Lightning Pose allows in a name "
                "(A-Z a-z 0-9 _ . -); rename the video"
            )
        other = folded.setdefault((name.casefold(), view), source)
        if other is not source:
            raise OutputError(
                f"{other.video} and {source.video} would both be called {name} in Lightning Pose, "
                "which allows only A-Z a-z 0-9 _ . -; rename one of the videos"
            )
        named[name, view] = source
    return named


def _split(stem: str, views: Sequence[str]) -> tuple[str, str]:
    """Return (session, view) of a video's name such as ``day1_top``; the longest view counts."""
    if not views:
        return stem, ""
    for view in sorted(views, key=len, reverse=True):
        session = stem.removesuffix(view)
        if session != stem and session[-1:] in _SEPARATORS and session.rstrip(_SEPARATORS):
            return session.rstrip(_SEPARATORS), view
    raise SettingsError(
        f"{stem}: ends with none of the views {', '.join(views)}; name its view with --views"
    )


def _check_views(session: str, by_view: dict[str, Source | None]) -> None:
    """Refuse views that aren't all there, or aren't known to have the same frames."""
    missing = [view for view, source in by_view.items() if source is None]
    if missing:
        raise OutputError(
            f"{session}: has no keyframes of the view {', '.join(missing)}; write the same "
            "moments of that video, too, with `keyframes match`"
        )
    frames = {source.frames for source in by_view.values() if source}
    if len(frames) > 1 or None in frames:
        raise OutputError(
            f"{session}: the keyframes of its views {', '.join(by_view)} are different frames, but "
            "Lightning Pose needs the same; choose those of one view, and let the others follow "
            "with `keyframes match --overwrite`; cameras of different rates can't go together"
        )
