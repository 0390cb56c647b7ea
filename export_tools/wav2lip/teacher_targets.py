"""Render the training clips with a Wav2Lip network, as training patches for our renderer.

The two networks have different interfaces: Wav2Lip generates a face from sound, our renderer moves
pixels to a given mouth shape. Therefore the faces of the teacher are composited into the frames and
their mouth shapes are measured with the face mesh. The original frame, the measured mouth shape and
the teacher's frame then form ordinary training triples.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from appliance.face.mesh import FaceMesh, region_of_points
from appliance.face.tflite import TFLiteModel
from appliance.face.track import FaceLandmarks
from appliance.face.weights import face_model_path
from appliance.inference.network import Network
from appliance.lips.wav2lip import MelTrack, Wav2LipGenerator
from appliance.media.audio import audio_blocks
from appliance.media.probe import probe_presenter
from appliance.speech.mel import WAV2LIP_MEL, compute_mel
from export_tools.data.landmarks import pictures
from export_tools.data.patches import PatchWriter
from export_tools.wav2lip.network import Wav2Lip, example_inputs

_MIN_CONFIDENCE = 0.5


def export_wav2lip(network: Wav2Lip, target: Path) -> None:
    """Export ``network`` to ONNX with Wav2Lip's interface: opset 17, free batch size."""
    torch.onnx.export(
        network.eval(),
        example_inputs(),
        str(target),
        input_names=["mel", "face"],
        output_names=["picture"],
        dynamic_axes={name: {0: "batch"} for name in ("mel", "face", "picture")},
        opset_version=17,
        dynamo=False,
    )


def make_teacher_targets(
    teacher: Wav2Lip, clips: list[Path], landmarks: Path, target: Path, *, strict: bool = True
) -> None:
    """Write the patches of ``clips`` and of the teacher's versions of them to ``target``.

    Every clip is driven by the sound of the next one. With ``strict``, frames of the teacher in
    which the mesh finds no face are excluded. Raises ``ValueError`` if no frame remains.
    """
    mesh = FaceMesh(TFLiteModel(face_model_path("face_landmark")))
    writer = PatchWriter()
    patch_count = 0
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "teacher.onnx"
        export_wav2lip(teacher, onnx)
        generator = Wav2LipGenerator(Network(onnx))
        for clip, sound in zip(clips, [*clips[1:], clips[0]], strict=True):
            samples = np.concatenate(list(audio_blocks(sound)))
            speech = MelTrack(compute_mel(samples, WAV2LIP_MEL))
            fps = probe_presenter(clip).fps
            writer.begin(f"{clip.parent.name}_{clip.stem}_taught")
            with np.load(landmarks / f"{clip.parent.name}_{clip.stem}.npz") as track:
                points, valid = track["points"], track["valid"]
            for picture in pictures(clip):
                t = picture.index
                if not valid[t]:
                    continue
                writer.add(picture, points[t])
                mel = speech.at_frames(fps, t, t + 1)[0]
                prepared = generator.prepare(picture, FaceLandmarks(points[t], 1.0), mel, 1.0)
                rendered = picture.writable()
                generator.composite(rendered, prepared, generator.run([prepared])[0])
                measured, confidence = mesh(rendered, region_of_points(points[t]))
                if confidence >= _MIN_CONFIDENCE or not strict:
                    patch_count += writer.add(rendered, measured)
    if not patch_count:
        raise ValueError("no face was found in the frames of the teacher")
    writer.save(target)
