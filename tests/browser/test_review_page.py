"""Reviewing in a real browser: each interaction does what it says, in the page and on disk."""

import re
import threading

import pytest

from driving import (
    Keys,
    click_there,
    count_nameless,
    find,
    find_all,
    is_too_wide,
    point_at,
    press,
    set_window,
    wait,
)
from keyframes import extract
from keyframes.export import export
from keyframes.files import read_json, write_json
from keyframes.images import read_label
from keyframes.report import page as page_module
from keyframes.review import Session
from keyframes.settings import Settings
from reviewing import serve

# Where a page would run or break, were it not escaped; without what no file name may hold.
HOSTILE = "<img src=x onerror=hacked()>'&amp;<script>hacked(){{7*7}}%2e%00?#"
STEM = "mouse"


@pytest.fixture(scope="module")
def video(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("video") / f"{STEM}.mp4", n_frames=60)


@pytest.fixture
def server(out, video):
    with serve(out, [video.stem], video) as server:
        yield server


@pytest.fixture
def page(browser, server):
    """The review in the browser."""
    browser.get(server.address)
    yield browser
    browser.get("about:blank")  # before the server goes, so that nothing is asked for in vain


def chosen(out, stem=STEM):
    """Frames that the folder holds; record, PNGs, table and report must agree on them."""
    frames = [row["frame_index"] for row in read_json(out / f"{stem}.json")["keyframes"]]
    pictures = sorted((out / "labeled-data" / stem).iterdir())
    assert [int(read_label(path)["frame_index"]) for path in pictures] == frames
    lines = (out / f"{stem}.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [int(line.rsplit(",", 8)[1]) for line in lines] == frames
    report = (out / f"{stem}.html").read_text(encoding="utf-8")
    assert [int(frame) for frame in re.findall(r'alt="Frame (\d+), at', report)] == frames
    return frames


def shown(page):
    """Frames on the wall, from the first to the last place."""
    names = page.execute_script(
        "return [...document.querySelectorAll('.card b')].map((name) => name.textContent)"
    )
    return [int(name) for name in names]


def said(page):
    return find(page, ".desk .said").text


def enlarged(page):
    return int(find(page, "#viewer b").text.removeprefix("Frame "))


def point_at_card(page, place):
    point_at(page, find_all(page, ".card")[place])


def reject(page, place):
    """Reject what is at a place of the wall, by pointing at it, and wait until it is out."""
    point_at_card(page, place)
    press(page, "r")
    wait(page, lambda: "is out" in said(page))


def point_at_frame(page, frame):
    """Move the pointer onto the timeline; the video has 60 frames, 25 a second."""
    timeline = find(page, "#timeline")
    width = timeline.size["width"]
    point_at(page, timeline, (8 + (frame + 0.2) / 60 * (width - 16)) / width)
    return int(re.match(r"Frame (\d+)", find(page, "#hint").text)[1])


def wait_for_word(page, start):
    wait(page, lambda: said(page).startswith(start))


def load_others(page):
    """Wait until the frames that could stand in are there; return their buttons."""
    return wait(page, lambda: find_all(page, "#others button"))


def other_frame(button):
    return int(find(button, "b").text)


class TestReject:
    def test_by_key_under_the_pointer(self, page, out):
        before = chosen(out)
        reject(page, 2)
        wait_for_word(page, f"Frame {before[2]} is out")
        after = chosen(out)
        (new,) = {*after} - {*before}
        assert {*before} - {*after} == {before[2]}
        assert said(page) == f"Frame {before[2]} is out, {new} takes its place."
        assert shown(page) == [*before[:2], new, *before[3:]], "it takes the very place"
        focused = page.switch_to.active_element
        assert find(focused, "b").text == str(new)
        assert not find_all(page, ".leaving")

    def test_by_keyboard_alone(self, page, out):
        before = chosen(out)
        find_all(page, ".card")[0].send_keys(Keys.ARROW_RIGHT)
        press(page, "R")
        wait_for_word(page, f"Frame {before[1]} is out")
        assert before[1] not in chosen(out)

    def test_by_button_on_the_card(self, page, out):
        before = chosen(out)
        point_at_card(page, 0)
        button = find(page, "#wall li [data-do=reject]")
        assert button.is_displayed()
        button.click()
        wait_for_word(page, f"Frame {before[0]} is out")
        assert before[0] not in chosen(out)

    def test_no_button_is_there_unseen(self, page):
        """A finger on the corner of a card would hit it."""
        point_at(page, find(page, "h1"))
        button = find(page, "#wall li [data-do=reject]")
        assert not button.is_displayed()
        page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
        assert button.is_displayed()

    @pytest.mark.parametrize(("key", "code"), [("к", "KeyR"), ("R", "KeyO"), ("ρ", "KeyR")])
    def test_by_the_same_key_on_every_keyboard(self, page, out, key, code):
        before = chosen(out)
        point_at_card(page, 2)
        pressed = "document.dispatchEvent(new KeyboardEvent('keydown', arguments[0]))"
        page.execute_script(pressed, {"key": "o", "code": "KeyR"})  # another letter of this layout
        page.execute_script(pressed, {"key": key, "code": code})
        wait_for_word(page, f"Frame {before[2]} is out")

    def test_what_the_others_stand_for_is_told_anew(self, page, out):
        reject(page, 1)
        lines = [line.text for line in find_all(page, ".card .covers")]
        covers = [row["covers"] for row in read_json(out / f"{STEM}.json")["keyframes"]]
        assert lines == [f"{n} frame{'s' * (n != 1)}" for n in covers]

    def test_in_the_viewer_the_next_one_is_shown(self, page, out):
        before = chosen(out)
        find_all(page, ".card")[3].click()
        find(page, "#viewer [data-do=reject]").click()
        wait(page, lambda: enlarged(page) != before[3])
        assert enlarged(page) in chosen(out)
        assert find(page, "#viewer .said").text == said_in_full(before[3], enlarged(page))
        picture = find(page, "#viewer figure > img")
        wait(page, lambda: picture.get_property("naturalWidth") == 96)
        assert f"img{enlarged(page):06d}.png" in picture.get_attribute("src")
        (new,) = {*chosen(out)} - {*before}
        marked = page.find_elements("xpath", "//button[span[@class='kept']='by hand']")
        assert [card.get_attribute("data-number") for card in marked] == [
            str(chosen(out).index(new))
        ]
        assert "1 changed by hand." in find(page, ".lede").get_property("textContent")
        press(page, Keys.ARROW_LEFT)
        assert enlarged(page) != new
        assert find(page, "#viewer .said").text == "", "it was about another frame"

    def test_nothing_is_asked_about_a_frame_that_has_gone(self, page, out, monkeypatch):
        """The console stays empty even where the answer waits until the frame is no keyframe."""
        before = chosen(out)
        asked, gone = threading.Event(), threading.Event()
        answer = Session.candidates

        def answer_late(session, frame):
            asked.set()
            if frame == before[3]:
                gone.wait(20)
            return answer(session, frame)

        monkeypatch.setattr(Session, "candidates", answer_late)
        find_all(page, ".card")[3].click()
        assert asked.wait(20)
        press(page, "r")
        wait(page, lambda: enlarged(page) != before[3])
        gone.set()
        load_others(page)
        assert find(page, "#viewer .said").text == said_in_full(before[3], enlarged(page))

    def test_nothing_meant_nothing_done(self, page, out):
        before = chosen(out)
        press(page, "r")
        assert said(page) == "Point at a chosen frame to reject it."
        point_at_frame(page, 30)
        press(page, "r")
        assert said(page) == "Point at a chosen frame to reject it."
        point_at_card(page, 1)
        for options in ({"ctrlKey": True}, {"repeat": True}):
            page.execute_script(
                "document.dispatchEvent(new KeyboardEvent('keydown', arguments[0]))",
                {"key": "r", **options},
            )
        assert said(page) == "Point at a chosen frame to reject it."
        assert chosen(out) == before

    def test_what_stays_keeps_its_place_and_picture(self, page):
        page.execute_script("document.querySelectorAll('.card')[3].marked = true")
        reject(page, 0)
        assert page.execute_script("return document.querySelectorAll('.card')[3].marked")
        # Numbers stay in frame order, for the arrows and for the timeline.
        numbers = page.execute_script(
            "return [...document.querySelectorAll('.card')].map((c) => [Number(c.dataset.number),"
            " Number(c.querySelector('b').textContent)])"
        )
        assert [frame for _, frame in sorted(numbers)] == sorted(frame for _, frame in numbers)


def said_in_full(gone, new):
    return f"Frame {gone} is out, {new} takes its place."


class TestSwap:
    def test_others_are_shown_and_one_is_taken(self, page, out):
        before = chosen(out)
        point_at_card(page, 1)
        press(page, "s")
        others = load_others(page)
        frames = [other_frame(button) for button in others]
        assert not {*frames} & {*before}
        thumbnail = find(others[2], "img")
        wait(page, lambda: thumbnail.get_property("naturalWidth") == 96)
        others[2].click()
        wait_for_viewer_word(page, f"Frame {before[1]} is swapped for {frames[2]}.")
        assert enlarged(page) == frames[2]
        assert chosen(out) == sorted({*before, frames[2]} - {before[1]})
        assert before[1] in [other_frame(button) for button in load_others(page)]
        assert enlarged(page) == frames[2], "what came to lie under the pointer isn't shown large"

    def test_by_keyboard(self, page, out):
        before = chosen(out)
        find_all(page, ".card")[0].send_keys("s")
        frames = [other_frame(button) for button in load_others(page)]
        wait(page, lambda: page.switch_to.active_element.tag_name == "button")
        wait(page, lambda: enlarged(page) == frames[0])  # pointed at is shown large
        press(page, Keys.ARROW_RIGHT)
        assert enlarged(page) == frames[1]
        assert f"stand in for frame {before[0]}" in find(page, "#viewer .facts").text
        press(page, Keys.ENTER)
        wait_for_viewer_word(page, f"Frame {before[0]} is swapped for {frames[1]}.")
        after = chosen(out)
        load_others(page)
        press(page, Keys.ENTER)  # once too often
        press(page, Keys.ARROW_RIGHT)
        wait(page, lambda: enlarged(page) == before[1])
        assert chosen(out) == after
        assert frames[1] in after
        assert before[0] not in chosen(out)
        press(page, Keys.ESCAPE)
        wait(page, lambda: find(page, "#viewer").get_attribute("open") is None)
        assert frames[1] in shown(page)

    def test_what_comes_under_a_resting_pointer_is_not_shown_large(self, page, out):
        before = chosen(out)
        find_all(page, ".card")[0].click()
        point_at(page, load_others(page)[3])
        wait(page, lambda: enlarged(page) != before[0])
        press(page, Keys.ARROW_RIGHT)
        wait(page, lambda: enlarged(page) == before[1])
        frames = [other_frame(button) for button in load_others(page)]
        assert enlarged(page) == before[1]
        point_at(page, load_others(page)[3], 0.6)
        wait(page, lambda: enlarged(page) == frames[3])

    def test_looking_changes_nothing(self, page, out):
        before = chosen(out)
        find_all(page, ".card")[0].click()
        others = load_others(page)
        link = find(page, "#viewer figcaption a")
        assert link.is_displayed()
        point_at(page, others[1])
        wait(page, lambda: enlarged(page) == other_frame(others[1]))
        assert not link.is_displayed(), "it leads to another picture"
        point_at(page, find(page, "#viewer figure > img"))
        wait(page, lambda: enlarged(page) == before[0])
        assert "stands for" in find(page, "#viewer .facts").text
        assert link.is_displayed()
        assert chosen(out) == before


def wait_for_viewer_word(page, text):
    wait(page, lambda: find(page, "#viewer .said").text == text)


class TestAdd:
    def test_under_the_cursor(self, page, out):
        before = chosen(out)
        frame = point_at_frame(page, next(n for n in range(60) if n not in before))
        assert frame not in before
        hint = find(page, "#hint")
        wait(page, lambda: hint.text.endswith("A adds it"))
        source = find(hint, "img").get_attribute("src")
        assert source.endswith(f"frames/{frame}.jpg")
        press(page, "a")
        wait_for_word(page, f"Frame {frame} is added.")
        assert chosen(out) == sorted([*before, frame]) == shown(page)
        assert find(page, ".figures dd").text == "6"
        assert page.title.startswith("mouse.mp4: 6 keyframes")

    def test_by_clicking_the_timeline_and_the_button(self, page, out):
        before = chosen(out)
        frame = point_at_frame(page, next(n for n in range(59, 0, -1) if n not in before))
        click_there(page)
        box = find(page, ".picked")
        wait(page, box.is_displayed)
        assert box.text.startswith(f"Frame {frame}")
        find(box, "button").click()
        wait_for_word(page, f"Frame {frame} is added.")
        assert chosen(out) == sorted([*before, frame])
        assert not find(box, "button").is_enabled()

    def test_by_keyboard(self, page, out):
        before = chosen(out)
        timeline = find(page, "#timeline")
        timeline.send_keys(Keys.END)
        frame = int(timeline.get_attribute("aria-valuenow"))
        if frame in before:
            timeline.send_keys(Keys.ARROW_LEFT)
            frame -= 1
        press(page, "a")
        wait_for_word(page, f"Frame {frame} is added.")
        assert chosen(out) == sorted([*before, frame])

    def test_a_chosen_one_is_refused_with_a_word(self, page, out):
        before = chosen(out)
        assert point_at_frame(page, before[2]) == before[2]
        press(page, "a")
        wait_for_word(page, f"frame {before[2]} is a keyframe already")
        assert "bad" in find(page, ".desk .said").get_attribute("class")
        assert chosen(out) == before
        # The browser notes the refusal by itself.
        assert "409" in page.get_log("browser")[0]["message"]


class TestUndo:
    def test_takes_back_one_after_the_other(self, page, out):
        before = chosen(out)
        undo = find(page, ".desk [data-do=undo]")
        assert not undo.is_enabled()
        reject(page, 2)
        frame = point_at_frame(page, next(n for n in range(60) if n not in chosen(out)))
        press(page, "a")
        wait_for_word(page, f"Frame {frame} is added.")
        assert undo.get_attribute("title") == f"Undo: add, frame {frame}"
        undo.click()
        wait_for_word(page, f"Undone: frame {frame} is out again.")
        assert undo.get_attribute("title") == f"Undo: reject, frame {before[2]}"
        press(page, "u")
        wait_for_word(page, f"Undone: frame {before[2]} is back.")
        assert chosen(out) == before == shown(page)
        assert not undo.is_enabled()
        press(page, "u")
        assert said(page) == "Nothing is left to undo."

    def test_works_after_loading_anew(self, page, out):
        before = chosen(out)
        reject(page, 0)
        page.refresh()
        assert shown(page) == chosen(out)
        press(page, "u")
        wait_for_word(page, "Undone")
        assert chosen(out) == before


class TestBehindThePagesBack:
    """The page says what happened, and shows what is there now."""

    @pytest.fixture
    def page(self, page):
        yield page
        entries = page.get_log("browser")  # the browser notes a refusal by itself
        assert entries
        assert all(re.search("40[49]", entry["message"]) for entry in entries)

    def test_another_window_rejects_the_same_frame(self, page, out, server):
        before = chosen(out)
        outcome = server.session(0).reject(before[2])
        point_at_card(page, 2)
        press(page, "r")
        wait_for_word(page, f"frame {before[2]} is no keyframe any more")
        assert "bad" in find(page, ".desk .said").get_attribute("class")
        assert outcome.frame in chosen(out)
        assert shown(page) == chosen(out)
        assert find(page, ".desk [data-do=undo]").is_enabled()
        assert not find_all(page, ".leaving")

    def test_another_window_rejects_the_frame_that_is_enlarged(self, page, out, server):
        before = chosen(out)
        outcome = server.session(0).reject(before[1])
        find_all(page, ".card")[1].click()
        wait_for_viewer_word(page, f"frame {before[1]} is no keyframe any more")
        load_others(page)
        assert enlarged(page) in chosen(out)
        assert outcome.frame in shown(page)
        picture = find(page, "#viewer figure > img")
        wait(page, lambda: f"img{enlarged(page):06d}.png" in picture.get_attribute("src"))

    def test_another_program_extracts_anew(self, page, out, video):
        extract(video, out, Settings(count=6), overwrite=True)
        point_at_card(page, 0)
        press(page, "r")
        wait(page, lambda: "another program has changed it" in said(page))
        assert len(shown(page)) == 6
        assert shown(page) == chosen(out)

    def test_the_frame_under_a_resting_pointer_is_meant_again(self, page, out):
        before = chosen(out)
        point_at_card(page, 0)
        note = read_json(out / f"{STEM}.json")
        write_json(out / f"{STEM}.json", {**note, "timings_s": {}})
        press(page, "r")
        wait(page, lambda: "another program has changed it" in said(page))
        assert shown(page) == before
        press(page, "r")
        wait_for_word(page, f"Frame {before[0]} is out")


class TestExports:
    def test_follow_and_what_cannot_is_said(self, browser, out, video, tmp_path):
        export("coco", out, tmp_path / "my-task")
        task = tmp_path / "my-task" / "annotations" / "instances_default.json"
        with serve(out, [video.stem], video) as server:
            browser.get(server.address)
            assert said(browser) == "Every change is saved at once, also in my-task."
            reject(browser, 1)
            assert "bad" not in find(browser, ".desk .said").get_attribute("class")
            assert [image["frame_index"] for image in read_json(task)["images"]] == chosen(out)
            task.write_bytes(task.read_bytes() + b" ")
            press(browser, "u")
            wait(
                browser, lambda: "is back. my-task doesn't follow: it was changed" in said(browser)
            )
            assert "bad" in find(browser, ".desk .said").get_attribute("class")
            browser.get("about:blank")


class TestPage:
    def test_everything_else_works_on(self, page, out):
        """After a change the report's own interactions know the new frames."""
        reject(page, 1)
        (new,) = {*shown(page)} & {int(re.search(r"\d+", page.switch_to.active_element.text)[0])}
        assert point_at_frame(page, new) == new
        assert find(page, "#hint").text.endswith("chosen")
        find(page, "[data-sort=distance]").click()
        find(page, "[data-sort=time]").click()
        assert shown(page) == chosen(out)
        assert find(page, "#command").text.endswith(",".join(map(str, chosen(out))))
        copy = find(page, "#copy")
        page.execute_script("arguments[0].scrollIntoView({ block: 'center' })", copy)
        copy.click()
        wait(page, lambda: copy.text in {"Copied", "Press Ctrl+C"})

    def test_of_a_long_video_others_are_drawn_after_a_change(
        self, browser, out, video, monkeypatch
    ):
        monkeypatch.setattr(page_module, "MAX_POINTS", 7)
        with serve(out, [video.stem], video) as server:
            browser.get(server.address)
            browser.execute_script("window.loaded = 'once'")
            before = chosen(out)
            reject(browser, 1)
            assert browser.execute_script("return window.loaded") == "once"
            assert shown(browser) == chosen(out) != before
            new = next(frame for frame in chosen(out) if frame not in before)
            find(browser, f".card[data-file*='{new:06d}']").click()
            assert enlarged(browser) == new
            browser.get("about:blank")

    def test_a_list_is_reviewed_without_being_sorted(self, browser, video, tmp_path):
        extract(video, tmp_path, Settings(frames=(3, 12, 55)))
        with serve(tmp_path, [video.stem], video) as server:
            browser.get(server.address)
            reject(browser, 1)
            wait_for_word(browser, "Frame 12 is out")
            press(browser, "u")
            wait_for_word(browser, "Undone")
            assert shown(browser) == chosen(tmp_path) == [3, 12, 55]
            browser.get("about:blank")

    def test_a_server_that_ended_is_told(self, browser, out, video):
        with serve(out, [video.stem], video) as server:
            browser.get(server.address)
        before = chosen(out)
        point_at_card(browser, 0)
        press(browser, "r")
        wait(browser, lambda: "bad" in find(browser, ".desk .said").get_attribute("class"))
        assert said(browser) in {
            "No answer: is keyframes review still running?",
            "The review has ended.",  # on a connection that the browser kept in store
        }
        assert shown(browser) == before
        assert not find_all(browser, ".leaving")
        assert len(browser.get_log("browser")) == 1, "the browser notes it by itself"

    @pytest.mark.parametrize("width", [320, 390, 768, 1440])
    def test_is_never_wider_than_the_window(self, page, width):
        set_window(page, width)
        assert not is_too_wide(page)
        find(page, ".card").click()
        load_others(page)
        dialog = find(page, "#viewer")
        for side in ("Width", "Height"):
            assert dialog.get_property(f"scroll{side}") == dialog.get_property(f"client{side}")
        viewer = find(page, "#viewer figure").rect
        assert viewer["x"] >= 0
        assert viewer["x"] + viewer["width"] <= width
        assert viewer["y"] >= 0
        assert viewer["y"] + viewer["height"] <= 800

    def test_in_a_low_window_the_picture_stays_and_the_rest_is_scrolled_to(self, page):
        set_window(page, 1000, 340, sharpness=1)
        find(page, ".card").click()
        last = load_others(page)[-1]
        assert find(page, "#viewer figure > img").size["height"] == pytest.approx(0.4 * 340, abs=1)
        page.execute_script("arguments[0].scrollIntoView({ block: 'end' })", last)
        bottom = "return arguments[0].getBoundingClientRect().bottom"
        assert page.execute_script(bottom, last) <= 340

    def test_every_control_has_a_name(self, page):
        find(page, ".card").click()
        load_others(page)
        assert count_nameless(page) == 0


class TestStrangers:
    def test_a_hostile_name_is_only_text(self, browser, make_video, tmp_path):
        plain = make_video(tmp_path / "v.mp4", n_frames=30)
        try:
            video = plain.rename(tmp_path / f"{HOSTILE}.mp4")
        except OSError:
            pytest.skip("no file can have such a name here")
        out = tmp_path / "out"
        extract(video, out, Settings(count=3))
        with serve(out, [video.stem], video) as server:
            browser.get(server.address)
            assert find(browser, "h1").text == video.name
            before = chosen(out, HOSTILE)
            reject(browser, 0)
            assert find(browser, "h1").text == video.name
            assert chosen(out, HOSTILE) != before
            find(browser, ".card").click()
            picture = find(browser, "#viewer figure > img")
            wait(browser, lambda: "labeled-data" in picture.get_attribute("src"))
            wait(browser, lambda: picture.get_property("naturalWidth") == 96)
            load_others(browser)
            assert not browser.execute_script("return 'hacked' in window")
            browser.get("about:blank")

    def test_a_page_of_another_origin_does_nothing(self, chromium, server, out, tmp_path):
        """Even one that knows the address: it may neither read, nor change, nor frame."""
        before = chosen(out)
        stranger = tmp_path / "stranger.html"
        stranger.write_text(
            f"""<iframe src="{server.address}"></iframe>
            <form method="post" enctype="text/plain" target="sent" action="{server.address}changes">
              <input name='{{"action": "reject", "frames": [{before[0]}], "x": "' value='"}}'>
            </form><iframe name="sent"></iframe>""",
            encoding="utf-8",
        )
        chromium.get(stranger.as_uri())
        body = f'{{"action": "reject", "frames": [{before[0]}]}}'
        attempts = [
            {"method": "POST", "body": body, "headers": {"Content-Type": "application/json"}},
            {"method": "POST", "body": body, "mode": "no-cors"},
            {"method": "GET"},
        ]
        for options in attempts:
            place = "changes" if options["method"] == "POST" else ""
            outcome = chromium.execute_async_script(
                "const [address, options, done] = arguments;"
                "fetch(address, options).then(async (reply) => done(await reply.text()),"
                " (error) => done('refused'));",
                server.address + place,
                options,
            )
            assert outcome in {"refused", ""}
        chromium.execute_script("document.forms[0].submit()")
        chromium.switch_to.frame(1)
        wait(chromium, lambda: "its own pages only" in chromium.page_source or "about:blank" not in
             chromium.execute_script("return location.href"))  # fmt: skip
        chromium.switch_to.default_content()
        chromium.switch_to.frame(0)
        assert not find_all(chromium, ".card"), "it can't be framed"
        chromium.switch_to.default_content()
        assert chosen(out) == before
        assert chromium.get_log("browser"), "the browser says what it refused"
