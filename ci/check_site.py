"""Checks a built site: python ci/check_site.py FOLDER. One line for each fault, status 1 if any."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Elements that make a browser fetch what they name."""
CSS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """What a page loads, what it links to, and the places in it that can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = {name: value or "" for name, value in attrs}
        self.places |= {held[name] for name in ("id", "name") if name in held}
        if tag in LOADED and LOADED[tag] in held:
            self.loads.append(held[LOADED[tag]])
        if tag == "a" and "href" in held:
            self.links.append(held["href"])


def faults(site: Path) -> list[str]:
    """Every reference to the network that loads something, and every link that leads nowhere."""
    pages = {path: Page(path) for path in sorted(site.resolve().rglob("*.html"))}
    found = [] if pages else [f"{site} holds no page"]
    for path, page in pages.items():
        if path.name == "404.html":  # its links begin at the root of a server
            continue
        found += [f"{path}: {why}" for url in page.loads if (why := _loaded(url, path))]
        found += [f"{path}: {why}" for url in page.links if (why := _link(url, path, pages))]
    for path in sorted(site.rglob("*.css")):
        for match in CSS.finditer(path.read_text(encoding="utf-8")):
            url = match[1] or match[2]
            if not url.startswith(("data:", "#")) and (why := _loaded(url, path)):
                found.append(f"{path}: {why}")
    return found


def _loaded(url: str, path: Path) -> str | None:
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        return None if parts.scheme == "data" else f"loads {url} from the network"
    return (
        None if (path.parent / unquote(parts.path)).exists() else f"loads {url}, which is not there"
    )


def _link(url: str, path: Path, pages: dict[Path, Page]) -> str | None:
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return f"links to {url}, which is not there"
    page = pages.get(target)
    if page is not None and parts.fragment and unquote(parts.fragment) not in page.places:
        return f"links to {url}, which has no such place"
    return None


if __name__ == "__main__":
    complaints = faults(Path(sys.argv[1]))
    for complaint in complaints:
        print(complaint)
    sys.exit(bool(complaints))
