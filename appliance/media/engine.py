"""Which encoder writes the videos of this box: the hardware's where it proves itself, else x264.

A device tree may list an encoder that is not there (Orin Nano), so one picture is encoded and
decoded to find out. What was found is kept in ``state/encoder.json`` for as long as the system's
release stays; x264's preset is chosen there, too, when the doctor has measured its speed.
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

from appliance.config import Config, Video
from appliance.errors import LecternError
from appliance.media.encode import SegmentWriter
from appliance.media.gstreamer import PROGRAM, GstWriter, nvenc
from appliance.media.picture import ColorSpec, Picture
from appliance.media.source import url
from appliance.media.writer import Writer
from appliance.telemetry.board import l4t

log = logging.getLogger("lectern.media")

FILE = "encoder.json"
_GOP = 250
_PRESETS = ("veryfast", "superfast", "ultrafast")
# A frame of 1920 × 1080 in this time is twice the pace of a lecture at 25 frames a second, so that
# the encoder does not hold up the rest.
_KEEPS_UP_MS = 20.0
_BUSY_SHARE = 0.8  # of the cores that x264's threads keep busy
_TRIAL = (1920, 1080, 24)  # width, height, pictures

Which = Callable[[str], "str | None"]


@dataclass(frozen=True)
class Encoder:
    """The encoder in use. ``reason`` says why the hardware's is not; ``ms`` is x264's time
    for a picture of 1920 × 1080, 0 where nobody has measured it. ``release`` is the system's."""

    name: str = "x264"
    preset: str = "veryfast"
    reason: str = ""
    ms: float = 0.0
    release: str = ""

    def open(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        color: ColorSpec,
        sar: Fraction = Fraction(1),
        *,
        crf: int,
        threads: int = 0,
    ) -> Writer:
        """A writer of one segment; raises as :class:`SegmentWriter` does."""
        if self.name == "nvenc":
            return GstWriter(path, width, height, fps, color, sar, elements=nvenc(crf, _GOP))
        return SegmentWriter(
            path, width, height, fps, color, sar,
            crf=crf, preset=self.preset, threads=threads, gop=_GOP,
        )  # fmt: skip


def release_of(root: Path = Path("/")) -> str:
    """The name of NVIDIA's system release, as ``l4t36.4.3``; empty elsewhere."""
    release = l4t(root)
    return f"l4t{release}" if release else ""


def settled(config: Config) -> Config:
    """``config`` with the encoder and the preset that this box uses for the next job."""
    encoder = find_encoder(config.video, config.root / "state", release_of())
    video = config.video.model_copy(update={"encoder": encoder.name, "preset": encoder.preset})
    return config.model_copy(update={"video": video})


def of_video(video: Video) -> Encoder:
    """The encoder of a job whose settings are :func:`settled`."""
    return Encoder(
        "nvenc" if video.encoder == "nvenc" else "x264",
        "veryfast" if video.preset == "auto" else video.preset,
    )


def find_encoder(
    video: Video, state: Path, release: str, *, which: Which = shutil.which
) -> Encoder:
    """The encoder for a job with the settings ``video``.

    ``release`` names NVIDIA's system (``l4t36.4.3``) and is empty elsewhere, where there is no
    hardware encoder that we use. What was found earlier in ``state`` holds while it stays.
    """
    known = recall(state, release)
    preset: str = video.preset
    if preset == "auto":
        preset = known.preset if known else "veryfast"
    if video.encoder == "x264" or not release or video.crf == 0:
        reason = "lossless video is x264's" if release and video.crf == 0 else ""
        return Encoder("x264", preset, reason, release=release)
    if known is None:
        known = Encoder(reason=try_nvenc(video.crf, which), release=release)
        known = replace(known, name="x264" if known.reason else "nvenc")
        remember(state, known)
    return replace(known, preset=preset)


def try_nvenc(crf: int, which: Which = shutil.which) -> str:
    """Encode one picture with the hardware; why it cannot be used, or an empty text."""
    program = which(PROGRAM)
    if program is None:
        return f"{PROGRAM} is not installed"
    return try_out(lambda path, w, h: GstWriter(
        path, w, h, Fraction(25), ColorSpec(), elements=nvenc(crf, _GOP), program=program
    ))  # fmt: skip


def try_out(make: Callable[[Path, int, int], Writer]) -> str:
    """Write one grey picture and read it back; what goes wrong, or an empty text."""
    with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
        path = Path(folder) / "one.mp4"
        picture = Picture.blank(256, 144)
        picture.y[:] = 90
        try:
            writer = make(path, 256, 144)
            try:
                writer.write(picture)
                writer.close()
            except BaseException:
                writer.abort()
                raise
            with av.open(url(path)) as container:
                frames = list(container.decode(video=0))
        except LecternError as error:
            return str(error.details.get("reason", error))
        except (OSError, av.FFmpegError) as error:
            return str(error)
        seen = Picture.from_av(frames[0], 0).y if frames else np.zeros(1)
        return "" if abs(float(np.mean(seen)) - 90) < 5 else "the picture came back as another one"


def measure_presets(
    state: Path,
    release: str,
    *,
    threads: int = 0,
    cores: int = 0,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """Time x264 on pictures of 1920 × 1080 and choose its preset: the first that keeps up.

    Gives ms a picture by preset and remembers the choice. The processor's time is taken and shared
    out to ``cores`` (0: this machine's), so that a job at work beside it does not count.
    ``threads`` 0: one a core.
    """
    busy = max((threads or cores or os.cpu_count() or 1) * _BUSY_SHARE, 1.0)
    times: dict[str, float] = {}
    for preset in _PRESETS:
        times[preset] = round(_time(preset, threads, clock) / busy, 2)
        if times[preset] <= _KEEPS_UP_MS:
            break
    best = next((p for p, ms in times.items() if ms <= _KEEPS_UP_MS), _PRESETS[-1])
    known = recall(state, release) or Encoder(release=release)
    remember(state, replace(known, preset=best, ms=times[best]))
    return times


def _time(preset: str, threads: int, clock: Callable[[], float]) -> float:
    """ms a picture of a moving texture."""
    width, height, count = _TRIAL
    texture = np.random.default_rng(0).integers(60, 180, (height // 8, width // 8), np.uint8)
    texture = np.kron(texture, np.ones((8, 8), np.uint8))
    with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
        path = Path(folder) / "trial.mp4"
        writer = SegmentWriter(
            path, width, height, Fraction(25), ColorSpec(), preset=preset, threads=threads
        )
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


def recall(state: Path, release: str) -> Encoder | None:
    """What was found on this box under this release."""
    try:
        known = Encoder(**json.loads((state / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return known if known.release == release and known.name in ("x264", "nvenc") else None


def remember(state: Path, encoder: Encoder) -> None:
    """Keep what was found; where that cannot be written it is found anew each time."""
    part = state / f".{FILE}.{os.getpid()}"
    try:
        state.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(asdict(encoder)), encoding="utf-8")
        part.replace(state / FILE)
    except OSError as error:
        log.warning("%s cannot be kept: %s", FILE, error.strerror)


def refuse(state: Path, name: str, reason: str, release: str | None = None) -> None:
    """The encoder ``name`` failed at work: the next attempt uses x264."""
    log.warning("%s failed at work: %s", name, reason)
    release = release_of() if release is None else release
    known = recall(state, release) or Encoder(release=release)
    remember(state, replace(known, name="x264", reason=f"it failed at work: {reason}"))
