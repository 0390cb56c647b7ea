"""Read random training crops, and complete utterances for scoring, from packs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from export_tools.phonetics import augment
from export_tools.phonetics.augment import CROP_FRAMES, CROP_SAMPLES, RATE, AugmentConfig
from export_tools.phonetics.inventory import SILENCE
from export_tools.phonetics.pack import Pack

Array32 = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
STEP_S = 0.02  # duration of one label: output frame k is at 20 k ms


def _read(pack: Pack, index: int, start: int, count: int) -> Array32:
    """Return ``count`` samples from ``start``, with zeros before and after the utterance."""
    begin, end = int(pack.offsets[index]), int(pack.offsets[index + 1])
    first, last = max(begin + start, begin), min(begin + start + count, end)
    out = np.zeros(count, np.float32)
    if last > first:
        at = first - begin - start
        out[at : at + last - first] = pack.samples[first:last] / np.float32(32768.0)
    return out


def random_crop(
    pack: Pack, index: int, rng: np.random.Generator, config: AugmentConfig
) -> tuple[Array32, Labels]:
    """Return one augmented crop: mel (80, 400) and labels (200,)."""
    speed = rng.uniform(*config.tempo) if rng.random() < config.p_tempo else 1.0
    count = round(CROP_SAMPLES * speed)
    length = int(pack.offsets[index + 1] - pack.offsets[index])
    slack = length - count
    # Short utterances are at a random position in the crop, long ones are cut. The margin includes
    # their edges.
    margin = RATE // 2
    low, high = min(0, slack) - margin, max(0, slack) + margin
    start = int(rng.integers(low, high))
    sound = _read(pack, index, start, count)
    if speed != 1.0:
        sound = augment.resample(sound, CROP_SAMPLES)
    times = np.arange(CROP_FRAMES // 2) * (STEP_S * float(speed)) + start / RATE
    labels = pack.labels_at(index, times)
    # A pause at a random position, so that no context implies speech.
    if rng.random() < config.p_mute:
        hole = int(rng.integers(10, 60))
        at = int(rng.integers(0, CROP_FRAMES // 2 - hole))
        sound[at * 320 : (at + hole) * 320] = 0.0
        labels[at : at + hole] = SILENCE
    sound = augment.add_room_and_noise(sound, rng, config)
    percent = round(100 * rng.uniform(*config.warp)) if rng.random() < config.p_warp else 100
    log_mel = augment.warped_mel(sound, percent)[:, :CROP_FRAMES]
    return augment.color_mel(log_mel, rng, config), labels


def batches(
    packs: Sequence[Pack], shares: Sequence[float], size: int, seed: int, first: int = 0
) -> Iterator[tuple[Array32, Labels]]:
    """Yield batches endlessly; batch ``n`` depends only on ``(seed, n)``, so training can resume.

    ``shares`` are the shares of the packs in a batch. Within a pack, the probability of an
    utterance is proportional to the square root of its length: long utterances contain more new
    material, but less than in proportion to their length.
    """
    probabilities = []
    for pack in packs:
        weight = np.sqrt(np.diff(pack.offsets).astype(np.float64))
        probabilities.append(weight / weight.sum())
    pack_shares = np.asarray(shares, np.float64) / np.sum(shares)
    number = first
    while True:
        rng = np.random.default_rng((seed, number))
        mels, labels = [], []
        for choice in rng.choice(len(packs), size, p=pack_shares):
            pack = packs[choice]
            index = int(rng.choice(len(pack), p=probabilities[choice]))
            crop = random_crop(pack, index, rng, AugmentConfig())
            mels.append(crop[0])
            labels.append(crop[1])
        yield np.stack(mels), np.stack(labels)
        number += 1


def full_utterance(pack: Pack, index: int) -> tuple[Array32, Labels]:
    """Return a complete utterance without augmentation: mel (80, 2 n) and labels (n,)."""
    length = int(pack.offsets[index + 1] - pack.offsets[index])
    log_mel = augment.warped_mel(_read(pack, index, 0, length))
    frames = log_mel.shape[1] // 2
    labels = pack.labels_at(index, np.arange(frames) * STEP_S)
    return log_mel[:, : 2 * frames], labels
