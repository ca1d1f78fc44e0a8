"""HTML of pages, each a single file that loads nothing else."""

import base64
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from bpnet.pages import drawing
from bpnet.requirements import require
from bpnet.shown import plain


def environment() -> Any:
    """Environment of jinja2 that escapes all text and knows the colors of the pictures.

    Raises
    ------
    InputError
        If jinja2 is missing.
    """
    jinja2 = require("jinja2", "a page needs", "matplotlib", "jinja2")
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("bpnet.pages"),
        autoescape=True,
        # a misspelled name in a template is an error, and no empty text
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    templates.filters["data"] = as_data
    templates.globals |= {
        # our own CSS, which must not be escaped
        "colors": import_module("markupsafe").Markup(drawing.style()),
        "made": time.strftime("%Y-%m-%d %H:%M"),
    }
    return templates


def html(template: str, filters: Mapping[str, Any] | None = None, **values: Any) -> str:
    """Fill a template, with all text in the values escaped."""
    templates = environment()
    templates.filters |= filters or {}
    return str(templates.get_template(template).render(values))


def _shown(value: Any) -> Any:
    """Text without control characters and without bytes that are no UTF-8."""
    # Markup, a subclass of str, has been escaped before
    return plain(value, keep="\xa0\n") if type(value) is str else value


def as_data(png: bytes) -> str:
    """URL that contains the picture itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
