"""Check the inference providers, by a self-test each, and the codecs, by encoding a sample."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from appliance.doctor.context import Context
from appliance.doctor.line import Line, fail, ok, warn
from appliance.errors import LecternError
from appliance.lips.manifest import load_manifest
from appliance.lips.measure import best_of, measure
from appliance.media.encode import SegmentWriter
from appliance.media.engine import find_encoder, measure_presets, release_of, try_out
from appliance.media.picture import ColorSpec
from appliance.telemetry.board import is_jetson

_NAMES = {"tensorrt": "TensorRT", "cuda": "CUDA", "cpu": "CPU"}
_PROVIDERS = ("tensorrt", "cuda")


def engines(context: Context) -> Iterator[Line]:
    """Check each provider in each precision, and report which one is used for rendering."""
    lips = context.config.lips
    manifest = load_manifest(lips.model, context.project / "models_lite")
    box = context.engines
    threads = context.config.video.threads or 1
    verdicts = measure(manifest, lips.providers, box, threads, context.listen, anew=True)
    for verdict in verdicts:
        name = _NAMES[verdict.provider]
        if verdict.passed:
            yield ok(
                "engine_passed", provider=name, precision=verdict.precision,
                ms=verdict.ms, batch=verdict.batch,
            )  # fmt: skip
        elif verdict.provider == "cpu":
            yield warn("precision_refused", precision=verdict.precision, reason=verdict.reason)
        else:
            yield warn(
                "engine_refused",
                provider=name,
                precision=verdict.precision,
                reason=verdict.reason,
            )
    if is_jetson(context.root):
        tried = {verdict.provider for verdict in verdicts}
        for provider in _PROVIDERS:
            if provider in lips.providers and provider not in tried:
                yield warn("engine_absent", provider=_NAMES[provider])
    best = best_of(manifest, verdicts)
    if best is None:
        reasons = "; ".join(f"{verdict.provider}: {verdict.reason}" for verdict in verdicts)
        yield fail("engine_none", reason=reasons or "no precision to test")
        return
    wanted = best
    if lips.precision != "auto":
        mine = [v for v in verdicts if v.passed and v.precision == lips.precision]
        if not mine:
            reasons = f"{lips.precision} passes nowhere"
            yield fail("engine_none", reason=reasons)
            return
        wanted = mine[0]
    yield ok(
        "engine_chosen",
        provider=_NAMES[wanted.provider],
        precision=wanted.precision,
        ms=wanted.ms,
    )


def codecs(context: Context) -> Iterator[Line]:
    """Check that audio and video can be encoded, and report which encoder is used."""
    reason = _try_sound()
    if reason:
        yield fail("codec_missing", codec="AAC", reason=reason)
    reason = try_out(lambda path, w, h: SegmentWriter(path, w, h, Fraction(25), ColorSpec()))
    if reason:
        yield fail("codec_missing", codec="H.264", reason=reason)
        return
    state, release = context.config.root / "state", release_of(context.root)
    video = context.config.video
    encoder = find_encoder(video, state, release, which=context.which)
    if encoder.name == "nvenc":
        yield ok("encoder_hardware")
        return
    if release and video.encoder != "x264":
        yield ok("nvenc_absent", reason=encoder.reason)
    try:
        times = measure_presets(state, release, threads=video.threads)
    except LecternError as error:
        yield fail("codec_missing", codec="H.264", reason=error.text())
        return
    preset = find_encoder(video, state, release, which=context.which).preset
    fastest = min(times, key=times.__getitem__)
    yield ok("codecs", preset=preset, ms=times.get(preset, times[fastest]))


def _try_sound() -> str:
    """Encode a few milliseconds of silence as AAC; return the error text, empty on success."""
    with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
        try:
            with av.open(str(Path(folder) / "a.mp4"), "w") as container:
                stream = container.add_stream("aac", rate=48000)
                frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
                frame.sample_rate = 48000
                for plane in frame.planes:
                    plane.update(bytes(plane.buffer_size))
                container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
        except (av.FFmpegError, OSError, ValueError) as error:
            return str(error)
    return ""
