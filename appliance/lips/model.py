"""A loaded model: its networks on a provider, ready to hear a lecture and to move a mouth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from appliance.errors import BadInput
from appliance.lips.generator import Generator, LecternGenerator
from appliance.lips.manifest import Manifest
from appliance.lips.motion import Basis
from appliance.lips.presenter import Profile
from appliance.lips.provider import Network
from appliance.lips.wav2lip import Wav2LipGenerator


@dataclass
class LipModel:
    """The networks of ``manifest`` in one precision; each is opened when it is first needed."""

    manifest: Manifest
    precision: str
    providers: Sequence[str]
    threads: int = 1
    _networks: dict[str, Network] = field(default_factory=dict)

    @classmethod
    def open(
        cls, manifest: Manifest, precision: str, providers: Sequence[str], threads: int = 1
    ) -> LipModel:
        """Raises ``BadInput("precision_missing")`` when the model lacks ``precision``.

        ``auto`` is float32, which every provider runs exactly.
        """
        wanted = "fp32" if precision == "auto" else precision
        known = manifest.precisions()
        if precision == "auto" and wanted not in known:
            wanted = known[0]
        if wanted not in known:
            raise BadInput(
                "precision_missing", name=manifest.name, precision=wanted, known=", ".join(known)
            )
        return cls(manifest, wanted, providers, threads)

    def network(self, role: str) -> Network:
        """The network for ``role``."""
        if role not in self._networks:
            path: Path = self.manifest.path(role, self.precision)
            self._networks[role] = Network(path, self.providers, self.threads)
        return self._networks[role]

    @property
    def main(self) -> Network:
        """The network that runs once a frame."""
        return self.network("renderer" if self.manifest.kind == "lectern" else "generator")

    @cached_property
    def basis(self) -> Basis:
        """The directions of mouth movement that the motion network speaks in."""
        return Basis.load(self.manifest.path("basis", self.precision))

    def generator(self, profile: Profile, amplitude: float) -> Generator:
        """The generator for one presenter; ``amplitude`` is the user's wish, 1 is natural."""
        if self.manifest.kind == "wav2lip":
            return Wav2LipGenerator(self.main)
        return LecternGenerator(self.main, self.basis, profile, amplitude)
