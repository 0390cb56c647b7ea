"""The page of a result."""

from __future__ import annotations

from web.i18n import _
from web.pages.results import result_properties


def test_result_page_shows_rejected_providers() -> None:
    rejected = [
        "tensorrt: failed while it worked: CUDA failure: 719",
        "cuda: not in this ONNX Runtime",
    ]
    found = result_properties({"provider": "cpu", "rejected_providers": rejected})
    assert (_("Inference provider"), "CPU") in found
    assert found[-1] == ("TensorRT is not used", "failed while it worked: CUDA failure: 719")
