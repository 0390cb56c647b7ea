"""hibari-tts with phone times.

Its ONNX graph predicts a whole number of frames for every symbol. This module adds the tensor of
these durations to the outputs of the graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from hibari import SAMPLE_RATE, Hibari, dsp

from export_tools.phonetics.inventory import ARPABET, MISAKI_TO_ARPABET

# Shorter gaps between words (a frame or two) are not silence.
PAUSE_S = 0.06
# The sound is ahead of the predicted durations by this time: the lag at which an encoder trained on
# aligned recordings agrees best with these times (0 for LibriSpeech and espeak-ng).
LEAD_S = 0.035


class TimedHibari:
    """The embedded voice of hibari-tts, with class times."""

    rate = SAMPLE_RATE

    def __init__(self) -> None:
        self._tts = Hibari()
        model = onnx.load(self._tts.model_path)
        (total,) = (node for node in model.graph.node if node.op_type == "CumSum")
        self._durations = total.input[0]
        model.graph.output.append(onnx.ValueInfoProto(name=self._durations))
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._symbols = {number: symbol for symbol, number in self._tts.vocab.items()}

    def speak(
        self, text: str, speed: float, seed: int
    ) -> tuple[np.ndarray[Any, np.dtype[np.int16]], list[tuple[str, float, float]]]:
        """Return int16 samples at 24 kHz and the classes with start and end in seconds."""
        rng = np.random.default_rng(seed)
        sounds: list[Any] = []
        phones: list[tuple[str, float, float]] = []
        start = 0.0
        for line in self._tts.phonemize(text):
            ids = self._tts.ids(line)
            feed = {"ids": np.array([ids], np.int64), "speed": np.array([speed], np.float32)}
            *parts, durations = self._session.run(None, feed)
            sound = dsp.synth(*(part[0] for part in parts), rng)
            sounds.append(sound)
            symbols = [self._symbols.get(number, "") for number in ids]
            length = len(sound) / self.rate
            phones += classes_of(symbols, durations.ravel() * (length / durations.sum()), start)
            start += length
        if not sounds:
            return np.zeros(0, np.int16), []
        samples = np.clip(np.concatenate(sounds), -1.0, 1.0)
        return (samples * 32767.0).astype(np.int16), phones


def classes_of(
    symbols: list[str], seconds: np.ndarray[Any, Any], start: float
) -> list[tuple[str, float, float]]:
    """Convert symbols with durations to timed classes.

    The duration of a stress mark is added to the next sound; a gap between words is added to the
    previous sound unless it is a pause.
    """
    out: list[tuple[str, float, float]] = []
    clock, held, gap = start, 0.0, 0.0
    for position, (symbol, length) in enumerate(zip(symbols, seconds, strict=True)):
        phone = MISAKI_TO_ARPABET.get(symbol)
        if phone is None:
            if symbol in "ˈˌ" and symbol:
                held += length
            else:
                gap += length
            continue
        if gap:
            if gap >= PAUSE_S or not out:
                out.append(("SIL", clock, clock + gap))
            else:
                name, begin, _ = out[-1]
                out[-1] = (name, begin, clock + gap)
            clock, gap = clock + gap, 0.0
        if phone == "R" and out and out[-1][0] in {"AH", "ER"}:
            out[-1] = ("ER", *out[-1][1:])
            phone = "ER"
        elif phone == "AH" and symbols[position + 1 : position + 2] == ["ɹ"]:
            phone = "ER"
        span, held = held + float(length), 0.0
        for name, share in ARPABET[phone]:
            out.append((name, clock, clock + share * span))
            clock += share * span
    shifted = ((name, max(a - LEAD_S, start), max(b - LEAD_S, start)) for name, a, b in out)
    return [(name, round(a, 4), round(b, 4)) for name, a, b in shifted if b > a]
