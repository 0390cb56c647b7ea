"""Colours, light and sharpness of a mouth, and what the presenter's own frames say about them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from appliance.lips.geometry import LIPS_OUTER
from appliance.score.mouth_look import LookTrack, look_at_mouth
from appliance.score.verdict import LIMITS
from appliance.score.yardstick import LookComparison, compare_looks
from tests.talking_face import SIZE, Image, as_picture, babble, face_with_opening

from .conftest import MeasureFace

Change = Callable[[Image, Image, int], Image]
FRAMES = 36


def blend(image: Image, colour: Image, mask: Image, share: float) -> Image:
    weight = share * cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)[..., None]
    return np.asarray(np.round(image * (1 - weight) + colour * weight), np.uint8)


def grown(mask: Image, side: int) -> Image:
    return np.asarray(cv2.dilate(mask, np.ones((side, side))), np.uint8)


def none(image: Image, mask: Image, index: int) -> Image:
    return image


def bleach(image: Image, mask: Image, index: int) -> Image:
    skin = np.broadcast_to(image[175:185, 100:140].mean(axis=(0, 1)), image.shape)
    return blend(image, np.asarray(skin, np.uint8), mask, 0.8)


def whiten(image: Image, mask: Image, index: int) -> Image:
    return blend(image, np.full_like(image, 235), 1 - grown(1 - mask, 9), 0.9)


def blur(image: Image, mask: Image, index: int) -> Image:
    soft = np.asarray(cv2.GaussianBlur(image, (0, 0), 2), np.uint8)
    return blend(image, soft, grown(mask, 9), 1)


def sharpen(image: Image, mask: Image, index: int) -> Image:
    soft = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.5)
    hard = np.clip(image + 2.5 * (image - soft), 0, 255).astype(np.uint8)
    return blend(image, hard, grown(mask, 9), 1)


def flicker(image: Image, mask: Image, index: int) -> Image:
    shade = np.clip(image * (1.12 if index % 2 else 0.88), 0, 255).astype(np.uint8)
    return blend(image, shade, grown(mask, 15), 1)


@pytest.fixture(scope="module")
def film_looks(measure_face: MeasureFace) -> Callable[[Change, int], LookTrack]:
    """Return a function that makes the looks of a face with red lips, after a change."""

    def make(change: Change, seed: int) -> LookTrack:
        track = LookTrack(FRAMES)
        for index, opening in enumerate(babble(FRAMES, seed)):
            image = face_with_opening(float(opening))
            lips = measure_face(as_picture(image)).points[list(LIPS_OUTER), :2]
            mask = np.zeros((SIZE, SIZE), np.uint8)
            cv2.fillPoly(mask, [np.round(lips).astype(np.int32)], 1)
            rouge = np.full_like(image, (170, 50, 65))
            picture = as_picture(change(blend(image, rouge, mask, 0.5), mask, index), index)
            track.add(index, picture, measure_face(as_picture(image)))
        return track

    return make


@pytest.fixture(scope="module")
def appearance(
    film_looks: Callable[[Change, int], LookTrack],
) -> Callable[[Change], LookComparison]:
    """Return a function that compares changed frames with those of another speech."""
    presenter = film_looks(none, 1)
    return lambda change: compare_looks(film_looks(change, 2), presenter)[0]


def test_untouched_frames_are_like_the_presenters(
    appearance: Callable[[Change], LookComparison],
) -> None:
    found = appearance(none)
    assert found.pale_upper is not None
    assert found.pale_lower is not None
    assert found.bright_inside is not None
    assert max(found.pale_upper, found.pale_lower, found.bright_inside) < 0.2
    assert found.sharpness == pytest.approx(1, abs=0.25)
    assert found.flicker == pytest.approx(1, abs=0.6)
    assert found.same_face == pytest.approx(1, abs=0.02)
    assert found.frames == FRAMES


def test_each_fault_is_seen_by_its_measure(appearance: Callable[[Change], LookComparison]) -> None:
    pale = appearance(bleach)
    assert pale.pale_upper is not None
    assert pale.pale_lower is not None
    assert max(pale.pale_upper, pale.pale_lower) > 0.8
    bright = appearance(whiten).bright_inside
    assert bright is not None
    assert bright > LIMITS["inside_bright"][0]
    soft, hard = appearance(blur).sharpness, appearance(sharpen).sharpness
    assert soft is not None
    assert hard is not None
    assert soft < 0.55
    assert hard > LIMITS["mouth_too_sharp"][0]
    restless = appearance(flicker).flicker
    assert restless is not None
    assert restless > LIMITS["mouth_flickers"][0]


def test_look_of_the_portrait(measure_face: MeasureFace) -> None:
    picture = as_picture(face_with_opening(0.25))
    look, thumbnail = look_at_mouth(picture, measure_face(picture))
    assert look.lower_red > 0.02  # lips are redder than the skin
    assert look.inside_light < 0  # and the inside of an open mouth is darker
    assert thumbnail.shape == (12, 16)
    shut = as_picture(face_with_opening(0))
    assert look_at_mouth(shut, measure_face(shut))[0].opening < look.opening


def test_too_few_frames_are_not_compared() -> None:
    found, deviations = compare_looks(LookTrack(10), LookTrack(10))
    assert (found.pale_upper, found.flicker, found.same_face, found.frames) == (None,) * 3 + (0,)
    assert np.isnan(deviations["pale"]).all()
