"""Check the inference providers, by a self-test each, and the codecs, by encoding a sample."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import av

from appliance.doctor.context import DoctorContext
from appliance.doctor.finding import Finding, fail, ok, warn
from appliance.errors import LecternError
from appliance.inference.manifest import load_manifest
from appliance.inference.precision import benchmark_precisions, choose_best
from appliance.media.encoder import choose_encoder, l4t_release, measure_presets, test_encoder
from appliance.media.x264 import X264Writer
from appliance.telemetry.board import is_jetson

_NAMES = {"tensorrt": "TensorRT", "cuda": "CUDA", "cpu": "CPU"}
_PROVIDERS = ("tensorrt", "cuda")


def check_inference(context: DoctorContext) -> Iterator[Finding]:
    """Check each provider in each precision, and report which one is used for rendering."""
    lips = context.config.lips
    manifest = load_manifest(lips.model, context.project / "models_lite")
    providers = context.providers
    threads = context.config.video.threads or 1
    results = benchmark_precisions(
        manifest, lips.providers, providers, threads, context.on_progress, retest=True
    )
    for result in results:
        name = _NAMES[result.provider]
        if result.passed:
            yield ok(
                "provider_passed", provider=name, precision=result.precision,
                ms=result.ms, batch=result.batch,
            )  # fmt: skip
        elif result.provider == "cpu":
            yield warn("precision_failed", precision=result.precision, reason=result.reason)
        else:
            yield warn(
                "provider_failed",
                provider=name,
                precision=result.precision,
                reason=result.reason,
            )
    if is_jetson(context.root):
        tested = {result.provider for result in results}
        for provider in _PROVIDERS:
            if provider in lips.providers and provider not in tested:
                yield warn("provider_missing", provider=_NAMES[provider])
    best = choose_best(manifest, results)
    if best is None:
        reasons = "; ".join(f"{result.provider}: {result.reason}" for result in results)
        yield fail("no_provider", reason=reasons or "no precision to test")
        return
    chosen = best
    if lips.precision != "auto":
        matching = [r for r in results if r.passed and r.precision == lips.precision]
        if not matching:
            reasons = f"{lips.precision} failed the self-test of every provider"
            yield fail("no_provider", reason=reasons)
            return
        chosen = matching[0]
    yield ok(
        "provider_selected",
        provider=_NAMES[chosen.provider],
        precision=chosen.precision,
        ms=chosen.ms,
    )


def check_codecs(context: DoctorContext) -> Iterator[Finding]:
    """Check that audio and video can be encoded, and report which encoder is used."""
    reason = _test_aac_encoder()
    if reason:
        yield fail("encoder_broken", codec="AAC", reason=reason)
    reason = test_encoder(X264Writer)
    if reason:
        yield fail("encoder_broken", codec="H.264", reason=reason)
        return
    state, release = context.config.root / "state", l4t_release(context.root)
    video = context.config.video
    encoder = choose_encoder(video, state, release, which=context.which)
    if encoder.name == "nvenc":
        yield ok("hardware_encoder")
        return
    if release and video.encoder != "x264":
        yield ok("hardware_encoder_unused", reason=encoder.reason)
    try:
        times = measure_presets(state, release, threads=video.threads)
    except LecternError as error:
        yield fail("encoder_broken", codec="H.264", reason=error.text())
        return
    preset = choose_encoder(video, state, release, which=context.which).preset
    fastest = min(times, key=times.__getitem__)
    yield ok("software_encoder", preset=preset, ms=times.get(preset, times[fastest]))


def _test_aac_encoder() -> str:
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
