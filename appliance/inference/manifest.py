"""A model on disk: its manifest ``model.json`` and the files that it lists with their hashes.

Two kinds are supported: ``lectern``, Lectern's own motion and renderer, and ``wav2lip``,
any ONNX file with Wav2Lip's interface, given by its path or by a manifest.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import BadInput, Fault
from appliance.files.atomic import sha256

Precision = Literal["fp32", "fp16", "int8"]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class WeightFile(_Entry):
    """One file beside the manifest; ``sha256`` may be empty for a file that the user provides.

    ``golden`` is the network's output for the fixed input of :mod:`appliance.inference.golden`.
    """

    file: str
    sha256: str = ""
    golden: dict[str, list[list[float]]] = Field(default_factory=dict)


class Manifest(_Entry):
    """The content of ``model.json``.

    ``files`` maps precision and role to a file; a role listed under ``any`` applies to every
    precision. Roles: ``motion``, ``basis`` and ``renderer`` (lectern); ``generator`` (wav2lip).
    """

    name: str
    kind: Literal["lectern", "wav2lip"]
    version: str = "0"
    licence: str = "unknown"
    files: dict[str, dict[str, WeightFile]]
    motion: dict[str, float] = Field(default_factory=dict)
    quantization: dict[str, Any] = Field(default_factory=dict)
    folder: Path = Field(default=Path(), exclude=True)

    @property
    def main_role(self) -> str:
        """The role of the network that runs once per frame."""
        return "renderer" if self.kind == "lectern" else "generator"

    def precisions(self) -> list[str]:
        """Return the available precisions of the model."""
        return [p for p in ("fp32", "fp16", "int8") if p in self.files]

    def entry(self, role: str, precision: str) -> WeightFile:
        """Return the entry of ``role``. Raises ``Fault("model_damaged")`` if there is none."""
        entry = self.files.get(precision, {}).get(role) or self.files.get("any", {}).get(role)
        if entry is None:
            raise Fault("model_damaged", name=self.name, part=role)
        return entry

    def fidelity_db(self, precision: str) -> float | None:
        """Return the PSNR in dB of ``precision`` against float32, on real mouths.

        It was measured when the model was made; ``None`` if it was not.
        """
        key = {"int8": "psnr_db", "fp16": "fp16_psnr_db"}.get(precision)
        value = self.quantization.get(key) if key else None
        return float(value) if isinstance(value, (int, float)) else None

    def path(self, role: str, precision: str) -> Path:
        """Return the file for ``role`` after checking its hash.

        Raises ``Fault("model_damaged")`` when the file is missing or its hash differs.
        """
        entry = self.entry(role, precision)
        path = self.folder / entry.file
        if not path.is_file() or (entry.sha256 and sha256(path) != entry.sha256):
            raise Fault("model_damaged", name=self.name, part=entry.file)
        return path

    def digest(self, precision: str) -> str:
        """Return a SHA-256 over all files of ``precision``, which identifies the model."""
        roles = {**self.files.get("any", {}), **self.files.get(precision, {})}
        joined = "".join(sha256(self.folder / roles[role].file) for role in sorted(roles))
        return hashlib.sha256(joined.encode()).hexdigest()


def load_manifest(name: str, models: Path) -> Manifest:
    """Load the model ``name`` from ``models``, or the manifest or ONNX file at that path.

    Raises ``BadInput("model_unknown")`` if there is none and ``BadInput("model_unreadable")`` if
    its manifest is invalid.
    """
    candidate = Path(name)
    if candidate.suffix == ".onnx" and candidate.is_file():
        files = {"fp32": {"generator": WeightFile(file=candidate.name)}}
        return Manifest(name=candidate.stem, kind="wav2lip", files=files, folder=candidate.parent)
    for path in (candidate, candidate / "model.json", models / name / "model.json"):
        if path.is_file() and path.name.endswith(".json"):
            return _read(path)
    known = ", ".join(sorted(p.parent.name for p in models.glob("*/model.json"))) or "-"
    raise BadInput("model_unknown", name=name, known=known)


def _read(path: Path) -> Manifest:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Manifest.model_validate({**values, "folder": path.parent})
    except (ValueError, TypeError, ValidationError) as error:
        raise BadInput("model_unreadable", name=path.name) from error
