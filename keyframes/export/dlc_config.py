"""A DeepLabCut project's config.yaml, read and edited with its comments and order kept."""

from __future__ import annotations

import io
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from keyframes.errors import OutputError
from keyframes.extras import import_extra
from keyframes.names import fold_name
from keyframes.records import Crop

if TYPE_CHECKING:
    from keyframes.export.results import Result

_ONE_LINE = 1_000_000  # keeps long paths on one line, as DeepLabCut does


class DlcConfig:
    """A project's config.yaml, with its comments and order."""

    def __init__(self, path: Path, yaml: Any, values: Any, line_end: str) -> None:  # noqa: ANN401 - ruamel's
        self.path = path
        self.root = path.parent
        self.values = values
        self._yaml = yaml
        self._line_end = line_end

    @classmethod
    def load(cls, destination: Path) -> DlcConfig:
        """Read the config.yaml, or that of the folder; OutputError where there is none."""
        path = destination / "config.yaml" if destination.is_dir() else destination
        ruamel = import_extra("ruamel.yaml", "dlc")
        yaml = ruamel.YAML()
        yaml.preserve_quotes = True
        yaml.width = _ONE_LINE
        try:
            content = path.read_bytes().decode()
            text = content.replace("\r\n", "\n")
            _, indent, offset = import_extra("ruamel.yaml.util", "dlc").load_yaml_guess_indent(text)
            yaml.indent(sequence=indent, offset=offset)
            values = yaml.load(text)
        except OSError as error:
            raise OutputError(
                f"{path}: can't be read ({error.strerror}); name a DeepLabCut project's folder or "
                "config.yaml (deeplabcut.create_new_project makes one)"
            ) from error
        except (ruamel.error.YAMLError, UnicodeDecodeError) as error:
            raise OutputError(
                f"{path}: is no valid YAML ({_explain(error)}); correct it, or name a DeepLabCut "
                "project's config.yaml"
            ) from error
        if not isinstance(values, dict) or "video_sets" not in values:
            raise OutputError(
                f"{path}: has no video_sets, so it is no DeepLabCut project's config.yaml; "
                "name one that is"
            )
        return cls(path.absolute(), yaml, values, "\r\n" if text != content else "\n")

    @property
    def videos(self) -> dict[str, Any]:
        """The entries of ``video_sets`` by path; the uncropped ones where DeepLabCut keeps both."""
        return self.values.get(self._section) or {}

    @property
    def _section(self) -> str:
        return "video_sets_original" if self.values.get("video_sets_original") else "video_sets"

    def keys_of(self, stem: str) -> list[str]:
        """Return the paths of the videos that share the folder of this name on some system."""
        return [key for key in self.videos if fold_name(stem_of(key)) == fold_name(stem)]

    def frames(self, stem: str) -> Path:
        """Return the folder of a video's frames."""
        return self.root / "labeled-data" / stem

    def places(self, key: str) -> tuple[str, str]:
        """Return where a video may lie: there, or in a moved project's own folder."""
        return key, str(self.root / "videos" / PureWindowsPath(key).name)

    def find(self, key: str) -> Path | None:
        """Return where a video does lie; None for nowhere."""
        return next((path for path in map(Path, self.places(key)) if path.is_file()), None)

    def add(self, result: Result) -> None:
        """Add a video, with its crop in DeepLabCut's order: x1, x2, y1, y2."""
        video = result.selection.video
        crop = result.crop or Crop(0, 0, video.width, video.height)
        if not isinstance(self.values.get(self._section), dict):
            self.values[self._section] = {}
        self.values[self._section][str(result.video)] = {
            "crop": f"{crop.x1}, {crop.x2}, {crop.y1}, {crop.y2}"
        }

    def dump(self) -> bytes:
        """Return the file's new content, with the line ends that it had."""
        text = io.StringIO()
        self._yaml.dump(self.values, text)
        return text.getvalue().replace("\n", self._line_end).encode()

    def shared_folder(self, one: str, other: str) -> OutputError:
        """Return the error that two videos would share a folder."""
        return OutputError(
            f"{self.path}: {one} and {other} would share the folder "
            f"labeled-data/{stem_of(one)}; rename one of the videos"
        )


def _explain(error: Exception) -> str:
    """Say in a line what is wrong with a text, without the parser's excerpt of it."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return str(error).splitlines()[0]
    problem = " ".join(getattr(error, "problem", "").split())
    return f"line {mark.line + 1}: {problem}"


def stem_of(key: str) -> str:
    """Return the stem of a path that any system may have written."""
    return PureWindowsPath(key).stem
