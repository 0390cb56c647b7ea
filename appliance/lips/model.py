"""A loaded model: its networks on a provider, to compute mouth motion and to render mouths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from appliance.errors import BadInput
from appliance.lips.engines import Engines
from appliance.lips.generator import Generator, LecternGenerator
from appliance.lips.manifest import Manifest, sha256
from appliance.lips.motion import Basis
from appliance.lips.presenter import Profile
from appliance.lips.provider import Network
from appliance.lips.selftest import Listen
from appliance.lips.wav2lip import Wav2LipGenerator


@dataclass
class LipModel:
    """The networks of ``manifest`` in one precision; each is opened when first needed."""

    manifest: Manifest
    precision: str
    providers: Sequence[str]
    threads: int = 1
    engines: Engines = field(default_factory=Engines)
    listen: Listen = lambda seconds: None
    _networks: dict[str, Network] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        manifest: Manifest,
        precision: str,
        providers: Sequence[str],
        threads: int = 1,
        engines: Engines | None = None,
        listen: Listen = lambda seconds: None,
    ) -> LipModel:
        """Return the model in ``precision``.

        ``auto`` means the precision stored as best for this device (see
        :mod:`appliance.lips.measure`), and until there is one float32, which every provider runs
        exactly. ``listen`` is called with the seconds that a provider's self-test takes. Raises
        ``BadInput("precision_missing")`` when the model lacks ``precision``.
        """
        engines = engines or Engines()
        known = manifest.precisions()
        wanted = precision
        if precision == "auto":
            wanted = engines.verdicts.precision(manifest.digest(known[0])) or "fp32"
            wanted = wanted if wanted in known else known[0]
        if wanted not in known:
            raise BadInput(
                "precision_missing", name=manifest.name, precision=wanted, known=", ".join(known)
            )
        return cls(manifest, wanted, providers, threads, engines, listen)

    def network(self, role: str) -> Network:
        """Return the network for ``role``, opened on first use."""
        if role not in self._networks:
            path: Path = self.manifest.path(role, self.precision)
            own = role in self.manifest.files.get(self.precision, {})
            self._networks[role] = Network(
                path,
                # The motion network runs once per lecture, on inputs of any length, for each of
                # which TensorRT would build an engine; one CPU core processes an hour of audio in
                # seconds.
                ("cpu",) if role == "motion" else self.providers,
                self.threads,
                golden=self.manifest.entry(role, self.precision).golden,
                precision=self.precision if own else "fp32",
                engines=self.engines,
                listen=self.listen,
            )
        return self._networks[role]

    def forget(self, role: str) -> None:
        """Close the network for ``role`` and free its memory, which grows with its longest input.

        It is opened again when it is needed.
        """
        self._networks.pop(role, None)

    @property
    def main(self) -> Network:
        """The network that runs once per frame."""
        return self.network(self._main)

    @property
    def _main(self) -> str:
        return "renderer" if self.manifest.kind == "lectern" else "generator"

    def likely_provider(self) -> str:
        """Return the provider that :attr:`main` will probably use, without opening it.

        That is the first provider that is listed and has not failed its self-test.
        """
        sha = sha256(self.manifest.path(self._main, self.precision))
        for name, listed in self.engines.available(self.providers).items():
            verdict = self.engines.verdicts.find(sha, name)
            if listed and (verdict is None or verdict.passed):
                return name
        return "cpu"

    @cached_property
    def basis(self) -> Basis:
        """The basis of mouth movement that the motion network's coefficients refer to."""
        return Basis.load(self.manifest.path("basis", self.precision))

    def generator(self, profile: Profile, amplitude: float) -> Generator:
        """Return the generator for one presenter.

        ``amplitude`` is the user's setting; 1 is natural.
        """
        if self.manifest.kind == "wav2lip":
            return Wav2LipGenerator(self.main)
        return LecternGenerator(self.main, self.basis, profile, amplitude)
