"""Subtitles from files and from transcripts without times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.errors import BadInput
from appliance.speech.transcript import align_transcript, read_transcript

GATE = np.zeros(1000, np.float32)  # ten seconds: speech from 1 to 4 s and from 6 to 9 s
GATE[100:400] = GATE[600:900] = 1

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Light</i> is fast.

2
00:00:03,000 --> 00:00:05,000
{\\an8}Very fast.
Indeed.

3
00:00:20,000 --> 00:00:22,000
Beyond the end.
"""


@pytest.mark.parametrize("kind", ["srt", "vtt", "windows"])
def test_subtitle_files_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("a.vtt" if kind == "vtt" else "a.srt")
    text = SRT
    if kind == "vtt":
        text = "WEBVTT\n\n" + SRT.replace(",", ".").replace("00:00:", "00:")
    path.write_bytes(text.replace("\n", "\r\n" if kind == "windows" else "\n").encode("utf-8-sig"))
    subtitles = read_transcript(path, GATE)
    assert [(cue.start, cue.end, cue.text) for cue in subtitles.cues] == [
        (1.0, 2.5, "Light is fast."), (3.0, 5.0, "Very fast.\nIndeed."),
    ]  # fmt: skip
    assert subtitles.language == "en"


def test_sentences_begin_after_the_pauses() -> None:
    text = "The light of the sun is very fast. It is on its way for eight minutes."
    one, two = align_transcript(text, GATE)
    assert [one.start, one.end] == pytest.approx([1, 4], abs=0.1)
    assert [two.start, two.end] == pytest.approx([6, 9], abs=0.1)


def test_chinese_transcript(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("今天我们学习光。光从太阳到地球需要八分钟。".encode("gb18030"))
    subtitles = read_transcript(path, GATE)
    assert subtitles.language == "zh" and len(subtitles.cues) == 2


def test_recording_without_speech_still_has_subtitles() -> None:
    cues = align_transcript("One sentence. Another one.", np.zeros(500, np.float32))
    assert len(cues) == 2 and cues[-1].end <= 5


def test_file_without_cues_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text("no times here")
    with pytest.raises(BadInput) as caught:
        read_transcript(path, GATE)
    assert caught.value.code == "text_empty"
