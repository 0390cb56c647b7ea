"""The presenter is told from other people by the face, also after a cut in the same place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.config import Config
from appliance.face.appearance import correlation, group_appearances, thumbnail_of
from appliance.media.probe import probe_presenter
from appliance.render.coverage import measure_coverage
from appliance.render.presenter_analysis import analyse_presenter
from tests.talking_face import babble, portrait, talking, write_video

rng = np.random.default_rng(0)
ONE, OTHER = (rng.random((24, 24, 3)).astype(np.float32) for _ in range(2))


def test_people_are_grouped_by_how_often_they_are_seen() -> None:
    noisy = [
        np.clip(ONE + rng.normal(0, 0.1, ONE.shape), 0, 1).astype(np.float32) for _ in range(5)
    ]
    dim = [np.asarray(0.4 * OTHER + 0.1, np.float32) for _ in range(3)]
    first, second = group_appearances([*dim, *noisy])
    assert first.matches(ONE) and not first.matches(OTHER)
    assert second.matches(OTHER) and not second.matches(ONE)


def test_brightness_does_not_matter() -> None:
    assert correlation(ONE, np.asarray(0.3 * ONE + 0.2, np.float32)) == pytest.approx(1, abs=1e-4)
    assert correlation(ONE, np.full_like(ONE, 0.5)) == 0
    assert thumbnail_of(np.zeros((96, 96, 3), np.float32)).shape == (24, 24, 3)


@pytest.mark.data
@pytest.mark.parametrize(
    "order", [("OpenTalker_2", "OpenTalker_5"), ("OpenTalker_5", "OpenTalker_2")]
)
def test_cut_to_another_person_in_the_same_place(
    shared_data: Path, tmp_path: Path, order: tuple[str, str]
) -> None:
    import cv2

    from appliance.media.convert import to_rgb
    from appliance.media.decode import FrameReader
    from appliance.media.picture import ColorSpec

    images = []
    for name, frames in zip(order, (45, 30), strict=True):
        info = probe_presenter(shared_data / "wild" / f"{name}.mp4")
        with FrameReader(info, 1) as reader:
            for picture in reader.read(0, frames):
                frame = picture.to_av(0, info.time_base)
                rgb = to_rgb(frame, ColorSpec.of_frame(frame), (info.width, info.height))
                images.append(np.asarray(cv2.resize(rgb, (480, 480)), np.uint8))
    info = probe_presenter(write_video(tmp_path / "cut.mp4", images))
    person, _ = analyse_presenter(info, 0, 1)
    assert person.successors == 1
    found = measure_coverage(info, person, Config().face, info.frames)
    assert found.outcomes["spoken"] == pytest.approx(45, abs=2)


def test_one_person_is_never_two(tmp_path: Path) -> None:
    """Also with a zoom and another brightness after a cut."""
    import cv2

    images = list(talking(babble(40, seed=1)))
    near = np.ascontiguousarray(portrait()[20:220, 20:220])
    zoomed = [np.asarray(cv2.resize(near, (256, 256)), np.uint8)] * 20
    dark = [np.asarray(image * 0.5 + 10, np.uint8) for image in images[:20]]
    info = probe_presenter(write_video(tmp_path / "a.mp4", [*images, *zoomed, *dark]))
    person, _ = analyse_presenter(info, 0, 1)
    assert (person.successors, person.appearance) == (0, None)
    found = measure_coverage(info, person, Config().face, info.frames)
    assert found.share > 0.9
