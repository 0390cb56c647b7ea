"""Learning from real files: a talking face, its voice, and an encoder that needs no download."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from appliance.config import Config
from appliance.errors import Cancelled, Fault
from appliance.inference.manifest import load_manifest
from appliance.lips.model import LipModel
from appliance.lips.speech_motion import SpeechMotion
from appliance.media.probe import probe_presenter
from appliance.render.presenter_analysis import analyse_presenter
from appliance.render.presenter_cache import CachedPresenter, PresenterCache
from appliance.render.presenter_learning import PresenterLearning
from appliance.render.presenter_recording import FeatureEncoder, choose_runs
from appliance.render.render import MODELS_FOLDER, render
from appliance.speech.mel import LECTERN_MEL, compute_mel
from appliance.speech.whisper_weights import encoder_path
from tests.render.conftest import frames_of, settings
from tests.talking_face import FPS, babble, talking, voice, write_video

Array32 = npt.NDArray[np.float32]
SECONDS = 12
BANDS = 8


class BandEncoder:
    """Features at 50 Hz without a network: the power of the sound in a few bands."""

    def features(self, blocks: Iterable[Array32]) -> Iterator[Array32]:
        mel = compute_mel(np.concatenate(list(blocks)), LECTERN_MEL)
        bands = np.exp(mel / 2).reshape(BANDS, -1, mel.shape[1]).mean(axis=1)
        yield np.asarray(bands[:, ::2].T, np.float32)


def refuse() -> FeatureEncoder:
    raise AssertionError("the encoder was opened again")


def not_installed() -> FeatureEncoder:
    raise Fault("speech_encoder_missing", name="weights")


@pytest.fixture(scope="module")
def openings() -> npt.NDArray[np.float64]:
    return babble(FPS * SECONDS, 3)


@pytest.fixture(scope="module")
def model(openings: npt.NDArray[np.float64]) -> LipModel:
    """The model of the repository, with a motion that follows the bands, less than it should."""
    model = LipModel.open(load_manifest("lectern-lite", MODELS_FOLDER), "fp32", ["cpu"])
    direction = model.basis.opening_direction
    features = next(BandEncoder().features([voice(openings)]))
    wanted = np.interp(np.arange(len(features)) / 50, np.arange(len(openings)) / FPS, openings)
    columns = np.stack([features.mean(axis=1), np.ones(len(features))], axis=1)
    slope, level = np.linalg.lstsq(columns, wanted, rcond=None)[0]
    along = direction / (direction @ direction)
    # Taps around the step, of unlike size: a person's own may differ.
    sizes = np.array([0.2, 1.0, 0.6]) / 1.8
    matrices = sizes[:, None, None] * np.full((BANDS, 1), 0.4 * slope / BANDS) * along
    bias = 0.4 * level * along
    # Two scores: never p, b and m, and always speech.
    model.__dict__["speech_motion"] = SpeechMotion(
        np.pad(matrices, ((0, 0), (0, 0), (0, 2))).astype(np.float32),
        np.array([-4, 0, 4]),
        np.append(bias, [0.0, 1.0]).astype(np.float32),
        (0.065 * along).astype(np.float32),
    )
    return model


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, openings: npt.NDArray[np.float64]) -> Path:
    """A talking face whose sound is 120 ms late."""
    late = np.concatenate([np.zeros(round(0.12 * 16_000), np.float32), voice(openings)])
    path = tmp_path_factory.mktemp("clip") / "wang.mp4"
    return write_video(path, talking(openings), FPS, late[: SECONDS * 16_000])


@pytest.fixture(scope="module")
def analysed(clip: Path) -> CachedPresenter:
    info = probe_presenter(clip)
    return CachedPresenter(info, *analyse_presenter(info, 0, 1))


def make_learning(
    model: LipModel, root: Path, motion: str = "auto", encoder: FeatureEncoder | None = None
) -> PresenterLearning:
    config = Config.model_validate({"root": root, "personalization": {"motion": motion}})
    cache = PresenterCache(root / "cache", 100)
    return PresenterLearning(model, config, cache, lambda: encoder or BandEncoder())


def test_offset_and_motion_are_learned_once(
    model: LipModel, analysed: CachedPresenter, tmp_path: Path
) -> None:
    learning = make_learning(model, tmp_path)
    entry = learning.cache.entry("wang")
    assert entry is not None
    found = learning.learn(analysed, entry)
    assert found.motion is not None and found.offset is not None
    # AAC and the mesh add up to a frame.
    assert abs(found.offset.seconds - 0.12) <= 0.03
    assert found.speech_s > 0.8 * SECONDS
    tracked = sorted((entry.folder / "track").iterdir())
    assert len(tracked) == SECONDS * FPS / 50  # the landmarks of all frames, for the chunks

    again = replace(learning, open_encoder=refuse).learn(analysed, entry)
    assert again.report() == found.report() and again.motion is not None
    np.testing.assert_array_equal(again.motion.matrices, found.motion.matrices)
    np.testing.assert_array_equal(again.motion.bias, found.motion.bias)

    (stored,) = entry.folder.glob("learned-*.npz")
    whole = stored.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], bytes(len(whole))):
        stored.write_bytes(damaged)
        assert learning.learn(analysed, entry).report() == found.report()
        assert stored.read_bytes() == whole


def test_landmarks_are_taken_from_the_cache(
    model: LipModel, analysed: CachedPresenter, tmp_path: Path
) -> None:
    learning = make_learning(model, tmp_path)
    entry = learning.cache.entry("wang")
    assert entry is not None
    first = learning.learn(analysed, entry)
    for path in entry.folder.glob("learned-*"):
        path.unlink()
    times = {path: path.stat().st_mtime_ns for path in (entry.folder / "track").iterdir()}
    assert learning.learn(analysed, entry).report() == first.report()
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_without_cache_the_result_is_the_same(
    model: LipModel, analysed: CachedPresenter, tmp_path: Path
) -> None:
    learning = make_learning(model, tmp_path)
    with_cache = learning.learn(analysed, learning.cache.entry("wang"))
    without = learning.learn(analysed, None)
    assert with_cache.motion is not None and without.motion is not None
    np.testing.assert_array_equal(with_cache.motion.matrices, without.motion.matrices)


class TestNothingIsLearned:
    def test_switched_off(self, model: LipModel, analysed: CachedPresenter, tmp_path: Path) -> None:
        learning = replace(make_learning(model, tmp_path, "off"), open_encoder=refuse)
        found = learning.learn(analysed, None)
        assert (found.mode, found.motion) == ("off", None)

    def test_without_encoder_or_support_of_the_model(
        self, model: LipModel, analysed: CachedPresenter, tmp_path: Path, tiny_model: Path
    ) -> None:
        learning = make_learning(model, tmp_path)
        missing = replace(learning, open_encoder=not_installed)
        assert missing.learn(analysed, None).mode == "no_encoder"
        other = LipModel.open(load_manifest(str(tiny_model), MODELS_FOLDER), "fp32", ["cpu"])
        assert replace(learning, model=other).learn(analysed, None).mode == "no_encoder"

    def test_an_encoder_that_fails_does_not_fail_the_video(
        self, model: LipModel, analysed: CachedPresenter, tmp_path: Path
    ) -> None:
        class Failing:
            def features(self, blocks: Iterable[Array32]) -> Iterator[Array32]:
                raise Fault("inference_failed", name="encoder", reason="test")

        learning = make_learning(model, tmp_path, encoder=Failing())
        entry = learning.cache.entry("wang")
        assert learning.learn(analysed, entry).mode == "no_encoder"
        assert make_learning(model, tmp_path).learn(analysed, entry).motion is not None

    def test_an_encoder_that_is_installed_later_is_used(
        self, model: LipModel, analysed: CachedPresenter, tmp_path: Path
    ) -> None:
        learning = make_learning(model, tmp_path)
        entry = learning.cache.entry("wang")
        missing = replace(learning, open_encoder=not_installed)
        assert missing.learn(analysed, entry).mode == "no_encoder"
        assert learning.learn(analysed, entry).motion is not None

    def test_silent_and_dubbed_videos_and_photos(
        self, model: LipModel, presenter: Path, photo: Path, clip: Path, tmp_path: Path
    ) -> None:
        learning = make_learning(model, tmp_path)
        for path in (presenter, photo):
            info = probe_presenter(path)
            analysis = CachedPresenter(info, *analyse_presenter(info, 0, 1))
            assert learning.learn(analysis, None).mode == "no_sound"
        openings = babble(FPS * 8, 3)
        sounds = {
            "no_sound": np.zeros(8 * 16_000, np.float32),
            "unrelated": voice(babble(FPS * 8, 77)),
        }
        for mode, sound in sounds.items():
            path = write_video(tmp_path / f"{mode}.mp4", talking(openings), FPS, sound)
            info = probe_presenter(path)
            analysis = CachedPresenter(info, *analyse_presenter(info, 0, 1))
            assert learning.learn(analysis, None).mode == mode

    def test_cancelled(self, model: LipModel, analysed: CachedPresenter, tmp_path: Path) -> None:
        def cancel() -> None:
            raise Cancelled("cancelled")

        learning = replace(make_learning(model, tmp_path), check=cancel)
        entry = learning.cache.entry("wang")
        assert entry is not None
        with pytest.raises(Cancelled):
            learning.learn(analysed, entry)
        assert not list(entry.folder.glob("learned-*"))


def test_recording_of_the_library_is_used_and_a_new_one_is_noticed(
    model: LipModel, clip: Path, openings: npt.NDArray[np.float64], tmp_path: Path
) -> None:
    library = tmp_path / "presenters"
    (library / "learning").mkdir(parents=True)
    shown = write_video(library / "wang.mp4", talking(babble(FPS * 2, 5)))
    info = probe_presenter(shown)
    analysis = CachedPresenter(info, *analyse_presenter(info, 0, 1))
    learning = make_learning(model, tmp_path)
    entry = learning.cache.entry("wang")
    assert learning.learn(analysis, entry).mode == "no_sound"
    shutil.copy(clip, library / "learning" / "Wang.mp4")
    found = learning.learn(analysis, entry)
    assert found.motion is not None
    (library / "learning" / "Wang.mp4").write_bytes(b"not a video")
    assert learning.learn(analysis, entry).mode == "no_sound"


class TestChooseRuns:
    def test_runs_without_voice_are_left_out(self, analysed: CachedPresenter) -> None:
        info = replace(analysed.info, frames=60 * FPS)
        speech = np.zeros(6000, bool)
        speech[1000:2000] = speech[3000:3300] = True
        assert choose_runs(info, speech, 0.0) == [(250, 500)]

    def test_a_long_recording_is_read_in_part(self, analysed: CachedPresenter) -> None:
        info = replace(analysed.info, frames=3600 * FPS)
        runs = choose_runs(info, np.ones(360_000, bool), 0.0)
        assert sum(stop - start for start, stop in runs) == 120 * FPS
        assert runs[0] == (0, 250) and runs[-1][1] == 3600 * FPS

    def test_no_sound(self, analysed: CachedPresenter) -> None:
        assert choose_runs(analysed.info, np.zeros(0, bool), 0.0) == []


class TestRender:
    """With the encoder that is installed, or without one."""

    def test_off_gives_the_bytes_of_a_presenter_of_whom_nothing_is_learned(
        self, lecture: Path, tmp_path: Path
    ) -> None:
        openings, other = babble(FPS * 8, 3), voice(babble(FPS * 8, 77))
        presenter = write_video(tmp_path / "dubbed.mp4", talking(openings), FPS, other)
        videos = []
        for mode in ("auto", "off"):
            video = tmp_path / f"{mode}.mp4"
            report = render(presenter, lecture, video, settings(personalization={"motion": mode}))
            assert report["personalization"]["motion"]["mode"] != "learned"
            videos.append(frames_of(video))
        assert report["personalization"] == {
            "offset_ms": None,
            "speech_s": 0.0,
            "motion": {"mode": "off", "cv_gain": 0.0},
            "atlas": {},
        }
        np.testing.assert_array_equal(videos[0], videos[1])

    def test_what_is_learned_changes_the_video_and_is_reported(
        self, clip: Path, lecture: Path, tmp_path: Path
    ) -> None:
        try:
            encoder_path()
        except Fault:
            pytest.skip("the speech encoder is not installed")
        videos, reports = [], []
        for mode in ("auto", "off"):
            video = tmp_path / f"{mode}.mp4"
            config = settings(personalization={"motion": mode})
            reports.append(render(clip, lecture, video, config))
            videos.append(frames_of(video))
        learned = reports[0]["personalization"]
        assert learned["motion"]["mode"] in ("learned", "range")
        assert learned["offset_ms"] is not None and abs(learned["offset_ms"] - 120) <= 40
        assert [w["code"] for w in reports[0]["warnings"]] == ["presenter_sound_late"]
        assert reports[1]["warnings"] == []
        assert (videos[0] != videos[1]).any()
