"""Measure the quality of a finished video: sync, silence, jitter, sharpness, other changes."""

from appliance.score.measure import score_video
from appliance.score.report import Score, format_score

__all__ = ["Score", "format_score", "score_video"]
