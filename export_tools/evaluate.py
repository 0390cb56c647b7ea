"""Score a model as a person meets it: render real clips with their own sound, measure the files.

    python -m export_tools.evaluate DATA_DIR --out SCORES.json [--model NAME] [--precision fp32]

Every clip is re-driven by its own audio, so its own mouth is the truth. Prints a table with the
median of each split; ``--out`` gets every clip's figures. ``wild`` clips only score, they never
train. The figures are of finished, encoded files as a player shows them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from appliance.config import Config
from appliance.render.render import render
from appliance.score import score_video

SPLITS = Path(__file__).with_name("splits.json")
COLUMNS = {
    "r": "r, zero lag",
    "best_r": "r, best lag",
    "lag_ms": "lag, ms",
    "lmd": "LMD",
    "silence": "silence",
    "jitter": "jitter",
    "sharpness": "sharpness",
    "wall": "s / s",
}


def clips(data: Path) -> dict[str, list[Path]]:
    """The scoring clips a split."""
    splits = json.loads(SPLITS.read_text())
    held = [data / "grid" / f"{name}.mp4" for name in splits["held_out_clips"]]
    prefixes = tuple(splits["validation_s1_prefixes"])
    known = [p for p in sorted((data / "grid").glob("*.mp4")) if p.stem.startswith(prefixes)]
    wild = sorted((data / "wild").glob("*.mp4"))
    return {"grid, new people": held, "grid, known person": known[:6], "wild": wild}


def measure(clip: Path, config: Config, folder: Path) -> dict[str, float | None]:
    """Render ``clip`` with its own sound and compare the result with it."""
    out = folder / "out.mp4"
    report = render(clip, clip, out, config)
    score = score_video(out, reference=clip, source=clip).as_dict()
    reference = score["reference"] or {}
    opening = reference.get("opening") or {}
    return {
        "r": opening.get("r"),
        "best_r": opening.get("best_r"),
        "lag_ms": opening.get("lag_ms"),
        "lmd": reference.get("lmd"),
        "silence": (score["silence"] or {}).get("opening_median"),
        "jitter": (score["jitter"] or {}).get("lips"),
        "sharpness": (score["sharpness"] or {}).get("normalised"),
        "wall": report["realtime_factor"],
    }


def medians(rows: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Column by column, over the clips that have a figure."""
    result: dict[str, float | None] = {}
    for name in COLUMNS:
        values = [row[name] for row in rows if row[name] is not None]
        result[name] = round(float(np.median(np.array(values, float))), 4) if values else None
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--model", default="lectern-lite")
    parser.add_argument("--precision", default="fp32")
    args = parser.parse_args()
    config = Config.model_validate(
        {
            "video": {"badge": False},
            "lips": {"model": args.model, "precision": args.precision},
        }
    )
    table = Table("split", "clips", *COLUMNS.values())
    result: dict[str, Any] = {}
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        for split, paths in clips(args.data).items():
            rows = {}
            for path in paths:
                rows[path.stem] = measure(path, config, Path(folder))
                print(split, path.stem, json.dumps(rows[path.stem]), flush=True)
            middle = medians(list(rows.values()))
            result[split] = {"median": middle, "clips": rows}
            figures = ["-" if v is None else f"{v:.3g}" for v in middle.values()]
            table.add_row(split, str(len(rows)), *figures)
    console.print(table)
    if args.out:
        args.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
