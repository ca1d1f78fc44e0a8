"""What the process that tries a library out is given."""

import sys

from bpnet.backends import libraries, survey

TELLS = """
import json, os
told = os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE")
print(json.dumps({"name": "jax", "usable": False, "devices": [], "dtypes": [], "why": told}))
"""


def test_a_probe_takes_no_gpus_memory_in_advance(monkeypatch):
    monkeypatch.setattr(libraries, "installed", lambda name: True)
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE", raising=False)
    (actual,) = survey.status(["jax"], command=lambda name: [sys.executable, "-c", TELLS])
    assert actual.why == "false"
