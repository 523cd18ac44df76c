"""The pages in a real browser: each interaction does what it says, and nothing else happens."""

from dataclasses import replace

import numpy as np
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
    scroll_right,
    set_window,
    wait,
)
from keyframes.choose_k import ChoiceOfK, Score
from keyframes.report import render_choice, render_index
from keyframes.settings import Settings
from pages import HOSTILE, make_scene, write_folder


@pytest.fixture
def page(browser, tmp_path):
    """The page of a scene in the browser, as it lies in its output folder."""
    browser.get(write_folder(tmp_path, make_scene("mouse.mp4"), "mouse").as_uri())
    return browser


def cards(page):
    return find_all(page, ".card")


def card_numbers(page):
    return page.execute_script(
        "return [...document.querySelectorAll('.card')].map((card) => Number(card.dataset.number))"
    )


def focused_number(page):
    number = page.execute_script("return document.activeElement.dataset.number")
    return None if number is None else int(number)


def pointed_numbers(page):
    return page.execute_script(
        "return [...document.querySelectorAll('.pointed')].map((e) => Number(e.dataset.number))"
    )


def pixel(page, canvas, x, y):
    """Return the colour (r, g, b) at a place of a canvas, in CSS pixels, after it was drawn."""
    (colour,) = pixels(page, canvas, x, y, 0)
    return list(colour)


def pixels(page, canvas, x, y, width):
    """Return the colours of a piece of a canvas, of one row of the screen and at least 1 wide."""
    values = page.execute_async_script(
        """
        const [id, x, y, width, done] = arguments;
        requestAnimationFrame(() => requestAnimationFrame(() => {
          const canvas = document.getElementById(id);
          const scale = canvas.width / canvas.getBoundingClientRect().width;
          const n = Math.max(1, Math.floor(width * scale));
          const copy = new OffscreenCanvas(n, 1).getContext("2d", { willReadFrequently: true });
          copy.drawImage(canvas, -Math.floor(x * scale), -Math.floor(y * scale));
          done([...copy.getImageData(0, 0, n, 1).data]);
        }));
        """,
        canvas,
        x,
        y,
        width,
    )
    return {tuple(values[i : i + 3]) for i in range(0, len(values), 4)}


def cluster_colour(page, number):
    """Return the colour (r, g, b) of a card's cluster."""
    colour = find(page, f"[data-number='{number}']").get_attribute("style").split("#")[1]
    return [int(colour[i : i + 2], 16) for i in (0, 2, 4)]


def timeline_x(page, time_s):
    """Return where a time lies on the timeline of a scene, which lasts 6 s; 8 px are spared."""
    width = find(page, "#timeline").size["width"]
    return 8 + time_s / 6 * (width - 16)


class TestWall:
    def test_sorts_by_what_is_asked(self, page):
        distances = [float(c.get_attribute("data-distance")) for c in cards(page)]
        find(page, "[data-sort=distance]").click()
        assert card_numbers(page) == sorted(range(4), key=lambda number: -distances[number])
        assert find(page, ".card .distance").is_displayed()
        assert find(page, "[data-sort=distance]").get_attribute("aria-pressed") == "true"
        assert find(page, "[data-sort=time]").get_attribute("aria-pressed") == "false"
        find(page, "[data-sort=covers]").click()
        assert card_numbers(page) == [2, 0, 1, 3]  # equal ones stay in frame order
        assert find(cards(page)[0], ".covers").text == "16 frames"
        find(page, "[data-sort=distance]").click()
        find(page, "[data-sort=time]").click()
        assert card_numbers(page) == [0, 1, 2, 3]

    def test_arrow_keys_walk_and_stop_at_the_ends(self, page):
        cards(page)[0].send_keys(Keys.ARROW_RIGHT)
        assert focused_number(page) == 1
        press(page, Keys.ARROW_LEFT)
        press(page, Keys.ARROW_LEFT)
        assert focused_number(page) == 0
        press(page, Keys.END)
        assert focused_number(page) == 3
        press(page, Keys.HOME)
        assert focused_number(page) == 0

    def test_up_and_down_go_by_rows(self, page):
        page.execute_script("document.getElementById('wall').style.gridTemplateColumns = '1fr 1fr'")
        cards(page)[1].send_keys(Keys.ARROW_DOWN)
        assert focused_number(page) == 3
        press(page, Keys.ARROW_UP)
        assert focused_number(page) == 1

    def test_is_one_stop_of_the_tab_key(self, page):
        tab_stops = "return document.querySelectorAll('.card[tabindex=\"0\"]').length"
        assert page.execute_script(tab_stops) == 1
        cards(page)[0].send_keys(Keys.ARROW_RIGHT)
        assert page.execute_script(tab_stops) == 1


class TestViewer:
    def test_click_enlarges_and_the_full_size_picture_comes(self, page):
        cards(page)[1].click()
        picture = find(page, "#viewer img")
        assert find(page, "#viewer").get_attribute("open") is not None
        assert find(page, "#viewer b").text == "Frame 107"
        assert find(page, "#viewer .place").text == "0:00.70"
        assert "stands for 14 frames" in find(page, "#viewer .facts").text
        wait(page, lambda: picture.get_property("naturalWidth") == 640)
        assert find(page, "#viewer a").get_attribute("href").endswith("mouse/img000107.png")

    def test_keys_walk_in_the_order_of_the_wall_and_escape_closes(self, page):
        find(page, "[data-sort=distance]").click()
        order = card_numbers(page)
        cards(page)[0].send_keys(Keys.ENTER)
        assert not find(page, "#viewer .previous").is_enabled()
        press(page, Keys.ARROW_RIGHT)
        press(page, Keys.ARROW_RIGHT)
        press(page, Keys.ARROW_LEFT)
        assert find(page, "#viewer b").text == f"Frame {102 + 5 * order[1]}"
        press(page, Keys.ESCAPE)
        wait(page, lambda: focused_number(page) == order[1])
        assert find(page, "#viewer").get_attribute("open") is None

    def test_buttons_walk_and_close(self, page):
        cards(page)[2].click()
        find(page, "#viewer .next").click()
        assert find(page, "#viewer b").text == "Frame 117"
        assert not find(page, "#viewer .next").is_enabled()
        find(page, "#viewer .previous").click()
        assert find(page, "#viewer b").text == "Frame 112"
        find(page, "#viewer .close").click()
        assert not find(page, "#viewer b").is_displayed()

    def test_a_mailed_page_shows_its_own_picture(self, chromium, tmp_path):
        page = write_folder(tmp_path / "there", make_scene("mouse.mp4"), "mouse")
        mailed = tmp_path / "mailed.html"
        mailed.write_bytes(page.read_bytes())
        chromium.get(mailed.as_uri())
        cards(chromium)[1].click()
        picture = find(chromium, "#viewer img")
        wait(chromium, lambda: picture.get_property("naturalWidth") == 64)
        assert picture.get_attribute("src").startswith("data:")
        link = find(chromium, "#viewer a")
        wait(chromium, lambda: not link.is_displayed())
        assert picture.size["width"] == 128
        press(chromium, Keys.ARROW_RIGHT)
        assert find(chromium, "#viewer b").text == "Frame 112"
        assert not link.is_displayed()
        assert picture.size["width"] == 128
        assert len(chromium.get_log("browser")) == 1, "what is missing is asked for once"

    @pytest.mark.parametrize(("width", "height"), [(1366, 650), (800, 850), (400, 800), (500, 400)])
    def test_an_upright_picture_and_what_is_said_of_it_fit_the_window(
        self, browser, tmp_path, width, height
    ):
        scene = make_scene("phone.mp4")
        scene.selection = replace(
            scene.selection, video=replace(scene.selection.video, width=48, height=128)
        )
        browser.get(write_folder(tmp_path, scene, "phone").as_uri())
        set_window(browser, width, height)
        cards(browser)[1].click()
        place = "return arguments[0].getBoundingClientRect()"
        figure, picture, text = (
            browser.execute_script(place, find(browser, f"#viewer {part}"))
            for part in ("figure", "figure img", "figcaption")
        )
        assert figure["y"] >= 0
        assert figure["y"] + figure["height"] <= height
        assert picture["width"] / picture["height"] == pytest.approx(48 / 128, abs=0.01)
        middles = [part["x"] + part["width"] / 2 for part in (figure, picture, text)]
        assert middles == pytest.approx(3 * [middles[0]], abs=1)
        assert text["width"] == pytest.approx(min(640, width - (24 if width < 640 else 136)))


class TestTimeline:
    def test_has_the_colours_of_the_clusters(self, page):
        # Five frames a cluster, ten a second: the second cluster begins at 0.5 s.
        for number, time_s in ((0, 0.25), (1, 0.75), (3, 1.75), (0, 2.25)):
            assert pixel(page, "timeline", timeline_x(page, time_s), 30) == cluster_colour(
                page, number
            )

    @pytest.mark.parametrize("sharpness", [1, 1.1, 1.25, 1.5, 2])
    def test_no_seams_lie_between_clusters_on_any_screen(self, page, sharpness):
        set_window(page, 1000, sharpness=sharpness)
        begin, end = timeline_x(page, 0) + 1, timeline_x(page, 6) - 1
        clusters = {tuple(cluster_colour(page, number)) for number in range(4)}
        assert pixels(page, "timeline", begin, 30, end - begin) == clusters

    def test_listed_frames_stand_alone(self, browser, tmp_path):
        scene = make_scene("list.mp4", histories=())
        scene.selection = replace(scene.selection, step=None)
        scene.features.reading.times_s[30:] += 1.5
        browser.get(write_folder(tmp_path, scene, "list").as_uri())
        width = find(browser, "#timeline").size["width"]

        def colour(time_s):
            return pixel(browser, "timeline", 8 + time_s / 7.4 * (width - 16), 30)

        assert colour(0.25) == colour(3.5)  # between two of them, as where none is far and wide
        assert colour(0.7) == cluster_colour(browser, 1)

    def test_of_listed_frames_no_cluster_is_told(self, browser, tmp_path):
        scene = make_scene("list.mp4", histories=())
        scene.selection = replace(scene.selection, step=None)
        scene.record["identity"]["settings"]["held"] = [107]
        browser.get(write_folder(tmp_path, scene, "list").as_uri())
        cards(browser)[1].click()
        assert find(browser, "#viewer .facts").text == "there before"
        find(browser, "#viewer .next").click()
        assert find(browser, "#viewer .facts").text == ""

    def test_hover_shows_the_nearest_chosen_frame(self, page):
        width = find(page, "#timeline").size["width"]
        point_at(page, find(page, "#timeline"), timeline_x(page, 2.72) / width)
        assert pointed_numbers(page) == [1]
        hint = find(page, "#hint")
        assert hint.text == "Frame 127, 0:02.7: chosen frame 107 stands for it"
        source = find(cards(page)[1], "img").get_attribute("src")
        assert find(hint, "img").get_attribute("src") == source
        point_at(page, find(page, "h1"))
        assert pointed_numbers(page) == []
        assert not hint.is_displayed()

    def test_hovering_a_card_dims_all_but_its_cluster(self, page):
        before = pixel(page, "timeline", timeline_x(page, 0.25), 30)
        point_at(page, find(page, "[data-number='1']"))
        assert pixel(page, "timeline", timeline_x(page, 0.25), 30) != before
        assert pixel(page, "timeline", timeline_x(page, 2.85), 30) == cluster_colour(page, 1)

    def test_click_goes_to_the_card(self, page):
        width = find(page, "#timeline").size["width"]
        point_at(page, find(page, "#timeline"), timeline_x(page, 1.2) / width)
        click_there(page)
        assert focused_number(page) == 2

    def test_is_a_slider_for_the_keyboard(self, page):
        timeline = find(page, "#timeline")
        timeline.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        assert timeline.get_attribute("aria-valuetext") == "Frame 102, 0:00.2: chosen"
        timeline.send_keys(Keys.END)
        assert timeline.get_attribute("aria-valuenow") == "59"
        timeline.send_keys(Keys.ENTER)
        assert focused_number(page) == 3


class TestMap:
    def test_hover_shows_the_nearest_chosen_frame(self, page):
        # The first of the four places is at the right edge, half way up.
        point_at(page, find(page, "#map"), 0.95, 0.5)
        assert "102" in find(page, "#hint").text
        assert pointed_numbers(page) == [0]

    def test_click_goes_to_the_card(self, page):
        point_at(page, find(page, "#map"), 0.5, 0.06)  # the second place: in the middle, at the top
        click_there(page)
        assert focused_number(page) == 1

    def test_a_point_alone_is_in_the_middle(self, browser, tmp_path):
        browser.get(write_folder(tmp_path, make_scene("one.mp4", n=1, k=1), "one").as_uri())
        size = find(browser, "#map").size
        middle = size["width"] / 2, size["height"] / 2
        assert pixel(browser, "map", *middle) == cluster_colour(browser, 0)

    def test_colours_by_cluster_or_time(self, page):
        draw = "return document.getElementById('map').toDataURL()"
        by_cluster = page.execute_script(draw)
        find(page, "[data-colour=time]").click()
        point_at(page, find(page, "h1"))
        wait(page, lambda: page.execute_script(draw) != by_cluster)
        find(page, "[data-colour=cluster]").click()
        point_at(page, find(page, "h1"))
        wait(page, lambda: page.execute_script(draw) == by_cluster)


class TestPage:
    def test_copies_the_command(self, page):
        find(page, "#copy").click()
        wait(page, lambda: find(page, "#copy").text in {"Copied", "Press Ctrl+C"})
        selected = page.execute_script("return getSelection().toString()")
        assert selected == "keyframes extract /recordings/mouse.mp4 -k 4 --seed 7"

    @pytest.mark.parametrize("width", [320, 390, 768, 1440])
    def test_is_never_wider_than_the_window(self, page, width):
        set_window(page, width=width)
        assert not is_too_wide(page)

    def test_sections_follow_one_another_without_a_gap(self, page):
        set_window(page, width=1600)
        place = "return document.getElementById(arguments[0]).getBoundingClientRect().{}"
        coverage, descent, asked, found = (
            [page.execute_script(place.format(side), f"{name}-title") for side in ("left", "top")]
            for name in ("coverage", "descent", "asked", "found")
        )
        assert coverage[1] == descent[1] == found[1]
        assert coverage[0] < descent[0] == asked[0] < found[0]

    def test_figures_are_lines_of_one_height(self, page):
        set_window(page, width=800)
        heights = {figure.size["height"] for figure in find_all(page, "dd")[:4]}
        assert len(heights) == 1

    def test_dark_and_light_differ_and_are_drawn_anew(self, page):
        seen = set()
        for scheme in ("light", "dark"):
            feature = {"name": "prefers-color-scheme", "value": scheme}
            page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
            ink = page.execute_script("return getComputedStyle(document.body).color")
            paper = page.execute_script(
                "return getComputedStyle(document.documentElement).backgroundColor"
            )
            assert contrast(ink, paper) > 7
            seen.add((ink, paper, tuple(pixel(page, "timeline", 8, 56))))
        assert len(seen) == 2

    def test_soft_text_is_legible(self, page):
        soft, paper = page.execute_script(
            "return [getComputedStyle(document.querySelector('.lede')).color,"
            " getComputedStyle(document.documentElement).backgroundColor]"
        )
        assert contrast(soft, paper) > 4.5

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_bars_stand_out(self, page, scheme):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        paper, *bars = page.execute_script(
            "return [document.documentElement, ...document.querySelectorAll('.bars i')]"
            ".map((element) => getComputedStyle(element).backgroundColor)"
        )
        assert all(contrast(bar, paper) >= 3 for bar in bars)

    def test_asks_the_network_for_nothing(self, page):
        cards(page)[1].click()
        wait(page, lambda: find(page, "#viewer img").get_property("naturalWidth") == 640)
        names = page.execute_script(
            "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        )
        assert all(name.startswith(("data:", "file:")) for name in names)

    def test_every_picture_has_words_and_every_control_a_name(self, page):
        assert count_nameless(page) == 0
        alts = [image.get_attribute("alt") for image in find_all(page, "ol img")]
        assert len(alts) == 4
        assert all(alt.startswith("Frame ") for alt in alts)


class TestIndex:
    def test_whole_strip_can_be_seen(self, browser, tmp_path):
        write_folder(tmp_path, make_scene("mouse.mp4", k=12), "mouse")
        index = tmp_path / "index.html"
        index.write_text(render_index(tmp_path), encoding="utf-8")
        browser.get(index.as_uri())
        strip = find(browser, ".strip")
        pictures = find_all(strip, "img")
        assert len(pictures) == 12
        assert len({picture.location["y"] for picture in pictures}) == 1
        right = strip.location["x"] + strip.size["width"]
        scroll_right(browser, strip, 5000)
        edge = "return arguments[0].getBoundingClientRect().right"
        wait(browser, lambda: browser.execute_script(edge, pictures[-1]) < right + 3)
        wide = "return document.documentElement.scrollWidth > innerWidth"
        assert not browser.execute_script(wide)

    def test_on_paper_no_picture_is_cut_off(self, browser, tmp_path):
        scene = make_scene("wide.mp4", k=2)
        scene.pictures = [np.zeros((40, 1200, 3), np.uint8)] * 2
        write_folder(tmp_path, scene, "wide", size=(4800, 160))
        index = tmp_path / "index.html"
        index.write_text(render_index(tmp_path), encoding="utf-8")
        browser.get(index.as_uri())
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        set_window(browser, 700)
        picture, row = find(browser, ".strip img").rect, find(browser, ".videos li")
        avoided = row.value_of_css_property("break-inside")
        assert picture["x"] + picture["width"] <= 700
        assert picture["width"] / picture["height"] == pytest.approx(30, rel=0.1)
        assert avoided == "avoid"


class TestHostileNames:
    def test_are_only_text_on_the_page(self, browser, tmp_path):
        scene = make_scene(HOSTILE.replace("/", "_") + ".mp4", warnings=[HOSTILE])
        browser.get(write_folder(tmp_path, scene, "x").as_uri())
        assert find(browser, "h1").text == HOSTILE.replace("/", "_") + ".mp4"
        assert find(browser, ".warning").text == f"Warning {HOSTILE}"
        cards(browser)[1].click()
        wait(browser, lambda: find(browser, "#viewer img").get_property("naturalWidth") == 640)

    def test_are_only_text_in_the_index_and_beside_the_curves(self, browser, tmp_path):
        scene = make_scene()
        scene.record["identity"]["video"]["name"] = HOSTILE
        write_folder(tmp_path, scene, "x")
        index = tmp_path / "index.html"
        index.write_text(render_index(tmp_path), encoding="utf-8")
        browser.get(index.as_uri())
        assert find(browser, "h2 a").text == HOSTILE
        find(browser, "h2 a").click()
        wait(browser, lambda: find(browser, "h1").text == "v.mp4")
        scores = tuple(Score(k, 100 / k, 1 - 1 / k, 0.1) for k in (2, 3, 5))
        curves = tmp_path / "k.html"
        found = ChoiceOfK(3, scores, 60, 50)
        text = render_choice(HOSTILE, found, Settings().to_json(), HOSTILE)
        curves.write_text(text, encoding="utf-8")
        browser.get(curves.as_uri())
        assert find(browser, "h1").text == HOSTILE

    def test_what_slips_through_still_does_not_run(self, chromium, tmp_path):
        page = write_folder(tmp_path, make_scene("mouse.mp4"), "mouse")
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace("<h1>", "<script>document.title = 'hacked'</script><h1>"))
        chromium.get(page.as_uri())
        assert chromium.title == "mouse.mp4: 4 keyframes · keyframes"
        assert "Content Security Policy" in chromium.get_log("browser")[0]["message"]


def contrast(first, second):
    """Return the contrast of two CSS colours ``rgb(r, g, b)`` (WCAG 2.2)."""

    def luminance(colour):
        shares = [int(part) / 255 for part in colour.strip("rgb()").split(", ")]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted([luminance(first), luminance(second)], reverse=True)
    return (light + 0.05) / (dark + 0.05)
