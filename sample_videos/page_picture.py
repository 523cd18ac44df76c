"""Take a picture of a report, half of it light and half dark: the one in the README.

It takes chromium, chromedriver and selenium (in the extra ``test``), and was made by ::

    keyframes extract sample_videos/mouse.mp4 -k 20
    python sample_videos/page_picture.py keyframes-out/mouse.html sample_videos/page.jpg
"""

import argparse
import base64
import shutil
from pathlib import Path

import cv2
import numpy as np
from selenium import webdriver

WIDTH, HEIGHT = 1280, 862
SPLIT = 803  # between the wall of frames and the map


def take_picture(page: Path) -> np.ndarray:
    """Return the picture, (height, width, 3) uint8 BGR."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
    for option in ("--headless", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(option)
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    with webdriver.Chrome(options=options, service=service) as browser:
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(page.resolve().as_uri())
        light, dark = (capture(browser, scheme) for scheme in ("light", "dark"))
    return np.hstack([light[:, :SPLIT], dark[:, SPLIT:]])


def capture(browser: webdriver.Chrome, scheme: str) -> np.ndarray:
    """Return what the browser shows in a colour scheme, (height, width, 3) uint8 BGR."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
    return cv2.imdecode(np.frombuffer(base64.b64decode(shot), np.uint8), cv2.IMREAD_COLOR)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    picture = take_picture(arguments.page)
    if not cv2.imwrite(str(arguments.picture), picture, [cv2.IMWRITE_JPEG_QUALITY, 82]):
        raise OSError(f"{arguments.picture} can't be written")


if __name__ == "__main__":
    main()
