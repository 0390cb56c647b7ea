"""Features of speech, 256 components at 50 Hz, for everything that listens.

Devices use the student, a small convolutional network that is part of this repository. Its teacher,
the middle layers of whisper-base, yields the same components and is needed for training only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from appliance.config import PROJECT
from appliance.inference.golden import Golden
from appliance.inference.network import Network
from appliance.inference.providers import Providers
from appliance.inference.selftest import OnElapsed
from appliance.speech.log_mel import log_mel_windows
from appliance.speech.whisper_encoder import SpeechEncoder

Array = npt.NDArray[np.float32]

COMPONENTS = 256
GRAPH, DESCRIPTION, PROJECTION = "encoder.onnx", "encoder.json", "projection.npz"
INPUT, OUTPUT = "mel", "components"


class ComponentEncoder(Protocol):
    """An encoder of speech; step ``i`` describes the sound around ``i / 50`` s."""

    @property
    def network(self) -> Network:
        """The network, for its provider and its cost."""

    def features(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """Convert blocks of mono audio in [-1, 1] at 16 kHz to features (n, 256), about 5 s each.

        There is one step per 20 ms from the first sample to the last. The features do not depend
        on the sizes of the blocks. Raises ``Fault("inference_failed")``.
        """


class StudentEncoder:
    """The student on one provider."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @classmethod
    def open(
        cls,
        provider_names: Sequence[str] = ("cpu",),
        threads: int = 1,
        providers: Providers | None = None,
        on_elapsed: OnElapsed = lambda seconds: None,
    ) -> StudentEncoder:
        """Open the student on the first of ``provider_names`` that passes its self-test.

        The parameters are those of :class:`~appliance.inference.network.Network`.
        """
        return cls(
            Network(
                model_folder() / GRAPH,
                provider_names,
                threads,
                golden=golden_output(),
                providers=providers,
                on_elapsed=on_elapsed,
            )
        )

    def features(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """See :class:`ComponentEncoder`."""
        for window in log_mel_windows(blocks):
            yield window.own_steps(self.network({INPUT: window.mel[None]})[OUTPUT][0])


class TeacherEncoder:
    """The teacher, projected to the components that the student learned."""

    def __init__(self, encoder: SpeechEncoder, matrix: Array, bias: Array) -> None:
        self._encoder = encoder
        self._matrix, self._bias = matrix, bias

    @classmethod
    def open(
        cls,
        provider_names: Sequence[str] = ("cpu",),
        threads: int = 1,
        providers: Providers | None = None,
        on_elapsed: OnElapsed = lambda seconds: None,
    ) -> TeacherEncoder:
        """Open the installed teacher like :meth:`StudentEncoder.open`.

        Raises ``Fault("speech_encoder_missing")`` without its weights.
        """
        encoder = SpeechEncoder.open(provider_names, threads, providers, on_elapsed)
        return cls(encoder, *load_projection())

    @property
    def network(self) -> Network:
        """The teacher's network."""
        return self._encoder.network

    def features(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """See :class:`ComponentEncoder`."""
        for part in self._encoder.features(blocks):
            yield np.concatenate(part, axis=1) @ self._matrix + self._bias


def model_folder() -> Path:
    """Return the folder of the repository or package that contains the student."""
    return PROJECT / "models_lite" / "speech-encoder"


def golden_output() -> Golden:
    """Return the reference output of the student for the self-test of a provider."""
    description = json.loads((model_folder() / DESCRIPTION).read_text(encoding="utf-8"))
    golden: Golden = description["golden"]
    return golden


def load_projection() -> tuple[Array, Array]:
    """Return the matrix (1024, 256) from the teacher's features to components, and the bias."""
    with np.load(model_folder() / PROJECTION) as data:
        return data["matrix"].astype(np.float32), data["bias"].astype(np.float32)
