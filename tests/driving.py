"""What a person does in a browser, and where to look."""

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.actions.wheel_input import (  # noqa: E402 - only where it is there
    ScrollOrigin,
)
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402, F401 - for those who press them
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402


def find(place, selector):
    """Return the first such element on a page, or in another element."""
    return place.find_element(By.CSS_SELECTOR, selector)


def find_all(place, selector):
    return place.find_elements(By.CSS_SELECTOR, selector)


def press(page, *keys):
    webdriver.ActionChains(page).send_keys(*keys).perform()


def click_there(page):
    """Click where the pointer is."""
    webdriver.ActionChains(page).click().perform()


def point_at(page, element, x=0.5, y=0.5):
    """Move the pointer into an element, to shares of its width and height."""
    size = element.size
    offset = round((x - 0.5) * size["width"]), round((y - 0.5) * size["height"])
    webdriver.ActionChains(page).move_to_element_with_offset(element, *offset).perform()


def scroll_right(page, element, pixels):
    """Turn the wheel over an element."""
    origin = ScrollOrigin.from_element(element)
    webdriver.ActionChains(page).scroll_from_origin(origin, pixels, 0).perform()


def wait(page, condition):
    return WebDriverWait(page, 20, poll_frequency=0.05).until(lambda _: condition())


def set_window(page, width, height=800, sharpness=2):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": sharpness, "mobile": False},
    )


def count_nameless(page):
    """Return how many controls nothing tells the purpose of."""
    return page.execute_script(
        """
        const named = (e) => e.textContent.trim() || e.ariaLabel || e.querySelector("img[alt]");
        const controls = [...document.querySelectorAll("button, canvas, a")];
        return controls.filter((control) => !named(control)).length;
        """
    )


def is_too_wide(page):
    """Say whether the page is wider than the window."""
    root = find(page, "html")
    return root.get_property("scrollWidth") > root.get_property("clientWidth")
