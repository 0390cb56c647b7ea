"""Resume a render from what an earlier attempt left in its folder.

<key>/            for one presenter, lecture, model and settings; other keys are deleted
    job.pickle …  see :mod:`appliance.render.job`
    learned.json  written last: everything before the first chunk is complete
    facts/        one JSON file per finished chunk; a chunk is finished when it has both its
                  segment and this file
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from appliance.config import Config
from appliance.lips.model import LipModel
from appliance.media.probe import AudioInfo
from appliance.media.publish import part_of, publish, write_faults
from appliance.render.chunk import ChunkFacts, render_chunk
from appliance.render.job import Job
from appliance.render.plan import Network, plan_for
from appliance.version import software_version

# No other section changes the frames of a chunk, nor do the settings of memory use.
_SECTIONS = {"video", "face", "speech", "lips", "render"}
_USE_OF_MEMORY = {"render": {"memory_mb", "queue_frames", "batch"}, "lips": {"providers"}}


def key_of(presenter: Path, lecture: Path, config: Config, model: LipModel) -> str:
    """Return a key of everything that chunks depend on. Raises ``OSError`` if a file is missing."""
    facts: list[object] = [
        software_version(),
        model.manifest.digest(model.precision),
        model.precision,
        config.model_dump(mode="json", include=_SECTIONS, exclude=_USE_OF_MEMORY),
    ]
    for path in (presenter, lecture):
        status = path.stat()
        facts.append([os.fsencode(path.absolute()).hex(), status.st_size, status.st_mtime_ns])
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def place_for(folder: Path, key: str) -> Path:
    """Return ``folder/key``, created if needed; remove the folders of other keys."""
    place = folder / key
    with write_faults(place):
        place.mkdir(exist_ok=True)
        for other in folder.iterdir():
            if other.is_dir() and other != place:
                shutil.rmtree(other)
    return place


def recall(place: Path) -> tuple[Job, float] | None:
    """Return the job that :func:`remember` saved and its share of silence.

    Returns ``None`` and empties the folder if there is none or it cannot be read.
    """
    try:
        silence = float(json.loads((place / "learned.json").read_bytes())["silence"])
        return Job.load(place), silence
    except (OSError, ValueError, LookupError, TypeError, EOFError, AttributeError, ImportError,
            AssertionError, pickle.UnpicklingError):  # fmt: skip
        with write_faults(place):
            shutil.rmtree(place)
            place.mkdir()
    return None


def refit(job: Job, sound: AudioInfo, model: LipModel, config: Config) -> Job:
    """Return ``job``, adapted to the current settings and free memory.

    The division into chunks stays, so that finished ones can be reused. Raises
    ``BadInput("memory_too_small")``.
    """
    plan = plan_for(job.presenter, sound, config, Network.of(model))
    plan = replace(plan, chunk_frames=job.plan.chunk_frames)
    if (plan, config) != (job.plan, job.config):
        job = replace(job, plan=plan, config=config)
        with write_faults(job.folder):
            job.save()
    return job


def remember(job: Job, silence: float) -> None:
    """Save the job for :func:`recall`, with all files of the analysis synced to disk."""
    with write_faults(job.folder):
        job.save()
        (job.folder / "facts").mkdir(exist_ok=True)
        for path in job.folder.iterdir():
            if path.is_file():
                _sync(path)
        _write_json(job.folder / "learned.json", {"silence": silence})


def chunk(
    folder: Path, index: int, tick: Callable[[int], None] = lambda frames: None
) -> ChunkFacts:
    """Render a chunk with ``render_chunk``, unless an earlier attempt has finished it."""
    kept = kept_chunk(folder, index)
    if kept is not None:
        return kept
    facts = render_chunk(folder, index, tick)
    with write_faults(_facts(folder, index)):
        _write_json(_facts(folder, index), vars(facts))
    return facts


def kept_chunk(folder: Path, index: int) -> ChunkFacts | None:
    """Return the result of chunk ``index``; ``None`` while it is not finished."""
    try:
        facts = ChunkFacts(**json.loads(_facts(folder, index).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    if not (folder / "segments" / f"{index:06d}.mp4").is_file():
        return None
    facts.frames = Counter(facts.frames)
    facts.gaps = [(frame, reason) for frame, reason in facts.gaps]
    facts.passed_over = tuple(facts.passed_over)
    return facts


def forget_chunks(folder: Path) -> None:
    """Mark all chunks as not finished."""
    for path in (folder / "facts").glob("*.json"):
        path.unlink(missing_ok=True)


def _facts(folder: Path, index: int) -> Path:
    return folder / "facts" / f"{index:06d}.json"


def _write_json(path: Path, content: object) -> None:
    part_of(path).write_text(json.dumps(content), encoding="utf-8")
    publish(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
