"""Put the keyframes of one output folder on one sheet: the picture in the README.

It was made by ::

    keyframes extract sample_videos/bee.mp4 -k 20
    python sample_videos/contact_sheet.py keyframes-out bee sample_videos/contact-sheet.jpg
"""

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np

COLUMNS = 5
WIDTH = 240  # of a picture, pixels
GAP = 8
CAPTION = 22
PAPER, INK = (250, 250, 250), (90, 90, 90)


def make_sheet(folder: Path, stem: str) -> np.ndarray:
    """Return the sheet, (height, width, 3) uint8 BGR, pictures in frame order."""
    with (folder / f"{stem}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tiles = [make_tile(folder / row["image"], caption_of(row)) for row in rows]
    blank = np.full_like(tiles[0], PAPER[0])
    tiles += [blank] * (-len(tiles) % COLUMNS)
    lines = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    return np.vstack(lines)


def caption_of(row: dict[str, str]) -> str:
    """Return what stands below a picture."""
    return f"{row['frame_index']}   {float(row['time_s']):.1f} s"


def make_tile(path: Path, caption: str) -> np.ndarray:
    """Return a picture with its caption and the gap around it."""
    picture = cv2.imread(str(path))
    height = round(WIDTH * picture.shape[0] / picture.shape[1])
    small = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
    tile = np.full((height + CAPTION + GAP, WIDTH + GAP, 3), PAPER[0], np.uint8)
    tile[GAP // 2 : GAP // 2 + height, GAP // 2 : GAP // 2 + WIDTH] = small
    place = (GAP // 2 + 1, height + GAP // 2 + 16)
    cv2.putText(tile, caption, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA)
    return tile


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("stem")
    parser.add_argument("sheet", type=Path)
    arguments = parser.parse_args()
    sheet = make_sheet(arguments.folder, arguments.stem)
    if not cv2.imwrite(str(arguments.sheet), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85]):
        raise OSError(f"{arguments.sheet} can't be written")


if __name__ == "__main__":
    main()
