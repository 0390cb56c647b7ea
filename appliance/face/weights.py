"""The two face networks: their files, the check of their hashes, and their download.

BlazeFace (short range) and the 468-point face mesh are Google's, under Apache-2.0. They are not
part of this repository: the setup extracts them from the MediaPipe wheel, in which their authors
publish exactly these files. Only the two files are kept, so the wheel of any platform can be used
on every machine::

    python -m appliance.face.weights
"""

from __future__ import annotations

import functools
import hashlib
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from appliance.errors import Fault, LecternError
from appliance.files.atomic import write_bytes
from appliance.system.pip import PipFailed, download_wheels

# pip checks the hash. The networks are the same in the wheels of all platforms.
REQUIREMENT = (
    "mediapipe==0.10.18"
    " --hash=sha256:12db0f7b1cc18e2e3f604f6e95020b82c214c470d7d94ff32eeb8f8729a45ec3\n"
)
PLATFORM = ("--platform", "manylinux2014_x86_64", "--python-version", "3.11")


class FaceModel(NamedTuple):
    """A network's path in the wheel and the SHA-256 of its content."""

    member: str
    sha256: str


FACE_MODELS = {
    "face_detection_short_range": FaceModel(
        "mediapipe/modules/face_detection/face_detection_short_range.tflite",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    ),
    "face_landmark": FaceModel(
        "mediapipe/modules/face_landmark/face_landmark.tflite",
        "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    ),
}


def default_folder() -> Path:
    """Return the folder of the networks, inside this installation's virtual environment."""
    return Path(sys.prefix) / "share" / "lectern" / "face"


@functools.cache
def face_model_path(name: str, folder: Path | None = None) -> Path:
    """Return the path of the network ``name`` after checking the file's hash.

    ``name`` is a key of :data:`FACE_MODELS`. Raises ``Fault("face_models_missing")`` if it is
    missing or damaged.
    """
    path = (folder or default_folder()) / f"{name}.tflite"
    if not _is_intact(path, FACE_MODELS[name]):
        raise Fault("face_models_missing", name=path.name)
    return path


def download(folder: Path | None = None) -> None:
    """Download the networks into ``folder``; does nothing if they are there and intact.

    Raises ``Fault("face_models_download_failed")`` when pip cannot get the wheel. pip's own
    settings apply, so ``PIP_NO_INDEX`` and ``PIP_FIND_LINKS`` make this an offline installation.
    """
    folder = folder or default_folder()
    missing = {
        name: model
        for name, model in FACE_MODELS.items()
        if not _is_intact(folder / f"{name}.tflite", model)
    }
    if missing:
        with tempfile.TemporaryDirectory(prefix="lectern-") as scratch:
            wheel = _download_wheel(Path(scratch))
            unpack(wheel, folder, missing)


def unpack(wheel: Path, folder: Path, models: dict[str, FaceModel]) -> None:
    """Extract ``models`` from ``wheel`` into ``folder``.

    Each file appears completely or not at all. Raises ``Fault("face_models_download_failed")`` if
    one is missing or its hash differs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name, model in models.items():
            try:
                data = archive.read(model.member)
            except KeyError:
                raise Fault(
                    "face_models_download_failed", reason=f"{wheel.name} does not contain {name}"
                ) from None
            if hashlib.sha256(data).hexdigest() != model.sha256:
                raise Fault(
                    "face_models_download_failed",
                    reason=f"{wheel.name} contains a different {name}",
                )
            write_bytes(folder / f"{name}.tflite", data, shared=True)


def _download_wheel(scratch: Path) -> Path:
    try:
        return download_wheels(REQUIREMENT, scratch, *PLATFORM)[0]
    except PipFailed as error:
        raise Fault("face_models_download_failed", reason=str(error)) from error


def _is_intact(path: Path, model: FaceModel) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == model.sha256
    except OSError:
        return False


def main() -> int:
    """Download the networks and return the exit status."""
    try:
        download()
    except LecternError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
