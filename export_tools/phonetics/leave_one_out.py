"""Evaluate motion networks without the scoring clips, by leaving out each training speaker in turn.

    python -m export_tools.phonetics.leave_one_out DATA_DIR --landmarks DIR --encoder encoder.pt \\
        --out CHOICE.json

For every training speaker except the one with many clips, a motion network is trained on all others
and scored on the clips of this speaker: the correlation of the mouth opening at zero lag, with the
gate as on the device and with motion that starts gradually over several times before the gate
opens. CHOICE.json is written after each speaker, so that a stopped run can be resumed.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from appliance.speech.mel import LECTERN_MEL, compute_mel
from appliance.speech.vad import FRAME_RATE, detect_activity
from export_tools.phonetics.encoder import load_encoder
from export_tools.phonetics.learning_curve import MAIN_SPEAKER
from export_tools.phonetics.motion_data import OFFSET_S, RATE_HZ, load_split, motion_basis
from export_tools.phonetics.motion_score import correlate_opening
from export_tools.phonetics.train_motion import (
    AUGMENTATIONS,
    COEFFICIENTS,
    Array32,
    EncodedClip,
    make_parser,
    predict_coefficients,
    train,
)

LOOKAHEADS_S = (0.0, 0.2, 0.4, 0.5, 0.6, 0.8)
STEPS, BATCH = 600, 12


def open_gate_early(gate: Array32, rate_hz: float, ahead_s: float) -> Array32:
    """Return ``gate`` (frames,) with a half-cosine rise of ``ahead_s`` seconds before it opens.

    It is nowhere lower than before, and unchanged where it was open.
    """
    steps = round(ahead_s * rate_hz)
    opened = gate.copy()
    for ahead in range(1, min(steps, len(gate))):
        share = np.float32(0.5 + 0.5 * np.cos(np.pi * ahead / steps))
        np.maximum(opened[:-ahead], gate[ahead:] * share, out=opened[:-ahead])
    return opened


def apply_gate(motion: Array32, gate: Array32, ahead_s: float) -> Array32:
    """Multiply coefficients (n, K) at 50 Hz by ``gate`` (frames,) after :func:`open_gate_early`."""
    opened = open_gate_early(gate, FRAME_RATE, ahead_s)
    times = (np.arange(len(motion)) / RATE_HZ + OFFSET_S) * FRAME_RATE
    share = np.interp(times, np.arange(len(opened)), opened)
    return np.asarray(motion * share[:, None], np.float32)


def evaluate_fold(
    network: torch.nn.Module, clips: list[EncodedClip], vectors: npt.NDArray[np.float64]
) -> dict[str, float]:
    """Return the mean r over the clips for each of :data:`LOOKAHEADS_S`."""
    rows: dict[str, list[float]] = {f"{ahead:g}": [] for ahead in LOOKAHEADS_S}
    for clip in clips:
        motion = predict_coefficients(network, clip)
        gate = detect_activity([compute_mel(clip.clip.samples, LECTERN_MEL)]).gate
        for ahead in LOOKAHEADS_S:
            gated = apply_gate(motion, gate, ahead)
            rows[f"{ahead:g}"].append(correlate_opening(clip.clip, vectors, gated)[0])
    return {ahead: round(float(np.mean(values)), 4) for ahead, values in rows.items()}


def main() -> None:
    args = make_parser(__doc__).parse_args()
    torch.set_num_threads(1)
    encoder = load_encoder(args.encoder)
    clips = load_split(args.data, args.landmarks)
    vectors = motion_basis(clips["train"], COEFFICIENTS)
    encoded = [EncodedClip(clip, encoder, vectors, AUGMENTATIONS) for clip in clips["train"]]
    done: dict[str, Any] = json.loads(args.out.read_text())["r"] if args.out.exists() else {}
    for speaker in sorted({clip.speaker for clip in clips["train"]} - {MAIN_SPEAKER}):
        if speaker in done:
            continue
        training_clips = [c for c in encoded if c.clip.speaker != speaker]
        network = train(training_clips, STEPS, 0, batch=BATCH)
        done[speaker] = evaluate_fold(
            network, [c for c in encoded if c.clip.speaker == speaker], vectors
        )
        mean = {a: round(float(np.mean([r[a] for r in done.values()])), 4) for a in done[speaker]}
        record = {"steps": STEPS, "batch": BATCH, "mean": mean, "r": done}
        args.out.write_text(json.dumps(record, indent=1) + "\n")
        print(speaker, done[speaker], flush=True)
    print(json.dumps(json.loads(args.out.read_text())["mean"], indent=1))


if __name__ == "__main__":
    main()
