"""Wav2Lip's architecture: the published sizes, loading a checkpoint, and export."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
import torch

from appliance.inference.network import Network
from appliance.lips.wav2lip import Wav2LipGenerator
from export_tools.flops import cpu_milliseconds, measure_cost, random_inputs
from export_tools.wav2lip.checkpoint import LICENCE_WARNING, load_wav2lip
from export_tools.wav2lip.network import NOTA, WAV2LIP, Layout, Wav2Lip, example_inputs
from export_tools.wav2lip.teacher_targets import export_wav2lip

pytestmark = [
    pytest.mark.export,
    # torch's exporter warns of its successor, whose opsets are too new for TensorRT
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def nota(tmp_path_factory: pytest.TempPathFactory) -> tuple[Wav2Lip, Path]:
    torch.manual_seed(0)
    network = Wav2Lip(NOTA).eval()
    path = tmp_path_factory.mktemp("nota") / "nota.onnx"
    export_wav2lip(network, path)
    return network, path


@pytest.mark.parametrize(("layout", "millions"), [(WAV2LIP, 36.30), (NOTA, 1.258)])
def test_number_of_parameters_is_the_published_one(layout: Layout, millions: float) -> None:
    count = sum(p.numel() for p in Wav2Lip(layout).parameters())
    assert count / 1e6 == pytest.approx(millions, rel=1e-3)


def test_macs_of_notas_network(nota: tuple[Wav2Lip, Path]) -> None:
    assert measure_cost(nota[1]).macs == pytest.approx(75.0e6, rel=1e-3)


def test_exported_network_runs_on_the_device(nota: tuple[Wav2Lip, Path]) -> None:
    network, path = nota
    Wav2LipGenerator(Network(path))  # finds both inputs by shape
    mel, face = example_inputs(2)
    picture = Network(path)({"mel": mel.numpy(), "face": face.numpy()})["picture"]
    with torch.no_grad():
        assert torch.allclose(torch.from_numpy(picture), network(mel, face), atol=1e-5)


@pytest.mark.parametrize("wrapped", [True, False])
def test_loading_a_checkpoint_prints_the_licence_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrapped: bool
) -> None:
    network = Wav2Lip(NOTA)
    weights = network.state_dict()
    state = {"state_dict": {f"module.{k}": v for k, v in weights.items()}} if wrapped else weights
    torch.save(state, tmp_path / "w.pth")
    loaded = load_wav2lip(tmp_path / "w.pth")
    assert LICENCE_WARNING in capsys.readouterr().err
    assert torch.equal(loaded(*example_inputs()), network.eval()(*example_inputs()))


@pytest.mark.parametrize("content", ["text", "other", "short"])
def test_invalid_checkpoint_is_rejected(tmp_path: Path, content: str) -> None:
    path = tmp_path / "w.pth"
    weights = Wav2Lip(NOTA).state_dict()
    if content == "text":
        path.write_text("no weights")
    elif content == "other":
        torch.save({"state_dict": {"layer.weight": torch.zeros(2)}}, path)
    else:
        torch.save({k: v for k, v in list(weights.items())[:-1]}, path)
    with pytest.raises(ValueError, match=r"w\.pth"):
        load_wav2lip(path)


def test_networks_are_timed_alternately(nota: tuple[Wav2Lip, Path]) -> None:
    inputs = random_inputs(nota[1])
    spent = cpu_milliseconds({"one": (nota[1], inputs), "two": (nota[1], inputs)}, rounds=9)
    assert set(spent) == {"one", "two"} and min(spent.values()) > 0
