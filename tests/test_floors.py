"""Imports go downward only: the floors of the house, read from the code."""

import ast
from pathlib import Path

import keyframes

PACKAGE = Path(keyframes.__file__).parent

# Rooms of one floor don't import each other.
FLOORS = [
    ["errors"],
    ["records"],
    ["checks"],
    [
        "files",
        "resizing",
        "ahead",
        "commands",
        "extras",
        "interrupts",
        "curation",
        "stages",
        "words",
        "names",
    ],
    ["video", "kmeans", "medoids", "thumbnails", "blobs"],
    ["settings", "features", "images", "postures", "cache"],
    ["asked"],
    ["animals", "choose_k", "selection", "describe", "moments", "run_record"],
    ["coverage", "output"],
    ["results"],
    ["followers"],
    ["choosing", "report", "export"],
    ["pipeline", "review"],
    ["jobs"],
    ["executors", "summaries"],
    ["batch"],
    ["pool", "matching", "projects"],
    ["forecast"],
    ["progress", "terminal"],
    ["cli"],
    ["__main__"],
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(module: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("keyframes.")}
    return rooms & FLOOR_OF.keys()


def modules() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


def test_every_module_has_a_floor():
    assert {room_of(module) for module in modules()} == FLOOR_OF.keys()


def test_imports_go_down():
    upward = [
        f"{room_of(module)} imports {room}"
        for module in modules()
        for room in imported_rooms(module)
        if room != room_of(module) and FLOOR_OF[room] >= FLOOR_OF[room_of(module)]
    ]
    assert not upward


def test_no_module_outgrows_its_room():
    lengths = {
        path.relative_to(PACKAGE): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert not {str(path): n for path, n in lengths.items() if n > 350}


def test_only_video_decodes_and_only_the_command_line_talks():
    """PyAV stays in one room; click and tqdm stay at the top."""
    allowed = {"av": {"video"}, "click": {"cli"}, "tqdm": {"progress"}}
    for module in modules():
        text = module.read_text(encoding="utf-8")
        for package, rooms in allowed.items():
            imports = f"import {package}\n" in text or f"from {package} import" in text
            assert not imports or room_of(module) in rooms, f"{module} imports {package}"
