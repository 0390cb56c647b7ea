"""The evaluation: medians, resumption, image quality and the table of costs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from appliance.inference.manifest import load_manifest
from export_tools.baselines import cost_table
from export_tools.evaluate import (
    COLUMNS,
    MODELS,
    Case,
    Row,
    config_for,
    load_scores,
    medians,
    precision_losses,
    save,
    score_clips,
    scoring_clips,
)
from export_tools.package import summarize_scores
from export_tools.quality import mouth_quality, psnr, ssim

pytestmark = [
    pytest.mark.export,
    # torch's exporter warns of its successor, whose opsets are too new for TensorRT
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def row(r: float | None, lag_ms: float | None = 0.0) -> Row:
    return {"r": r, "lag_ms": lag_ms}


def test_medians_ignore_missing_values() -> None:
    found = medians([row(0.2), row(None, None), row(0.8, 80.0), row(0.4, -40.0)])
    assert found["r"] == 0.4 and found["lag_ms"] == 0.0 and found["psnr_db"] is None
    assert found["in_sync"] == pytest.approx(2 / 3, abs=1e-3)
    assert medians([row(None, None)])["in_sync"] is None


def test_splits_share_no_clip(tmp_path: Path) -> None:
    (tmp_path / "grid").mkdir()
    (tmp_path / "wild").mkdir()
    for name in ("s1_pgad8n", "s1_bbaf2n"):
        (tmp_path / "grid" / f"{name}.mp4").touch()
    found = scoring_clips(tmp_path)
    assert [case.path.stem for case in found["grid, known speaker"]] == ["s1_pgad8n"]
    named = [case for cases in found.values() for case in cases]
    assert len(named) == len(set(named))


@pytest.mark.data
def test_only_large_clips_are_scaled(shared_data: Path) -> None:
    found = scoring_clips(shared_data)
    large = found["wild, 1080 lines"]
    assert large and {case.lines for case in large} == {1080}
    assert {case.path for case in large} < {case.path for case in found["wild"]}


def test_stopped_run_is_resumed(tmp_path: Path) -> None:
    paths = {"wild": [Case(tmp_path / "a.mp4"), Case(tmp_path / "b.mp4")]}
    seen: list[str] = []

    def measure(case: Case, config: object, folder: Path) -> Row:
        if case.path.stem == "b" and "b" not in seen:
            seen.append("b")
            raise KeyboardInterrupt
        seen.append(case.path.stem)
        return row(0.5)

    config, target = config_for("lectern-lite", "fp32"), tmp_path / "scores.json"
    with pytest.raises(KeyboardInterrupt):
        score_clips(paths, config, load_scores(target, "one"), target, measure)
    score_clips(paths, config, load_scores(target, "one"), target, measure)
    assert seen == ["a", "b", "b"]  # a was measured only once
    assert load_scores(target, "another model") == {
        "digest": "another model",
        "columns": [*COLUMNS],
    }
    save(target, {**json.loads(target.read_text()), "columns": ["r"]})
    assert "quality" not in load_scores(target, "one")  # the columns differ
    score_clips(paths, config, load_scores(target, "one"), target, measure)
    assert summarize_scores(target)["quality"]["fp32"]["wild"]["r"] == 0.5


def test_loss_of_a_precision_is_computed_per_clip() -> None:
    def part(**r: float | None) -> dict[str, object]:
        return {"clips": {name: {"r": value, "best_r": 0.5} for name, value in r.items()}}

    quality = {
        "fp32": {"wild": part(a=0.9, b=0.5, c=0.1, d=None), "grid": part(x=1.0)},
        "int8": {"wild": part(a=0.8, b=0.48, c=0.2, d=0.3)},
    }
    assert precision_losses(quality) == {
        "wild": {"int8: r": 0.02, "int8: best_r": 0.0},
        "grid": {"int8: r": None, "int8: best_r": None},
    }
    assert precision_losses({}) == {}


def test_scores_are_replaced_atomically(tmp_path: Path) -> None:
    save(tmp_path / "s.json", {"digest": "x"})
    assert json.loads((tmp_path / "s.json").read_text()) == {"digest": "x"}
    assert [p.name for p in tmp_path.iterdir()] == ["s.json"]


def test_psnr_and_ssim_of_known_images() -> None:
    rng = np.random.default_rng(0)
    picture = rng.uniform(0, 255, (64, 64))
    assert psnr(picture, picture) == 60.0 and ssim(picture, picture) == pytest.approx(1.0)
    assert psnr(picture, picture + 5.1) == pytest.approx(20 * np.log10(50), abs=1e-6)
    assert ssim(picture, 255 - picture) < 0
    assert ssim(picture, picture + rng.normal(0, 40, picture.shape)) < 0.95


@pytest.mark.data
def test_clip_compared_with_itself_has_the_best_quality(shared_data: Path) -> None:
    clip = sorted((shared_data / "grid").glob("s1_*.mp4"))[0]
    found = mouth_quality(clip, clip)
    assert found == {"psnr_db": 60.0, "ssim": 1.0}


def test_shipped_network_costs_less_than_the_baselines() -> None:
    manifest = load_manifest("lectern-lite", MODELS)
    table = cost_table(manifest, rounds=2)
    nota, wav2lip = table["Nota, compressed Wav2Lip"], table["Wav2Lip"]
    assert nota["macs_m"] == pytest.approx(75.0, abs=0.1) and nota["to_nota"] == 1.0
    assert wav2lip["macs_m"] == pytest.approx(3967, abs=1)
    assert wav2lip["parameters_m"] == pytest.approx(36.3, abs=0.1)
    for precision in manifest.precisions():
        assert table[f"lectern-lite {precision}"]["macs_m"] < 81
        assert table[f"lectern-lite {precision}"]["ms"] < wav2lip["ms"] / 4
