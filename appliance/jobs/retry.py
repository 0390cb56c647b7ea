"""Whether another attempt at a failed job can succeed."""

from __future__ import annotations

from pathlib import Path

from appliance.jobs.models import Job
from appliance.jobs.states import JobState
from appliance.system.regular_file import is_regular

# Reasons that lie in a file alone: until it is changed, every attempt ends in the same way.
_REASONS_IN_A_FILE = frozenset({
    "no_face", "face_too_small", "face_number_out_of_range", "not_media", "video_missing",
    "picture_unreadable", "picture_too_small", "picture_too_large", "photo_too_large",
    "photo_format_unsupported", "audio_missing", "audio_unreadable", "audio_too_short",
    "file_empty", "file_truncated", "file_type_unsupported", "file_not_regular",
    "text_unreadable", "text_encoding_doubtful", "text_too_long", "text_empty", "source_removed",
})  # fmt: skip


def can_retry(job: Job) -> bool:
    """Return whether ``job`` may be queued again.

    It must have ended without success and have both of its files. If it failed because of a file,
    this file must have been changed since.
    """
    if job.state not in (JobState.FAILED, JobState.CANCELLED):
        return False
    if job.presenter is None or job.lecture is None:
        return False
    if job.reason is None or job.reason.code not in _REASONS_IN_A_FILE:
        return True
    if job.reason.code == "source_removed":
        return is_regular(job.presenter) and is_regular(job.lecture)
    since = job.finished or 0.0
    return any(_changed_at(path) > since for path in (job.presenter, job.lecture))


def _changed_at(path: Path) -> float:
    """Return when the content was changed; moving a file to ``failed`` does not count."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
