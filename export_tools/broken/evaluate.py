"""Count how many of the faults made on purpose the score finds, and how often it is wrong.

    python -m export_tools.broken.evaluate DATA_DIR --out RESULTS.json [--half tuning]

The clips of ``wild`` and some of GRID's speaker s1 are cut into pieces, each of which is broken in
every way of :data:`~export_tools.broken.faults.FAULTS`, encoded, and scored against the untouched
piece as its presenter. Untouched pieces are scored as if they were renders: with themselves as the
presenter, and with another piece, or the other half, of the same clip. A clip's own lag is that of
its presenter. Pictures are altered in one piece a person, two of GRID; a wrong mouth and a wrong
person are tried with the pieces of all other persons. The limits were tuned on every other clip;
the table has both halves. Measurements are kept beside RESULTS.json, so that a changed limit needs
no new ones.
"""

from __future__ import annotations

import argparse
import json
import pickle
import tempfile
import wave
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from appliance.inference.manifest import load_manifest
from appliance.inference.providers import Providers
from appliance.lips.model import LipModel
from appliance.render.render import MODELS_FOLDER
from appliance.render.wanted_opening import predict_wanted
from appliance.score.judge import Measured, judge
from appliance.score.measure import measure_video
from appliance.score.speech_activity import detect_speech
from appliance.score.speech_match import match_speech
from appliance.score.verdict import Verdict
from export_tools.broken.clips import RATE, Piece, Sound, grid_pieces, wild_pieces, write
from export_tools.broken.faults import FAULTS, UNALTERED, Broken

MODEL = "lectern-lite"
HALVES = ("tuning", "reporting")

EXPECTED = {
    "late by 80 ms": {"mouth_late"},
    "late by 120 ms": {"mouth_late"},
    "late by 200 ms": {"mouth_late"},
    "wrong mouth": {"sync_weak", "mouth_late", "mouth_early"},
    "frozen mouth": {"mouth_still", "mouth_shut"},
    "no blend": {"seam"},
    "bleached lips": {"lips_pale"},
    "wrong person": {"wrong_person"},
    "blur": {"mouth_blurred"},
    "oversharpened": {"mouth_too_sharp"},
    "box": {"seam"},
    "flicker": {"mouth_flickers"},
    "bright inside": {"inside_bright"},
    "silence with moving lips": {"moves_in_silence"},
    "speech with a shut mouth": {"mouth_shut"},
}
"""The reasons that name each fault."""

MAX_ALTERED = {"grid s1": 2}
"""Pieces of a person whose pictures are altered, if not one; all have their sound exchanged."""

EXCHANGES = ("wrong mouth", "wrong person")
"""Faults for which the measurements of two persons' pieces are combined."""

UNTOUCHED = ("untouched, own presenter", "untouched, other part as presenter")


class Bench:
    """Measures pieces and their broken copies; files are written to ``folder``."""

    def __init__(self, folder: Path, store: Path) -> None:
        self._folder = folder
        self._store = store
        self._model = LipModel.open(
            load_manifest(MODEL, MODELS_FOLDER), "fp32", ["cpu"], providers=Providers()
        )
        store.mkdir(parents=True, exist_ok=True)

    def measure(self, piece: Piece, name: str, broken: Broken) -> Measured:
        """Return the measurements of a broken copy against the untouched piece."""
        path = self._store / f"{piece.name}, {name}.pickle"
        if path.exists():
            with path.open("rb") as file:
                found: Measured = pickle.load(file)
            return found
        presenter = self._folder / f"{piece.name}.mp4"
        if not presenter.exists():
            write(presenter, piece.pictures, piece.fps, piece.sound, crf=14)
        video = write(self._folder / "broken.mp4", broken.pictures, piece.fps, broken.sound)
        measured = measure_video(
            video, source=presenter, brief=True, source_faces=lambda k: piece.faces[k].points
        )
        return self._keep(path, self._hear(measured, broken.sound))

    def with_sound(self, piece: Piece, name: str, measured: Measured, sound: Sound) -> Measured:
        """Return ``measured`` with another sound."""
        path = self._store / f"{piece.name}, {name}.pickle"
        if path.exists():
            with path.open("rb") as file:
                found: Measured = pickle.load(file)
            return found
        return self._keep(path, self._hear(measured, sound))

    def _hear(self, measured: Measured, sound: Sound) -> Measured:
        path = self._folder / "sound.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
        wanted = predict_wanted(path, 0.0, self._model)
        return replace(measured, speech=detect_speech(path, 0.0), wanted=wanted)

    @staticmethod
    def _keep(path: Path, measured: Measured) -> Measured:
        path.write_bytes(pickle.dumps(measured))
        return measured


def own_lag_ms(measured: Measured) -> float:
    """Return the lag of an untouched recording."""
    assert measured.wanted is not None
    assert measured.speech is not None
    tracks = measured.tracks
    speaking = measured.speech.speaking(len(tracks.opening), tracks.fps)
    spoken = np.where(speaking, tracks.opening, np.nan)
    found = match_speech(spoken, tracks.fps, measured.wanted)
    return found.lag_ms if found is not None else 0.0


def against(measured: Measured, presenter: Measured) -> Measured:
    """Return ``measured`` with the frames of another recording as the yardstick."""
    return replace(
        measured, presenter_looks=presenter.looks, sharpness=None, outside=None,
        own_lag_ms=own_lag_ms(presenter),
    )  # fmt: skip


def exchanged(name: str, own: Measured, other: Measured) -> Measured:
    """Return another person's speech with this mouth, or another person with this presenter."""
    if name == "wrong person":
        return against(other, own)
    return replace(own, speech=other.speech, wanted=other.wanted)


def measure_all(pieces: list[Piece], bench: Bench) -> Iterator[tuple[Piece, str, Measured]]:
    """Yield (piece, case, measurements) of every case of every piece."""
    real = {}
    for piece in pieces:
        untouched = bench.measure(piece, "untouched", Broken(piece.pictures, piece.sound))
        real[piece.name] = replace(untouched, own_lag_ms=own_lag_ms(untouched))
        yield piece, UNTOUCHED[0], real[piece.name]
    altered: Counter[str] = Counter()
    for piece in pieces:
        own = real[piece.name]
        altered[piece.person] += 1
        same = [p for p in pieces if p.person == piece.person and p is not piece]
        others = [p for p in pieces if p.person != piece.person]
        yield piece, UNTOUCHED[1], _other_part(piece, same, real, bench)
        for name in EXCHANGES:
            for other in others:
                yield piece, name, exchanged(name, own, real[other.name])
        few = altered[piece.person] <= MAX_ALTERED.get(piece.person, 1)
        for name, fault in FAULTS.items():
            if not few and name not in UNALTERED:
                continue
            broken = fault(piece)
            if broken.pictures is piece.pictures:
                measured = bench.with_sound(piece, name, own, broken.sound)
                yield piece, name, replace(measured, own_lag_ms=own.own_lag_ms)
            else:
                measured = bench.measure(piece, name, broken)
                yield piece, name, replace(measured, own_lag_ms=own.own_lag_ms)


def _other_part(
    piece: Piece, same: list[Piece], real: dict[str, Measured], bench: Bench
) -> Measured:
    if same:
        return against(real[piece.name], real[same[0].name])
    middle = len(piece.pictures) // 2
    halves = [
        piece.part(0, middle, f"{piece.name} a"),
        piece.part(middle, len(piece.pictures), f"{piece.name} b"),
    ]
    first, second = (
        bench.measure(half, "untouched", Broken(half.pictures, half.sound)) for half in halves
    )
    return against(second, first)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the share of pieces that are found, by case and half of the persons."""
    found = Table(box=None)
    for column in ("case", "half", "pieces", "not good", "named", "poor", "not measured"):
        found.add_column(column, justify="left" if column == "case" else "right")
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["case"], row["half"]].append(row)
    for (case, half), group in groups.items():
        count = len(group)
        grades = [row["grade"] for row in group]
        named = sum(bool(EXPECTED.get(case, set()) & set(row["codes"])) for row in group)
        bad = sum(grade in ("check", "poor") for grade in grades)
        found.add_row(
            case, half, str(count), f"{bad / count:.1%}",
            f"{named / count:.1%}" if case in EXPECTED else "",
            f"{grades.count('poor') / count:.1%}", str(grades.count("not_measured")),
        )  # fmt: skip
    console = Console(width=110, color_system=None)
    with console.capture() as captured:
        console.print(found)
    return captured.get()


def row_of(piece: Piece, case: str, half: str, verdict: Verdict) -> dict[str, Any]:
    """Return a row of the results."""
    return {
        "piece": piece.name,
        "case": case,
        "half": half,
        "grade": verdict.grade,
        "codes": [reason.code for reason in verdict.reasons],
        "unmeasured": list(verdict.unmeasured),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with wild/ and grid/")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the results")
    parser.add_argument("--half", choices=HALVES, action="append", help="only this half")
    parser.add_argument("--grid", type=int, default=6, help="GRID's pieces in a half (default: 6)")
    args = parser.parse_args()
    rows = []
    for half in args.half or HALVES:
        first = HALVES.index(half)
        wild, grid = (
            sorted((args.data / name).glob(pattern))[first::2]
            for name, pattern in (("wild", "*.mp4"), ("grid", "s1_*.mp4"))
        )
        pieces = [*grid_pieces(grid, args.grid), *wild_pieces(wild)]
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), args.out.with_suffix(".measured"))
            for piece, case, measured in measure_all(pieces, bench):
                rows.append(row_of(piece, case, half, judge(measured).verdict))
                print(rows[-1], flush=True)
    args.out.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
