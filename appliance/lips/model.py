"""A loaded model: its networks on a provider, to compute mouth motion and to render mouths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from appliance.errors import BadInput
from appliance.files.atomic import sha256
from appliance.inference.manifest import Manifest
from appliance.inference.network import Network
from appliance.inference.providers import Providers
from appliance.inference.selftest import OnElapsed
from appliance.lips.generator import Generator, LecternGenerator
from appliance.lips.motion import MotionBasis
from appliance.lips.profile import Profile
from appliance.lips.speech_motion import SpeechMotion
from appliance.lips.wav2lip import Wav2LipGenerator


@dataclass
class LipModel:
    """The networks of ``manifest`` in one precision; each is opened when first needed."""

    manifest: Manifest
    precision: str
    provider_names: Sequence[str]
    threads: int = 1
    providers: Providers = field(default_factory=Providers)
    on_elapsed: OnElapsed = lambda seconds: None
    _networks: dict[str, Network] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        manifest: Manifest,
        precision: str,
        provider_names: Sequence[str],
        threads: int = 1,
        providers: Providers | None = None,
        on_elapsed: OnElapsed = lambda seconds: None,
    ) -> LipModel:
        """Return the model in ``precision``.

        ``auto`` means the precision stored as best for this device (see
        :mod:`appliance.inference.precision`). Until one is stored, it means float32, which every
        provider runs exactly. ``on_elapsed`` is called with the seconds that a provider's self-test
        takes. Raises ``BadInput("precision_unavailable")`` when the model lacks ``precision``.
        """
        providers = providers or Providers()
        available = manifest.precisions()
        chosen = precision
        if precision == "auto":
            chosen = providers.results.precision(manifest.digest(available[0])) or "fp32"
            chosen = chosen if chosen in available else available[0]
        if chosen not in available:
            raise BadInput(
                "precision_unavailable",
                name=manifest.name,
                precision=chosen,
                known=", ".join(available),
            )
        return cls(manifest, chosen, provider_names, threads, providers, on_elapsed)

    def network(self, role: str) -> Network:
        """Return the network for ``role``, opened on first use."""
        if role not in self._networks:
            path: Path = self.manifest.path(role, self.precision)
            in_precision = role in self.manifest.files.get(self.precision, {})
            self._networks[role] = Network(
                path,
                self.provider_names,
                self.threads,
                golden=self.manifest.entry(role, self.precision).golden,
                precision=self.precision if in_precision else "fp32",
                providers=self.providers,
                on_elapsed=self.on_elapsed,
            )
        return self._networks[role]

    def close_network(self, role: str) -> None:
        """Close the network for ``role`` and free its memory; it is opened again when needed."""
        self._networks.pop(role, None)

    @property
    def main(self) -> Network:
        """The network that runs once per frame."""
        return self.network(self.manifest.main_role)

    def likely_provider(self) -> str:
        """Return the provider that :attr:`main` will probably use, without opening it.

        That is the first provider that is listed and has not failed its self-test.
        """
        sha = sha256(self.manifest.path(self.manifest.main_role, self.precision))
        for name, listed in self.providers.available(self.provider_names).items():
            result = self.providers.results.get(sha, name)
            if listed and (result is None or result.passed):
                return name
        return "cpu"

    @cached_property
    def basis(self) -> MotionBasis:
        """The basis of mouth movement that the motion network's coefficients refer to."""
        return MotionBasis.load(self.manifest.path("basis", self.precision))

    @cached_property
    def speech_motion(self) -> SpeechMotion:
        """The motion that is predicted from speech."""
        return SpeechMotion.load(self.manifest.path("motion", self.precision))

    def generator(self, profile: Profile, amplitude: float) -> Generator:
        """Return the generator for one presenter.

        ``amplitude`` is the user's setting; 1 is natural.
        """
        if self.manifest.kind == "wav2lip":
            return Wav2LipGenerator(self.main)
        return LecternGenerator(self.main, self.basis, profile, amplitude)
