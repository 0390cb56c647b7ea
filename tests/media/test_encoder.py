"""The choice of an encoder, and the GStreamer writer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from appliance.config import VideoConfig
from appliance.errors import Fault
from appliance.media import encoder
from appliance.media.encoder import (
    ENCODER_FILE,
    Encoder,
    choose_encoder,
    encoder_for,
    l4t_release,
    load_encoder_choice,
    mark_encoder_failed,
    measure_presets,
    resolve_encoder,
    save_encoder_choice,
)
from appliance.media.gstreamer import PROGRAM, GStreamerWriter, nvenc_elements
from appliance.media.mux import mux
from appliance.media.picture import ColorSpec, Picture, VideoFormat
from appliance.media.probe import probe_audio
from appliance.media.x264 import X264Writer
from tests.render.conftest import write_wav
from tests.talking_face import babble, voice

Draw = Callable[..., Picture]
FPS = Fraction(30000, 1001)
X264 = ["x264enc", "pass=quant", "quantizer=18", "speed-preset=ultrafast", "bframes=0"]


def has_gstreamer() -> bool:
    inspect = shutil.which("gst-inspect-1.0")
    if inspect is None or shutil.which(PROGRAM) is None:
        return False
    import subprocess

    found = [
        subprocess.run([inspect, "--exists", name], check=False)
        for name in ("x264enc", "h264parse")
    ]
    return all(run.returncode == 0 for run in found)


needs_gstreamer = pytest.mark.skipif(
    not has_gstreamer(), reason="needs gst-launch-1.0 with x264enc and h264parse"
)


def decode(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


@needs_gstreamer
class TestGstreamer:
    def write(self, path: Path, draw: Draw, numbers: range, fps: Fraction = FPS) -> None:
        color = ColorSpec(True, 9, 9, 16)
        with GStreamerWriter(
            path, VideoFormat(128, 96, fps, color, Fraction(16, 11)), elements=X264
        ) as writer:
            for n in numbers:
                writer.write(draw(n))

    def test_frames_are_in_order_at_exact_times(
        self, tmp_path: Path, draw: Draw, number: Callable[[Picture], int]
    ) -> None:
        path = tmp_path / "s.mp4"
        self.write(path, draw, range(70))
        frames = decode(path)
        assert [number(Picture.from_av(frame, 0)) for frame in frames] == list(range(70))
        for n, frame in enumerate(frames):
            assert frame.pts is not None and frame.time_base is not None
            assert frame.pts * frame.time_base == n / FPS
        assert frames[0].key_frame
        assert [entry.name for entry in tmp_path.iterdir()] == ["s.mp4"]

    def test_colour_and_pixel_aspect_do_not_depend_on_the_encoder(
        self, tmp_path: Path, draw: Draw
    ) -> None:
        path = tmp_path / "s.mp4"
        self.write(path, draw, range(3))
        assert ColorSpec.of_frame(decode(path)[0]) == ColorSpec(True, 9, 9, 16)
        with av.open(str(path)) as container:
            assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)

    def test_segments_can_be_joined_like_those_of_x264(
        self, tmp_path: Path, draw: Draw, number: Callable[[Picture], int]
    ) -> None:
        fps = Fraction(25)
        segments = []
        for index in range(3):
            segments.append(tmp_path / f"{index}.mp4")
            self.write(segments[-1], draw, range(25 * index, 25 * index + 25), fps)
        sound = write_wav(tmp_path / "talk.wav", voice(babble(75)))
        out = tmp_path / "out.mp4"
        mux(segments, probe_audio(sound), out, frames=75, fps=fps, metadata={})
        frames = decode(out)
        assert [number(Picture.from_av(frame, 0)) for frame in frames] == list(range(75))

    def test_encoder_error_message_is_the_reason(self, tmp_path: Path, draw: Draw) -> None:
        path = tmp_path / "s.mp4"

        def write() -> None:
            elements = nvenc_elements(18, 250)  # test machines have no such hardware
            with GStreamerWriter(path, VideoFormat(128, 96, FPS), elements=elements) as writer:
                for n in range(200):
                    writer.write(draw(n))

        with pytest.raises(Fault) as caught:
            write()
        assert caught.value.code == "encoder_failed"
        assert "nvvidconv" in caught.value.text()
        assert list(tmp_path.iterdir()) == []

    def test_abort_and_empty_segments_leave_no_files(self, tmp_path: Path, draw: Draw) -> None:
        path = tmp_path / "s.mp4"
        writer = GStreamerWriter(path, VideoFormat(128, 96, FPS), elements=X264)
        writer.write(draw(1))
        with pytest.raises(ValueError, match="64x64"):
            writer.write(Picture.blank(64, 64))
        writer.abort()
        with pytest.raises(ValueError, match="at least one"):
            GStreamerWriter(path, VideoFormat(128, 96, FPS), elements=X264).close()
        assert list(tmp_path.iterdir()) == []

    def test_encoder_is_tested_with_one_frame(self) -> None:
        def good(path: Path, video_format: VideoFormat) -> GStreamerWriter:
            return GStreamerWriter(path, video_format, elements=X264)

        def wrong(path: Path, video_format: VideoFormat) -> GStreamerWriter:
            elements = ["videobalance", "brightness=0.5", "!", *X264]
            return GStreamerWriter(path, video_format, elements=elements)

        assert encoder.test_encoder(good) == ""
        assert encoder.test_encoder(wrong) == "the decoded picture is wrong"
        assert "nvvidconv" in encoder.test_nvenc(18)


def test_program_that_exits_at_once_is_an_encoder_failure(tmp_path: Path) -> None:
    false = shutil.which("false")
    assert false is not None
    writer = GStreamerWriter(
        tmp_path / "s.mp4", VideoFormat(640, 480, FPS), elements=[], program=false
    )

    def write() -> None:
        for _ in range(100):
            writer.write(Picture.blank(640, 480))
        writer.close()

    with pytest.raises(Fault) as caught:
        write()
    writer.abort()
    assert caught.value.code == "encoder_failed" and "it ended (" in caught.value.text()
    assert list(tmp_path.iterdir()) == []


def test_encoder_that_accepts_no_data_times_out(tmp_path: Path) -> None:
    script = tmp_path / "hangs"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    script.chmod(0o755)
    writer = GStreamerWriter(tmp_path / "s.mp4", VideoFormat(640, 480, FPS),
        elements=[], program=str(script), timeout_s=0.2,
    )  # fmt: skip

    def write() -> None:
        with writer:
            for _ in range(100):
                writer.write(Picture.blank(640, 480))

    with pytest.raises(Fault) as caught:
        write()
    assert "it accepted no frame for 0.2 s" in caught.value.text()
    assert [entry.name for entry in tmp_path.iterdir()] == ["hangs"]


class TestChoice:
    def test_x264_is_used_without_a_test_on_other_systems(self, tmp_path: Path) -> None:
        def never(program: str) -> str | None:
            raise AssertionError(program)

        assert choose_encoder(VideoConfig(), tmp_path, "", which=never) == Encoder()
        assert resolve_encoder(VideoConfig(), tmp_path).preset == "veryfast"

    def test_missing_hardware_encoder_is_tested_once_per_release(self, tmp_path: Path) -> None:
        searched: list[str] = []

        def nothing(program: str) -> None:
            searched.append(program)

        for _ in range(2):
            found = choose_encoder(VideoConfig(), tmp_path, "l4t36.4.3", which=nothing)
            assert (found.name, found.reason) == ("x264", f"{PROGRAM} is not installed")
        assert searched == [PROGRAM]
        choose_encoder(
            VideoConfig(), tmp_path, "l4t36.5.0", which=nothing
        )  # another release: tested again
        assert searched == [PROGRAM] * 2

    def test_working_encoder_is_used_until_it_fails(self, tmp_path: Path) -> None:
        save_encoder_choice(tmp_path, Encoder("nvenc", release="l4t36.4.3"))
        assert choose_encoder(VideoConfig(), tmp_path, "l4t36.4.3").name == "nvenc"
        assert choose_encoder(VideoConfig(encoder="x264"), tmp_path, "l4t36.4.3").name == "x264"
        assert choose_encoder(VideoConfig(crf=0), tmp_path, "l4t36.4.3").name == "x264"
        mark_encoder_failed(tmp_path, "nvenc", "no buffers", "l4t36.4.3")
        after = choose_encoder(VideoConfig(), tmp_path, "l4t36.4.3")
        assert (after.name, after.reason) == ("x264", "it failed during a job: no buffers")

    def test_configured_preset_is_kept(self, tmp_path: Path) -> None:
        assert choose_encoder(VideoConfig(preset="slow"), tmp_path, "").preset == "slow"

    def test_damaged_choice_file_is_ignored(self, tmp_path: Path) -> None:
        for text in ("[]", "{", '{"name": "gpu"}', '{"colour": 1}'):
            (tmp_path / ENCODER_FILE).parent.mkdir(exist_ok=True)
            (tmp_path / ENCODER_FILE).write_text(text)
            assert load_encoder_choice(tmp_path, "") is None

    def test_encoder_of_resolved_settings_is_opened(self, tmp_path: Path) -> None:
        writer = encoder_for(VideoConfig(encoder="x264", preset="ultrafast")).open(
            tmp_path / "s.mp4", VideoFormat(64, 48, FPS), crf=18
        )
        assert isinstance(writer, X264Writer)
        writer.abort()
        assert encoder_for(VideoConfig(encoder="nvenc", preset="fast")).name == "nvenc"

    def test_release_is_read_from_nv_tegra_release(self, tmp_path: Path) -> None:
        assert l4t_release(tmp_path) == ""
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc/nv_tegra_release").write_text("# R36 (release), REVISION: 4.3, X: 1")
        assert l4t_release(tmp_path) == "l4t36.4.3"


class TestPreset:
    def test_time_is_divided_by_the_cores(self, tmp_path: Path) -> None:
        ticks = iter([step for step in (0.0, 0.096) * 24 + (0.0, 0.0)])
        times = measure_presets(tmp_path, "", cores=6, clock=lambda: next(ticks))
        assert times == {"veryfast": 20.0}

    @pytest.mark.parametrize(
        ("ms", "chosen"),
        [((9,), "veryfast"), ((25, 15), "superfast"), ((60, 50, 40), "ultrafast")],
    )
    def test_first_preset_that_is_fast_enough_is_chosen(
        self, tmp_path: Path, ms: tuple[float, ...], chosen: str
    ) -> None:
        """The clock is fake; the encoding is real."""
        ticks = iter([step for each in ms for step in (0.0, each / 1000) * 24 + (0.0, 0.0)])
        times = measure_presets(tmp_path, "", cores=1, clock=lambda: next(ticks))
        assert list(times.values()) == [float(each) for each in ms]
        assert choose_encoder(VideoConfig(), tmp_path, "").preset == chosen
        assert choose_encoder(VideoConfig(preset="medium"), tmp_path, "").preset == "medium"
