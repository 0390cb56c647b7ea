"""Scale a scoring clip to another size, to simulate a camera with 720 or 1080 lines.

Enlarging adds no detail, so the clip should have nearly the requested number of lines. It does add
pixels that the renderer must produce, which is difficult for a network with a fixed input size.
"""

from __future__ import annotations

from pathlib import Path

import av
from av.video.reformatter import Interpolation

_CODEC = {"crf": "10", "preset": "veryfast"}  # coding errors far below the measured differences


def write_rescaled(clip: Path, lines: int, target: Path, seconds: float = 5.0) -> Path:
    """Write the first ``seconds`` of ``clip`` to ``target``, scaled to ``lines``, with its sound.

    The width keeps the aspect ratio, rounded to an even number. Returns ``target``.
    """
    with av.open(str(clip)) as video_input, av.open(str(clip)) as audio_input:
        video, audio = video_input.streams.video[0], audio_input.streams.audio[0]
        width = 2 * round(video.width * lines / video.height / 2)
        with av.open(str(target), "w") as container:
            out = container.add_stream("libx264", rate=video.average_rate, options=_CODEC)
            out.width, out.height, out.pix_fmt = width, lines, "yuv420p"
            out.time_base = video.time_base
            track = container.add_stream_from_template(audio)
            for frame in video_input.decode(video):
                if frame.time is None or frame.time >= seconds:
                    break
                scaled = frame.reformat(
                    width, lines, "yuv420p", interpolation=Interpolation.LANCZOS
                )
                container.mux(out.encode(scaled))
            container.mux(out.encode(None))
            for packet in audio_input.demux(audio):
                if packet.pts is None or float(packet.pts * packet.time_base) >= seconds:
                    break
                packet.stream = track
                container.mux(packet)
    return target
