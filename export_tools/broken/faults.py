"""The faults: each takes a piece of a real clip and returns its pictures and sound, broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.sampling import apply, compose, invert
from appliance.lips.geometry import LIPS_INNER, LIPS_OUTER, patch_matrix
from appliance.media.picture import Picture
from appliance.score.face_tracks import FaceMeasurement
from export_tools.broken.clips import RATE, Piece, Sound

Mask = npt.NDArray[np.float32]

_PATCH = np.array([[0.02, 0.12], [0.98, 0.12], [0.98, 0.9], [0.02, 0.9]])  # a renderer's box
_STRETCH_S = 2.5  # of a fault that concerns a part of a piece


@dataclass(frozen=True)
class Broken:
    """The pictures and the sound of a broken clip."""

    pictures: list[Picture]
    sound: Sound


def late(milliseconds: int) -> Callable[[Piece], Broken]:
    """Return a fault that makes the mouth late by moving the sound to an earlier time."""

    def fault(piece: Piece) -> Broken:
        shift = round(milliseconds * RATE / 1000)
        return Broken(piece.pictures, np.pad(piece.sound[shift:], (0, shift)))

    return fault


def frozen_mouth(piece: Piece) -> Broken:
    """Show the mouth of one frame, well blended, on all frames."""
    return Broken(_paste(piece, {k: len(piece.faces) // 2 for k in _all(piece)}), piece.sound)


def no_blend(piece: Piece) -> Broken:
    """Paste the mouth of a frame half a second later as a box, slightly off and brighter."""
    step = round(float(piece.fps) / 2)
    frames = {k: (k + step) % len(piece.faces) for k in _all(piece)}
    return Broken(_paste(piece, frames, hard=True), piece.sound)


def box(piece: Piece) -> Broken:
    """Brighten a box around the mouth by six grey levels."""
    return Broken(_each(piece, lambda p, f, k: _add(p.y, _box_mask(p, f) * 6)), piece.sound)


def bleached_lips(piece: Piece) -> Broken:
    """Take most of the lips' own colour and contrast away."""

    def bleach(picture: Picture, face: FaceMeasurement, index: int) -> None:
        mask = _lip_mask(picture, face)
        ring = np.clip(_grown(picture, face, 1.6) - _grown(picture, face, 1.15), 0, 1)
        for plane, half in zip(picture.planes(), (1, 2, 2), strict=True):
            weight, skin = _half(mask, half), _half(ring, half)
            level = float((plane * skin).sum() / max(float(skin.sum()), 1.0))
            _add(plane, 0.75 * weight * (level - plane.astype(np.float32)))

    return Broken(_each(piece, bleach), piece.sound)


def blurred_mouth(piece: Piece) -> Broken:
    """Blur the mouth, as a network of low resolution does."""

    def blur(picture: Picture, face: FaceMeasurement, index: int) -> None:
        sigma = max(0.022 * float(face.pose.scale), 1.0)
        soft = cv2.GaussianBlur(picture.y, (0, 0), sigma).astype(np.float32)
        _add(picture.y, _soft_mask(picture, face) * (soft - picture.y))

    return Broken(_each(piece, blur), piece.sound)


def sharpened_mouth(piece: Piece) -> Broken:
    """Sharpen the mouth too much."""

    def sharpen(picture: Picture, face: FaceMeasurement, index: int) -> None:
        luma = picture.y.astype(np.float32)
        detail = luma - cv2.GaussianBlur(luma, (0, 0), 1.2)
        _add(picture.y, 1.5 * _soft_mask(picture, face) * detail)

    return Broken(_each(piece, sharpen), piece.sound)


def flicker(piece: Piece) -> Broken:
    """Make the mouth brighter and darker by 4 % in turn."""

    def shade(picture: Picture, face: FaceMeasurement, index: int) -> None:
        gain = 0.04 if index % 2 else -0.04
        _add(picture.y, gain * _soft_mask(picture, face) * picture.y)

    return Broken(_each(piece, shade), piece.sound)


def bright_inside(piece: Piece) -> Broken:
    """Fill the inside of the mouth as if bright teeth were pasted into it."""

    def fill(picture: Picture, face: FaceMeasurement, index: int) -> None:
        mask = _polygon(picture, face.points[list(LIPS_INNER), :2])
        _add(picture.y, mask * np.maximum(225 - picture.y.astype(np.float32), 0) * 0.7)

    return Broken(_each(piece, fill), piece.sound)


def silence_moving(piece: Piece) -> Broken:
    """Take the speech away for some seconds in which the mouth goes on."""
    sound = piece.sound.copy()
    first, stop = _stretch(piece)
    a, b = (round(k / float(piece.fps) * RATE) for k in (first, stop))
    noise = np.random.default_rng(0).normal(0, 1e-4, b - a)
    sound[a:b] = noise
    return Broken(piece.pictures, sound)


def speech_shut(piece: Piece) -> Broken:
    """Shut the mouth for some seconds of speech."""
    shut = int(np.argmin([face.opening for face in piece.faces]))
    return Broken(_paste(piece, dict.fromkeys(range(*_stretch(piece)), shut)), piece.sound)


FAULTS: dict[str, Callable[[Piece], Broken]] = {
    "late by 80 ms": late(80),
    "late by 120 ms": late(120),
    "late by 200 ms": late(200),
    "frozen mouth": frozen_mouth,
    "no blend": no_blend,
    "bleached lips": bleached_lips,
    "blur": blurred_mouth,
    "oversharpened": sharpened_mouth,
    "box": box,
    "flicker": flicker,
    "bright inside": bright_inside,
    "silence with moving lips": silence_moving,
    "speech with a shut mouth": speech_shut,
}
"""Each takes the piece that it breaks."""

UNALTERED = {"late by 80 ms", "late by 120 ms", "late by 200 ms", "silence with moving lips"}
"""Faults that leave the pictures as they are, so that they need not be measured again."""


def _all(piece: Piece) -> range:
    return range(len(piece.faces))


def _stretch(piece: Piece) -> tuple[int, int]:
    middle, half = len(piece.faces) // 2, round(_STRETCH_S / 2 * float(piece.fps))
    return max(middle - half, 0), min(middle + half, len(piece.faces))


def _each(piece: Piece, change: Callable[[Picture, FaceMeasurement, int], None]) -> list[Picture]:
    result = []
    for index, (picture, face) in enumerate(zip(piece.pictures, piece.faces, strict=True)):
        copy = picture.writable()
        change(copy, face, index)
        result.append(copy)
    return result


def _paste(piece: Piece, frames: dict[int, int], hard: bool = False) -> list[Picture]:
    """Return the pictures; those in ``frames`` with the mouth of the other frame."""

    def change(picture: Picture, face: FaceMeasurement, index: int) -> None:
        if index not in frames:
            return
        source, source_face = piece.pictures[frames[index]], piece.faces[frames[index]]
        to_source = compose(patch_matrix(source_face.pose, 1), invert(patch_matrix(face.pose, 1)))
        mask = _box_mask(picture, face) if hard else _soft_mask(picture, face)
        if hard:
            to_source[:, 2] += 0.03 * float(face.pose.scale)
        skin = np.clip(_grown(picture, face, 2.2) - _grown(picture, face, 1.5), 0, 1)
        for k, (plane, original) in enumerate(zip(picture.planes(), source.planes(), strict=True)):
            half = 2 if k else 1
            matrix = to_source.copy()
            matrix[:, 2] /= half
            moved = cv2.warpAffine(
                original, matrix, plane.shape[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            ).astype(np.float32)  # fmt: skip
            weight, ring = _half(mask, half), _half(skin, half)
            if hard:
                moved += 0 if k else 5
            else:
                moved += float(((plane - moved) * ring).sum() / max(float(ring.sum()), 1.0))
            _add(plane, weight * (moved - plane))

    return _each(piece, change)


def _add(plane: npt.NDArray[np.uint8], change: Mask) -> None:
    plane[...] = np.clip(np.round(plane + change), 0, 255)


def _half(mask: Mask, factor: int) -> Mask:
    if factor == 1:
        return mask
    return np.asarray(
        cv2.resize(mask, (mask.shape[1] // 2, mask.shape[0] // 2), interpolation=cv2.INTER_AREA)
    )


def _polygon(picture: Picture, points: npt.NDArray[np.floating]) -> Mask:
    mask = np.zeros(picture.y.shape, np.float32)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1.0)
    return mask


def _grown(picture: Picture, face: FaceMeasurement, factor: float) -> Mask:
    lips = face.points[list(LIPS_OUTER), :2].astype(np.float64)
    centre = lips.mean(axis=0)
    return _polygon(picture, centre + factor * (lips - centre))


def _lip_mask(picture: Picture, face: FaceMeasurement) -> Mask:
    inner = _polygon(picture, face.points[list(LIPS_INNER), :2])
    mask = np.clip(_grown(picture, face, 1.06) - inner, 0, 1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.012 * float(face.pose.scale), 0.6)))


def _soft_mask(picture: Picture, face: FaceMeasurement) -> Mask:
    mask = _grown(picture, face, 1.55)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.07 * float(face.pose.scale)))


def _box_mask(picture: Picture, face: FaceMeasurement) -> Mask:
    return _polygon(picture, apply(patch_matrix(face.pose, 1), _PATCH - 0.5))
