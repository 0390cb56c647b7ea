"""Pictures of the reasons: a frame with the mouth marked, and the mouth enlarged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from appliance.files.names import SIDECAR_SUFFIXES
from appliance.media.probe import probe_presenter
from appliance.score import score_video
from appliance.score.pictures import draw_picture, picture_path, save_pictures
from tests.talking_face import Image, portrait

from .conftest import PAUSE, Film


def test_pictures_are_saved_beside_the_video(film: Film, images: list[Image]) -> None:
    still = film("still", images[PAUSE.start :][:1] * 70)
    picture_path(still, 5).write_bytes(b"of an earlier attempt")
    score = score_video(still, reference=still, pictures=still)
    (reason,) = [each for each in score.verdict.reasons if each.code == "mouth_still"]
    assert reason.picture == 1
    assert reason.as_dict()["picture"] == 1
    image = cv2.imread(str(picture_path(still, 1)))
    assert image is not None
    assert image.shape == (360, 720, 3)  # the square frame, and the mouth beside it
    assert not picture_path(still, 5).exists()
    assert picture_path(still, 1).name.removeprefix("still") in SIDECAR_SUFFIXES


def test_at_most_five_pictures(film: Film, images: list[Image], tmp_path: Path) -> None:
    video = film("some", images[:12])
    score = score_video(film("frozen", images[PAUSE.start :][:1] * 60))
    (reason,) = [each for each in score.verdict.reasons if each.code == "mouth_still"]
    assert reason.span is not None
    codes = ("mouth_still", "mouth_shut", "seam", "lips_pale", "sync_weak", "wrong_person")
    reasons = tuple(
        replace(reason, code=code, span=reason.span._replace(frame=11 - k))
        for k, code in enumerate(codes)
    )
    many = replace(score, verdict=replace(score.verdict, reasons=reasons))
    mouths = np.full((12, 4), [100, 120, 150, 150], np.float32)
    saved = save_pictures(many, probe_presenter(video), mouths, tmp_path / "out.mp4")
    numbers = [each.picture for each in saved.verdict.reasons]
    assert numbers == [5, 4, 3, 2, 1, None]
    assert len(list(tmp_path.glob("out.check-*.jpg"))) == 5


def test_mouth_is_marked_and_enlarged() -> None:
    frame = np.asarray(portrait(), np.uint8)
    drawn = draw_picture(frame, np.array([95, 125, 148, 155], np.float32))
    assert drawn.shape == (360, 720, 3)
    assert ((drawn[:, :360] == (255, 214, 10)).all(axis=2)).sum() > 100
    alone = draw_picture(frame, np.full(4, np.nan, np.float32))
    assert alone.shape == (360, 360, 3)
    corner = draw_picture(frame, np.array([-20, 230, 30, 280], np.float32))
    assert corner.shape == (360, 720, 3)
