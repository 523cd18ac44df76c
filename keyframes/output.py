"""The output folder of a selection: what is there, whose it is, and what is written when.

::

    DIR/
      labeled-data/<stem>/img000042.png   the keyframes
      <stem>.csv                          one row a keyframe, in frame order
      <stem>.html                         the report
      <stem>.json                         the run record; written last, so its presence means done

While the pictures are written, ``.<stem>.unfinished.json`` says which ones are on their way, so
that the next run knows what an interrupted one left behind. The record of a selection that grows
stays meanwhile.
"""

from __future__ import annotations

import csv
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from keyframes.asked import differences, may_grow
from keyframes.errors import OutputError
from keyframes.files import (
    check_replaceable,
    hold,
    make_folder,
    not_ours,
    read_json,
    remove_leftovers,
    write_atomically,
    write_json,
    write_table,
)
from keyframes.images import is_ours, is_there, remove_ours, write_images
from keyframes.run_record import PROGRAM, DamagedRecordError, make_table, read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from keyframes.records import Image
    from keyframes.run_record import Record

# Where the folders of the pictures are.
IMAGES = "labeled-data"
# The page of a folder with several videos.
INDEX = "index.html"
_COLUMNS = ["image", "frame_index", "time_s", "cluster", "cluster_size", "distance"]


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """Where the keyframes of one video go.

    Attributes
    ----------
    root
        The folder that the user named.
    stem
        The video's file name without its suffix.
    """

    root: Path
    stem: str

    def place(self, output: Path) -> PurePosixPath:
        """Return what the results are called in an output folder that holds ``root``."""
        return PurePosixPath(self.root.relative_to(output).as_posix(), self.stem)

    @property
    def images_path(self) -> str:
        """The folder of the pictures relative to ``root``, with forward slashes."""
        return f"{IMAGES}/{self.stem}"

    @property
    def images(self) -> Path:
        """The folder of the pictures."""
        return self.root / self.images_path

    @property
    def csv(self) -> Path:
        """The table of the keyframes."""
        return self.root / f"{self.stem}.csv"

    @property
    def page(self) -> Path:
        """The report."""
        return self.root / f"{self.stem}.html"

    @property
    def record(self) -> Path:
        """The run record."""
        return self.root / f"{self.stem}.json"

    @property
    def summary(self) -> Path:
        """What a selection over many videos knows of this one."""
        return self.root / f"{self.stem}.summary.npz"

    @property
    def unfinished(self) -> Path:
        """The note that a run leaves while it writes."""
        return self.root / f".{self.stem}.unfinished.json"

    @property
    def lock(self) -> Path:
        """What a run holds while it is at work."""
        return self.root / f".{self.stem}.lock"

    def alone(self, on_wait: Callable[[], None] = lambda: None) -> AbstractContextManager[None]:
        """Work on the video while no other run does; ``on_wait`` is called where one does."""
        return hold(self.lock, on_wait)

    def read_record(self, *, replaces: bool = False) -> Record | None:
        """Return the run record; None when there is none.

        OutputError when it isn't ours, or isn't whole: unless the run ``replaces`` that.
        """
        try:
            return read_record(self.record)
        except DamagedRecordError:
            if not replaces:
                raise
        return None

    def find_finished(self, video: Record) -> Record | None:
        """Return the record of a finished run; None when there is none.

        Parameters
        ----------
        video
            The content of the video that the run must have been about.

        Raises
        ------
        OutputError
            The folder holds another video's keyframes.
        """
        record = self.read_record()
        if record is None:
            return None
        way_out = "rename the recording, "  # a labelling project may hold frames of the other one
        self._refuse("another video", record["identity"]["video"], video, way_out, "--overwrite")
        return record

    def check_settings(self, record: Record, settings: Record) -> None:
        """Raise OutputError unless these settings are those that the record's run had."""
        there = record["identity"]["settings"]
        way_out = "keep or add to them with --grow, " if may_grow(there, settings) else ""
        how = "--overwrite" if "count" in settings else "--overwrite and without --grow"
        self._refuse("other settings", there, settings, way_out, how)

    def _refuse(self, what: str, there: Record, asked: Record, way_out: str, how: str) -> None:
        if differing := differences(there, asked):
            raise OutputError(
                f"{self.record}: holds keyframes of {what} ({', '.join(differing.values())}); "
                f"{way_out}choose another -o, or replace them with {how}"
            )

    def check_ownership(self) -> None:
        """Raise OutputError where ours can't go: no folder, a file that stays, too long a name."""
        try:
            self.unfinished.lstat()  # of the longest name
        except FileNotFoundError:
            pass
        except NotADirectoryError as error:
            raise OutputError(f"{self.root}: is no folder; choose another -o") from error
        except OSError as error:
            raise OutputError(
                f"{self.unfinished}: can't be written ({error.strerror}); rename the recording"
            ) from error
        if self.csv.exists() and _read_table(self.csv) is None:
            raise not_ours(self.csv)
        check_replaceable(self._documents)

    def amend(
        self,
        images: Iterable[tuple[str, Image, dict[str, str]]],
        page: str | None,
        record: Record,
    ) -> None:
        """Go from one finished selection to another.

        Whatever happens, the record tells of pictures that are there: new ones come before it,
        and those that it tells of no more go only when `tidy` is called.

        Parameters
        ----------
        images
            (name, image, label) of each picture that is new.
        page, record
            What the selection is from now on; no page is written where there was none.

        Raises
        ------
        OutputError
            The folder can't be written, or a file of a new picture's name isn't ours.
        """
        new = [(self.images / name, image, label) for name, image, label in images]
        with self.alone(self._refuse_to_wait):
            self._start_writing([path for path, _, _ in new], self._earlier_images())
            for _ in write_images(new):
                pass  # one after the other is written
            self._write_documents(page, record)

    def has_all(self, names: Iterable[str]) -> bool:
        """Say whether the pictures ``names`` are there: somebody may have removed some."""
        return all(is_there(self.images / name) for name in names)

    def outdated_images(self) -> list[Path]:
        """Return the pictures of ours that are there still, but not in the record any more."""
        outdated = self._earlier_images() - self._images_of(self.read_record())
        return sorted(path for path in outdated if is_ours(path))

    def prepare(self, names: Sequence[str], *, grows: bool = False) -> None:
        """Make room for the pictures ``names``: remove what earlier runs of ours wrote.

        Where the selection ``grows``, the record stays: all that it tells of is still there.

        Raises
        ------
        OutputError
            A file of such a name is there that keyframes did not write.
        """
        targets = [self.images / name for name in names]
        earlier = self._earlier_images()
        self._start_writing(targets, earlier)
        if not grows:
            self.record.unlink(missing_ok=True)
        remove_ours(earlier - set(targets))

    def write_images(
        self,
        names: Sequence[str],
        images: Iterable[tuple[Image, dict[str, str]]],
        *,
        grows: bool = False,
        threads: int | None = None,
        on_image: Callable[[int], None],
    ) -> None:
        """Write the pictures; ``images`` yields (image, label) in the order of ``names``.

        ``grows`` as for `prepare`.

        Raises
        ------
        OutputError
            The folder can't be written, or a picture there isn't ours.
        """
        self.prepare(names, grows=grows)
        named = (
            (self.images / name, image, label)
            for name, (image, label) in zip(names, images, strict=True)
        )
        written = write_images(named, threads=threads)
        for done, _ in enumerate(written, start=1):
            on_image(done)

    def finish(self, page: str | None, record: Record) -> None:
        """Write the table, the report and, last, the record, which says that all is done."""
        self._write_documents(page, record)
        self._sweep(record)

    def tidy(self) -> None:
        """Bring all in line with the record, where a run or a change was cut short.

        Twice does no harm. The table comes back where it is gone.
        """
        if self.csv.exists() and not (self.unfinished.exists() or self.lock.exists()):
            return
        with self.alone():
            if record := self.read_record(replaces=True):
                remove_leftovers(*self._earlier_images(), *self._documents, self.unfinished)
                self.check_ownership()
                write_table(self.csv, make_table(record))
                self._sweep(record)

    def clear(self) -> None:
        """Remove all that keyframes wrote for this video."""
        with self.alone():
            self.prepare([])
            if _read_table(self.csv) is not None:
                self.csv.unlink()
            self.page.unlink(missing_ok=True)
            self._sweep(None)
            with suppress(OSError):  # somebody's files are in there, too
                self.images.rmdir()
                self.images.parent.rmdir()

    def _refuse_to_wait(self) -> None:
        raise OutputError(
            f"{self.images}: another run is at work on this video; let it end and try again"
        )

    @property
    def _documents(self) -> tuple[Path, ...]:
        return self.csv, self.page, self.record

    def _images_of(self, record: Record | None) -> set[Path]:
        return {self.root / row["image"] for row in record["keyframes"]} if record else set()

    def _write_documents(self, page: str | None, record: Record) -> None:
        write_table(self.csv, make_table(record))
        if page is None:
            self.page.unlink(missing_ok=True)  # an earlier run's
        else:
            write_atomically(self.page, page.encode())
        write_json(self.record, record)

    def _start_writing(self, targets: Sequence[Path], earlier: set[Path]) -> None:
        """Check that the pictures may be written, and note which ones are on their way."""
        make_folder(self.images)
        for path in targets:
            if path.exists() and not is_ours(path):
                raise not_ours(path)
        check_replaceable((*targets, *self._documents))
        expected = sorted({path.name for path in (*targets, *earlier)})
        write_json(self.unfinished, {"program": PROGRAM, "images": expected})
        remove_leftovers(*targets, *earlier, *self._documents, self.unfinished)

    def _sweep(self, record: Record | None) -> None:
        """Remove pictures of which the record doesn't tell, and the note once none is left."""
        if not remove_ours(self._earlier_images() - self._images_of(record)):
            self.unfinished.unlink(missing_ok=True)

    def _earlier_images(self) -> set[Path]:
        """Return the pictures that a finished or an interrupted run of ours wrote here."""
        record = self.read_record(replaces=True)
        rows = [*record["keyframes"]] if record else []
        rows += _read_table(self.csv) or ()  # which is left where somebody removed the record
        names = {PurePosixPath(row["image"]).name for row in rows}
        with suppress(OutputError, TypeError):  # none, or what is left of one
            names.update(map(str, read_json(self.unfinished).get("images", ())))
        return {self.images / name for name in names if name}  # a person may have added empty rows


def _read_table(path: Path) -> list[dict[str, str]] | None:
    """Return the rows of a table of ours, as a spreadsheet saved it, too; None for no such file."""
    lines = path.read_text("utf-8-sig", "replace").splitlines() if path.exists() else []
    table = csv.DictReader(lines, delimiter=";" if ";" in "".join(lines[:1]) else ",")
    with suppress(csv.Error):  # what others write
        return list(table) if [*(table.fieldnames or ())][: len(_COLUMNS)] == _COLUMNS else None
    return None
