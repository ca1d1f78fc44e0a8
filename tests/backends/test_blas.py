"""The name of NumPy's BLAS, where another library has brought one of its own."""

from types import SimpleNamespace

import pytest
import threadpoolctl

from bpnet.backends import threads

OWN = {
    "filepath": "/site-packages/numpy.libs/libscipy_openblas64_.so",
    "internal_api": "openblas", "version": "0.3.30", "architecture": "Haswell",
}  # fmt: skip
OTHER = {"filepath": "/lib/libmkl_rt.so", "internal_api": "mkl", "version": "2024", "n": 1}


@pytest.mark.parametrize("libraries", [[OWN, OTHER], [OTHER, OWN]])
def test_numpys_own_is_named_whichever_was_loaded_first(libraries, monkeypatch):
    class Controller:
        def select(self, user_api):
            assert user_api == "blas"
            return SimpleNamespace(info=lambda: [dict(one) for one in libraries])

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", Controller)
    assert threads.blas.__wrapped__() == "openblas 0.3.30 Haswell"
