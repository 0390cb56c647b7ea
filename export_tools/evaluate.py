"""Score a model on finished videos, and compare its cost with that of published models.

    python -m export_tools.evaluate DATA_DIR --out SCORES.json [--model NAME] [--precision fp32 …]
        [--splits "wild, 720 lines" …]

Every clip is rendered with its own sound by the code of ``lectern render``, without learning from
the presenter, and the encoded file is compared with the real one; the table has medians per split.
``wild`` clips are only scored, never used for training; those with at least 700 lines are also
scored at 720 and 1080 lines. For several precisions (default: fp32 and int8), the loss of a
precision is the median loss of r over the same clips. The tool then measures the lip closures for
p, b and m in synthetic speech, which has known times, and the cost of the networks, with Nota's and
Wav2Lip's architectures (random weights) timed in the same run.

SCORES.json is written after every clip, so that a stopped run can be resumed. Clips of an older
model or with other columns are scored again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from appliance.config import Config
from appliance.errors import BadInput
from appliance.inference.manifest import Manifest, load_manifest
from appliance.media.probe import probe_presenter
from appliance.render.render import render
from appliance.score import score_video
from export_tools.baselines import cost_table
from export_tools.quality import mouth_quality
from export_tools.rescale import write_rescaled
from export_tools.stillness import still_jitter

MODELS = Path(__file__).parents[1] / "models_lite"
SPLITS = Path(__file__).with_name("splits.json")
COLUMNS = {
    "r": "r, zero lag",
    "best_r": "r, best lag",
    "lag_ms": "lag, ms",
    "lmd": "LMD",
    "silence": "silence",
    "jitter": "jitter, still lips",
    "jitter_source": "the source's",
    "jitter_ratio": "ratio",
    "sharpness": "sharpness",
    "seam": "seam",
    "psnr_db": "PSNR",
    "ssim": "SSIM",
    "wall": "s / s",
}
_KNOWN_SPEAKER_CLIPS = 6  # clips of the speaker with most of the training data
_IN_SYNC_MS = 41.0  # one frame at 25 fps
_SESSIONS = 4  # synthetic sessions per language, for closures
_SIZES = (720, 1080)  # lines
_MIN_LINES = 700  # least number of lines of a clip that is scaled to these sizes
_SPLITS = (
    "grid, new speakers",
    "grid, known speaker",
    "wild",
    *(f"wild, {n} lines" for n in _SIZES),
)


class Case(NamedTuple):
    """A clip and the number of lines that it is scaled to; ``None`` means not scaled."""

    path: Path
    lines: int | None = None


Row = dict[str, float | None]
Scores = dict[str, Any]


def scoring_clips(data: Path) -> dict[str, list[Case]]:
    """Return the scoring clips by split."""
    splits = json.loads(SPLITS.read_text())
    held_out = [data / "grid" / f"{name}.mp4" for name in splits["held_out_clips"]]
    prefixes = tuple(splits["validation_s1_prefixes"])
    known = [p for p in sorted((data / "grid").glob("*.mp4")) if p.stem.startswith(prefixes)]
    wild = sorted((data / "wild").glob("*.mp4"))
    large = [path for path in wild if probe_presenter(path).height >= _MIN_LINES]
    cases = [
        [Case(path) for path in paths] for paths in (held_out, known[:_KNOWN_SPEAKER_CLIPS], wild)
    ]
    cases += [[Case(path, lines) for path in large] for lines in _SIZES]
    return dict(zip(_SPLITS, cases, strict=True))


def score_clip(case: Case, config: Config, folder: Path) -> Row:
    """Render a clip with its own sound, compare the result with the clip, and return the scores."""
    clip, out = case.path, folder / "out.mp4"
    if case.lines is not None:
        clip = write_rescaled(clip, case.lines, folder / "source.mp4")
    report = render(clip, clip, out, config)
    score = score_video(out, reference=clip, source=clip).as_dict()
    reference = score["reference"] or {}
    opening = reference.get("opening") or {}
    row = {
        "r": opening.get("r"),
        "best_r": opening.get("best_r"),
        "lag_ms": opening.get("lag_ms"),
        "lmd": reference.get("lmd"),
        "silence": (score["silence"] or {}).get("opening_median"),
        "sharpness": (score["sharpness"] or {}).get("normalised"),
        "seam": (score["outside"] or {}).get("seam"),
        "wall": report["realtime_factor"],
    }
    return {**row, **still_jitter(out, clip), **mouth_quality(out, clip)}


def medians(rows: list[Row]) -> Row:
    """Return the median of each column over the clips that have a value.

    ``in_sync`` is the share of clips whose best lag is at most one frame.
    """
    result: Row = {}
    for name in COLUMNS:
        values = [row[name] for row in rows if row.get(name) is not None]
        result[name] = round(float(np.median(np.array(values, float))), 4) if values else None
    lags = [lag for row in rows if (lag := row.get("lag_ms")) is not None]
    near = sum(abs(lag) <= _IN_SYNC_MS for lag in lags)
    result["in_sync"] = round(near / len(lags), 3) if lags else None
    return result


def score_clips(
    splits: dict[str, list[Case]],
    config: Config,
    scores: Scores,
    target: Path | None,
    score: Callable[[Case, Config, Path], Row] = score_clip,
) -> dict[str, Any]:
    """Fill and return ``scores["quality"][precision]``; ``target`` is written after each clip."""
    precision_scores: dict[str, Any] = scores.setdefault("quality", {}).setdefault(
        config.lips.precision, {}
    )
    for split, cases in splits.items():
        part = precision_scores.setdefault(split, {"median": {}, "clips": {}})
        for case in cases:
            name = case.path.stem
            if name in part["clips"]:
                continue
            with tempfile.TemporaryDirectory() as folder:
                part["clips"][name] = score(case, config, Path(folder))
            print(split, name, json.dumps(part["clips"][name]), flush=True)
            part["median"] = medians(list(part["clips"].values()))
            if target is not None:
                save(target, scores)
    return precision_scores


def config_for(model: str, precision: str) -> Config:
    """Return a configuration with this model, without the badge and without learning."""
    lips = {"model": model, "precision": precision}
    # A clip speaks its own sound, from which nothing may be learned.
    learning = {"motion": "off", "mouth": "off"}
    return Config.model_validate(
        {"video": {"badge": False}, "lips": lips, "personalization": learning}
    )


def save(target: Path, scores: Scores) -> None:
    """Write ``scores`` to ``target`` atomically."""
    part = target.with_suffix(".part")
    part.write_text(json.dumps(scores, indent=1) + "\n")
    part.replace(target)


def load_scores(target: Path | None, digest: str) -> Scores:
    """Return the scores of an earlier run with the same model files and columns, else new ones."""
    fresh: Scores = {"digest": digest, "columns": list(COLUMNS)}
    if target is not None and target.exists():
        scores: Scores = json.loads(target.read_text())
        if all(scores.get(key) == value for key, value in fresh.items()):
            return scores
    return fresh


def precision_losses(quality: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the loss of r (zero lag, best lag) of each precision against the first, by split.

    It is the median over the clips scored with both; a negative value is a gain.
    """
    if not quality:
        return {}
    first, *others = quality
    found: dict[str, dict[str, float | None]] = {}
    for split, part in quality[first].items():
        row = found.setdefault(split, {})
        for other in others:
            theirs = quality[other].get(split, {"clips": {}})["clips"]
            for key in ("r", "best_r"):
                losses = [
                    clip[key] - theirs[name][key]
                    for name, clip in part["clips"].items()
                    if name in theirs and None not in (clip[key], theirs[name][key])
                ]
                row[f"{other}: {key}"] = round(float(np.median(losses)), 4) if losses else None
    return found


def closure_recall(manifest: Manifest) -> dict[str, dict[str, float]]:
    """Return the share of p, b and m with closed lips, by language, with this device's encoder.

    Needs the speech programs of the export extra.
    """
    from appliance.lips.motion import MotionBasis
    from appliance.lips.speech_motion import SpeechMotion
    from appliance.speech.speech_encoder import StudentEncoder
    from export_tools.speech_features.train_scores import measure_closures

    motion = SpeechMotion.load(manifest.path("motion", "any"))
    basis = MotionBasis.load(manifest.path("basis", "any"))
    return measure_closures(motion, StudentEncoder.open(), basis, _SESSIONS)


def print_table(console: Console, title: str, rows: dict[str, dict[str, Any]]) -> None:
    """Print a table of ``rows``; its columns are the keys of the first row."""
    table = Table("", *next(iter(rows.values())), title=title)
    for name, row in rows.items():
        cells = ["-" if v is None else f"{v:.3g}" if isinstance(v, float) else str(v)
                 for v in row.values()]  # fmt: skip
        table.add_row(name, *cells)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with grid/ and wild/")
    parser.add_argument("--out", type=Path, help="JSON file of scores")
    parser.add_argument(
        "--model", default="lectern-lite", help="name of the model (default: lectern-lite)"
    )
    parser.add_argument(
        "--precision",
        nargs="+",
        default=["fp32", "int8"],
        metavar="PRECISION",
        help="precisions to score (default: fp32 int8)",
    )
    parser.add_argument(
        "--splits",
        nargs="+",
        default=_SPLITS,
        choices=_SPLITS,
        metavar="SPLIT",
        help=f"splits to score (default: all): {'; '.join(_SPLITS)}",
    )
    parser.add_argument(
        "--skip",
        nargs="+",
        default=[],
        choices=["clips", "closures", "cost"],
        metavar="PART",
        help="parts to omit: clips, closures, cost",
    )
    args = parser.parse_args()
    if "clips" not in args.skip and not (args.data / "grid").is_dir():
        parser.error(f"{args.data} contains no folder grid/ with clips")
    try:
        manifest = load_manifest(args.model, MODELS)
    except BadInput as error:
        parser.error(str(error))
    scores = load_scores(args.out, manifest.digest("fp32"))
    console = Console(width=160)
    if "clips" not in args.skip:
        for precision in args.precision:
            config = config_for(args.model, precision)
            splits = {name: scoring_clips(args.data)[name] for name in args.splits}
            precision_scores = score_clips(splits, config, scores, args.out)
            print_table(
                console,
                precision,
                {split: part["median"] for split, part in precision_scores.items()},
            )
        if len(args.precision) > 1:
            scores["r_loss"] = precision_losses(
                {name: scores["quality"][name] for name in args.precision}
            )
            print_table(console, f"loss of r against {args.precision[0]}", scores["r_loss"])
    if "closures" not in args.skip:
        scores["closures"] = closure_recall(manifest)
        print_table(console, "lips closed for p, b, m", scores["closures"])
    if "cost" not in args.skip:
        scores["cost"] = cost_table(manifest)
        print_table(console, "cost per frame (25 fps)", scores["cost"])
    if args.out:
        save(args.out, scores)


if __name__ == "__main__":
    main()
