"""The bare transcode: decode a presenter, encode it again and copy the sound of the lecture.

This is the lower bound for rendering. It runs as a separate process, so that its start-up time
counts as Lectern's does::

    python -m appliance.bench.transcode PRESENTER AUDIO OUT FRAMES [--threads N] …

Decoder, encoder, preset, quality and threads are those of ``lectern render``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av


def transcode(
    presenter: Path, audio: Path, out: Path, frames: int, *, threads: int, preset: str, crf: int
) -> None:
    """Transcode ``frames`` frames of ``presenter``, repeating it from the start if it is shorter.

    Errors of PyAV are not translated: the files have been checked before.
    """
    with av.open(str(out), "w", format="mp4") as target, av.open(str(audio)) as audio_input:
        with av.open(str(presenter)) as probe:
            source = probe.streams.video[0]
            fps, size = Fraction(source.average_rate or 25), (source.width, source.height)
        options = {"preset": preset, "crf": str(crf), "x264-params": "stitchable=1"}
        video = target.add_stream("libx264", fps, options)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.codec_context.gop_size = 250
        video.codec_context.thread_count = threads
        audio_stream = target.add_stream_from_template(audio_input.streams.audio[0])
        for packet in audio_input.demux(audio_input.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = audio_stream
                target.mux(packet)
        for index, frame in enumerate(_frames(presenter, frames, threads)):
            frame.pict_type = 0
            frame.pts, frame.time_base = index, 1 / fps
            target.mux(video.encode(frame))
        target.mux(video.encode(None))


def _frames(presenter: Path, count: int, threads: int) -> Iterator[av.VideoFrame]:
    done = 0
    while done < count:
        with av.open(str(presenter)) as container:
            stream = container.streams.video[0]
            stream.thread_count, stream.thread_type = threads, "AUTO"
            for frame in container.decode(stream):
                if done == count:
                    return
                yield frame
                done += 1


def main() -> None:
    """Run the transcode from the command line."""
    parser = argparse.ArgumentParser(
        description="Decode and encode a video and copy the sound, for comparison with rendering."
    )
    parser.add_argument("presenter", type=Path, help="video to decode")
    parser.add_argument("audio", type=Path, help="file whose sound is copied")
    parser.add_argument("out", type=Path, help="MP4 file to write")
    parser.add_argument("frames", type=int, help="number of frames to write")
    parser.add_argument(
        "--threads",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="threads of decoder and encoder (default: one per core)",
    )
    parser.add_argument("--preset", default="veryfast", help="x264 preset (default: veryfast)")
    parser.add_argument("--crf", type=int, default=18, help="x264 quality (default: 18)")
    options = parser.parse_args()
    transcode(
        options.presenter,
        options.audio,
        options.out,
        options.frames,
        threads=options.threads,
        preset=options.preset,
        crf=options.crf,
    )


if __name__ == "__main__":
    main()
