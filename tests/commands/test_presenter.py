"""``lectern presenter``: what it prints, stores and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.cli import main
from appliance.messages.enrolment import OUTCOMES
from tests.talking_face import FPS, babble, talking, voice, write_video


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openings = babble(FPS * 9, 3)
    path = tmp_path_factory.mktemp("spoken") / "reading.MP4"
    return write_video(path, talking(openings), FPS, voice(openings))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A device with one presenter, whose clip has no sound."""
    library = tmp_path / "box" / "presenters"
    library.mkdir(parents=True)
    write_video(library / "Wang Li.mp4", talking(babble(FPS, 1)))
    (tmp_path / "config.yaml").write_text("root: box\npersonalization: {motion: off}\n")
    return tmp_path / "box"


def run(root: Path, *arguments: str) -> int:
    return main(["presenter", *arguments, "--config", str(root.parent / "config.yaml")])


def test_nothing_is_known_before_learning(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "show", "wang li") == 0
    assert capsys.readouterr().out == OUTCOMES["unknown"]["en"] + "\n"


def test_recording_is_stored_learned_from_and_replaced(
    root: Path, spoken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(root, "learn", "Wang Li", "--recording", str(spoken)) == 0
    printed = capsys.readouterr().out
    stored = root / "presenters" / "learning" / "Wang Li.mp4"
    assert stored.read_bytes() == spoken.read_bytes()
    assert printed.splitlines()[0] in (OUTCOMES["learned"]["en"], OUTCOMES["range"]["en"])
    assert "learned from   the recording" in printed
    assert "used in videos no: personalization.motion is off" in printed
    assert run(root, "show", str(root / "presenters" / "Wang Li.mp4")) == 0
    assert capsys.readouterr().out == printed

    other = write_video(root.parent / "other.mkv", talking(babble(FPS, 2)), FPS, voice(babble(FPS)))
    assert run(root, "learn", "Wang Li", "--recording", str(other)) == 0
    assert [path.name for path in stored.parent.iterdir()] == ["Wang Li.mkv"]
    assert capsys.readouterr().out != printed


@pytest.mark.parametrize(
    ("clip", "recording", "words"),
    [
        ("missing.mp4", None, "missing.mp4"),
        ("Wang Li", "notes.txt", "is not a video"),
        ("Wang Li", "silent.mp4", "no sound"),
        ("elsewhere.mp4", "spoken", "not in the library"),
    ],
)
def test_unusable_files_are_bad_input(
    root: Path,
    spoken: Path,
    clip: str,
    recording: str | None,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (root.parent / "notes.txt").write_text("words")
    silent = write_video(root.parent / "silent.mp4", talking(babble(FPS, 2)))
    (root.parent / "elsewhere.mp4").write_bytes(silent.read_bytes())
    arguments = [clip if clip == "Wang Li" else str(root.parent / clip)]
    if recording is not None:
        path = spoken if recording == "spoken" else root.parent / recording
        arguments += ["--recording", str(path)]
    assert run(root, "learn", *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and words in captured.err
    assert not (root / "presenters" / "learning").exists()
