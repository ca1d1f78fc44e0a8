"""Content to HTML that asks nothing of any other file or place."""

import base64
import time
from collections.abc import Mapping
from typing import Any

from bpnet.errors import InputError
from bpnet.pages import drawing
from bpnet.requirements import install
from bpnet.shown import plain


def environment() -> Any:
    """Templates whose text is escaped, in a style that has the colors of the pictures.

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
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("bpnet.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters["data"] = as_data
    made.globals |= {
        "colors": Markup(drawing.style()),
        "made": time.strftime("%Y-%m-%d %H:%M"),
    }
    return made


def html(template: str, filters: Mapping[str, Any] | None = None, **values: Any) -> str:
    """Fill a template; values are escaped."""
    made = environment()
    made.filters |= filters or {}
    return str(made.get_template(template).render(values))


def _shown(value: Any) -> Any:
    """Text of a run without control characters, and without bytes that are no text."""
    return plain(value, keep="\xa0\n") if type(value) is str else value  # not Markup: it is done


def as_data(png: bytes) -> str:
    """Address that holds the picture itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
