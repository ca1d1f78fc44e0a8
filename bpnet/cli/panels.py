"""Panels in which a long help groups its options."""

from typer.core import TyperCommand

from bpnet.runs.configuration import LAYOUT, RUN_OPTIONS
from bpnet.training.recipe import OPTIONS, PLACE, REGULAR

_PANELS = {
    "Training": ("score", "seeds", "trials", "prune"),
    "Data": (
        "target",
        "task",
        "drop",
        "categorical",
        "numeric",
        "separator",
        "validation",
        "test",
        "folds",
        "stream",
        "shuffle",
        "buffer",
    ),
    PLACE: ("timeout",),
    "The run": ("out", "resume", "live", "tensorboard", "tensorboard_folder", "json_", "quiet"),
}
"""Panels of the options that no recipe or configuration declares."""

PANELS = {
    **{
        about.flag: about.panel
        for about in {**LAYOUT, **RUN_OPTIONS, **OPTIONS}.values()
        if about.panel
    },
    **{option: panel for panel, names in _PANELS.items() for option in names},
}
"""Panel of each option of ``bpnet train`` and ``bpnet sweep``."""


_ORDER = f"Network, Training, {REGULAR}, Data, {PLACE}, The run"


class Grouped(TyperCommand):
    """A command whose help sorts its options by the panels of :data:`PANELS`."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        for option in self.params:
            if option.name in PANELS and hasattr(option, "rich_help_panel"):
                option.rich_help_panel = PANELS[option.name]
        # The sort is stable; an option without a panel stands first, as find("") is 0.
        self.params.sort(key=lambda option: _ORDER.find(PANELS.get(str(option.name), "")))
