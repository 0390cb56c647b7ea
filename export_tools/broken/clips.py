"""Pieces of real clips: pictures, landmarks and sound, in memory, to be broken and encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from appliance.face.networks import face_networks
from appliance.face.track import FaceTracker
from appliance.media.audio import audio_blocks
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import probe_audio, probe_presenter
from appliance.score.face_tracks import FaceMeasurement

Sound = npt.NDArray[np.float32]

RATE = 16_000
_PIECE_S = 8.0
_MIN_PIECE_S = 4.5
_JOINED = 3  # clips of three seconds that make a piece


@dataclass
class Piece:
    """A stretch of a clip in which every frame shows the face.

    ``pictures`` are writable; ``sound`` (n,) is mono at 16 kHz and begins with the first picture.
    """

    name: str
    person: str
    fps: Fraction
    pictures: list[Picture]
    faces: list[FaceMeasurement]
    sound: Sound

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float(len(self.pictures) / self.fps)

    def part(self, first: int, stop: int, name: str) -> Piece:
        """Return frames ``first`` … ``stop`` - 1."""
        a, b = (round(k / float(self.fps) * RATE) for k in (first, stop))
        return Piece(
            name, self.person, self.fps, self.pictures[first:stop], self.faces[first:stop],
            self.sound[a:b],
        )  # fmt: skip


def load(path: Path, person: str) -> Piece | None:
    """Return a whole clip; ``None`` if a frame shows no face."""
    info, audio = probe_presenter(path), probe_audio(path)
    tracker = FaceTracker(*face_networks())
    pictures, faces = [], []
    with FrameReader(info) as reader:
        for picture in reader.read(0, info.frames):
            found = tracker.step(picture)
            if found is None:
                return None
            pictures.append(picture.writable())
            faces.append(FaceMeasurement.of_points(found.points))
    sound = np.concatenate(list(audio_blocks(path)))
    late = round((float(audio.start) - info.start_s) * RATE)
    sound = np.concatenate([np.zeros(max(late, 0), np.float32), sound[max(-late, 0) :]])
    length = round(len(pictures) / float(info.fps) * RATE)
    sound = np.pad(sound, (0, max(length - len(sound), 0)))[:length]
    return Piece(path.stem, person, info.fps, pictures, faces, sound)


def pieces_of(clip: Piece) -> list[Piece]:
    """Return the clip in pieces of ten seconds, or whole if it is shorter than two of them."""
    count = max(int(clip.seconds / _PIECE_S), 1)
    cuts = np.linspace(0, len(clip.pictures), count + 1).astype(int)
    return [
        clip.part(int(a), int(b), f"{clip.name} {number}")
        for number, (a, b) in enumerate(pairwise(cuts), 1)
    ]


def joined(clips: list[Piece], name: str) -> Piece:
    """Return clips of one person and one size, one after the other."""
    pictures = [picture.with_index(0).writable() for clip in clips for picture in clip.pictures]
    return Piece(
        name, clips[0].person, clips[0].fps, pictures,
        [face for clip in clips for face in clip.faces],
        np.concatenate([clip.sound for clip in clips]),
    )  # fmt: skip


def wild_pieces(paths: list[Path]) -> Iterator[Piece]:
    """Yield pieces of clips of different people."""
    for path in paths:
        clip = load(path, path.stem)
        if clip is not None and clip.seconds >= _MIN_PIECE_S:
            yield from pieces_of(clip)


def grid_pieces(paths: list[Path], count: int) -> Iterator[Piece]:
    """Yield ``count`` pieces of nine seconds, joined from clips of GRID's speaker s1."""
    step = max(len(paths) // (count * _JOINED), 1)
    chosen = paths[::step][: count * _JOINED]
    for number in range(len(chosen) // _JOINED):
        group = chosen[number * _JOINED : (number + 1) * _JOINED]
        clips = [clip for path in group if (clip := load(path, "grid s1")) is not None]
        if len(clips) == _JOINED:
            yield joined(clips, f"grid {group[0].stem}")


def write(path: Path, pictures: list[Picture], fps: Fraction, sound: Sound, crf: int = 20) -> Path:
    """Encode pictures and sound as H.264 and AAC in MP4."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(
            "libx264", rate=fps, options={"crf": str(crf), "preset": "veryfast", "threads": "1"}
        )
        video.width, video.height = pictures[0].width, pictures[0].height
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        audio.bit_rate = 96_000
        for index, picture in enumerate(pictures):
            container.mux(video.encode(picture.to_av(index, 1 / fps)))
        container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(sound[None], np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return path
