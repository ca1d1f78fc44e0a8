"""HTML of pages, each a single file that loads nothing else."""

import base64
import time
from collections.abc import Mapping
from typing import Any

from bpnet.errors import InputError
from bpnet.pages import drawing
from bpnet.requirements import install
from bpnet.shown import plain


def environment() -> Any:
    """Environment of jinja2 that escapes all text and knows the colors of the pictures.

    Raises
    ------
    InputError
        If jinja2 is missing.
    """
    try:
        import jinja2
        from markupsafe import Markup
    except ImportError as error:
        msg = f"a page needs jinja2; {install('matplotlib', 'jinja2')}"
        raise InputError(msg) from error
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("bpnet.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    templates.filters["data"] = as_data
    templates.globals |= {
        "colors": Markup(drawing.style()),
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
