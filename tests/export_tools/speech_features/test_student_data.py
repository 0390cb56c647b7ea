"""The training data of the student: degraded sound keeps its timing, targets fit their sound."""

from __future__ import annotations

import random
import struct
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch")

from appliance.speech.log_mel import WHISPER_MEL
from appliance.speech.mel import compute_mel
from export_tools.phonetics.corpus import RATE
from export_tools.speech_features import degrade, languages
from export_tools.speech_features.student_data import (
    degraded,
    filmed_speech,
    join,
    parse_plan,
    read_speech,
    write_shard,
)
from export_tools.speech_features.train_student import STEPS, Shard, crop, find_shards

pytestmark = pytest.mark.export

Array16 = npt.NDArray[np.int16]


def syllables(seconds: float, seed: int = 0) -> Array16:
    """Noise under an irregular envelope, so that correlation has one peak."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    knots = rng.random(round(seconds * 12) + 2)
    envelope = np.interp(np.arange(count), np.linspace(0, count, len(knots)), knots) ** 2
    low = np.convolve(rng.standard_normal(count), np.hanning(9) / 5, "same")
    return np.asarray(6000 * envelope * low, np.int16)


def lag(one: Array16, other: Array16) -> int:
    """Return by how many samples ``other`` is later."""
    size = 1 << 18
    a, b = (np.fft.rfft(x.astype(float), size) for x in (one, other))
    found = int(np.argmax(np.fft.irfft(b * np.conj(a), size)))
    return found - size if found > size // 2 else found


class TestDegrade:
    @pytest.mark.parametrize("codec", range(4))
    def test_codec_keeps_length_and_timing(
        self, codec: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(degrade, "_CODECS", (degrade._CODECS[codec],))
        sound = syllables(4.0)
        coded = degrade.transcode(sound, np.random.default_rng(0))
        assert len(coded) == len(sound) and not np.array_equal(coded, sound)
        assert abs(lag(sound, coded)) <= 1
        assert np.corrcoef(sound, coded)[0, 1] > 0.7

    @pytest.mark.parametrize("delay", [-700, -3, 0, 5, 1105])
    def test_any_delay_is_removed(self, delay: int) -> None:
        sound = syllables(3.0)
        moved = np.roll(np.pad(sound, 2000), delay)[2000:-2000]
        assert lag(sound, degrade.align(sound, moved)) == 0

    def test_log_mel_is_that_of_the_encoder(self) -> None:
        sound = syllables(2.0).astype(np.float32) / np.float32(32768)
        padded = np.pad(sound, 200)
        found = degrade.log_mel(padded, 150)
        assert np.abs(found - compute_mel(sound, WHISPER_MEL)[:, :150]).max() < 2e-3

    @pytest.mark.parametrize("seed", range(12))
    def test_background_keeps_speech_audible_and_in_time(self, seed: int) -> None:
        sound = syllables(3.0).astype(np.float32) / np.float32(32768)
        other = syllables(3.0, 5).astype(np.float32) / np.float32(32768)
        mixed = degrade.add_background(sound, other, np.random.default_rng(seed))
        assert mixed.dtype == np.float32 and len(mixed) == len(sound)
        assert np.corrcoef(sound, mixed)[0, 1] > 0.3
        assert abs(lag((32768 * sound).astype(np.int16), (16384 * mixed).astype(np.int16))) <= 1

    def test_color_stays_above_the_floor(self) -> None:
        quiet = np.full((80, 50), -9.5, np.float32)
        for seed in range(20):
            found = degrade.color(quiet, np.random.default_rng(seed))
            assert found.shape == quiet.shape and found.min() >= -10

    def test_tones_differ_and_are_finite(self) -> None:
        one, other = (degrade.tones(RATE, np.random.default_rng(seed)) for seed in (1, 2))
        assert np.isfinite(one).all() and one.std() > 0.05
        assert not np.array_equal(one, other)


class TestShards:
    def test_pauses_separate_utterances_of_different_levels(self) -> None:
        source = iter([(f"u{i}", syllables(1.0, i)) for i in range(50)])
        samples, names = join(source, np.random.default_rng(0), 12.0)
        assert samples.dtype == np.int16 and 12 * RATE <= len(samples) < 18 * RATE
        assert names == [f"u{i}" for i in range(len(names))] and 4 < len(names) < 13
        level = np.abs(samples.astype(float)).reshape(-1)[: len(samples) // 1600 * 1600]
        quiet = level.reshape(-1, 1600).max(1) < 120
        assert 0.05 < quiet.mean() < 0.7

    def test_some_pieces_are_coded(self) -> None:
        sound = syllables(65.0)
        other = degraded(sound, np.random.default_rng(3))
        assert len(other) == len(sound) and not np.array_equal(other, sound)

    def test_crop_has_the_targets_of_its_sound(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The targets tell when the clicks are; the loudest steps of the mel must agree."""
        sound = np.zeros(60 * RATE, np.int16)
        clicks = np.arange(1, 59) * RATE + np.random.default_rng(0).integers(0, RATE // 2, 58)
        sound[clicks] = 20000
        targets = np.zeros((60 * 50, 4), np.float16)
        targets[np.round(clicks / 320).astype(int)] = 1
        write_shard(tmp_path, "speech-00", sound, sound, targets, ["clicks"])
        assert find_shards(tmp_path) == {"speech": ["speech-00"]}
        shard = Shard.open(tmp_path, "speech-00")
        monkeypatch.setattr(degrade, "add_background", lambda samples, other, rng: samples)
        for seed in range(6):
            mel, wanted, weights = crop(shard, shard, np.random.default_rng(seed))
            assert mel.shape == (80, 700) and wanted.shape == (STEPS, 4)
            energy = mel.mean(0).reshape(STEPS, 2).max(1)
            for step in np.flatnonzero(wanted[:, 0] * (weights == 1)):
                near = energy[step - 10 : step + 11]
                assert abs(int(near.argmax()) - 10) <= 1

    def test_plan_mixes_the_sources(self) -> None:
        plan = parse_plan("speech:4,foreign:2")
        assert sorted(plan) == sorted(
            [f"speech-0{i}" for i in range(4)] + ["foreign-00", "foreign-01"]
        )
        assert {name.split("-")[0] for name in plan[:3]} == {"speech", "foreign"}


def write_catalogue(path: Path, texts: dict[str, str]) -> None:
    """Write a gettext catalogue (the format is described in the manual of gettext)."""
    texts = dict(sorted({"": "Content-Type: text/plain; charset=UTF-8\n", **texts}.items()))
    table, data = b"", b""
    start = 28 + 16 * len(texts)
    for part in (list(texts), list(texts.values())):
        for text in part:
            table += struct.pack("<II", len(text.encode()), start + len(data))
            data += text.encode() + b"\0"
    header = struct.pack("<7I", 0x950412DE, 0, len(texts), 28, 28 + 8 * len(texts), 0, 0)
    path.parent.mkdir(parents=True)
    path.write_bytes(header + table + data)


class TestLanguages:
    @pytest.fixture
    def locales(self, tmp_path: Path) -> Path:
        texts = {
            "File not found": "Fichier introuvable, désolé !",
            "%d lines": "%d lignes",
            "Open Lectern": "Ouvrir Lectern",
        }
        write_catalogue(tmp_path / "fr" / "LC_MESSAGES" / "tool.mo", texts)
        return tmp_path

    def test_words_are_those_of_the_language(self, locales: Path) -> None:
        found = set(languages.words("fr", locales))
        assert found == {"Fichier", "introuvable", "désolé", "Ouvrir"}

    def test_language_without_catalogues_is_reported(self, locales: Path) -> None:
        with pytest.raises(FileNotFoundError):
            languages.words("de", locales)

    def test_sentences_depend_on_the_seed_alone(self, locales: Path) -> None:
        one, other = (
            languages.random_sentence("fr", random.Random(seed), locales) for seed in (1, 1)
        )
        assert one == other and 6 <= len(one.split()) <= 16 and one.endswith(".")

    def test_shares_are_complete(self) -> None:
        assert abs(sum(share for _, _, share in languages.LANGUAGES) - 1.0) < 1e-9


@pytest.mark.data
def test_only_training_rows_are_read() -> None:
    data = Path(__file__).parents[4] / "shared" / "data"
    if not (data / "speech" / "manifest.tsv").is_file():
        pytest.skip("the recordings are not there")
    rng = np.random.default_rng(0)
    names = [name for name, _ in islice(read_speech(data, rng), 40)]
    assert not any("test-clean" in name or "aishell" in name for name in names)
    names = [name for name, _ in islice(filmed_speech(data, rng), 60)]
    assert not any("3_15" in name or "3_16" in name for name in names)
    assert not any(name.startswith(("grid/s1_pg", "grid/s1_pbw")) for name in names)
