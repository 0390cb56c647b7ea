"""What a finished video is worth: sync, silence, jitter, sharpness and what changed around."""

from appliance.score.measure import score_video
from appliance.score.report import Score, format_score

__all__ = ["Score", "format_score", "score_video"]
