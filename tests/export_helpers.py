"""Real results to export, and a look at what lies in a folder."""

from pathlib import Path

from footage import encode_video
from keyframes import Crop, Settings, extract
from keyframes.images import encode_png, read_label, read_picture

N_FRAMES = 40


def extract_videos(folder: Path, names=("mouse.mp4", "rat.mp4"), **settings) -> Path:
    """Extract numbered videos of 96 x 64 pixels; return the output folder.

    Evenly spaced, so that videos of one length get the same frames.
    """
    output = folder / "out"
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        video = encode_video(folder / name, N_FRAMES, first_number=100 * number)
        extract(video, output, Settings(count=4, method="uniform", **settings))
    return output


def extract_cropped(folder: Path) -> Path:
    """Extract one video with its pictures cut to 64 x 40 pixels."""
    return extract_videos(folder, ["mouse.mp4"], crop=Crop(0, 8, 64, 48), crop_output=True)


def strip_digest(picture: Path) -> None:
    """Make a picture one that doesn't tell its recording's content, as older ones."""
    label = read_label(picture)
    del label["sha256_of_samples"]
    picture.write_bytes(encode_png(read_picture(picture), label))


def tree(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder."""
    return {name: content for name, (content, _) in snapshot(folder).items()}


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder: its content, and when it was written."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
