"""Features of speech from the middle layers of whisper-base's encoder.

The layers after the second and the third block describe the sounds of any language, and the mouth
movements that cause them, better than the last layer, which describes words. The encoder works on
windows of 7 s (:mod:`appliance.speech.log_mel`), so memory does not grow with the lecture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from appliance.inference.network import Network
from appliance.inference.providers import Providers
from appliance.inference.selftest import OnElapsed
from appliance.speech.log_mel import log_mel_windows
from appliance.speech.whisper_weights import encoder_path, golden_output

Array = npt.NDArray[np.float32]

RATE_HZ = 50.0
"""Steps per second; step ``i`` describes the sound around ``i / RATE_HZ``."""


class Features(NamedTuple):
    """Consecutive steps of both layers, (n, 512) each."""

    layer2: Array
    layer3: Array


class SpeechEncoder:
    """The encoder on one provider. The graph determines the shape of ``network``'s input."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @classmethod
    def open(
        cls,
        provider_names: Sequence[str] = ("cpu",),
        threads: int = 1,
        providers: Providers | None = None,
        on_elapsed: OnElapsed = lambda seconds: None,
    ) -> SpeechEncoder:
        """Open the installed encoder on the first of ``provider_names`` that passes its self-test.

        Raises ``Fault("speech_encoder_missing")`` without its weights. The other parameters are
        those of :class:`~appliance.inference.network.Network`.
        """
        network = Network(
            encoder_path(),
            provider_names,
            threads,
            golden=golden_output(),
            providers=providers,
            on_elapsed=on_elapsed,
        )
        return cls(network)

    def features(self, blocks: Iterable[Array]) -> Iterator[Features]:
        """Convert blocks of mono audio in [-1, 1] at 16 kHz to features, about 5 s at a time.

        There is one step per 20 ms from the first sample to the last. They do not depend on the
        sizes of the blocks. Raises ``Fault("inference_failed")``.
        """
        for window in log_mel_windows(blocks):
            outputs = self.network({"mel": window.mel[None]})
            yield Features(*(window.own_steps(outputs[name][0]) for name in Features._fields))
