"""Whether followers still show their leader's moments, and who is told where they don't."""

import json
import shlex
import shutil

import pytest

from footage import encode_video
from keyframes import Settings, extract
from keyframes.batch import run_jobs
from keyframes.commands import join_words
from keyframes.export import export
from keyframes.followers import describe_strays
from keyframes.matching import matching, plan_matches
from keyframes.results import find_results
from reviewing import open_stem


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """One camera's recording, a second one's of the same frames, and one at twice the rate."""
    folder = tmp_path_factory.mktemp("record ings")
    encode_video(folder / "day1_top.mp4", 40)
    encode_video(folder / "day1_side.mp4", 40, first_number=1000)
    encode_video(folder / "day1_fast.mp4", 80, fps=50)
    return folder


@pytest.fixture(scope="module")
def matched(recordings, tmp_path_factory):
    out = tmp_path_factory.mktemp("matched")
    extract(recordings / "day1_top.mp4", out, Settings(count=4))
    for name, by in (("day1_side.mp4", "frame"), ("day1_fast.mp4", "auto")):
        match(out, recordings / name, by=by)
    return out


@pytest.fixture
def out(matched, tmp_path):
    """An output folder with a leader and two followers."""
    return shutil.copytree(matched, tmp_path / "out")


def match(out, video, **options):
    jobs, failed = plan_matches(out, [video], **options)
    assert not failed
    (outcome,) = run_jobs(jobs, matching(overwrite=True))
    assert outcome.error is None


def chosen(out, stem):
    return [row["frame_index"] for row in find_results(out)[stem]["keyframes"]]


def strays(out, *about):
    return describe_strays(out, about or ("day1_top",))


def names(said):
    return [sentence.split(":")[0] for sentence in said]


def test_a_leader_that_was_changed_and_followers_that_follow_again(out, recordings):
    assert strays(out) == []
    open_stem(out, "day1_top").reject(chosen(out, "day1_top")[1])
    fast, side = strays(out)
    assert side == (
        "day1_side: shows other moments than day1_top, which it was matched to, since the "
        "keyframes of day1_top were changed; make changes in day1_top alone, and let it follow "
        f"with `keyframes match {join_words([out.as_posix()])} "
        f"{join_words([(recordings / 'day1_side.mp4').as_posix()])} --to day1_top --by frame "
        "--overwrite`"
    )
    assert "--by" not in fast
    assert strays(out, "day1_side") == [side]
    assert strays(out, "elsewhere") == []
    match(out, recordings / "day1_side.mp4", by="frame")
    assert strays(out) == [fast]
    open_stem(out, "day1_top").undo()
    assert names(strays(out)) == ["day1_side"]


def test_what_it_says_to_do_mends_it(run, out):
    open_stem(out, "day1_top").reject(chosen(out, "day1_top")[1])
    for sentence in strays(out):
        _, *arguments = shlex.split(sentence.split("`")[1])
        assert run(*arguments)[0] == 0
    assert strays(out) == []


def test_a_follower_that_was_changed_itself(out):
    side, top = open_stem(out, "day1_side"), open_stem(out, "day1_top")
    gone = chosen(out, "day1_side")[0]
    side.reject(gone)
    (said,) = strays(out)
    assert "since the keyframes of day1_side were changed" in said
    top.reject(gone)  # another takes its place
    assert "the keyframes of day1_top and day1_side were changed" in strays(out, "day1_side")[0]
    top.undo()
    side.undo()
    assert strays(out) == []


def test_what_is_out_of_both_leaves_them_at_the_same_moments(recordings, tmp_path):
    extract(recordings / "day1_top.mp4", tmp_path, Settings(frames=(3, 9, 27)))
    match(tmp_path, recordings / "day1_fast.mp4")
    open_stem(tmp_path, "day1_top").reject(9)
    assert names(strays(tmp_path)) == ["day1_fast"]
    open_stem(tmp_path, "day1_fast").reject(18)
    assert strays(tmp_path) == []


@pytest.mark.parametrize("other", [False, True])
def test_without_its_leader_nothing_can_be_said(out, make_video, tmp_path, other):
    open_stem(out, "day1_side").reject(chosen(out, "day1_side")[0])
    if other:
        new = make_video(tmp_path / "day1_top.mp4", 30)
        extract(new, out, Settings(frames=(1,)), overwrite=True)
    else:
        (out / "day1_top.json").unlink()
    assert strays(out, "day1_side") == []


def test_exports_warn(run, out):
    open_stem(out, "day1_top").reject(chosen(out, "day1_top")[1])
    code, _, errors = run("export", "coco", out, "-o", "dataset")
    assert code == 0
    warnings = [line for line in errors.splitlines() if "warning: " in line]
    assert warnings == [f"  warning: {sentence}" for sentence in strays(out)]
    code, output, _ = run("export", "cvat", out, "-o", "dataset", "--json")
    assert json.loads(output)["notes"][-2:] == [line.strip() for line in warnings]


def test_so_does_an_extraction_that_exports_the_leader_alone(run, out, recordings):
    code, _, errors = run(
        *("extract", recordings / "day1_top.mp4", "-o", out, "-k", 5, "--grow"),
        *("--export", "coco", "dataset"),
    )
    assert code == 0, errors
    assert "  warning: day1_side: shows other moments than day1_top" in errors


def test_a_review_tells_of_it(out, tmp_path):
    export("coco", out, tmp_path / "dataset")
    top, side = open_stem(out, "day1_top"), open_stem(out, "day1_side")
    gone = chosen(out, "day1_top")[1]
    assert names(top.reject(gone).warnings) == ["day1_fast", "day1_side"]
    assert top.undo().warnings == []
    (warning,) = side.reject(gone).warnings
    assert warning == f"{strays(out)[0]}."
    assert side.undo().warnings == []


def test_a_match_that_is_finished_tells_of_it(out, recordings):
    gone = chosen(out, "day1_side")[0]
    open_stem(out, "day1_side").reject(gone)
    jobs, _ = plan_matches(out, [recordings / "day1_side.mp4"], by="frame")
    (outcome,) = run_jobs(jobs, matching())
    assert (outcome.error, outcome.is_new) == (None, False)
    assert outcome.selection.warnings == tuple(strays(out))
