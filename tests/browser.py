"""A headless Chromium that looks at a page: what it says, asks for, draws and lets stick out."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

WIDTHS = (1280, 390)
THEMES = ("light", "dark")


@contextmanager
def chromium() -> Iterator:
    """A browser; without Debian's chromium and its driver the test skips, CI installs them."""
    webdriver = pytest.importorskip("selenium.webdriver")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("no chromium with chromedriver here")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    browser = webdriver.Chrome(options=options, service=service)
    try:
        yield browser
    finally:
        browser.quit()


@dataclass(frozen=True)
class Seen:
    """What there was to see of a page."""

    messages: list[str]
    requests: list[str]
    width: int
    images: list[dict]
    background: str


_IMAGES = """
const seen = image => getComputedStyle(image).display !== 'none';
return [...document.images].map(i => ({
  alt: i.alt, drawn: i.complete && i.naturalWidth > 0, seen: seen(i), kind: i.className,
  shown: i.getBoundingClientRect().width}));
"""


def look(browser, page: Path, width: int, theme: str) -> Seen:
    """Open a page at a width, on a light or dark screen."""
    feature = {"name": "prefers-color-scheme", "value": theme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    for log in ("browser", "performance"):
        browser.get_log(log)  # what came before
    browser.get(page.resolve().as_uri())
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return Seen(
        messages=[entry["message"] for entry in browser.get_log("browser")],
        requests=[
            message["params"]["request"]["url"]
            for message in sent
            if message["method"] == "Network.requestWillBeSent"
        ],
        width=browser.execute_script("return document.documentElement.scrollWidth"),
        images=browser.execute_script(_IMAGES),
        background=browser.execute_script("return getComputedStyle(document.body).backgroundColor"),
    )


def away(seen: Seen, page: Path) -> list[str]:
    """Requests for anything but the page and what it holds itself."""
    own = page.resolve().as_uri()
    return [url for url in seen.requests if url != own and not url.startswith("data:")]
