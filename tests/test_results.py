"""The results in an output folder: found wherever they are, and told from all else."""

import pytest

from keyframes.errors import OutputError
from keyframes.files import write_json
from keyframes.output import OutputFolder
from keyframes.results import find_results, find_results_below, require_results
from keyframes.run_record import DamagedRecordError
from test_output import write


def test_results_are_told_from_other_json(tmp_path):
    write_json(tmp_path / "other.json", {"something": "else"})
    write_json(tmp_path / "ours.json", {"program": "keyframes"})
    (tmp_path / "broken.json").write_text("{")
    assert not find_results(tmp_path)
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(OutputError, match="holds no finished keyframes"):
            require_results(folder)
    write(OutputFolder(tmp_path, "v"), ["img000001.png"])
    assert list(find_results(tmp_path)) == ["v"]


def test_a_result_is_told_from_the_note_of_another_run(tmp_path):
    other = OutputFolder(tmp_path, "v.unfinished")
    write(other, ["img000001.png"])
    folder = OutputFolder(tmp_path, "v")
    folder.prepare(["img000002.png"])
    assert folder.unfinished.exists()
    assert list(find_results(tmp_path)) == ["v.unfinished"]


def test_results_are_found_in_a_folder_that_is_called_as_that_of_the_pictures(tmp_path):
    """As with --tree over recordings/labeled-data."""
    inner = OutputFolder(tmp_path / "labeled-data", "a")
    write(inner, ["img000001.png"])
    assert list(find_results_below(tmp_path)) == [inner]
    outer = OutputFolder(tmp_path, "b")
    write(outer, ["img000001.png"])
    assert list(find_results_below(tmp_path)) == [outer, inner]


def test_a_record_that_is_cut_short_is_told_of_where_its_pictures_are(tmp_path):
    for stem in ("a", "b"):
        write(OutputFolder(tmp_path, stem), ["img000001.png"])
    (tmp_path / "b.json").write_bytes(b"")
    assert list(find_results(tmp_path)) == ["a"]
    with pytest.raises(DamagedRecordError, match=r"b\.json"):
        require_results(tmp_path)


def test_a_folder_that_cannot_be_looked_into_is_told_of(tmp_path, no_root):
    write(OutputFolder(tmp_path, "a"), ["img000001.png"])
    closed = tmp_path / "day2"
    closed.mkdir()
    closed.chmod(0)
    try:
        assert len(find_results_below(tmp_path)) == 1
        with pytest.raises(PermissionError, match="day2"):
            require_results(tmp_path)
    finally:
        closed.chmod(0o755)
