"""Encode the frames of one chunk as an H.264 segment; segments are later joined by stream copy.

A segment is an MP4 whose clock ticks once per frame. It begins with a closed group of pictures and
has the same parameter sets regardless of its content (x264's ``stitchable``).
"""

from __future__ import annotations

from pathlib import Path

import av

from appliance.files.atomic import commit, discard_temp, temp_path, translate_write_errors
from appliance.media.container import libav_url
from appliance.media.picture import Picture, VideoFormat
from appliance.media.segment_writer import SegmentWriter


class X264Writer(SegmentWriter):
    """Encodes pictures with libx264 to ``path``, which appears complete on :meth:`close` or never.

    Colour and pixel shape of ``video_format`` are written as in the source; ``crf`` 0 is lossless;
    ``threads`` is the number of encoder threads (0: one per core); a key frame comes at least every
    ``gop`` frames. All segments of one video need equal settings.

    Raises ``Fault``: ``disk_full``, ``file_too_large`` or ``encoder_failed``.
    """

    def __init__(
        self,
        path: Path,
        video_format: VideoFormat,
        *,
        crf: int = 18,
        preset: str = "veryfast",
        threads: int = 0,
        gop: int = 250,
    ) -> None:
        super().__init__(path, video_format)
        color, self._time_base = video_format.color, 1 / video_format.fps
        # a53cc: drop closed captions of the presenter's video, which do not match the lecture.
        options = {"preset": preset, "a53cc": "0", "x264-params": "stitchable=1"}
        options |= {"qp": "0"} if crf == 0 else {"crf": str(crf)}
        with translate_write_errors(path):
            self._container = av.open(libav_url(temp_path(path)), "w", format="mp4")
            self._stream = self._container.add_stream("libx264", video_format.fps, options)
            self._stream.width, self._stream.height = video_format.width, video_format.height
            self._stream.pix_fmt = "yuv420p"
            self._stream.time_base = self._time_base
            context = self._stream.codec_context
            context.time_base = self._time_base
            context.gop_size = gop
            context.thread_count = threads
            context.sample_aspect_ratio = video_format.sar
            context.color_range = color.av_range
            context.colorspace = color.matrix
            context.color_primaries = color.primaries
            context.color_trc = color.transfer

    def _encode(self, picture: Picture) -> None:
        with translate_write_errors(self.path):
            self._container.mux(self._stream.encode(picture.to_av(self.frames, self._time_base)))

    def _finish(self) -> None:
        with translate_write_errors(self.path):
            self._container.mux(self._stream.encode(None))
            self._container.close()
            commit(self.path)

    def abort(self) -> None:
        try:
            self._container.close()
        except (av.FFmpegError, OSError):
            pass  # the unfinished file is deleted next
        finally:
            discard_temp(self.path)
