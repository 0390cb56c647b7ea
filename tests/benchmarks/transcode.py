"""The floor: decode a presenter, encode it again, carry the lecture's sound along. Nothing else.

A process of its own, so that its start counts as Lectern's does::

    python -m tests.benchmarks.transcode PRESENTER AUDIO OUT --frames N

Decoder, encoder, preset, quality and threads are those of ``lectern render``'s defaults.
"""

from __future__ import annotations

import argparse
import os
from fractions import Fraction
from pathlib import Path

import av


def transcode(presenter: Path, audio: Path, out: Path, frames: int, threads: int) -> None:
    """``frames`` pictures of ``presenter``, from the start again where it is shorter."""
    with av.open(str(out), "w", format="mp4") as target, av.open(str(audio)) as sound:
        with av.open(str(presenter)) as probe:
            source = probe.streams.video[0]
            fps, size = source.average_rate, (source.width, source.height)
        assert fps is not None
        options = {"preset": "veryfast", "crf": "18", "x264-params": "stitchable=1"}
        video = target.add_stream("libx264", fps, options)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.codec_context.gop_size = 250
        video.codec_context.thread_count = threads
        voice = target.add_stream_from_template(sound.streams.audio[0])
        for packet in sound.demux(sound.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = voice
                target.mux(packet)
        done = 0
        while done < frames:
            with av.open(str(presenter)) as container:
                container.streams.video[0].thread_count = threads
                container.streams.video[0].thread_type = "AUTO"
                for frame in container.decode(video=0):
                    if done == frames:
                        break
                    frame.pict_type = 0
                    frame.pts, frame.time_base = done, 1 / Fraction(fps)
                    target.mux(video.encode(frame))
                    done += 1
        target.mux(video.encode(None))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presenter", type=Path)
    parser.add_argument("audio", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    transcode(options.presenter, options.audio, options.out, options.frames, options.threads)


if __name__ == "__main__":
    main()
