"""How many bytes a file may make: as many as the variable says, and with 0 any number."""

import pytest

from bpnet.data.reading import refuse_growth
from bpnet.errors import InputError


@pytest.mark.parametrize(
    ("given", "fine", "refused"),
    [
        ("0", 10**15, None),
        ("1000", 1000, 1001),
        (None, (32 << 20) + 128 * 7, (32 << 20) + 128 * 7 + 1),
    ],
)
def test_what_is_claimed_is_held_against_the_variable(given, fine, refused, monkeypatch):
    monkeypatch.delenv("BPNET_MAX_BYTES", raising=False)
    if given is not None:
        monkeypatch.setenv("BPNET_MAX_BYTES", given)
    refuse_growth(fine, 7, "a file")
    if refused is not None:
        with pytest.raises(InputError, match=f"if you trust it, set BPNET_MAX_BYTES={refused}"):
            refuse_growth(refused, 7, "a file")
