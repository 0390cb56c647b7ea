"""Choose the encoder of this device: the hardware encoder if it passes a test, else x264.

A device tree may list an encoder that does not exist (Orin Nano), so one frame is encoded and
decoded as a test. The result is kept in ``state/hardware/encoder.json`` as long as the system
release stays the same. The preset of x264 is stored there as well, once the doctor has measured its
speed.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from appliance.config import VideoConfig
from appliance.errors import LecternError
from appliance.files.atomic import write_text
from appliance.media.container import libav_url
from appliance.media.gstreamer import PROGRAM, GStreamerWriter, nvenc_elements
from appliance.media.picture import Picture, VideoFormat
from appliance.media.segment_writer import SegmentWriter
from appliance.media.x264 import X264Writer
from appliance.telemetry.board import l4t_version

log = logging.getLogger("lectern.media")

ENCODER_FILE = "hardware/encoder.json"
_GOP = 250
_PRESETS = ("veryfast", "superfast", "ultrafast")
# The time of a frame at twice the speed of 25 frames per second: an encoder this fast, measured at
# 1920 × 1080, does not slow down the other stages.
_MAX_FRAME_MS = 20.0
_BUSY_SHARE = 0.8  # share of the cores that x264's threads keep busy
_TEST_CLIP = (1920, 1080, 24)  # width, height, frames

Which = Callable[[str], "str | None"]


@dataclass(frozen=True)
class Encoder:
    """The encoder in use.

    ``reason`` says why the hardware encoder is not used. ``ms`` is the time that x264 takes for a
    frame of 1920 × 1080, in ms; 0 if it was not measured. ``release`` is the system release.
    """

    name: str = "x264"
    preset: str = "veryfast"
    reason: str = ""
    ms: float = 0.0
    release: str = ""

    def open(
        self,
        path: Path,
        video_format: VideoFormat,
        *,
        crf: int,
        threads: int = 0,
    ) -> SegmentWriter:
        """Return a writer for one segment; raises like :class:`X264Writer`."""
        if self.name == "nvenc":
            return GStreamerWriter(path, video_format, elements=nvenc_elements(crf, _GOP))
        return X264Writer(
            path, video_format, crf=crf, preset=self.preset, threads=threads, gop=_GOP
        )


def l4t_release(root: Path = Path("/")) -> str:
    """Return the name of NVIDIA's system release, such as ``l4t36.4.3``; empty on other systems."""
    release = l4t_version(root)
    return f"l4t{release}" if release else ""


def resolve_encoder(video: VideoConfig, state: Path) -> VideoConfig:
    """Return ``video`` with the encoder and preset that this device uses for the next job.

    ``state`` is the folder of the stored choice.
    """
    encoder = choose_encoder(video, state, l4t_release())
    return video.model_copy(update={"encoder": encoder.name, "preset": encoder.preset})


def encoder_for(video: VideoConfig) -> Encoder:
    """Return the encoder of a job whose settings have passed :func:`resolve_encoder`."""
    return Encoder(
        "nvenc" if video.encoder == "nvenc" else "x264",
        "veryfast" if video.preset == "auto" else video.preset,
    )


def choose_encoder(
    video: VideoConfig, state: Path, release: str, *, which: Which = shutil.which
) -> Encoder:
    """Choose the encoder for a job with the settings ``video``.

    ``release`` is the name of NVIDIA's system release (``l4t36.4.3``). It is empty on other
    systems, where no hardware encoder is supported. An earlier result in ``state`` is valid for the
    same release.
    """
    stored = load_encoder_choice(state, release)
    preset: str = video.preset
    if preset == "auto":
        preset = stored.preset if stored else "veryfast"
    if video.encoder == "x264" or not release or video.crf == 0:
        reason = "only x264 encodes lossless video" if release and video.crf == 0 else ""
        return Encoder("x264", preset, reason, release=release)
    if stored is None:
        stored = Encoder(reason=test_nvenc(video.crf, which), release=release)
        stored = replace(stored, name="x264" if stored.reason else "nvenc")
        save_encoder_choice(state, stored)
    return replace(stored, preset=preset)


def test_nvenc(crf: int, which: Which = shutil.which) -> str:
    """Test the hardware encoder with one frame.

    Returns why it cannot be used, or an empty string.
    """
    program = which(PROGRAM)
    if program is None:
        return f"{PROGRAM} is not installed"
    return test_encoder(lambda path, video_format: GStreamerWriter(
        path, video_format, elements=nvenc_elements(crf, _GOP), program=program
    ))  # fmt: skip


def test_encoder(open_writer: Callable[[Path, VideoFormat], SegmentWriter]) -> str:
    """Write one grey frame and read it back; return what went wrong, or an empty string."""
    with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
        path = Path(folder) / "one.mp4"
        picture = Picture.blank(256, 144)
        picture.y[:] = 90
        try:
            writer = open_writer(path, VideoFormat(256, 144, Fraction(25)))
            try:
                writer.write(picture)
                writer.close()
            except BaseException:
                writer.abort()
                raise
            with av.open(libav_url(path)) as container:
                frames = list(container.decode(video=0))
        except LecternError as error:
            return str(error.details.get("reason", error))
        except (OSError, av.FFmpegError) as error:
            return str(error)
        decoded_luma = Picture.from_av(frames[0], 0).y if frames else np.zeros(1)
        return "" if abs(float(np.mean(decoded_luma)) - 90) < 5 else "the decoded picture is wrong"


def measure_presets(
    state: Path,
    release: str,
    *,
    threads: int = 0,
    cores: int = 0,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """Time x264 with frames of 1920 × 1080 and choose the first preset that is fast enough.

    Returns ms per frame by preset and stores the choice. CPU time is measured and divided by
    ``cores`` (0: those of this machine), so that a job running at the same time does not distort
    it. ``threads`` 0: one per core.
    """
    busy_cores = max((threads or cores or os.cpu_count() or 1) * _BUSY_SHARE, 1.0)
    times: dict[str, float] = {}
    for preset in _PRESETS:
        times[preset] = round(_measure_frame_ms(preset, threads, clock) / busy_cores, 2)
        if times[preset] <= _MAX_FRAME_MS:
            break
    best = next((p for p, ms in times.items() if ms <= _MAX_FRAME_MS), _PRESETS[-1])
    stored = load_encoder_choice(state, release) or Encoder(release=release)
    save_encoder_choice(state, replace(stored, preset=best, ms=times[best]))
    return times


def _measure_frame_ms(preset: str, threads: int, clock: Callable[[], float]) -> float:
    """Return the ms per frame for a moving texture."""
    width, height, count = _TEST_CLIP
    texture = np.random.default_rng(0).integers(60, 180, (height // 8, width // 8), np.uint8)
    texture = np.kron(texture, np.ones((8, 8), np.uint8))
    with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
        path = Path(folder) / "trial.mp4"
        video_format = VideoFormat(width, height, Fraction(25))
        writer = X264Writer(path, video_format, preset=preset, threads=threads)
        picture = Picture.blank(width, height)
        spent = 0.0
        for number in range(count):
            picture = picture.writable()
            picture.y[:] = np.roll(texture, 3 * number, axis=1)
            begin = clock()
            writer.write(picture)
            spent += clock() - begin
        begin = clock()
        writer.close()
        spent += clock() - begin
    return 1000 * spent / count


def load_encoder_choice(state: Path, release: str) -> Encoder | None:
    """Return the stored result for this release, or ``None``."""
    try:
        stored = Encoder(**json.loads((state / ENCODER_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return stored if stored.release == release and stored.name in ("x264", "nvenc") else None


def save_encoder_choice(state: Path, encoder: Encoder) -> None:
    """Store the result; if it cannot be written, the encoder is tested again each time."""
    try:
        (state / ENCODER_FILE).parent.mkdir(parents=True, exist_ok=True)
        write_text(state / ENCODER_FILE, json.dumps(asdict(encoder)), shared=True)
    except OSError as error:
        log.warning("%s cannot be written: %s", ENCODER_FILE, error.strerror)


def mark_encoder_failed(state: Path, name: str, reason: str, release: str | None = None) -> None:
    """Record that the encoder ``name`` failed during a job: the next attempt uses x264."""
    log.warning("%s failed during a job: %s", name, reason)
    release = l4t_release() if release is None else release
    stored = load_encoder_choice(state, release) or Encoder(release=release)
    save_encoder_choice(
        state, replace(stored, name="x264", reason=f"it failed during a job: {reason}")
    )
