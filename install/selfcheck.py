"""The self-check of a new version, run by its own Python before it replaces the old version.

It uses each part once that a wrong wheel, a missing library or a damaged file could break. See
``install.release.SelfCheck``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from appliance.config import PROJECT, Config, load_config
from appliance.errors import LecternError
from appliance.face.tflite import TFLiteModel
from appliance.face.weights import FACE_MODELS, face_model_path
from appliance.inference.manifest import load_manifest
from appliance.inference.network import Network
from appliance.jobs.store import JobStore, store_path
from appliance.lips.model import LipModel
from appliance.speech.log_mel import WHISPER_MEL
from appliance.speech.speech_encoder import StudentEncoder


def main() -> int:
    """Run all checks; return 0, or 1 after printing the failed part and its error on stderr."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = load_config(parser.parse_args().config)
    for name, check in CHECKS.items():
        try:
            check(config)
        except LecternError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
    return 0


def _check_face_networks(config: Config) -> None:
    for name in FACE_MODELS:
        network = TFLiteModel(face_model_path(name))
        outputs = network(np.zeros((network.size, network.size, 3), np.float32))
        if not all(np.isfinite(values).all() for values in outputs):
            raise ValueError(f"{name} computes values that are not finite")


def _check_lip_model(config: Config) -> None:
    manifest = load_manifest(config.lips.model, PROJECT / "models_lite")
    model = LipModel.open(manifest, config.lips.precision, config.lips.providers)
    _run_once(model.main)
    if model.manifest.kind == "lectern":
        silence = np.zeros(WHISPER_MEL.rate, np.float32)
        features = StudentEncoder.open().features([silence])
        values = np.concatenate(list(model.speech_motion.predict(features)))
        if not np.isfinite(values).all():
            raise ValueError("the motion has values that are not finite")


def _run_once(network: Network) -> None:
    shapes = {
        name: [size if isinstance(size, int) else 8 for size in shape]
        for name, shape in network.inputs.items()
    }
    outputs = network({name: np.zeros(shape, np.float32) for name, shape in shapes.items()})
    if not all(np.isfinite(values).all() for values in outputs.values()):
        raise ValueError(
            f"{network.path.name} computes values that are not finite on {network.choice.provider}"
        )


def _check_video(config: Config) -> None:
    import av

    with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
        path = str(Path(folder) / "check.mp4")
        with av.open(path, "w") as output:
            stream = output.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            for _ in range(5):
                picture = np.full((96, 64), 128, np.uint8)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "yuv420p")))
            output.mux(stream.encode(None))
        with av.open(path) as read:
            if sum(1 for _ in read.decode(video=0)) != 5:
                raise ValueError("decoding a video of five frames returned another number")


def _check_queue(config: Config) -> None:
    with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
        path = store_path(Path(folder))
        path.parent.mkdir(parents=True)
        with JobStore(path) as store:
            if list(store.jobs()):
                raise ValueError("a new queue is not empty")


def _check_panel(config: Config) -> None:
    import web.server.gunicorn_app  # noqa: F401 (imports all dependencies of the panel)
    from web.static_files import FOLDER

    if not (FOLDER / "vendor" / "htmx.js").is_file():
        raise ValueError("the panel's scripts are missing")


CHECKS: dict[str, Callable[[Config], None]] = {
    "face networks": _check_face_networks,
    "lip network": _check_lip_model,
    "video": _check_video,
    "queue": _check_queue,
    "panel": _check_panel,
}

if __name__ == "__main__":
    sys.exit(main())
