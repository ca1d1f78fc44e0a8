"""Devices as a library tells of them, and as a user may give them back."""

from types import SimpleNamespace

import pytest

from bpnet.backends import hardware, libraries, specs
from bpnet.backends.base import DeviceInfo
from tests.optional import library


@pytest.mark.parametrize(("cuda", "driver"), [("12.8", "CUDA 12.8"), (None, "ROCm")])
def test_the_gpus_of_pytorch_have_the_names_that_it_takes(monkeypatch, cuda, driver):
    torch = library("torch")
    cards = [SimpleNamespace(name=f"card {i}", total_memory=(i + 1) * 2**30) for i in range(2)]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", cards.__getitem__)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 5)
    assert libraries.adapter("torch").devices() == [
        DeviceInfo("torch:cuda:0", "card 0", 2**30, driver),
        DeviceInfo("torch:cuda:1", "card 1", 2**31, driver),
        DeviceInfo("torch:mps", "Apple GPU", 5),
        hardware.host("torch:cpu"),
    ]


@pytest.mark.parametrize(
    ("device", "text"),
    [
        (
            SimpleNamespace(sycl_device=SimpleNamespace(filter_string="opencl:gpu:1")),
            "opencl:gpu:1",
        ),
        (SimpleNamespace(platform="gpu", id=1), "gpu:1"),  # JAX's
        (SimpleNamespace(id=1), "1"),  # CuPy's
        (" CUDA:1 ", "cuda:1"),
        ("", None),
    ],
)
def test_a_device_of_a_library_keeps_its_number(device, text):
    assert specs.device_text(device) == text
