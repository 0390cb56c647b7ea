"""Synthetic sessions: the sound is where the spans say, and pauses are as asked for."""

from __future__ import annotations

import ctypes.util

import numpy as np
import pytest

from export_tools.speech_features.sessions import HIBARI, RATE, SHARES, Session, SessionMaker, Spans

pytestmark = [
    pytest.mark.export,
    pytest.mark.skipif(
        ctypes.util.find_library("espeak-ng") is None, reason="libespeak-ng is not installed"
    ),
]


@pytest.fixture(scope="module")
def maker() -> SessionMaker:
    return SessionMaker(3)


def marks(session: Session, spans: Spans, margin_s: float = 0.0) -> np.ndarray:
    """Return a mask of the samples within ``spans``, extended by ``margin_s``."""
    found = np.zeros(len(session.samples), bool)
    for start, end in spans:
        found[max(round((start - margin_s) * RATE), 0) : round((end + margin_s) * RATE)] = True
    return found


def power(samples: np.ndarray) -> float:
    return float(np.mean(samples.astype(np.float64) ** 2))


@pytest.mark.parametrize("language", ["en_GB", HIBARI, "zh", "fr", "de"])
def test_speech_is_where_the_sound_is(maker: SessionMaker, language: str) -> None:
    session = maker.make(6.0, language, clean=True)
    assert len(session.samples) >= 7 * RATE and session.samples.dtype == np.float32
    speech = marks(session, session.speech)
    assert 0.2 < speech.mean() < 0.95
    whole = float(np.sum(session.samples.astype(np.float64) ** 2))
    inside = float(np.sum(session.samples[marks(session, session.speech, 0.05)] ** 2.0))
    assert inside > 0.98 * whole
    assert all(0 <= start < end <= len(session.samples) / RATE for start, end in session.speech)


@pytest.mark.parametrize("language", ["en_GB", "zh", "fr"])
def test_closed_lips_are_quieter_than_speech_and_part_of_it(
    maker: SessionMaker, language: str
) -> None:
    session = maker.make(12.0, language, clean=True)
    assert len(session.shut) > 3 and set(session.shut) <= set(session.speech)
    shut = marks(session, session.shut)
    spoken = marks(session, session.speech) & ~shut
    assert power(session.samples[shut]) < 0.75 * power(session.samples[spoken])


def test_clean_sessions_are_silent_in_pauses(maker: SessionMaker) -> None:
    session = maker.make(10.0, "de", clean=True)
    begin = round(session.speech[0][0] * RATE)
    assert begin > 0.15 * RATE
    assert np.abs(session.samples[: round(0.15 * RATE)]).max() == 0
    assert np.abs(session.samples[-RATE:]).max() == 0


def test_some_other_sessions_have_sound_in_pauses() -> None:
    maker, filled = SessionMaker(8), 0
    for _ in range(6):
        session = maker.make(4.0, "fr")
        quiet = ~marks(session, session.speech, 0.3)
        filled += bool(power(session.samples[quiet]) > 1e-6)
    assert filled > 0


def test_the_seed_determines_the_session() -> None:
    one, two, other = (SessionMaker(seed).make(3.0) for seed in (4, 4, 5))
    # The library keeps the fraction of a sample from one utterance to the next.
    assert np.allclose(one.speech, two.speech, atol=1e-3)
    assert np.allclose(one.shut, two.shut, atol=1e-3)
    assert len(one.speech) != len(other.speech) or not np.allclose(one.speech, other.speech)


def test_shares_add_up() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)
