"""One video under review: what is chosen, what could be, and every change saved at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from keyframes.choosing import rows_of
from keyframes.curation import Change, Curation
from keyframes.errors import OutputError, SettingsError
from keyframes.export.frame_folder import refuse_labelled
from keyframes.files import read_json
from keyframes.followers import describe_strays
from keyframes.images import label_keyframe
from keyframes.report.page import SCRIPTS, render_report, report_content
from keyframes.report.pictures import picture_size
from keyframes.report.projection import project
from keyframes.report.templating import render
from keyframes.resizing import shrink
from keyframes.review.following import follow_exports, say_what_follows
from keyframes.review.stand_ins import stand_ins
from keyframes.run_record import amend_record
from keyframes.selection import describe_keyframes
from keyframes.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from keyframes.output import OutputFolder
    from keyframes.records import Clustering, Features, Image, IntArray, Selection
    from keyframes.review.gallery import Gallery
    from keyframes.run_record import Record

N_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change led to.

    Attributes
    ----------
    said
        What happened, in a sentence.
    frame
        Number of the frame that came; None when one only went.
    warnings
        What doesn't follow of that which was exported before, and which cameras show other moments
        than their leader now, a sentence each.
    """

    said: str
    frame: int | None
    warnings: list[str]


class Session:
    """A finished selection that a person changes; safe to use from several threads.

    Parameters
    ----------
    folder, record
        Where the selection lies, and its run record.
    selection
        What the record tells of.
    features, clustering
        The candidates, and the clusters that the selection came from.
    gallery
        The video's frames.
    pictures
        The chosen frames for the page, uint8 BGR, by their rows.
    """

    def __init__(
        self,
        folder: OutputFolder,
        record: Record,
        selection: Selection,
        features: Features,
        clustering: Clustering,
        gallery: Gallery,
        pictures: dict[int, Image],
    ) -> None:
        self._folder = folder
        self._features = features
        self._clustering = clustering
        self._gallery = gallery
        self._settings = Settings.from_json(record["identity"]["settings"])
        self._projection = project(features.values)
        self._changing = Lock()
        self._curation = Curation.from_record(record)
        self._record, self._selection, self._pictures = record, selection, pictures
        self._content = self._make_content(record, selection, pictures)
        self._warnings: list[str] = []
        if folder.unfinished.exists():  # a change was cut short: what the record says holds
            self._become(self._curation)

    def page(self, *, n_videos: int = 1) -> str:
        """Return the page for the browser; ``n_videos`` are under review together."""
        with self._changing:
            return render(
                "review.html",
                scripts=(*SCRIPTS, "review.js"),
                n_videos=n_videos,
                n_candidates=N_CANDIDATES,
                changes=self._curation.changes,
                saved=say_what_follows(self._folder),
                warnings=self._warnings,
                **self._content,
            )

    def picture(self, path: str) -> Path | None:
        """Return the PNG at ``path`` in the output folder; None unless it is a keyframe's."""
        known = {f"{self._folder.images_path}/{name}" for name in self._selection.image_names}
        return self._folder.root / path if path in known else None

    def jpeg(self, frame: int) -> bytes:
        """Return a candidate frame as JPEG; SettingsError when the frame is no candidate."""
        self._check_candidate(frame)
        row = int(self._rows(frame)[0])
        return self._gallery.jpegs([row])[row]

    def candidates(self, frame: int) -> list[dict[str, float]]:
        """Return the frames that could be chosen instead of a keyframe, the likeliest first.

        Each with its number, ``frame``, and ``time_s``, seconds after the first one.
        """
        curation = self._curation
        rows = self._stand_ins(curation, frame, curation.rejected, N_CANDIDATES)
        self._gallery.jpegs(rows.tolist())  # decoded together; they are asked for one by one
        reading = self._features.reading
        return [
            {"frame": int(reading.frame_indices[row]), "time_s": float(reading.times_s[row])}
            for row in rows
        ]

    def reject(self, frame: int) -> Effect:
        """Take a keyframe out; the next candidate takes its place, where there is one."""
        with self._changing:
            rows = self._stand_ins(self._curation, frame, self._curation.given_up, 1)
            frames = self._features.reading.frame_indices[rows].tolist()
            added = frames[0] if frames else None
            warnings = self._become(self._curation.apply(Change("reject", frame, added)))
        if added is None:
            return Effect(f"Frame {frame} is out; no other can take its place.", None, warnings)
        return Effect(f"Frame {frame} is out, {added} takes its place.", added, warnings)

    def swap(self, frame: int, other: int) -> Effect:
        """Take a candidate in a keyframe's place."""
        self._check_candidate(other)
        with self._changing:
            warnings = self._become(self._curation.apply(Change("swap", frame, other)))
        return Effect(f"Frame {frame} is swapped for {other}.", other, warnings)

    def add(self, frame: int) -> Effect:
        """Make a candidate one more keyframe."""
        self._check_candidate(frame)
        with self._changing:
            warnings = self._become(self._curation.apply(Change("add", None, frame)))
        return Effect(f"Frame {frame} is added.", frame, warnings)

    def undo(self) -> Effect:
        """Take the last change back; those of earlier sessions, too."""
        with self._changing:
            before = self._curation.undo()
            last = self._curation.changes[-1]
            warnings = self._become(before)
        if last.removed is None:
            return Effect(f"Undone: frame {last.added} is out again.", None, warnings)
        return Effect(f"Undone: frame {last.removed} is back.", last.removed, warnings)

    def wait_until_saved(self) -> None:
        """Return once no change is being written."""
        with self._changing:
            pass

    def _check_candidate(self, frame: int) -> None:
        if frame in self._features.reading.frame_indices:
            return
        last = self._selection.video.n_frames - 1
        if frame > last:
            raise SettingsError(f"there is no frame {frame}; the last one is {last}")
        raise SettingsError(
            f"frame {frame} wasn't looked at: it is damaged, or --start, --end or --step left it "
            "out; extract again with others"
        )

    def _rows(self, *frames: int) -> IntArray:
        return rows_of(frames, self._features.reading)

    def _stand_ins(
        self, curation: Curation, frame: int, refused: tuple[int, ...], n: int
    ) -> IntArray:
        curation.check_chosen(frame)
        return stand_ins(
            self._features,
            self._clustering,
            int(self._rows(frame)[0]),
            chosen=self._rows(*curation.frames),
            refused=self._rows(*refused),
            n=n,
            min_gap_s=self._settings.min_gap_s,
        )

    def _become(self, curation: Curation) -> list[str]:
        """Write what the curation says, and only then take it for what is.

        Returns what doesn't follow of that which was exported before, and which cameras show other
        moments than their leader now.
        """
        there = read_json(self._folder.record)
        if {**there, "exports": None} != {**self._record, "exports": None}:
            raise OutputError(
                f"{self._folder.record}: another program has changed it meanwhile; look at what it "
                "holds now"
            )
        rows = self._rows(*curation.frames)
        keyframes, coverage = describe_keyframes(self._features, self._clustering, rows)
        selection = replace(self._selection, keyframes=tuple(keyframes), coverage=coverage)
        refuse_labelled(self._folder.images, selection.image_names)
        new = dict(self._gallery.images(row for row in rows.tolist() if row not in self._pictures))
        longest = picture_size(len(rows))
        pictures = {
            row: shrink(new[row], longest) if row in new else self._pictures[row]
            for row in rows.tolist()
        }
        images = self._folder.images_path
        record = amend_record(there, selection, images, curation.to_json())
        content = self._make_content(record, selection, pictures)
        described = zip(rows.tolist(), selection.image_names, keyframes, strict=True)
        self._folder.amend(
            [
                (name, new[row], label_keyframe(record["identity"]["video"], keyframe))
                for row, name, keyframe in described
                if row in new
            ],
            render_report(content) if self._folder.page.exists() else None,
            record,
        )
        self._curation, self._record, self._selection = curation, record, selection
        self._pictures, self._content = pictures, content
        warnings = follow_exports(self._folder, selection.video.path)
        self._record = read_json(self._folder.record)  # it remembers exports
        self._folder.tidy()
        strays = describe_strays(self._folder.root, {self._folder.stem})
        self._warnings = [*warnings, *(f"{stray}." for stray in strays)]
        return self._warnings

    def _make_content(
        self, record: Record, selection: Selection, pictures: dict[int, Image]
    ) -> dict[str, Any]:
        """Say what the pages say; ``pictures`` are in frame order."""
        return report_content(
            selection,
            self._clustering,
            self._features,
            self._rows(*selection.frame_indices),
            list(pictures.values()),
            record=record,
            output=self._folder.root,
            projection=self._projection,
        )
