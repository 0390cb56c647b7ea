"""Write segments with a GStreamer encoder: the hardware of Orin NX and AGX.

Frames are sent to ``gst-launch-1.0`` as raw planes and come back as an elementary H.264 stream,
which is given its time stamps, colour description and container here: an elementary stream has no
times, and encoders differ in the colour description that they write.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream

from appliance.errors import Fault
from appliance.files.atomic import commit, discard_temp, temp_path, translate_write_errors
from appliance.media.container import libav_url
from appliance.media.picture import Picture, VideoFormat
from appliance.media.segment_writer import SegmentWriter

PROGRAM = "gst-launch-1.0"

# x264's constant rate factor raises the quantizer where errors are less visible; a fixed quantizer
# that is this much higher results in about the same size and quality.
_QP_ABOVE_CRF = 2


def nvenc_elements(crf: int, gop: int) -> list[str]:
    """Return the pipeline elements of Orin's hardware encoder.

    Source: NVIDIA's Accelerated GStreamer guide.
    """
    quantizer = str(min(crf + _QP_ABOVE_CRF, 51))
    return [
        *("nvvidconv", "!", "video/x-raw(memory:NVMM),format=NV12", "!", "nvv4l2h264enc"),
        *("ratecontrol-enable=0", f"quant-i-frames={quantizer}", f"quant-p-frames={quantizer}"),
        *("num-B-Frames=0", f"iframeinterval={gop}", f"idrinterval={gop}"),
        *("insert-sps-pps=1", "profile=4"),
    ]


class GStreamerWriter(SegmentWriter):
    """Like :class:`~appliance.media.x264.X264Writer`, with a GStreamer encoder.

    ``elements`` are the arguments between the raw video and the H.264 stream; ``program`` is
    ``gst-launch-1.0``. The elementary stream is kept next to ``path`` while it is written. Raises
    ``Fault``: ``disk_full``, ``file_too_large`` or ``encoder_failed``; the last also if the encoder
    accepts or returns no data for ``timeout_s`` seconds (a frame takes milliseconds).
    """

    def __init__(
        self,
        path: Path,
        video_format: VideoFormat,
        *,
        elements: Sequence[str],
        program: str = PROGRAM,
        timeout_s: float = 60.0,
    ) -> None:
        super().__init__(path, video_format)
        self._format = video_format
        self._timeout_s = timeout_s
        width, height, fps = video_format.width, video_format.height, video_format.fps
        raw = f"width={width} height={height} framerate={fps.numerator}/{fps.denominator}"
        command = [program, "-q", "fdsrc", "fd=0", "!", "rawvideoparse", "format=i420"]
        command += [*raw.split(), "!", *elements, "!", "h264parse", "!"]
        command += ["video/x-h264,stream-format=byte-stream,alignment=au", "!", "fdsink", "fd=1"]
        with translate_write_errors(path):
            self._folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        self._stream_path = self._folder / "encoded.h264"
        try:
            with translate_write_errors(path), self._stream_path.open("wb") as stream:
                self._stderr_file = tempfile.TemporaryFile()  # noqa: SIM115 (needed until the child ends)
                self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=stream,
                    stderr=self._stderr_file,
                    bufsize=0,
                )
                assert self._child.stdin is not None
                os.set_blocking(self._child.stdin.fileno(), False)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _encode(self, picture: Picture) -> None:
        for plane in picture.planes():
            self._send(memoryview(plane.tobytes()))

    def _send(self, data: memoryview) -> None:
        assert self._child.stdin is not None
        pipe = self._child.stdin.fileno()
        while data:
            _, ready, _ = select.select([], [pipe], [], self._timeout_s)
            if not ready:
                raise self._fault(f"it accepted no frame for {self._timeout_s:g} s")
            try:
                data = data[os.write(pipe, data) :]
            except BlockingIOError:
                continue
            except OSError as error:  # it has ended: report its output, not "broken pipe"
                raise self._fault() from error

    def _finish(self) -> None:
        self._drain()
        with translate_write_errors(self.path):
            tagged_path = self._folder / "tagged.h264"
            _set_metadata(self._stream_path, tagged_path, self._metadata_options())
            written = _mux(tagged_path, temp_path(self.path), 1 / self._format.fps)
            if written != self.frames:
                raise self._fault(f"it returned {written} of {self.frames} frames")
            commit(self.path)
        self._cleanup()

    def abort(self) -> None:
        self._cleanup()
        discard_temp(self.path)

    def _drain(self) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.close()
            status = self._child.wait(self._timeout_s)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._fault() from error
        if status != 0:
            raise self._fault()

    def _fault(self, reason: str = "") -> Fault:
        if not reason:
            self._stderr_file.seek(0)
            lines = self._stderr_file.read().decode("utf-8", "replace").splitlines()
            errors = [line for line in lines if "ERROR" in line or "erroneous" in line] or lines
            reason = errors[0].strip() if errors else f"it ended ({self._child.poll()})"
        return Fault("encoder_failed", name=self.path.name, reason=reason)

    def _cleanup(self) -> None:
        self._child.kill()
        if self._child.stdin is not None:
            with contextlib.suppress(OSError):  # the rest of the data in the pipe is not needed
                self._child.stdin.close()
        self._child.wait()
        self._stderr_file.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _metadata_options(self) -> str:
        """Return the colour and pixel shape as options of libavcodec's ``h264_metadata``."""
        color, sar = self._format.color, self._format.sar
        ratio = f"{sar.numerator}/{sar.denominator}"
        return (
            f"video_full_range_flag={int(color.full_range)}:colour_primaries={color.primaries}"
            f":transfer_characteristics={color.transfer}:matrix_coefficients={color.matrix}"
            f":sample_aspect_ratio={ratio}"
        )


def _set_metadata(source_path: Path, output_path: Path, metadata: str) -> None:
    """Copy an elementary stream to ``output_path`` with ``metadata`` in its parameter sets."""
    with av.open(libav_url(source_path), format="h264") as source, output_path.open("wb") as target:
        stream = source.streams.video[0]
        bitstream_filter = BitStreamFilterContext(f"h264_metadata={metadata}", stream)
        for packet in source.demux(stream):
            for changed in bitstream_filter.filter(packet if packet.size else None):
                target.write(bytes(changed))


def _mux(stream_path: Path, target: Path, time_base: Fraction) -> int:
    """Write an elementary stream without B-frames into an MP4, one frame per ``time_base`` s.

    Returns the number of frames.
    """
    count = 0
    with (
        av.open(libav_url(stream_path), format="h264") as source,
        av.open(libav_url(target), "w", format="mp4") as out,
    ):
        stream = source.streams.video[0]
        track = out.add_stream_from_template(stream)
        assert isinstance(track, VideoStream)
        track.time_base = time_base
        for packet in source.demux(stream):
            if not packet.size:
                continue
            packet.stream = track
            packet.time_base = time_base
            packet.pts = packet.dts = count
            packet.duration = 1
            out.mux(packet)
            count += 1
    return count
