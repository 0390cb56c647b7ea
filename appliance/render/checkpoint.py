"""Resume a render from what an earlier attempt left in its folder.

<key>/            for one presenter, lecture, model and settings; other keys are deleted
    job.pickle …  see :mod:`appliance.render.workspace`
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
from appliance.files.atomic import fsync_file, translate_write_errors, write_text
from appliance.lips.model import LipModel
from appliance.media.probe import AudioInfo
from appliance.render.chunk import ChunkResult, render_chunk
from appliance.render.plan import NetworkFootprint, plan_for
from appliance.render.workspace import Workspace
from appliance.version import software_version

# No other section changes the frames of a chunk, nor do the settings of memory use.
_RENDER_SECTIONS = {"video", "face", "speech", "lips", "render"}
_MEMORY_SETTINGS = {
    "render": {"memory_limit_mb", "queue_frames", "batch_size"},
    "lips": {"providers"},
}


def checkpoint_key(presenter: Path, lecture: Path, config: Config, model: LipModel) -> str:
    """Return a key of everything that chunks depend on. Raises ``OSError`` if a file is missing."""
    parts: list[object] = [
        software_version(),
        model.manifest.digest(model.precision),
        model.precision,
        config.model_dump(mode="json", include=_RENDER_SECTIONS, exclude=_MEMORY_SETTINGS),
    ]
    for path in (presenter, lecture):
        status = path.stat()
        parts.append([os.fsencode(path.absolute()).hex(), status.st_size, status.st_mtime_ns])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def checkpoint_folder(folder: Path, key: str) -> Path:
    """Return ``folder/key``, created if needed; remove the folders of other keys."""
    place = folder / key
    with translate_write_errors(place):
        place.mkdir(exist_ok=True)
        for other in folder.iterdir():
            if other.is_dir() and other != place:
                shutil.rmtree(other)
    return place


def load_plan(place: Path) -> tuple[Workspace, float] | None:
    """Return the job that :func:`save_plan` saved and its share of silence.

    Returns ``None`` and empties the folder if there is none or it cannot be read.
    """
    try:
        silence = float(json.loads((place / "learned.json").read_bytes())["silence"])
        return Workspace.load(place), silence
    except (OSError, ValueError, LookupError, TypeError, EOFError, AttributeError, ImportError,
            AssertionError, pickle.UnpicklingError):  # fmt: skip
        with translate_write_errors(place):
            shutil.rmtree(place)
            place.mkdir()
    return None


def replan(workspace: Workspace, audio: AudioInfo, model: LipModel, config: Config) -> Workspace:
    """Return ``workspace``, adapted to the current settings and free memory.

    The division into chunks stays, so that finished ones can be reused. Raises
    ``BadInput("memory_too_small")``.
    """
    plan = plan_for(workspace.presenter, audio, config, NetworkFootprint.of(model))
    plan = replace(plan, chunk_frames=workspace.plan.chunk_frames)
    if (plan, config) != (workspace.plan, workspace.config):
        workspace = replace(workspace, plan=plan, config=config)
        with translate_write_errors(workspace.folder):
            workspace.save()
    return workspace


def save_plan(workspace: Workspace, silence: float) -> None:
    """Save the job for :func:`load_plan`, with all files of the analysis synced to disk."""
    with translate_write_errors(workspace.folder):
        workspace.save()
        (workspace.folder / "facts").mkdir(exist_ok=True)
        for path in workspace.folder.iterdir():
            if path.is_file():
                fsync_file(path)
        _write_json(workspace.folder / "learned.json", {"silence": silence})


def render_or_reuse(
    folder: Path, index: int, on_frames: Callable[[int], None] = lambda frames: None
) -> ChunkResult:
    """Render a chunk with ``render_chunk``, unless an earlier attempt has finished it."""
    saved = finished_chunk(folder, index)
    if saved is not None:
        return saved
    result = render_chunk(folder, index, on_frames)
    with translate_write_errors(_result_path(folder, index)):
        _write_json(_result_path(folder, index), vars(result))
    return result


def finished_chunk(folder: Path, index: int) -> ChunkResult | None:
    """Return the result of chunk ``index``; ``None`` while it is not finished."""
    try:
        result = ChunkResult(**json.loads(_result_path(folder, index).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    if not (folder / "segments" / f"{index:06d}.mp4").is_file():
        return None
    result.frames = Counter(result.frames)
    result.gaps = [(frame, reason) for frame, reason in result.gaps]
    result.rejected = tuple(result.rejected)
    return result


def discard_chunks(folder: Path) -> None:
    """Mark all chunks as not finished."""
    for path in (folder / "facts").glob("*.json"):
        path.unlink(missing_ok=True)


def _result_path(folder: Path, index: int) -> Path:
    return folder / "facts" / f"{index:06d}.json"


def _write_json(path: Path, content: object) -> None:
    write_text(path, json.dumps(content))
