"""Files that describe far more than they contain: memory and time of each reader, without limits.

The limits of the child processes are a second defence, which :mod:`tests.system.test_confined`
tests.
"""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from PIL import Image

from tests.soak.device import PROJECT

pytestmark = pytest.mark.slow

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_HEAD, _TAIL = f"<w:document {_W}><w:body>", "</w:body></w:document>"


def _docx(
    path: Path, blocks: Iterator[bytes] | list[bytes], kind: int = zipfile.ZIP_DEFLATED
) -> None:
    with (
        zipfile.ZipFile(path, "w", kind) as package,
        package.open("word/document.xml", "w", force_zip64=False) as entry,
    ):
        for block in blocks:
            entry.write(block)


def grid_span(path: Path) -> None:
    span = '<w:tcPr><w:gridSpan w:val="90000000"/></w:tcPr>'
    cell = f"<w:tc>{span}<w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>"
    _docx(path, [f"{_HEAD}<w:tbl><w:tr>{cell}</w:tr></w:tbl>{_TAIL}".encode()])


def empty_paragraphs(path: Path) -> None:
    _docx(path, [_HEAD.encode(), *[b"<w:p/>" * 100_000] * 100, _TAIL.encode()])


def entities(path: Path) -> None:
    lines = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)]
    start = f'<!DOCTYPE x [<!ENTITY e0 "lol">{"".join(lines)}]>'
    _docx(path, [f"{start}{_HEAD}<w:p><w:r><w:t>&e11;</w:t></w:r></w:p>{_TAIL}".encode()])


def zip_of_zeros(path: Path) -> None:
    _docx(path, iter([bytes(1 << 20)] * 60))


def nested_zip(path: Path) -> None:
    inner = b"x"
    for _ in range(20):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
            package.writestr("word/document.xml", inner)
        inner = buffer.getvalue()
    path.write_bytes(inner)


def lzma_dictionary(path: Path) -> None:
    _docx(path, [b" " * 1000], zipfile.ZIP_LZMA)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"word/document.xml") + len(b"word/document.xml") + 5  # the dictionary's size
    raw[at : at + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(raw)


def many_parts(path: Path) -> None:
    """A directory of 200,000 files, each 48 bytes."""
    record = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0
    )
    directory = b"".join(record + struct.pack("<H", n % 65536) for n in range(200_000))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, len(directory), 0, 0)
    path.write_bytes(directory + end)


def deep_word(path: Path) -> None:
    _docx(path, [_HEAD.encode(), b"<w:p>" * 1_000_000])


def markdown(path: Path) -> None:
    path.write_text("|a" * 200 + "\n" + "|-" * 200 + "\n" + ("|a" * 200 + "\n") * 1200)


def markdown_brackets(path: Path) -> None:
    path.write_text("[" * 200_000)


def long_text(path: Path) -> None:
    path.write_text("a\n" * 1_900_000)


def growing_avi(path: Path) -> None:
    """Frames of 64 × 64 and then of 16,000 × 16,000 pixels, in a stream of 64 × 64."""
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuvj420p"
        for number, side in enumerate((64,) * 30 + (4000, 8000, 16000)):
            buffer = io.BytesIO()
            Image.new("L", (side, side), 90).convert("L").save(buffer, "JPEG", quality=1)
            packet = av.Packet(buffer.getvalue())
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = number
            packet.is_keyframe = True
            container.mux(packet)


def large_png(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path, compress_level=1)


def transparent_png(path: Path) -> None:
    Image.new("RGBA", (7900, 7900), (9, 9, 9, 9)).save(path, compress_level=1)


def deep_png(path: Path) -> None:
    Image.fromarray(np.zeros((7900, 7900), np.uint16)).save(path, compress_level=1)


def large_jpeg(path: Path) -> None:
    Image.new("L", (16_000, 16_000), 90).save(path, "JPEG", quality=1)


def large_webp(path: Path) -> None:
    Image.new("RGB", (16_383, 4_400), 9).save(path, "WEBP", lossless=True, method=0, quality=0)


def large_gif(path: Path) -> None:
    Image.new("P", (64, 64)).save(path)
    raw = bytearray(path.read_bytes())
    raw[6:10] = struct.pack("<HH", 65535, 65535)
    path.write_bytes(raw)


def long_apng(path: Path) -> None:
    """Ten thousand images of 2000 x 2000 pixels in 6 MB."""
    side, rows = 2000, zlib.compress(bytes(251 * 2000))
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"acTL", struct.pack(">II", 10_000, 0))]
    for number in range(10_000):
        numbers = 2 * number - 1, 2 * number  # of the chunks; the first image has only one
        control = struct.pack(">IIIIIHHBB", max(numbers[0], 0), side, side, 0, 0, 1, 25, 0, 0)
        parts.append((b"fcTL", control))
        data = (b"fdAT", struct.pack(">I", numbers[1]) + rows) if number else (b"IDAT", rows)
        parts.append(data)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, content in (*parts, (b"IEND", b"")):
            check = struct.pack(">I", zlib.crc32(kind + content))
            file.write(struct.pack(">I", len(content)) + kind + content + check)


def claimed_wav(path: Path) -> None:
    """A header of 100 hours and one second of sound."""
    size = 100 * 3600 * 8000 * 1
    head = b"RIFF" + struct.pack("<I", (size + 36) & 0xFFFFFFFF) + b"WAVEfmt \x10\0\0\0"
    head += struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    path.write_bytes(head + b"data" + struct.pack("<I", size & 0xFFFFFFFF) + b"\x80" * 8000)


def claimed_mp3(path: Path) -> None:
    """A Xing header of 100 hours and one second of sound."""
    with av.open(str(path), "w", format="mp3") as container:
        stream = container.add_stream("mp3", rate=44100)
        for start in range(0, 44100, 1152):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), "s16", "mono")
            frame.rate, frame.pts = 44100, start
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    raw = bytearray(path.read_bytes())
    at = raw.find(b"Xing") if b"Xing" in raw else raw.find(b"Info")
    raw[at + 8 : at + 12] = struct.pack(">I", 100 * 3600 * 44100 // 1152)
    path.write_bytes(raw)


def many_cues(path: Path) -> None:
    """Three hundred thousand subtitles in an MP4 that lasts a second."""
    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width = video.height = 64
        cues: Any = container.add_stream("mov_text")
        cues.codec_context.subtitle_header = b"[Script Info]\n[V4+ Styles]\n[Events]\n"
        cues.time_base = Fraction(1, 1000)
        for _ in range(25):
            for packet in video.encode(av.VideoFrame(64, 64, "yuv420p")):
                container.mux(packet)
        for packet in video.encode():
            container.mux(packet)
        for number in range(300_000):
            cue: Any = av.Packet(b"\0\1a")
            cue.stream, cue.time_base, cue.duration = cues, Fraction(1, 1000), 1
            cue.pts = cue.dts = number
            container.mux(cue)


def claimed_samples(path: Path) -> None:
    """An MP4 of one kilobyte whose index claims 200 million frames."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        for packet in (*stream.encode(av.VideoFrame(64, 64, "yuv420p")), *stream.encode()):
            container.mux(packet)
    raw, count = bytearray(path.read_bytes()), struct.pack(">I", 200_000_000)
    at = raw.index(b"stsz")
    raw[at + 8 : at + 16] = struct.pack(">I", 1) + count
    for name, offset in ((b"stsc", 16), (b"stts", 12)):
        at = raw.index(name)
        raw[at + offset : at + offset + 4] = count
    path.write_bytes(raw)


def alias_bomb(path: Path) -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    path.write_text("\n".join([*lines, "priority: *a39", "voice: *a39"]))


def merge_bomb(path: Path) -> None:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 40)]
    path.write_text("\n".join([*lines, "voice: *a39"]))


def deep_yaml(path: Path) -> None:
    path.write_text("voice: " + "[" * 90_000)


def long_yaml(path: Path) -> None:
    path.write_text("\n".join(f"k{n}: {n}" for n in range(7_500)))


class Bomb(NamedTuple):
    """A file, its reader, and the most that it may take: MiB and seconds of processor time."""

    name: str
    write: Callable[[Path], None]
    reader: str
    outcomes: tuple[str, ...]
    mb: float
    cpu_s: float


BOMBS = (
    Bomb("a.docx", grid_span, "text", ("1 characters",), 20, 2),
    Bomb("a.docx", empty_paragraphs, "text", ("text_too_long",), 20, 4),
    Bomb("a.docx", entities, "text", ("text_unreadable",), 20, 2),
    Bomb("a.docx", zip_of_zeros, "text", ("text_unreadable",), 20, 4),
    Bomb("a.docx", nested_zip, "text", ("text_unreadable",), 20, 2),
    Bomb("a.docx", lzma_dictionary, "text", ("text_unreadable",), 20, 2),
    Bomb("a.docx", many_parts, "text", ("text_too_long",), 20, 2),
    Bomb("a.docx", deep_word, "text", ("text_too_long",), 20, 2),
    Bomb("a.md", markdown, "text", (), 800, 30),
    Bomb("a.md", markdown_brackets, "text", (), 200, 40),
    Bomb("a.txt", long_text, "text", (), 60, 3),
    Bomb("a.avi", growing_avi, "presenter", (), 150, 20),
    Bomb("a.png", large_png, "presenter", ("photo_too_large",), 60, 3),
    Bomb("a.png", transparent_png, "presenter", (), 800, 15),
    Bomb("a.png", deep_png, "presenter", (), 700, 15),
    Bomb("a.jpg", large_jpeg, "presenter", (), 300, 30),
    Bomb("a.webp", large_webp, "presenter", ("photo_too_large",), 60, 3),
    Bomb("a.gif", large_gif, "presenter", ("picture_too_large", "picture_too_small"), 100, 3),
    Bomb("a.png", long_apng, "animation", ("1000 images",), 100, 20),
    Bomb("a.wav", claimed_wav, "lecture", ("file_truncated", "1 s, 1 s read"), 40, 3),
    Bomb("a.mp3", claimed_mp3, "lecture", ("file_truncated", "1 s, 1 s read"), 40, 3),
    Bomb("a.mp4", many_cues, "subtitles", (), 300, 20),
    Bomb("a.mp4", claimed_samples, "presenter", (), 300, 10),
    Bomb("job.yaml", alias_bomb, "job file", ("config_syntax",), 30, 5),
    Bomb("job.yaml", merge_bomb, "job file", ("config_syntax",), 30, 5),
    Bomb("job.yaml", deep_yaml, "job file", ("config_syntax",), 60, 10),
    Bomb("job.yaml", long_yaml, "job file", (), 60, 20),
)


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.write.__name__)
def test_reader_takes_little_memory_and_time(tmp_path: Path, bomb: Bomb) -> None:
    path = tmp_path / bomb.name
    bomb.write(path)
    run = subprocess.run(
        [sys.executable, "-m", "tests.tasks.measure", bomb.reader, str(path)],
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    result = json.loads(run.stdout.splitlines()[-1])
    print(bomb.write.__name__, {**result, "outcome": str(result["outcome"])[:60]})
    outcome = result["outcome"]
    outcome = outcome[0] if isinstance(outcome, list) else outcome
    assert not bomb.outcomes or outcome in bomb.outcomes
    assert outcome != "MemoryError"
    assert result["mb"] <= bomb.mb and result["cpu_s"] <= bomb.cpu_s
