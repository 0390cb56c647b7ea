"""Resume a render from what an earlier attempt left in its folder.

<key>/                 for one presenter, lecture, model and settings; other keys are deleted
    workspace.pickle … see :mod:`appliance.render.workspace`
    analysis.json      written last: everything before the first chunk is complete
    results/           one JSON file per finished chunk; a chunk is finished when it has both its
                       segment and this file
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from appliance.config import Config
from appliance.files.atomic import fsync_file, translate_write_errors, write_text
from appliance.lips.model import LipModel
from appliance.media.probe import AudioInfo
from appliance.render.chunk import ChunkRenderer, ChunkResult, OnFrames
from appliance.render.plan import ATLAS_MEMORY_MB, NetworkFootprint, plan_for
from appliance.render.workspace import Workspace
from appliance.version import software_version

ANALYSIS_FILE, RESULTS_FOLDER = "analysis.json", "results"

# No other section changes the frames of a chunk, nor do the settings of memory use.
_RENDER_SECTIONS = {"video", "face", "speech", "lips", "personalization", "render"}
_MEMORY_SETTINGS = {
    "render": {"memory_limit_mb", "queue_frames", "batch_size"},
    "lips": {"providers"},
}


def checkpoint_key(sources: Iterable[Path], config: Config, model: LipModel) -> str:
    """Return a key of everything that the result depends on.

    Raises ``OSError`` if a file is missing.
    """
    parts: list[object] = [
        software_version(),
        model.manifest.digest(model.precision),
        model.precision,
        config.model_dump(mode="json", include=_RENDER_SECTIONS, exclude=_MEMORY_SETTINGS),
    ]
    for path in sources:
        status = path.stat()
        parts.append([os.fsencode(path.absolute()).hex(), status.st_size, status.st_mtime_ns])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def checkpoint_folder(folder: Path, key: str) -> Path:
    """Return ``folder/key``, created if needed; remove the folders of other keys."""
    checkpoint = folder / key
    with translate_write_errors(checkpoint):
        checkpoint.mkdir(exist_ok=True)
        for other in folder.iterdir():
            if other.is_dir() and other != checkpoint:
                shutil.rmtree(other)
    return checkpoint


def load_checkpoint(folder: Path) -> tuple[Workspace, float] | None:
    """Return the workspace that :func:`save_checkpoint` saved and the lecture's share of silence.

    Returns ``None`` and empties the folder if there is none, if it cannot be read, or if another
    version has written it.
    """
    try:
        silence = float(json.loads((folder / ANALYSIS_FILE).read_bytes())["silence"])
        return Workspace.load(folder), silence
    except (OSError, ValueError, LookupError, TypeError, EOFError, AttributeError, ImportError,
            AssertionError, pickle.UnpicklingError):  # fmt: skip
        with translate_write_errors(folder):
            shutil.rmtree(folder)
            folder.mkdir()
    return None


def replan(workspace: Workspace, audio: AudioInfo, model: LipModel, config: Config) -> Workspace:
    """Return ``workspace``, adapted to the current settings and free memory.

    The division into chunks stays, so that finished ones can be reused. Raises
    ``BadInput("memory_too_small")``.
    """
    extra_mb = ATLAS_MEMORY_MB if workspace.atlas_path.is_file() else 0.0
    network = NetworkFootprint.of(model)
    plan = plan_for(workspace.presenter, audio, config, network, extra_mb=extra_mb)
    plan = replace(plan, chunk_frames=workspace.plan.chunk_frames)
    if (plan, config) != (workspace.plan, workspace.config):
        workspace = replace(workspace, plan=plan, config=config)
        with translate_write_errors(workspace.folder):
            workspace.save()
    return workspace


def save_checkpoint(workspace: Workspace, silence: float) -> None:
    """Save the workspace for :func:`load_checkpoint`; sync all files of the analysis to disk."""
    with translate_write_errors(workspace.folder):
        workspace.save()
        (workspace.folder / RESULTS_FOLDER).mkdir(exist_ok=True)
        for path in workspace.folder.iterdir():
            if path.is_file():
                fsync_file(path)
        _write_json(workspace.folder / ANALYSIS_FILE, {"silence": silence})


def render_or_reuse(
    renderer: ChunkRenderer, index: int, on_frames: OnFrames = lambda frames: None
) -> ChunkResult:
    """Render chunk ``index`` with ``renderer``, unless an earlier attempt has finished it."""
    folder = renderer.workspace.folder
    saved = finished_chunk(folder, index)
    if saved is not None:
        return saved
    result = renderer.render(index, on_frames)
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
    for path in (folder / RESULTS_FOLDER).glob("*.json"):
        path.unlink(missing_ok=True)


def _result_path(folder: Path, index: int) -> Path:
    return folder / RESULTS_FOLDER / f"{index:06d}.json"


def _write_json(path: Path, content: object) -> None:
    write_text(path, json.dumps(content))
